//! What a read model is: a table whose rows each tell of one aggregate, and how a row changes with an event.
//! Knows neither where the table lies nor who keeps it.

use domain::Aggregate;
use sqlx::sqlite::SqliteRow;
use store::{Recorded, StoreError};

/// A table whose rows each tell of one aggregate.
pub trait ReadModel: Clone + Send + Sync + 'static {
    type Aggregate: Aggregate;

    /// The name of the projection and of its table.
    const NAME: &'static str;
    /// The kind of stream that it is made from.
    const STREAMS: &'static str;
    /// The column that holds the key of the stream, by which rows are told apart.
    const KEY: &'static str;
    /// All columns.
    const COLUMNS: &'static [&'static str];

    /// The row after one more event. Total, like `evolve`; an event that the row tells of already changes nothing.
    #[must_use]
    fn with(
        row: Option<Self>,
        event: &<Self::Aggregate as Aggregate>::Event,
        recorded: &Recorded,
    ) -> Option<Self>;

    /// The key of the aggregate's stream.
    fn key(&self) -> String;

    /// What stands in each of the columns.
    fn cells(&self) -> Vec<Cell>;

    /// The row that these columns hold.
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error>;
}

/// What stands in one column of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Null,
    Number(i64),
    Text(String),
}

/// What an event says, or why that can't be read.
pub(crate) type Outcome<M> = Result<<<M as ReadModel>::Aggregate as Aggregate>::Event, StoreError>;

/// Those of some events that a model is made from.
pub(crate) fn of_model<M: ReadModel>(batch: &[Recorded]) -> Vec<&Recorded> {
    batch.iter().filter(|recorded| recorded.stream.kind() == M::STREAMS).collect()
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Cell {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<bool> for Cell {
    fn from(flag: bool) -> Self {
        Self::Number(flag.into())
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
