//! `./bench peer`: Stele beside dj-rest-auth itself, in a small Django project that stands in `peer/`, served by gunicorn with
//! two workers. Both get the same requests from the same clients, by turns.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    engine::Engine,
    failed::{Failed, Outcome},
    figures::{Line, Unit},
    load::{
        self, Client, Plan,
        clients::{self, Repeated},
    },
    machine,
    process::Process,
    report::Table,
    rounds::{ROUNDS, Rounds},
    say,
    seed::{self, PASSWORD, Seeded},
};

const CLIENTS: u32 = 32;
const USERS: u32 = 1000;
const WARM: Duration = Duration::from_secs(1);
const SPAN: Duration = Duration::from_secs(4);
const PEER: &str = "dj-rest-auth";
/// Two workers, as for a site of this size; threads and kept connections make it faster than its defaults.
const GUNICORN: &str = "-m gunicorn --workers 2 --threads 4 --keep-alive 75 --bind 127.0.0.1:0";

/// Measures every line whose name holds `filter`; none where the peer can't be had.
pub(crate) async fn measure(filter: &str) -> Outcome<Table> {
    let mut table =
        Table { name: "peer", on: None, about: "Stele beside dj-rest-auth 7.2", lines: Vec::new() };
    say(format_args!("  installing dj-rest-auth, unless it is there …"));
    let python = match load::on_its_own_thread(|| async { install() }).await {
        Ok(python) => python,
        Err(error) => {
            say(format_args!("  skipped, as dj-rest-auth can't be had: {error}"));
            return Ok(table);
        }
    };
    let peer = load::on_its_own_thread(move || async move { Peer::seeded(&python) }).await?;
    let pair = Pair::new(&peer).await?;
    for (what, aim) in
        [("login", None), ("token/verify", Some(15.0)), ("GET user", Some(15.0)), ("refresh", Some(3.0))]
    {
        if what.contains(filter) {
            say(format_args!("  {what} …"));
            let line = pair.line(what, &peer).await?;
            table.lines.push(aim.map_or(line.clone(), |aim| line.aim(aim)));
        }
    }
    table.lines.push(pair.memory()?);
    Ok(table)
}

/// Sees to an environment with the peer in it, below `target`, and answers its Python.
fn install() -> Outcome<PathBuf> {
    let wanted = fs::read_to_string(project().join("requirements.txt"))?;
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peer-environment");
    let (python, stamp) = (environment.join("bin/python"), environment.join("installed.txt"));
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    done("python3 -m venv", Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r"]);
    done("pip install", pip.arg(project().join("requirements.txt")))?;
    fs::write(stamp, wanted)?;
    Ok(python)
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peer")
}

/// Runs a command to its end and answers what it printed; its errors go to the terminal.
fn done(what: &'static str, command: &mut Command) -> Outcome<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(Failed::Command(what));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The peer's database, and its users' tokens.
struct Peer {
    python: PathBuf,
    folder: TempDir,
    access: Vec<String>,
    refresh: Vec<String>,
}

impl Peer {
    fn seeded(python: &Path) -> Outcome<Self> {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let mut peer = Self { python: python.to_owned(), folder, access: Vec::new(), refresh: Vec::new() };
        done("migrate", &mut peer.python(&["-m", "django", "migrate", "--verbosity", "0"]))?;
        let tokens = done("seed.py", &mut peer.python(&["seed.py", &USERS.to_string(), PASSWORD]))?;
        let pairs = tokens.lines().filter_map(|line| line.split_once(' '));
        (peer.access, peer.refresh) = pairs.map(|(one, other)| (one.to_owned(), other.to_owned())).unzip();
        Ok(peer)
    }

    fn python(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.python);
        command.args(arguments).current_dir(project());
        command.env("DJANGO_SETTINGS_MODULE", "settings").env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("PEER_DATABASE", self.folder.path().join("db.sqlite3"));
        command
    }

    async fn serve(&self) -> Outcome<Process> {
        let mut command = self.python(&GUNICORN.split(' ').collect::<Vec<_>>());
        // It says where it listens in its log, which goes where the bench reads.
        command.args(["--error-logfile", "/dev/stdout", "django.core.wsgi:get_wsgi_application()"]);
        Process::start(command, "gunicorn", &self.folder.path().join("gunicorn.stderr")).await
    }
}

/// Both servers.
struct Pair {
    seeded: Seeded,
    ours: Process,
    theirs: Process,
}

impl Pair {
    async fn new(peer: &Peer) -> Outcome<Self> {
        let seeded = Seeded::on(Engine::Sqlite, USERS).await?;
        let (ours, theirs) = (seeded.home.serve().await?, peer.serve().await?);
        Ok(Self { seeded, ours, theirs })
    }

    async fn line(&self, what: &str, peer: &Peer) -> Outcome<Line> {
        let users = || 1..=USERS;
        let theirs = |requests: Vec<Vec<u8>>| clients::repeated(CLIENTS, requests);
        let rounds = match what {
            "token/verify" => {
                let theirs = theirs(peer.access.iter().map(|token| clients::verify(token)).collect());
                self.compare(clients::verifications(&self.seeded, CLIENTS, users())?, theirs).await?
            }
            "GET user" => {
                let theirs = theirs(peer.access.iter().map(|token| clients::user(token)).collect());
                self.compare(clients::readers(&self.seeded, CLIENTS, users())?, theirs).await?
            }
            "refresh" => {
                let theirs = theirs(peer.refresh.iter().map(|token| clients::refresh(token)).collect());
                self.compare(clients::refreshers(&self.seeded, CLIENTS, users())?, theirs).await?
            }
            _ => {
                let logins = || clients::logins(CLIENTS, users());
                self.compare(logins(), logins()).await?
            }
        };
        Ok(Line::new(format!("{what}, {CLIENTS} clients"), Unit::Times, &rounds.ratios())
            .detail(rounds.told("Stele", PEER)))
    }

    async fn compare<C: Client>(&self, mut ours: Vec<C>, mut theirs: Vec<Repeated>) -> Outcome<Rounds> {
        let mut rounds = Rounds::default();
        for _ in 0..ROUNDS {
            let load = load::run(Plan::closed(&self.ours, WARM, SPAN), ours).await?;
            seed::caught_up(&self.ours).await?;
            let other = load::run(Plan::closed(&self.theirs, WARM, SPAN), theirs).await?;
            rounds.push(&load, &other);
            (ours, theirs) = (load.clients, other.clients);
        }
        Ok(rounds)
    }

    fn memory(&self) -> Outcome<Line> {
        let ours = machine::resident_with_children(self.ours.pid())?;
        let theirs = machine::resident_with_children(self.theirs.pid())?;
        Ok(Line::new("memory after all of this", Unit::Times, &[theirs / ours])
            .detail(format!("Stele: {ours:.1} MiB; {PEER}: {theirs:.1} MiB")))
    }
}
