//! The keys that an issuer publishes: kept for an hour, and fetched again when a token names one that is not among them,
//! but not for every such token.

use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use jsonwebtoken::jwk::{Jwk, JwkSet, KeyOperations, PublicKeyUse};
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
pub(super) struct Keys {
    kept: RwLock<Option<(Arc<JwkSet>, Instant)>>,
    /// When they were fetched. One at a time does it: whoever needs no other key than the kept ones waits for none.
    fetches: Mutex<VecDeque<Instant>>,
}

impl Keys {
    /// The key of this name, or the only one there is where a token names none.
    pub(super) async fn find(
        &self,
        name: Option<&str>,
        (outbound, url): (&Outbound, &str),
    ) -> Result<Jwk, ProviderError> {
        if let Some(key) = self.young().and_then(|keys| named(&keys, name)) {
            return Ok(key);
        }
        let mut fetches = self.fetches.lock().await;
        // Somebody else may have fetched it meanwhile.
        let young = self.young();
        if let Some(key) = young.as_deref().and_then(|keys| named(keys, name)) {
            return Ok(key);
        }
        let unknown = || ProviderError::Refused("no published key has that name");
        let now = Instant::now();
        fetches.retain(|fetch| now.duration_since(*fetch) < WINDOW);
        if fetches.len() >= FETCHES {
            return Err(if young.is_some() { unknown() } else { ProviderError::Busy });
        }
        fetches.push_back(now);
        let published: JwkSet = outbound.call(Call::get(url)).await.map_err(ProviderError::Away)?;
        let found = named(&published, name).ok_or_else(unknown);
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Some((Arc::new(published), now));
        found
    }

    /// The keys that are kept, unless they are too old to tell anything.
    fn young(&self) -> Option<Arc<JwkSet>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|(_, fetched)| fetched.elapsed() < LIFE).map(|(keys, _)| Arc::clone(keys))
    }
}

fn named(keys: &JwkSet, name: Option<&str>) -> Option<Jwk> {
    let signs = |key: &&Jwk| {
        let verifies =
            key.common.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify));
        verifies && matches!(key.common.public_key_use, None | Some(PublicKeyUse::Signature))
    };
    let mut fit = keys.keys.iter().filter(signs);
    match name {
        Some(name) => fit.find(|key| key.common.key_id.as_deref() == Some(name)).cloned(),
        None => fit.next().filter(|_| fit.next().is_none()).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::{super::loopback::Loopback, *};

    const KEYS: &str = r#"{"keys":[{"kty":"RSA","kid":"known","n":"AQAB","e":"AQAB"}]}"#;

    #[tokio::test]
    async fn keys_that_can_not_be_fetched_make_no_token_wrong() {
        let provider = Loopback::start(|_| (500, String::new())).await;
        let (keys, outbound, url) = (Keys::default(), provider.outbound(), provider.url("/jwks"));
        for _ in 0..2 * FETCHES {
            let error = keys.find(Some("known"), (&outbound, &url)).await.expect_err("there is none");
            assert!(!matches!(error, ProviderError::Refused(_)), "{error}");
        }
        assert_eq!(provider.asked().len(), FETCHES);
    }

    #[tokio::test]
    async fn names_that_are_made_up_are_refused_once_they_were_looked_for_often_enough() {
        let provider = Loopback::start(|_| (200, KEYS.to_owned())).await;
        let (keys, outbound, url) = (Keys::default(), provider.outbound(), provider.url("/jwks"));
        for _ in 0..2 * FETCHES {
            let error = keys.find(Some("made up"), (&outbound, &url)).await.expect_err("there is none");
            assert!(matches!(error, ProviderError::Refused(_)), "{error}");
        }
        assert_eq!(provider.asked().len(), FETCHES);
        keys.find(Some("known"), (&outbound, &url)).await.expect("it is kept");
    }

    #[tokio::test]
    async fn nobody_whose_key_is_known_waits_for_one_that_is_made_up() {
        let provider = Loopback::start(|_| (200, KEYS.to_owned())).await;
        let (keys, outbound, url) = (Arc::new(Keys::default()), provider.outbound(), provider.url("/jwks"));
        keys.find(Some("known"), (&outbound, &url)).await.expect("it is published");
        let silent = Loopback::silent().await;
        let made_up = {
            let (keys, outbound, url) = (Arc::clone(&keys), silent.outbound(), silent.url("/jwks"));
            tokio::spawn(async move { keys.find(Some("made up"), (&outbound, &url)).await.is_ok() })
        };
        silent.is_asked().await;
        let known = keys.find(Some("known"), (&outbound, &url));
        timeout(Duration::from_secs(5), known).await.expect("nobody waits").expect("it is kept");
        made_up.abort();
    }
}
