//! TLS, and who is spoken to.

use std::fs;

use super::*;
use crate::support::Mail;

const SECRET: &str = "hunter2%2F";

/// A home that wants TLS although the mail server is on this machine, and trusts whoever is vouched for by this certificate.
fn careful(mail: &MailServer, authority: &str) -> Home {
    let mut home = home(&mail.url(&format!("ada:{SECRET}@")), &[("STELE_MAIL__ALLOW_PLAINTEXT", "false")]);
    let file = home.path().join("authority.pem");
    fs::write(&file, authority).unwrap();
    home.set("STELE_MAIL__CA_FILE", file.to_str().unwrap());
    home.set("STELE_OUTPUT__LEVEL", "trace");
    home
}

#[tokio::test]
async fn a_mail_goes_out_under_tls_and_its_link_is_shown_nowhere_else() {
    for mail in [MailServer::with_tls("localhost"), MailServer::wrapped("localhost")] {
        let server = Server::at(careful(&mail, mail.authority())).await;
        let api = server.api();
        register(&api, &["grace"]).await;
        let [taken] = taken_by(&mail, "grace", 1).await.try_into().unwrap();
        assert_eq!(taken.from, "auth@example.com");
        let key = Mail::of(taken.message.as_bytes()).verify_key().expect("a link");
        api.post("registration/verify-email/", serde_json::json!({"key": key})).await.expect(200);
        server.has_mailed().await;
        assert!(server.run(&["doctor"]).succeeded().contains("localhost"));
        let in_clear: Vec<_> = mail.heard().into_iter().filter(|heard| !heard.encrypted).collect();
        assert!(in_clear.iter().all(|heard| ["EHLO example.com", "STARTTLS"].contains(&heard.line.as_str())));
        let lines = server.lines().join("\n");
        for secret in ["hunter2", &key, "grace@example.com"] {
            assert!(!lines.contains(secret), "{secret}: {lines}");
        }
    }
}

#[tokio::test]
async fn a_server_that_does_not_encrypt_or_is_not_who_it_should_be_gets_neither_password_nor_mail() {
    let (plain, misnamed) = (MailServer::start(), MailServer::with_tls("mail.example.com"));
    let (wrapped, other) = (MailServer::wrapped("localhost"), MailServer::with_tls("localhost"));
    for (mail, authority) in
        [(&plain, other.authority()), (&misnamed, misnamed.authority()), (&wrapped, other.authority())]
    {
        let mut server = Server::at(careful(mail, authority)).await;
        register(&server.api(), &["grace"]).await;
        wait_for("it was tried twice", SOON, async || (mail.connections() >= 2).then_some(())).await;
        let doctor = server.run(&["doctor"]);
        assert_eq!(doctor.code, Some(1), "{doctor:?}");
        assert!(doctor.stdout.contains("NOT OK") && !doctor.stdout.contains("hunter2"), "{doctor:?}");
        for word in ["AUTH", "MAIL", "RCPT"] {
            assert_eq!(mail.count(word), 0, "{word}: {:?}", mail.heard());
        }
        let better = MailServer::start();
        server.home_mut().set("STELE_MAIL__URL", &better.url(""));
        server.home_mut().set("STELE_MAIL__ALLOW_PLAINTEXT", "true");
        server.restart().await;
        taken_by(&better, "grace", 1).await;
    }
}

#[test]
fn what_is_wrong_with_the_settings_of_mail_is_told_at_the_start() {
    let absent = home("smtps://localhost", &[("STELE_MAIL__CA_FILE", "absent.pem")]).run(&["serve"], "");
    assert_eq!((absent.code, absent.stderr.lines().count()), (Some(1), 1), "{absent:?}");
    assert!(absent.stderr.contains("mail.ca_file: absent.pem can't be read"), "{absent:?}");
    let alone = Home::bare(&[("STELE_MAIL__URL", "smtp://ada:hunter2@localhost")]).run(&["serve"], "");
    assert!(alone.stderr.contains("mail.url is not embedded: api.public_url must be given"), "{alone:?}");
    assert!(!alone.stderr.contains("hunter2"), "{alone:?}");
}
