//! What is said and served while a database can't be used: unready, with the part at fault; no token is judged by what may be
//! out of date; and all is as before when it comes back. Who is stuck behind the requests, or does not read what the server prints,
//! keeps nobody else from anything.

mod all_away;
mod postgres;
mod readiness;
mod silence;
mod stuck;
mod unread;
