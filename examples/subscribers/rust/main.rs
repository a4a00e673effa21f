//! Follows the events of users on NATS JetStream and prints each one once, in order, as a line of JSON, until it is told to end.
//! Knows the subscriber's guide, docs/events.md, and nothing else of Stele.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is what it does with an event")]

use std::{collections::HashMap, error::Error, fs, io, path::PathBuf, pin::Pin, pin::pin, time::Duration};

use async_nats::{
    Client, ConnectOptions,
    jetstream::{
        self,
        consumer::{AckPolicy, pull},
    },
};
use clap::Parser;
use futures_util::StreamExt;
use serde::Deserialize;
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
/// Before it begins anew.
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
    /// Passes over what is not beyond this `position` of an event
    #[arg(long)]
    from: Option<String>,
}

/// What a subscriber needs to know of an event, whatever its type.
#[derive(Deserialize)]
struct Event {
    id: String,
    subject: String,
    position: String,
    streamversion: u64,
    previousid: Option<String>,
}

/// Where an event stands among those of its subject.
#[derive(PartialEq)]
enum Place {
    Next,
    Double,
    BehindGap,
}

/// The last event of each subject. A service keeps it in its database, and writes it in one transaction with what it makes of the
/// event: then nothing is missed or done twice, whenever it is killed.
#[derive(Default)]
struct Chains(HashMap<String, Event>);

impl Chains {
    fn place(&self, event: &Event) -> Place {
        match self.0.get(&event.subject) {
            None => Place::Next,
            Some(last) if event.streamversion <= last.streamversion => Place::Double,
            Some(last) if event.previousid.as_ref() == Some(&last.id) => Place::Next,
            Some(_) => Place::BehindGap,
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let mut stop = pin!(told_to_end()?);
    let client = connect(&arguments).await?;
    let mut chains = Chains::default();
    while let Err(failure) = follow(&client, &arguments, &mut chains, stop.as_mut()).await {
        eprintln!("begins anew: {failure}");
        select! {
            () = stop.as_mut() => break,
            () = sleep(PAUSE) => {}
        }
    }
    // The last acknowledgement may still be on its way.
    timeout(ACK_WAIT, client.flush()).await??;
    Ok(())
}

/// Deals with events until it is told to end, or until it can't go on without beginning anew.
async fn follow(
    client: &Client,
    arguments: &Arguments,
    chains: &mut Chains,
    mut stop: Pin<&mut impl Future<Output = ()>>,
) -> Result<(), Failure> {
    let stream = jetstream::new(client.clone()).get_stream(STREAM).await?;
    let consumer = stream.create_consumer(wanted(arguments)).await?;
    let mut messages = consumer.messages().await?;
    loop {
        let message = select! {
            () = stop.as_mut() => return Ok(()),
            message = messages.next() => message.ok_or("the consumer has ended")??,
        };
        let event: Event = serde_json::from_slice(&message.payload)?;
        let place = chains.place(&event);
        if place == Place::BehindGap {
            eprintln!("gap: something is missing before {} of {}", event.id, event.subject);
        }
        if place != Place::Double {
            if !arguments.from.as_ref().is_some_and(|from| is_up_to(&event.position, from)) {
                println!("{}", str::from_utf8(&message.payload)?);
            }
            chains.0.insert(event.subject.clone(), event);
        }
        message.ack().await?;
    }
}

/// Kept by NATS, through restarts of either side. One event at a time, as one that comes again would else come behind later ones.
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

/// Whether one position is another one or before it, in the same log: the name of the log, a hyphen, a number.
fn is_up_to(position: &str, other: &str) -> bool {
    let parts = |text: &str| {
        let (log, number) = text.rsplit_once('-')?;
        Some((log.to_owned(), number.parse::<u64>().ok()?))
    };
    match (parts(position), parts(other)) {
        (Some((log, number)), Some((other_log, other))) => log == other_log && number <= other,
        _ => false,
    }
}

/// The client connects again by itself, however long NATS is away.
async fn connect(arguments: &Arguments) -> Result<Client, Failure> {
    let options = match &arguments.credentials {
        None => ConnectOptions::new(),
        Some(path) => {
            let text = fs::read_to_string(path)?;
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
