//! What is left of a promise when the machine fails in the middle of everything: the process is killed, the disk is full,
//! the clock is set. People with a memory of what they were told use the server all the while, and hold it to that.

mod clock;
mod disk;
mod kills;
mod moment;
mod obstacles;
mod order;
mod person;
mod settle;
mod stage;
mod tally;
mod town;
