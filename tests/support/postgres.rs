//! A PostgreSQL server for tests, from whatever Debian's package or the path offers: it lives in a folder of its own, is reached by
//! a socket in it, and is gone with the process that asked for it, however that ends. Unit tests include this file as well.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

/// Where the operator finds what to grant: tests grant no more than that.
const OPERATIONS: &str = include_str!("../../docs/operations.md");

/// Who makes and migrates tables.
pub(crate) const OWNER: &str = "stele_owner";
/// Who uses those of the log.
pub(crate) const LOG: &str = "stele_log";
pub(crate) const VAULT: &str = "stele_vault";
pub(crate) const VIEWS: &str = "stele_views";

/// What a URL says after the host, and at its end, to reach the pooler.
pub(crate) const POOLER: (&str, &str) = (":6432", "?pooler=transaction");

/// Takes orders from its input, one a line, and ends with it: whatever happens to the process at the other end, the server
/// stops and its folder goes.
const KEEPER: &str = include_str!("postgres.sh");

/// How long an order may take, on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(2);

/// A server, and every database in it.
pub(crate) struct Postgres {
    keeper: Mutex<Keeper>,
    folder: PathBuf,
    pub(super) programs: PathBuf,
}

struct Keeper {
    process: Child,
    answers: Receiver<String>,
}

/// A database of a test's own.
pub(crate) struct TestDatabase<'s> {
    server: &'s Postgres,
    name: String,
}

impl Postgres {
    /// The one server of this process, for tests that do it no harm.
    pub(crate) fn shared() -> &'static Self {
        static SERVER: OnceLock<Postgres> = OnceLock::new();
        SERVER.get_or_init(Self::start)
    }

    /// A server of a test's own.
    pub(crate) fn start() -> Self {
        Self::start_bare().with_roles()
    }

    /// The same, whose data is on a small disk of its own.
    pub(crate) fn start_on_a_small_disk() -> Self {
        Self::launched(Room::Small).with_roles()
    }

    /// One that knows nothing of Stele.
    pub(crate) fn start_bare() -> Self {
        Self::launched(Room::Ample)
    }

    fn launched(room: Room) -> Self {
        let programs = programs().expect("PostgreSQL is not installed: apt-get install postgresql");
        let mut keeper = Keeper::start(keeper(&programs, room));
        let folder = PathBuf::from(keeper.answer());
        assert!(folder.is_absolute(), "the server does not start: see above");
        Self { keeper: Mutex::new(keeper), folder, programs }
    }

    fn with_roles(self) -> Self {
        self.sql(
            "postgres",
            &[OWNER, LOG, VAULT, VIEWS].map(|role| format!("create role {role} login; ")).concat(),
        );
        self
    }

    /// Where its socket is.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.clone()
    }

    /// Where its programs are.
    pub(crate) fn programs(&self) -> &Path {
        &self.programs
    }

    /// A new and empty database, which belongs to [`OWNER`].
    pub(crate) fn database(&self) -> TestDatabase<'_> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", MADE.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("create database {name} owner {OWNER}"));
        TestDatabase { server: self, name }
    }

    /// As an operator stops it: connections end at once.
    pub(crate) fn stop(&self) {
        self.order("stop");
    }

    /// `kill -9` to all of its processes.
    pub(crate) fn kill(&self) {
        self.order("kill");
    }

    /// After a stop or a kill, on what that left.
    pub(crate) fn begin(&self) {
        self.order("begin");
    }

    /// Leaves no room on its small disk.
    pub(crate) fn fill(&self) {
        self.order("fill");
    }

    /// Makes room again; a server that died of having none is started.
    pub(crate) fn free(&self) {
        self.order("free");
    }

    /// Starts pgbouncer before it: each transaction gets another one of three sessions.
    pub(crate) fn pool(&self) {
        self.order(&format!("pool {OWNER} {LOG} {VAULT} {VIEWS}"));
    }

    /// From the next start on it is reached by TLS as well, on this port, under a certificate for `localhost` that only its file
    /// vouches for; answers where that file is.
    pub(crate) fn offer_tls(&self, port: u16) -> PathBuf {
        self.order(&format!("tls {port}"));
        self.folder.join("data/server.crt")
    }

    /// Another line of its configuration, from the next start on.
    pub(crate) fn set(&self, line: &str) {
        self.order(&format!("set {line}"));
    }

    fn order(&self, order: &str) {
        let mut keeper = self.keeper.lock().unwrap();
        writeln!(keeper.process.stdin.as_mut().unwrap(), "{order}").unwrap();
        assert_eq!(Some(keeper.answer().as_str()), order.split(' ').next(), "the server's keeper is gone");
    }

    /// How often its log holds this text.
    pub(crate) fn said(&self, text: &str) -> usize {
        let log = fs::read(self.folder.join("log")).unwrap();
        String::from_utf8_lossy(&log).matches(text).count()
    }

    /// Goes on to the next file of its write-ahead log, if it can.
    pub(crate) fn switch_log(&self) {
        self.psql("postgres", "select pg_logical_emit_message(true, '', ''); select pg_switch_wal()");
    }

    /// Runs SQL as the superuser.
    pub(crate) fn sql(&self, database: &str, sql: &str) {
        let ran = self.psql(database, sql);
        assert!(ran.status.success(), "{sql}: {}", String::from_utf8_lossy(&ran.stderr));
    }

    fn psql(&self, database: &str, sql: &str) -> Output {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-q", "-X", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-c", sql]);
        psql.arg("-h").arg(&self.folder).output().unwrap()
    }
}

impl Keeper {
    fn start(mut command: Command) -> Self {
        let mut process = command.spawn().expect("the server's keeper starts");
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (tell, answers) = mpsc::channel();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Self { process, answers }
    }

    /// Nothing where it is gone.
    fn answer(&mut self) -> String {
        let answer = self.answers.recv_timeout(PATIENCE);
        let hangs = answer == Err(RecvTimeoutError::Timeout);
        if hangs {
            // Else whoever fails here waits for it again on his way out.
            self.process.kill().ok();
        }
        assert!(!hangs, "the server's keeper does not answer");
        answer.unwrap_or_default()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // This closes its input first.
        self.process.wait().ok();
    }
}

impl TestDatabase<'_> {
    /// Its URL for whoever logs in under this name.
    pub(crate) fn url(&self, role: &str) -> String {
        self.url_through(&self.server.folder, role)
    }

    /// The same by this host and port.
    pub(crate) fn url_by(&self, address: &str, role: &str) -> String {
        format!("postgres://{role}@{address}/{}", self.name)
    }

    /// The same behind the pooler.
    pub(crate) fn pooled_url(&self, role: &str) -> String {
        self.url_at(&self.server.folder, POOLER.0, role) + POOLER.1
    }

    /// The same by another socket, behind which someone leads to the server.
    pub(crate) fn url_through(&self, folder: &Path, role: &str) -> String {
        self.url_at(folder, "", role)
    }

    fn url_at(&self, folder: &Path, port: &str, role: &str) -> String {
        format!("postgres://{role}@{}{port}/{}", host(folder), self.name)
    }

    pub(crate) fn sql(&self, sql: &str) {
        self.server.sql(&self.name, sql);
    }

    /// Grants what the operator's manual says for `log`, `vault` or `views`, once the tables are there.
    pub(crate) fn grant(&self, what: &str) {
        let start = format!("<!-- grants: {what} -->\n```sql\n");
        let (_, block) = OPERATIONS.split_once(&start).expect("the manual says what to grant");
        let (sql, _) = block.split_once("```").expect("a block ends");
        self.sql(sql);
    }
}

/// A folder with a socket, as the host of a URL.
pub(crate) fn host(folder: &Path) -> String {
    folder.display().to_string().replace('/', "%2F")
}

/// Debian keeps them aside, one folder for each version; others have them on the path.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.map(|entry| entry.path()).max_by_key(|path| number(path));
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = newest.map(|version| version.join("bin")).into_iter().chain(env::split_paths(&path));
    folders.into_iter().find(|folder| folder.join("initdb").exists())
}

/// How much room the server's data has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Room {
    Ample,
    Small,
}

/// Where the small disk is, for the server and its keeper alone.
const DISK: &str = "/mnt";
const MOUNT: &str = "mount -t tmpfs -o size=96m,mode=1777 none /mnt && exec \"$@\"";

/// The server refuses to be root's, be it in a namespace of users.
fn keeper(programs: &Path, room: Room) -> Command {
    let (uid, gid) = fs::metadata("/proc/self")
        .map(|own| (std::os::unix::fs::MetadataExt::uid(&own), std::os::unix::fs::MetadataExt::gid(&own)))
        .unwrap();
    let mut words: Vec<String> = Vec::new();
    let mut then = |more: &[&str]| words.extend(more.iter().map(|&word| word.to_owned()));
    let mount = ["--mount", "sh", "-c", MOUNT, "sh"];
    match (room, uid) {
        (Room::Ample, _) => {}
        (Room::Small, 0) => then(&[&["unshare"], &mount[..]].concat()),
        (Room::Small, _) => {
            then(&[&["unshare", "--map-root-user"], &mount[..]].concat());
            then(&["unshare", &format!("--map-user={uid}"), &format!("--map-group={gid}")]);
        }
    }
    if uid == 0 {
        then(&["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    }
    then(&["sh", "-c", KEEPER, "keeper"]);
    let mut command = Command::new(words.remove(0));
    command.args(words).arg(programs).current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped());
    if room == Room::Small {
        command.arg(DISK);
    }
    // Ctrl-C is for the tests; the keeper hears of their end by its input.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}
