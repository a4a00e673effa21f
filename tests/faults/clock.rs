//! A clock that is set while the server runs, by an hour in either direction: everybody goes on, nothing hangs for an
//! hour, and nothing that was acknowledged is lost. libfaketime moves the clock.

use serde_json::json;

use crate::support::{
    Account, Caller, Home, NEW_PASSWORD, PASSWORD, SESSIONS, Server, Tokens, claims, comes_back_later,
};

const HOUR: i64 = 3600;

/// A server whose clock is off by as many seconds as a file in its folder says.
async fn server(env: &[(&str, &str)]) -> Server {
    let mut home = Home::new(env);
    home.let_clock_be_set();
    home.set_clock(0);
    Server::at(home).await
}

/// What the server takes for now, in seconds.
async fn now(api: &Caller, account: &Account) -> i64 {
    claims(account.login(api).await.access())["iat"].as_i64().unwrap()
}

/// Everything that can be done is done at once, and a session of before goes on.
async fn all_goes_on(server: &Server, name: &str, before: &Tokens) -> Tokens {
    let api = server.api();
    // At worst a token of another time is refused: then the client refreshes.
    let old = before.on(&api).get("user/").await;
    assert!(matches!(old.status, 200 | 401), "{old:?}");
    let next = before.refreshed(&api).await;
    next.on(&api).get("user/").await.expect(200);
    let account = Account::named(name);
    let own = account.register(&api).await;
    let other = account.login(&api).await;
    let body = json!({"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD});
    own.on(&api).post("password/change/", body).await.expect(200);
    other.on(&api).get("user/").await.expect(401);
    other.try_refresh(&api).await.expect(401);
    account.try_login(&api, PASSWORD).await.expect(400);
    let key = server.verify_key(&account.email).await;
    // The change of the password has spent it.
    api.post("registration/verify-email/", json!({"key": key})).await.expect(404);
    let shown = own.on(&api).insist(SESSIONS).await.expect(200).json();
    assert_eq!(shown.as_array().unwrap().len(), 1);
    next
}

#[tokio::test]
#[ignore = "needs faketime (apt-get install faketime); ./test runs it where it is"]
async fn a_clock_that_is_set_by_an_hour_stops_nobody() {
    let mut server = server(&[]).await;
    let account = Account::named("stayer");
    let mut tokens = account.register(&server.api()).await;
    let start = now(&server.api(), &account).await;
    for (step, offset) in [-HOUR, 0, HOUR, 0].into_iter().enumerate() {
        server.home().set_clock(offset);
        let is = now(&server.api(), &account).await - start;
        assert!((offset..offset + HOUR / 2).contains(&is), "the clock was set: {is}");
        tokens = all_goes_on(&server, &format!("running{step}"), &tokens).await;
        server.restart().await;
        tokens = all_goes_on(&server, &format!("restarted{step}"), &tokens).await;
        server.run(&["doctor"]).succeeded();
    }
    server.home().log().events().await;
}

#[tokio::test]
#[ignore = "needs faketime (apt-get install faketime); ./test runs it where it is"]
async fn links_expire_by_the_clock_and_a_clock_that_goes_back_gives_them_no_more_than_the_step() {
    let server = server(&[("STELE_AUTH__RESET_TTL", "30m")]).await;
    let (api, account) = (server.api(), Account::named("forgetful"));
    account.register(&api).await;
    api.post("password/reset/", json!({"email": account.email})).await.expect(200);
    let (uid, token) = server.reset_link(&account.email).await;
    let body =
        json!({"uid": uid, "token": token, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD});
    server.home().set_clock(HOUR / 2 + 1);
    api.post("password/reset/confirm/", body.clone()).await.expect(400);
    server.home().set_clock(-HOUR);
    api.post("password/reset/confirm/", body.clone()).await.expect(200);
    api.post("password/reset/confirm/", body).await.expect(400);
}

#[tokio::test]
#[ignore = "needs faketime (apt-get install faketime); ./test runs it where it is"]
async fn who_is_over_a_limit_waits_for_no_longer_because_the_clock_was_set_back() {
    let server = server(&[("STELE_LIMITS__ENABLED", "true"), ("STELE_LIMITS__LOGIN", "3/5m")]).await;
    let (api, account) = (server.api(), Account::named("guessed"));
    account.register(&api).await;
    for _ in 0..3 {
        account.try_login(&api, NEW_PASSWORD).await.expect(400);
    }
    comes_back_later(&account.try_login(&api, PASSWORD).await, 429);
    server.home().set_clock(-HOUR);
    let after = comes_back_later(&account.try_login(&api, PASSWORD).await, 429);
    assert!(after <= 300, "{after} s");
    server.home().set_clock(301 - HOUR);
    account.login(&api).await;
}

/// Two processes on one PostgreSQL, of which the other one's clock is set. The clock of the log's server counts for both.
mod on_postgres {
    use std::time::Duration;

    use super::*;
    use crate::faults::stage::Stage;
    use crate::faults::town::Town;
    use crate::support::{Caller, Postgres, Seed, is_long, wait_for};

    const SOON: Duration = Duration::from_mins(1);
    const SETTINGS: [(&str, &str); 2] = [("STELE_HASH__THREADS", "2"), ("STELE_JWT__REFRESH_GRACE", "60s")];

    /// The other one is an hour behind when it starts.
    async fn stage(settings: &[(&str, &str)]) -> Stage {
        let change = |home: &mut Home| {
            home.let_clock_be_set();
            home.set_clock(-HOUR);
        };
        Stage::with_two_doors(Postgres::start(), settings, change).await
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs faketime and PostgreSQL (apt-get install faketime postgresql); ./test runs it where they are"]
    async fn a_process_whose_clock_is_set_by_an_hour_is_noticed_by_nobody() {
        let mut town = Town::around(stage(&SETTINGS).await, Seed::of("clocks"));
        for _ in 0..if is_long() { 10 } else { 1 } {
            for offset in [HOUR, -HOUR] {
                town.round(async |stage| stage.api.home().set_clock(offset)).await;
            }
        }
        let times = town.ends_well().await.into_iter().map(|event| event.recorded_at);
        let (first, last) =
            times.fold((i64::MAX, 0), |(first, last), time| (time.min(first), time.max(last)));
        assert!((last - first) / 1_000_000 < HOUR / 2, "from {first} to {last}");
        town.tell("clocks");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs faketime and PostgreSQL (apt-get install faketime postgresql); ./test runs it where they are"]
    async fn what_one_process_made_the_other_one_takes_though_their_clocks_differ_by_an_hour() {
        let mut stage = stage(&[("STELE_LIMITS__ENABLED", "true"), ("STELE_LIMITS__LOGIN", "4/5m")]).await;
        let (one, other) = (stage.door(0), stage.door(1));
        for (name, here, there) in [("ada", &one, &other), ("grace", &other, &one)] {
            tokens_hold(&Account::named(name), here, there).await;
            limits_hold(&Account::named(&format!("{name}x")), here, there).await;
        }
        let account = Account::named("leaver");
        let tokens = account.register(&one).await;
        tokens.on(&other).post("logout/", json!({"refresh": tokens.refresh()})).await.expect(200);
        is_refused(&one, &tokens).await;
        stage.api.restart().await;
        is_refused(&stage.door(0), &tokens).await;
        let other = stage.other.as_ref().unwrap();
        other.says("the clock of this machine is not that of the log's server").await;
    }

    async fn is_refused(api: &Caller, tokens: &Tokens) {
        wait_for("the other process has heard of the end", SOON, async || {
            (tokens.on(api).get("user/").await.status == 401).then_some(())
        })
        .await;
        tokens.try_refresh(api).await.expect(401);
    }

    /// Access tokens, refresh tokens whose answer is asked for again elsewhere, and links.
    async fn tokens_hold(account: &Account, here: &Caller, there: &Caller) {
        let tokens = account.register(here).await;
        there.post("token/verify/", json!({"token": tokens.access()})).await.expect(200);
        tokens.on(there).get("user/").await.expect(200);
        let next = tokens.refreshed(here).await;
        assert_eq!(tokens.refreshed(there).await.refresh(), next.refresh(), "the same child");
        next.refreshed(there).await.on(here).get("user/").await.expect(200);
    }

    /// Counted together, and for no longer than the limit says.
    async fn limits_hold(account: &Account, here: &Caller, there: &Caller) {
        account.register(here).await;
        for api in [here, there, here, there] {
            account.try_login(api, NEW_PASSWORD).await.expect(400);
        }
        for api in [here, there] {
            let after = comes_back_later(&account.try_login(api, PASSWORD).await, 429);
            assert!(after <= 300, "{after} s");
        }
    }
}
