//! `docker-compose.yml` and the `Dockerfile`, without an engine for containers: what the files say is looked over, and what they start
//! is started on real servers.

mod file;
mod running;
mod town;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::run_to_end;
use file::{Compose, Dockerfile, Service, path, text};

const SECRETS: &str = "/run/secrets/";

#[test]
fn every_service_waits_for_services_that_can_become_what_it_waits_for() {
    let compose = Compose::read();
    for (name, service) in &compose.services {
        for (other, dependency) in &service.depends_on {
            let other = compose.services.get(other).unwrap_or_else(|| panic!("{name} waits for {other}"));
            let is_off = !other.profiles.is_empty();
            assert_eq!(dependency.required == Some(false), is_off, "{name} waits for what may be off");
            match dependency.condition.as_str() {
                "service_healthy" => assert!(other.check().is_some(), "{name}"),
                "service_completed_successfully" => {
                    assert_eq!(other.restart.as_deref(), Some("no"), "{name} waits for what never ends");
                    assert!(other.check().is_none(), "{name}");
                }
                condition => panic!("{name}: {condition}"),
            }
        }
    }
}

#[test]
fn every_role_is_taken_and_kurrentdb_is_off() {
    let compose = Compose::read();
    let roles: Vec<&str> = compose
        .of_stele()
        .filter(|(_, service)| service.command[0] == "serve")
        .map(|(name, service)| {
            assert_eq!(service.command[1..], ["--roles", name]);
            name.as_str()
        })
        .collect();
    assert_eq!(roles, ["api", "mailer", "projector", "relay", "revoker", "sealer"]);
    assert!(compose.services["api"].replicas() > 1);
    for (name, service) in &compose.services {
        assert_eq!(service.profiles.as_slice() == ["kurrentdb"], name == "kurrentdb", "{name}");
    }
    assert!(text("docker/nats.conf").contains("sync_interval: always"));
}

#[test]
#[cfg(feature = "kurrent")]
fn with_its_profile_and_its_secret_kurrentdb_has_the_log() {
    let place = tempfile::tempdir().unwrap();
    let secrets = make_secrets(place.path());
    let compose = Compose::with(&[("STELE_LOG", "kurrentdb")]);
    for secret in ["log", "owner_of_log"] {
        let file = compose.secrets[secret]["file"].strip_prefix("./secrets/").expect("it is made");
        assert_eq!(fs::read_to_string(secrets.join(file)).unwrap().trim(), "esdb://kurrentdb:2113?tls=false");
    }
    assert!(compose.services["migrate"].depends_on.contains_key("kurrentdb"));
    let master_key = secrets.join("master_key");
    let env = [
        ("STELE_STORE__LOG_FILE", secrets.join("kurrentdb").display().to_string()),
        ("STELE_VAULT__MASTER_KEY_FILE", master_key.display().to_string()),
        ("STELE_API__PUBLIC_URL", "http://localhost:8001".to_owned()),
    ];
    let mut doctor = Command::new(env!("CARGO_BIN_EXE_stele"));
    doctor.arg("doctor").env_clear().envs(env).current_dir(place.path());
    let told = run_to_end(doctor, "").stdout;
    assert!(told.contains("esdb://kurrentdb:2113 can't be reached"), "{told}");
}

/// Where they are made below this folder.
fn make_secrets(place: &Path) -> PathBuf {
    let folder = place.join("secrets");
    let mut script = Command::new(path("docker/make-secrets"));
    script.arg(&folder).env("STELE", env!("CARGO_BIN_EXE_stele"));
    run_to_end(script, "").succeeded();
    folder
}

#[test]
fn images_have_exact_versions() {
    let (compose, image) = (Compose::read(), Dockerfile::read());
    let own = format!("stele:{}", env!("CARGO_PKG_VERSION"));
    for (name, service) in &compose.services {
        assert!(is_exact(&service.image), "{name}: {}", service.image);
        assert_eq!(service.build.is_some(), service.image == own, "{name}");
    }
    let (last, others) = image.bases.split_last().unwrap();
    assert_eq!(last, "scratch", "nothing but what is needed");
    assert!(others.iter().all(|base| is_exact(base)), "{others:?}");
    assert!(others[0].starts_with(concat!("rust:", env!("CARGO_PKG_RUST_VERSION"), ".")), "{others:?}");
    for vague in ["postgres", "postgres:latest", "postgres:17", "nats:alpine", "a.example:5000/nats"] {
        assert!(!is_exact(vague), "{vague}");
    }
}

/// Whether the tag has a version down to the fix, or to the minor one where there are no fixes.
fn is_exact(image: &str) -> bool {
    let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag);
    let version = tag.trim_start_matches('v').split('-').next().unwrap();
    let numbers: Vec<&str> = version.split('.').collect();
    numbers.len() >= 2 && numbers.iter().all(|number| number.parse::<u32>().is_ok())
}

#[test]
fn no_secret_stands_in_the_file_and_each_service_has_those_that_it_uses() {
    let compose = Compose::read();
    for (name, service) in &compose.services {
        for (variable, value) in &service.environment {
            let is_secret = ["KEY", "PASSWORD", "CREDENTIALS", "SEED", "TOKEN", "SECRET"]
                .iter()
                .any(|word| variable.contains(word));
            assert!(!is_secret || value.starts_with(SECRETS), "{name}: {variable}");
            let authority = value.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap());
            assert!(!authority.contains('@'), "{name}: {variable}");
        }
        let given: BTreeSet<String> = service.secrets.iter().cloned().collect();
        assert_eq!(secrets_of(service), given, "{name}");
        assert!(given.iter().all(|secret| compose.secrets[secret]["file"] == format!("./secrets/{secret}")));
    }
    let ignored = [text(".gitignore"), text(".dockerignore")];
    assert!(ignored[0].lines().any(|line| line == "/secrets") && ignored[1].lines().any(|line| line == "*"));
}

/// Those that its environment names, or a file that is mounted into it.
fn secrets_of(service: &Service) -> BTreeSet<String> {
    let sources =
        service.volumes.iter().filter_map(|volume| volume.strip_prefix("./docker/")?.split(':').next());
    let files = sources.map(|file| text(&format!("docker/{file}")).replace("owner_of_$1", "owner_of_log"));
    let texts: Vec<String> = service.environment.values().cloned().chain(files).collect();
    let after = texts.iter().flat_map(|text| text.split(SECRETS).skip(1));
    let mut found: BTreeSet<String> = after
        .map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap().to_owned())
        .collect();
    // One script goes for both.
    if service.entrypoint.iter().any(|word| word == "/grant.sh") {
        found.insert("owner_of_vault".to_owned());
    }
    found
}

#[test]
fn secrets_are_made_once_each_another_one_and_kept_from_others() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("secrets");
    let run = || {
        make_secrets(place.path());
        let files = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
        files.map(|file| (file.clone(), fs::read_to_string(file).unwrap())).collect::<BTreeMap<_, _>>()
    };
    let made = run();
    assert_eq!(run(), made, "what is there stays");
    let names: BTreeSet<&str> = made.keys().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
    for secret in Compose::read().secrets.keys() {
        assert!(names.contains(secret.as_str()), "{secret} is made");
    }
    assert_eq!(made.values().collect::<BTreeSet<_>>().len(), made.len(), "each is another one");
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    fs::remove_file(folder.join("vault")).unwrap();
    fs::remove_file(folder.join("owner_of_vault")).unwrap();
    let again = run();
    let anew = made.iter().filter(|(file, text)| again[*file] != **text).map(|(file, _)| file);
    assert_eq!(anew.collect::<Vec<_>>(), [&folder.join("vault")], "one role has one password");
}

#[test]
fn containers_may_do_no_more_than_they_have_to() {
    let compose = Compose::read();
    for (name, service) in &compose.services {
        assert_eq!(service.cap_drop, ["ALL"], "{name}");
        assert_eq!(service.security_opt, ["no-new-privileges:true"], "{name}");
        assert!(service.read_only || name == "kurrentdb", "{name}");
        assert!(service.networks.iter().all(|network| compose.networks.contains_key(network)), "{name}");
        let named = service.volumes.iter().filter_map(|volume| volume.split(':').next());
        for source in named {
            let is_there = match source.strip_prefix("./") {
                Some(file) => file.starts_with("secrets/") || path(file).exists(),
                None => compose.volumes.contains_key(source),
            };
            assert!(is_there, "{name}: {source}");
        }
    }
    let image = Dockerfile::read();
    let user = image.last("USER").split(':').next().unwrap();
    assert!(user.parse::<u32>().expect("a number, as there are no names") > 0);
    assert_eq!(image.command("HEALTHCHECK"), ["/usr/bin/stele", "health", "--live"]);
    let kept = text(".dockerignore");
    for entry in fs::read_dir(path("")).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap();
        let is_built = folder.join("Cargo.toml").exists() || name == "src" || name == "migrations";
        assert!(
            !is_built || kept.lines().any(|line| line == format!("!{name}")),
            "{name} goes into the build"
        );
    }
}
