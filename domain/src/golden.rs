//! Every stored event type has its shape on file, in `golden/`, for good: a file is added, never edited. An event that
//! reads or writes itself otherwise than its file says would make the log unreadable.

mod samples;

use std::{collections::BTreeSet, fmt::Debug, fs, path::PathBuf};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::Aggregate;

/// A file in `golden/`, without its `.json`, and the event that it holds.
type Golden<E> = (&'static str, E);

/// Goes through an aggregate's events: a variant without a file does not compile.
macro_rules! goldens {
    ($name:ident: $event:ty { $($shape:pat => [$($file:literal: $value:expr),+ $(,)?]),+ $(,)? }) => {
        pub(super) fn $name() -> Vec<$crate::golden::Golden<$event>> {
            let every_variant_has_a_file = |event: &$event| match event {
                $($shape => {})+
            };
            let files = vec![$($(($file, $value)),+),+];
            for (_, event) in &files {
                every_variant_has_a_file(event);
            }
            $($(assert!(matches!($value, $shape), "golden/{}.json is of another variant", $file);)+)+
            files
        }
    };
}
use goldens;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden")
}

fn pretty(event: &impl Serialize) -> String {
    serde_json::to_string_pretty(event).unwrap()
}

fn read(file: &str, shape: &str) -> Value {
    let text = fs::read_to_string(folder().join(format!("{file}.json"))).unwrap_or_else(|error| {
        panic!(
            "golden/{file}.json: {error}.\nA stored event needs its shape on file before it is first released. \
             If this shape is the one to keep for good, save this as domain/golden/{file}.json:\n{shape}"
        )
    });
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("golden/{file}.json is no JSON: {error}"))
}

/// Checks the files of one aggregate both ways, and returns their names.
fn check<A: Aggregate<Event: PartialEq + Debug>>(goldens: Vec<Golden<A::Event>>) -> Vec<&'static str> {
    let mut files = vec![];
    for (file, event) in goldens {
        check_one(file, &event);
        files.push(file);
    }
    files
}

fn check_one<E: Serialize + DeserializeOwned + PartialEq + Debug>(file: &str, event: &E) {
    let golden = read(file, &pretty(event));
    let written = serde_json::to_value(event).unwrap();
    assert_eq!(written, golden, "golden/{file}.json is not what the event writes");
    let decoded: E = serde_json::from_value(golden.clone())
        .unwrap_or_else(|error| panic!("golden/{file}.json is not read any more: {error}"));
    assert!(
        decoded == *event,
        "golden/{file}.json is read as another event:\n{}\nexpected:\n{}",
        pretty(&decoded),
        pretty(event)
    );
    let stored_type = golden["type"].as_str().unwrap();
    let named_for_it = file == stored_type || file.starts_with(&format!("{stored_type}."));
    assert!(is_versioned(stored_type), "{stored_type} has no version");
    assert!(named_for_it, "golden/{file}.json holds a {stored_type}");
}

/// Whether a stored type ends in `.v` and a number, so that a new shape can have another.
fn is_versioned(stored_type: &str) -> bool {
    stored_type.rsplit_once(".v").is_some_and(|(_, version)| version.parse::<u32>().is_ok())
}

fn all() -> Vec<&'static str> {
    [
        check::<crate::User>(samples::user()),
        check::<crate::Session>(samples::session()),
        check::<crate::Mail>(samples::mail()),
        check::<crate::Claim>(samples::claim()),
        check::<crate::LoginRecord>(samples::login()),
    ]
    .concat()
}

#[test]
fn every_stored_event_reads_and_writes_its_golden_file() {
    let files = all();
    let distinct: BTreeSet<&str> = files.iter().copied().collect();
    assert_eq!(distinct.len(), files.len(), "two events share a golden file");
}

#[test]
fn every_golden_file_is_read_by_some_event() {
    let known: BTreeSet<String> = all().iter().map(|file| format!("{file}.json")).collect();
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            known.contains(&name),
            "golden/{name}: nothing reads it, though a shape once stored must be readable for good"
        );
    }
}

#[test]
fn what_is_private_is_marked_in_every_golden_file() {
    let plain =
        ["ada@example.org", "\"ada\"", "Lovelace", "$argon2id$", "192.0.2.1", "a browser", "1002003004005"];
    for file in all() {
        let mut golden = read(file, "");
        drop_private(&mut golden);
        let rest = golden.to_string();
        for word in plain {
            assert!(!rest.contains(word), "golden/{file}.json holds {word} outside of a mark");
        }
    }
}

fn drop_private(value: &mut Value) {
    if let Some(fields) = value.as_object_mut() {
        if fields.contains_key(crate::private::MARK) {
            fields.clear();
        }
        fields.values_mut().for_each(drop_private);
    }
}
