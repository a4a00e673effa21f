//! After the fault: what became of the command that was not answered, and whether all that was acknowledged holds.
//! A command happened whole or not at all; anything else fails the test.

use serde_json::json;

use super::order::Order;
use super::person::Person;
use super::tally::Fate;
use crate::support::{About, Account, Caller, Log, Post, SESSIONS, Tokens, claims};

/// Of how many sessions that ended it is checked that they stay so.
const DEAD: usize = 3;

impl Person {
    /// Finds out what became of the pending command, and goes on from there. No mail must be due.
    pub(super) async fn settle(mut self, api: Caller, log: Log, post: Post) -> Self {
        if let Some(order) = self.pending.take() {
            let kind = order.kind();
            let done = self.finds_done(&api, &log, &post, order).await;
            self.tally.count(kind, if done { Fate::FoundDone } else { Fate::FoundNotDone });
        }
        self
    }

    async fn finds_done(&mut self, api: &Caller, log: &Log, post: &Post, order: Order) -> bool {
        let done = match &order {
            Order::Register => self.enters(api, &self.account.clone()).await,
            Order::LogIn => self.shown_sessions(api).await > self.sessions.len() + self.lost,
            Order::Refresh { session } => return self.refreshes_again(api, log, *session).await,
            Order::ChangePassword { to, .. } | Order::Reset { to, .. } => {
                self.enters(api, &Account { password: to.clone(), ..self.account.clone() }).await
            }
            Order::AskForReset => {
                post.count(About::Reset, &self.account.email)
                    > self.mails.get(&About::Reset).copied().unwrap_or_default()
            }
            Order::Rename { to, .. } => {
                self.enters(api, &Account { username: to.clone(), ..self.account.clone() }).await
            }
            Order::LogOut { session } => {
                let reply = self.sessions[*session].try_refresh(api).await;
                assert!(matches!(reply.status, 200 | 401), "{reply:?}");
                if reply.status == 200 {
                    self.sessions[*session] = Tokens::of(&reply);
                }
                reply.status == 401
            }
        };
        if done {
            self.done(order, None);
        } else if matches!(order, Order::Register) {
            // The name is not lost: the same registration succeeds at once.
            self.give(api, order).await;
            assert!(self.registered, "half registered: {:?}", self.account);
        }
        done
    }

    /// Whether these credentials let him in. If so, he leaves again.
    async fn enters(&mut self, api: &Caller, as_he_may_be: &Account) -> bool {
        let reply = as_he_may_be.try_login(api, &as_he_may_be.password).await;
        assert!(matches!(reply.status, 200 | 400), "{reply:?}");
        if reply.status == 200 {
            self.leaves(api, Tokens::of(&reply)).await;
        }
        reply.status == 200
    }

    async fn leaves(&mut self, api: &Caller, tokens: Tokens) {
        tokens.on(api).post("logout/", json!({"refresh": tokens.refresh()})).await.expect(200);
        self.ended.push(tokens);
    }

    /// A refresh that was not answered is asked for again with the old token. Done or not, it gives the next one.
    async fn refreshes_again(&mut self, api: &Caller, log: &Log, session: usize) -> bool {
        let shown = claims(self.sessions[session].refresh());
        let (sid, counter) = (shown["sid"].as_str().unwrap(), shown["cnt"].as_u64().unwrap());
        // The session began with one event, and each refresh adds one.
        let beyond = log.length_of(&format!("session-{sid}")).await - (1 + counter);
        assert!(beyond <= 1, "a session ran ahead of its owner: {shown}");
        let next = self.sessions[session].refreshed(api).await;
        assert_eq!(claims(next.refresh())["cnt"], json!(counter + 1));
        self.sessions[session] = next;
        beyond == 1
    }

    /// How many sessions he is shown to have, besides the one that asks.
    async fn shown_sessions(&mut self, api: &Caller) -> usize {
        let tokens = self.account.login(api).await;
        let shown = tokens.on(api).insist(SESSIONS).await.expect(200).json();
        self.leaves(api, tokens).await;
        shown.as_array().unwrap().len() - 1
    }

    /// Everything he was told holds. No mail must be due.
    pub(super) async fn holds(mut self, api: Caller, post: Post) -> Self {
        self.check(&api, &post).await;
        self
    }

    async fn check(&mut self, api: &Caller, post: &Post) {
        assert_eq!(
            self.shown_sessions(api).await,
            self.sessions.len() + self.lost,
            "sessions of {:?}",
            self.account
        );
        if let Some(old) = &self.old_password {
            self.account.try_login(api, old).await.expect(400);
        }
        for session in &mut self.sessions {
            *session = session.refreshed(api).await;
            session.on(api).get("user/").await.expect(200);
        }
        self.ended.drain(..self.ended.len().saturating_sub(DEAD));
        for tokens in &self.ended {
            tokens.try_refresh(api).await.expect(401);
            tokens.on(api).get("user/").await.expect(401);
        }
        for about in About::ALL {
            let owed = self.mails.get(&about).copied().unwrap_or_default();
            assert_eq!(
                post.count(about, &self.account.email),
                owed,
                "mails of {about:?} to {:?}",
                self.account
            );
        }
    }
}
