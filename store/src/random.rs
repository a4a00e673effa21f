//! The one source of randomness and of ids.

use rand::Rng;
use uuid::Uuid;

/// Fills a buffer from the generator of this thread, which the operating system seeds.
#[expect(clippy::disallowed_methods, reason = "the one place that draws randomness")]
pub fn fill(bytes: &mut [u8]) {
    rand::rng().fill_bytes(bytes);
}

pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    fill(&mut bytes);
    bytes
}

pub fn number() -> u64 {
    u64::from_le_bytes(bytes())
}

/// An id that sorts by the time of its making (RFC 9562, version 7).
#[expect(clippy::disallowed_methods, reason = "the one place that makes ids")]
pub fn id() -> Uuid {
    Uuid::now_v7()
}
