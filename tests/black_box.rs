//! Everything that can be seen from outside: the real binary, over real HTTP, on a fresh folder for each server.
//! Knows the contract and the settings, nothing of the code behind them.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed step should fail the test"
)]

mod addresses;
mod architecture;
mod backups;
mod bad_input;
mod boot;
mod browsers;
mod canary;
mod catcher;
mod cli;
mod compose;
mod conformance;
mod copies;
mod events;
mod faults;
mod journeys;
#[cfg(feature = "kurrent")]
mod kurrent;
mod limits;
mod mails;
mod on_postgres;
mod outages;
mod races;
mod rebuild;
mod roles;
mod sequences;
mod signing;
mod social;
mod support;
mod tour;
