//! What PostgreSQL is asked for the events of many streams at once.

use async_trait::async_trait;
use sqlx::{Row, postgres::PgRow};

use crate::{
    log::{
        row::{BESIDE, recorded},
        tail::{Events, Tail, deal},
        to_sql,
    },
    postgres::Database,
    together::Answers,
};

/// With `offset 0` the events of each stream are looked up by themselves. Without it PostgreSQL may join them to what is asked as it
/// sees fit, which it takes for cheap where it knows little of the log, and go through all events. What is asked stands behind a
/// select of its own: where PostgreSQL sees how much it is, it makes a plan for each time, which takes longer than the reading.
pub(super) const READ: &str = "select e.*, asked.place - 1 \
     from unnest((select $1::text[]), (select $2::bigint[])) with ordinality as asked (stream, after, place) \
     cross join lateral (select position, stream, version, id, type, recorded_at, correlation, causation, actor, \
     data, sealed from events where stream = asked.stream and version > asked.after offset 0) as e \
     order by asked.place, e.version";

pub(super) struct StreamReader(pub(super) Database);

#[async_trait]
impl Answers for StreamReader {
    type Question = Tail;
    type Answer = Events;
    type Error = sqlx::Error;

    async fn answer(&self, tails: Vec<Tail>) -> Result<Vec<Events>, sqlx::Error> {
        let (streams, versions): (Vec<&str>, Vec<i64>) =
            tails.iter().map(|tail| (tail.stream.as_str(), to_sql(tail.after))).unzip();
        let rows = self.0.rows(|| self.0.query(READ).bind(streams.clone()).bind(versions.clone())).await?;
        let event = |row: &PgRow| Ok((row.try_get(BESIDE)?, recorded(row)));
        Ok(deal(tails.len(), rows.iter().map(event).collect::<Result<Vec<_>, sqlx::Error>>()?))
    }
}
