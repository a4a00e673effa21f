//! What PostgreSQL refuses while it is up: locks that others hold, deadlocks, statements that are cancelled, errors of any class
//! that may pass, no connection to be had. Whoever calls gets the right answer or is told to come back later, and all goes on by itself.

use std::time::Duration;

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::time::timeout;

use super::stage::Stage;
use super::tally::Fate;
use super::town::Town;
use crate::support::{
    Caller, Home, LOG, Looks, Postgres, Seed, VAULT, VIEWS, comes_back_later, is_long, together, wait_for,
};

const SOON: Duration = Duration::from_mins(1);
/// How soon whatever runs is cancelled again.
const PAUSE: Duration = Duration::from_millis(2);
const STORE_LOG: &str = "STELE_STORE__LOG";
const STORE_VAULT: &str = "STELE_STORE__VAULT";
const STORE_VIEWS: &str = "STELE_STORE__VIEWS";
/// More at once than a process has connections to any database.
const CROWD: usize = 24;

/// Everything is counted, in rows that all want. The grace outlives what is in the way.
const SETTINGS: [(&str, &str); 11] = [
    ("STELE_HASH__THREADS", "2"),
    ("STELE_JWT__REFRESH_GRACE", "5m"),
    ("STELE_JWT__ACCESS_TTL", "6h"),
    ("STELE_LIMITS__ENABLED", "true"),
    ("STELE_LIMITS__LOGIN", "100000/1h"),
    ("STELE_LIMITS__NETWORK", "100000/1h"),
    ("STELE_LIMITS__REGISTRATION", "100000/1h"),
    ("STELE_LIMITS__RESET", "100000/1h"),
    ("STELE_LIMITS__CHANGE", "100000/1h"),
    ("STELE_LIMITS__PROFILE", "100000/1h"),
    ("STELE_LIMITS__LINK", "100000/1h"),
];

/// What a role may be set to by someone who does not think of Stele.
const ROLES: [&str; 4] = [
    "default_transaction_isolation = serializable",
    "default_transaction_read_only = on",
    "statement_timeout = '5ms'",
    "lock_timeout = '5ms'",
];

/// Someone with all rights in one of the databases.
struct Operator(PgConnection);

impl Operator {
    /// In the database that a setting names.
    async fn of(home: &Home, setting: &str) -> Self {
        let url = home.setting(setting);
        let (_, place) = url.split_once('@').unwrap();
        Self(PgConnection::connect(&format!("postgres://postgres@{place}")).await.unwrap())
    }

    async fn runs(&mut self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.0).await.unwrap();
    }

    async fn counts(&mut self, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut self.0).await.unwrap()
    }

    /// Waits until somebody waits for what this session has locked.
    async fn is_waited_for(&mut self) {
        const SQL: &str =
            "select count(*) from pg_stat_activity where pg_backend_pid() = any (pg_blocking_pids(pid))";
        wait_for("somebody waits for the lock", SOON, async || (self.counts(SQL).await > 0).then_some(()))
            .await;
    }
}

/// Waits until the server has said something so many times more than before. Somebody comes all the while.
async fn strikes(stage: &Stage, what: &str, (before, times): (usize, usize)) {
    let mut number = 0;
    wait_for(what, SOON, async || {
        number += 1;
        knocks(stage.door(number)).await;
        (stage.postgres().said(what) >= before + times).then_some(())
    })
    .await;
}

/// Holds locks in two of the databases until others have waited for them in vain, and something else is over that happens meanwhile.
async fn hold(stage: &Stage, locks: [(&str, &str); 2], meanwhile: impl Future<Output = ()>) {
    const TIMEOUT: &str = "canceling statement due to lock timeout";
    let (home, before) = (stage.api.home(), stage.postgres().said(TIMEOUT));
    let mut holders = Vec::new();
    for (setting, lock) in locks {
        let mut holder = Operator::of(home, setting).await;
        holder.runs(&format!("begin; {lock}")).await;
        holders.push(holder);
    }
    let struck =
        wait_for(TIMEOUT, SOON, async || (stage.postgres().said(TIMEOUT) >= before + 2).then_some(()));
    tokio::join!(struck, meanwhile);
    for mut holder in holders {
        holder.runs("rollback").await;
    }
}

/// More people at once than there are connections.
async fn come_in_a_crowd(stage: &Stage) {
    let crowd = (0..CROWD).map(|number| knocks(stage.door(number)));
    together(crowd.collect::<Vec<_>>()).await;
}

/// Somebody whom nobody knows.
async fn knocks(api: Caller) {
    let reply = api.post("login/", json!({"username": "nobody", "password": "wrong"})).await;
    if reply.status != 400 {
        comes_back_later(&reply, 503);
    }
}

/// Keeps others from writing to one table, waits for somebody who has written to the other one and waits for this one, and then wants
/// the other one too. The server ends that by failing the one that waited first.
async fn cross(stage: &Stage, setting: &str, table: &str, other: &str) {
    const DEADLOCK: &str = "deadlock detected";
    let before = stage.postgres().said(DEADLOCK);
    let mut operator = Operator::of(stage.api.home(), setting).await;
    let looks = Looks::begin(SOON * 5);
    while stage.postgres().said(DEADLOCK) == before {
        let lock = format!("lock table {table} in share row exclusive mode");
        operator.runs(&format!("begin; set local deadlock_timeout = '1min'; {lock}")).await;
        operator.is_waited_for().await;
        operator.runs(&format!("lock table {other}; rollback")).await;
        looks.again(DEADLOCK).await;
    }
}

/// Cancels whatever runs, again and again.
async fn cancel(stage: &Stage) {
    const SQL: &str = "select count(pg_cancel_backend(pid)) from pg_stat_activity \
         where usename like 'stele%' and state <> 'idle'";
    const CANCELLED: &str = "canceling statement due to user request";
    let before = stage.postgres().said(CANCELLED);
    let mut operator = Operator::of(stage.api.home(), STORE_LOG).await;
    let struck = strikes(stage, CANCELLED, (before, 10));
    tokio::pin!(struck);
    while timeout(PAUSE, &mut struck).await.is_err() {
        operator.counts(SQL).await;
    }
}

/// Has statements fail now and then with errors that the server gives when it is short of something or others are in the way.
async fn refuse(stage: &Stage) {
    const REFUSED: &str = "not now, for a test";
    const RAISE: &str = "create function refuse() returns trigger language plpgsql as $$ begin \
         if random() < 0.4 then raise exception 'not now, for a test' using errcode = \
         (array['40001', '40P01', '53100', '53200', '53300', '55P03', '57014', '58030'])[1 + floor(random() * 8)::int]; \
         end if; return null; end $$";
    let before = stage.postgres().said(REFUSED);
    let mut operators = Vec::new();
    for (setting, table) in
        [(STORE_LOG, "events"), (STORE_VAULT, "data_keys"), (STORE_VIEWS, "kept_attempts")]
    {
        let mut operator = Operator::of(stage.api.home(), setting).await;
        let trigger = "for each statement execute function refuse()";
        operator.runs(&format!("{RAISE}; create trigger refuse before insert on {table} {trigger}")).await;
        operators.push(operator);
    }
    strikes(stage, REFUSED, (before, 10)).await;
    for mut operator in operators {
        operator.runs("drop function refuse cascade").await;
    }
}

/// Ends all connections and lets each role have fewer than one process wants.
async fn crowd_out(stage: &Stage) {
    const TOO_MANY: &str = "too many connections for role";
    const END: &str =
        "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename like 'stele%'";
    let before = stage.postgres().said(TOO_MANY);
    let mut operator = Operator::of(stage.api.home(), STORE_LOG).await;
    for role in [LOG, VAULT, VIEWS] {
        operator.runs(&format!("alter role {role} connection limit 2")).await;
    }
    operator.counts(END).await;
    strikes(stage, TOO_MANY, (before, 10)).await;
    for role in [LOG, VAULT, VIEWS] {
        operator.runs(&format!("alter role {role} connection limit -1")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn whatever_postgresql_refuses_for_a_while_is_done_or_refused_for_a_while_and_never_half_done() {
    let postgres = Postgres::start();
    for role in [LOG, VAULT, VIEWS] {
        let set = ROLES.map(|setting| format!("alter role {role} set {setting}; "));
        postgres.sql("postgres", &set.concat());
    }
    let mut town =
        Town::around(Stage::with_two_doors(postgres, &SETTINGS, |_| {}).await, Seed::of("obstacles"));
    for _ in 0..if is_long() { 10 } else { 1 } {
        let head_and_keys =
            [(STORE_LOG, "select from log_head for update"), (STORE_VAULT, "lock table data_keys")];
        town.round(async |stage| hold(stage, head_and_keys, async {}).await).await;
        let events_and_views =
            [(STORE_LOG, "lock table events"), (STORE_VIEWS, "lock table kept_attempts, users")];
        town.round(async |stage| hold(stage, events_and_views, come_in_a_crowd(stage)).await).await;
        town.round(async |stage| {
            cross(stage, STORE_LOG, "events", "log_head").await;
            cross(stage, STORE_VIEWS, "kept_checkpoints", "users").await;
            cancel(stage).await;
        })
        .await;
        town.round(async |stage| {
            refuse(stage).await;
            crowd_out(stage).await;
        })
        .await;
    }
    town.ends_well().await;
    let tally = town.tally();
    assert_eq!(tally.total(Fate::Unknown), tally.total(Fate::Refused), "somebody got no answer");
    assert_eq!(town.stage.postgres().said("could not serialize access"), 0, "whatever the roles are set to");
    let lines = town.stage.api.lines();
    assert!(lines.iter().any(|line| line.contains("pool timed out")), "there were connections for all");
    town.tell("obstacles");
}
