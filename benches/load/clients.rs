//! What clients ask, and what must come back. None of them knows how often or how fast it is asked.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use super::{Answer, Client, request};
use crate::{
    failed::Outcome,
    seed::{PASSWORD, Seeded, name_of},
};

const LOGIN: &str = "/dj-rest-auth/login/";
const REGISTRATION: &str = "/dj-rest-auth/registration/";
const VERIFY: &str = "/dj-rest-auth/token/verify/";
const USER: &str = "/dj-rest-auth/user/";
const REFRESH: &str = "/dj-rest-auth/token/refresh/";

/// Sends ready-made requests in turn, and expects one status.
pub(crate) struct Repeated {
    requests: VecDeque<Vec<u8>>,
    expected: u16,
}

impl Client for Repeated {
    fn ask(&mut self, out: &mut Vec<u8>) {
        if let Some(request) = self.requests.front() {
            out.extend_from_slice(request);
        }
        self.requests.rotate_left(1);
    }

    fn take(&mut self, answer: &Answer<'_>) -> Outcome<()> {
        answer.expect(self.expected)
    }
}

/// Things dealt out among clients like cards, so that no two have the same one.
fn dealt<T>(clients: u32, things: impl IntoIterator<Item = T>) -> Vec<VecDeque<T>> {
    let mut hands: Vec<VecDeque<T>> = (0..clients).map(|_| VecDeque::new()).collect();
    for thing in things {
        if let Some(hand) = hands.first_mut() {
            hand.push_back(thing);
        }
        hands.rotate_left(1);
    }
    hands
}

/// Clients that send these requests in turn.
pub(crate) fn repeated(clients: u32, requests: impl IntoIterator<Item = Vec<u8>>) -> Vec<Repeated> {
    dealt(clients, requests).into_iter().map(|requests| Repeated { requests, expected: 200 }).collect()
}

/// Clients that log in.
pub(crate) fn logins(clients: u32, users: impl IntoIterator<Item = u32>) -> Vec<Repeated> {
    repeated(clients, users.into_iter().map(login))
}

/// Clients that have their access tokens verified.
pub(crate) fn verifications(
    seeded: &Seeded,
    clients: u32,
    users: impl IntoIterator<Item = u32>,
) -> Outcome<Vec<Repeated>> {
    let tokens = seeded.access_tokens(users)?;
    Ok(repeated(clients, tokens.iter().map(|token| verify(token))))
}

/// Clients that ask who they are.
pub(crate) fn readers(
    seeded: &Seeded,
    clients: u32,
    users: impl IntoIterator<Item = u32>,
) -> Outcome<Vec<Repeated>> {
    let tokens = seeded.access_tokens(users)?;
    Ok(repeated(clients, tokens.iter().map(|token| user(token))))
}

pub(crate) fn login(user: u32) -> Vec<u8> {
    let body = format!(r#"{{"username":"{}","password":"{PASSWORD}"}}"#, name_of(user));
    request("POST", LOGIN, None, Some(&body))
}

pub(crate) fn verify(token: &str) -> Vec<u8> {
    request("POST", VERIFY, None, Some(&format!(r#"{{"token":"{token}"}}"#)))
}

pub(crate) fn user(token: &str) -> Vec<u8> {
    request("GET", USER, Some(token), None)
}

pub(crate) fn refresh(token: &str) -> Vec<u8> {
    request("POST", REFRESH, None, Some(&format!(r#"{{"refresh":"{token}"}}"#)))
}

/// Clients that register, each time somebody else.
pub(crate) fn newcomers(clients: u32) -> Vec<Newcomer> {
    let next = Arc::new(AtomicU32::new(0));
    (0..clients).map(|_| Newcomer { next: Arc::clone(&next) }).collect()
}

pub(crate) struct Newcomer {
    next: Arc<AtomicU32>,
}

impl Client for Newcomer {
    fn ask(&mut self, out: &mut Vec<u8>) {
        let name = format!("newcomer{}", self.next.fetch_add(1, Relaxed));
        let body = format!(
            r#"{{"username":"{name}","email":"{name}@example.org","password1":"{PASSWORD}","password2":"{PASSWORD}"}}"#
        );
        out.extend(request("POST", REGISTRATION, None, Some(&body)));
    }

    fn take(&mut self, answer: &Answer<'_>) -> Outcome<()> {
        answer.expect(201)
    }
}

/// Clients that refresh the sessions of some users in turn, each time with the newest token.
pub(crate) fn refreshers(
    seeded: &Seeded,
    clients: u32,
    users: impl IntoIterator<Item = u32>,
) -> Outcome<Vec<Refresher>> {
    let tokens = seeded.refresh_tokens(users)?;
    Ok(dealt(clients, tokens).into_iter().map(|tokens| Refresher { tokens }).collect())
}

pub(crate) struct Refresher {
    tokens: VecDeque<String>,
}

impl Client for Refresher {
    fn ask(&mut self, out: &mut Vec<u8>) {
        out.extend(refresh(&self.tokens.pop_front().unwrap_or_default()));
    }

    fn take(&mut self, answer: &Answer<'_>) -> Outcome<()> {
        answer.expect(200)?;
        self.tokens.push_back(answer.member("refresh")?.to_owned());
        Ok(())
    }
}

/// Clients that change the names of some users in turn.
pub(crate) fn renamers(
    seeded: &Seeded,
    clients: u32,
    users: impl IntoIterator<Item = u32>,
) -> Outcome<Vec<Renamer>> {
    let tokens = seeded.access_tokens(users)?;
    Ok(dealt(clients, tokens).into_iter().map(|tokens| Renamer { tokens, changes: 0 }).collect())
}

pub(crate) struct Renamer {
    tokens: VecDeque<String>,
    changes: u32,
}

impl Client for Renamer {
    fn ask(&mut self, out: &mut Vec<u8>) {
        self.changes += 1;
        // A name that stays as it is would be no event.
        let body = format!(r#"{{"first_name":"Ada {}"}}"#, self.changes);
        out.extend(request("PATCH", USER, self.tokens.front().map(String::as_str), Some(&body)));
        self.tokens.rotate_left(1);
    }

    fn take(&mut self, answer: &Answer<'_>) -> Outcome<()> {
        answer.expect(200)
    }
}
