//! A server whose log is on KurrentDB: what it asks of it, what becomes of commands while it fails, who gets a name when processes die,
//! and who else may change what is there.

mod calls;
mod failures;
mod killed;
mod migrated;
mod names;
mod swept;
mod told;
mod troupe;
mod whole;
mod writer;
