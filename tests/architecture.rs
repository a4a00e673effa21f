//! The shape of the code itself: who may depend on whom, and what every source file looks like. Each rule is shown to
//! find what it is there for.

mod dependencies;
mod files;

use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[track_caller]
fn none(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
