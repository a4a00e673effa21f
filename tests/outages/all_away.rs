//! All databases away at once, as they are where one PostgreSQL keeps them and it is stopped: what is answered meanwhile, and
//! that all goes on by itself when it is back.

use std::time::{Duration, Instant};

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::support::{
    Account, Caller, Home, Looks, Mail, Mailbox, NEW_PASSWORD, Postgres, Reply, SESSIONS, Server, Servers,
    Tokens, comes_back_later, each, has_mailed, is_long, together, wait_for,
};

/// Longer than the second in which a node looks at the log, so that one that hears is never silent, and than PostgreSQL takes to
/// stop.
const SILENCE: &str = "15s";
/// As it is where nobody sets it: every request ends within it, whatever is away.
const SHIPPED_TIMEOUT: (&str, &str) = ("STELE_API__REQUEST_TIMEOUT", "15s");
const LONG_SILENCE: &str = "20s";
/// How long a long run leaves it away. A short one waits until the silence is over, and no longer.
const LONG_OUTAGE: Duration = Duration::from_secs(30);
const SOON: Duration = Duration::from_mins(1);
const CROWD: usize = 8;
const FLOOD: usize = 64;
/// How many requests each of the flood sends.
const REQUESTS: usize = 50;
/// What a flood may add to what the process had before, in threads and in bytes.
const MORE_THREADS: u64 = 8;
const MORE_MEMORY: u64 = 64 << 20;

/// A process for each of three roles, on one server that is the test's own and ends after them.
struct Town {
    processes: [Server; 3],
    postgres: Postgres,
}

/// Somebody with all that he was ever given.
struct Person {
    account: Account,
    tokens: Tokens,
    other_session: String,
    verify_key: String,
    reset_link: (String, String),
}

impl Town {
    async fn found() -> Self {
        let postgres = Postgres::start();
        let silence = if is_long() { LONG_SILENCE } else { SILENCE };
        let home = Home::on(
            &Servers::all(&postgres),
            &[("STELE_REVOCATION__MAX_SILENCE", silence), SHIPPED_TIMEOUT],
        );
        let processes = each(&home, ["api", "projector", "mailer"]).await;
        Self { processes, postgres }
    }

    fn api(&self) -> Caller {
        self.processes[0].api()
    }

    fn mails(&self) -> Vec<Mail> {
        Mailbox::at(&self.processes[0].home().data().join("mail")).all()
    }

    async fn resident(&self, name: &str) -> Person {
        let (api, account) = (self.api(), Account::named(name));
        let tokens = account.register(&api).await;
        account.login(&api).await;
        api.post("password/reset/", json!({"email": account.email})).await.expect(200);
        has_mailed(&api).await;
        let sessions = tokens.on(&api).insist(SESSIONS).await.expect(200).json();
        let other = sessions.as_array().unwrap().iter().find(|session| session["current"] == false);
        let mails = self.mails();
        let mut own = mails.iter().filter(|mail| mail.is_to(&account.email));
        Person {
            other_session: other.unwrap()["id"].as_str().unwrap().to_owned(),
            verify_key: own.clone().find_map(Mail::verify_key).expect("a link to verify"),
            reset_link: own.find_map(Mail::reset_link).expect("a link to reset"),
            account,
            tokens,
        }
    }

    /// What each process says of its databases: none is ready, each names all three, and each is alive.
    async fn says_what_is_away(&self) {
        for process in &self.processes {
            let report = process.api().get("/health/ready").await.expect(503).json();
            for part in ["log", "views", "vault"] {
                assert_eq!(report["parts"][part]["ok"], false, "{report}");
            }
            process.api().get("/health/live").await.expect(200);
        }
    }

    async fn is_ready_again(&mut self) {
        for process in &mut self.processes {
            let api = process.api();
            wait_for("the process is ready again", SOON, async || {
                (api.get("/health/ready").await.status == 200).then_some(())
            })
            .await;
            assert_eq!(process.exit_code_within(Duration::ZERO), None, "it is the same process");
        }
    }

    /// People come and go, get their mails, and the read models are what the log says.
    async fn goes_on(&self, newcomer: &str) {
        let (api, late) = (self.api(), Account::named(newcomer));
        late.register(&api).await;
        let tokens = late.login(&api).await;
        wait_for("the list of sessions is there again", SOON, async || {
            (tokens.on(&api).get(SESSIONS).await.status == 200).then_some(())
        })
        .await;
        has_mailed(&api).await;
        assert_eq!(self.mails().iter().filter(|mail| mail.is_to(&late.email)).count(), 1);
        self.processes[0].run(&["rebuild", "--check"]).succeeded();
    }
}

impl Person {
    /// Everything of the API that can't be known without asking a database.
    fn asks(&self, api: &Caller) -> Vec<RequestBuilder> {
        let Self { account, tokens, other_session, verify_key, reset_link: (uid, token) } = self;
        let user = tokens.on(api);
        let post = |path: &str, body: Value| api.request("POST", path).json(&body);
        let own = |method: &str, path: &str, body: Value| user.request(method, path).json(&body);
        let passwords = json!({"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD});
        let confirmation =
            json!({"uid": uid, "token": token, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD});
        vec![
            post("login/", json!({"username": account.username, "password": account.password})),
            post("login/", json!({"email": account.email, "password": "wrong"})),
            post("registration/", Account::named("eve").registration()),
            post("registration/verify-email/", json!({"key": verify_key})),
            post("registration/resend-email/", json!({"email": account.email})),
            post("password/reset/", json!({"email": account.email})),
            post("password/reset/confirm/", confirmation),
            post("token/refresh/", json!({"refresh": tokens.refresh()})),
            post("token/verify/", json!({"token": tokens.refresh()})),
            post("logout/", json!({"refresh": tokens.refresh()})),
            own("GET", "user/", Value::Null),
            own("PATCH", "user/", json!({"first_name": "Ada"})),
            own("PUT", "user/", json!({"username": account.username, "first_name": "Ada"})),
            own("POST", "password/change/", passwords),
            own("POST", "email/change/", json!({"email": "other@example.com", "password": account.password})),
            own("GET", SESSIONS, Value::Null),
            own("DELETE", SESSIONS, Value::Null),
            own("DELETE", &format!("{SESSIONS}{other_session}/"), Value::Null),
        ]
    }

    /// The pages behind links, which people open.
    fn opens(&self, api: &Caller) -> Vec<RequestBuilder> {
        let Self { verify_key, reset_link: (uid, token), .. } = self;
        let form = [("uid", uid), ("token", token)];
        let typed = [("new_password1", NEW_PASSWORD), ("new_password2", NEW_PASSWORD)];
        let sent = form.map(|(name, value)| (name, value.as_str())).into_iter().chain(typed);
        vec![
            api.request("GET", &format!("/verify-email?key={verify_key}")),
            api.request("POST", "/verify-email").form(&[("key", verify_key)]),
            api.request("GET", &format!("/reset-password?uid={uid}&token={token}")),
            api.request("POST", "/reset-password").form(&sent.collect::<Vec<_>>()),
        ]
    }

    /// Asks for all of it, and is asked to come back later each time.
    async fn is_put_off(&self, api: &Caller) {
        are_put_off(self.asks(api)).await;
        for request in self.opens(api) {
            let reply = Reply::to(request).await;
            assert!(reply.status == 503 && reply.header("retry-after").is_some(), "{reply:?}");
        }
    }

    /// Whether a node says that his access token is good, as far as that can be said without a database.
    async fn is_known(&self, api: &Caller) -> bool {
        let reply = api.post("token/verify/", json!({"token": self.tokens.access()})).await;
        match reply.status {
            200 => true,
            _ => comes_back_later(&reply, 503) == 0,
        }
    }
}

/// Refreshes again and again, with what the last answer gave, until it is done and one is answered; answers the newest tokens.
async fn refreshes(api: Caller, mut tokens: Tokens, done: watch::Receiver<bool>) -> Tokens {
    let looks = Looks::begin(LONG_OUTAGE + 2 * SOON);
    loop {
        let reply = tokens.try_refresh(&api).await;
        if reply.status == 200 {
            tokens = Tokens::of(&reply);
            if *done.borrow() {
                return tokens;
            }
        } else {
            comes_back_later(&reply, 503);
        }
        looks.again("the session goes on").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn while_postgresql_is_stopped_tokens_are_judged_for_a_while_and_all_else_is_put_off() {
    let mut town = Town::found().await;
    let (api, ada) = (town.api(), town.resident("ada").await);
    let (done, doing) = watch::channel(false);
    let mut crowd = Vec::new();
    for number in 0..CROWD {
        let tokens = Account::named(&format!("c{number}")).register(&api).await;
        crowd.push(refreshes(api.clone(), tokens, doing.clone()));
    }
    let crowd = tokio::spawn(together(crowd));

    let stopped = Instant::now();
    town.postgres.stop();
    assert!(ada.is_known(&api).await, "a token is judged without a database");
    api.get("/.well-known/jwks.json").await.expect(200);
    let mut heard = true;
    while heard || (is_long() && stopped.elapsed() < LONG_OUTAGE) {
        ada.is_put_off(&api).await;
        town.says_what_is_away().await;
        let known = ada.is_known(&api).await;
        assert!(heard || !known, "what it has not heard of it can't know");
        heard = known;
        assert!(stopped.elapsed() < LONG_OUTAGE + SOON, "it judges tokens though it hears of no revocation");
    }
    let report = api.get("/health/ready").await.expect(503).json();
    assert_eq!(report["parts"]["revocations"]["ok"], false, "{report}");
    println!("PostgreSQL was away for {:?}", stopped.elapsed());

    town.postgres.begin();
    town.is_ready_again().await;
    done.send_replace(true);
    for tokens in crowd.await.unwrap() {
        tokens.on(&api).get("user/").await.expect(200);
    }
    let on = ada.tokens.refreshed(&api).await.on(&api);
    let user = on.get("user/").await.expect(200);
    assert_eq!(user.at("/first_name"), "", "what was put off was not done");
    town.goes_on("late").await;
    assert_eq!(on.insist(SESSIONS).await.expect(200).json().as_array().unwrap().len(), 2);
}

async fn are_put_off(requests: Vec<RequestBuilder>) {
    for request in requests {
        comes_back_later(&Reply::to(request).await, 503);
    }
}

/// Everyone is told at once that it is not possible now, so that nothing piles up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn a_flood_of_requests_while_postgresql_is_away_takes_neither_threads_nor_memory() {
    let mut town = Town::found().await;
    let (api, ada) = (town.api(), town.resident("ada").await);
    town.postgres.kill();
    ada.is_put_off(&api).await;
    let (threads, memory) = (town.processes[0].threads(), town.processes[0].peak_memory());
    let asks = |_| std::iter::repeat_with(|| ada.asks(&api)).flatten().take(REQUESTS).collect::<Vec<_>>();
    let flood: Vec<_> = (0..FLOOD).map(asks).map(are_put_off).collect();
    let start = Instant::now();
    together(flood).await;
    let (more_threads, more_memory) = (
        town.processes[0].threads().saturating_sub(threads),
        town.processes[0].peak_memory().saturating_sub(memory),
    );
    println!(
        "{} requests were put off in {:?}; {more_threads} more threads, {} KiB more",
        FLOOD * REQUESTS,
        start.elapsed(),
        more_memory >> 10
    );
    assert!(more_threads <= MORE_THREADS && more_memory <= MORE_MEMORY, "{more_threads}, {more_memory}");
    town.postgres.begin();
    town.is_ready_again().await;
    ada.tokens.refreshed(&api).await;
    town.goes_on("late").await;
}
