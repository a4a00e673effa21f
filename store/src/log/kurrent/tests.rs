//! The log on KurrentDB: under the contract of those without transactions, and while the server fails. On a server of our own that
//! behaves as KurrentDB is documented to; the contract also on a real one, where `STELE_TEST_KURRENT` names it.

use std::{sync::Arc, time::Duration};

use kurrent_double::{Call, Double, Fault, Leader};

use super::*;
use crate::log::{
    EventLog,
    contract::{self, Appends},
    copy::LogRows,
    one_by_one::OneByOne,
};

const SOON: Duration = Duration::from_secs(30);

async fn open(url: &Url) -> Arc<dyn EventLog> {
    Arc::new(OneByOne(KurrentLog::open(url).await.unwrap()))
}

fn url_of(double: &Double) -> Url {
    double.url().parse().unwrap()
}

/// A server, and the log on it with one event in one stream.
async fn begun() -> (Double, KurrentLog, Write) {
    let double = Double::start().await.unwrap();
    let log = KurrentLog::open(&url_of(&double)).await.unwrap();
    let stream = contract::new_stream();
    log.append_to_stream(contract::write(&stream, 0, &contract::events(1))).await.unwrap();
    (double, log, contract::write(&stream, 1, &contract::events(2)))
}

/// The stream holds what was there and these events once, and the last stands at this position.
async fn is_written_once(log: &KurrentLog, write: &Write, position: Position) {
    let found = log.read_stream(&write.stream, 1).await.unwrap();
    let ids: Vec<_> = found.iter().map(|recorded| recorded.event.id).collect();
    let wanted: Vec<_> = write.events.iter().map(|event| event.id).collect();
    assert_eq!(ids, wanted);
    assert_eq!(found.last().map(|last| last.position), Some(position));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_log_keeps_the_contract() {
    let double = Double::start().await.unwrap();
    let url = url_of(&double);
    contract::hold(Appends::OneAfterAnother, async || open(&url).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs a KurrentDB, named by STELE_TEST_KURRENT=esdb://…"]
#[expect(clippy::disallowed_methods, reason = "it names what the test runs on, and is no setting")]
async fn the_log_keeps_the_contract_on_a_real_kurrentdb() {
    let named = std::env::var("STELE_TEST_KURRENT").expect("STELE_TEST_KURRENT names a KurrentDB");
    let apart = format!("prefix=test{}", random::id().simple());
    let url = format!("{named}{}{apart}", if named.contains('?') { '&' } else { '?' });
    let url = url.parse().unwrap();
    contract::hold(Appends::OneAfterAnother, async || open(&url).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_that_fails_once_is_written_once_and_acknowledged() {
    let (double, log, write) = begun().await;
    let leader = Leader { host: "127.0.0.1".to_owned(), port: double.port() };
    let faults = [
        Fault::CutBefore,
        Fault::CutAfter,
        Fault::DelayBefore(Duration::from_millis(100)),
        Fault::DelayAfter(Duration::from_millis(100)),
        Fault::NotLeader(leader),
        Fault::Unavailable,
        Fault::TimeOut,
    ];
    for fault in faults {
        let write = Write { stream: contract::new_stream(), ..write.clone() };
        let events = contract::events(2);
        log.append_to_stream(contract::write(&write.stream, 0, &contract::events(1))).await.unwrap();
        let write = Write { events, ..write };
        let before = double.served(Call::Append);
        double.fail(Call::Append, fault.clone(), 1);
        let position = log.append_to_stream(write.clone()).await.unwrap();
        assert!(double.served(Call::Append) > before, "{fault:?}");
        is_written_once(&log, &write, position).await;
        assert_eq!(log.head().await.unwrap(), position, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_to_what_someone_else_has_overtaken_is_settled_as_well() {
    let (double, log, write) = begun().await;
    let other = KurrentLog::open(&url_of(&double)).await.unwrap();
    double.fail(Call::Append, Fault::CutAfter, 1);
    let position = log.append_to_stream(write.clone()).await.unwrap();
    other.append_to_stream(contract::write(&write.stream, 3, &contract::events(1))).await.unwrap();
    assert_eq!(log.append_to_stream(write.clone()).await.unwrap(), position);
    double.fail(Call::Append, Fault::CutBefore, 1);
    let late = contract::write(&write.stream, 3, &contract::events(1));
    let outcome = log.append_to_stream(late).await;
    assert!(matches!(outcome, Err(StoreError::Conflict { .. })), "{outcome:?}");
    assert_eq!(log.read_stream(&write.stream, 0).await.unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_denied_or_never_answered_is_unavailable_and_can_be_repeated() {
    let (double, log, write) = begun().await;
    for (fault, times) in [(Fault::AccessDenied, 1), (Fault::Unavailable, usize::MAX)] {
        double.fail(Call::Append, fault.clone(), times);
        let outcome = log.append_to_stream(write.clone()).await;
        assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{fault:?}: {outcome:?}");
        assert_eq!(log.read_stream(&write.stream, 1).await.unwrap().len(), 0, "{fault:?}");
        double.forget_faults();
    }
    let position = log.append_to_stream(write.clone()).await.unwrap();
    is_written_once(&log, &write, position).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_are_asked_again_until_they_are_answered_whole() {
    let (double, log, write) = begun().await;
    log.append_to_stream(write.clone()).await.unwrap();
    let leader = Leader { host: "127.0.0.1".to_owned(), port: double.port() };
    let faults = [Fault::CutBefore, Fault::CutAfter, Fault::NotLeader(leader), Fault::Unavailable];
    for fault in faults {
        double.fail(Call::Read, fault.clone(), 1);
        assert_eq!(log.read_stream(&write.stream, 0).await.unwrap().len(), 3, "{fault:?}");
        double.fail(Call::Read, fault.clone(), 1);
        assert_eq!(log.read_all(Position::BEGINNING, 10).await.unwrap().len(), 3, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn growth_is_heard_of_again_after_the_connection_was_cut() {
    let (double, log, write) = begun().await;
    let other = KurrentLog::open(&url_of(&double)).await.unwrap();
    for expected in [1, 3] {
        double.cut_connections();
        let write = Write { expected, events: contract::events(2), ..write.clone() };
        let position = other.append_to_stream(write).await.unwrap();
        let mut grown = StreamLog::grown(&log);
        tokio::time::timeout(SOON, grown.wait_for(|head| *head >= position)).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_was_read_costs_one_append_and_a_new_one_too() {
    let (double, log, write) = begun().await;
    log.read_stream(&write.stream, 0).await.unwrap();
    let (reads, appends) = (double.served(Call::Read), double.served(Call::Append));
    log.append_to_stream(write.clone()).await.unwrap();
    log.append_to_stream(Write { expected: 3, events: contract::events(1), ..write.clone() }).await.unwrap();
    log.append_to_stream(contract::write(&contract::new_stream(), 0, &contract::events(1))).await.unwrap();
    assert_eq!((double.served(Call::Read), double.served(Call::Append)), (reads, appends + 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_one_less_than_that_of_an_event_leads_to_it() {
    let (_double, log, write) = begun().await;
    let position = log.append_to_stream(write.clone()).await.unwrap();
    let found = StreamLog::read_all(&log, Position(position.0 - 1), 1).await.unwrap();
    assert_eq!(found.first().map(|found| found.position), Some(position));
    assert_eq!(StreamLog::read_all(&log, position, 1).await.unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_under_two_prefixes_do_not_see_each_other() {
    let (double, log, write) = begun().await;
    let url = format!("esdb://127.0.0.1:{}?tls=false&prefix=town", double.port());
    let town = KurrentLog::open(&url.parse().unwrap()).await.unwrap();
    assert_ne!(town.log_id(), log.log_id());
    assert_eq!(town.head().await.unwrap(), Position::BEGINNING);
    town.append_to_stream(Write { expected: 0, ..write.clone() }).await.unwrap();
    assert_eq!(log.read_stream(&write.stream, 0).await.unwrap().len(), 1);
    assert_eq!(log.read_all(Position::BEGINNING, 10).await.unwrap().len(), 1);
    assert_eq!(town.read_all(Position::BEGINNING, 10).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_write_to_our_streams_is_a_matter_of_that_stream_and_never_copied() {
    let (double, log, write) = begun().await;
    let (ours, url) = (&log.ours, url_of(&double));
    let junk = EventData::binary("junk", vec![0xff].into()).id(random::id());
    let named = |stream: &StreamId| stream_name(ours.server.url(), stream);
    ours.server.append(&named(&write.stream), StreamState::Any, vec![junk], &Patience::new()).await.unwrap();
    let deleted = contract::new_stream();
    log.append_to_stream(contract::write(&deleted, 0, &contract::events(1))).await.unwrap();
    let client = ours.server.session().client;
    client.tombstone_stream(named(&deleted), &eventstore::TombstoneStreamOptions::default()).await.unwrap();
    let last = contract::write(&contract::new_stream(), 0, &contract::events(1));
    let position = log.append_to_stream(last).await.unwrap();

    let all = log.read_all(Position::BEGINNING, 10).await.unwrap();
    let kinds: Vec<&str> = all.iter().map(|recorded| recorded.event.kind.as_str()).collect();
    assert_eq!((kinds.len(), kinds[1], kinds[3]), (5, "foreign.junk", "foreign.$streamDeleted"));
    assert!(all.windows(2).all(|pair| pair[0].position < pair[1].position));
    assert_eq!((all[4].position, log.head().await.unwrap()), (position, position));
    let read = log.read_stream(&write.stream, 0).await;
    assert!(matches!(read, Err(StoreError::Corrupt { version: 2, .. })), "{read:?}");
    let gone = log.read_stream(&deleted, 0).await;
    assert!(matches!(gone, Err(StoreError::Corrupt { .. })), "{gone:?}");
    let copied = KurrentLogRows::open(&url).await.unwrap();
    let copied = LogRows::read_all(&copied, Position::BEGINNING, 10).await;
    assert!(matches!(copied, Err(StoreError::Corrupt { .. })), "{copied:?}");
}
