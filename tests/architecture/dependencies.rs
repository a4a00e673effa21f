//! The dependency line `domain <- store <- {projections, workers} <- api <- stele`, read from `cargo metadata`: what each
//! package may name, and what it may not. Packages that are not listed here are a fault.

use std::collections::BTreeMap;
use std::process::Command;

use serde::Deserialize;

use super::{none, root};

/// What a package of the workspace may depend on within it.
const LINE: [(&str, &[&str]); 6] = [
    ("domain", &[]),
    ("store", &["domain"]),
    ("projections", &["domain", "store"]),
    ("workers", &["domain", "store"]),
    ("api", &["domain", "store", "projections", "workers"]),
    ("stele", &["domain", "store", "projections", "workers", "api"]),
];

/// Packages that stand beside the line, name none of it, and serve the tests of some or are programs that nobody names.
const BESIDE: [(&str, &[&str]); 3] =
    [("kurrent-double", &["store", "stele"]), ("mail-catcher", &[]), ("subscriber", &[])];

/// All that the domain may name: no runtime, no I/O, no clock, no randomness.
const DOMAIN: [&str; 6] = ["idna", "serde", "serde_json", "thiserror", "unicode-normalization", "uuid"];

/// Crates that belong to some packages alone.
const KEPT: [(&str, &[&str]); 7] = [
    ("axum", &["api"]),
    ("hyper", &["api"]),
    ("sqlx", &["store", "projections", "api", "stele"]),
    ("argon2", &["api"]),
    ("lettre", &["workers"]),
    ("async-nats", &["workers"]),
    ("clap", &["stele"]),
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Clone, Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Clone, Deserialize)]
struct Dependency {
    name: String,
    /// `dev` or `build`; none for what is shipped.
    kind: Option<String>,
}

impl Package {
    fn named(name: &str, dependencies: &[&str]) -> Self {
        let plain = |name: &&str| Dependency { name: (*name).to_owned(), kind: None };
        Self { name: name.to_owned(), dependencies: dependencies.iter().map(plain).collect() }
    }

    fn names(&self, other: &str) -> bool {
        self.dependencies.iter().any(|dependency| dependency.name == other)
    }

    fn shipped(&self) -> impl Iterator<Item = &str> {
        let shipped = |dependency: &&Dependency| dependency.kind.as_deref() != Some("dev");
        self.dependencies.iter().filter(shipped).map(|dependency| dependency.name.as_str())
    }
}

/// What is wrong with these packages; nothing where all rules hold.
fn faults(packages: &[Package]) -> Vec<String> {
    let line: BTreeMap<&str, &[&str]> = LINE.into_iter().collect();
    let mut found = Vec::new();
    for package in packages {
        let name = package.name.as_str();
        let is_beside = BESIDE.iter().any(|(other, _)| *other == name);
        let Some(allowed) = line.get(name).copied().or(is_beside.then_some(&[][..])) else {
            found.push(format!("{name} has no place on the dependency line"));
            continue;
        };
        // A test that reaches up the line binds the packages as much as the code does.
        let all = package.dependencies.iter().map(|dependency| dependency.name.as_str());
        for other in all.filter(|other| line.contains_key(other) && !allowed.contains(other)) {
            found.push(format!("{name} must not depend on {other}"));
        }
        for (other, by) in BESIDE {
            let is_shipped = package.shipped().any(|shipped| shipped == other);
            if is_shipped || package.names(other) && !by.contains(&name) {
                found.push(format!("{name} must not use {other}"));
            }
        }
        for other in package.shipped().filter(|_| !is_beside) {
            let kept = KEPT.iter().find(|(kept, by)| *kept == other && !by.contains(&name));
            if kept.is_some() || (name == "domain" && !DOMAIN.contains(&other)) {
                found.push(format!("{name} must not use {other}"));
            }
        }
    }
    let missing = LINE.iter().filter(|(name, _)| packages.iter().all(|package| package.name != *name));
    found.extend(missing.map(|(name, _)| format!("{name} is missing")));
    found
}

fn workspace() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice::<Metadata>(&output.stdout).expect("cargo answers JSON").packages
}

#[test]
fn packages_depend_only_along_the_line() {
    none(&faults(&workspace()));
}

/// A workspace in order, with one package made otherwise.
fn with(name: &str, dependencies: &[&str]) -> Vec<Package> {
    let others = LINE.iter().filter(|(other, _)| *other != name);
    let mut packages: Vec<Package> = others.map(|(other, allowed)| Package::named(other, allowed)).collect();
    packages.push(Package::named(name, dependencies));
    packages
}

#[test]
fn a_dependency_against_the_line_is_found() {
    for (name, other) in [
        ("domain", "store"),
        ("store", "projections"),
        ("store", "api"),
        ("projections", "workers"),
        ("workers", "projections"),
        ("workers", "api"),
        ("api", "stele"),
    ] {
        assert_eq!(faults(&with(name, &[other]))[0], format!("{name} must not depend on {other}"));
    }
}

#[test]
fn a_test_that_reaches_up_the_line_is_found() {
    let mut packages = with("store", &["projections"]);
    packages.last_mut().unwrap().dependencies[0].kind = Some("dev".to_owned());
    assert_eq!(faults(&packages), ["store must not depend on projections"]);
}

#[test]
fn a_package_beside_the_line_is_neither_shipped_nor_used_by_others_nor_on_the_line() {
    let mut packages = with("store", &["kurrent-double"]);
    assert_eq!(faults(&packages), ["store must not use kurrent-double"]);
    packages.last_mut().unwrap().dependencies[0].kind = Some("dev".to_owned());
    packages.push(Package::named("kurrent-double", &["hyper"]));
    assert_eq!(faults(&packages), Vec::<String>::new());
    packages.push(Package::named("kurrent-double", &["store"]));
    assert_eq!(faults(&packages), ["kurrent-double must not depend on store"]);
    let mut packages = with("workers", &["kurrent-double"]);
    packages.last_mut().unwrap().dependencies[0].kind = Some("dev".to_owned());
    assert_eq!(faults(&packages), ["workers must not use kurrent-double"]);
}

#[test]
fn a_crate_in_the_wrong_package_is_found() {
    for (name, other) in [
        ("domain", "tokio"),
        ("domain", "rand"),
        ("domain", "jiff"),
        ("domain", "sqlx"),
        ("workers", "sqlx"),
        ("stele", "axum"),
        ("store", "axum"),
        ("projections", "clap"),
        ("workers", "argon2"),
    ] {
        assert_eq!(faults(&with(name, &[other])), [format!("{name} must not use {other}")]);
    }
}

#[test]
fn a_package_that_nobody_placed_and_one_that_is_gone_are_found() {
    let mut packages = with("stele", &["api"]);
    packages.push(Package::named("extras", &[]));
    packages.retain(|package| package.name != "workers");
    assert_eq!(faults(&packages), ["extras has no place on the dependency line", "workers is missing"]);
}

#[test]
fn a_workspace_in_order_has_no_faults() {
    assert_eq!(faults(&with("domain", &DOMAIN)), Vec::<String>::new());
    let mut packages = with("stele", &["axum"]);
    packages.last_mut().unwrap().dependencies[0].kind = Some("dev".to_owned());
    assert_eq!(faults(&packages), Vec::<String>::new());
}
