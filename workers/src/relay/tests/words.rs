//! What a message says of a stored event of every shape, and what it never says.

use super::*;

#[tokio::test]
async fn a_message_is_a_cloud_event_that_names_the_event_its_stream_and_its_place() {
    let (_, registered) = golden().into_iter().find(|(file, _)| file == "user.registered.v1").unwrap();
    let message = told(&registered).await.unwrap();
    let position = message["position"].as_str().unwrap();
    assert!(position.ends_with("-17"), "{position}");
    let expected = serde_json::json!({
        "specversion": "1.0",
        "id": "00000000-0000-0000-0000-000000000001",
        "source": SOURCE,
        "type": "stele.events.user.registered.v1",
        "subject": "user-1234567890123456",
        "time": "2026-01-01T00:00:00.123456Z",
        "datacontenttype": "application/json",
        "position": position,
        "streamversion": 1,
        "correlationid": "00000000-0000-0000-0000-000000000007",
        "data": {"user": 1_234_567_890_123_456_u64, "email_verified": false},
    });
    assert_eq!(message, expected);
}

#[tokio::test]
async fn what_is_private_in_an_event_is_in_no_message_and_neither_is_what_makes_a_link() {
    let words = [
        "ada",
        "Lovelace",
        "argon2",
        "192.0.2.1",
        "browser",
        "link-1",
        "key-1",
        "password-1",
        "01900000",
        "1002003",
    ];
    for (file, recorded) in golden() {
        let Some(mut message) = told(&recorded).await else { continue };
        // Its random name of the log may spell a short word.
        message.as_object_mut().unwrap().remove("position");
        let text = message.to_string();
        for word in words {
            assert!(!text.contains(word), "{file}: {word} is in {text}");
        }
    }
}

#[tokio::test]
async fn claims_logins_and_what_nobody_sees_are_not_told_of() {
    let mut untold = Vec::new();
    for (file, recorded) in golden() {
        if told(&recorded).await.is_none() {
            untold.push(file);
        }
    }
    let expected = [
        "claim.claimed.v1",
        "claim.released.v1",
        "login.failed.v1",
        "user.claim-abandoned.v1",
        "user.password-rehashed.v1",
        "user.registration-abandoned.v1",
    ];
    assert_eq!(untold, expected);
}

#[tokio::test]
async fn what_this_version_does_not_know_is_an_error_and_never_passed_over() {
    let (_, known) = golden().pop().unwrap();
    let mut outward = Outward::new(log(), SOURCE.to_owned());
    let other_stream = Recorded { stream: StreamId::named("device-1"), ..known.clone() };
    let mut other_event = known.clone();
    other_event.event.kind = "user.promoted.v1".to_owned();
    let other_key = Recorded { stream: StreamId::named("user-ada"), ..known };
    for unknown in [other_stream, other_event, other_key] {
        assert!(outward.message(&unknown).await.is_err(), "{unknown:?}");
    }
}
