//! The read models of Stele: users and sessions as queries want them. Made from the log alone; no command reads them.

pub mod parked;
mod projector;
pub mod sessions;
#[cfg(test)]
mod tests;
pub mod users;

pub use projector::{Projector, ReadModel};
pub use sessions::SessionRow;
pub use users::{UserReader, UserRow};
