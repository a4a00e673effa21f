//! What every test stands on: a server of its own, one-line HTTP calls, the mails it wrote, and waiting with a deadline.

mod account;
mod audit;
mod backup;
pub(crate) mod browser;
mod catcher;
mod enabled;
mod faketime;
mod gate;
mod grown;
mod http;
mod jwt;
#[cfg(feature = "kurrent")]
mod kurrent;
mod log;
mod mail;
mod nats;
mod post;
#[expect(dead_code, reason = "unit tests use the rest of it")]
mod postgres;
mod process;
pub(crate) mod providers;
mod seed;
mod server;
mod smtp;
mod views;
mod wait;
mod wire;

pub(crate) use account::{Account, NEW_PASSWORD, PASSWORD, Tokens};
pub(crate) use audit::{audited, place};
pub(crate) use backup::Dump;
pub(crate) use catcher::Catcher;
pub(crate) use gate::Gate;
pub(crate) use grown::{Servers, each};
pub(crate) use http::{Caller, Reply, comes_back_later};
pub(crate) use jwt::{claims, header};
#[cfg(feature = "kurrent")]
pub(crate) use kurrent::{Kurrent, KurrentProcess};
pub(crate) use log::{Event, Log, number_in};
pub(crate) use mail::{Mail, Mailbox};
pub(crate) use nats::{Nats, nats_server};
pub(crate) use post::{About, Post};
pub(crate) use postgres::{LOG, OWNER, Postgres, VAULT, VIEWS};
pub(crate) use process::{Lines, Process, is_panic, program};
pub(crate) use seed::{Dice, Seed};
pub(crate) use server::{Home, RESET_URL, Ran, SESSIONS, Server, VERIFY_URL, has_mailed, run_to_end};
pub(crate) use smtp::{Act, At, MailServer, Taken, deserted_port};
pub(crate) use views::{alter_views, open_views};
pub(crate) use wait::{Looks, is_long, tell, together, wait_for};
pub(crate) use wire::Wire;
