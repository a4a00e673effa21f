//! The steps by which each database comes to the shape that this version wants, as the folder `migrations` has them. `sqlx::migrate!`
//! would do the same, and have every build make SQLite, PostgreSQL's client and TLS a second time, for the compiler.

#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use sqlx::{
    SqlStr,
    migrate::{Migration, MigrationType, Migrator},
};

/// All steps of one database, in order. A step that some database has taken is never changed.
pub(crate) type Steps = LazyLock<Migrator>;

macro_rules! steps {
    ($folder:literal: $(($number:literal, $name:literal)),+) => {
        Steps::new(|| {
            Migrator::with_migrations(vec![$(step(
                $number,
                $name,
                include_str!(concat!("../../migrations/", $folder, "/000", $number, "_", $name, ".sql")),
            )),+])
        })
    };
}

pub(crate) static LOG_ON_SQLITE: Steps = steps!["log/sqlite": (1, "log"), (2, "copy")];
pub(crate) static LOG_ON_POSTGRES: Steps = steps!["log/postgres": (1, "log"), (2, "copy")];
pub(crate) static VAULT_ON_SQLITE: Steps = steps!["vault/sqlite": (1, "vault")];
pub(crate) static VAULT_ON_POSTGRES: Steps = steps!["vault/postgres": (1, "vault")];
pub(crate) static VIEWS_ON_SQLITE: Steps =
    steps!["views/sqlite": (1, "views"), (2, "switch"), (3, "listeners"), (4, "social")];
pub(crate) static VIEWS_ON_POSTGRES: Steps =
    steps!["views/postgres": (1, "views"), (2, "listeners"), (3, "social")];

fn step(number: i64, name: &'static str, sql: &'static str) -> Migration {
    Migration::new(number, name.into(), MigrationType::Simple, SqlStr::from_static(sql), false)
}
