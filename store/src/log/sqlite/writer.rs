//! What SQLite is asked for a batch: it runs under the write lock of the file, on a connection of its own.

use std::collections::HashMap;

use async_trait::async_trait;
use domain::Time;
use sqlx::{Connection, QueryBuilder, Sqlite, SqliteConnection, sqlite::SqliteConnectOptions};
use uuid::Uuid;

use super::head;
use crate::log::{
    Position, StreamId,
    batch::{Engine, Place, Placed, Tail, Transaction},
    from_sql, to_sql,
};

/// How many events one statement inserts, at most: a power of two.
const MOST_ROWS: usize = 128;

/// The connection that writes, and how to make another.
pub(in crate::log) struct SqliteEngine {
    connection: SqliteConnection,
    options: SqliteConnectOptions,
}

impl SqliteEngine {
    pub(in crate::log) fn new(connection: SqliteConnection, options: SqliteConnectOptions) -> Self {
        Self { connection, options }
    }
}

#[async_trait]
impl Engine for SqliteEngine {
    async fn begin(&mut self) -> Result<Box<dyn Transaction + '_>, sqlx::Error> {
        Ok(Box::new(Open(self.connection.begin_with("begin immediate").await?)))
    }

    /// Whoever waits has waited for the lock already, and a full disk stays full.
    async fn recover(&mut self, _error: &sqlx::Error) -> bool {
        if let Ok(fresh) = SqliteConnection::connect_with(&self.options).await {
            self.connection = fresh;
        }
        false
    }
}

struct Open<'c>(sqlx::Transaction<'c, Sqlite>);

#[async_trait]
impl Transaction for Open<'_> {
    async fn stand(
        &mut self,
        streams: &[&StreamId],
    ) -> Result<(Position, HashMap<StreamId, Tail>), sqlx::Error> {
        const SQL: &str = "select asked.key, e.version, e.recorded_at from json_each(?) as asked cross join events as e \
             on e.stream = asked.value and e.version = (select max(version) from events where stream = asked.value)";
        let head = head(&mut *self.0).await?;
        let names: Vec<&str> = streams.iter().map(|stream| stream.as_str()).collect();
        let found: Vec<(i64, i64, i64)> =
            sqlx::query_as(SQL).bind(json(&names)?).fetch_all(&mut *self.0).await?;
        let tail = |(asked, version, at)| {
            let stream = usize::try_from(asked).ok().and_then(|asked| streams.get(asked))?;
            Some(((*stream).clone(), Tail { version: from_sql(version), recorded_at: Time(at) }))
        };
        Ok((head, found.into_iter().filter_map(tail).collect()))
    }

    async fn find(&mut self, ids: &[Uuid]) -> Result<HashMap<Uuid, Place>, sqlx::Error> {
        const SQL: &str = "select asked.key, e.stream, e.position from json_each(?) as asked cross join events as e \
             on e.id = unhex(asked.value)";
        let texts: Vec<String> = ids.iter().map(|id| id.simple().to_string()).collect();
        let found: Vec<(i64, String, i64)> =
            sqlx::query_as(SQL).bind(json(&texts)?).fetch_all(&mut *self.0).await?;
        let place = |(asked, stream, position)| {
            let id = usize::try_from(asked).ok().and_then(|asked| ids.get(asked))?;
            Some((*id, Place { stream: StreamId::named(stream), position: Position::from_sql(position) }))
        };
        Ok(found.into_iter().filter_map(place).collect())
    }

    async fn commit(mut self: Box<Self>, events: &[Placed<'_>], head: Position) -> Result<(), sqlx::Error> {
        insert(&mut self.0, events).await?;
        sqlx::query("update log_head set position = ?, barriers = barriers + ?")
            .bind(head.to_sql())
            .bind(i64::from(events.is_empty()))
            .execute(&mut *self.0)
            .await?;
        self.0.commit().await
    }
}

fn json(texts: &[impl serde::Serialize]) -> Result<String, sqlx::Error> {
    serde_json::to_string(texts).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// Inserts the events, many with one statement. Their numbers are powers of two, so that few statements are prepared.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    events: &[Placed<'_>],
) -> Result<(), sqlx::Error> {
    let mut rest = events;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(1 << rest.len().min(MOST_ROWS).ilog2());
        let mut statement = QueryBuilder::new(
            "insert into events (position, stream, version, id, type, recorded_at, correlation, causation, actor, \
             data, sealed) ",
        );
        statement.push_values(now, |mut row, Placed { stream, event, tail, position }| {
            row.push_bind(position.to_sql())
                .push_bind(stream.as_str())
                .push_bind(to_sql(tail.version))
                .push_bind(event.id.as_bytes().as_slice())
                .push_bind(event.kind.as_str())
                .push_bind(tail.recorded_at.0)
                .push_bind(event.correlation.as_bytes().as_slice())
                .push_bind(event.causation.as_ref().map(|id| id.as_bytes().as_slice()))
                .push_bind(event.actor.as_str())
                .push_bind(event.data.as_str())
                .push_bind(event.sealed.as_deref());
        });
        statement.build().execute(&mut *connection).await?;
        rest = later;
    }
    Ok(())
}
