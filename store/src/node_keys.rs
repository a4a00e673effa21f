//! The keys that all nodes share, by purpose: made when they are missing, loaded before first use.
//! Signing keys are kept here as they are given; what they sign is not this file's matter.

use std::collections::HashMap;

use data_encoding::HEXLOWER;
use domain::name::NameKind;
use hmac::Mac;
use zeroize::Zeroizing;

use crate::{
    StreamId, VaultError, clock,
    link::LinkKey,
    mac::keyed,
    random,
    ticket::TicketKey,
    vault::{NodeKey, Vault},
};

/// Keys for message authentication, 32 random bytes each.
pub const MAC_PURPOSES: [&str; 4] = ["claim", "link", "refresh", "opaque"];

/// Keys for signing tokens.
pub const SIGNING: &str = "signing";

type Secret = Zeroizing<[u8; 32]>;

/// The message authentication keys of this installation.
pub struct MacKeys {
    claim: Secret,
    /// Authenticates refresh tokens.
    pub refresh: Secret,
    /// Authenticates opaque keys.
    pub opaque: Secret,
    /// Seals what passes through a browser.
    pub tickets: TicketKey,
    links: HashMap<String, LinkKey>,
    newest_link: LinkKey,
}

/// Makes those message authentication keys that the vault does not hold yet.
pub async fn complete(vault: &Vault) -> Result<(), VaultError> {
    let held = vault.node_keys().await?;
    for purpose in MAC_PURPOSES.into_iter().filter(|purpose| !held.iter().any(|key| key.purpose == *purpose))
    {
        add_mac_key(vault, purpose).await?;
    }
    Ok(())
}

async fn add_mac_key(vault: &Vault, purpose: &str) -> Result<(), VaultError> {
    let key = NodeKey {
        id: format!("{purpose}-1"),
        purpose: purpose.to_owned(),
        algorithm: "HMAC-SHA256".to_owned(),
        material: Zeroizing::new(random::bytes::<32>().to_vec()),
        created_at: clock::now(),
        retired_at: None,
    };
    vault.add_node_key(&key).await
}

impl MacKeys {
    /// Picks the message authentication keys out of all that the vault holds; none while one is missing.
    pub fn from(keys: &[NodeKey]) -> Option<Self> {
        let of = |purpose: &'static str| keys.iter().filter(move |key| key.purpose == purpose);
        let first = |purpose| secret(of(purpose).next()?);
        let link = |key: &NodeKey| LinkKey::new(key.id.trim_start_matches("link-").to_owned(), *secret(key)?);
        let claim = first("claim")?;
        Some(Self {
            tickets: TicketKey::derived_from(&claim),
            claim,
            refresh: first("refresh")?,
            opaque: first("opaque")?,
            newest_link: link(of("link").max_by_key(|key| (key.created_at, &key.id))?)?,
            links: of("link").filter_map(link).map(|key| (key.id().to_owned(), key)).collect(),
        })
    }

    /// The stream that says who holds a name, given in its canonical form.
    pub fn claim_stream(&self, kind: NameKind, canonical: &str) -> StreamId {
        StreamId::claim(kind, &self.digest(kind.as_str(), canonical))
    }

    /// A keyed hash by which something private is counted or looked up; `kind` keeps equal texts of two kinds apart.
    pub fn digest(&self, kind: &str, text: &str) -> String {
        let mut mac = keyed(&self.claim);
        mac.update(kind.as_bytes());
        mac.update(&[0]);
        mac.update(text.as_bytes());
        HEXLOWER.encode(&mac.finalize().into_bytes())
    }

    /// The key that new links are derived with.
    pub const fn newest_link(&self) -> &LinkKey {
        &self.newest_link
    }

    /// The link key of that name.
    pub fn link(&self, name: &str) -> Option<&LinkKey> {
        self.links.get(name)
    }
}

fn secret(key: &NodeKey) -> Option<Secret> {
    Some(Zeroizing::new(key.material.as_slice().try_into().ok()?))
}
