//! Rows at hand: taken from a shelf when an event first asks for them, changed in memory, and put back together. The one
//! way by which rows are changed, for the follower that keeps a model and for a rebuild.

use std::collections::{HashMap, HashSet};

use store::{
    Recorded, StreamId,
    views::{Cell, Kind, Statement, Statements, Table},
};

use crate::{
    ReadModel, parked,
    read_model::{Outcome, columns},
    shelf::Shelf,
};

/// How many rows are handed over at once: of more there need not be two copies in memory.
const AT_ONCE: usize = 1000;

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
        on: &mut dyn Statements,
        events: &[&Recorded],
        outcomes: Vec<Outcome<M>>,
    ) -> Result<(), sqlx::Error> {
        self.fetch(on, events).await?;
        for (recorded, outcome) in events.iter().zip(outcomes) {
            let Some(held) = self.held.get_mut(&recorded.stream).filter(|held| !held.parked) else {
                continue;
            };
            match outcome {
                Ok(event) => held.row = M::with(held.row.take(), &event, recorded),
                Err(error) => {
                    held.parked = true;
                    parked::park(on, self.shelf, (M::NAME, recorded), &error).await?;
                }
            }
        }
        Ok(())
    }

    /// Takes what the events tell of and is not at hand from the shelf.
    async fn fetch(&mut self, on: &mut dyn Statements, events: &[&Recorded]) -> Result<(), sqlx::Error> {
        let streams = events.iter().map(|recorded| &recorded.stream);
        let missing: HashSet<&StreamId> = streams.filter(|stream| !self.held.contains_key(stream)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = missing.iter().map(|stream| stream.as_str()).collect();
        let parked = parked::among(on, self.shelf, M::NAME, &names).await?;
        let keys: Vec<&str> = missing.iter().map(|stream| stream.key()).collect();
        for row in load::<M>(on, self.shelf, &keys).await? {
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
    pub(crate) async fn save(&mut self, on: &mut dyn Statements) -> Result<(), sqlx::Error> {
        // In the order of their keys, neighbours share the pages that are written.
        let mut rows: Vec<M> = self.held.drain().filter_map(|(_, held)| held.row).collect();
        rows.sort_by_cached_key(M::key);
        let name = self.shelf.table(on.engine(), M::NAME);
        let table = Table { name: &name, key: M::KEY, columns: M::COLUMNS };
        for rows in rows.chunks(AT_ONCE) {
            let cells: Vec<Vec<Cell>> = rows.iter().map(M::cells).collect();
            on.put(table, &cells).await?;
        }
        Ok(())
    }
}

/// The rows of these keys that are there.
pub(crate) async fn load<M: ReadModel>(
    on: &mut dyn Statements,
    shelf: Shelf,
    keys: &[&str],
) -> Result<Vec<M>, sqlx::Error> {
    let (columns, table, key) = (columns::<M>(), shelf.table(on.engine(), M::NAME), M::KEY);
    let is_wanted = on.engine().is_among("$1", M::KIND_OF_KEY);
    let sql = format!("select {columns} from {table} where {key} {is_wanted}");
    let keys = keys.iter().filter(|key| M::KIND_OF_KEY == Kind::Text || key.parse::<i64>().is_ok());
    let keys = serde_json::json!(keys.collect::<Vec<_>>()).to_string();
    on.rows(Statement::made(sql, &[keys.into()])).await?.into_iter().map(M::from_row).collect()
}
