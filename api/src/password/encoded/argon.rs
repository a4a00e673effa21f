//! Argon2 in PHC strings (RFC 9106). New passwords take Argon2id with OWASP's parameters; the other varieties and version
//! 16 are read for the sake of what older Djangos wrote.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use subtle::ConstantTimeEq;

use super::{EncodedError, Verdict, number, within};
use crate::password::arena::{Arena, ArenaError, KEPT};

const CURRENT: Cost =
    Cost { algorithm: Algorithm::Argon2id, version: Version::V0x13, memory: KEPT, passes: 2, lanes: 1 };
const HASH_BYTES: usize = 32;
const SALT_BYTES: usize = 16;

/// 256 MiB, in KiB.
const MOST_MEMORY: u32 = 256 * 1024;
const MOST_PASSES: u32 = 10;
/// As many as Django's own hashes have. Lanes share the memory and are filled one after the other: they cost nothing.
const MOST_LANES: u32 = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cost {
    algorithm: Algorithm,
    version: Version,
    /// In KiB.
    memory: u32,
    passes: u32,
    lanes: u32,
}

struct Stored {
    cost: Cost,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

pub(super) fn hash(
    password: &str,
    salt: [u8; SALT_BYTES],
    arena: &mut Arena,
) -> Result<String, EncodedError> {
    let mut hash = [0; HASH_BYTES];
    CURRENT.derive((password, &salt), &mut hash, arena)?;
    let Cost { memory, passes, lanes, .. } = CURRENT;
    let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
    Ok(format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${hash}"))
}

/// `phc` is the string without its first `$`.
pub(super) fn verify(password: &str, phc: &str, arena: &mut Arena) -> Result<Verdict, EncodedError> {
    let stored = Stored::parse(phc)?;
    let mut hash = vec![0; stored.hash.len()];
    stored.cost.derive((password, &stored.salt), &mut hash, arena)?;
    let right = bool::from(hash.ct_eq(&stored.hash));
    Ok(match (right, stored.is_current()) {
        (false, _) => Verdict::Wrong,
        (true, true) => Verdict::Right,
        (true, false) => Verdict::RightButOutdated,
    })
}

impl Cost {
    fn derive(
        self,
        (password, salt): (&str, &[u8]),
        out: &mut [u8],
        arena: &mut Arena,
    ) -> Result<(), EncodedError> {
        let params = Params::new(self.memory, self.passes, self.lanes, Some(out.len()))
            .map_err(ArenaError::Refused)?;
        let argon2 = Argon2::new(self.algorithm, self.version, params);
        Ok(arena.argon2(&argon2, (password.as_bytes(), salt), out)?)
    }

    /// Reads `m=…,t=…,p=…`.
    fn parse(algorithm: Algorithm, version: Version, text: &str) -> Result<Self, EncodedError> {
        let mut texts = text.split(',');
        let mut value =
            |name: &str| number(texts.next().and_then(|text| text.strip_prefix(name)).unwrap_or_default());
        let (memory, passes, lanes) = (value("m=")?, value("t=")?, value("p=")?);
        if texts.next().is_some() {
            return Err(EncodedError::Unknown);
        }
        within(
            memory <= MOST_MEMORY && (1..=MOST_PASSES).contains(&passes) && (1..=MOST_LANES).contains(&lanes),
        )?;
        within(memory >= 8 * lanes)?;
        Ok(Self { algorithm, version, memory, passes, lanes })
    }
}

impl Stored {
    /// Reads `variety$v=…$m=…,t=…,p=…$salt$hash`; without `v`, the version is 16.
    fn parse(text: &str) -> Result<Self, EncodedError> {
        let fields: Vec<&str> = text.split('$').collect();
        let (variety, version, cost, salt, hash) = match fields[..] {
            [variety, "v=19", cost, salt, hash] => (variety, Version::V0x13, cost, salt, hash),
            [variety, "v=16", cost, salt, hash] | [variety, cost, salt, hash] => {
                (variety, Version::V0x10, cost, salt, hash)
            }
            _ => return Err(EncodedError::Unknown),
        };
        let algorithm = match variety {
            "argon2id" => Algorithm::Argon2id,
            "argon2i" => Algorithm::Argon2i,
            "argon2d" => Algorithm::Argon2d,
            _ => return Err(EncodedError::Unknown),
        };
        let cost = Cost::parse(algorithm, version, cost)?;
        let bytes = |text| STANDARD_NO_PAD.decode(text).map_err(|_| EncodedError::Unknown);
        let (salt, hash) = (bytes(salt)?, bytes(hash)?);
        within((8..=64).contains(&salt.len()) && (16..=64).contains(&hash.len()))?;
        Ok(Self { cost, salt, hash })
    }

    fn is_current(&self) -> bool {
        self.cost == CURRENT && self.salt.len() >= SALT_BYTES && self.hash.len() == HASH_BYTES
    }
}
