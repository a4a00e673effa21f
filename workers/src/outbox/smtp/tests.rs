//! What becomes of a mail by what the server does with it.

use store::{Position, chain};
use tokio::{io::AsyncWriteExt, net::TcpListener, task::yield_now};

use super::*;
use crate::outbox::Answer;
use crate::test_mail_server::{Act, At, MailServer, deserted_port};

const ADA: &str = "ada@example.org";

fn letter(message: &str) -> Letter {
    Letter {
        position: Position(12),
        event: "e1".to_owned(),
        from: "stele@example.com".to_owned(),
        to: ADA.to_owned(),
        about: "verify your address",
        link: None,
        message: message.as_bytes().to_vec(),
    }
}

fn site(url: &str) -> Site {
    Site {
        url: url.parse().unwrap(),
        allow_plaintext: true,
        authorities: None,
        domain: "example.com".to_owned(),
    }
}

fn outbox(url: &str) -> SmtpOutbox {
    SmtpOutbox::new(site(url)).unwrap()
}

async fn deliver(outbox: &SmtpOutbox) -> Result<(), DeliverError> {
    outbox.deliver(&letter("Subject: x\r\n\r\nHello\r\n")).await
}

#[tokio::test]
async fn a_mail_arrives_as_it_is_with_every_line_that_begins_with_a_dot() {
    let server = MailServer::start();
    let outbox = outbox(&server.url(""));
    let message = "Subject: x\r\n\r\n.\r\n..\r\n.MAIL FROM:<eve@example.org>\r\nHello.\r\n";
    outbox.deliver(&letter(message)).await.unwrap();
    let [taken] = server.taken().try_into().unwrap();
    assert_eq!((taken.from.as_str(), taken.to.as_str()), ("stele@example.com", ADA));
    assert_eq!(taken.message.trim_end(), message.trim_end());
    assert_eq!((server.count("MAIL"), server.count("EHLO example.com")), (1, 1));
}

#[tokio::test]
async fn one_connection_serves_one_mail_after_the_other() {
    let server = MailServer::start();
    let outbox = outbox(&server.url("ada:hunter2@"));
    for _ in 0..3 {
        deliver(&outbox).await.unwrap();
    }
    assert_eq!((server.taken().len(), server.connections(), server.count("AUTH")), (3, 1, 1));
}

#[tokio::test]
async fn what_the_server_refuses_for_now_is_tried_again_and_what_it_refuses_for_good_is_not() {
    let server = MailServer::start();
    let outbox = outbox(&server.url(""));
    for at in [At::Recipient, At::Data, At::Message] {
        server.script(at, ADA, &[Act::Say("450 4.2.0 greylisted"), Act::Say("550 5.1.1 no such user")]);
        assert!(matches!(deliver(&outbox).await, Err(DeliverError::Temporary { .. })), "{at:?}");
        assert!(matches!(deliver(&outbox).await, Err(DeliverError::Permanent { .. })), "{at:?}");
    }
    server.script(At::Sender, "", &[Act::Say("421 4.3.2 busy"), Act::Say("530 5.7.0 log in first")]);
    server.script(At::Sender, "", &[Act::Say("553 5.1.8 no such sender")]);
    assert!(matches!(deliver(&outbox).await, Err(DeliverError::Temporary { .. })));
    assert!(matches!(deliver(&outbox).await, Err(DeliverError::Temporary { .. })), "no word on the mail");
    assert!(matches!(deliver(&outbox).await, Err(DeliverError::Permanent { .. })));
    deliver(&outbox).await.unwrap();
    assert_eq!(server.taken().len(), 1);
}

#[tokio::test]
async fn what_the_server_says_before_it_hears_of_the_mail_is_never_final() {
    let server = MailServer::start();
    let outbox = outbox(&server.url("ada:hunter2@"));
    server.script(At::Greeting, "", &[Act::Say("421 busy"), Act::Say("554 5.7.1 you are on a list")]);
    server.script(At::Login, "", &[Act::Say("535 5.7.8 wrong password hunter2")]);
    for code in ["421", "554 5.7.1", "535 5.7.8"] {
        let error = deliver(&outbox).await.unwrap_err();
        assert!(matches!(error, DeliverError::Temporary { .. }), "{error:?}");
        let told = chain(&error);
        assert!(told.contains(&format!("answered {code} to")) && !told.contains("hunter2"), "{told}");
    }
    deliver(&outbox).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_there_or_goes_away_may_be_there_later() {
    let port = deserted_port();
    let lone = outbox(&format!("smtp://127.0.0.1:{port}"));
    assert!(matches!(deliver(&lone).await, Err(DeliverError::Temporary { .. })));
    let server = MailServer::at(port);
    for (at, to) in [(At::Greeting, ""), (At::Sender, ""), (At::Recipient, ADA), (At::Message, ADA)] {
        server.script(at, to, &[Act::Drop]);
        assert!(matches!(deliver(&lone).await, Err(DeliverError::Temporary { .. })), "{at:?}");
    }
    deliver(&lone).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_the_server_closed_after_a_mail_costs_no_mail() {
    let server = MailServer::start();
    let outbox = outbox(&server.url(""));
    server.script(At::Message, ADA, &[Act::TakeAndDrop]);
    deliver(&outbox).await.unwrap();
    deliver(&outbox).await.unwrap();
    assert_eq!((server.taken().len(), server.connections()), (2, 2));
}

#[tokio::test]
async fn a_server_that_says_nothing_any_more_is_given_up_and_its_connection_with_it() {
    let server = MailServer::start();
    let outbox = outbox(&server.url(""));
    deliver(&outbox).await.unwrap();
    server.script(At::Message, ADA, &[Act::Hang]);
    let slow = async {
        while !server.has_played(At::Message, ADA) {
            yield_now().await;
        }
        tokio::time::pause();
        tokio::time::advance(LONGEST).await;
        tokio::time::resume();
    };
    let (outcome, ()) = tokio::join!(deliver(&outbox), slow);
    let error = outcome.unwrap_err();
    assert!(
        matches!(error, DeliverError::Temporary { .. }) && chain(&error).contains("took longer"),
        "{error:?}"
    );
    deliver(&outbox).await.unwrap();
    assert_eq!((server.taken().len(), server.connections()), (2, 2), "the next mail gets a new connection");
}

#[tokio::test]
async fn a_server_that_talks_without_end_is_not_listened_to_for_long() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let outbox = outbox(&format!("smtp://{}", listener.local_addr().unwrap()));
    let talk = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut said = 0;
        stream.write_all(b"220 ").await.unwrap();
        while let Ok(more) = stream.write(&[b'x'; 8192]).await {
            said += more;
        }
        said
    };
    let (delivered, said) = tokio::join!(deliver(&outbox), talk);
    assert!(matches!(delivered, Err(DeliverError::Temporary { .. })));
    // What the network holds between the two is not counted.
    assert!(said < 64 * 1024 * 1024, "{said}");
}

#[tokio::test]
async fn an_answer_to_another_question_is_no_answer() {
    let server = MailServer::start();
    let outbox = outbox(&server.url(""));
    server.script(At::Data, ADA, &[Act::Say("250 2.1.5 ok")]);
    assert!(matches!(deliver(&outbox).await, Err(DeliverError::Temporary { .. })));
    server.script(At::Message, ADA, &[Act::Say("354 go on")]);
    assert!(matches!(deliver(&outbox).await, Err(DeliverError::Temporary { .. })));
    assert!(server.taken().is_empty());
}

#[tokio::test]
async fn operators_are_told_codes_and_no_words_of_the_server() {
    let server = MailServer::start();
    let outbox = outbox(&server.url(""));
    server.script(
        At::Recipient,
        ADA,
        &[Act::Say("550-5.1.1 <ada@example.org> is unknown\r\n550 5.1.1 sorry")],
    );
    let error = deliver(&outbox).await.unwrap_err();
    assert_eq!(chain(&error), "the mail was refused for good: the server answered 550 5.1.1 to RCPT TO");
    let DeliverError::Permanent { answer: Some(Answer(answer)), .. } = error else { panic!("{error:?}") };
    assert_eq!(answer, "550 5.1.1 <ada@example.org> is unknown sorry");
    server.script(At::Recipient, ADA, &[Act::Say("ada@example.org? never heard of")]);
    let error = deliver(&outbox).await.unwrap_err();
    assert!(!chain(&error).contains(ADA), "{}", chain(&error));
}

#[tokio::test]
async fn under_tls_a_mail_arrives_from_the_start_or_after_starttls() {
    for server in [MailServer::with_tls("localhost"), MailServer::wrapped("localhost")] {
        let site = Site {
            allow_plaintext: false,
            authorities: Some(server.authority().as_bytes().to_vec()),
            ..site(&server.url("ada:hunter2@"))
        };
        deliver(&SmtpOutbox::new(site).unwrap()).await.unwrap();
        assert_eq!(server.taken().len(), 1);
        let secret = |line: &str| !line.starts_with("EHLO") && line != "STARTTLS";
        assert!(server.heard().iter().all(|heard| heard.encrypted || !secret(&heard.line)));
    }
}

#[tokio::test]
async fn whom_nobody_vouches_for_is_told_nothing() {
    let (own, other) = (MailServer::with_tls("localhost"), MailServer::with_tls("localhost"));
    let (plain, misnamed) = (MailServer::start(), MailServer::with_tls("mail.example.com"));
    let wrapped = MailServer::wrapped("mail.example.com");
    for (server, authority) in [
        (&plain, own.authority()),
        (&own, other.authority()),
        (&misnamed, misnamed.authority()),
        (&wrapped, wrapped.authority()),
    ] {
        let authorities = Some(authority.as_bytes().to_vec());
        let site = Site { allow_plaintext: false, authorities, ..site(&server.url("ada:hunter2@")) };
        let outcome = deliver(&SmtpOutbox::new(site).unwrap()).await;
        assert!(matches!(outcome, Err(DeliverError::Temporary { .. })), "{outcome:?}");
        for word in ["AUTH", "MAIL", "RCPT"] {
            assert_eq!(server.count(word), 0, "{word}: {:?}", server.heard());
        }
    }
}

#[test]
fn authorities_that_are_none_are_refused() {
    for pem in ["", "hello", "-----BEGIN CERTIFICATE-----\nhello\n-----END CERTIFICATE-----\n"] {
        let authorities = Some(pem.as_bytes().to_vec());
        let site = Site { allow_plaintext: false, authorities, ..site("smtps://localhost") };
        assert!(matches!(SmtpOutbox::new(site), Err(SiteError::Authorities | SiteError::Tls(_))), "{pem}");
    }
}
