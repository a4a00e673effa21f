//! The read models of Stele: users and sessions as queries want them. Made from the log alone; no command reads them.

mod checksum;
pub mod parked;
mod projector;
mod read_model;
pub mod rebuild;
mod retry;
mod rows;
pub mod sessions;
mod shelf;
#[cfg(test)]
#[expect(dead_code, reason = "these tests stop no server and grant nothing")]
#[path = "../../tests/support/postgres.rs"]
mod test_server;
#[cfg(test)]
mod tests;
pub mod users;

pub use projector::Projector;
pub use read_model::ReadModel;
pub use rebuild::{Rebuild, RebuildError};
pub use retry::{RetryError, retry};
pub use sessions::SessionRow;
pub use users::{LinkedRow, UserReader, UserRow};
