//! What is said and served while a database can't be used: unready, with the part at fault; no token is judged by what may be
//! out of date; and all is as before when it comes back.

mod readiness;
mod silence;
