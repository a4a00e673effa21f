//! Takes events into a read model: rows and checkpoint in one transaction; an event that can't be read parks its
//! aggregate, and all others go on. Knows no table but its own model's.

use std::{collections::HashMap, marker::PhantomData};

use async_trait::async_trait;
use domain::Aggregate;
use sqlx::{SqliteConnection, SqlitePool};
use store::{
    Journal, Recorded, StoreError, StreamId, VaultError,
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

    async fn project(
        &self,
        rows: &mut HashMap<StreamId, Option<M>>,
        recorded: &Recorded,
        connection: &mut SqliteConnection,
    ) -> Result<(), FollowError> {
        let stream = &recorded.stream;
        if stream.kind() != M::STREAMS || parked::is_parked(connection, M::NAME, stream).await? {
            return Ok(());
        }
        match self.journal.decode::<M::Aggregate>(recorded).await {
            Ok(event) => {
                let row = match rows.remove(stream) {
                    Some(row) => row,
                    None => M::load(connection, stream.key()).await?,
                };
                rows.insert(stream.clone(), M::with(row, &event, recorded));
                Ok(())
            }
            Err(error) if is_of_all(&error) => Err(FollowError::Stuck(error.into())),
            Err(error) => Ok(parked::park(connection, M::NAME, recorded, &error).await?),
        }
    }
}

/// Whether it is not this event that is at fault, but what all events need: a projection that went on with a vault which
/// is older than the log, or under the wrong master key, would park everyone.
fn is_of_all(error: &StoreError) -> bool {
    match error {
        StoreError::Unavailable(_) => true,
        StoreError::Corrupt { source, .. } => source.is::<VaultError>(),
        StoreError::Conflict { .. } => false,
    }
}

#[async_trait]
impl<M: ReadModel> Follower for Projector<M> {
    fn role(&self) -> &'static str {
        M::NAME
    }

    async fn take(&mut self, batch: &[Recorded], lease: &Lease) -> Result<(), FollowError> {
        let Some(last) = batch.last() else { return Ok(()) };
        let mut transaction = self.views.begin_with("begin immediate").await?;
        let mut rows = HashMap::new();
        for recorded in batch {
            self.project(&mut rows, recorded, &mut transaction).await?;
        }
        for row in rows.values().flatten() {
            row.save(&mut transaction).await?;
        }
        lease.advance(&mut transaction, last.position).await?;
        Ok(transaction.commit().await?)
    }
}
