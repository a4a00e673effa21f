//! A server that speaks KurrentDB's protocol, as far as Stele uses it, and behaves as KurrentDB is documented to: for tests, to which a
//! real one is not at hand, and which need one that fails when it is told to. What runs against it proves that a client and this server
//! agree with the documentation, not that a real server does.

#![expect(clippy::result_large_err, reason = "the status of an answer is as large as the protocol makes it")]

mod access;
mod answer;
mod append;
mod clock;
mod connection;
mod control;
mod event;
mod fault;
mod features;
mod file;
mod filter;
mod ledger;
mod prompt;
mod read;
mod retention;
mod server;
mod streams;
mod subscribe;
mod wire;
mod writer;

pub use access::User;
pub use answer::Leader;
pub use control::take_orders;
pub use fault::{Call, Fault, Plan, Unknown};
pub use server::{Double, Settings};
