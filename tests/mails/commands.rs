//! What operators ask of mails by the command line.

use std::fs;

use serde_json::json;

use super::*;
use crate::support::{Act, At, Mail, deserted_port};

const ANSWER: &str = "550 5.1.1 <ada@example.com> is unknown here";

#[tokio::test]
async fn a_mail_that_was_given_up_is_listed_with_the_servers_answer_and_sent_when_it_is_tried_again() {
    let mail = MailServer::start();
    mail.script(At::Recipient, &address("ada"), &[Act::Say(ANSWER)]);
    let server = mailing_to(&mail.url(""), &[]).await;
    let api = server.api();
    register(&api, &["ada", "grace"]).await;
    server.has_mailed().await;
    let listed = server.run(&["mail", "list", "--failed"]).succeeded();
    assert!(
        listed.contains("ada@example.com  ") && listed.contains(&format!("1         refused: {ANSWER}")),
        "{listed}"
    );
    assert!(!listed.contains("grace@example.com"), "{listed}");
    let [given_up]: [Value; 1] = failed(&server).try_into().unwrap();
    assert_eq!(given_up["kind"], "verify-email");
    assert_eq!((&given_up["reason"], &given_up["answer"]), (&json!("refused"), &json!(ANSWER)));
    let stored = server.home().log().events().await;
    assert!(stored.iter().all(|event| !event.data.contains("unknown here")), "the answer is sealed");

    let id = given_up["id"].as_str().unwrap();
    server.run(&["mail", "retry", id]).succeeded();
    let [sent] = taken_by(&mail, "ada", 1).await.try_into().unwrap();
    let key = Mail::of(sent.message.as_bytes()).verify_key().unwrap();
    api.post("registration/verify-email/", json!({"key": key})).await.expect(200);
    server.has_mailed().await;
    assert!(failed(&server).is_empty());
    let again = server.run(&["mail", "retry", id]);
    assert_eq!((again.code, again.stderr.as_str()), (Some(1), "stele: the mail was sent\n"));
    for unknown in ["ada", "01900000-0000-7000-8000-000000000001"] {
        assert!(server.run(&["mail", "retry", unknown]).stderr.contains("no mail has the id"));
    }
}

fn failed(server: &Server) -> Vec<Value> {
    serde_json::from_str(&server.run(&["mail", "list", "--failed", "--json"]).succeeded()).unwrap()
}

#[tokio::test]
async fn a_mail_whose_link_died_is_not_tried_again() {
    let mail = MailServer::start();
    mail.script(At::Recipient, &address("ada"), &[Act::Say("450 4.2.0 greylisted"); 100]);
    let server = mailing_to(&mail.url(""), &[("STELE_AUTH__VERIFY_TTL", "8s")]).await;
    register(&server.api(), &["ada"]).await;
    server.has_mailed().await;
    assert_eq!(server.run(&["mail", "list"]).succeeded(), "No mail waits.\n");
    let [given_up]: [Value; 1] = failed(&server).try_into().unwrap();
    assert_eq!(
        (&given_up["reason"], &given_up["answer"]),
        (&json!("expired"), &json!("450 4.2.0 greylisted"))
    );
    let refused = server.run(&["mail", "retry", given_up["id"].as_str().unwrap()]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("not worth sending any more"), "{refused:?}");
}

#[test]
fn a_test_mail_goes_the_way_of_all_mails_without_any_database() {
    let mail = MailServer::start();
    let sent = home(&mail.url(""), &[]).run(&["mail", "test", "ops@example.com"], "").succeeded();
    assert_eq!(sent, format!("The mail to ops@example.com was taken by {}.\n", mail.url("")));
    let [taken] = mail.taken_by("ops@example.com").try_into().unwrap();
    assert!(
        taken.message.contains("Subject: A test mail") && taken.message.contains("your account at Example")
    );
    mail.script(At::Recipient, "ops@example.com", &[Act::Say("550 5.1.1 no ops here")]);
    let refused = home(&mail.url(""), &[]).run(&["mail", "test", "ops@example.com"], "");
    assert!(refused.stderr.contains("and said: 550 5.1.1 no ops here"), "{refused:?}");
    let nobody = home(&format!("smtp://127.0.0.1:{}", deserted_port()), &[]);
    assert_eq!(nobody.run(&["mail", "test", "ops@example.com"], "").code, Some(1));
}

#[test]
fn mails_are_shown_with_texts_of_ones_own_and_a_text_that_cannot_be_used_is_told_at_the_start() {
    let mut home = Home::new(&[]);
    let built_in = home.run(&["mail", "preview", "reset-password"], "").succeeded();
    assert!(built_in.contains("\nhttp://front.test/reset?uid=sample&token=sample\n"), "{built_in}");
    assert!(!built_in.contains("1970"), "{built_in}");
    let folder = home.path().join("texts");
    fs::create_dir(&folder).unwrap();
    home.set("STELE_MAIL__TEMPLATES", folder.to_str().unwrap());
    fs::write(folder.join("reset-password.txt"), "Neues Passwort:\n{{ link }}\n").unwrap();
    let own = home.run(&["mail", "preview", "reset-password"], "").succeeded();
    assert_eq!(own, "Neues Passwort:\nhttp://front.test/reset?uid=sample&token=sample\n");
    let html = home.run(&["mail", "preview", "reset-password", "--html"], "").succeeded();
    assert!(html.starts_with("<!doctype html>"), "{html}");
    fs::write(folder.join("reset-password.txt"), "Neues Passwort:\n\n{{ lnk }}\n").unwrap();
    let refused = home.run(&["serve"], "");
    assert_eq!((refused.code, refused.stderr.lines().count()), (Some(1), 1), "{refused:?}");
    assert!(refused.stderr.contains("reset-password.txt:3"), "{refused:?}");
}
