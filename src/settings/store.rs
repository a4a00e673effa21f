//! Where the databases and the master key are. Opens and reads none of them.

use std::path::{Path, PathBuf};

use super::{
    backend::{Database, Log},
    error::Conflict,
    master_key::MasterKeyText,
    reader::Reader,
    redacted::Redacted,
};

#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) log: Log,
    pub(crate) views: Database,
    pub(crate) vault: Database,
    /// Whether a server may be used that can lose what it has acknowledged.
    pub(crate) allow_unsafe: bool,
}

impl Store {
    pub(super) fn read(from: &mut Reader, data: &Path) -> Self {
        let log = from.get(
            "store.log",
            Log::Sql(Database::Sqlite(data.join("log.db"))),
            "The event log, the source of truth: back it up. Or postgres://user:password@host/database or esdb://host:2113.",
        );
        let store = Self {
            log,
            views: from.get(
                "store.views",
                Database::Sqlite(data.join("views.db")),
                "Read models; they can be made again from the log. Or postgres://….",
            ),
            vault: from.get(
                "store.vault",
                Database::Sqlite(data.join("vault.db")),
                "The keys that seal personal data. Back it up apart from the log; keep copies briefly. Or postgres://….",
            ),
            allow_unsafe: from.get(
                "store.allow_unsafe",
                false,
                "Takes a PostgreSQL that can lose what it acknowledged: fsync, synchronous_commit or full_page_writes off.",
            ),
        };
        store.check(from);
        store
    }

    /// The setting that names a backend which other machines may use too.
    pub(super) fn shared(&self) -> Option<&'static str> {
        if self.log.sql().is_none() {
            return Some("store.log");
        }
        self.named().find(|(_, database)| database.url().is_some()).map(|(name, _)| name)
    }

    /// Whether one of the databases is on a server.
    pub(crate) fn is_shared(&self) -> bool {
        self.shared().is_some()
    }

    /// The databases on SQL.
    fn named(&self) -> impl Iterator<Item = (&'static str, &Database)> {
        let others = [("store.views", &self.views), ("store.vault", &self.vault)];
        self.log.sql().map(|log| ("store.log", log)).into_iter().chain(others)
    }

    /// The setting that names a backend which no other process can use.
    pub(crate) fn embedded(&self) -> Option<&'static str> {
        self.named().find(|(_, database)| database.file().is_some()).map(|(name, _)| name)
    }

    /// Whether several processes may serve: each of them needs the log, and the desk of the followers beside the read models.
    pub(crate) fn lets_many_serve(&self) -> bool {
        self.log.file().or(self.views.file()).is_none()
    }

    fn check(&self, from: &mut Reader) {
        let named: Vec<_> = self.named().collect();
        let pairs =
            (1..).zip(&named).flat_map(|(next, one)| named.iter().skip(next).map(move |other| (one, other)));
        for ((one, database), (other, same)) in pairs {
            if database.file().is_some() && database.file() == same.file() {
                from.refuse(&[*one, *other], Conflict::SameFile(one, other));
            }
            if let (Some(url), Some(same)) = (database.url(), same.url())
                && url.is_same_database(same)
            {
                from.refuse(&[*one, *other], Conflict::SameDatabase(one, other));
            }
        }
    }
}

/// The section `vault`: the key that wraps all other keys.
#[derive(Debug)]
pub(crate) struct Keys {
    /// It comes before the file, which is not read then.
    pub(crate) master_key: Option<Redacted<[u8; 32]>>,
    /// While every backend is embedded, it is made where there is none.
    pub(crate) master_key_file: PathBuf,
}

impl Keys {
    pub(super) fn read(from: &mut Reader, data: &Path) -> Self {
        let key: Option<MasterKeyText> = from.without_default(
            "vault.master_key",
            "32 random bytes in base64 or hex (openssl rand -base64 32), best in the environment.",
        );
        let master_key_file = from.get(
            "vault.master_key_file",
            data.join("master.key"),
            "The file of the master key, made at the first start. Back it up: nothing can replace it.",
        );
        if from.is_given("vault.master_key") && from.is_given("vault.master_key_file") {
            from.refuse(&["vault.master_key", "vault.master_key_file"], Conflict::TwoMasterKeys);
        }
        Self { master_key: key.map(|MasterKeyText(key)| key), master_key_file }
    }

    pub(super) fn is_given(&self, from: &Reader) -> bool {
        self.master_key.is_some() || from.is_given("vault.master_key_file")
    }
}
