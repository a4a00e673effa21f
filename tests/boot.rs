//! How the server starts, and when it had better not; how it stops, and what is there when it comes back.

mod lives;
mod refusals;
