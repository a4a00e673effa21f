//! Chance that can be repeated: `STELE_TEST_SEED` gives a test the seed that a run before it told.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The same seed makes the same choices; how the machine interleaves what runs at once stays the machine's.
#[derive(Clone, Copy)]
pub(crate) struct Seed(u64);

impl Seed {
    /// The seed that was asked for, else a new one; tells it, so that a failure can be repeated.
    #[expect(clippy::print_stdout, reason = "whoever sees the test fail needs it")]
    pub(crate) fn of(test: &str) -> Self {
        let seed = asked().unwrap_or_else(rand::random);
        println!("{test}: STELE_TEST_SEED={seed}");
        Self(seed)
    }

    /// Whether one run is to be repeated.
    pub(crate) fn is_asked() -> bool {
        asked().is_some()
    }

    /// One of many seeds that follow from this one; the first is itself.
    pub(crate) const fn nth(self, n: u64) -> Self {
        Self(self.0.wrapping_add(n.wrapping_mul(0xd1b5_4a32_d192_ed03)))
    }

    pub(crate) const fn number(self) -> u64 {
        self.0
    }

    /// Dice of one of those who share the seed.
    pub(crate) fn dice(self, of: u64) -> Dice {
        Dice(StdRng::seed_from_u64(self.0.wrapping_add(of.wrapping_mul(0x9e37_79b9_7f4a_7c15))))
    }
}

fn asked() -> Option<u64> {
    let seed = std::env::var_os("STELE_TEST_SEED")?;
    let seed = seed.into_string().ok().and_then(|seed| seed.parse().ok());
    Some(seed.expect("STELE_TEST_SEED is a number of 64 bits"))
}

pub(crate) struct Dice(StdRng);

impl Dice {
    /// A number from 0 to `end`, without `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0.random_range(0..end)
    }
}
