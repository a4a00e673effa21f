//! A mail server that refuses, for now or for good, drops connections, talks nonsense or is not there.

use super::*;
use crate::support::{Act, At, deserted_port};

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_for_now_is_tried_again_until_the_mail_is_taken() {
    let mail = MailServer::start();
    let faults = [
        ("busy", At::Recipient, Act::Say("421 4.3.2 try later")),
        ("grey", At::Recipient, Act::Say("450 4.2.0 greylisted")),
        ("odd", At::Recipient, Act::Say("what do you want?")),
        ("full", At::Data, Act::Say("452 4.3.1 no room")),
        ("late", At::Message, Act::Say("451 4.3.0 not now")),
        ("lost", At::Message, Act::Drop),
        ("twice", At::Message, Act::TakeInSilence),
        ("last", At::Message, Act::TakeAndDrop),
    ];
    for (name, at, act) in faults {
        mail.script(at, &address(name), &[act]);
    }
    let server = mailing_to(&mail.url(""), &[]).await;
    register(&server.api(), &faults.map(|(name, ..)| name)).await;
    server.has_mailed().await;
    for (name, _, act) in faults {
        let copies = mail.taken_by(&address(name));
        let expected = if act == Act::TakeInSilence { 2 } else { 1 };
        assert_eq!(copies.len(), expected, "{name}");
        assert!(copies.iter().all(|copy| copy == &copies[0]), "copies differ: {copies:?}");
    }
    let mut attempts: Vec<u64> =
        outcomes(&server.home().log()).await.into_iter().map(|(_, times)| times).collect();
    attempts.sort_unstable();
    assert_eq!(attempts, [1, 2, 2, 2, 2, 2, 2, 2]);
}

#[tokio::test]
async fn a_mail_server_that_is_not_there_yet_gets_its_mails_when_it_is() {
    let port = deserted_port();
    let server = mailing_to(&format!("smtp://127.0.0.1:{port}"), &[]).await;
    let api = server.api();
    register(&api, &["ada", "grace"]).await;
    let lag = api.get("/health/ready").await.expect(200).json();
    assert_ne!(lag["parts"]["mailer"]["lag"], 0, "{lag}");
    let mail = MailServer::at(port);
    for name in ["ada", "grace"] {
        taken_by(&mail, name, 1).await;
    }
    server.has_mailed().await;
    assert_eq!(mail.taken_so_far(), 2);
}

#[tokio::test]
async fn a_mail_that_is_refused_for_good_is_given_up_at_once_and_holds_up_no_other() {
    let mail = MailServer::start();
    mail.script(At::Recipient, &address("ada"), &[Act::Say("550 5.1.1 <ada@example.com> is unknown"); 9]);
    let server = mailing_to(&mail.url(""), &[]).await;
    register(&server.api(), &["ada", "grace"]).await;
    server.has_mailed().await;
    assert_eq!((mail.taken_by(&address("ada")).len(), mail.taken_by(&address("grace")).len()), (0, 1));
    assert_eq!(mail.count("RCPT TO:<ada@"), 1);
    let mut outcomes = outcomes(&server.home().log()).await;
    outcomes.sort();
    assert_eq!(outcomes, [("refused".to_owned(), 1), ("sent".to_owned(), 1)]);
    server.says("answered 550 5.1.1 to RCPT TO").await;
    assert_eq!(server.said("ada@example.com"), 0, "{:#?}", server.lines());
}

#[tokio::test]
async fn a_mail_is_given_up_when_its_link_dies_and_not_sent_after_that() {
    let mail = MailServer::start();
    mail.script(At::Recipient, &address("ada"), &[Act::Say("450 4.2.0 greylisted"); 100]);
    let server = mailing_to(&mail.url(""), &[("STELE_AUTH__VERIFY_TTL", "6s")]).await;
    register(&server.api(), &["ada"]).await;
    server.has_mailed().await;
    let [(reason, attempts)] = outcomes(&server.home().log()).await.try_into().unwrap();
    assert_eq!(reason, "expired");
    // The last attempt may be broken off before the server hears of it.
    let seen = mail.count("RCPT TO:<ada@") as u64;
    assert!(seen > 1 && (seen..=seen + 1).contains(&attempts), "{attempts} attempts, {seen} seen");
    assert!(mail.taken().is_empty());
}

#[tokio::test]
async fn a_wrong_password_costs_no_mail() {
    let mail = MailServer::start();
    mail.script(At::Login, "", &[Act::Say("535 5.7.8 wrong"); 2]);
    let server = mailing_to(&mail.url("stele:hunter2@"), &[]).await;
    register(&server.api(), &["ada"]).await;
    taken_by(&mail, "ada", 1).await;
    server.has_mailed().await;
    assert_eq!(outcomes(&server.home().log()).await, [("sent".to_owned(), 3)]);
}
