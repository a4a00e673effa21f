//! What the subscriber is asked that it can't do, and says so before it connects.

use std::process::Command;

#[test]
fn arguments_that_say_nothing_are_told_by_name() {
    let credentials = ["nats://127.0.0.1:4222", "billing", "--credentials", "/nowhere"];
    for (arguments, code, word) in [
        (&["nats://127.0.0.1:4222"][..], 2, "<NAME>"),
        (&["nats://127.0.0.1:4222", "billing", "--from", "nowhere"], 2, "a position is LOG-NUMBER"),
        (&credentials, 1, "/nowhere: No such file or directory"),
        (&["gopher://127.0.0.1", "billing"], 1, "invalid scheme"),
    ] {
        // One that is not refused would go on for ever.
        let mut asked = Command::new("timeout");
        asked.args(["60", env!("CARGO_BIN_EXE_subscriber")]).args(arguments);
        let refused = asked.output().unwrap();
        let told = String::from_utf8(refused.stderr).unwrap();
        assert!(refused.status.code() == Some(code) && told.contains(word), "{arguments:?}: {told}");
        assert!(!told.contains("Error: "), "{told}");
    }
}
