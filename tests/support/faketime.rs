//! A clock that is set while a server runs: libfaketime moves it, by as many seconds as a file in the server's folder says.

use std::fs;
use std::path::Path;

use super::Home;

const LIBRARIES: [&str; 3] = ["x86_64-linux-gnu", "aarch64-linux-gnu", "arm-linux-gnueabihf"];

impl Home {
    /// From the next start on the clock can be set.
    pub(crate) fn let_clock_be_set(&mut self) {
        let library = LIBRARIES.map(|machine| format!("/usr/lib/{machine}/faketime/libfaketimeMT.so.1"));
        let library =
            library.iter().find(|library| Path::new(library).exists()).expect("faketime is installed");
        let offset = self.path().join("offset");
        for (name, value) in [
            ("LD_PRELOAD", library.as_str()),
            ("FAKETIME_TIMESTAMP_FILE", offset.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("NO_FAKE_STAT", "1"),
        ] {
            self.set(name, value);
        }
    }

    /// Sets the clock this far off the real one.
    pub(crate) fn set_clock(&self, seconds: i64) {
        let next = self.path().join("offset.next");
        fs::write(&next, format!("{seconds:+}")).unwrap();
        fs::rename(next, self.path().join("offset")).unwrap();
    }
}
