//! Copies to KurrentDB and from there, on a server of our own that behaves as KurrentDB is documented to.

use kurrent_double::Double;

use super::*;
use crate::{
    log::{
        kurrent::{KurrentLog, KurrentLogRows, OpenError, Url},
        one_by_one::OneByOne,
    },
    test_server::OWNER,
};

fn url_of(double: &Double) -> Url {
    double.url().parse().unwrap()
}

async fn rows(url: &Url) -> KurrentLogRows {
    KurrentLogRows::open(url).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_goes_to_kurrentdb_and_back_with_all_that_it_holds() {
    let (folder, double) = (Folder::new(), Double::start().await.unwrap());
    let url = url_of(&double);
    assert!(KurrentLogRows::inspect(&url).await.unwrap().is_none());
    folder.filled("a", MANY).await;
    let (from, there, back) = (folder.rows("a").await, rows(&url).await, folder.rows("b").await);
    copy(&from, &Mortal { rows: &there, until: 1000 }).await.unwrap_err();
    let refused = KurrentLog::open(&url).await.err().unwrap();
    assert!(matches!(refused, OpenError::HalfCopied { .. }), "{refused}");
    // In the middle of what is added at once.
    let next = from.read_all(Position(1000), 37).await.unwrap();
    there.add(&next, Position(1000)).await.unwrap();

    let copied = copy(&from, &rows(&url).await).await.unwrap();
    assert_eq!((copied.end, copied.held, copied.target.events), (End::Whole, 1037, MANY));
    let there = KurrentLogRows::inspect(&url).await.unwrap().unwrap();
    let copied = copy(&there, &back).await.unwrap();
    assert_eq!((copied.end, copied.held, copied.target.events), (End::Whole, 0, MANY));
    assert_eq!(all(&there).await, all(&from).await);
    assert_eq!(all(&back).await, all(&from).await);
    assert_eq!(folder.log("b").await.next_in_sequence("pk").await.unwrap(), Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_log_is_read_from_every_place_and_goes_on_behind_the_last_one() {
    let (folder, double) = (Folder::new(), Double::start().await.unwrap());
    let url = url_of(&double);
    let source = folder.filled("a", MANY).await;
    copy(&folder.rows("a").await, &rows(&url).await).await.unwrap();

    let log = OneByOne(KurrentLog::open(&url).await.unwrap());
    assert_eq!((log.log_id(), log.head().await.unwrap()), (source.log_id(), Position(MANY)));
    for after in [0, 1, 999, 1000, 1001, 1999, 2000, MANY - 1, MANY] {
        for limit in [1, 7, 1000] {
            let (ours, theirs) = tokio::try_join!(
                log.read_all(Position(after), limit),
                source.read_all(Position(after), limit)
            )
            .unwrap();
            assert!(ours == theirs, "after {after}, {limit} at most");
        }
    }
    let stream = StreamId::named("user-3");
    let (ours, theirs) =
        tokio::try_join!(log.read_stream(&stream, 5), source.read_stream(&stream, 5)).unwrap();
    assert!(ours == theirs);

    let version = ours.last().unwrap().version;
    let first = log.append(vec![write(&stream, version, &[event("{}"), event("{}")])]).await.unwrap();
    assert!(first > Position(MANY));
    let new = log.read_all(Position(MANY), 10).await.unwrap();
    assert_eq!((new.len(), new[1].position), (2, first));
    assert_eq!(log.read_all(Position(new[0].position.0 - 1), 10).await.unwrap(), new);
    assert_eq!(log.read_all(new[0].position, 10).await.unwrap(), new[1..]);
    assert_eq!(log.read_all(first, 10).await.unwrap(), []);
    assert_eq!(log.read_all(Position(MANY - 1), 10).await.unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_not_copied_stays_readable_where_a_copy_finds_nothing_to_do() {
    const APPENDED: u64 = 1100;
    let (folder, double) = (Folder::new(), Double::start().await.unwrap());
    let url = url_of(&double);
    grow(&OneByOne(KurrentLog::open(&url).await.unwrap()), 0, APPENDED).await;
    let (there, back) = (rows(&url).await, folder.rows("b").await);
    copy(&there, &back).await.unwrap();
    let copied = copy(&back, &there).await.unwrap();
    assert_eq!((copied.end, copied.held, copied.target.events), (End::Whole, APPENDED, APPENDED));

    let (log, events) = (OneByOne(KurrentLog::open(&url).await.unwrap()), all(&back).await);
    for (before, next) in events.iter().zip(&events[1..]).step_by(100).chain([(&events[1098], &events[1099])])
    {
        assert_eq!(
            log.read_all(before.position, 1).await.unwrap(),
            std::slice::from_ref(next),
            "after {:?}",
            before.position
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_were_appended_there_are_never_written_behind() {
    let (folder, double) = (Folder::new(), Double::start().await.unwrap());
    let url = url_of(&double);
    folder.filled("a", 50).await;
    let (from, back) = (folder.rows("a").await, folder.rows("b").await);
    copy(&from, &rows(&url).await).await.unwrap();
    grow(&OneByOne(KurrentLog::open(&url).await.unwrap()), 50, 10).await;

    let there = rows(&url).await;
    let copied = copy(&there, &back).await.unwrap();
    assert_eq!((copied.end, copied.target.events), (End::Whole, 60));
    assert_eq!(all(&back).await, all(&there).await);
    grow(&folder.log("b").await, 60, 10).await;
    let refused = crate::chain(&copy(&back, &there).await.unwrap_err());
    assert!(refused.contains("another prefix"), "{refused}");

    let elsewhere: Url =
        format!("esdb://127.0.0.1:{}?tls=false&prefix=other", double.port()).parse().unwrap();
    let copied = copy(&back, &rows(&elsewhere).await).await.unwrap();
    assert_eq!((copied.end, copied.target.events), (End::Whole, 70));
    grow(&OneByOne(KurrentLog::open(&elsewhere).await.unwrap()), 70, 10).await;
    let moved = all(&rows(&elsewhere).await).await;
    assert_eq!((moved.len(), &moved[..70]), (80, &all(&back).await[..]));
    assert!(moved.windows(2).all(|pair| pair[0].position < pair[1].position));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn a_log_goes_from_postgresql_to_kurrentdb_with_all_that_it_holds() {
    let (folder, database, double) =
        (Folder::new(), Postgres::shared().database(), Double::start().await.unwrap());
    let (from, postgres) = (folder.filled("a", MANY).await, database.url(OWNER).parse().unwrap());
    drop(from);
    let (from, between) =
        (folder.rows("a").await, PostgresLogRows::open(&postgres, Safety::Required).await.unwrap());
    copy(&from, &between).await.unwrap();
    let there = rows(&url_of(&double)).await;
    assert_eq!(copy(&between, &there).await.unwrap().end, End::Whole);
    assert_eq!(all(&there).await, all(&from).await);
}
