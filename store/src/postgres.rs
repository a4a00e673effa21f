//! Opens databases on PostgreSQL the way every part of Stele wants them: every commit on disk, TLS as the URL says, no
//! connection that is kept for ever by a server that went away. Knows no table, and shows no password.

mod durability;
mod migration;
#[cfg(test)]
pub(crate) mod proxy;
mod reach;
#[cfg(test)]
mod tests;
mod url;

use std::time::Duration;

use sqlx::{
    ConnectOptions, PgConnection, PgPool,
    error::DatabaseError,
    migrate::{MigrateError, Migrator},
    postgres::{PgArguments, PgPoolOptions, PgRow},
    query::Query,
};
use tokio::time::timeout;

pub use durability::{Durability, Unsafe};
use reach::Reach;
pub use url::{Url, UrlError};

/// How long to wait for a connection, new or of the pool.
const CONNECT: Duration = Duration::from_secs(3);
/// After how much rest a connection is asked whether the server is still there.
const REST: Duration = Duration::from_secs(1);
/// How long a server may take for one answer: longer than it allows itself where it was told how long.
const ANSWER: Duration = Duration::from_secs(12);
/// How often what does no harm twice is tried again: a read that failed because the server was restarted, for instance.
const AGAIN: usize = 2;

/// What holds in a session for statements outside of transactions, as [`BEGIN`] says it for those within: whatever the role is set
/// to, and so that what waits for a lock in vain gives its connection back. A table that is small when a statement is planned may be
/// large when it is done again: what has an index goes by it. Behind a pooler it would be someone else's session.
const SESSION: &str = "set session characteristics as transaction isolation level read committed, read write; \
     set lock_timeout = '5s'; set statement_timeout = '10s'; set enable_seqscan = off; set jit = off";

/// Begins a transaction that sees what was committed before each of its statements, and that the server ends when whoever began
/// it is stuck: what it has locked is wanted by others. Holds for this transaction alone, so that it works behind a pooler too.
pub const BEGIN: &str = "begin isolation level read committed read write; set local lock_timeout = '5s'; \
     set local statement_timeout = '10s'; set local idle_in_transaction_session_timeout = '8s'";

/// Begins a transaction that may take as long as whole tables do, whatever the server is set to allow.
pub const BEGIN_UNHURRIED: &str = "begin isolation level read committed; set local statement_timeout = 0; \
     set local lock_timeout = 0; set local idle_in_transaction_session_timeout = 0; set local enable_seqscan = on";

/// The same, for one that reads everything as it is at one moment.
pub const BEGIN_SNAPSHOT: &str = "begin isolation level repeatable read read only; set local statement_timeout = 0; \
     set local lock_timeout = 0; set local idle_in_transaction_session_timeout = 0; set local enable_seqscan = on";

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the database {database} can't be reached")]
    Unreachable {
        database: String,
        #[source]
        source: sqlx::Error,
    },
    #[error("the database {database} may lose what it has acknowledged")]
    Unsafe {
        database: String,
        #[source]
        source: Unsafe,
    },
    #[error("the database {database} has the encoding {encoding}; make one with the encoding UTF8")]
    Encoding { database: String, encoding: String },
    #[error(
        "the database {database} was made by a newer version of Stele; use that version, or restore an older copy"
    )]
    Newer { database: String },
    #[error(
        "the database {database} was migrated by another build of Stele, whose steps were not these; use that build, or \
         restore an older copy"
    )]
    Foreign { database: String },
    #[error(
        "the tables of the database {database} are not those of this version, and its role may not change them; run \
         `stele migrate` as the role that owns them"
    )]
    MayNotMigrate {
        database: String,
        #[source]
        source: MigrateError,
    },
    #[error(
        "the log in {database} is a copy that was begun and not finished; finish it by the same `stele log copy` again"
    )]
    HalfCopied { database: String },
    #[error("the database {database} can't be migrated")]
    Migration {
        database: String,
        #[source]
        source: MigrateError,
    },
}

/// What to do about a server that is set to lose what it has acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Safety {
    Required,
    /// For those who know that they can do without.
    Waived,
}

/// A database on a server. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    pool: PgPool,
    url: Url,
    reach: Reach,
}

impl Database {
    /// Opens a database and migrates it where needed and allowed. Refuses one that may lose what it has acknowledged.
    pub async fn open(
        url: &Url,
        migrations: &Migrator,
        connections: u32,
        safety: Safety,
    ) -> Result<Self, OpenError> {
        let database = Self::connect(url, connections).await?;
        let shown = || url.to_string();
        let unreachable = |source| OpenError::Unreachable { database: shown(), source };
        let encoding = database.encoding().await.map_err(unreachable)?;
        if encoding != "UTF8" {
            return Err(OpenError::Encoding { database: shown(), encoding });
        }
        if safety == Safety::Required {
            let durability = database.durability().await.map_err(unreachable)?;
            durability.check().map_err(|source| OpenError::Unsafe { database: shown(), source })?;
        }
        migration::migrate(&database, migrations).await?;
        Ok(database)
    }

    /// Opens a database as it is, to be looked at.
    pub async fn connect(url: &Url, connections: u32) -> Result<Self, OpenError> {
        let (has_sessions, reach) = (url.has_sessions(), Reach::default());
        let losses = reach.clone();
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(CONNECT)
            .test_before_acquire(false)
            .after_connect(move |connection, _| Box::pin(begin_session(connection, has_sessions)))
            .before_acquire(move |connection, met| {
                // The one that is made in its place is sound, or shows that the server is away.
                let is_sound = !losses.may_be_lost(met.age);
                Box::pin(async move {
                    if is_sound && met.idle_for >= REST {
                        sqlx::Connection::ping(connection).await?;
                    }
                    Ok(is_sound)
                })
            });
        let pool = pool
            .connect_with(url.options().clone())
            .await
            .map_err(|source| OpenError::Unreachable { database: url.to_string(), source })?;
        Ok(Self { pool, url: url.clone(), reach })
    }

    /// A statement to be given to this database: prepared once for each connection, or each time anew where the connection
    /// may be another one the next time.
    pub fn query<'q>(&self, sql: &'static str) -> Query<'q, sqlx::Postgres, PgArguments> {
        sqlx::query(sql).persistent(self.has_sessions())
    }

    /// Whether a connection leads to one and the same session of the server for as long as it lives. Only then are there
    /// prepared statements and notifications.
    pub fn has_sessions(&self) -> bool {
        self.url.has_sessions()
    }

    /// Opens a transaction as [`BEGIN`] says; it is rolled back unless it is committed.
    pub async fn begin(&self) -> Result<sqlx::Transaction<'static, sqlx::Postgres>, sqlx::Error> {
        self.reach.check().await?;
        self.reach.learn(&self.url, self.pool.begin_with(BEGIN).await)
    }

    /// The rows that one statement answers, which must do no harm when it is done twice: it is tried again when the server was
    /// restarted meanwhile or undid it for the sake of others, and given up when the server does not answer at all. Nobody waits for
    /// one that is known to be away.
    pub async fn rows<'q>(
        &self,
        statement: impl Fn() -> Query<'q, sqlx::Postgres, PgArguments> + Send + Sync,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        self.reach.check().await?;
        let mut left = AGAIN;
        loop {
            let answer = timeout(ANSWER, self.ask(statement())).await;
            match self.reach.learn(&self.url, answer.unwrap_or(Err(sqlx::Error::PoolTimedOut))) {
                Err(error) if left > 0 && (is_lost(&error) || gave_way(&error)) => left -= 1,
                outcome => return outcome,
            }
        }
    }

    /// Behind a pooler only a transaction keeps the session in which the statement was prepared.
    async fn ask(
        &self,
        statement: Query<'_, sqlx::Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        if self.has_sessions() {
            return statement.fetch_all(&self.pool).await;
        }
        let mut transaction = self.begin().await?;
        let rows = statement.fetch_all(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(rows)
    }

    /// A connection beside the pool's.
    pub async fn connection(&self) -> Result<PgConnection, sqlx::Error> {
        self.reach.check().await?;
        let connect = async {
            let mut connection = self.url.options().connect().await?;
            begin_session(&mut connection, self.has_sessions()).await?;
            Ok(connection)
        };
        let connection = timeout(CONNECT, connect).await;
        self.reach.learn(&self.url, connection.unwrap_or(Err(sqlx::Error::PoolTimedOut)))
    }

    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Who else is connected to the database, by name; to be asked where the pool has one connection. Workers of the server
    /// itself have no name.
    pub async fn others(&self) -> Result<Vec<String>, sqlx::Error> {
        const SQL: &str = "select usename::text from pg_stat_activity where datname = current_database() \
             and usename is not null and pid <> pg_backend_pid() order by usename";
        self.rows(|| self.query(SQL)).await?.iter().map(|row| sqlx::Row::try_get(row, 0)).collect()
    }

    async fn encoding(&self) -> Result<String, sqlx::Error> {
        const SQL: &str = "select current_setting('server_encoding')";
        self.one(|| self.query(SQL)).await
    }

    /// The only column of the only row that a statement answers, as [`rows`](Self::rows) does.
    pub async fn one<'q, T>(
        &self,
        statement: impl Fn() -> Query<'q, sqlx::Postgres, PgArguments> + Send + Sync,
    ) -> Result<T, sqlx::Error>
    where
        T: sqlx::Type<sqlx::Postgres> + for<'r> sqlx::Decode<'r, sqlx::Postgres>,
    {
        let rows = self.rows(statement).await?;
        sqlx::Row::try_get(rows.first().ok_or(sqlx::Error::RowNotFound)?, 0)
    }
}

/// Until it is done the limits of the role hold, however tight somebody has made them.
async fn begin_session(connection: &mut PgConnection, has_sessions: bool) -> Result<(), sqlx::Error> {
    if !has_sessions {
        return Ok(());
    }
    let mut left = AGAIN;
    loop {
        match sqlx::raw_sql(SESSION).execute(&mut *connection).await {
            Err(error) if left > 0 && is_cancelled(&error) => left -= 1,
            outcome => return outcome.map(drop),
        }
    }
}

/// Whether the server gave a statement up because it took too long, or because an operator said so.
fn is_cancelled(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(DatabaseError::code).is_some_and(|code| code == "57014")
}

/// Whether the server undid a transaction for the sake of others: a deadlock, or one that could not be put in order with theirs.
fn gave_way(error: &sqlx::Error) -> bool {
    const CLASS: &str = "40";
    error.as_database_error().and_then(DatabaseError::code).is_some_and(|code| code.starts_with(CLASS))
}

/// Whether the connection is gone and the next one may be well.
pub fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        // Ended by an operator, by a crash, or after too long a rest; not yet started again.
        sqlx::Error::Database(error) => {
            matches!(error.code().as_deref(), Some("57P01" | "57P02" | "57P03" | "57P05" | "25P03"))
        }
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) => true,
        _ => false,
    }
}

/// Whether the same transaction may succeed a moment later: the connection is gone, others were in the way, or the server is
/// short of something.
pub fn may_pass(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(failed) => failed.code().is_some_and(|code| {
            // Connections; resources; lock and statement timeouts.
            is_lost(error)
                || gave_way(error)
                || ["08", "53", "58"].iter().any(|class| code.starts_with(class))
                || matches!(&*code, "55P03" | "57014")
        }),
        sqlx::Error::PoolTimedOut => true,
        _ => is_lost(error),
    }
}
