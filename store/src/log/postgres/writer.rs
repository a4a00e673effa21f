//! What PostgreSQL is asked for a batch: it runs under a lock on the head row, on a connection of its own. A connection that is lost
//! is made anew, and what it left open is decided by the ids of the events.

use std::{collections::HashMap, io, time::Duration};

use async_trait::async_trait;
use domain::Time;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Postgres, Row, postgres::PgRow};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::news::CHANNEL;
use crate::{
    log::{
        Position, StreamId,
        batch::{Engine, Place, Placed, Tail, Transaction},
        from_sql, to_sql,
    },
    postgres::{BEGIN, Database, may_pass},
};

/// The locks of whoever began before are waited for here. What is read next sees what he wrote.
pub(super) const LOCK: &str = "select from log_head for no key update";
/// How long the server may take for one step: longer than it allows itself.
const STEP: Duration = Duration::from_secs(12);
/// How often a batch is tried again. While the server is away, later batches are tried once only.
const TRIES: u32 = 4;
/// How long to wait before the first of them; twice as long before each other.
const PAUSE: Duration = Duration::from_millis(50);

pub(super) struct PostgresEngine {
    database: Database,
    connection: Option<PgConnection>,
    /// How often trying again has failed since something was committed.
    failures: u32,
}

impl PostgresEngine {
    pub(super) fn new(database: Database) -> Self {
        Self { database, connection: None, failures: 0 }
    }
}

#[async_trait]
impl Engine for PostgresEngine {
    async fn begin(&mut self) -> Result<Box<dyn Transaction + '_>, sqlx::Error> {
        let Self { database, connection, failures } = self;
        let connection = match connection {
            Some(connection) => connection,
            none => none.insert(database.connection().await?),
        };
        let transaction = in_time(connection.begin_with(AssertSqlSafe(format!("{BEGIN}; {LOCK}")))).await?;
        Ok(Box::new(Open { database, transaction, failures }))
    }

    async fn recover(&mut self, error: &sqlx::Error) -> bool {
        self.connection = None;
        let again = may_pass(error) && self.failures < TRIES;
        if again {
            sleep(PAUSE * 2_u32.pow(self.failures)).await;
            self.failures += 1;
        }
        again
    }
}

struct Open<'c> {
    database: &'c Database,
    transaction: sqlx::Transaction<'c, Postgres>,
    failures: &'c mut u32,
}

#[async_trait]
impl Transaction for Open<'_> {
    async fn stand(
        &mut self,
        streams: &[&StreamId],
    ) -> Result<(Position, HashMap<StreamId, Tail>), sqlx::Error> {
        // Behind a select, so that it is planned once: see `streams::READ`.
        const SQL: &str = "select head.position, tail.stream, tail.version, tail.recorded_at from log_head as head \
             left join (select last.* from unnest((select $1::text[])) as asked (stream) cross join lateral \
             (select stream, version, recorded_at from events where stream = asked.stream order by version desc limit 1) \
             as last) as tail on true";
        let names: Vec<&str> = streams.iter().map(|stream| stream.as_str()).collect();
        let rows = in_time(self.database.query(SQL).bind(names).fetch_all(&mut *self.transaction)).await?;
        let head = rows.first().ok_or(sqlx::Error::RowNotFound)?.try_get("position")?;
        let tails = rows.iter().filter_map(|row| tail(row).transpose()).collect::<Result<_, _>>()?;
        Ok((Position::from_sql(head), tails))
    }

    async fn find(&mut self, ids: &[Uuid]) -> Result<HashMap<Uuid, Place>, sqlx::Error> {
        const SQL: &str = "select asked.place - 1, e.stream, e.position \
             from unnest($1::bytea[]) with ordinality as asked (id, place) join events as e on e.id = asked.id";
        let bytes: Vec<&[u8]> = ids.iter().map(|id| id.as_bytes().as_slice()).collect();
        let rows = in_time(self.database.query(SQL).bind(bytes).fetch_all(&mut *self.transaction)).await?;
        let mut places = HashMap::new();
        for row in &rows {
            let asked = usize::try_from(row.try_get::<i64, _>(0)?).ok();
            if let Some(id) = asked.and_then(|asked| ids.get(asked)) {
                let stream = StreamId::named(row.try_get::<String, _>(1)?);
                places.insert(*id, Place { stream, position: Position::from_sql(row.try_get(2)?) });
            }
        }
        Ok(places)
    }

    async fn commit(self: Box<Self>, events: &[Placed<'_>], head: Position) -> Result<(), sqlx::Error> {
        let Self { database, mut transaction, failures } = *self;
        in_time(write(database, &mut transaction, events, head)).await?;
        in_time(transaction.commit()).await?;
        *failures = 0;
        Ok(())
    }
}

fn tail(row: &PgRow) -> Result<Option<(StreamId, Tail)>, sqlx::Error> {
    let Some(stream) = row.try_get::<Option<String>, _>("stream")? else {
        return Ok(None);
    };
    let (version, at) = (from_sql(row.try_get("version")?), Time(row.try_get("recorded_at")?));
    Ok(Some((StreamId::named(stream), Tail { version, recorded_at: at })))
}

/// Inserts the events, raises the head and wakes whoever listens once it is committed, all by one statement.
pub(super) async fn write(
    database: &Database,
    connection: &mut PgConnection,
    events: &[Placed<'_>],
    head: Position,
) -> Result<(), sqlx::Error> {
    const SQL: &str = "with written as (insert into events (position, stream, version, id, type, recorded_at, \
         correlation, causation, actor, data, sealed) select * from unnest($1::bigint[], $2::text[], $3::bigint[], \
         $4::bytea[], $5::text[], $6::bigint[], $7::bytea[], $8::bytea[], $9::text[], $10::text[], $11::text[])), \
         raised as (update log_head set position = $12::bigint, barriers = barriers + $13::bigint) \
         select pg_notify($14, $12::bigint::text) where $13::bigint = 0";
    fn all<'e, T>(events: &'e [Placed<'e>], of: impl Fn(&'e Placed<'e>) -> T) -> Vec<T> {
        events.iter().map(of).collect()
    }
    database
        .query(SQL)
        .bind(all(events, |placed| placed.position.to_sql()))
        .bind(all(events, |placed| placed.stream.as_str()))
        .bind(all(events, |placed| to_sql(placed.tail.version)))
        .bind(all(events, |placed| placed.event.id.as_bytes().as_slice()))
        .bind(all(events, |placed| placed.event.kind.as_str()))
        .bind(all(events, |placed| placed.tail.recorded_at.0))
        .bind(all(events, |placed| placed.event.correlation.as_bytes().as_slice()))
        .bind(all(events, |placed| placed.event.causation.as_ref().map(|id| id.as_bytes().as_slice())))
        .bind(all(events, |placed| placed.event.actor.as_str()))
        .bind(all(events, |placed| placed.event.data.as_str()))
        .bind(all(events, |placed| placed.event.sealed.as_deref()))
        .bind(head.to_sql())
        .bind(i64::from(events.is_empty()))
        .bind(CHANNEL)
        .execute(connection)
        .await?;
    Ok(())
}

/// A server that does not answer at all is as good as gone.
async fn in_time<T>(step: impl Future<Output = Result<T, sqlx::Error>> + Send) -> Result<T, sqlx::Error> {
    timeout(STEP, step).await.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
}
