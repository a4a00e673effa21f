//! What the process prints: log lines on stderr, and a server's lines for a person on stdout. No work ever waits for whoever
//! reads them: threads write them, from queues that have an end. What finds no room there is lost, and how much is told.

use std::{
    io::{self, BufWriter, IsTerminal, Write},
    panic,
    sync::{Arc, OnceLock, mpsc},
    thread,
    time::Duration,
};

use tracing::{Dispatch, Level, Metadata, dispatcher};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{filter::filter_fn, fmt::MakeWriter, layer::SubscriberExt};

use crate::settings::Format;

/// Log lines that may wait to be written: a few megabytes.
const LOG_LINES: usize = 16 * 1024;
/// Lines for a person that may wait to be written.
const TERMINAL_LINES: usize = 256;
/// Bytes that are written at once, and no line is longer.
const BUFFER: usize = 64 * 1024;
/// Whose lines are not shown: they repeat what a server says as it says it, and whoever uses those crates tells what matters.
const FOREIGN: [&str; 2] = ["async_nats", "kurrentdb"];
/// What PostgreSQL says beside its answers. Its warnings are shown; its notices, as of a table that was not there to be dropped, are not.
const NOTICES: &str = "sqlx::postgres::notice";
/// How long the last lines may take to be written when the process ends.
const LAST_LINES: Duration = Duration::from_secs(2);

/// Sends log lines to stderr from now on, panics too. What waits is written when the answer is dropped.
pub(crate) fn log_to_stderr(format: Format, level: Level) -> Queue {
    let (writer, queue) = queue(io::stderr(), LOG_LINES, move |lost| {
        // Past the queue, in the shape of every other line.
        let direct = lines(format, level.max(Level::WARN), io::stderr);
        dispatcher::with_default(&direct, || {
            tracing::warn!(lost, "log lines were lost, because nobody read them in time");
        });
    });
    // It fails only where there is a log already, and then that one is used.
    _ = dispatcher::set_global_default(lines(format, level, writer));
    // What a panic says may hold what was being worked on: a password, for instance.
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a bug: the program contradicted itself");
    }));
    queue
}

fn lines<W>(format: Format, level: Level, writer: W) -> Dispatch
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt().with_max_level(level).with_target(false).with_writer(writer);
    let is_own = |target: &str| !FOREIGN.iter().any(|foreign| target.starts_with(foreign));
    let is_noted = |of: &Metadata<'_>| of.target() == NOTICES && *of.level() > Level::WARN;
    let own = filter_fn(move |of| is_own(of.target()) && !is_noted(of)).with_max_level_hint(level);
    match format {
        Format::Text => lines.with_ansi(io::stderr().is_terminal()).finish().with(own).into(),
        Format::Json => lines.json().finish().with(own).into(),
    }
}

/// Where whoever started the server looks. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Terminal(NonBlocking);

impl Terminal {
    /// Opens stdout. What waits is written when the other half of the answer is dropped.
    pub(crate) fn open() -> (Self, Queue) {
        let (writer, queue) = queue(io::stdout(), TERMINAL_LINES, |lost| {
            _ = writeln!(io::stdout(), "{lost} lines are not shown, because nobody read them in time.");
        });
        (Self(writer), queue)
    }

    /// Shows a line, or several. A terminal that is closed or full is no reason to fail, nor to wait.
    pub(crate) fn say(&self, text: &str) {
        _ = self.0.clone().write_all(format!("{text}\n").as_bytes());
    }
}

/// Lines on their way to a stream. When it is dropped they are written, if that can be done within a while.
pub(crate) struct Queue(Option<WorkerGuard>);

impl Drop for Queue {
    fn drop(&mut self) {
        let guard = self.0.take();
        // Where a queue stays full, the guard says so on stdout, which may be as full.
        for_a_while(move || drop(guard));
    }
}

/// The last line of a process that failed, on stderr. Without a reader its exit code has to do.
pub(crate) fn say_why(text: String) {
    for_a_while(move || _ = writeln!(io::stderr(), "{text}"));
}

fn queue(
    stream: impl Write + Send + 'static,
    lines: usize,
    tell: impl Fn(usize) + Send + 'static,
) -> (NonBlocking, Queue) {
    let lost = Arc::new(OnceLock::new());
    let telling = Telling { stream, tell, lost: Arc::clone(&lost), told: 0 };
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(lines)
        .finish(BufWriter::with_capacity(BUFFER, telling));
    // Nobody else sets it.
    _ = lost.set(writer.error_counter());
    (writer, Queue(Some(guard)))
}

/// A stream that tells, as soon as it takes bytes again, how many lines found no room meanwhile. A line is lost only while
/// others wait, so that more bytes always follow.
struct Telling<W, T> {
    stream: W,
    tell: T,
    lost: Arc<OnceLock<ErrorCounter>>,
    told: usize,
}

impl<W: Write, T: Fn(usize)> Write for Telling<W, T> {
    /// Whole lines, as the buffer before it takes no part of one.
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let written = self.stream.write(lines)?;
        let lost = self.lost.get().map_or(0, ErrorCounter::dropped_lines);
        if written == lines.len() && lost > self.told {
            (self.tell)(lost - self.told);
            self.told = lost;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Does what may block for ever on a thread of its own, and goes on without it after a while.
fn for_a_while(work: impl FnOnce() + Send + 'static) {
    let (working, ended) = mpsc::channel::<()>();
    let started = thread::Builder::new().spawn(move || {
        work();
        drop(working);
    });
    if started.is_ok() {
        // Nothing is ever sent: the other end goes when the work is done.
        _ = ended.recv_timeout(LAST_LINES);
    }
}
