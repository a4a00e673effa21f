//! All that can be set, in one typed struct: from `stele.toml`, then from `STELE_SECTION__KEY`, checked once.
//! Each section names its settings, their defaults and what they are for in one place, and from those come
//! the parser, the check for unknown names and the commented reference. Must not know what is done with any
//! of them.

mod api;
mod auth;
mod backend;
mod bus;
mod closest;
mod error;
mod given;
mod jwt;
mod link;
mod mail;
mod master_key;
mod output;
mod reader;
mod redacted;
mod reference;
mod role;
mod social;
mod span;
mod store;
#[cfg(test)]
mod tests;
mod value;
mod workload;

use std::{
    env, fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

pub(crate) use self::given::FILE;
pub(crate) use self::{
    api::Api,
    auth::Auth,
    backend::{Database, Log, Outbox},
    bus::Bus,
    error::{SettingsErrors, ValueError},
    jwt::Jwt,
    link::Links,
    mail::Mail,
    master_key::{MasterKeyError, parse_master_key},
    output::{Format, Output},
    reference::reference,
    role::{Role, Roles, RolesError},
    social::Social,
    store::{Keys, Store},
    workload::{Hash, Revocation},
};
use self::{error::Conflict, given::Given, reader::Reader};
use ::api::config::PkMode;

/// Every setting, checked: each by itself and against the others.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Where embedded backends keep their files. It moves every default; a path that is set stays as it is.
    pub(crate) data_dir: PathBuf,
    pub(crate) api: Api,
    pub(crate) auth: Auth,
    pub(crate) jwt: Jwt,
    pub(crate) mail: Mail,
    pub(crate) store: Store,
    pub(crate) vault: Keys,
    pub(crate) bus: Bus,
    pub(crate) hash: Hash,
    pub(crate) limits: ::api::config::Limits,
    pub(crate) social: Social,
    pub(crate) revocation: Revocation,
    pub(crate) output: Output,
}

impl Settings {
    fn read(from: &mut Reader) -> Self {
        let data_dir = from.get(
            "data_dir",
            PathBuf::from("data"),
            "The folder of everything embedded: databases, keys and mails. It moves every default below.",
        );
        let api = Api::read(from);
        let settings = Self {
            auth: Auth::read(from),
            jwt: Jwt::read(from, api.is_https()),
            api,
            mail: Mail::read(from, &data_dir),
            store: Store::read(from, &data_dir),
            vault: Keys::read(from, &data_dir),
            bus: Bus::read(from),
            hash: Hash::read(from),
            limits: workload::limits(from),
            social: Social::read(from),
            revocation: Revocation::read(from),
            output: Output::read(from),
            data_dir,
        };
        settings.check(from);
        settings
    }

    fn check(&self, from: &mut Reader) {
        if self.auth.pk == PkMode::Sequence && self.store.log.sql().is_none() {
            from.refuse(&["auth.pk", "store.log"], Conflict::NoSequence);
        }
        self.check_shared(from);
    }

    /// What is made up at a first start is of one machine.
    fn check_shared(&self, from: &mut Reader) {
        let Some(shared) = self.shared() else { return };
        if self.api.public_url.is_none() {
            from.refuse(&[shared, "api.public_url"], Conflict::Shared { shared, missing: "api.public_url" });
        }
        if !self.vault.is_given(from) {
            let missing = "vault.master_key or vault.master_key_file";
            from.refuse(&[shared, "vault.master_key"], Conflict::Shared { shared, missing });
        }
    }

    /// Whether no backend is beyond this process: then a first start may make up what it needs.
    pub(crate) fn is_embedded(&self) -> bool {
        self.shared().is_none()
    }

    /// The setting that names a backend beyond this process.
    fn shared(&self) -> Option<&'static str> {
        self.store.shared().or(self.bus.shared()).or(self.mail.shared())
    }

    /// The addresses that mails and tokens carry. `bound` is where requests are taken: only then is a port
    /// known that `api.listen` left open.
    pub(crate) fn links(&self, bound: SocketAddr) -> Links {
        Links::new(self, bound)
    }
}

/// Reads the settings of this process: its environment, and `config` or `stele.toml` where it was started.
pub(crate) fn from_process(config: Option<&Path>) -> Result<Settings, SettingsErrors> {
    let environment = env::vars_os().map(|(name, value)| {
        let text = |raw: std::ffi::OsString| raw.to_string_lossy().into_owned();
        (text(name), text(value))
    });
    load(config, environment, |path| fs::read_to_string(path))
}

/// Reads settings from a file, then from the environment, which wins. `config` must exist; without it
/// `stele.toml` is read if it does. Reports everything that is wrong at once.
pub(crate) fn load(
    config: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
    read_file: impl Fn(&Path) -> io::Result<String>,
) -> Result<Settings, SettingsErrors> {
    let mut errors = Vec::new();
    let mut given = Given::default();
    let path = config.unwrap_or(Path::new(FILE));
    match read_file(path) {
        Ok(text) => given.add_file(path, &text).unwrap_or_else(|error| errors.push(error)),
        Err(error) if config.is_none() && error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => errors.push(error::unreadable(path, error)),
    }
    given.add_environment(environment, &mut errors);
    given.read_files(&reference::names(&given), read_file, &mut errors);
    let mut reader = Reader::new(given, errors);
    let settings = Settings::read(&mut reader);
    reader.finish().map(|()| settings)
}
