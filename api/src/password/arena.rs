//! The memory in which one thread hashes. Argon2's blocks are allocated when first needed and kept, so that the process
//! never holds more than one set a thread. Must not know how hashes are stored.

use std::collections::TryReserveError;

use argon2::{Argon2, Block};

/// How many blocks of 1 KiB are kept: as many as Stele's own hashes take. OWASP and RFC 9106 §4 rule the choice.
pub(super) const KEPT: u32 = 19_456;

#[derive(Debug, thiserror::Error)]
pub enum ArenaError {
    #[error("there is no memory to hash a password in")]
    NoMemory(#[from] TryReserveError),
    #[error("argon2 refuses its input")]
    Refused(#[from] argon2::Error),
}

/// What was hashed last stays in the blocks. With two passes it opens no shorter way to the password than the hash does.
#[derive(Default)]
pub(super) struct Arena {
    kept: Vec<Block>,
    hashed: u64,
}

impl Arena {
    /// How many hashes were computed so far, whatever the algorithm.
    pub(super) const fn hashed(&self) -> u64 {
        self.hashed
    }

    /// Notes that a hash is about to be computed.
    pub(super) const fn count(&mut self) {
        self.hashed += 1;
    }

    /// How many blocks are held.
    #[cfg(test)]
    pub(super) const fn kept(&self) -> usize {
        self.kept.len()
    }

    /// Fills `out`. A hash that takes more blocks than are kept gets its own, for this once.
    pub(super) fn argon2(
        &mut self,
        argon2: &Argon2<'_>,
        (password, salt): (&[u8], &[u8]),
        out: &mut [u8],
    ) -> Result<(), ArenaError> {
        let wanted = argon2.params().block_count();
        let kept = usize::try_from(KEPT).unwrap_or(usize::MAX);
        self.count();
        if wanted > kept {
            return Ok(argon2.hash_password_into_with_memory(password, salt, out, &mut *blocks(wanted)?)?);
        }
        if self.kept.is_empty() {
            self.kept = blocks(kept)?;
        }
        Ok(argon2.hash_password_into_with_memory(password, salt, out, &mut *self.kept)?)
    }
}

fn blocks(count: usize) -> Result<Vec<Block>, TryReserveError> {
    let mut blocks = Vec::new();
    blocks.try_reserve_exact(count)?;
    blocks.resize(count, Block::new());
    Ok(blocks)
}
