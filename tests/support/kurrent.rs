//! A KurrentDB to keep a log on: the double, in this process or in one that can be killed, or the real server that
//! `STELE_TEST_KURRENT` names. Each log has a prefix of its own.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use eventstore::Client;
use kurrent_double::{Call, Double, Fault, Plan, Settings, User};
use tempfile::TempDir;

use super::{Home, Lines, OWNER, Postgres, Process, VAULT, VIEWS, program, wait_for};

/// The user that `store.log` names.
const STELE: &str = "stele";
const PASSWORD: &str = "changeit";
const START: Duration = Duration::from_secs(30);
/// The most calls that a fault can be told to befall.
const ALWAYS: usize = usize::MAX;

/// A server and the place of a log on it.
pub(crate) struct Kurrent {
    /// None where the server is a real one.
    double: Option<Double>,
    url: String,
    prefix: String,
}

impl Kurrent {
    pub(crate) async fn double() -> Self {
        let double = Double::start().await.expect("a free port");
        let url = double.url();
        Self::at(Some(double), &url)
    }

    /// One that knows its users: an administrator, Stele, and a guest of the same server.
    pub(crate) async fn guarded() -> Self {
        let users = [("admin", true), (STELE, false), ("guest", false)].map(|(name, is_admin)| User {
            name: name.to_owned(),
            password: PASSWORD.to_owned(),
            is_admin,
        });
        let double = Double::with(Settings { users: users.to_vec(), ..Settings::default() }).await;
        let double = double.expect("a free port");
        let url = url_for(&double, STELE);
        Self::at(Some(double), &url)
    }

    #[expect(clippy::disallowed_methods, reason = "it names what the tests run on, and is no setting")]
    pub(crate) fn real() -> Self {
        let url = std::env::var("STELE_TEST_KURRENT").expect("STELE_TEST_KURRENT names a server");
        Self::at(None, &url)
    }

    fn at(double: Option<Double>, url: &str) -> Self {
        let prefix = format!("test{:x}", rand::random::<u64>());
        let sign = if url.contains('?') { '&' } else { '?' };
        Self { double, url: format!("{url}{sign}prefix={prefix}"), prefix }
    }

    /// What `store.log` says.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The client of a user, of one that knows its users.
    pub(crate) fn client(&self, user: &str) -> Client {
        let settings = url_for(self.told(), user).parse().expect("a URL that the client reads");
        Client::new(settings).expect("a client")
    }

    /// The full name of a stream.
    pub(crate) fn stream(&self, rest: &str) -> String {
        format!("{}{rest}", self.prefix)
    }

    pub(crate) const fn is_double(&self) -> bool {
        self.double.is_some()
    }

    fn told(&self) -> &Double {
        self.double.as_ref().expect("only the double can be told and asked")
    }

    /// The next calls fail so: on streams whose names, without the prefix of the log, begin with `kind`.
    pub(crate) fn fail(&self, call: Call, fault: Fault, times: usize, kind: &str) {
        let streams = format!("{}-{kind}", self.prefix);
        self.told().plan(Plan { call, fault, times, streams });
    }

    /// Every call of a kind that Stele makes fails so from now on, on whatever stream.
    pub(crate) fn fail_always(&self, fault: &Fault) {
        for call in [Call::Append, Call::Read] {
            self.told().fail(call, fault.clone(), ALWAYS);
        }
    }

    /// The next subscription comes to an end without an error.
    pub(crate) fn end_subscription(&self) {
        self.told().fail(Call::Subscribe, Fault::End, 1);
    }

    /// How often somebody has subscribed to all there is.
    pub(crate) fn subscribed(&self) -> u64 {
        self.told().served(Call::Subscribe)
    }

    pub(crate) fn is_well_again(&self) {
        self.told().forget_faults();
    }

    pub(crate) fn port(&self) -> u16 {
        self.told().port()
    }

    /// How many calls came in on streams whose names, without the prefix of the log, begin with `kind`; never those on `$all`.
    pub(crate) fn served(&self, call: Call, kind: &str) -> u64 {
        self.told().served_on(call, &format!("{}-{kind}", self.prefix))
    }
}

/// The double as a process of its own, whose events outlive it.
pub(crate) struct KurrentProcess {
    folder: TempDir,
    ports: (u16, u16),
    lines: Lines,
    process: Option<Process>,
}

impl KurrentProcess {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut made = Self { folder, ports: (0, 0), lines: Lines::default(), process: None };
        made.begin().await;
        made
    }

    /// After a kill, on what that left and on the same ports.
    pub(crate) async fn begin(&mut self) {
        let earlier = self.lines.all().len();
        let mut command = Command::new(program("kurrent-double"));
        command.arg(self.folder.path());
        command.args([self.ports.0, self.ports.1].map(|port| port.to_string()));
        self.process = Some(Process::spawn(command, &self.lines));
        self.ports = wait_for("the double tells its ports", START, async || {
            let told = self.lines.all().split_off(earlier);
            let (port, control) = told.iter().find_map(|line| line.split_once(' '))?;
            Some((port.parse().ok()?, control.parse().ok()?))
        })
        .await;
    }

    /// `kill -9`.
    pub(crate) fn kill9(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("esdb://127.0.0.1:{}?tls=false", self.ports.0)
    }

    /// How many calls of this kind came in since it began.
    pub(crate) fn served(&self, call: &str) -> u64 {
        let mut control = TcpStream::connect(("127.0.0.1", self.ports.1)).expect("it takes orders");
        writeln!(control, "served {call}").unwrap();
        let mut answer = String::new();
        BufReader::new(control).read_line(&mut answer).unwrap();
        answer.trim().parse().expect("a number of calls")
    }
}

impl Home {
    /// A home whose log is on a KurrentDB, at this URL, and all else in its folder.
    pub(crate) fn on_kurrent(log: &str, env: &[(&str, &str)]) -> Self {
        Self::keyed(&[env, &[("STELE_STORE__LOG", log)]].concat())
    }

    /// A home for several processes: its log is on a KurrentDB, at this URL, and all else on the PostgreSQL that all tests share.
    pub(crate) fn on_kurrent_and_postgres(log: &str, env: &[(&str, &str)]) -> Self {
        let mut home = Self::on_kurrent(log, env);
        let (views, vault) = (Postgres::shared().database(), Postgres::shared().database());
        views.grant("views");
        home.set("STELE_STORE__VIEWS", &views.url(VIEWS));
        home.run_with(&[("STELE_STORE__VAULT", &vault.url(OWNER))], &["migrate"]).succeeded();
        vault.grant("vault");
        home.set("STELE_STORE__VAULT", &vault.url(VAULT));
        home
    }
}

fn url_for(double: &Double, user: &str) -> String {
    double.url().replace("esdb://", &format!("esdb://{user}:{PASSWORD}@"))
}
