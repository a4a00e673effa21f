//! Takes events into a read model: rows and checkpoint in one transaction; an event that can't be read parks its
//! aggregate, and all others go on. Knows no table but its own model's.

use std::marker::PhantomData;

use async_trait::async_trait;
use store::{
    Journal, Recorded,
    follow::{FollowError, Follower, Lease},
    views::Views,
};

use crate::{ReadModel, read_model::of_model, rows::Rows, shelf::Shelf};

/// The follower that keeps one read model.
pub struct Projector<M> {
    journal: Journal,
    views: Views,
    model: PhantomData<M>,
}

impl<M: ReadModel> Projector<M> {
    pub fn new(journal: Journal, views: Views) -> Self {
        Self { journal, views, model: PhantomData }
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
        let events = of_model::<M>(batch);
        if events.is_empty() {
            return lease.advance_alone(&self.views, last.position).await;
        }
        let outcomes = self.journal.decode_all::<M::Aggregate>(&events).await;
        let outcomes = outcomes.map_err(|error| FollowError::Stuck(error.into()))?;
        let mut transaction = self.views.begin().await?;
        let mut rows = Rows::<M>::of(Shelf::Live);
        rows.take(&mut transaction, &events, outcomes).await?;
        rows.save(&mut transaction).await?;
        lease.advance(&mut transaction, last.position).await?;
        Ok(transaction.commit().await?)
    }
}
