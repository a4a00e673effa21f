//! What a read model is: a table whose rows each tell of one aggregate, and how a row changes with an event.
//! Knows neither where the table lies nor who keeps it.

use domain::Aggregate;
use store::{
    Recorded, StoreError,
    views::{Cell, Kind, Row},
};

/// A table whose rows each tell of one aggregate.
pub trait ReadModel: Clone + Send + Sync + 'static {
    type Aggregate: Aggregate;

    /// The name of the projection and of its table.
    const NAME: &'static str;
    /// The kind of stream that it is made from.
    const STREAMS: &'static str;
    /// The column that holds the key of the stream, by which rows are told apart.
    const KEY: &'static str;
    const KIND_OF_KEY: Kind;
    /// All columns, and what they hold.
    const COLUMNS: &'static [(&'static str, Kind)];

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

    /// The row that holds this, in the order of the columns.
    fn from_row(row: Row) -> Result<Self, sqlx::Error>;
}

/// What an event says, or why that can't be read.
pub(crate) type Outcome<M> = Result<<<M as ReadModel>::Aggregate as Aggregate>::Event, StoreError>;

/// Those of some events that a model is made from.
pub(crate) fn of_model<M: ReadModel>(batch: &[Recorded]) -> Vec<&Recorded> {
    batch.iter().filter(|recorded| recorded.stream.kind() == M::STREAMS).collect()
}

/// The columns of a model as statements name them.
pub(crate) fn columns<M: ReadModel>() -> String {
    let columns: Vec<String> = M::COLUMNS.iter().map(|(column, _)| format!("\"{column}\"")).collect();
    columns.join(", ")
}
