//! A mail server that takes its time, and a process that dies meanwhile.

use super::*;
use crate::support::{Act, At};

#[tokio::test]
async fn a_mail_that_hangs_delays_no_other_and_is_sent_after_a_restart_alone() {
    let mail = MailServer::start();
    mail.script(At::Message, &address("slow"), &[Act::Hang]);
    let mut server = mailing_to(&mail.url(""), &[]).await;
    let api = server.api();
    register(&api, &["slow"]).await;
    wait_for("the mail hangs", SOON, async || mail.has_played(At::Message, &address("slow")).then_some(()))
        .await;
    register(&api, &["ada", "grace", "linus"]).await;
    for name in ["ada", "grace", "linus"] {
        taken_by(&mail, name, 1).await;
    }
    assert!(mail.taken_by(&address("slow")).is_empty());
    let health = api.get("/health/ready").await.expect(200).json();
    assert_ne!(health["parts"]["mailer"]["lag"], 0, "the slow one waits: {health}");
    let waiting = server.run(&["mail", "list"]).succeeded();
    assert!(waiting.contains("slow@example.com") && !waiting.contains("ada@example.com"), "{waiting}");
    server.restart().await;
    server.has_mailed().await;
    let to: Vec<String> = mail.taken().into_iter().map(|taken| taken.to).collect();
    assert_eq!(to.len(), 4, "each once, those before the restart too: {to:?}");
    assert_eq!(to[3], address("slow"));
}

#[tokio::test]
async fn a_kill_sends_at_most_those_twice_that_were_under_way() {
    const AT_ONCE: usize = 3;
    let mail = MailServer::start();
    let names: Vec<String> = (0..20).map(|index| format!("user{index}")).collect();
    let mut server = mailing_to(&mail.url(""), &[("STELE_MAIL__CONNECTIONS", "3")]).await;
    register(&server.api(), &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    server.kill9();
    server.restart().await;
    server.has_mailed().await;
    let taken = mail.taken();
    let mut doubles = 0;
    for name in &names {
        let copies: Vec<_> = taken.iter().filter(|mail| mail.to == address(name)).collect();
        assert!(!copies.is_empty(), "{name} got none");
        assert!(copies.iter().all(|copy| copy.message_id() == copies[0].message_id()));
        doubles += copies.len() - 1;
    }
    assert!(doubles <= AT_ONCE, "{doubles} mails came twice");
}
