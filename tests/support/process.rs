//! A child process whose output is kept line by line and which never outlives its test.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};

/// Longer than a server takes by default for the requests that are under way when it is told to stop.
const STOP: Duration = Duration::from_secs(45);

/// Another program of the workspace: cargo puts all of them into one folder.
pub(crate) fn program(name: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_stele")).with_file_name(name);
    assert!(program.exists(), "first: cargo build -p {name}");
    program
}

/// Lines of stdout and stderr, in the order of their arrival.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn collect(&self, stream: impl Read + Send + 'static) -> JoinHandle<()> {
        let lines = self.clone();
        thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                lines.0.lock().unwrap().push(text);
                line.clear();
            }
        })
    }
}

/// Whether a program says in this line that it contradicted itself, in Rust's words or in Stele's.
pub(crate) fn is_panic(line: &str) -> bool {
    line.contains("panicked at") || line.contains("a bug:")
}

pub(crate) struct Process {
    pid: Pid,
    exit: Receiver<ExitStatus>,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts `command` and adds what it prints to `lines`.
    pub(crate) fn spawn(mut command: Command, lines: &Lines) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let pid = Pid::from_child(&child);
        let readers =
            [lines.collect(child.stdout.take().unwrap()), lines.collect(child.stderr.take().unwrap())];
        Self { pid, exit: report_exit(child, readers), ended: None }
    }

    /// How it ended, if it does so within `deadline`; all its output is there then.
    pub(crate) fn exit_within(&mut self, deadline: Duration) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.exit.recv_timeout(deadline).ok();
        }
        self.ended
    }

    pub(crate) fn signal(&mut self, signal: Signal) {
        if self.exit_within(Duration::ZERO).is_none() {
            let signalled = kill_process(self.pid, signal);
            // It may have ended a moment ago, and is about to be told of.
            assert!(
                matches!(signalled, Ok(()) | Err(Errno::SRCH)),
                "a child can be signalled: {signalled:?}"
            );
        }
    }

    /// Asks it to end, as an operator does, and insists after a while.
    pub(crate) fn stop(&mut self) {
        self.signal(Signal::TERM);
        if self.exit_within(STOP).is_none() {
            self.kill();
        }
    }

    /// What the process writes beyond so many bytes of a file fails from now on.
    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        let limit = Rlimit { current: bytes, maximum: None };
        prlimit(Some(self.pid), Resource::Fsize, limit).expect("a running child can be limited");
    }

    /// The file system as the process sees it.
    pub(crate) fn root(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.pid.as_raw_nonzero()))
    }

    /// A number that the operating system tells of the process, by its name in `/proc`.
    pub(crate) fn status(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid.as_raw_nonzero())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap().split_whitespace().next().unwrap().parse().unwrap()
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.exit_within(Duration::from_secs(15));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

fn report_exit(mut child: Child, readers: [JoinHandle<()>; 2]) -> Receiver<ExitStatus> {
    let (tell, exit) = mpsc::channel();
    thread::spawn(move || {
        let status = child.wait().expect("a child can be waited for");
        for reader in readers {
            reader.join().expect("output is read to its end");
        }
        tell.send(status).ok();
    });
    exit
}
