//! What SQLite is asked for the events of one stream, or of many at once.

use async_trait::async_trait;
use sqlx::{Row, SqlitePool, sqlite::SqliteRow};

use crate::{
    log::{
        row::{BESIDE, recorded},
        tail::{Events, Tail, deal},
        to_sql,
    },
    together::Answers,
};

pub(super) struct StreamReader(pub(super) SqlitePool);

#[async_trait]
impl Answers for StreamReader {
    type Question = Tail;
    type Answer = Events;
    type Error = sqlx::Error;

    async fn answer(&self, tails: Vec<Tail>) -> Result<Vec<Events>, sqlx::Error> {
        if let [tail] = tails.as_slice() {
            return Ok(vec![self.one(tail).await?.iter().map(recorded).collect()]);
        }
        let rows = self.many(&tails).await?;
        let event = |row: &SqliteRow| Ok((row.try_get(BESIDE)?, recorded(row)));
        Ok(deal(tails.len(), rows.iter().map(event).collect::<Result<Vec<_>, sqlx::Error>>()?))
    }
}

impl StreamReader {
    async fn one(&self, tail: &Tail) -> Result<Vec<SqliteRow>, sqlx::Error> {
        const SQL: &str = "select position, stream, version, id, type, recorded_at, correlation, causation, actor, \
             data, sealed from events where stream = ? and version > ? order by version";
        sqlx::query(SQL).bind(tail.stream.as_str()).bind(to_sql(tail.after)).fetch_all(&self.0).await
    }

    /// `cross join` makes SQLite go from what is asked to the events, and not the other way round.
    async fn many(&self, tails: &[Tail]) -> Result<Vec<SqliteRow>, sqlx::Error> {
        const SQL: &str = "select e.position, e.stream, e.version, e.id, e.type, e.recorded_at, e.correlation, \
             e.causation, e.actor, e.data, e.sealed, asked.key from json_each(?) as asked cross join events as e \
             on e.stream = asked.value ->> 0 and e.version > asked.value ->> 1 order by asked.key, e.version";
        let asked: Vec<_> = tails.iter().map(|tail| (tail.stream.as_str(), tail.after)).collect();
        let asked = serde_json::to_string(&asked).map_err(|error| sqlx::Error::Encode(error.into()))?;
        sqlx::query(SQL).bind(asked).fetch_all(&self.0).await
    }
}
