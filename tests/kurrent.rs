//! A server whose log is on KurrentDB: what it asks of it, what becomes of commands while it fails, and who gets a name when processes die.

mod calls;
mod failures;
mod killed;
mod names;
mod swept;
mod told;
mod whole;
mod writer;
