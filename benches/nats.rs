//! The nats-server that events go to while they are measured: the real one, on the disk that holds the repository, ended by its
//! pid. What the bench does there, it does with a client that knows nothing of Stele.

use std::{
    env, fs,
    fs::File,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use async_nats::{
    Client,
    jetstream::{
        self, Context, Message,
        consumer::{
            DeliverPolicy,
            pull::{Ordered, OrderedConfig},
        },
    },
};
use futures_util::StreamExt;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::{
    failed::{Failed, Outcome},
    process::Ended,
};

/// Where the relay publishes to.
pub(crate) const STREAM: &str = "STELE_EVENTS";

const START: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(20);

pub(crate) struct Nats {
    // Before its folder, which goes with it.
    _server: Ended,
    _folder: TempDir,
    client: Client,
    pub(crate) url: String,
}

impl Nats {
    /// Everything that it acknowledges is on disk.
    pub(crate) async fn start() -> Outcome<Self> {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let (path, data) = (folder.path().join("nats.conf"), folder.path().join("data"));
        let jetstream = format!(r#"{{ store_dir: "{}", sync_interval: always }}"#, data.display());
        fs::write(&path, format!("listen: \"{address}\"\njetstream {jetstream}\n"))?;
        let mut command = Command::new(program()?);
        command.arg("-c").arg(path).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(File::create(folder.path().join("nats.stderr"))?);
        let (server, url) = (Ended(command.spawn()?), format!("nats://{address}"));
        let client = connected(&url).await?;
        Ok(Self { _server: server, _folder: folder, client, url })
    }

    pub(crate) fn context(&self) -> Context {
        jetstream::new(self.client.clone())
    }

    /// Waits until the stream of events holds so many.
    pub(crate) async fn holds(&self, events: u32, patience: Duration) -> Outcome<()> {
        let (context, end) = (self.context(), Instant::now() + patience);
        while Instant::now() < end {
            // There is none until the relay has made it.
            if let Ok(stream) = context.get_stream(STREAM).await
                && stream.cached_info().state.messages >= u64::from(events)
            {
                return Ok(());
            }
            sleep(LOOK).await;
        }
        Err(Failed::Late("the relay publishes all events"))
    }
}

/// Someone who subscribes to the stream of events, from its beginning or to what comes, in order and without acknowledging.
pub(crate) struct Subscriber(Ordered);

impl Subscriber {
    pub(crate) async fn of(context: &Context, from: DeliverPolicy) -> Result<Self, async_nats::Error> {
        let asked = OrderedConfig { deliver_policy: from, ..OrderedConfig::default() };
        let consumer = context.get_stream(STREAM).await?.create_consumer(asked).await?;
        Ok(Self(consumer.messages().await?))
    }

    pub(crate) async fn next(&mut self) -> Result<Message, async_nats::Error> {
        let next = self.0.next().await.ok_or("the subscription has ended")?;
        Ok(next?)
    }
}

/// Where `./test` puts it, or on the path.
pub(crate) fn program() -> Outcome<PathBuf> {
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/nats-server/nats-server");
    let path = env::var_os("PATH").unwrap_or_default();
    let elsewhere = env::split_paths(&path).map(|folder| folder.join("nats-server"));
    std::iter::once(fetched).chain(elsewhere).find(|program| program.is_file()).ok_or(Failed::NoNats)
}

async fn connected(url: &str) -> Outcome<Client> {
    let end = Instant::now() + START;
    while Instant::now() < end {
        if let Ok(client) = async_nats::connect(url).await {
            return Ok(client);
        }
        sleep(LOOK).await;
    }
    Err(Failed::Late("nats-server takes connections"))
}
