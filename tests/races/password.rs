//! A password change or reset against logins and refreshes under way: no session that was verified against the old
//! password lives on, and the new password works.

use serde_json::json;

use super::are_dead;
use crate::support::{Account, Caller, PASSWORD, Reply, Server, Tokens, is_long, together};

/// Of each kind in each round.
const RACERS: usize = 20;

const ROUNDS: usize = 20;
/// Changes and resets together make 2,000.
const LONG_ROUNDS: usize = 1000;

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Change,
    Reset,
}

struct Race {
    server: Server,
    api: Caller,
    account: Account,
    way: Way,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_ends_every_session_of_the_old_password_but_its_own() {
    run("jwt", Way::Change, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_ends_every_session_of_the_old_password() {
    run("jwt", Way::Reset, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_or_reset_ends_every_key_of_the_old_password() {
    run("key", Way::Change, 5).await;
    run("key", Way::Reset, 5).await;
}

/// One in `part` of all rounds.
async fn run(tokens: &str, way: Way, part: usize) {
    let rounds = if is_long() { LONG_ROUNDS } else { ROUNDS } / part;
    let server = Server::start(&[("STELE_AUTH__TOKENS", tokens), ("STELE_HASH__THREADS", "2")]).await;
    let (api, account) = (server.api(), Account::named("racer"));
    let mut own = account.register(&api).await;
    let mut race = Race { server, api, account, way };
    for round in 0..rounds {
        own = race.round(&own, &format!("{PASSWORD}-{round}")).await;
    }
}

impl Race {
    /// One change from the password that holds to `new`, made by the session `own`; answers the session to go on with.
    async fn round(&mut self, own: &Tokens, new: &str) -> Tokens {
        let old = self.account.password.clone();
        let victim = self.account.login(&self.api).await;
        let (changer, path, body) = self.change(own, new).await;
        let middle = RACERS / 2;
        let racers = (0..=RACERS).map(|index| {
            let (race, victim) = ((self.api.clone(), self.account.clone()), victim.clone());
            let (change, old) = ((changer.clone(), body.clone()), old.clone());
            async move {
                if index == middle {
                    return (Some(change.0.post(path, change.1).await), Vec::new());
                }
                let (api, account) = race;
                (None, both(refresh(&api, &victim), account.try_login(&api, &old)).await)
            }
        });
        let (made, others): (Vec<_>, Vec<_>) = together(racers).await.into_iter().unzip();
        made.into_iter().flatten().next().expect("one of them made the change").expect(200);
        let mut sessions: Vec<Tokens> = others.iter().flatten().filter_map(session).collect();
        sessions.push(victim);
        are_dead(&self.api, &sessions).await;
        self.new_password_holds(new, &old).await;
        self.goes_on(own).await
    }

    /// Who makes the change, where, and with what.
    async fn change(&self, own: &Tokens, new: &str) -> (Caller, &'static str, serde_json::Value) {
        let body = json!({"new_password1": new, "new_password2": new});
        if self.way == Way::Change {
            return (own.on(&self.api), "password/change/", body);
        }
        self.api.post("password/reset/", json!({"email": self.account.email})).await.expect(200);
        let (uid, token) = self.server.reset_link(&self.account.email).await;
        let body = json!({"uid": uid, "token": token, "new_password1": new, "new_password2": new});
        (self.api.clone(), "password/reset/confirm/", body)
    }

    async fn new_password_holds(&mut self, new: &str, old: &str) {
        self.account.try_login(&self.api, old).await.expect(400);
        new.clone_into(&mut self.account.password);
    }

    /// A change keeps the session that made it; a reset keeps none.
    async fn goes_on(&self, own: &Tokens) -> Tokens {
        match self.way {
            Way::Change => {
                own.on(&self.api).get("user/").await.expect(200);
                own.clone()
            }
            Way::Reset => {
                are_dead(&self.api, std::slice::from_ref(own)).await;
                self.account.login(&self.api).await
            }
        }
    }
}

async fn refresh(api: &Caller, tokens: &Tokens) -> Option<Reply> {
    match tokens {
        Tokens::Pair { .. } => Some(tokens.try_refresh(api).await),
        Tokens::Key(_) => None,
    }
}

async fn both(
    refresh: impl Future<Output = Option<Reply>>,
    login: impl Future<Output = Reply>,
) -> Vec<Reply> {
    let (refreshed, logged_in) = tokio::join!(refresh, login);
    refreshed.into_iter().chain([logged_in]).collect()
}

/// The session that a racer got, unless he came too late.
fn session(reply: &Reply) -> Option<Tokens> {
    assert!(matches!(reply.status, 200 | 400 | 401), "{reply:?}");
    (reply.status == 200).then(|| Tokens::of(reply))
}
