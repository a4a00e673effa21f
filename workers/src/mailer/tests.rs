//! What becomes of a mail that was asked for, on the real log and vault.

mod kit;

use domain::{KeyId, Time, mail::Event};
use store::{
    Position, StreamId,
    link::Link,
    vault::{Destroyed, NodeKey},
};
use zeroize::Zeroizing;

use super::*;
use kit::{Fault, HOUR, Kit, notice, reset, verify};

#[tokio::test]
async fn a_mail_is_sent_once_and_recorded_as_the_consequence_of_its_request() {
    let kit = Kit::new().await;
    let asked = kit.ask(verify("ada@example.org", HOUR)).await;
    kit.consume(&asked).await.unwrap();
    let letter = kit.only_letter();
    assert_eq!((letter.to.as_str(), letter.position), ("ada@example.org", asked.position));
    assert_eq!(letter.event, asked.event.id.to_string());
    let sent = kit.outcome(&asked).await;
    assert!(matches!(kit.decoded(&sent).await, Event::MailSent { attempt: 1, .. }));
    assert_eq!(sent.event.causation, Some(asked.event.id));
    assert_eq!(sent.event.correlation, asked.event.correlation);
    assert_eq!(sent.event.actor, "mailer");
}

#[tokio::test]
async fn a_request_that_is_handed_out_again_sends_nothing() {
    let kit = Kit::new().await;
    let asked = kit.ask(notice("ada@example.org")).await;
    kit.consume(&asked).await.unwrap();
    kit.consume(&asked).await.unwrap();
    kit.mailer_of_another_process().consume(&asked).await.unwrap();
    kit.only_letter();
    assert_eq!(kit.stream(&asked).await.len(), 2);
}

#[tokio::test]
async fn the_link_opens_for_the_canonical_form_of_the_address_and_for_no_other() {
    let kit = Kit::new().await;
    let asked = kit.ask(verify("Ada@BÜCHER.example", HOUR)).await;
    kit.consume(&asked).await.unwrap();
    let link = kit.only_letter().link.unwrap();
    let link = Link::parse_verify_email(link.strip_prefix("http://app/verify?key=").unwrap()).unwrap();
    let key = kit.keys.link(link.key_id()).unwrap();
    let now = clock::now().0;
    assert_eq!(link.user(), kit::USER);
    assert_eq!(link.check(key, "ada@xn--bcher-kva.example", kit::EPOCH, now), Ok(()));
    assert!(link.check(key, "Ada@BÜCHER.example", kit::EPOCH, now).is_err());
    assert!(link.check(key, "ada@xn--bcher-kva.example", kit::EPOCH + 1, now).is_err());
}

#[tokio::test]
async fn the_link_to_a_new_password_opens_until_its_second_comes() {
    let kit = Kit::new().await;
    let asked = kit.ask(reset("ada@example.org", HOUR)).await;
    kit.consume(&asked).await.unwrap();
    let link = kit.only_letter().link.unwrap();
    let (uid, token) = link.strip_prefix("http://app/reset?uid=").unwrap().split_once("&token=").unwrap();
    let link = Link::parse_reset(uid, token).unwrap();
    let key = kit.keys.link(link.key_id()).unwrap();
    let Event::MailRequested(request) = kit.decoded(&asked).await else { panic!("a request") };
    let end = request.link.unwrap().expires_at;
    assert_eq!(link.check(key, "ada@example.org", kit::EPOCH, end.0 - 1), Ok(()));
    assert!(link.check(key, "ada@example.org", kit::EPOCH, end.0).is_err());
}

#[tokio::test]
async fn a_mail_whose_link_is_dead_is_given_up_unsent() {
    let kit = Kit::new().await;
    let asked = kit.ask(reset("ada@example.org", 0)).await;
    kit.consume(&asked).await.unwrap();
    assert_eq!(kit.failure(&asked).await, (0, FailureReason::Expired));
    assert!(kit.letters().is_empty());
}

#[tokio::test]
async fn a_notice_is_given_up_after_three_days_and_not_before() {
    let kit = Kit::new().await;
    let aged = |hours: i64| {
        let mut request = notice("ada@example.org");
        request.at = Time(clock::now().0 - hours * 3_600_000_000);
        request
    };
    let (old, older) = (kit.ask(aged(71)).await, kit.ask(aged(72)).await);
    kit.consume(&old).await.unwrap();
    kit.consume(&older).await.unwrap();
    assert_eq!(kit.only_letter().event, old.event.id.to_string());
    assert_eq!(kit.failure(&older).await, (0, FailureReason::Expired));
}

#[tokio::test]
async fn a_mail_to_someone_whose_data_was_destroyed_is_given_up() {
    let kit = Kit::new().await;
    let asked = kit.ask(notice("ada@example.org")).await;
    kit.journal.vault().destroy(&KeyId::of_user(kit::USER), Destroyed::Erased).await.unwrap();
    kit.consume(&asked).await.unwrap();
    assert_eq!(kit.failure(&asked).await, (0, FailureReason::Shredded));
    assert!(kit.letters().is_empty());
}

#[tokio::test]
async fn a_mail_that_was_not_taken_at_first_is_sent_at_the_second_attempt() {
    let kit = Kit::new().await;
    kit.outbox.fail("ada@example.org", &[Fault::Temporary]);
    let asked = kit.ask(notice("ada@example.org")).await;
    kit.consume(&asked).await.unwrap_err();
    assert_eq!(kit.stream(&asked).await.len(), 1);
    kit.consume(&asked).await.unwrap();
    let sent = kit.outcome(&asked).await;
    assert!(matches!(kit.decoded(&sent).await, Event::MailSent { attempt: 2, .. }));
    kit.only_letter();
}

#[tokio::test]
async fn a_mail_that_is_never_taken_is_given_up_when_its_link_dies() {
    let kit = Kit::new().await;
    kit.outbox.fail("ada@example.org", &[Fault::Temporary; 1000]);
    let asked = kit.ask(verify("ada@example.org", 5)).await;
    kit.consume(&asked).await.unwrap_err();
    let given_up = async {
        while kit.consume(&asked).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(kit::DEADLINE, given_up).await.expect("the link dies");
    let (attempts, reason) = kit.failure(&asked).await;
    assert_eq!(reason, FailureReason::Expired);
    assert_eq!(attempts, 1000 - kit.outbox.faults_left("ada@example.org"));
    assert_eq!(kit.answer(&asked).await.as_deref(), Some("450 greylisted"));
    assert!(kit.letters().is_empty());
}

#[tokio::test]
async fn a_mail_that_is_refused_for_good_is_given_up_at_once() {
    let kit = Kit::new().await;
    kit.outbox.fail("ada@example.org", &[Fault::Temporary, Fault::Permanent]);
    let asked = kit.ask(notice("ada@example.org")).await;
    kit.consume(&asked).await.unwrap_err();
    kit.consume(&asked).await.unwrap();
    assert_eq!(kit.failure(&asked).await, (2, FailureReason::Refused));
    assert_eq!(kit.answer(&asked).await.as_deref(), Some("550 no such mailbox"));
    let stored = kit.outcome(&asked).await.event;
    assert!(stored.sealed.is_some() && !stored.data.contains("mailbox"), "{stored:?}");
    kit.consume(&asked).await.unwrap();
    assert!(kit.letters().is_empty());
}

#[tokio::test]
async fn a_mail_that_was_given_up_and_is_tried_again_is_the_same_mail() {
    let kit = Kit::new().await;
    kit.outbox.fail("ada@example.org", &[Fault::Permanent]);
    let asked = kit.ask(verify("ada@example.org", HOUR)).await;
    kit.consume(&asked).await.unwrap();
    let retry = Command::Retry { at: clock::now() };
    kit.journal.execute::<Mail>(&Context::of("operator"), &asked.stream, retry).await.unwrap();
    let retried = kit.stream(&asked).await.pop().unwrap();
    assert!(kit.mailer_of_another_process().concerns(&retried));
    kit.consume(&retried).await.unwrap();
    let letter = kit.only_letter();
    assert_eq!((letter.event, letter.position), (asked.event.id.to_string(), asked.position));
    let sent = kit.stream(&asked).await.pop().unwrap();
    assert!(matches!(kit.decoded(&sent).await, Event::MailSent { attempt: 1, .. }));
    assert_eq!(sent.event.causation, Some(retried.event.id));
}

#[tokio::test]
async fn an_address_that_would_add_a_header_never_leaves() {
    let kit = Kit::new().await;
    for address in
        ["ada@example.org\r\nBcc: eve@example.org", "Eve\r\nBcc: eve@example.org <ada@example.org>"]
    {
        let asked = kit.ask(verify(address, HOUR)).await;
        kit.consume(&asked).await.unwrap();
        assert_eq!(kit.failure(&asked).await, (0, FailureReason::Refused));
    }
    assert!(kit.letters().is_empty());
}

#[tokio::test]
async fn a_link_under_a_key_that_another_process_added_is_made() {
    let kit = Kit::new().await;
    let name = "2".to_owned();
    let added = NodeKey {
        id: "link-2".to_owned(),
        purpose: "link".to_owned(),
        algorithm: "HMAC-SHA256".to_owned(),
        material: Zeroizing::new(vec![7; 32]),
        created_at: clock::now(),
        retired_at: None,
    };
    kit.journal.vault().add_node_key(&added).await.unwrap();
    assert!(kit.keys.link(&name).is_none());
    let mut request = verify("ada@example.org", HOUR);
    request.link.as_mut().unwrap().key.clone_from(&name);
    let asked = kit.ask(request).await;
    kit.consume(&asked).await.unwrap();
    let link = kit.only_letter().link.unwrap();
    let link = Link::parse_verify_email(link.strip_prefix("http://app/verify?key=").unwrap()).unwrap();
    assert_eq!(link.key_id(), name);
}

#[tokio::test]
async fn a_link_under_a_key_that_nobody_has_is_given_up() {
    let kit = Kit::new().await;
    let mut request = verify("ada@example.org", HOUR);
    "gone".clone_into(&mut request.link.as_mut().unwrap().key);
    let asked = kit.ask(request).await;
    kit.consume(&asked).await.unwrap();
    assert_eq!(kit.failure(&asked).await, (0, FailureReason::Refused));
}

#[tokio::test]
async fn a_verification_without_a_link_is_given_up() {
    let kit = Kit::new().await;
    let mut request = verify("ada@example.org", HOUR);
    request.link = None;
    let asked = kit.ask(request).await;
    kit.consume(&asked).await.unwrap();
    assert_eq!(kit.failure(&asked).await, (0, FailureReason::Refused));
}

#[tokio::test]
async fn a_request_that_cannot_be_read_does_not_hold_up_the_others() {
    let kit = Kit::new().await;
    let broken = kit.ask_nonsense().await;
    kit.consume(&broken).await.unwrap();
    assert!(kit.letters().is_empty());
    assert_eq!(kit.stream(&broken).await.len(), 1);
}

#[tokio::test]
async fn a_mail_that_left_but_could_not_be_recorded_does_not_leave_again() {
    let kit = Kit::new().await;
    let asked = kit.ask(notice("ada@example.org")).await;
    kit.log.refuse_appends(true);
    kit.consume(&asked).await.unwrap_err();
    kit.consume(&asked).await.unwrap_err();
    kit.log.refuse_appends(false);
    kit.consume(&asked).await.unwrap();
    kit.only_letter();
    let sent = kit.outcome(&asked).await;
    assert!(matches!(kit.decoded(&sent).await, Event::MailSent { attempt: 1, .. }));
}

#[tokio::test]
async fn what_the_mailer_itself_records_makes_it_send_nothing() {
    let kit = Kit::new().await;
    let asked = kit.ask(notice("ada@example.org")).await;
    kit.consume(&asked).await.unwrap();
    let sent = kit.outcome(&asked).await;
    kit.consume(&sent).await.unwrap();
    let user = Recorded { stream: StreamId::user(kit::USER), ..asked.clone() };
    kit.consume(&user).await.unwrap();
    kit.only_letter();
}

#[tokio::test]
async fn a_follower_sends_the_others_once_while_one_mail_is_tried_again() {
    let kit = Kit::new().await;
    kit.outbox.fail("slow@example.org", &[Fault::Temporary, Fault::Temporary]);
    let first = kit.ask(notice("one@example.org")).await;
    let slow = kit.ask(verify("slow@example.org", HOUR)).await;
    let broken = kit.ask_nonsense().await;
    let last = kit.ask(reset("two@example.org", HOUR)).await;
    kit.follow_to(last.position).await;
    let to: Vec<String> = kit.letters().into_iter().map(|letter| letter.to).collect();
    assert_eq!(to[2..], ["slow@example.org"], "{to:?}");
    let sent = kit.outcome(&slow).await;
    assert!(matches!(kit.decoded(&sent).await, Event::MailSent { attempt: 3, .. }));
    for (mail, events) in [(&first, 2), (&slow, 2), (&broken, 1), (&last, 2)] {
        assert_eq!(kit.stream(mail).await.len(), events, "{}", mail.stream);
    }
    assert!(last.position > Position::BEGINNING);
}
