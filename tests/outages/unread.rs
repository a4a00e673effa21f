//! Output that nobody reads: what the server prints is lost and counted, and nothing else is different.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdout, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use rustix::pipe::fcntl_setpipe_size;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::support::{Account, Caller, Home, Wire, has_mailed, wait_for};

const SOON: Duration = Duration::from_mins(1);
/// How long a server lives at most. Else whoever reads a line that it never prints would wait for ever.
const LIFE: Duration = Duration::from_mins(5);
/// Bytes, the least that a pipe can hold.
const PIPE: usize = 4096;
/// More than the queue before stdout and the pipe hold together.
const MAILS: usize = 400;
/// More than the queue before stderr and the pipe hold together; each writes one line.
const REQUESTS: usize = 20_000;
const PIPELINED: usize = 500;

/// A server whose output is read only when it is asked for.
struct Unread {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: ChildStderr,
    address: String,
    _alive: Sender<()>,
}

impl Unread {
    fn start(home: &Home) -> Self {
        let mut command = home.command(&["serve"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let alive = ends_in_time(Pid::from_child(&child));
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        fcntl_setpipe_size(&stdout, PIPE).unwrap();
        fcntl_setpipe_size(&stderr, PIPE).unwrap();
        let mut stdout = BufReader::with_capacity(1, stdout);
        let mut line = String::new();
        while !line.contains("listening on http://") {
            line.clear();
            assert!(stdout.read_line(&mut line).unwrap() > 0, "it ended at its start");
        }
        let address = line.trim_end().rsplit('/').next().unwrap().to_owned();
        Self { child, stdout, stderr, address, _alive: alive }
    }

    fn api(&self) -> Caller {
        Caller::to(&self.address)
    }

    /// Asks it to end, and answers how it did; its output stays unread.
    async fn stopped(&mut self) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        wait_for("the server has ended", SOON, async || self.child.try_wait().unwrap()).await
    }
}

/// Kills a process that is there for too long; not once what this answers is gone.
fn ends_in_time(pid: Pid) -> Sender<()> {
    let (alive, told) = mpsc::channel();
    thread::spawn(move || {
        if told.recv_timeout(LIFE) == Err(RecvTimeoutError::Timeout) {
            kill_process(pid, Signal::KILL).ok();
        }
    });
    alive
}

impl Drop for Unread {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Registers an account and asks for so many mails to it in all.
async fn asks_for_mails(api: &Caller, account: &Account, mails: usize) {
    account.register(api).await;
    for _ in 1..mails {
        api.post("registration/resend-email/", json!({"email": account.email})).await.expect(200);
    }
}

#[tokio::test]
async fn a_terminal_that_nobody_reads_keeps_no_mail_from_going_and_no_stop_from_ending() {
    let home = Home::new(&[("STELE_OUTPUT__LEVEL", "warn")]);
    let mut server = Unread::start(&home);
    let (api, account) = (server.api(), Account::named("many"));
    asks_for_mails(&api, &account, MAILS).await;
    has_mailed(&api).await;
    account.login(&api).await;
    assert!(server.stopped().await.success());
}

#[tokio::test]
async fn lines_that_the_terminal_did_not_show_are_counted_when_it_is_read_again() {
    let home = Home::new(&[("STELE_OUTPUT__LEVEL", "warn")]);
    let mut server = Unread::start(&home);
    let (api, account) = (server.api(), Account::named("many"));
    asks_for_mails(&api, &account, MAILS).await;
    has_mailed(&api).await;
    let (mut shown, mut lost) = (0, 0);
    while shown + lost < MAILS {
        let mut line = String::new();
        assert!(server.stdout.read_line(&mut line).unwrap() > 0, "{shown} shown, {lost} lost");
        shown += usize::from(line.starts_with("mail to "));
        if let Some((count, _)) = line.split_once(" lines are not shown") {
            lost += count.parse::<usize>().unwrap();
        }
    }
    assert!(shown + lost == MAILS && lost > 0, "{shown} shown, {lost} lost");
    asks_for_mails(&api, &Account::named("late"), 1).await;
    has_mailed(&api).await;
    assert!(server.stopped().await.success());
    let mut rest = String::new();
    server.stdout.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("mail to late") && rest.ends_with("stopped\n"), "{rest}");
    let mut errors = String::new();
    server.stderr.read_to_string(&mut errors).unwrap();
    assert_eq!(errors, "");
}

async fn asks_many_times(address: &str) {
    let mut wire = Wire::connect(address).await;
    let ask = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
    for _ in 0..REQUESTS / PIPELINED {
        wire.send(ask.repeat(PIPELINED - 1).as_bytes()).await;
        wire.send(b"GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n").await;
        wire.read_until("404 Not Found", SOON).await;
    }
}

#[tokio::test]
async fn a_log_that_nobody_reads_keeps_no_request_from_its_answer_and_no_stop_from_ending() {
    let home = Home::new(&[]);
    let mut server = Unread::start(&home);
    asks_many_times(&server.address).await;
    Account::named("late").register(&server.api()).await;
    assert!(server.stopped().await.success());
}

#[tokio::test]
async fn log_lines_that_were_lost_are_counted_when_the_log_is_read_again() {
    let home = Home::new(&[("STELE_OUTPUT__FORMAT", "json")]);
    let mut server = Unread::start(&home);
    asks_many_times(&server.address).await;
    let (mut read, mut lost) = (0, 0);
    let mut stderr = BufReader::new(&mut server.stderr);
    while read + lost < REQUESTS as u64 {
        let mut line = String::new();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "{read} read, {lost} lost");
        let line: serde_json::Value = serde_json::from_str(&line).expect("every line is one object");
        read += u64::from(line["fields"]["message"] == "answered");
        lost += line["fields"]["lost"].as_u64().unwrap_or(0);
    }
    assert!(read + lost == REQUESTS as u64 && lost > 0, "{read} read, {lost} lost");
    assert!(server.stopped().await.success());
}
