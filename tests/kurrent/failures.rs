//! Each failure that the double can make, while sixteen write: nothing that was acknowledged is lost, nothing is there twice, what has an
//! unknown end is found out, and who must come back later is told so.

use std::time::Duration;

use kurrent_double::{Call, Fault, Leader};

use super::troupe::Troupe;
use super::whole::count;
use crate::support::{Account, Home, Kurrent, Server, comes_back_later, wait_for};

const WRITERS: usize = 16;
/// In each round so many of them come anew.
const NEWCOMERS: usize = 4;
/// So many calls fail at once: some commands meet it twice.
const TIMES: usize = 6;
/// Longer than Stele waits for the answer to a call.
const TOO_LONG: Duration = Duration::from_secs(8);
const SOON: Duration = Duration::from_mins(1);

async fn server(kurrent: &Kurrent) -> Server {
    let env = [("STELE_AUTH__TOKENS", "jwt"), ("STELE_JWT__REFRESH_GRACE", "60s")];
    Server::at(Home::on_kurrent(kurrent.url(), &env)).await
}

/// Sixteen write while these calls fail so, one after the other.
async fn sixteen_write_through(kurrent: &Kurrent, faults: &[(Call, Fault)]) {
    let server = server(kurrent).await;
    let mut troupe = Troupe::new(WRITERS, NEWCOMERS);
    for (call, fault) in faults {
        kurrent.fail(*call, fault.clone(), TIMES, "");
        troupe.write(&server.api()).await;
        kurrent.is_well_again();
    }
    let events = troupe.check_all(&server).await;
    assert_eq!(count(&events, "mail.requested.v1"), troupe.born());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_before_and_after_the_commit() {
    let kurrent = Kurrent::double().await;
    let faults = [
        (Call::Append, Fault::CutBefore),
        (Call::Append, Fault::CutAfter),
        (Call::Read, Fault::CutBefore),
        (Call::Read, Fault::CutAfter),
    ];
    sixteen_write_through(&kurrent, &faults).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_lead_is_not_ready_or_says_that_it_took_too_long() {
    let kurrent = Kurrent::double().await;
    let leader = Fault::NotLeader(Leader { host: "127.0.0.1".to_owned(), port: kurrent.port() });
    let faults = [
        (Call::Append, leader.clone()),
        (Call::Read, leader),
        (Call::Append, Fault::Unavailable),
        (Call::Read, Fault::Unavailable),
        (Call::Append, Fault::TimeOut),
        (Call::Append, Fault::AccessDenied),
    ];
    sixteen_write_through(&kurrent, &faults).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_come_after_the_deadline() {
    let kurrent = Kurrent::double().await;
    let faults = [(Call::Append, Fault::DelayBefore(TOO_LONG)), (Call::Append, Fault::DelayAfter(TOO_LONG))];
    sixteen_write_through(&kurrent, &faults).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_fails_for_longer_everybody_is_asked_to_come_back_and_then_all_goes_on() {
    let kurrent = Kurrent::double().await;
    let server = server(&kurrent).await;
    let api = server.api();
    let ada = Account::named("ada");
    let tokens = ada.register(&api).await;
    let leader = Leader { host: "127.0.0.1".to_owned(), port: kurrent.port() };
    for fault in [Fault::Unavailable, Fault::AccessDenied, Fault::CutBefore, Fault::NotLeader(leader)] {
        kurrent.fail_always(&fault);
        let (login, registration, refresh) = tokio::join!(
            ada.try_login(&api, &ada.password),
            api.post("registration/", Account::named("eve").registration()),
            tokens.try_refresh(&api),
        );
        for reply in [login, registration, refresh] {
            comes_back_later(&reply, 503);
        }
        let ready = api.get("/health/ready").await.expect(503).json();
        assert_eq!(ready["parts"]["log"]["ok"], false, "{fault:?}: {ready}");
        kurrent.is_well_again();
        wait_for("the server is ready again", SOON, async || {
            (api.get("/health/ready").await.status == 200).then_some(())
        })
        .await;
        ada.login(&api).await;
    }
    tokens.refreshed(&api).await;
    Account::named("eve").register(&api).await;
}

/// The client then asks for more without a pause, where it is, for as long as the process lives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_that_ends_without_an_error_holds_nobody_up() {
    let kurrent = Kurrent::double().await;
    kurrent.end_subscription();
    let server = Server::at(Home::on_kurrent(kurrent.url(), &[("TOKIO_WORKER_THREADS", "1")])).await;
    wait_for("the server has subscribed", SOON, async || (kurrent.subscribed() > 0).then_some(())).await;
    let ada = Account::named("ada");
    ada.register(&server.api()).await;
    server.verify_key(&ada.email).await;
}
