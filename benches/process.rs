//! The processes under load: the real binary on a folder of its own, and the bare server. Each is ended by its pid when it
//! is dropped, and its folder goes with it.

use std::{
    env,
    ffi::OsStr,
    fs::{self, File},
    io::{self, BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};

use crate::{
    engine::{Engine, Place},
    failed::{Failed, Outcome},
};

const START: Duration = Duration::from_mins(2);
const STOP: Duration = Duration::from_secs(30);

/// Whom tokens name as their issuer, whatever the port.
pub(crate) const PUBLIC_URL: &str = "http://stele.bench";

/// What wraps every installation's keys.
pub(crate) const MASTER_KEY: &str = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=";

/// A child that does not outlive its owner. It is asked, as one that has children of its own must end them.
pub(crate) struct Ended(pub(crate) Child);

impl Ended {
    /// Asks it to end, waits until it has, and kills it where that takes too long. Says whether it ended by itself.
    fn end(&mut self) -> io::Result<bool> {
        if self.0.try_wait()?.is_some() {
            return Ok(true);
        }
        let (pid, child) = (Pid::from_child(&self.0), &mut self.0);
        kill_process(pid, Signal::TERM)?;
        thread::scope(|scope| {
            let (tell, told) = mpsc::channel();
            scope.spawn(move || tell.send(child.wait()));
            if let Ok(ended) = told.recv_timeout(STOP) {
                return ended.map(|_| true);
            }
            kill_process(pid, Signal::KILL)?;
            Ok(false)
        })
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        // Nobody is left who could do more about one that can't be ended.
        _ = self.end();
    }
}

/// A process that takes requests.
pub(crate) struct Process {
    child: Ended,
    pub(crate) address: SocketAddr,
    /// From the start of the process to the line that says where it listens.
    pub(crate) ready_after: Duration,
}

impl Process {
    /// Starts a program that says on its standard output that it is listening, and at which `http://ADDR`.
    pub(crate) async fn start(mut command: Command, program: &'static str, errors: &Path) -> Outcome<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(errors)?);
        let started = Instant::now();
        let mut child = Ended(command.spawn()?);
        let listening = child.0.stdout.take().map(address_in).ok_or(Failed::ThreadEnded)?;
        if let Ok(Ok((address, at))) = timeout(START, listening).await {
            return Ok(Self { child, address, ready_after: at.duration_since(started) });
        }
        drop(child);
        let said = fs::read_to_string(errors)?.lines().last().unwrap_or_default().to_owned();
        Err(Failed::NotStarted { program, said })
    }

    /// The bench itself in another process, as the server that does nothing.
    pub(crate) async fn start_bare(folder: &Path) -> Outcome<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.arg("serve-bare");
        Self::start(command, "the bare server", &folder.join("bare.stderr")).await
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.0.id()
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(mut self) -> Outcome<()> {
        if self.child.end()? { Ok(()) } else { Err(Failed::Late("the server ends when it is told to")) }
    }
}

/// Reads what a process says, to its end, so that it never waits for a reader; tells where it listens, and since when.
fn address_in(output: ChildStdout) -> oneshot::Receiver<(SocketAddr, Instant)> {
    let (tell, told) = oneshot::channel();
    let mut tell = Some(tell);
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some((address, tell)) = address(&line).and_then(|address| Some((address, tell.take()?))) {
                _ = tell.send((address, Instant::now()));
            }
        }
    });
    told
}

fn address(line: &str) -> Option<SocketAddr> {
    let line = line.to_ascii_lowercase();
    let (_, rest) = line.split_once("listening ")?.1.split_once("http://")?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Where one installation lives, and what differs from its defaults.
pub(crate) struct Home {
    folder: TempDir,
    pub(crate) log: Place,
    pub(crate) vault: Place,
    pub(crate) views: Place,
    settings: Vec<(&'static str, String)>,
}

impl Home {
    /// A folder below `target`, on the disk that holds the repository: a temporary folder in memory would make commits
    /// free. Limits are off, as all requests come from one address, and it may have all connections.
    pub(crate) fn new(engine: Engine) -> Outcome<Self> {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let data = folder.path().join("data");
        let [log, vault, views] = ["log", "vault", "views"].map(|name| engine.place(&data, name));
        let mut home = Self { folder, log, vault, views, settings: Vec::new() };
        home.set("STELE_API__PUBLIC_URL", PUBLIC_URL);
        home.set("STELE_API__TRUSTED_PROXIES", r#"["127.0.0.1"]"#);
        home.set("STELE_LIMITS__ENABLED", "false");
        home.set("STELE_VAULT__MASTER_KEY", MASTER_KEY);
        home.set("STELE_STORE__LOG", &home.log.url());
        home.set("STELE_STORE__VAULT", &home.vault.url());
        home.set("STELE_STORE__VIEWS", &home.views.url());
        Ok(home)
    }

    /// Has the read models made anew, in a database on a server that is not there yet.
    pub(crate) fn forget_views(&mut self) {
        self.views = Engine::Postgres.place(self.path(), "views");
        self.set("STELE_STORE__VIEWS", &self.views.url());
    }

    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.settings.push((name, value.to_owned()));
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `stele <arguments>` on this installation.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stele"));
        command.args(arguments).current_dir(self.path()).env_clear();
        command
            .env("STELE_API__LISTEN", "127.0.0.1:0")
            .envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(crate) async fn serve(&self) -> Outcome<Process> {
        Process::start(self.command(&["serve"]), "stele", &self.path().join("stele.stderr")).await
    }

    /// One of several processes: it has these roles, and a name that no other one has.
    pub(crate) async fn serve_as(&self, name: &str, roles: &str) -> Outcome<Process> {
        let command = self.command(&["serve", "--roles", roles]);
        Process::start(command, "stele", &self.path().join(format!("{name}.stderr"))).await
    }
}
