//! A disk that is full: commands are told to come back later, queries and tokens go on, and when there is room again
//! everything does, without a restart and without loss.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::moment::Moment;
use super::person::Person;
use crate::support::{
    Account, Caller, Home, Log, Mailbox, Post, Postgres, SESSIONS, Seed, Server, Servers, Tokens,
    comes_back_later, is_long, together, wait_for,
};

const SOON: Duration = Duration::from_mins(1);
const PEOPLE: usize = 6;
const ANSWERS: usize = 40;
/// The grace is longer than any disk stays full here.
const SETTINGS: [(&str, &str); 2] = [("STELE_HASH__THREADS", "2"), ("STELE_JWT__REFRESH_GRACE", "5m")];

/// Somebody who was there before the disk was full.
struct Witness {
    account: Account,
    tokens: Tokens,
    api: Caller,
}

impl Witness {
    async fn of(server: &Server) -> Self {
        let (account, api) = (Account::named("witness"), server.api());
        let tokens = account.register(&api).await;
        server.has_mailed().await;
        Self { account, tokens, api }
    }

    async fn reads(&self) {
        let user = self.tokens.on(&self.api);
        assert_eq!(user.get("user/").await.expect(200).at("/username"), self.account.username);
        self.is_known().await;
    }

    async fn is_known(&self) {
        self.api.post("token/verify/", json!({"token": self.tokens.access()})).await.expect(200);
    }

    async fn waits(&self) {
        comes_back_later(&self.tokens.try_refresh(&self.api).await, 503);
        comes_back_later(&self.account.try_login(&self.api, &self.account.password).await, 503);
    }
}

/// Where the server's files that can run out of room are, and how they do.
trait Disk {
    fn fill(&self, server: &Server);
    fn free(&self, server: &Server);
}

/// Any machine has this one: every write to a file fails, the log's, the vault's, the read models' and the mails'.
struct Limit;

impl Disk for Limit {
    fn fill(&self, server: &Server) {
        server.limit_files(Some(0));
    }

    fn free(&self, server: &Server) {
        server.limit_files(None);
    }
}

/// A small file system of the server's own, on `full` in its folder.
struct Small;

impl Small {
    const LAUNCHER: &str = "mount -t tmpfs -o size=12m none full && exec \"$@\"";

    /// A server with this setting on the small disk.
    async fn server(setting: (&str, &str)) -> Server {
        let mut home = Home::new(&[&SETTINGS[..], &[setting]].concat());
        fs::create_dir(home.path().join("full")).unwrap();
        let own = if rustix::process::geteuid().is_root() { "--mount" } else { "--map-root-user" };
        home.launch_by(&["/usr/bin/unshare", own, "--mount", "/bin/sh", "-c", Self::LAUNCHER, "sh"]);
        Server::at(home).await
    }

    fn folder(server: &Server) -> PathBuf {
        let inside = server.home().path().join("full");
        server.root().join(inside.strip_prefix("/").unwrap())
    }

    /// A copy of the log, which SQLite can't open where it is.
    fn log(server: &Server) -> Log {
        let copy = server.home().path().join("copy.db");
        for side in ["", "-wal"] {
            let from = Self::folder(server).join(format!("log.db{side}"));
            fs::copy(from, server.home().path().join(format!("copy.db{side}"))).unwrap();
        }
        fs::remove_file(copy.with_extension("db-shm")).ok();
        Log::at(&format!("sqlite:{}", copy.display()))
    }
}

impl Disk for Small {
    fn fill(&self, server: &Server) {
        let mut filler = File::create(Self::folder(server).join("filler")).unwrap();
        for piece in [64 * 1024, 4096, 1] {
            while filler.write_all(&vec![0; piece]).is_ok() {}
        }
    }

    fn free(&self, server: &Server) {
        fs::remove_file(Self::folder(server).join("filler")).unwrap();
    }
}

/// That of the server of all databases.
impl Disk for Postgres {
    fn fill(&self, _: &Server) {
        Self::fill(self);
    }

    fn free(&self, _: &Server) {
        Self::free(self);
    }
}

/// A server whose disk filled up while people were at work, each of whom went on until he was told to come back later.
struct Full<D> {
    server: Server,
    disk: D,
    witness: Witness,
    post: Post,
    people: Vec<Person>,
}

impl<D: Disk> Full<D> {
    async fn under_load(server: Server, disk: D) -> Self {
        let post = Post::of(&server.home().data().join("mail"));
        let (witness, seed) = (Witness::of(&server).await, Seed::of("disk"));
        let moment = Moment::after(ANSWERS);
        let lives = (0..PEOPLE).map(|index| {
            let person = Person::new(&format!("p{index}"), seed.dice(index as u64));
            person.live(server.api(), moment.clone(), post.clone())
        });
        let (people, ()) = tokio::join!(together(lives), async {
            moment.come().await;
            disk.fill(&server);
        });
        Self { server, disk, witness, post, people }
    }

    /// When there is room again, what was acknowledged holds, and what was not happened whole or not at all. `log` is
    /// asked for while nobody writes.
    async fn all_holds_with_room(self, log: impl Fn(&Server) -> Log) {
        let Self { server, disk, witness, post, people } = self;
        let api = server.api();
        disk.free(&server);
        wait_for("the server is ready again", SOON, async || {
            (api.get("/health/ready").await.status == 200).then_some(())
        })
        .await;
        server.has_mailed().await;
        post.look();
        let found = log(&server);
        let settling =
            people.into_iter().map(|person| person.settle(api.clone(), found.clone(), post.clone()));
        let settled = together(settling).await;
        server.has_mailed().await;
        post.look();
        together(settled.into_iter().map(|person| person.holds(api.clone(), post.clone()))).await;
        witness.tokens.refreshed(&api).await;
        server.has_mailed().await;
        log(&server).events().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_nothing_can_be_written_commands_wait_reading_goes_on_and_all_is_well_afterwards() {
    let mut home = Home::new(&SETTINGS);
    // Else a write beyond the limit would end the process, which a full disk does not.
    home.launch_by(&["/bin/sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"]);
    let full = Full::under_load(Server::at(home).await, Limit).await;
    full.witness.reads().await;
    full.witness.waits().await;
    full.all_holds_with_room(|server| server.home().log()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the right to mount a file system; ./test runs it where it may"]
async fn a_full_disk_under_the_log_holds_up_commands_alone() {
    let server = Small::server(("STELE_STORE__LOG", "sqlite:full/log.db")).await;
    let full = Full::under_load(server, Small).await;
    full.witness.reads().await;
    comes_back_later(&full.witness.tokens.try_refresh(&full.witness.api).await, 503);
    full.all_holds_with_room(Small::log).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the right to mount a file system; ./test runs it where it may"]
async fn a_full_disk_under_the_vault_holds_up_what_needs_a_new_key_alone() {
    let server = Small::server(("STELE_STORE__VAULT", "sqlite:full/vault.db")).await;
    let full = Full::under_load(server, Small).await;
    full.witness.reads().await;
    full.witness.tokens.refreshed(&full.witness.api).await;
    full.all_holds_with_room(|server| server.home().log()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the right to mount a file system; ./test runs it where it may"]
async fn full_disks_under_read_models_and_mails_hold_up_no_command_and_lose_nothing() {
    for setting in [("STELE_STORE__VIEWS", "sqlite:full/views.db"), ("STELE_MAIL__URL", "file:full/mail")] {
        let server = Small::server(setting).await;
        let witness = Witness::of(&server).await;
        Small.fill(&server);
        let late = Account::named("late");
        let tokens = late.register(&witness.api).await;
        tokens.on(&witness.api).patch("user/", json!({"first_name": "Ada"})).await.expect(200);
        assert_eq!(tokens.on(&witness.api).get("user/").await.expect(200).at("/first_name"), "Ada");
        witness.reads().await;
        Small.free(&server);
        server.has_mailed().await;
        let shown = tokens.on(&witness.api).insist(SESSIONS).await.expect(200).json();
        assert_eq!(shown.as_array().unwrap().len(), 1, "{setting:?}");
        let folder = match setting.0 {
            "STELE_MAIL__URL" => Small::folder(&server).join("mail"),
            _ => server.home().data().join("mail"),
        };
        let mails = Mailbox::at(&folder).all();
        assert_eq!(mails.iter().filter(|mail| mail.is_to(&late.email)).count(), 1, "{setting:?}");
    }
}

#[tokio::test]
async fn mails_that_have_no_place_to_go_are_sent_when_they_have_one() {
    let server = Server::start(&[]).await;
    let witness = Witness::of(&server).await;
    let folder = server.home().data().join("mail");
    let aside = server.home().data().join("aside");
    fs::rename(&folder, &aside).unwrap();
    File::create_new(&folder).unwrap();
    let late = Account::named("late");
    late.register(&witness.api).await;
    wait_for("the mailer lags", SOON, async || {
        let ready = witness.api.get("/health/ready").await;
        (ready.status == 200 && ready.json()["parts"]["mailer"]["lag"] != 0).then_some(())
    })
    .await;
    fs::remove_file(&folder).unwrap();
    fs::rename(&aside, &folder).unwrap();
    let mails = server.mails().await;
    assert_eq!(mails.iter().filter(|mail| mail.is_to(&late.email)).count(), 1);
}

/// First tables can't grow, which fails commands. Then the write-ahead log can't, of which PostgreSQL dies and does not rise again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and the right to mount a file system; ./test runs it where they are"]
async fn a_full_disk_under_postgresql_holds_up_what_needs_it_and_loses_nothing() {
    for _ in 0..if is_long() { 10 } else { 1 } {
        let postgres = Postgres::start_on_a_small_disk();
        let server = Server::at(Home::on(&Servers::all(&postgres), &SETTINGS)).await;
        let full = Full::under_load(server, postgres).await;
        assert!(full.disk.said("could not extend file") > 0);
        full.witness.is_known().await;
        wait_for("the write-ahead log has no room", SOON, async || {
            full.disk.switch_log();
            (full.disk.said("PANIC") > 0).then_some(())
        })
        .await;
        full.witness.is_known().await;
        full.witness.waits().await;
        full.all_holds_with_room(|server| server.home().log()).await;
    }
}
