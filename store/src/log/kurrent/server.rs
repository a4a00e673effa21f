//! The way to KurrentDB: a client that is made anew when it has given up, the terms on which everything is asked, and what each error
//! means for what was asked. Knows no stream.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use eventstore::{
    AppendToStreamOptions, Client, Error, EventData, Position as Place, ReadAllOptions, ReadStreamOptions,
    RecordedEvent, StreamState,
};
use tokio::time::{Instant, sleep, timeout};

use super::Url;
use crate::{
    Cause,
    log::{StoreError, unavailable},
};

/// How long the server may take for one answer.
const DEADLINE: Duration = Duration::from_secs(5);
/// By how much it may be late before nobody waits any more.
const SLACK: Duration = Duration::from_secs(1);
/// How long to go on asking a server that does not answer, or an answer of which may be lost, in all.
const PATIENCE: Duration = Duration::from_secs(6);
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// What became of something that was not answered as wished.
#[derive(Debug)]
pub(super) enum Failure {
    /// The stream is not at the version that was expected.
    Version,
    /// There is no such stream.
    NotFound,
    /// Nothing was done, and asking again would not help.
    Refused(Cause),
    /// Nothing was done, and it can be asked again.
    Before(Cause),
    /// Nobody knows whether it was done.
    Unsure(Cause),
}

/// The terms on which everything is asked: as which user, of the leader, and how long it may take.
macro_rules! on_terms {
    ($server:expr, $options:expr) => {{
        let options = $options.requires_leader(true).deadline($server.deadline());
        match $server.url().credentials() {
            Some(credentials) => options.authenticated(credentials.clone()),
            None => options,
        }
    }};
}
pub(super) use on_terms;

/// What is to be read.
pub(super) enum Wanted<'q> {
    Stream(&'q str, ReadStreamOptions),
    All(ReadAllOptions),
}

/// A server or a cluster of them.
pub(super) struct Server {
    url: Url,
    deadline: Duration,
    current: Mutex<Session>,
}

/// A client, and the how manieth it is.
#[derive(Clone)]
pub(super) struct Session {
    number: u64,
    pub(super) client: Client,
}

impl Server {
    /// Asks nothing of it yet.
    pub(super) fn new(url: &Url) -> Result<Self, Cause> {
        let client = Client::new(url.settings().clone()).map_err(Cause::from)?;
        let current = Mutex::new(Session { number: 0, client });
        Ok(Self { url: url.clone(), deadline: DEADLINE, current })
    }

    /// The same, for what takes more time or may take less.
    pub(super) fn within(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn deadline(&self) -> Duration {
        self.deadline
    }

    pub(super) fn session(&self) -> Session {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Appends events once, and answers where the last of them stands.
    pub(super) async fn append(
        &self,
        stream: &str,
        expected: StreamState,
        events: Vec<EventData>,
        patience: &Patience,
    ) -> Result<Place, Failure> {
        let Session { number, client } = self.session();
        let options = on_terms!(self, AppendToStreamOptions::default().stream_state(expected));
        let append = self.answered(number, patience, client.append_to_stream(stream, &options, events));
        append.await.map(|written| written.position)
    }

    /// Reads for as long as anything is asked, or as one answer may take.
    pub(super) async fn read(&self, wanted: &Wanted<'_>) -> Result<Vec<RecordedEvent>, StoreError> {
        let mut patience = Patience::lasting(PATIENCE.max(self.deadline + SLACK));
        self.read_as(&mut patience, wanted, |event| event).await
    }

    /// Reads until it is answered or patience is at its end, and makes of each event at once what is wanted of it. No events come
    /// of a stream that is not there.
    pub(super) async fn read_as<T: Send>(
        &self,
        patience: &mut Patience,
        wanted: &Wanted<'_>,
        each: impl Fn(RecordedEvent) -> T + Send + Sync,
    ) -> Result<Vec<T>, StoreError> {
        loop {
            let Session { number, client } = self.session();
            match self.answered(number, patience, self.collect(&client, wanted, &each)).await {
                Ok(events) => return Ok(events),
                Err(Failure::NotFound) => return Ok(Vec::new()),
                Err(Failure::Before(cause) | Failure::Unsure(cause)) => patience.wait(cause).await?,
                Err(Failure::Refused(cause)) => return Err(unavailable(cause)),
                Err(Failure::Version) => return Err(unavailable("a read has no version to expect")),
            }
        }
    }

    async fn collect<T>(
        &self,
        client: &Client,
        wanted: &Wanted<'_>,
        each: impl Fn(RecordedEvent) -> T,
    ) -> Result<Vec<T>, Error> {
        let mut stream = match wanted {
            Wanted::Stream(name, options) => {
                client.read_stream(*name, &on_terms!(self, options.clone())).await?
            }
            Wanted::All(options) => client.read_all(&on_terms!(self, options.clone())).await?,
        };
        let mut events = Vec::new();
        while let Some(event) = stream.next().await? {
            events.extend(event.event.map(&each));
        }
        Ok(events)
    }

    async fn answered<T>(
        &self,
        number: u64,
        patience: &Patience,
        answer: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Failure> {
        // The server keeps to the deadline itself, if it lives.
        let (left, late) = (patience.left(), self.deadline + SLACK);
        let error = match timeout(left.min(late), answer).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error,
            // It had no time to show whether the connection is well.
            Err(_) if left < self.deadline => return Err(Failure::from(Error::DeadlineExceeded)),
            Err(_) => Error::DeadlineExceeded,
        };
        self.lost(number, &error);
        Err(Failure::from(error))
    }

    /// Makes the client anew if this error says that its connection is lost: one that has once found no server gives up for good,
    /// and one whose node is gone stays with it.
    fn lost(&self, number: u64, error: &Error) {
        if !is_of_connection(error) {
            return;
        }
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.number == number {
            match Client::new(self.url.settings().clone()) {
                Ok(client) => *current = Session { number: number + 1, client },
                Err(error) => tracing::warn!(%error, "the client of the log's server can't be made anew"),
            }
        }
    }
}

/// How long something is asked again.
pub(super) struct Patience {
    end: Instant,
    pause: Duration,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self::lasting(PATIENCE)
    }

    fn lasting(time: Duration) -> Self {
        Self { end: Instant::now() + time, pause: FIRST_PAUSE }
    }

    fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// Waits a moment, or gives up for this cause.
    pub(super) async fn wait(&mut self, cause: Cause) -> Result<(), StoreError> {
        if Instant::now() + self.pause > self.end {
            return Err(unavailable(cause));
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}

fn is_of_connection(error: &Error) -> bool {
    matches!(error, Error::ServerError(_) | Error::ConnectionClosed | Error::GrpcConnectionError(_))
        || matches!(error, Error::DeadlineExceeded)
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::WrongExpectedVersion { .. } => Self::Version,
            Error::ResourceNotFound => Self::NotFound,
            // These come before anything is sent, or instead of it.
            Error::NotLeaderException(_) | Error::ConnectionClosed | Error::GrpcConnectionError(_) => {
                Self::Before(error.into())
            }
            Error::AccessDenied
            | Error::UnsupportedFeature
            | Error::InitializationError(_)
            | Error::InternalParsingError(_)
            | Error::ResourceAlreadyExists
            | Error::ResourceDeleted => Self::Refused(error.into()),
            // As a request that is larger than the server takes.
            Error::Grpc { ref message, .. } if message.to_lowercase().contains("append size") => {
                Self::Refused(error.into())
            }
            _ => Self::Unsure(error.into()),
        }
    }
}

/// Whether it is the user who may not.
pub(super) fn is_denied(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable(cause) if is_of_access(cause))
}

/// The same of a cause.
pub(super) fn is_of_access(cause: &Cause) -> bool {
    matches!(cause.downcast_ref(), Some(Error::AccessDenied))
}

/// Whether the stream that was asked for is gone for good.
pub(super) fn is_deleted(cause: &Cause) -> bool {
    matches!(cause.downcast_ref(), Some(Error::ResourceDeleted))
}

/// Whether it is not what was asked that is at fault.
pub(super) fn is_of_all(cause: &Cause) -> bool {
    matches!(
        cause.downcast_ref(),
        Some(Error::AccessDenied | Error::UnsupportedFeature | Error::InitializationError(_))
    )
}
