//! What the double answers to the real client over real HTTP/2: each rule that KurrentDB documents, and each failure that the double can
//! be told to have.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::default_trait_access,
    reason = "a test that can't go on fails, and most options are as they are by default"
)]

mod access;
mod appends;
mod deletions;
mod failures;
mod kept;
mod reads;
mod subscriptions;
mod support;
