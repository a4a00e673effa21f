//! Settings as an operator meets them: a file, an environment, and what comes of them.

mod cross;
mod defaults;
mod refusals;
mod social;
mod sources;

use std::{io, path::Path};

use super::{Settings, load};

/// No file, and these variables.
fn environment(variables: &[(&str, &str)]) -> Result<Settings, String> {
    read(None, variables)
}

/// This text in `stele.toml`, and an empty environment.
fn file(text: &str) -> Result<Settings, String> {
    read(Some(text), &[])
}

fn read(file: Option<&str>, variables: &[(&str, &str)]) -> Result<Settings, String> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let read_file = |path: &Path| {
        let found = file.filter(|_| path == Path::new("stele.toml"));
        found.map(ToOwned::to_owned).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    };
    load(None, variables, read_file).map_err(|errors| errors.to_string())
}

/// What is wrong with these variables; one line each.
#[track_caller]
fn wrong(variables: &[(&str, &str)]) -> Vec<String> {
    lines(&environment(variables).expect_err("they are refused"))
}

/// The errors, without the headline.
fn lines(message: &str) -> Vec<String> {
    message.lines().skip(1).map(|line| line.trim().to_owned()).collect()
}
