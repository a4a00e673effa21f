//! Where the catcher does not listen.

use std::process::Command;

#[test]
fn an_address_that_others_can_reach_is_refused() {
    for option in ["--smtp", "--page"] {
        let asked = Command::new(env!("CARGO_BIN_EXE_mail-catcher")).args([option, "0.0.0.0:0"]).output();
        let refused = asked.unwrap();
        let told = String::from_utf8(refused.stderr).unwrap();
        assert!(refused.status.code() == Some(2) && told.contains("loopback"), "{told}");
    }
}
