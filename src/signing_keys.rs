//! The keys that sign tokens, as the vault keeps them: made when there is none, replaced by command or by age, published
//! until their last token is dead. What they sign is not this file's matter.

#[cfg(test)]
mod tests;

use std::time::Duration;

use api::{
    config::JwtRules,
    token::keyring::{Algorithm, KeyError, SigningKey},
};
use domain::Time;
use store::{Vault, VaultError, clock, node_keys::SIGNING, random, vault::NodeKey};

/// How long after its making a key begins to sign: until then every node has loaded it.
pub(crate) const NOTICE: Duration = Duration::from_secs(5);

/// After how long a key is replaced without being asked.
pub(crate) const AGE: Duration = Duration::from_hours(2160);

#[derive(Debug, thiserror::Error)]
pub(crate) enum SigningKeyError {
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Makes a signing key of this algorithm, unless there is one, and retires those of others: they sign nothing any more.
pub(crate) async fn ensure_one(vault: &Vault, algorithm: Algorithm) -> Result<(), SigningKeyError> {
    let keys = all(vault).await?;
    let mut usable = keys.iter().filter(|key| key.retired_at.is_none());
    if !usable.any(|key| key.algorithm == algorithm) {
        add(vault, algorithm, clock::now()).await?;
    }
    for key in keys.iter().filter(|key| key.algorithm != algorithm && key.retired_at.is_none()) {
        vault.retire_node_key(&key.kid, clock::now()).await?;
    }
    Ok(())
}

/// Every signing key, oldest first. One of an algorithm that is not known here is an error: a node that knows fewer keys
/// than the others refuses good tokens.
pub(crate) async fn all(vault: &Vault) -> Result<Vec<SigningKey>, SigningKeyError> {
    let keys = vault.node_keys().await?.into_iter().filter(|key| key.purpose == SIGNING);
    keys.map(|key| {
        Ok(SigningKey {
            algorithm: key.algorithm.parse()?,
            kid: key.id,
            private: key.material,
            created_at: key.created_at.0,
            retired_at: key.retired_at.map(|at| at.0),
        })
    })
    .collect()
}

/// The keys that sign, or whose last token may still live at `now`.
pub(crate) async fn in_use(
    vault: &Vault,
    rules: &JwtRules,
    now: Time,
) -> Result<Vec<SigningKey>, SigningKeyError> {
    let mut keys = all(vault).await?;
    keys.retain(|key| key.retired_at.is_none_or(|at| now < dead_at(Time(at), rules)));
    Ok(keys)
}

/// When the last token of a key is dead that was retired at `retired`.
pub(crate) fn dead_at(retired: Time, rules: &JwtRules) -> Time {
    retired + rules.refresh_ttl.max(rules.access_ttl)
}

/// Makes a key that signs from `NOTICE` from now on, and retires all others of its algorithm then. Answers the new one.
pub(crate) async fn rotate(vault: &Vault, algorithm: Algorithm) -> Result<SigningKey, SigningKeyError> {
    let at = clock::now() + NOTICE;
    let older = all(vault).await?;
    let new = add(vault, algorithm, at).await?;
    for key in older.iter().filter(|key| key.algorithm == algorithm && key.retired_at.is_none()) {
        vault.retire_node_key(&key.kid, at).await?;
    }
    Ok(new)
}

/// Whether the newest key of this algorithm has signed for long enough.
pub(crate) fn is_due(keys: &[SigningKey], algorithm: Algorithm, now: Time) -> bool {
    let newest = keys.iter().filter(|key| key.algorithm == algorithm).map(|key| key.created_at).max();
    newest.is_some_and(|made| now.since(Time(made)) >= AGE)
}

async fn add(vault: &Vault, algorithm: Algorithm, at: Time) -> Result<SigningKey, SigningKeyError> {
    // RSA takes seconds, which must not hold up the runtime.
    let generated =
        tokio::task::spawn_blocking(move || SigningKey::generate(algorithm, at.0, &mut random::fill));
    let key = generated.await.map_err(|_| KeyError::NotMade(algorithm))??;
    let stored = NodeKey {
        id: key.kid.clone(),
        purpose: SIGNING.to_owned(),
        algorithm: key.algorithm.to_string(),
        material: key.private.clone(),
        created_at: at,
        retired_at: None,
    };
    vault.add_node_key(&stored).await?;
    Ok(key)
}
