//! Reads of streams that are asked for at the same moment, in one statement: on its way to SQLite and back a statement costs many
//! times what it costs there.

use async_trait::async_trait;
use sqlx::{Row, SqlitePool, sqlite::SqliteRow};

use super::{Recorded, StoreError, StreamId, recorded, to_sql};
use crate::together::Answers;

/// Asks for the events of a stream after a version.
pub(super) struct Tail {
    pub(super) stream: StreamId,
    pub(super) after: u64,
}

pub(super) struct StreamReader(pub(super) SqlitePool);

#[async_trait]
impl Answers for StreamReader {
    type Question = Tail;
    type Answer = Result<Vec<Recorded>, StoreError>;
    type Error = sqlx::Error;

    async fn answer(&self, tails: Vec<Tail>) -> Result<Vec<Self::Answer>, sqlx::Error> {
        if let [tail] = tails.as_slice() {
            return Ok(vec![self.one(tail).await?.iter().map(recorded).collect()]);
        }
        let mut answers: Vec<Self::Answer> = tails.iter().map(|_| Ok(Vec::new())).collect();
        for row in self.many(&tails).await? {
            let asked: i64 = row.try_get("asked")?;
            let Some(answer) = usize::try_from(asked).ok().and_then(|asked| answers.get_mut(asked)) else {
                continue;
            };
            match (recorded(&row), answer) {
                (Ok(event), Ok(events)) => events.push(event),
                (Err(error), answer) => *answer = Err(error),
                (Ok(_), Err(_)) => {}
            }
        }
        Ok(answers)
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
        const SQL: &str = "select asked.key as asked, e.position, e.stream, e.version, e.id, e.type, e.recorded_at, \
             e.correlation, e.causation, e.actor, e.data, e.sealed from json_each(?) as asked cross join events as e \
             on e.stream = asked.value ->> 0 and e.version > asked.value ->> 1 order by asked.key, e.version";
        let asked: Vec<_> = tails.iter().map(|tail| (tail.stream.as_str(), tail.after)).collect();
        let asked = serde_json::to_string(&asked).map_err(|error| sqlx::Error::Encode(error.into()))?;
        sqlx::query(SQL).bind(asked).fetch_all(&self.0).await
    }
}
