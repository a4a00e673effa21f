//! Someone who does what changes the log, again and again until he is told that it is done, and knows afterwards what must hold.

use std::collections::HashSet;

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::support::{Account, Caller, Reply, SESSIONS, Tokens, comes_back_later};

/// How often he comes back.
const MOST: usize = 200;

pub(super) struct Writer {
    account: Account,
    tokens: Option<Tokens>,
    /// What he calls himself; counts his changes.
    changes: usize,
    /// The sessions that he was given.
    sessions: usize,
    /// Answers that left open whether he was given one.
    open: usize,
}

impl Writer {
    pub(super) fn named(name: &str) -> Self {
        Self { account: Account::named(name), tokens: None, changes: 0, sessions: 0, open: 0 }
    }

    /// Registers if he has not yet, then logs in, refreshes and changes his name.
    pub(super) async fn writes(mut self, api: Caller) -> Self {
        if self.tokens.is_none() {
            self.registers(&api).await;
        }
        let tokens = self.logs_in(&api).await;
        let refresh = json!({"refresh": tokens.refresh()});
        let tokens = Tokens::of(&insist(post(&api, "token/refresh/", &refresh)).await.0.expect(200));
        self.changes += 1;
        let name = json!({"first_name": self.first_name()});
        insist(tokens.on(&api).request("PATCH", "user/").json(&name)).await.0.expect(200);
        self.tokens = Some(tokens);
        self
    }

    /// One whose first answer was lost is told the second time that the name is taken, as it is: by himself.
    async fn registers(&mut self, api: &Caller) {
        let (reply, lost) = insist(post(api, "registration/", &self.account.registration())).await;
        if reply.status == 400 && lost > 0 {
            self.open += 1;
            return;
        }
        self.sessions += 1;
        reply.expect(201);
    }

    async fn logs_in(&mut self, api: &Caller) -> Tokens {
        let Account { username, password, .. } = &self.account;
        let login = json!({"username": username, "password": password});
        let (reply, lost) = insist(post(api, "login/", &login)).await;
        self.sessions += 1;
        self.open += lost;
        Tokens::of(&reply.expect(200))
    }

    /// Whether all that he was told holds, and nothing was done twice.
    pub(super) async fn holds(&self, api: &Caller) {
        let user = self.tokens.as_ref().expect("he has logged in").on(api);
        let shown = user.get("user/").await.expect(200).json();
        assert_eq!(shown["first_name"], self.first_name(), "{}", self.account.username);
        let sessions = user.insist(SESSIONS).await.expect(200).json();
        let sessions: HashSet<String> =
            sessions.as_array().unwrap().iter().map(|session| session["id"].to_string()).collect();
        let (least, most) = (self.sessions, self.sessions + self.open);
        assert!((least..=most).contains(&sessions.len()), "{} of {least} to {most}", sessions.len());
    }

    fn first_name(&self) -> String {
        format!("Name{}", self.changes)
    }
}

fn post(api: &Caller, path: &str, body: &Value) -> RequestBuilder {
    api.request("POST", path).json(body)
}

/// Asks until it is answered by more than to come back later, and answers how often it was put off, too.
async fn insist(request: RequestBuilder) -> (Reply, usize) {
    for put_off in 0..MOST {
        let reply = Reply::to(request.try_clone().expect("it has a whole body")).await;
        if reply.status != 503 {
            return (reply, put_off);
        }
        comes_back_later(&reply, 503);
    }
    panic!("put off {MOST} times");
}
