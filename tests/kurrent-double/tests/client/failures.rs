//! Failures that the double is told to have, as the client sees them, and what is kept all the same.

use std::time::Duration;

use eventstore::StreamState::{Any, NoStream};
use eventstore::{Error, ReadAllOptions};
use kurrent_double::{Call, Double, Fault, Leader, Plan};

use crate::support::{Streams, all, append, at_last, client, events, expecting, stream};

async fn double_with(call: Call, fault: Fault) -> (Double, Streams) {
    let double = Double::start().await.unwrap();
    let client = client(&double);
    append(&client, "a", NoStream, [1]).await.unwrap();
    double.fail(call, fault, 1);
    (double, client)
}

#[tokio::test]
async fn a_connection_cut_before_the_commit_keeps_nothing() {
    let (_double, client) = double_with(Call::Append, Fault::CutBefore).await;
    let lost = append(&client, "a", Any, [2]).await;
    assert!(matches!(lost, Err(Error::ServerError(_))), "{lost:?}");
    assert_eq!(at_last(async || stream(&client, "a").await).await, [1]);
    append(&client, "a", Any, [2]).await.unwrap();
}

#[tokio::test]
async fn a_connection_cut_after_the_commit_keeps_it_and_the_retry_is_safe() {
    let (_double, client) = double_with(Call::Append, Fault::CutAfter).await;
    let lost = append(&client, "b", NoStream, [2]).await;
    assert!(matches!(lost, Err(Error::ServerError(_))), "{lost:?}");
    let again = at_last(async || append(&client, "b", NoStream, [2]).await).await;
    assert_eq!(again.next_expected_version, 0);
    assert_eq!(all(&client).await.unwrap(), [1, 2]);
}

#[tokio::test]
async fn a_batch_that_is_cut_fails_whether_it_was_kept_or_not() {
    for (fault, kept) in [(Fault::CutBefore, vec![1]), (Fault::CutAfter, vec![1, 2])] {
        let (_double, client) = double_with(Call::BatchAppend, fault).await;
        let batch = client.batch_append(&Default::default()).await.unwrap();
        let lost = batch.append_to_stream("a", Any, events([2])).await;
        assert!(matches!(lost, Err(Error::ServerError(_))), "{lost:?}");
        assert_eq!(at_last(async || all(&client).await).await, kept);
    }
}

#[tokio::test]
async fn a_node_that_does_not_lead_names_the_leader_and_the_client_goes_there() {
    let leader = Double::start().await.unwrap();
    let answer = Fault::NotLeader(Leader { host: "127.0.0.1".to_owned(), port: leader.port() });
    let (_double, client) = double_with(Call::Append, answer).await;
    let refused = append(&client, "a", Any, [2]).await;
    let Err(Error::NotLeaderException(there)) = refused else { panic!("{refused:?}") };
    assert_eq!((there.host.as_str(), there.port), ("127.0.0.1", u32::from(leader.port())));
    append(&client, "b", NoStream, [3]).await.unwrap();
    assert_eq!(leader.served(Call::Append), 1);
}

#[tokio::test]
async fn a_batch_on_a_node_that_does_not_lead_ends_with_the_leader() {
    let answer = Fault::NotLeader(Leader { host: "127.0.0.1".to_owned(), port: 9 });
    let (_double, client) = double_with(Call::BatchAppend, answer).await;
    let batch = client.batch_append(&Default::default()).await.unwrap();
    let refused = batch.append_to_stream("a", Any, events([2])).await;
    assert!(matches!(refused, Err(Error::NotLeaderException(_))), "{refused:?}");
}

#[tokio::test]
async fn an_answer_after_the_deadline_is_late_though_the_write_is_kept() {
    for (fault, kept) in [
        (Fault::DelayBefore(Duration::from_mins(1)), vec![1]),
        (Fault::DelayAfter(Duration::from_mins(1)), vec![1, 2]),
    ] {
        let (_double, client) = double_with(Call::Append, fault).await;
        let options = expecting(Any).deadline(Duration::from_secs(2));
        let late = client.append_to_stream("a", &options, events([2])).await;
        assert!(matches!(late, Err(Error::DeadlineExceeded)), "{late:?}");
        assert_eq!(all(&client).await.unwrap(), kept);
    }
}

#[tokio::test]
async fn a_write_that_timed_out_on_the_server_may_be_kept() {
    let (_double, client) = double_with(Call::Append, Fault::TimeOut).await;
    let unknown = append(&client, "a", Any, [2]).await;
    let Err(Error::Grpc { code, .. }) = unknown else { panic!("{unknown:?}") };
    assert_eq!(i32::from(code), 10);
    assert_eq!(all(&client).await.unwrap(), [1, 2]);
}

#[tokio::test]
async fn refusals_keep_nothing_and_say_why() {
    let (_double, client) = double_with(Call::Append, Fault::AccessDenied).await;
    assert!(matches!(append(&client, "a", Any, [2]).await, Err(Error::AccessDenied)));
    let (double, client) = double_with(Call::Append, Fault::Unavailable).await;
    assert!(matches!(append(&client, "a", Any, [2]).await, Err(Error::ServerError(_))));
    assert_eq!(all(&client).await.unwrap(), [1]);
    assert_eq!(double.served(Call::Append), 2);
}

#[tokio::test]
async fn a_batch_answers_refusals_one_by_one() {
    for (fault, expected) in [(Fault::AccessDenied, 7), (Fault::Unavailable, 0), (Fault::TimeOut, 4)] {
        let (_double, client) = double_with(Call::BatchAppend, fault).await;
        let batch = client.batch_append(&Default::default()).await.unwrap();
        let refused = batch.append_to_stream("a", Any, events([2])).await;
        let Err(Error::Grpc { code, .. }) = refused else { panic!("{refused:?}") };
        assert_eq!(i32::from(code), expected);
    }
}

#[tokio::test]
async fn reads_fail_before_they_begin_or_in_the_middle() {
    let (double, client) = double_with(Call::Read, Fault::Unavailable).await;
    assert!(matches!(all(&client).await, Err(Error::ServerError(_))));
    append(&client, "a", Any, [2]).await.unwrap();
    double.fail(Call::Read, Fault::CutAfter, 1);
    let mut read = client.read_all(&ReadAllOptions::default()).await.unwrap();
    assert!(read.next().await.unwrap().is_some());
    assert!(matches!(read.next().await, Err(Error::ServerError(_))));
    assert_eq!(at_last(async || all(&client).await).await, [1, 2]);
}

#[tokio::test]
async fn a_fault_meets_the_streams_that_it_is_for_and_as_often_as_it_is_told_to() {
    let double = Double::start().await.unwrap();
    let client = client(&double);
    let fault = Fault::Unavailable;
    double.plan(Plan { call: Call::Append, fault: fault.clone(), times: 2, streams: "claim-".to_owned() });
    append(&client, "user-1", NoStream, [1]).await.unwrap();
    for _ in 0..2 {
        append(&client, "claim-1", NoStream, [2]).await.unwrap_err();
    }
    append(&client, "claim-1", NoStream, [2]).await.unwrap();
    double.fail(Call::Append, fault, 9);
    double.forget_faults();
    append(&client, "user-1", Any, [3]).await.unwrap();
}

#[tokio::test]
async fn every_connection_can_be_cut_and_the_client_comes_again() {
    let double = Double::start().await.unwrap();
    let client = client(&double);
    append(&client, "a", NoStream, [1]).await.unwrap();
    double.cut_connections();
    at_last(async || append(&client, "a", Any, [2]).await).await;
    assert_eq!(all(&client).await.unwrap(), [1, 2]);
}

#[test]
fn calls_and_faults_have_names() {
    assert_eq!("batch-append".parse(), Ok(Call::BatchAppend));
    assert_eq!("delay-after=250".parse(), Ok(Fault::DelayAfter(Duration::from_millis(250))));
    let leader = Leader { host: "127.0.0.1".to_owned(), port: 2113 };
    assert_eq!("not-leader=127.0.0.1:2113".parse(), Ok(Fault::NotLeader(leader)));
    "delay-after".parse::<Fault>().unwrap_err();
    "explode".parse::<Fault>().unwrap_err();
}
