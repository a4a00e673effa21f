//! Brings a database to the tables of this version: one process does it, the others wait, and a role that may not do it goes
//! on where nothing is to be done.

use std::borrow::Cow;

use sqlx::{
    Row,
    migrate::{MigrateError, Migrator},
};

use super::{BEGIN_UNHURRIED, Database, OpenError};

/// Held by whoever migrates, for the length of his transaction: the bytes of `stele` and a number.
const LOCK: i64 = 0x73_74_65_6c_65_00_01;

/// How the tables of a database stand to those of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Same,
    Older,
    Newer,
    Foreign,
}

pub(super) async fn migrate(database: &Database, migrations: &Migrator) -> Result<(), OpenError> {
    let shown = || database.url().to_string();
    let standing = standing(database, migrations)
        .await
        .map_err(|source| OpenError::Unreachable { database: shown(), source })?;
    match standing {
        Standing::Same => Ok(()),
        Standing::Newer => Err(OpenError::Newer { database: shown() }),
        Standing::Foreign => Err(OpenError::Foreign { database: shown() }),
        Standing::Older => run(database, migrations).await.map_err(|source| match source {
            source if is_forbidden(&source) => OpenError::MayNotMigrate { database: shown(), source },
            source => OpenError::Migration { database: shown(), source },
        }),
    }
}

/// Asks before anything is tried: a role with the least rights may read this, and make no table.
async fn standing(database: &Database, migrations: &Migrator) -> Result<Standing, sqlx::Error> {
    const MADE: &str = "select to_regclass('_sqlx_migrations') is not null";
    const APPLIED: &str = "select version, checksum from _sqlx_migrations";
    if !database.one(|| database.query(MADE)).await? {
        return Ok(Standing::Older);
    }
    let mut missing: Vec<_> = migrations.iter().collect();
    for row in database.rows(|| database.query(APPLIED)).await? {
        let (version, checksum): (i64, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
        let Some(place) = missing.iter().position(|migration| migration.version == version) else {
            return Ok(Standing::Newer);
        };
        if missing.remove(place).checksum != checksum {
            return Ok(Standing::Foreign);
        }
    }
    Ok(if missing.is_empty() { Standing::Same } else { Standing::Older })
}

/// All in one transaction, under a lock that ends with it: whatever happens, nothing half is left, and a pooler may stand
/// between. What another process did meanwhile is not done again.
async fn run(database: &Database, migrations: &Migrator) -> Result<(), MigrateError> {
    const FORGET: &str = "deallocate all";
    let unlocked = Migrator {
        migrations: Cow::Owned(migrations.iter().cloned().collect()),
        locking: false,
        ..Migrator::DEFAULT
    };
    let mut transaction = database.pool().begin_with(BEGIN_UNHURRIED).await?;
    database.query("select pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *transaction).await?;
    // Migrations prepare statements under names, which must not meet those of others behind a pooler.
    if !database.has_sessions() {
        sqlx::raw_sql(FORGET).execute(&mut *transaction).await?;
    }
    unlocked.run_direct(None, &mut *transaction, false).await?;
    if !database.has_sessions() {
        sqlx::raw_sql(FORGET).execute(&mut *transaction).await?;
    }
    Ok(transaction.commit().await?)
}

fn is_forbidden(error: &MigrateError) -> bool {
    let (MigrateError::Execute(sqlx::Error::Database(error))
    | MigrateError::ExecuteMigration(sqlx::Error::Database(error), _)) = error
    else {
        return false;
    };
    error.code().as_deref() == Some("42501")
}
