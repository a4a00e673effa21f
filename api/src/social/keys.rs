//! The keys that an issuer publishes: kept for an hour, and fetched again when a token names one that is not among them,
//! but not for every such token.

use std::{collections::VecDeque, time::Duration};

use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use tokio::{sync::Mutex, time::Instant};

use super::{
    ProviderError,
    outbound::{Call, Outbound},
};

const LIFE: Duration = Duration::from_hours(1);
/// Whoever makes up names of keys has them fetched so often in [`WINDOW`], and no more.
const FETCHES: usize = 5;
const WINDOW: Duration = Duration::from_mins(1);

#[derive(Default)]
pub(super) struct Keys(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    keys: Option<(JwkSet, Instant)>,
    fetches: VecDeque<Instant>,
}

impl Keys {
    /// The key of this name, or the only one there is where a token names none.
    pub(super) async fn find(
        &self,
        name: Option<&str>,
        (outbound, url): (&Outbound, &str),
    ) -> Result<Jwk, ProviderError> {
        let mut kept = self.0.lock().await;
        let now = Instant::now();
        let young = kept.keys.as_ref().filter(|(_, fetched)| now.duration_since(*fetched) < LIFE);
        if let Some(key) = young.and_then(|(keys, _)| named(keys, name)) {
            return Ok(key);
        }
        let unknown = || ProviderError::Refused("no published key has that name");
        kept.fetches.retain(|fetch| now.duration_since(*fetch) < WINDOW);
        if kept.fetches.len() >= FETCHES {
            return Err(unknown());
        }
        kept.fetches.push_back(now);
        let fetched: JwkSet = outbound.call(Call::get(url)).await.map_err(ProviderError::Away)?;
        let found = named(&fetched, name).ok_or_else(unknown);
        kept.keys = Some((fetched, now));
        found
    }
}

fn named(keys: &JwkSet, name: Option<&str>) -> Option<Jwk> {
    let signs = |key: &&Jwk| !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption));
    let mut fit = keys.keys.iter().filter(signs);
    match name {
        Some(name) => fit.find(|key| key.common.key_id.as_deref() == Some(name)).cloned(),
        None => fit.next().filter(|_| fit.next().is_none()).cloned(),
    }
}
