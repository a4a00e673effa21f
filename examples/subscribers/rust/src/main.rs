//! Follows the events of users on NATS JetStream and prints each one once, in order, as a line of JSON, until it is told to end.
//! Knows the subscriber's guide, docs/events.md, and nothing else of Stele.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is what it does with an event")]

use std::{
    collections::HashMap,
    error::Error,
    fs, io,
    path::PathBuf,
    pin::{Pin, pin},
    process::ExitCode,
    str::FromStr,
    time::Duration,
};

use async_nats::{
    Client, ConnectOptions,
    jetstream::{
        self, AckKind,
        consumer::{AckPolicy, pull},
    },
};
use clap::Parser;
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::Value;
use tokio::{
    select,
    signal::unix::{SignalKind, signal},
    time::{sleep, timeout},
};

const STREAM: &str = "STELE_EVENTS";
/// Where answers go: what docs/nats.conf lets a subscriber hear.
const INBOX: &str = "_INBOX_subscriber";
/// What is not acknowledged by then comes again: longer than dealing with an event ever takes.
const ACK_WAIT: Duration = Duration::from_secs(5);
/// Before it begins anew, and for the last acknowledgement.
const PAUSE: Duration = Duration::from_secs(1);

type Failure = Box<dyn Error + Send + Sync>;

/// Prints the events of users as they come.
#[derive(Parser)]
struct Arguments {
    /// `nats://host:port` or `tls://host:port`
    url: String,
    /// The consumer: NATS keeps under this name how far the subscriber is
    name: String,
    /// Which types of events
    #[arg(long, default_value = "stele.events.user.>")]
    filter: String,
    /// A credentials file, or the seed of an nkey
    #[arg(long)]
    credentials: Option<PathBuf>,
    /// Passes over what is not beyond this `position`: to replay, with a name that is new
    #[arg(long)]
    from: Option<Position>,
}

/// What a subscriber needs to know of an event, whatever its type.
#[derive(Deserialize)]
struct Event {
    id: String,
    subject: String,
    position: String,
    previousid: Option<String>,
}

/// A place in a log: its name, a hyphen, and a number.
#[derive(Clone)]
struct Position {
    log: String,
    number: u64,
}

impl FromStr for Position {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let (log, number) = text.rsplit_once('-').ok_or("a position is LOG-NUMBER")?;
        Ok(Self { log: log.to_owned(), number: number.parse()? })
    }
}

impl Position {
    /// What is of another log is new.
    fn is_beyond(&self, other: &Self) -> bool {
        self.log != other.log || self.number > other.number
    }
}

/// What was dealt with. A service keeps it in its database, and writes it in one transaction with what it makes of an event: then
/// nothing is missed or done twice, whenever it is killed.
struct Done {
    position: Option<Position>,
    /// The id of the last event of each subject.
    last: HashMap<String, String>,
}

impl Done {
    /// Deals with an event, unless it was dealt with before. Fails where it is none.
    fn deal_with(&mut self, payload: &[u8]) -> Result<(), Failure> {
        let whole: Value = serde_json::from_slice(payload)?;
        let event = Event::deserialize(&whole)?;
        let position: Position = event.position.parse()?;
        if self.position.as_ref().is_some_and(|done| !position.is_beyond(done)) {
            return Ok(());
        }
        let last = self.last.get(&event.subject);
        if last.is_some() && event.previousid.as_ref() != last {
            eprintln!("gap: something is missing before {} of {}", event.id, event.subject);
        }
        println!("{whole}");
        self.position = Some(position);
        self.last.insert(event.subject, event.id);
        Ok(())
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut stop = pin!(told_to_end()?);
    let client = connect(arguments).await?;
    let mut done = Done { position: arguments.from.clone(), last: HashMap::new() };
    while let Err(failure) = follow(&client, arguments, &mut done, stop.as_mut()).await {
        eprintln!("begins anew: {failure}");
        select! {
            () = stop.as_mut() => break,
            () = sleep(PAUSE) => {}
        }
    }
    // The last acknowledgement may be on its way. If it is lost, the event comes again.
    _ = timeout(PAUSE, client.flush()).await;
    Ok(())
}

/// Deals with events until it is told to end, or until it can't go on without beginning anew.
async fn follow(
    client: &Client,
    arguments: &Arguments,
    done: &mut Done,
    mut stop: Pin<&mut impl Future<Output = ()>>,
) -> Result<(), Failure> {
    let stream = jetstream::new(client.clone()).get_stream(STREAM).await?;
    let consumer = stream.get_or_create_consumer(&arguments.name, wanted(arguments)).await?;
    let mut messages = consumer.messages().await?;
    loop {
        let message = select! {
            () = stop.as_mut() => return Ok(()),
            message = messages.next() => message.ok_or("the consumer has ended")??,
        };
        match done.deal_with(&message.payload) {
            Ok(()) => message.ack().await?,
            // It would come again and again, and keep all others waiting.
            Err(failure) => {
                eprintln!("passed over: a message that is no event: {failure}");
                message.ack_with(AckKind::Term).await?;
            }
        }
    }
}

/// Kept by NATS, through restarts of either side. One event at a time, as one that comes again would else come behind later ones.
/// One that is there already is taken as it is.
fn wanted(arguments: &Arguments) -> pull::Config {
    pull::Config {
        durable_name: Some(arguments.name.clone()),
        filter_subject: arguments.filter.clone(),
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        max_ack_pending: 1,
        ..pull::Config::default()
    }
}

/// The client connects again by itself, however long NATS is away.
async fn connect(arguments: &Arguments) -> Result<Client, Failure> {
    let options = match &arguments.credentials {
        None => ConnectOptions::new(),
        Some(path) => {
            let read = fs::read_to_string(path);
            let text = read.map_err(|failure| format!("{}: {failure}", path.display()))?;
            if text.contains("BEGIN NATS USER JWT") {
                ConnectOptions::with_credentials(&text)?
            } else {
                ConnectOptions::with_nkey(text.trim().to_owned())
            }
        }
    };
    let options = options.name(&arguments.name).custom_inbox_prefix(INBOX).retry_on_initial_connect();
    Ok(options.connect(&arguments.url).await?)
}

/// SIGTERM, or Ctrl-C.
fn told_to_end() -> io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
