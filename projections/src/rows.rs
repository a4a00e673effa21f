//! Rows at hand: taken from a shelf when an event first asks for them, changed in memory, and put back together. The one
//! way by which rows are changed, for the follower that keeps a model and for a rebuild.

use std::collections::{HashMap, HashSet};

use sqlx::{AssertSqlSafe, SqliteConnection};
use store::{Recorded, StreamId};

use crate::{Cell, ReadModel, parked, read_model::Outcome, shelf::Shelf};

/// How many rows one statement may write, the most first. Statements of few sizes can be kept ready.
const AT_ONCE: [usize; 3] = [100, 10, 1];

/// Rows of one model.
pub(crate) struct Rows<M> {
    shelf: Shelf,
    held: HashMap<StreamId, Held<M>>,
}

/// One aggregate of those that events told of.
struct Held<M> {
    row: Option<M>,
    parked: bool,
}

impl<M: ReadModel> Rows<M> {
    pub(crate) fn of(shelf: Shelf) -> Self {
        Self { shelf, held: HashMap::new() }
    }

    /// How many aggregates are at hand.
    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    /// Changes rows by events of their streams, in the order of the log. One that can't be read parks its aggregate.
    pub(crate) async fn take(
        &mut self,
        connection: &mut SqliteConnection,
        events: &[&Recorded],
        outcomes: Vec<Outcome<M>>,
    ) -> Result<(), sqlx::Error> {
        self.fetch(connection, events).await?;
        for (recorded, outcome) in events.iter().zip(outcomes) {
            let Some(held) = self.held.get_mut(&recorded.stream).filter(|held| !held.parked) else {
                continue;
            };
            match outcome {
                Ok(event) => held.row = M::with(held.row.take(), &event, recorded),
                Err(error) => {
                    held.parked = true;
                    parked::park(connection, self.shelf, (M::NAME, recorded), &error).await?;
                }
            }
        }
        Ok(())
    }

    /// Takes what the events tell of and is not at hand from the shelf.
    async fn fetch(
        &mut self,
        connection: &mut SqliteConnection,
        events: &[&Recorded],
    ) -> Result<(), sqlx::Error> {
        let streams = events.iter().map(|recorded| &recorded.stream);
        let missing: HashSet<&StreamId> = streams.filter(|stream| !self.held.contains_key(stream)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = missing.iter().map(|stream| stream.as_str()).collect();
        let parked = parked::among(connection, self.shelf, M::NAME, &names).await?;
        let keys: Vec<&str> = missing.iter().map(|stream| stream.key()).collect();
        for row in load::<M>(connection, self.shelf, &keys).await? {
            let stream = StreamId::named(format!("{}-{}", M::STREAMS, row.key()));
            // A stream whose name is no key of ours, such as user-007, may find the row of another.
            if missing.contains(&stream) {
                self.held.insert(stream, Held { row: Some(row), parked: false });
            }
        }
        for stream in missing {
            let held = self.held.entry(stream.clone()).or_insert(Held { row: None, parked: false });
            held.parked = parked.contains(stream.as_str());
        }
        Ok(())
    }

    /// Puts all rows back, and has none at hand any more.
    pub(crate) async fn save(&mut self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        // In the order of their keys, neighbours share the pages that are written.
        let mut rows: Vec<M> = self.held.drain().filter_map(|(_, held)| held.row).collect();
        rows.sort_by_cached_key(M::key);
        let mut rest = rows.as_slice();
        for size in AT_ONCE {
            let chunks = rest.chunks_exact(size);
            rest = chunks.remainder();
            for chunk in chunks {
                put(connection, self.shelf, chunk).await?;
            }
        }
        Ok(())
    }
}

/// The rows of these keys that are there.
pub(crate) async fn load<M: ReadModel>(
    connection: &mut SqliteConnection,
    shelf: Shelf,
    keys: &[&str],
) -> Result<Vec<M>, sqlx::Error> {
    let (columns, table, key) = (M::COLUMNS.join(", "), shelf.table(M::NAME), M::KEY);
    let sql = format!("select {columns} from {table} where {key} in (select value from json_each(?))");
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(serde_json::json!(keys).to_string())
        .fetch_all(connection)
        .await?;
    rows.iter().map(M::from_row).collect()
}

async fn put<M: ReadModel>(
    connection: &mut SqliteConnection,
    shelf: Shelf,
    rows: &[M],
) -> Result<(), sqlx::Error> {
    let (columns, table) = (M::COLUMNS.join(", "), shelf.table(M::NAME));
    let row = format!("({})", vec!["?"; M::COLUMNS.len()].join(", "));
    let values = vec![row; rows.len()].join(", ");
    let sql = format!("insert or replace into {table} ({columns}) values {values}");
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for cell in rows.iter().flat_map(M::cells) {
        query = match cell {
            Cell::Null => query.bind(None::<i64>),
            Cell::Number(number) => query.bind(number),
            Cell::Text(text) => query.bind(text),
        };
    }
    query.execute(connection).await?;
    Ok(())
}
