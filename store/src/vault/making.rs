//! New data keys that callers want at the same moment, made durable in one commit.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use async_trait::async_trait;
use domain::KeyId;

use super::rows::{FreshKey, KeyRows};
use crate::{clock, together::Answers};

pub(super) struct Making(pub(super) Arc<dyn KeyRows>);

/// What is kept of the ids of one wish; a tombstone has no bytes.
pub(super) type Kept = HashMap<KeyId, Option<Vec<u8>>>;

#[async_trait]
impl Answers for Making {
    type Question = Vec<FreshKey>;
    type Answer = Kept;
    type Error = sqlx::Error;

    async fn answer(&self, wishes: Vec<Vec<FreshKey>>) -> Result<Vec<Kept>, sqlx::Error> {
        let mut held = self.0.add_data_keys(&wishes, clock::now()).await?;
        let added: HashSet<&KeyId> = held.iter().map(|key| &key.id).collect();
        let others = wishes.iter().flatten().map(|key| &key.id).filter(|id| !added.contains(id));
        let others: Vec<KeyId> = others.cloned().collect();
        if !others.is_empty() {
            held.extend(self.0.data_keys(&others).await?);
        }
        let held: Kept = held.into_iter().map(|key| (key.id, key.wrapped)).collect();
        let kept = |wish: &Vec<FreshKey>| {
            wish.iter().filter_map(|key| Some((key.id.clone(), held.get(&key.id)?.clone()))).collect()
        };
        Ok(wishes.iter().map(kept).collect())
    }
}
