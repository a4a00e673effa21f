//! Takes events into a read model: rows and checkpoint in one transaction; an event that can't be read parks its
//! aggregate, and all others go on. Knows no table but its own model's.

use std::{collections::HashMap, marker::PhantomData};

use async_trait::async_trait;
use domain::Aggregate;
use sqlx::{SqliteConnection, SqlitePool};
use store::{
    Journal, Recorded, StoreError, StreamId,
    follow::{FollowError, Follower, Lease},
};

use crate::parked;

/// A table whose rows each tell of one aggregate.
#[async_trait]
pub trait ReadModel: Clone + Send + Sync + 'static {
    type Aggregate: Aggregate;

    /// The name of the projection.
    const NAME: &'static str;
    /// The kind of stream that it is made from.
    const STREAMS: &'static str;

    /// The row after one more event. Total, like `evolve`; an event that the row tells of already changes nothing.
    #[must_use]
    fn with(
        row: Option<Self>,
        event: &<Self::Aggregate as Aggregate>::Event,
        recorded: &Recorded,
    ) -> Option<Self>;

    /// The row of the aggregate with this stream key.
    async fn load(connection: &mut SqliteConnection, key: &str) -> Result<Option<Self>, sqlx::Error>;

    async fn save(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error>;
}

/// An event and what it says, or why that can't be read.
type Unsealed<'a, M> = (&'a Recorded, Result<<<M as ReadModel>::Aggregate as Aggregate>::Event, StoreError>);

/// The follower that keeps one read model.
pub struct Projector<M> {
    journal: Journal,
    views: SqlitePool,
    model: PhantomData<M>,
}

impl<M: ReadModel> Projector<M> {
    pub fn new(journal: Journal, views: SqlitePool) -> Self {
        Self { journal, views, model: PhantomData }
    }

    /// The events of this model's streams, unsealed; what can't be read has its reason in the event's place.
    async fn unsealed<'a>(&self, batch: &'a [Recorded]) -> Result<Vec<Unsealed<'a, M>>, FollowError> {
        let mut events = Vec::new();
        for recorded in batch.iter().filter(|recorded| recorded.stream.kind() == M::STREAMS) {
            match self.journal.decode::<M::Aggregate>(recorded).await {
                Err(error) if error.is_of_all() => return Err(FollowError::Stuck(error.into())),
                outcome => events.push((recorded, outcome)),
            }
        }
        Ok(events)
    }

    /// The rows that the events lead to.
    async fn rows(
        events: Vec<Unsealed<'_, M>>,
        connection: &mut SqliteConnection,
    ) -> Result<HashMap<StreamId, Option<M>>, sqlx::Error> {
        let mut rows = HashMap::new();
        for (recorded, outcome) in events {
            let stream = &recorded.stream;
            if parked::is_parked(connection, M::NAME, stream).await? {
                continue;
            }
            match outcome {
                Ok(event) => {
                    let row = match rows.remove(stream) {
                        Some(row) => row,
                        None => M::load(connection, stream.key()).await?,
                    };
                    rows.insert(stream.clone(), M::with(row, &event, recorded));
                }
                Err(error) => parked::park(connection, M::NAME, recorded, &error).await?,
            }
        }
        Ok(rows)
    }
}

#[async_trait]
impl<M: ReadModel> Follower for Projector<M> {
    fn role(&self) -> &'static str {
        M::NAME
    }

    async fn take(&mut self, batch: &[Recorded], lease: &Lease) -> Result<(), FollowError> {
        let Some(last) = batch.last() else { return Ok(()) };
        // Before the transaction: others wait for it, and keys come from another database.
        let events = self.unsealed(batch).await?;
        let mut transaction = self.views.begin_with("begin immediate").await?;
        let rows = Self::rows(events, &mut transaction).await?;
        for row in rows.values().flatten() {
            row.save(&mut transaction).await?;
        }
        lease.advance(&mut transaction, last.position).await?;
        Ok(transaction.commit().await?)
    }
}
