//! `docker-compose.yml` and `Dockerfile` as far as tests read them. What is in the place of a variable is its default.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub(super) struct Compose {
    pub(super) services: BTreeMap<String, Service>,
    pub(super) secrets: BTreeMap<String, BTreeMap<String, String>>,
    pub(super) volumes: BTreeMap<String, Value>,
    pub(super) networks: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
pub(super) struct Service {
    pub(super) image: String,
    pub(super) build: Option<String>,
    #[serde(default)]
    pub(super) entrypoint: Vec<String>,
    #[serde(default)]
    pub(super) command: Vec<String>,
    #[serde(default)]
    pub(super) environment: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) secrets: Vec<String>,
    #[serde(default)]
    pub(super) volumes: Vec<String>,
    #[serde(default)]
    pub(super) networks: Vec<String>,
    #[serde(default)]
    pub(super) profiles: Vec<String>,
    #[serde(default)]
    pub(super) depends_on: BTreeMap<String, Dependency>,
    pub(super) healthcheck: Option<HealthCheck>,
    pub(super) restart: Option<String>,
    pub(super) deploy: Option<Deploy>,
    #[serde(default)]
    pub(super) read_only: bool,
    #[serde(default)]
    pub(super) cap_drop: Vec<String>,
    #[serde(default)]
    pub(super) security_opt: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Dependency {
    pub(super) condition: String,
    /// None is as true.
    pub(super) required: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct HealthCheck {
    #[serde(default)]
    pub(super) test: Vec<String>,
    #[serde(default)]
    pub(super) disable: bool,
}

#[derive(Deserialize)]
pub(super) struct Deploy {
    pub(super) replicas: usize,
}

impl Compose {
    pub(super) fn read() -> Self {
        Self::with(&[])
    }

    /// As somebody has it who sets these variables.
    pub(super) fn with(variables: &[(&str, &str)]) -> Self {
        let text = with_variables(&text("docker-compose.yml"), variables);
        serde_saphyr::from_str(&text).expect("a compose file")
    }

    /// The services that are containers of Stele.
    pub(super) fn of_stele(&self) -> impl Iterator<Item = (&String, &Service)> {
        self.services.iter().filter(|(_, service)| service.build.is_some())
    }
}

impl Service {
    /// What is asked to know whether it is healthy.
    pub(super) fn check(&self) -> Option<&[String]> {
        let check = self.healthcheck.as_ref().filter(|check| !check.disable)?;
        let (first, command) = check.test.split_first().expect("a check says what to run");
        assert_eq!(first, "CMD", "no shell is wanted, and Stele's image has none");
        Some(command)
    }

    pub(super) fn replicas(&self) -> usize {
        self.deploy.as_ref().map_or(1, |deploy| deploy.replicas)
    }
}

/// The instructions of the last stage, and what all stages stand on.
pub(super) struct Dockerfile {
    pub(super) bases: Vec<String>,
    last: Vec<(String, String)>,
}

impl Dockerfile {
    pub(super) fn read() -> Self {
        let text = text("Dockerfile").replace("\\\n", " ");
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut file = Self { bases: Vec::new(), last: Vec::new() };
        for line in lines {
            let (word, rest) = line.split_once(' ').expect("an instruction and what it is told");
            if word == "FROM" {
                file.last.clear();
                file.bases.push(rest.split(' ').next().unwrap().to_owned());
            }
            file.last.push((word.to_owned(), rest.trim().to_owned()));
        }
        file
    }

    /// What the last instruction of this name is told.
    pub(super) fn last(&self, word: &str) -> &str {
        let found = self.last.iter().rev().find(|(name, _)| name == word);
        &found.unwrap_or_else(|| panic!("{word} is said")).1
    }

    /// The same, where it is a command in the form that needs no shell.
    pub(super) fn command(&self, word: &str) -> Vec<String> {
        let told = self.last(word);
        let list = &told[told.find('[').expect("a list")..];
        serde_json::from_str(list).expect("a list of words")
    }

    pub(super) fn environment(&self) -> BTreeMap<String, String> {
        let told = self.last("ENV").split(' ').map(|pair| pair.split_once('=').expect("NAME=value"));
        told.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

pub(super) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

pub(super) fn text(name: &str) -> String {
    fs::read_to_string(path(name)).expect("a file of the repository")
}

/// What `${NAME:-default}` becomes where these are set.
fn with_variables(text: &str, set: &[(&str, &str)]) -> String {
    let mut pieces = text.split("${");
    let mut whole = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (variable, rest) = piece.split_once('}').expect("a variable ends");
        let (name, default) = variable.split_once(":-").expect("a variable has a default");
        let value = set.iter().find(|(variable, _)| *variable == name).map_or(default, |(_, value)| value);
        whole.push_str(value);
        whole.push_str(rest);
    }
    whole
}
