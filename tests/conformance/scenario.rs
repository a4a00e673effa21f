//! The recorded files as types. A key that is not known here is an error: nothing recorded is skipped in silence.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    pub(super) id: String,
    #[expect(dead_code, reason = "for readers of the file")]
    group: String,
    pub(super) profile: String,
    pub(super) steps: Vec<Step>,
    /// What the scenario shows, for readers.
    #[serde(default)]
    #[expect(dead_code, reason = "for readers of the file")]
    note: Option<String>,
}

pub(super) enum Step {
    Request(Box<Request>),
    Operation(Operation),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    #[serde(default, deserialize_with = "present")]
    pub(super) json: Option<Value>,
    pub(super) form: Option<BTreeMap<String, String>>,
    pub(super) raw: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) auth: Option<String>,
    #[serde(default)]
    pub(super) cookies: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) capture: BTreeMap<String, String>,
    /// The only parts to compare; all where it is absent.
    pub(super) keep: Option<Vec<Part>>,
    pub(super) note: Option<String>,
    #[serde(default)]
    pub(super) deviation: bool,
    pub(super) expect: Expected,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Part {
    Status,
    Body,
    Headers,
    Cookies,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expected {
    pub(super) status: u16,
    #[serde(default, deserialize_with = "present")]
    pub(super) body: Option<Value>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) cookies: BTreeMap<String, Cookie>,
}

/// A cookie of an answer: a value or an expired empty one, and its attributes in lower case.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct Cookie {
    pub(super) set: bool,
    pub(super) attrs: Vec<String>,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Operation {
    Deactivate {
        username: String,
        #[serde(rename = "expect")]
        _expect: BTreeMap<String, Value>,
    },
    Mail {
        to: String,
        capture: Option<Link>,
        name: Option<String>,
        expect: MailExpected,
    },
    MailCount {
        to: String,
        expect: CountExpected,
    },
    Sleep {
        seconds: f64,
        #[serde(rename = "expect")]
        _expect: BTreeMap<String, Value>,
    },
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Link {
    Key,
    Reset,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MailExpected {
    pub(super) mail: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CountExpected {
    pub(super) count: usize,
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let step = if value.get("op").is_some() {
            Operation::deserialize(value).map(Self::Operation)
        } else {
            Request::deserialize(value).map(|request| Self::Request(Box::new(request)))
        };
        step.map_err(serde::de::Error::custom)
    }
}

/// A `null` that is written down is a value, not an absence.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// What was recorded from the reference.
pub(super) fn recorded() -> Vec<Scenario> {
    folder("recorded")
}

/// What was recorded, and what was written down beside it since.
pub(super) fn all() -> Vec<Scenario> {
    [recorded(), folder("extra")].into_iter().flatten().collect()
}

fn folder(name: &str) -> Vec<Scenario> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance").join(name);
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files.iter().flat_map(|file| read(file)).collect()
}

fn read(file: &Path) -> Vec<Scenario> {
    let text = fs::read_to_string(file).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
