//! What a server prints: lines for a person on stdout. No work ever waits for whoever reads them: a thread writes them, from
//! a queue that has an end. Lines that find no room there are lost, and how many is told in their place.

use std::{
    io::{self, BufWriter, Write},
    sync::{Arc, OnceLock, mpsc},
    thread,
    time::Duration,
};

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

/// Lines for a person that may wait to be written.
const TERMINAL_LINES: usize = 256;
/// Bytes that are written at once, and no line is longer.
const BUFFER: usize = 64 * 1024;
/// How long the last lines may take to be written when the process ends.
const LAST_LINES: Duration = Duration::from_secs(2);

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
