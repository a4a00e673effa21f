//! One Stele of a test's own: a fresh folder, a free port, and nothing inherited from the environment.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{Caller, Lines, Log, Mail, Mailbox, Process, is_panic, wait_for};

pub(crate) const VERIFY_URL: &str = "http://front.test/verify?key={key}";
pub(crate) const RESET_URL: &str = "http://front.test/reset?uid={uid}&token={token}";
pub(crate) const SESSIONS: &str = "/sessions/";

const START: Duration = Duration::from_mins(1);
const MAIL: Duration = Duration::from_secs(30);
const COMMAND: Duration = Duration::from_mins(1);
const SAID: Duration = Duration::from_secs(30);

/// Limits are off, the hash queue is long, and who stands in it is not given up: a test that wants them says so.
const HARNESS: [(&str, &str); 8] = [
    ("STELE_DATA_DIR", "data"),
    ("STELE_API__PUBLIC_URL", "http://stele.test"),
    ("STELE_LIMITS__ENABLED", "false"),
    ("STELE_HASH__QUEUE", "4096"),
    ("STELE_HASH__DEADLINE", "60s"),
    ("STELE_API__REQUEST_TIMEOUT", "60s"),
    ("STELE_MAIL__VERIFY_URL", VERIFY_URL),
    ("STELE_MAIL__RESET_URL", RESET_URL),
];

pub(crate) struct Server {
    process: Process,
    lines: Lines,
    address: String,
    home: Home,
}

/// Where a server lives and what it is told; outlives the process, so that another one can go on from it.
#[derive(Clone)]
pub(crate) struct Home {
    folder: Arc<TempDir>,
    env: Vec<(String, String)>,
    launcher: Vec<String>,
    roles: Option<String>,
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// What it printed, if it succeeded.
    #[track_caller]
    pub(crate) fn succeeded(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }
}

impl Home {
    /// A folder with the settings of the harness, and `env` over them.
    pub(crate) fn new(env: &[(&str, &str)]) -> Self {
        Self::bare(&[&HARNESS, env].concat())
    }

    /// A folder with `env`, a free port and nothing else: `data` is where it is by default.
    pub(crate) fn bare(env: &[(&str, &str)]) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self { folder, env: env.iter().map(own).collect(), launcher: Vec::new(), roles: None }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    pub(crate) fn log(&self) -> Log {
        let set = self.env.iter().rev().find(|(name, _)| name == "STELE_STORE__LOG");
        match set {
            Some((_, url)) if url.starts_with("postgres:") => Log::at(url),
            _ => Log::at(&format!("sqlite:{}", self.data().join("log.db").display())),
        }
    }

    /// `stele <arguments>` in this folder, with these settings.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let program = self.launcher.iter().map(String::as_str).chain([env!("CARGO_BIN_EXE_stele")]);
        let mut words = program.chain(arguments.iter().copied());
        let mut command = Command::new(words.next().unwrap());
        command.args(words).current_dir(self.folder.path()).env_clear();
        command.env("STELE_API__LISTEN", "127.0.0.1:0");
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end, with this on its standard input.
    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> Ran {
        run_to_end(self.command(arguments), input)
    }

    /// Runs a command to its end, with more settings.
    pub(crate) fn run_with(&self, env: &[(&str, &str)], arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        command.envs(env.iter().copied());
        run_to_end(command, "")
    }

    /// From the next start on a program runs that is given Stele's command line and becomes Stele.
    pub(crate) fn launch_by(&mut self, launcher: &[&str]) {
        self.launcher = launcher.iter().map(|&word| word.to_owned()).collect();
    }

    /// The same place, for a process that takes these roles only.
    pub(crate) fn with_roles(&self, roles: &str) -> Self {
        Self { roles: Some(roles.to_owned()), ..self.clone() }
    }

    /// What makes it serve.
    fn serve(&self) -> Command {
        match &self.roles {
            Some(roles) => self.command(&["serve", "--roles", roles]),
            None => self.command(&["serve"]),
        }
    }

    /// What it is told by the environment.
    pub(crate) fn setting(&self, name: &str) -> String {
        self.env.iter().rev().find(|(set, _)| set == name).expect("it is set").1.clone()
    }

    /// From the next start on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.env.push((name.to_owned(), value.to_owned()));
    }
}

/// Runs a command to its end, with this on its standard input.
pub(crate) fn run_to_end(mut command: Command, input: &str) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    let pid = Pid::from_child(&child);
    child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || tell.send(child.wait_with_output()));
    let Ok(output) = told.recv_timeout(COMMAND) else {
        kill_process(pid, Signal::KILL).ok();
        panic!("after {COMMAND:?} it still runs: {command:?}");
    };
    let Output { status, stdout, stderr } = output.expect("a command ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("what it prints is text");
    Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

impl Server {
    /// A fresh server with the settings of the harness and `env` over them.
    pub(crate) async fn start(env: &[(&str, &str)]) -> Self {
        Self::at(Home::new(env)).await
    }

    /// A server that goes on from what is in `home`.
    pub(crate) async fn at(home: Home) -> Self {
        let lines = Lines::default();
        let (process, address) = launch(&home, &lines).await;
        Self { process, lines, address, home }
    }

    /// SIGTERM, then another process on the same folder and, perhaps, another port.
    pub(crate) async fn restart(&mut self) {
        self.process.stop();
        (self.process, self.address) = launch(&self.home, &self.lines).await;
    }

    /// No file that it writes may grow beyond so many bytes, from now on; none: as long as it likes.
    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        self.process.limit_files(bytes);
    }

    /// Where the root of its file system is seen, which may have mounts of its own.
    pub(crate) fn root(&self) -> PathBuf {
        self.process.root()
    }

    pub(crate) fn threads(&self) -> u64 {
        self.process.status("Threads")
    }

    /// The most memory that it ever had at once, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.process.status("VmHWM") * 1024
    }

    pub(crate) fn kill9(&mut self) {
        self.process.kill();
    }

    /// Has it stand still, as a machine does that is out of breath, until [`resume`](Self::resume).
    pub(crate) fn pause(&mut self) {
        self.process.signal(Signal::STOP);
    }

    pub(crate) fn resume(&mut self) {
        self.process.signal(Signal::CONT);
    }

    pub(crate) fn terminate(&mut self) {
        self.process.signal(Signal::TERM);
    }

    /// Ctrl-C.
    pub(crate) fn interrupt(&mut self) {
        self.process.signal(Signal::INT);
    }

    /// Asks it to end and answers its exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        self.process.stop();
        self.exit_code_within(Duration::ZERO)
    }

    /// Its exit code, once it has ended of itself; a signal has none.
    pub(crate) fn exit_code_within(&mut self, deadline: Duration) -> Option<i32> {
        self.process.exit_within(deadline).and_then(|status| status.code())
    }

    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    /// What the next start will find.
    pub(crate) fn home_mut(&mut self) -> &mut Home {
        &mut self.home
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Everything printed so far, by this process and those before it.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.all()
    }

    /// How many lines hold this text so far.
    pub(crate) fn said(&self, text: &str) -> usize {
        self.lines().iter().filter(|line| line.contains(text)).count()
    }

    /// Waits until a line holds this text: what it prints comes by another way than what it answers.
    pub(crate) async fn says(&self, text: &str) {
        wait_for(&format!("it says `{text}`"), SAID, async || (self.said(text) > 0).then_some(())).await;
    }

    pub(crate) fn api(&self) -> Caller {
        Caller::to(&self.address)
    }

    /// Runs `stele <arguments>` beside the running server.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.home.run(arguments, "")
    }

    /// Waits until no mail is outstanding.
    pub(crate) async fn has_mailed(&self) {
        has_mailed(&self.api()).await;
    }

    /// Waits until no mail is outstanding, then answers all that were written.
    pub(crate) async fn mails(&self) -> Vec<Mail> {
        self.has_mailed().await;
        Mailbox::at(&self.home.data().join("mail")).all()
    }

    /// The newest mail to `address` that carries a link of the wanted kind, taken apart by `read`.
    pub(crate) async fn newest<T>(&self, address: &str, read: impl Fn(&Mail) -> Option<T>) -> Option<T> {
        self.mails().await.iter().rev().filter(|mail| mail.is_to(address)).find_map(read)
    }

    /// The key in the newest verification link to `address`.
    pub(crate) async fn verify_key(&self, address: &str) -> String {
        self.newest(address, Mail::verify_key).await.expect("a verification link was sent")
    }

    /// uid and token of the newest reset link to `address`.
    pub(crate) async fn reset_link(&self, address: &str) -> (String, String) {
        self.newest(address, Mail::reset_link).await.expect("a reset link was sent")
    }
}

/// Waits until the server of this caller has no mail outstanding.
pub(crate) async fn has_mailed(api: &Caller) {
    wait_for("the mail worker is idle", MAIL, async || {
        let health = api.get("/health/ready").await.json();
        (health.pointer("/parts/mailer/lag").and_then(serde_json::Value::as_u64) == Some(0)).then_some(())
    })
    .await;
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.stop();
        let panicked = self.lines().into_iter().find(|line| is_panic(line));
        if let Some(line) = panicked.filter(|_| !thread::panicking()) {
            panic!("the server panicked on its way: {line}");
        }
    }
}

async fn launch(home: &Home, lines: &Lines) -> (Process, String) {
    let earlier = lines.all().len();
    let mut process = Process::spawn(home.serve(), lines);
    let address = wait_for("the line that says `listening on http://ADDR`", START, async || {
        let ended = process.exit_within(Duration::ZERO);
        let new = lines.all().split_off(earlier);
        let address = new.iter().find_map(|line| line.split_once("listening on http://"));
        assert!(address.is_some() || ended.is_none(), "the server ended at start: {new:#?}");
        address
            .map(|(_, rest)| rest.split(char::is_whitespace).next().unwrap().trim_end_matches('/').to_owned())
    })
    .await;
    (process, address)
}
