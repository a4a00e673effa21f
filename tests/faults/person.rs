//! Somebody who uses the server, one command after the other, and remembers what he was told: his password, his sessions
//! and those that ended, the mails he is owed, and the one command whose answer never came.

use std::collections::BTreeMap;

use super::moment::Moment;
use super::order::Order;
use super::tally::{Fate, Tally};
use crate::support::{About, Account, Caller, Dice, PASSWORD, Post, Reply, Tokens, comes_back_later};

/// How many sessions a person has before he rather ends some.
const SESSIONS: usize = 4;

pub(super) struct Person {
    pub(super) account: Account,
    pub(super) registered: bool,
    /// Those that go on, with their newest tokens.
    pub(super) sessions: Vec<Tokens>,
    /// How many sessions he has whose tokens never reached him.
    pub(super) lost: usize,
    pub(super) ended: Vec<Tokens>,
    pub(super) old_password: Option<String>,
    pub(super) mails: BTreeMap<About, usize>,
    /// How many of his reset links were mailed before his password changed last.
    pub(super) spent: usize,
    /// Sent, and not answered.
    pub(super) pending: Option<Order>,
    /// Where the newest event stands that he was told of.
    pub(super) furthest: u64,
    pub(super) tally: Tally,
    name: String,
    changes: usize,
    dice: Dice,
}

impl Person {
    pub(super) fn new(name: &str, dice: Dice) -> Self {
        Self {
            account: Account::named(name),
            registered: false,
            sessions: Vec::new(),
            lost: 0,
            ended: Vec::new(),
            old_password: None,
            mails: BTreeMap::new(),
            spent: 0,
            pending: None,
            furthest: 0,
            tally: Tally::default(),
            name: name.to_owned(),
            changes: 0,
            dice,
        }
    }

    /// Gives one command after the other until one is not answered or answered 503, or it is late.
    pub(super) async fn live(mut self, api: Caller, moment: Moment, post: Post) -> Self {
        loop {
            let order = self.choose(&post);
            self.give(&api, order).await;
            if self.pending.is_some() || moment.answered() {
                return self;
            }
        }
    }

    /// Gives a command; one that is not answered, or answered 503, is pending afterwards.
    pub(super) async fn give(&mut self, api: &Caller, order: Order) {
        let kind = order.kind();
        self.tally.count(kind, Fate::Sent);
        match Reply::try_to(order.request(api, self)).await {
            Some(reply) if matches!(reply.status, 200 | 201) => {
                self.tally.count(kind, Fate::Acknowledged);
                if order.tells_position() {
                    let position = reply.position().unwrap_or_else(|| panic!("{order:?}: {reply:?}"));
                    self.furthest = self.furthest.max(position);
                }
                self.done(order, Some(&reply));
            }
            Some(reply) => {
                assert_eq!(reply.status, 503, "{order:?} of {}: {reply:?}", self.name);
                comes_back_later(&reply, 503);
                self.tally.count(kind, Fate::Refused);
                self.pending = Some(order);
            }
            None => self.pending = Some(order),
        }
        if self.pending.is_some() {
            self.tally.count(kind, Fate::Unknown);
        }
    }

    fn choose(&mut self, post: &Post) -> Order {
        if !self.registered {
            return Order::Register;
        }
        if self.sessions.is_empty() {
            return Order::LogIn;
        }
        let session = self.dice.below(self.sessions.len());
        match self.dice.below(12) {
            0..5 => Order::Refresh { session },
            5..7 if self.sessions.len() < SESSIONS => Order::LogIn,
            5..8 => Order::ChangePassword { by: session, to: self.new_password() },
            8..10 => self.reset(post),
            10 => Order::Rename { by: session, to: self.new_name() },
            _ => Order::LogOut { session },
        }
    }

    /// A reset by the newest link that still opens something, or another such link.
    fn reset(&mut self, post: &Post) -> Order {
        let asked = self.mails.get(&About::Reset).copied().unwrap_or_default();
        if asked > self.spent {
            post.look();
            if let Some(link) = post.reset_links(&self.account.email).into_iter().skip(self.spent).last() {
                return Order::Reset { link, to: self.new_password() };
            }
        }
        Order::AskForReset
    }

    fn new_password(&mut self) -> String {
        self.changes += 1;
        format!("{PASSWORD}-{}", self.changes)
    }

    fn new_name(&mut self) -> String {
        self.changes += 1;
        format!("{}x{}", self.name, self.changes)
    }

    /// Remembers what a command changed; without an answer the session that it began is lost.
    pub(super) fn done(&mut self, order: Order, reply: Option<&Reply>) {
        match order {
            Order::Register => {
                self.registered = true;
                self.is_owed(About::Verification);
                self.began(reply);
            }
            Order::LogIn => self.began(reply),
            Order::Refresh { session } => {
                self.sessions[session] = Tokens::of(reply.expect("a refresh is found done by its answer"));
            }
            Order::ChangePassword { by, to } => {
                let kept = self.sessions.swap_remove(by);
                self.has_password(to);
                self.sessions.push(kept);
            }
            Order::AskForReset => self.is_owed(About::Reset),
            Order::Reset { to, .. } => self.has_password(to),
            Order::Rename { to, .. } => self.account.username = to,
            Order::LogOut { session } => {
                let ended = self.sessions.swap_remove(session);
                self.ended.push(ended);
            }
        }
    }

    fn is_owed(&mut self, about: About) {
        *self.mails.entry(about).or_default() += 1;
    }

    fn began(&mut self, reply: Option<&Reply>) {
        match reply {
            Some(reply) => self.sessions.push(Tokens::of(reply)),
            None => self.lost += 1,
        }
    }

    /// All sessions end, and all links that were mailed open nothing any more.
    fn has_password(&mut self, new: String) {
        self.old_password = Some(std::mem::replace(&mut self.account.password, new));
        self.ended.append(&mut self.sessions);
        self.lost = 0;
        self.spent = self.mails.get(&About::Reset).copied().unwrap_or_default();
        self.is_owed(About::Notice);
    }
}
