//! What followers promise, wherever their desk stands: every event in order, again after an error, at most one leader who counts,
//! and no lost wake-up.

mod batches;
mod leases;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    sync::{Mutex as Gate, mpsc, watch},
    task::JoinHandle,
    time::{Instant, timeout},
};

use super::*;
use crate::{
    EventLog, NewEvent, Position, StreamId, Write,
    log::SqliteLog,
    postgres::Safety,
    random,
    test_server::{OWNER, Postgres},
    views::{Statement, Statements, Views},
};

const DEADLINE: Duration = Duration::from_secs(20);
const ROLE: &str = "scribe";
const LONG: Tenure = Tenure { length: Duration::from_mins(10), sole: false };

/// The same promises for each engine under the desk.
macro_rules! on_every_engine {
    ($($promise:ident)*) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(super::House::on_sqlite().await).await;
            })*
        }

        mod on_postgres {
            $(#[tokio::test]
            #[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
            async fn $promise() {
                super::$promise(super::House::on_postgres().await).await;
            })*
        }
    };
}

use on_every_engine;

on_every_engine! {
    a_place_is_kept_together_with_the_work
    a_batch_that_failed_comes_again_and_its_half_done_work_is_undone
    one_of_two_nodes_leads_and_the_other_takes_over_when_it_leaves
    those_who_listen_are_known_until_their_time_is_over_or_they_say_so
    whoever_does_not_lead_waits_for_the_checkpoint
    a_follower_stops_when_told_so
    a_follower_that_always_fails_stops_when_told_so
    an_event_of_another_process_is_noticed
    a_follower_without_work_is_told_so_again_and_again
    a_follower_that_leaves_the_log_alone_for_a_while_has_all_of_it_then
    a_role_starts_where_it_is_placed
    the_desk_knows_who_leads_and_how_far_he_is
}

struct House {
    folder: TempDir,
    log: Arc<SqliteLog>,
    /// Where the desk stands if not in the folder.
    url: Option<String>,
}

impl House {
    async fn on_sqlite() -> Self {
        Self::at(None).await
    }

    async fn on_postgres() -> Self {
        Self::at(Some(Postgres::shared().database().url(OWNER))).await
    }

    async fn at(url: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = SqliteLog::open(&folder.path().join("log.db")).await.unwrap();
        let house = Self { folder, log: Arc::new(log), url };
        let table = Statement::new("create table done (position bigint primary key)", &[]);
        house.views().await.change(table).await.unwrap();
        house
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log.db")
    }

    async fn views(&self) -> Views {
        match &self.url {
            None => Views::open_file(&self.folder.path().join("views.db")).await.unwrap(),
            Some(url) => Views::open_url(&url.parse().unwrap(), Safety::Waived).await.unwrap(),
        }
    }

    async fn desk(&self, node: &str, tenure: Tenure) -> Desk {
        Desk::new(self.views().await, node.to_owned(), tenure)
    }

    async fn append(&self, count: usize) -> Position {
        append(self.log.as_ref(), count).await
    }

    /// What was done and committed, by anyone.
    async fn done(&self) -> Vec<i64> {
        let done = Statement::new("select position from done order by position", &[]);
        let rows = self.views().await.rows(done).await.unwrap();
        rows.into_iter().map(|mut row| row.number().unwrap()).collect()
    }

    async fn run(&self, node: &str, tenure: Tenure, failures: usize) -> Running {
        self.run_at(Duration::ZERO, node, tenure, failures).await
    }

    async fn run_at(&self, pace: Duration, node: &str, tenure: Tenure, failures: usize) -> Running {
        let desk = self.desk(node, tenure).await;
        let batches = Arc::new(Mutex::new(Vec::new()));
        let (tell_idle, idle) = mpsc::unbounded_channel();
        let gate = Arc::new(Gate::new(()));
        let scribe = Scribe {
            desk: desk.clone(),
            failures,
            batches: Arc::clone(&batches),
            idle: tell_idle,
            gate: Arc::clone(&gate),
            pace,
        };
        let (progress, reached) = watch::channel(Position::BEGINNING);
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(follow(scribe, Arc::clone(&self.log) as _, desk, progress, stopped));
        Running { batches, idle, gate, reached, stop, task }
    }
}

async fn append(log: &SqliteLog, count: usize) -> Position {
    let event = || NewEvent {
        id: random::id(),
        kind: "thing.done.v1".to_owned(),
        correlation: random::id(),
        causation: None,
        actor: "test".to_owned(),
        data: "{}".to_owned(),
        sealed: None,
    };
    let write = Write {
        stream: StreamId::named(format!("thing-{}", random::id())),
        expected: 0,
        events: (0..count).map(|_| event()).collect(),
    };
    log.append(vec![write]).await.unwrap()
}

/// Writes down each position, twice if it is handed out twice, which the table refuses.
struct Scribe {
    desk: Desk,
    failures: usize,
    batches: Arc<Mutex<Vec<Vec<u64>>>>,
    idle: mpsc::UnboundedSender<()>,
    /// Whoever holds it holds up every batch.
    gate: Arc<Gate<()>>,
    pace: Duration,
}

#[async_trait]
impl Follower for Scribe {
    fn role(&self) -> &str {
        ROLE
    }

    async fn take(&mut self, batch: &[Recorded], lease: &Lease) -> Result<(), FollowError> {
        let positions = batch.iter().map(|recorded| recorded.position.0).collect();
        self.batches.lock().unwrap().push(positions);
        drop(self.gate.lock().await);
        let mut work = self.desk.views().begin().await?;
        for recorded in batch {
            let position = [recorded.position.to_sql().into()];
            work.run(Statement::new("insert into done (position) values ($1)", &position)).await?;
        }
        if let Some(left) = self.failures.checked_sub(1) {
            self.failures = left;
            return Err(FollowError::Stuck("not today".into()));
        }
        lease.advance(&mut work, batch.last().unwrap().position).await?;
        Ok(work.commit().await?)
    }

    fn pace(&self) -> Duration {
        self.pace
    }

    async fn idle(&mut self, _lease: &Lease) -> Result<(), FollowError> {
        self.idle.send(()).map_err(|gone| FollowError::Stuck(gone.into()))?;
        Ok(())
    }
}

struct Running {
    batches: Arc<Mutex<Vec<Vec<u64>>>>,
    idle: mpsc::UnboundedReceiver<()>,
    gate: Arc<Gate<()>>,
    reached: watch::Receiver<Position>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    async fn reach(&mut self, position: Position) {
        let reached = self.reached.wait_for(|reached| *reached >= position);
        drop(timeout(DEADLINE, reached).await.unwrap().unwrap());
    }

    async fn is_idle(&mut self) {
        timeout(DEADLINE, self.idle.recv()).await.unwrap().unwrap();
    }

    fn batches(&self) -> Vec<Vec<u64>> {
        self.batches.lock().unwrap().clone()
    }

    async fn end(self) {
        self.stop.send_replace(true);
        timeout(DEADLINE, self.task).await.unwrap().unwrap();
    }
}

fn up_to(last: i64) -> Vec<i64> {
    (1..=last).collect()
}

async fn a_place_is_kept_together_with_the_work(house: House) {
    let end = house.append(2500).await;
    let mut running = house.run("a", LONG, 0).await;
    running.reach(end).await;
    assert_eq!(running.batches().iter().map(Vec::len).collect::<Vec<_>>(), [1000, 1000, 500]);
    assert_eq!(house.desk("a", LONG).await.checkpoint(ROLE).await.unwrap(), end);
    running.end().await;

    let more = house.append(3).await;
    let mut again = house.run("a", LONG, 0).await;
    again.reach(more).await;
    assert_eq!(again.batches(), [[2501, 2502, 2503]]);
    assert_eq!(house.done().await, up_to(2503));
}

async fn a_batch_that_failed_comes_again_and_its_half_done_work_is_undone(house: House) {
    let end = house.append(3).await;
    let mut running = house.run("a", LONG, 2).await;
    running.reach(end).await;
    assert_eq!(running.batches(), [[1, 2, 3], [1, 2, 3], [1, 2, 3]]);
    assert_eq!(house.done().await, up_to(3));
}

async fn one_of_two_nodes_leads_and_the_other_takes_over_when_it_leaves(house: House) {
    let mut first = house.run("a", LONG, 0).await;
    let end = house.append(2).await;
    first.reach(end).await;
    let mut second = house.run("b", LONG, 0).await;
    let end = house.append(2).await;
    first.reach(end).await;
    assert_eq!(second.batches(), Vec::<Vec<u64>>::new());

    first.end().await;
    house.desk("a", LONG).await.leave().await.unwrap();
    let end = house.append(2).await;
    second.reach(end).await;
    assert_eq!(second.batches().concat(), [5, 6]);
    assert_eq!(house.done().await, up_to(6));
}

async fn a_follower_stops_when_told_so(house: House) {
    let mut running = house.run("a", LONG, 0).await;
    let end = house.append(1).await;
    running.reach(end).await;
    running.end().await;
    house.append(1).await;
    assert_eq!(house.done().await, [1]);
}

async fn a_follower_that_always_fails_stops_when_told_so(house: House) {
    house.append(1).await;
    let running = house.run("a", LONG, usize::MAX).await;
    running.end().await;
    assert_eq!(house.done().await, Vec::<i64>::new());
}

async fn an_event_of_another_process_is_noticed(house: House) {
    let mut running = house.run("a", LONG, 0).await;
    running.is_idle().await;
    let other = SqliteLog::open(&house.log_file()).await.unwrap();
    for _ in 0..3 {
        let end = append(&other, 1).await;
        running.reach(end).await;
    }
    assert_eq!(house.done().await, up_to(3));
}

async fn a_follower_without_work_is_told_so_again_and_again(house: House) {
    let hasty = Tenure { length: Duration::from_millis(90), sole: true };
    let mut running = house.run("a", hasty, 0).await;
    for _ in 0..3 {
        running.is_idle().await;
    }
    assert_eq!(running.batches(), Vec::<Vec<u64>>::new());
}

async fn a_follower_that_leaves_the_log_alone_for_a_while_has_all_of_it_then(house: House) {
    const PACE: Duration = Duration::from_millis(500);
    let mut running = house.run_at(PACE, "a", LONG, 0).await;
    let mut end = house.append(1).await;
    running.reach(end).await;
    let start = Instant::now();
    for _ in 0..20 {
        end = house.append(1).await;
    }
    running.reach(end).await;
    let most = 2 + start.elapsed().as_millis() / PACE.as_millis();
    assert!(running.batches().len() as u128 <= most, "{:?}", running.batches());
    assert_eq!(running.batches().concat().len(), 21);
}

async fn a_role_starts_where_it_is_placed(house: House) {
    house.append(10).await;
    let desk = house.desk("a", LONG).await;
    desk.place(ROLE, Position(9)).await.unwrap();
    desk.place(ROLE, Position(7)).await.unwrap();
    let mut running = house.run("a", LONG, 0).await;
    running.reach(Position(10)).await;
    assert_eq!(running.batches(), [[8, 9, 10]]);
    assert_eq!(desk.checkpoint(ROLE).await.unwrap(), Position(10));
}

async fn the_desk_knows_who_leads_and_how_far_he_is(house: House) {
    let mut running = house.run("a", LONG, 0).await;
    let end = house.append(4).await;
    running.reach(end).await;
    let standings = house.desk("b", LONG).await.standings().await.unwrap();
    let [standing] = standings.as_slice() else { panic!("{standings:?}") };
    let seen = (standing.role.as_str(), standing.node.as_str(), standing.led, standing.position);
    assert_eq!(seen, (ROLE, "a", true, Position(4)));
}

async fn those_who_listen_are_known_until_their_time_is_over_or_they_say_so(house: House) {
    let (a, b) = (house.desk("a", LONG).await, house.desk("b", LONG).await);
    let known = async || {
        let listeners = a.listeners().await.unwrap().into_iter();
        listeners.map(|listener| (listener.node, listener.position.0)).collect::<Vec<_>>()
    };
    a.heard(Position(3), LONG.length).await.unwrap();
    b.heard(Position(5), LONG.length).await.unwrap();
    a.heard(Position(4), LONG.length).await.unwrap();
    assert_eq!(known().await, [("a".to_owned(), 4), ("b".to_owned(), 5)]);
    b.heard(Position(5), Duration::ZERO).await.unwrap();
    assert_eq!(known().await, [("a".to_owned(), 4)]);
    b.hear_no_more().await.unwrap();
    assert_eq!(known().await, [("a".to_owned(), 4)]);
    let sole = house.desk("c", Tenure { sole: true, ..LONG }).await;
    sole.hear_no_more().await.unwrap();
    assert_eq!(known().await, []);
}

async fn whoever_does_not_lead_waits_for_the_checkpoint(house: House) {
    let (_, here) = watch::channel(Position::BEGINNING);
    let reached = Reached::of(ROLE, here, house.desk("b", LONG).await);
    let mut leader = house.run("a", LONG, 0).await;
    let held_up = Arc::clone(&leader.gate).lock_owned().await;
    let end = house.append(1).await;
    assert!(timeout(Duration::from_millis(100), reached.wait_for(end)).await.is_err());
    drop(held_up);
    timeout(DEADLINE, reached.wait_for(end)).await.unwrap().unwrap();
    leader.reach(end).await;
}
