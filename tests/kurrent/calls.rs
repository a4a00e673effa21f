//! How often the log's server is asked for one command. Each call is a way there and back, and an append one to its disk.

use kurrent_double::Call;

use crate::support::{Account, Caller, Home, Kurrent, Server, Tokens};

/// Enough that what happens at times shows.
const TIMES: u64 = 10;

/// A server without mails, whose mailer would ask for more at any time.
async fn server(kurrent: &Kurrent) -> Server {
    let env = [("STELE_AUTH__EMAIL_VERIFICATION", "none"), ("STELE_AUTH__TOKENS", "jwt")];
    Server::at(Home::on_kurrent(kurrent.url(), &env)).await
}

struct Calls {
    reads: u64,
    appends: u64,
}

/// The calls that it takes to do this so many times.
async fn calls(kurrent: &Kurrent, act: impl AsyncFnOnce()) -> Calls {
    let count = |call| kurrent.served(call, "");
    let appends = || count(Call::Append) + count(Call::BatchAppend);
    let (reads, written) = (count(Call::Read), appends());
    act().await;
    Calls { reads: count(Call::Read) - reads, appends: appends() - written }
}

async fn registrations(api: &Caller) -> Vec<(Account, Tokens)> {
    let mut registered = Vec::new();
    for number in 0..TIMES {
        let account = Account::named(&format!("n{number}"));
        let tokens = account.register(api).await;
        registered.push((account, tokens));
    }
    registered
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_asks_three_times_and_a_refresh_twice_and_both_append_once() {
    let kurrent = Kurrent::double().await;
    let server = server(&kurrent).await;
    let api = server.api();
    let registered = registrations(&api).await;
    let logins = calls(&kurrent, async || {
        for (account, _) in &registered {
            account.login(&api).await;
        }
    });
    let Calls { reads, appends } = logins.await;
    assert!((1..=3 * TIMES).contains(&reads), "{reads} reads for {TIMES} logins");
    assert_eq!(appends, TIMES, "appends for {TIMES} logins");
    let refreshes = calls(&kurrent, async || {
        for (_, tokens) in &registered {
            tokens.refreshed(&api).await;
        }
    });
    let Calls { reads, appends } = refreshes.await;
    assert!((1..=2 * TIMES).contains(&reads), "{reads} reads for {TIMES} refreshes");
    assert_eq!(appends, TIMES, "appends for {TIMES} refreshes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_without_a_mail_appends_four_times() {
    let kurrent = Kurrent::double().await;
    let server = server(&kurrent).await;
    let registrations = calls(&kurrent, async || drop(registrations(&server.api()).await));
    assert_eq!(registrations.await.appends, 4 * TIMES, "two names, the user, and his session");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_with_its_mail_appends_five_times() {
    let kurrent = Kurrent::double().await;
    let env = [("STELE_AUTH__EMAIL_VERIFICATION", "optional")];
    let server = Server::at(Home::on_kurrent(kurrent.url(), &env)).await;
    let registrations = calls(&kurrent, async || {
        registrations(&server.api()).await;
        server.has_mailed().await;
    });
    let all = registrations.await.appends;
    // The mailer's is the other one: it says that the mail was sent.
    assert_eq!(kurrent.served(Call::Append, "mail-"), 2 * TIMES);
    assert_eq!(all - TIMES, 5 * TIMES, "two names, the user, his mail and his session");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "STELE_TEST_KURRENT names no KurrentDB"]
async fn who_registers_logs_in_and_refreshes_on_a_real_kurrentdb() {
    let kurrent = Kurrent::real();
    let server = server(&kurrent).await;
    let api = server.api();
    for (account, tokens) in registrations(&api).await {
        account.login(&api).await;
        tokens.refreshed(&api).await.on(&api).get("user/").await.expect(200);
    }
    server.run(&["rebuild", "--check"]).succeeded();
}
