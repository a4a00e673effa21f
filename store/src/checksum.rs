//! One SHA-256 over many values, each so that where it ends can't be mistaken. What is hashed is what its users say.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

pub(crate) struct Checksum(Sha256);

impl Checksum {
    /// `version` names what is hashed, and how. A change of either is another version.
    pub(crate) fn of(version: &str) -> Self {
        let mut checksum = Self(Sha256::new());
        checksum.bytes(version.as_bytes());
        checksum
    }

    pub(crate) fn number(&mut self, number: i64) {
        self.0.update(number.to_be_bytes());
    }

    /// With their length before them.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    pub(crate) fn optional(&mut self, bytes: Option<&[u8]>) {
        self.0.update([u8::from(bytes.is_some())]);
        self.bytes(bytes.unwrap_or_default());
    }

    /// In hex.
    pub(crate) fn finish(self) -> String {
        HEXLOWER.encode(&self.0.finalize())
    }
}
