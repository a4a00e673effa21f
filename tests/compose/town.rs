//! The containers of `docker-compose.yml` without an engine: real servers, and Stele with the commands and the environment of the file.
//! Each has a loopback address of its own in the place of its name, and a folder in the place of what is mounted.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{self, Command};
use std::time::Duration;

use tempfile::TempDir;

use super::file::{Compose, Dockerfile, Service, path};
use crate::support::{Catcher, Lines, Postgres, Process, Ran, nats_server, run_to_end, wait_for};

/// How long a container may take to be healthy, or to have done its work.
const STARTED: Duration = Duration::from_mins(1);
const SECRETS: &str = "/run/secrets";
const STELE: &str = "/usr/bin/stele";

pub(super) struct Town {
    compose: Compose,
    image: Dockerfile,
    folder: TempDir,
    pub(super) postgres: Postgres,
    pub(super) catcher: Option<Catcher>,
    running: Vec<(String, Process, Lines)>,
}

impl Town {
    /// With secrets that are made as whoever installs it makes them.
    pub(super) fn new() -> Self {
        let (compose, image) = (Compose::read(), Dockerfile::read());
        let (folder, postgres) = (tempfile::tempdir().unwrap(), Postgres::start_bare());
        let town = Self { compose, image, folder, postgres, catcher: None, running: Vec::new() };
        let mut make = Command::new(path("docker/make-secrets"));
        make.arg(town.secrets()).env("STELE", env!("CARGO_BIN_EXE_stele"));
        run_to_end(make, "").succeeded();
        for secret in fs::read_dir(town.secrets()).unwrap() {
            let secret = secret.unwrap().path();
            let text = town.named(&fs::read_to_string(&secret).unwrap());
            fs::remove_file(&secret).unwrap();
            fs::write(&secret, text).unwrap();
            // What is mounted read only in a container need not keep others out.
            fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        }
        town
    }

    /// Starts one service after the other, each when what it depends on is as the file wants it.
    pub(super) async fn start(&mut self) {
        let mut waiting: Vec<String> = self.compose.services.keys().cloned().collect();
        waiting.retain(|name| self.compose.services[name].profiles.is_empty());
        while !waiting.is_empty() {
            let ready = |name: &&String| {
                !self.compose.services[*name].depends_on.keys().any(|other| waiting.contains(other))
            };
            let next = waiting.iter().find(ready).expect("dependencies that are no circle").clone();
            waiting.retain(|name| *name != next);
            self.start_one(&next).await;
        }
    }

    /// It is healthy afterwards or, where it has no health to ask for, it has done its work.
    async fn start_one(&mut self, name: &str) {
        self.mount(name);
        match name {
            "postgres" => self.start_postgres(),
            "mail" => {
                let at = |port: u16| format!("{}:{port}", self.address(name, 0));
                self.catcher = Some(Catcher::at(&at(1025), &at(8025)).await);
                // Its check is a program of the image that the catcher stands for.
                return;
            }
            _ => {}
        }
        for replica in 0..self.compose.services[name].replicas() {
            if self.compose.services[name].check().is_none() {
                run_to_end(self.command(name, replica), "").succeeded();
                continue;
            }
            if name != "postgres" {
                let lines = Lines::default();
                let process = Process::spawn(self.command(name, replica), &lines);
                self.running.push((name.to_owned(), process, lines));
            }
            self.healthy(name, replica).await;
        }
    }

    /// As its image does: the server with the passwords that are demanded, then what is mounted for a new one.
    fn start_postgres(&self) {
        let demanding = self.postgres.folder().join("hba.conf");
        fs::write(&demanding, "local all all trust\nhost all all all scram-sha-256\n").unwrap();
        fs::set_permissions(&demanding, fs::Permissions::from_mode(0o644)).unwrap();
        self.postgres.set(&format!("listen_addresses = '{}'", self.address("postgres", 0)));
        self.postgres.set(&format!("hba_file = '{}'", demanding.display()));
        self.postgres.stop();
        self.postgres.begin();
        let mut psql = Command::new(self.postgres.programs().join("psql"));
        psql.args(["-q", "-X", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-h"]).arg(self.postgres.folder());
        psql.arg("-f").arg(self.inside("postgres", "/docker-entrypoint-initdb.d/databases.sql"));
        run_to_end(psql, "").succeeded();
    }

    async fn healthy(&mut self, name: &str, replica: usize) {
        let check = self.compose.services[name].check().expect("it can be asked").to_vec();
        wait_for(&format!("{name} is healthy"), STARTED, async || {
            let ran = run_to_end(self.with_environment(&check, name, replica), "");
            for (other, process, lines) in &mut self.running {
                assert!(process.exit_within(Duration::ZERO).is_none(), "{other} ended: {:#?}", lines.all());
            }
            (ran.code == Some(0)).then_some(())
        })
        .await;
    }

    /// `stele <arguments>` in a container of Stele.
    pub(super) fn run(&self, name: &str, arguments: &[&str]) -> Ran {
        let words: Vec<String> = [STELE].iter().chain(arguments).map(|&word| word.to_owned()).collect();
        run_to_end(self.with_environment(&words, name, 0), "")
    }

    /// What the container runs.
    fn command(&self, name: &str, replica: usize) -> Command {
        let service = &self.compose.services[name];
        let entrypoint = match name {
            "nats" => vec![nats_server().display().to_string()],
            _ if service.build.is_some() => self.image.command("ENTRYPOINT"),
            _ => service.entrypoint.clone(),
        };
        self.with_environment(&[entrypoint, service.command.clone()].concat(), name, replica)
    }

    /// A command in this container, which has an empty folder to itself.
    fn with_environment(&self, words: &[String], name: &str, replica: usize) -> Command {
        let service = &self.compose.services[name];
        let mut words = words.iter().map(|word| self.here(word, name, replica));
        let mut command = Command::new(words.next().expect("a program"));
        command.args(words).env_clear().current_dir(self.workplace(name, replica));
        let programs = self.postgres.programs().display().to_string();
        command.env("PATH", format!("{programs}:/usr/local/bin:/usr/bin:/bin"));
        let image = if service.build.is_some() { self.image.environment() } else { BTreeMap::new() };
        for (variable, value) in image.iter().chain(&service.environment) {
            command.env(variable, self.here(value, name, replica));
        }
        command
    }

    /// Where a container of Stele may write and must not.
    pub(super) fn workplace(&self, name: &str, replica: usize) -> PathBuf {
        let folder = self.folder.path().join(format!("work/{name}-{replica}"));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// What a word of a command or of the environment is here.
    fn here(&self, word: &str, name: &str, replica: usize) -> String {
        let own = self.address(name, replica);
        let mut word = self.named(word).replace("0.0.0.0", &own).replace("127.0.0.1", &own);
        word = word.replace(STELE, env!("CARGO_BIN_EXE_stele"));
        for (_, inside) in mounts(&self.compose.services[name]) {
            word = word.replace(inside, &self.inside(name, inside).display().to_string());
        }
        word.replace(SECRETS, &self.secrets().display().to_string())
    }

    /// Puts there what is mounted: folders, and copies of files, to whose paths and names the same is done as to commands.
    fn mount(&self, name: &str) {
        for (from, inside) in mounts(&self.compose.services[name]) {
            let here = self.inside(name, inside);
            let Some(from) = from.strip_prefix("./") else {
                fs::create_dir_all(here).unwrap();
                continue;
            };
            fs::create_dir_all(here.parent().unwrap()).unwrap();
            let source =
                from.strip_prefix("secrets/").map_or_else(|| path(from), |name| self.secrets().join(name));
            fs::write(here, self.here(&fs::read_to_string(source).unwrap(), name, 0)).unwrap();
        }
    }

    /// Where a place of the container is.
    fn inside(&self, name: &str, place: &str) -> PathBuf {
        self.folder.path().join(format!("mounted/{name}{place}"))
    }

    /// With addresses in the place of names.
    fn named(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for name in self.compose.services.keys() {
            for (before, after) in [("@", "/"), ("//", ":"), ("@", ":")] {
                let address = self.address(name, 0);
                text = text.replace(&format!("{before}{name}{after}"), &format!("{before}{address}{after}"));
            }
        }
        text
    }

    /// A loopback address that nobody else has.
    pub(super) fn address(&self, name: &str, replica: usize) -> String {
        let place = self.compose.services.keys().position(|other| other == name).expect("a service");
        let (high, low) = (process::id() / 250 % 120 + 2, process::id() % 250 + 2);
        format!("127.{high}.{low}.{}", 10 * (place + 1) + replica)
    }

    pub(super) fn secrets(&self) -> PathBuf {
        self.folder.path().join("secrets")
    }

    pub(super) fn secret(&self, name: &str) -> String {
        fs::read_to_string(self.secrets().join(name)).unwrap().trim().to_owned()
    }

    /// Those of Stele, replicas apart.
    pub(super) fn of_stele(&self) -> Vec<(String, usize)> {
        let services = self.compose.of_stele();
        services
            .flat_map(|(name, service)| (0..service.replicas()).map(|replica| (name.clone(), replica)))
            .collect()
    }
}

/// From where, and to which place.
fn mounts(service: &Service) -> impl Iterator<Item = (&str, &str)> {
    service.volumes.iter().map(|volume| {
        let mut parts = volume.split(':');
        (parts.next().unwrap(), parts.next().expect("a place"))
    })
}
