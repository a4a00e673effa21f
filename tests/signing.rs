//! How tokens are signed and users are numbered, by setting: what a client sees is the same, and what was given before a
//! setting changed stays good.

mod algorithms;
mod numbers;
