//! Backends by their URL. Those that the build is without are known by name and refused.
//! Must not show what stands behind a scheme: a user's name and password, perhaps.

use std::{
    fmt,
    path::{Path, PathBuf},
};

#[cfg(feature = "kurrent")]
use store::log::kurrent;
use store::postgres::Url;
use workers::outbox::smtp;

use super::{
    error::ValueError,
    given::Raw,
    value::{Value, quoted},
};

/// Where the log, the read models or the vault are.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    Sqlite(PathBuf),
    Postgres(Box<Url>),
}

/// Where the log is.
#[derive(Debug, Clone)]
pub(crate) enum Log {
    Sql(Database),
    #[cfg(feature = "kurrent")]
    Kurrent(Box<kurrent::Url>),
}

/// Where mails go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outbox {
    /// One file a mail, in this folder.
    Files(PathBuf),
    Smtp(smtp::Url),
}

impl Outbox {
    pub(crate) fn url(&self) -> Option<&smtp::Url> {
        match self {
            Self::Files(_) => None,
            Self::Smtp(url) => Some(url),
        }
    }
}

impl Database {
    /// Reads where a database is, as its setting has it.
    pub(crate) fn of(text: &str) -> Result<Self, ValueError> {
        Self::read(&Raw::Text(text.to_owned()))
    }

    /// Whether both are one database, as far as their names tell.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sqlite(one), Self::Sqlite(other)) => {
                let full = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
                full(one) == full(other)
            }
            (Self::Postgres(one), Self::Postgres(other)) => one.is_same_database(other),
            _ => false,
        }
    }

    /// The file that it is in, if it is embedded.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }

    pub(crate) fn url(&self) -> Option<&Url> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(url) => Some(url),
        }
    }
}

/// What names a database, and what names a log.
const DATABASE: &str = "sqlite: and the path of a file, or postgres://user:password@host/database,";
#[cfg(not(feature = "kurrent"))]
const LOG: &str = DATABASE;
#[cfg(feature = "kurrent")]
const LOG: &str = "sqlite: and the path of a file, postgres://user:password@host/database, or esdb://user:password@host:port,";

/// Without a password.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", path.display()),
            Self::Postgres(url) => write!(f, "{url}"),
        }
    }
}

impl Value for Database {
    fn read(raw: &Raw) -> Result<Self, ValueError> {
        if is_postgres(raw)? {
            return Ok(Self::Postgres(Box::new(raw.text()?.parse()?)));
        }
        file_after("sqlite:", raw).map(Self::Sqlite).map_err(|_| ValueError::Wanted(DATABASE))
    }

    fn show(&self) -> String {
        match self {
            Self::Sqlite(path) => quoted(&format!("sqlite:{}", path.display())),
            Self::Postgres(url) => quoted(&url.to_string()),
        }
    }
}

impl Log {
    /// Reads where a log is, as its setting has it.
    pub(crate) fn of(text: &str) -> Result<Self, ValueError> {
        Self::read(&Raw::Text(text.to_owned()))
    }

    /// Whether both are one log, as far as their names tell.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sql(one), Self::Sql(other)) => one.is_same(other),
            #[cfg(feature = "kurrent")]
            (Self::Kurrent(one), Self::Kurrent(other)) => one.is_same_log(other),
            #[cfg(feature = "kurrent")]
            (Self::Sql(_), Self::Kurrent(_)) | (Self::Kurrent(_), Self::Sql(_)) => false,
        }
    }

    #[cfg_attr(
        not(feature = "kurrent"),
        expect(clippy::unnecessary_wraps, reason = "with the feature a log may be elsewhere")
    )]
    pub(crate) fn sql(&self) -> Option<&Database> {
        match self {
            Self::Sql(database) => Some(database),
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => None,
        }
    }

    /// The file that it is in, if it is embedded.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.sql().and_then(Database::file)
    }
}

/// Without a password.
impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sql(database) => write!(f, "{database}"),
            #[cfg(feature = "kurrent")]
            Self::Kurrent(url) => write!(f, "{url}"),
        }
    }
}

impl Value for Log {
    fn read(raw: &Raw) -> Result<Self, ValueError> {
        match is_kurrent(raw)? {
            #[cfg(feature = "kurrent")]
            Some(_) => Ok(Self::Kurrent(Box::new(raw.text()?.parse()?))),
            #[cfg(not(feature = "kurrent"))]
            Some(scheme) => Err(ValueError::Unsupported { scheme, feature: "kurrent" }),
            None => Database::read(raw).map(Self::Sql).map_err(|error| match error {
                ValueError::Wanted(_) => ValueError::Wanted(LOG),
                error => error,
            }),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Sql(database) => database.show(),
            #[cfg(feature = "kurrent")]
            Self::Kurrent(url) => quoted(&url.to_string()),
        }
    }
}

impl Value for Outbox {
    fn read(raw: &Raw) -> Result<Self, ValueError> {
        const WANTED: ValueError =
            ValueError::Wanted("file: and the path of a folder, or smtp://user:password@host:port,");
        if ["smtp:", "smtps:"].iter().any(|scheme| raw.text().is_ok_and(|text| text.starts_with(scheme))) {
            return Ok(Self::Smtp(raw.text()?.parse()?));
        }
        path_after("file:", raw).ok_or(WANTED).map(Self::Files)
    }

    fn show(&self) -> String {
        match self {
            Self::Files(path) => quoted(&format!("file:{}", path.display())),
            Self::Smtp(url) => quoted(&url.to_string()),
        }
    }
}

fn is_postgres(raw: &Raw) -> Result<bool, ValueError> {
    let text = raw.text()?;
    Ok(["postgres:", "postgresql:"].iter().any(|scheme| text.starts_with(scheme)))
}

/// The scheme by which KurrentDB is named, if it is.
fn is_kurrent(raw: &Raw) -> Result<Option<&'static str>, ValueError> {
    const SCHEMES: [&str; 4] = ["esdb", "esdb+discover", "kurrentdb", "kurrentdb+discover"];
    let scheme = raw.text()?.split_once(':').map_or("", |(scheme, _)| scheme);
    Ok(SCHEMES.into_iter().find(|known| *known == scheme))
}

/// A database in memory would forget all at its end, and options in the URL would change what the store
/// relies on.
fn file_after(scheme: &str, raw: &Raw) -> Result<PathBuf, ValueError> {
    path_after(scheme, raw)
        .filter(|path| !path.to_string_lossy().contains(['?', '#']) && !path.starts_with(":memory:"))
        .ok_or(ValueError::Wanted("sqlite: and the path of a file"))
}

/// `sqlite:data/log.db`, `sqlite://data/log.db` and, from the root, `sqlite:/srv/log.db` or
/// `sqlite:///srv/log.db`.
fn path_after(scheme: &str, raw: &Raw) -> Option<PathBuf> {
    let rest = raw.text().ok()?.strip_prefix(scheme)?;
    let path = rest.strip_prefix("//").unwrap_or(rest);
    (!path.is_empty()).then(|| PathBuf::from(path))
}
