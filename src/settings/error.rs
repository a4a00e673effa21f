//! What is wrong with the settings, each with the place where it was written.
//! Must not show a value that may hold a secret: addresses of backends, keys, lines of the file.

use std::{
    error::Error,
    fmt, io, iter,
    path::{Path, PathBuf},
};

use ::api::{
    edge::{CidrError, OriginError},
    token::cookie::CookieError,
};

use store::postgres::UrlError;
use workers::{nats::ServersError, outbox::smtp};

use super::master_key::MasterKeyError;

/// Everything that is wrong, one line each.
#[derive(Debug)]
pub(crate) struct SettingsErrors(pub(super) Vec<SettingsError>);

impl Error for SettingsErrors {}

impl fmt::Display for SettingsErrors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => write!(out, "the settings can't be used:")?,
            many => write!(out, "the settings can't be used, for {many} reasons:")?,
        }
        self.0.iter().try_for_each(|error| write!(out, "\n  {}", one_line(error)))
    }
}

/// The error and its causes. What was written is quoted in it, and must neither break the line nor steer a
/// terminal.
fn one_line(error: &SettingsError) -> String {
    let causes = iter::successors(Some(error as &dyn Error), |&error| error.source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    let mut line = String::new();
    for c in texts.join(": ").chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("{} can't be read", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The parser's own text would quote the line, and a secret with it.
    #[error("{}, line {line}: {problem}", path.display())]
    Syntax { path: PathBuf, line: usize, problem: String },
    /// Its path may be a secret that was given in the wrong place.
    #[error("{variable} names a file that can't be read")]
    NoFile {
        variable: String,
        #[source]
        source: io::Error,
    },
    #[error("{0} is not valid Unicode")]
    NotUnicode(String),
    #[error("{place} is no setting; the closest known one is {closest}")]
    Unknown { place: Place, closest: String },
    #[error("{place}")]
    Value {
        place: Place,
        #[source]
        source: ValueError,
    },
    #[error(transparent)]
    Conflict(#[from] Conflict),
}

pub(super) fn unreadable(path: &Path, source: io::Error) -> SettingsError {
    SettingsError::Unreadable { path: path.to_owned(), source }
}

/// Where a setting was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    File { path: PathBuf, name: String },
    Environment { variable: String },
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, name } => write!(out, "{}: {name}", path.display()),
            Self::Environment { variable } => out.write_str(variable),
        }
    }
}

/// Why a value does not fit its setting.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ValueError {
    #[error("{0} is wanted")]
    Wanted(&'static str),
    #[error("`{given}` is not {wanted}")]
    Not { given: String, wanted: &'static str },
    #[error("`{given}` is none of {choices}")]
    NoChoice { given: String, choices: String },
    #[error("it must be more than 0")]
    Zero,
    #[error("a number up to {0} is wanted")]
    TooLarge(u64),
    #[cfg(not(feature = "kurrent"))]
    #[error("{scheme}:// is not supported by this build, which was made without the feature {feature}")]
    Unsupported { scheme: &'static str, feature: &'static str },
    #[error("the link needs the placeholder {{{0}}}")]
    Placeholder(&'static str),
    #[error("the link has a placeholder that nothing is put into: {0}")]
    StrayPlaceholder(String),
    #[error("`{0}` is kept for Stele's own pages")]
    Reserved(String),
    #[error(transparent)]
    Network(#[from] CidrError),
    #[error(transparent)]
    Origin(#[from] OriginError),
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    #[error(transparent)]
    Postgres(#[from] UrlError),
    #[cfg(feature = "kurrent")]
    #[error(transparent)]
    Kurrent(#[from] store::log::kurrent::UrlError),
    #[error(transparent)]
    Smtp(#[from] smtp::UrlError),
    #[error(transparent)]
    Nats(#[from] ServersError),
}

/// Settings that are fine alone and not together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Conflict {
    #[error("{shorter} ({lesser}) must not be longer than {longer} ({greater})")]
    Longer { shorter: &'static str, lesser: String, longer: &'static str, greater: String },
    #[error("{0}, {1}: each database needs a file of its own")]
    SameFile(&'static str, &'static str),
    #[error("{0}, {1}: each needs a database of its own on the server")]
    SameDatabase(&'static str, &'static str),
    #[error("{shared} is not embedded: {missing} must be given, the same for all that use it")]
    Shared { shared: &'static str, missing: &'static str },
    #[error(
        "auth.pk, store.log: KurrentDB deals no numbers; set auth.pk to time, or keep the log on SQLite or PostgreSQL"
    )]
    NoSequence,
    #[error("{0} is given, and bus.url does not name a NATS")]
    WithoutNats(&'static str),
    #[error("{given} is given, and {missing} is not")]
    Incomplete { given: &'static str, missing: &'static str },
    #[error("social.oidc.{0}: a name is of a-z, 0-9, - and _, and none of Stele's own providers has it")]
    ProviderName(String),
    #[error("vault.master_key, vault.master_key_file: both are given, keep one")]
    TwoMasterKeys,
    #[error("{0}, {1}: both are given, keep one")]
    Twice(String, String),
    #[error("{name}")]
    Cookie {
        name: &'static str,
        #[source]
        source: CookieError,
    },
}
