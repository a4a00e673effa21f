//! What every Rust file looks like, so that one can be read on its own: a head that says what it is for, a size that
//! can be read in one go, a name that says something. And what the domain must not touch, whatever it depends on.

use std::fs;
use std::path::{Path, PathBuf};

use super::{none, root};

const FOLDERS: [&str; 9] =
    ["api", "benches", "domain", "examples", "projections", "src", "store", "tests", "workers"];

/// About 400, as a file of 401 is no worse.
const MOST_LINES: usize = 420;
const MOST_HEAD: usize = 4;

/// Names that say nothing about what is in a file; `mod.rs` hides it.
const EMPTY_NAMES: [&str; 12] = [
    "mod", "util", "utils", "helper", "helpers", "common", "manager", "service", "services", "misc",
    "shared", "types",
];

/// I/O, clocks, randomness and tasks: what the standard library and features of allowed crates would let in.
const NOT_IN_THE_DOMAIN: [&str; 13] = [
    "async fn",
    "async move",
    ".await",
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "now_v7",
    "new_v4",
];

/// What is wrong with a file of this path, from the root of the repository, and this text.
fn faults(path: &str, text: &str) -> Vec<String> {
    let head = text.lines().take_while(|line| line.starts_with("//!")).count();
    let lines = text.lines().count();
    let name = Path::new(path).file_stem().and_then(|name| name.to_str());
    let mut found = Vec::new();
    if !(1..=MOST_HEAD).contains(&head) {
        found.push(format!("{path}: opens with {head} lines of //!, 1 to {MOST_HEAD} are wanted"));
    }
    if lines > MOST_LINES {
        found.push(format!("{path}: {lines} lines, more than {MOST_LINES}"));
    }
    if name.is_none_or(|name| EMPTY_NAMES.contains(&name)) {
        found.push(format!("{path}: the name does not say what is in it"));
    }
    if path.starts_with("domain/") {
        let words = NOT_IN_THE_DOMAIN.iter().filter(|word| text.contains(**word));
        found.extend(words.map(|word| format!("{path}: {word} in the domain")));
    }
    found
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository") {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_file_has_a_head_a_name_and_a_size_to_be_read() {
    let mut files = Vec::new();
    for folder in FOLDERS {
        sources(&root().join(folder), &mut files);
    }
    assert!(files.len() > 100, "only {} files were found", files.len());
    let faults: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let path = file.strip_prefix(root()).unwrap().to_str().unwrap();
            faults(path, &fs::read_to_string(file).unwrap())
        })
        .collect();
    none(&faults);
}

#[test]
fn a_file_in_order_has_no_faults() {
    assert_eq!(faults("api/src/edge.rs", "//! The edge.\n\nfn one() {}\n"), Vec::<String>::new());
}

#[test]
fn a_missing_and_a_long_head_are_found() {
    for text in ["", "fn one() {}\n", "\n//! Late.\n", &"//! Much.\n".repeat(MOST_HEAD + 1)] {
        let found = faults("api/src/edge.rs", text);
        assert!(found.len() == 1 && found[0].contains("lines of //!"), "{text:?}: {found:?}");
    }
}

#[test]
fn a_file_that_is_too_long_is_found() {
    let text = format!("//! Long.\n{}", "\n".repeat(MOST_LINES));
    assert_eq!(faults("src/main.rs", &text), ["src/main.rs: 421 lines, more than 420"]);
}

#[test]
fn a_name_that_says_nothing_is_found() {
    for path in ["api/src/edge/mod.rs", "store/src/utils.rs", "src/common.rs", "src/settings/manager.rs"] {
        let found = faults(path, "//! Something.\n");
        assert_eq!(found, [format!("{path}: the name does not say what is in it")]);
    }
}

#[test]
fn what_the_domain_must_not_touch_is_found_there_and_nowhere_else() {
    for word in NOT_IN_THE_DOMAIN {
        let text = format!("//! A rule.\n{word}\n");
        assert_eq!(
            faults("domain/src/user.rs", &text),
            [format!("domain/src/user.rs: {word} in the domain")]
        );
        assert_eq!(faults("store/src/clock.rs", &text), Vec::<String>::new());
    }
}
