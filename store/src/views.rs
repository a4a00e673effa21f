//! The database of the read models, in which followers also keep their leases and places: on either engine, under the same
//! statements. Knows no table.

mod cell;
mod engine;
mod postgres;
mod sqlite;
mod table;

use std::{path::Path, time::Duration};

use async_trait::async_trait;
use domain::Time;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqlSafeStr, SqlStr, SqliteConnection, Transaction};

use tokio::time::{Instant, sleep};

pub use cell::{Cell, Row, unlike};
pub use engine::{Engine, Kind};
pub use table::Table;

use crate::{
    clock,
    postgres::{BEGIN_SNAPSHOT, BEGIN_UNHURRIED, Database, OpenError as ServerError, Safety, Url},
    sqlite::OpenError,
};
use sqlite::File;

/// Nobody else writes until this is over.
const BEGIN_ALONE: &str = "begin immediate";
/// How long whoever holds a lock only for a moment is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(50);

/// What the database is asked or told, with its parameters.
#[derive(Debug)]
pub struct Statement<'a> {
    sql: SqlStr,
    values: &'a [Cell],
    /// Whether it is worth being kept ready for the next time.
    again: bool,
}

impl<'a> Statement<'a> {
    pub fn new(sql: &'static str, values: &'a [Cell]) -> Self {
        Self { sql: sql.into_sql_str(), values, again: true }
    }

    /// One of few that were put together from names of tables and columns, and from nothing that came from outside.
    pub fn made(sql: String, values: &'a [Cell]) -> Self {
        Self { sql: AssertSqlSafe(sql).into_sql_str(), values, again: true }
    }

    /// As [`made`](Self::made), for one that is hardly given again.
    pub fn once(sql: String, values: &'a [Cell]) -> Self {
        Self { again: false, ..Self::made(sql, values) }
    }
}

/// Who takes statements, one after the other: a connection, in a transaction or not.
#[async_trait]
pub trait Statements: Send {
    fn engine(&self) -> Engine;

    /// The rows that a statement answers.
    async fn rows(&mut self, statement: Statement<'_>) -> Result<Vec<Row>, sqlx::Error>;

    /// Hands over each row that a statement answers, without having all of them in memory.
    async fn each(
        &mut self,
        statement: Statement<'_>,
        take: &mut (dyn FnMut(Row) + Send),
    ) -> Result<(), sqlx::Error>;

    /// How many rows a statement changed.
    async fn run(&mut self, statement: Statement<'_>) -> Result<u64, sqlx::Error>;

    /// Puts rows into a table, each in the place of the one with the same key. No two of them may have the same.
    async fn put(&mut self, table: Table<'_>, rows: &[Vec<Cell>]) -> Result<(), sqlx::Error>;
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Views(Place);

#[derive(Clone)]
enum Place {
    File(File),
    Server(Database),
}

/// A connection that is one caller's own.
pub enum Connection {
    Sqlite(SqliteConnection),
    Postgres {
        connection: PgConnection,
        /// As [`Database::has_sessions`] says.
        has_sessions: bool,
    },
}

/// A transaction; it is rolled back unless it is committed.
pub struct Work<'c> {
    open: Open<'c>,
    has_sessions: bool,
}

/// A lock in a database on a server, held until it is dropped.
pub struct Claim(#[expect(dead_code, reason = "it is held, not used")] Work<'static>);

enum Open<'c> {
    Sqlite(Transaction<'c, sqlx::Sqlite>),
    Postgres(Transaction<'c, sqlx::Postgres>),
}

impl Views {
    /// Opens a SQLite file, making and migrating it where needed.
    pub async fn open_file(path: &Path) -> Result<Self, OpenError> {
        File::open(path).await.map(Place::File).map(Self)
    }

    /// Opens a file that is there already, to be looked at.
    pub async fn inspect_file(path: &Path) -> Result<Self, OpenError> {
        File::inspect(path).await.map(Place::File).map(Self)
    }

    /// Opens a database on PostgreSQL, migrating it where needed and allowed.
    pub async fn open_url(url: &Url, safety: Safety) -> Result<Self, ServerError> {
        postgres::open(url, safety).await.map(Place::Server).map(Self)
    }

    /// Opens a database on PostgreSQL as it is, to be looked at.
    pub async fn inspect_url(url: &Url) -> Result<Self, ServerError> {
        Database::connect(url, 1).await.map(Place::Server).map(Self)
    }

    pub const fn engine(&self) -> Engine {
        match self.0 {
            Place::File(_) => Engine::Sqlite,
            Place::Server(_) => Engine::Postgres,
        }
    }

    /// The rows that a statement answers, which changes nothing.
    pub async fn rows(&self, statement: Statement<'_>) -> Result<Vec<Row>, sqlx::Error> {
        match &self.0 {
            Place::File(file) => sqlite::rows(&mut *file.readers.acquire().await?, statement).await,
            Place::Server(database) => ask(database, statement).await,
        }
    }

    /// Changes rows, and answers those that the statement returns. It must do no harm when it is done twice: its answer may be
    /// lost.
    pub async fn change(&self, statement: Statement<'_>) -> Result<Vec<Row>, sqlx::Error> {
        match &self.0 {
            Place::File(file) => sqlite::rows(&mut *file.writer.acquire().await?, statement).await,
            Place::Server(database) => ask(database, statement).await,
        }
    }

    /// Begins to write.
    pub async fn begin(&self) -> Result<Work<'static>, sqlx::Error> {
        Ok(match &self.0 {
            Place::File(file) => Work::sqlite(file.writer.begin_with(BEGIN_ALONE).await?),
            Place::Server(database) => Work::postgres(database.begin().await?, database.has_sessions()),
        })
    }

    /// Begins to read everything as it is at one moment.
    pub async fn snapshot(&self) -> Result<Work<'static>, sqlx::Error> {
        Ok(match &self.0 {
            Place::File(file) => Work::sqlite(file.readers.begin().await?),
            Place::Server(database) => {
                Work::postgres(database.pool().begin_with(BEGIN_SNAPSHOT).await?, database.has_sessions())
            }
        })
    }

    /// A connection of the caller's own, for long work.
    pub async fn connection(&self) -> Result<Connection, sqlx::Error> {
        Ok(match &self.0 {
            Place::File(file) => Connection::Sqlite(file.readers.acquire().await?.detach()),
            Place::Server(database) => Connection::Postgres {
                connection: database.connection().await?,
                has_sessions: database.has_sessions(),
            },
        })
    }

    /// Takes the lock of this number in a database on a server, waiting a little for whoever holds it for a moment. None while
    /// someone else holds it, and always in a file, which is guarded by other files beside it.
    pub async fn claim_soon(&self, number: i64) -> Result<Option<Claim>, sqlx::Error> {
        // It ends with the transaction: however its holder ends, and behind a pooler too.
        const SQL: &str = "select pg_try_advisory_xact_lock($1)::int::bigint";
        let Place::Server(database) = &self.0 else { return Ok(None) };
        let end = Instant::now() + PATIENCE;
        loop {
            let mut work =
                Work::postgres(database.pool().begin_with(BEGIN_UNHURRIED).await?, database.has_sessions());
            let rows = work.rows(Statement::new(SQL, &[number.into()])).await?;
            let answer = rows.into_iter().next().map(|mut row| row.number()).transpose()?;
            if answer == Some(1) {
                return Ok(Some(Claim(work)));
            }
            work.roll_back().await?;
            if Instant::now() > end {
                return Ok(None);
            }
            sleep(LOOK).await;
        }
    }

    /// What time it is for all who share this database: on a server its own clock counts, as theirs may differ.
    pub async fn now(&self) -> Result<Time, sqlx::Error> {
        const SQL: &str = "select (extract(epoch from clock_timestamp()) * 1000000)::bigint";
        match &self.0 {
            Place::File(_) => Ok(clock::now()),
            Place::Server(_) => {
                let rows = self.rows(Statement::new(SQL, &[])).await?;
                let mut row = rows.into_iter().next().ok_or(sqlx::Error::RowNotFound)?;
                row.number().map(Time)
            }
        }
    }
}

async fn ask(database: &Database, statement: Statement<'_>) -> Result<Vec<Row>, sqlx::Error> {
    let Statement { sql, values, again } = statement;
    let again = again && database.has_sessions();
    let query = || postgres::query(Statement { sql: sql.clone(), values, again });
    database.rows(query).await?.iter().map(postgres::cells).collect()
}

impl Connection {
    /// Begins to write.
    pub async fn begin(&mut self) -> Result<Work<'_>, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(connection) => Work::sqlite(connection.begin_with(BEGIN_ALONE).await?),
            Self::Postgres { connection, has_sessions } => {
                Work::postgres(connection.begin_with(crate::postgres::BEGIN).await?, *has_sessions)
            }
        })
    }
}

impl<'c> Work<'c> {
    fn sqlite(transaction: Transaction<'c, sqlx::Sqlite>) -> Self {
        Self { open: Open::Sqlite(transaction), has_sessions: true }
    }

    fn postgres(transaction: Transaction<'c, sqlx::Postgres>, has_sessions: bool) -> Self {
        Self { open: Open::Postgres(transaction), has_sessions }
    }

    pub async fn commit(self) -> Result<(), sqlx::Error> {
        match self.open {
            Open::Sqlite(transaction) => transaction.commit().await,
            Open::Postgres(transaction) => transaction.commit().await,
        }
    }

    async fn roll_back(self) -> Result<(), sqlx::Error> {
        match self.open {
            Open::Sqlite(transaction) => transaction.rollback().await,
            Open::Postgres(transaction) => transaction.rollback().await,
        }
    }
}

#[async_trait]
impl Statements for Work<'_> {
    fn engine(&self) -> Engine {
        match self.open {
            Open::Sqlite(_) => Engine::Sqlite,
            Open::Postgres(_) => Engine::Postgres,
        }
    }

    async fn rows(&mut self, statement: Statement<'_>) -> Result<Vec<Row>, sqlx::Error> {
        let statement = statement.fit(self.has_sessions);
        match &mut self.open {
            Open::Sqlite(transaction) => sqlite::rows(transaction, statement).await,
            Open::Postgres(transaction) => postgres::rows(transaction, statement).await,
        }
    }

    async fn each(
        &mut self,
        statement: Statement<'_>,
        take: &mut (dyn FnMut(Row) + Send),
    ) -> Result<(), sqlx::Error> {
        let statement = statement.fit(self.has_sessions);
        match &mut self.open {
            Open::Sqlite(transaction) => sqlite::each(transaction, statement, take).await,
            Open::Postgres(transaction) => postgres::each(transaction, statement, take).await,
        }
    }

    async fn run(&mut self, statement: Statement<'_>) -> Result<u64, sqlx::Error> {
        let statement = statement.fit(self.has_sessions);
        match &mut self.open {
            Open::Sqlite(transaction) => sqlite::run(transaction, statement).await,
            Open::Postgres(transaction) => postgres::run(transaction, statement).await,
        }
    }

    async fn put(&mut self, table: Table<'_>, rows: &[Vec<Cell>]) -> Result<(), sqlx::Error> {
        match &mut self.open {
            Open::Sqlite(transaction) => sqlite::put(transaction, table, rows).await,
            Open::Postgres(transaction) => postgres::put(transaction, (table, rows), self.has_sessions).await,
        }
    }
}

impl Statement<'_> {
    /// Nothing is kept ready where the next one may be given to another session.
    fn fit(self, has_sessions: bool) -> Self {
        Self { again: self.again && has_sessions, ..self }
    }
}

/// Outside of a transaction each statement is one, as behind a pooler only that is sure to be one session.
#[async_trait]
impl Statements for Connection {
    fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres { .. } => Engine::Postgres,
        }
    }

    async fn rows(&mut self, statement: Statement<'_>) -> Result<Vec<Row>, sqlx::Error> {
        let mut work = self.unhurried().await?;
        let rows = work.rows(statement).await?;
        work.commit().await.map(|()| rows)
    }

    async fn each(
        &mut self,
        statement: Statement<'_>,
        take: &mut (dyn FnMut(Row) + Send),
    ) -> Result<(), sqlx::Error> {
        let mut work = self.unhurried().await?;
        work.each(statement, take).await?;
        work.commit().await
    }

    async fn run(&mut self, statement: Statement<'_>) -> Result<u64, sqlx::Error> {
        let mut work = self.unhurried().await?;
        let changed = work.run(statement).await?;
        work.commit().await.map(|()| changed)
    }

    async fn put(&mut self, table: Table<'_>, rows: &[Vec<Cell>]) -> Result<(), sqlx::Error> {
        let mut work = self.unhurried().await?;
        work.put(table, rows).await?;
        work.commit().await
    }
}

impl Connection {
    /// A transaction that may take as long as whole tables do.
    async fn unhurried(&mut self) -> Result<Work<'_>, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(connection) => Work::sqlite(connection.begin().await?),
            Self::Postgres { connection, has_sessions } => {
                Work::postgres(connection.begin_with(BEGIN_UNHURRIED).await?, *has_sessions)
            }
        })
    }
}
