//! A server that is started, told to fail, and stopped.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::access::{Access, User};
use crate::connection::{Services, take_connections};
use crate::fault::{Call, Fault, Faults, Plan};
use crate::features::Features;
use crate::file::EventFile;
use crate::ledger::Ledger;
use crate::streams::KeptStreams;
use crate::wire::event_store::client::server_features::server_features_server::ServerFeaturesServer;
use crate::wire::event_store::client::streams::streams_server::StreamsServer;
use crate::writer::Log;

/// Larger than the largest append, so that it is refused by its size and not by its frame.
const LARGEST_MESSAGE: usize = 16 * 1024 * 1024;

/// How a server is to be.
#[derive(Debug, Default, Clone)]
pub struct Settings {
    /// Where it keeps its events; in memory alone without one.
    pub folder: Option<PathBuf>,
    /// On loopback; any that is free for 0.
    pub port: u16,
    /// Everyone may do everything without any.
    pub users: Vec<User>,
}

/// What the services share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) log: Log,
    pub(crate) faults: Arc<Faults>,
    pub(crate) access: Arc<Access>,
}

/// A running server. It ends, and all its connections with it, when this is dropped.
#[derive(Debug)]
pub struct Double {
    port: u16,
    faults: Arc<Faults>,
    cuts: watch::Sender<u64>,
    serving: JoinHandle<()>,
}

impl Double {
    /// In memory, on a free port, for everyone.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start() -> io::Result<Self> {
        Self::with(Settings::default()).await
    }

    /// # Errors
    /// If the port is taken, or the folder can't be read and written.
    pub async fn with(settings: Settings) -> io::Result<Self> {
        let mut ledger = Ledger::default();
        let file = match &settings.folder {
            Some(folder) => {
                std::fs::create_dir_all(folder)?;
                EventFile::open(&folder.join("events"), |record| ledger.restore(record))?
            }
            None => EventFile::in_memory(),
        };
        let listener = TcpListener::bind(("127.0.0.1", settings.port)).await?;
        let port = listener.local_addr()?.port();
        let faults = Arc::new(Faults::default());
        let access = Arc::new(Access { users: settings.users });
        let shared = Shared { log: Log::begin(ledger, file), faults: faults.clone(), access };
        let services = Services {
            streams: StreamsServer::new(KeptStreams(shared.clone()))
                .max_decoding_message_size(LARGEST_MESSAGE),
            features: ServerFeaturesServer::new(Features(shared)),
        };
        let (cuts, heard) = watch::channel(0);
        let serving = tokio::spawn(take_connections(listener, services, heard));
        Ok(Self { port, faults, cuts, serving })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// For a client without a name. It waits a little before it connects, and not half a second as it would by itself.
    pub fn url(&self) -> String {
        format!("esdb://127.0.0.1:{}?tls=false&discoveryInterval=10", self.port)
    }

    /// The next calls of this kind fail so.
    pub fn fail(&self, call: Call, fault: Fault, times: usize) {
        self.plan(Plan { call, fault, times, streams: String::new() });
    }

    /// As [`Self::fail`], on some streams only.
    pub fn plan(&self, plan: Plan) {
        self.faults.plan(plan);
    }

    /// Nothing that was planned goes wrong any more.
    pub fn forget_faults(&self) {
        self.faults.forget();
    }

    /// How many calls of this kind came in, those that failed included.
    pub fn served(&self, call: Call) -> u64 {
        self.served_on(call, "")
    }

    /// As [`Self::served`], on streams whose names begin so. Every call on `$all` is on the stream `$all`.
    pub fn served_on(&self, call: Call, streams: &str) -> u64 {
        self.faults.served(call, streams)
    }

    /// Cuts every connection that there is.
    pub fn cut_connections(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.serving.abort();
        self.cut_connections();
    }
}
