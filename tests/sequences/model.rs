//! What the server should know after any calls, one after the other, and what it should answer to each. Calls at the
//! same moment may have been taken in any order: `explain` keeps every state that some order leads to.

use std::collections::{BTreeMap, BTreeSet};

use super::call::{Answer, Call, Identity, Name};
use crate::support::About;

#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct State {
    /// By the number of the call that registered them.
    users: BTreeMap<usize, User>,
    /// By the number of the call that began them.
    sessions: BTreeMap<usize, Session>,
    /// By address; each is known by its user and the epoch in which it was asked for.
    mails: BTreeMap<(About, usize), Vec<(usize, usize)>>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct User {
    username: Name,
    email: Name,
    verified: bool,
    /// Another address, which takes the place of `email` when its link is opened.
    wanted: Option<Name>,
    password: usize,
    /// How often the password was replaced: links of an earlier one are dead.
    epoch: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Session {
    user: usize,
    /// Which of its refresh tokens is the one that counts.
    generation: usize,
    alive: bool,
}

impl User {
    fn wants(&self, email: usize) -> bool {
        self.wanted.is_some_and(|wanted| wanted.which == email)
    }

    fn has_or_wants(&self, email: usize) -> bool {
        self.email.which == email || self.wants(email)
    }
}

/// A call, its number in the sequence, and what was answered to it.
pub(super) type Told = (usize, Call, Answer);

/// The states in which the server may be after it gave these answers to calls that it got at the same moment.
pub(super) fn explain(states: &BTreeSet<State>, told: &[Told]) -> BTreeSet<State> {
    states.iter().flat_map(|state| state.clone().orders(state, told)).collect()
}

impl State {
    /// Where each order of the calls leads that explains the answers; all of them came in `before`.
    fn orders(self, before: &Self, told: &[Told]) -> BTreeSet<Self> {
        if told.is_empty() {
            return BTreeSet::from([self]);
        }
        let mut explained = BTreeSet::new();
        for (first, (number, call, answer)) in told.iter().enumerate() {
            let mut next = self.clone();
            let predicted = next.take(*number, *call);
            if predicted == *answer || (*answer == Answer::Done && next.ends_all_the_same(before, *call)) {
                let rest = [&told[..first], &told[first + 1..]].concat();
                explained.extend(next.orders(before, &rest));
            }
        }
        explained
    }

    /// To end what another call ends at the same moment is no error: whoever had the right when he came is told that it
    /// is done, and it is.
    fn ends_all_the_same(&mut self, before: &Self, call: Call) -> bool {
        match call {
            Call::LogOut { session, generation } => before.is_current(session, generation),
            Call::EndOthers { session } => {
                let user = before.user_of(session);
                self.end(|number, of| Some(of) == user && number != session);
                user.is_some()
            }
            Call::EndOne { session, other } => {
                let user = before.user_of(session);
                self.end(|number, _| number == other);
                user.is_some() && before.user_of(other) == user
            }
            _ => false,
        }
    }

    /// Takes a call and says what the answer is.
    pub(super) fn take(&mut self, number: usize, call: Call) -> Answer {
        let done = match call {
            Call::Register { username, email, password } => self.register(number, username, email, password),
            Call::LogIn { by, password } => self.log_in(number, by, password),
            Call::LogOut { session, generation } => self.log_out(session, generation),
            Call::Refresh { session, generation } => self.refresh(session, generation),
            Call::ChangePassword { session, to } => self.change_password(session, to),
            Call::Reset { email, mail, to } => self.reset(email.which, mail, to),
            Call::VerifyEmail { email, mail } => self.verify_email(email.which, mail),
            Call::AskForReset { email } => self.ask(About::Reset, email.which),
            Call::AskForVerification { email } => self.ask(About::Verification, email.which),
            Call::ChangeEmail { session, to, password } => self.change_email(session, to, password),
            Call::Rename { session, to } => self.rename(session, to),
            Call::EndOne { session, other } => self.end_one(session, other),
            Call::EndOthers { session } => self.end_others(session),
            Call::ShowUser { session } => return self.shown(session),
            Call::CountSessions { session } => return self.sessions_beside(session),
            Call::VerifyAccess { session } => self.user_of(session).is_some(),
            Call::VerifyRefresh { session, generation } => self.is_current(session, generation),
        };
        if done { Answer::Done } else { Answer::Refused }
    }

    /// How many mails of a kind were asked for.
    pub(super) fn count(&self, about: About, email: usize) -> usize {
        self.mails.get(&(about, email)).map_or(0, Vec::len)
    }

    fn register(&mut self, number: usize, username: Name, email: Name, password: usize) -> bool {
        let is_taken = |user: &User| user.username.which == username.which || user.has_or_wants(email.which);
        if self.users.values().any(is_taken) {
            return false;
        }
        self.users
            .insert(number, User { username, email, verified: false, wanted: None, password, epoch: 0 });
        self.begin(number, number);
        self.mail(About::Verification, number);
        true
    }

    fn log_in(&mut self, number: usize, by: Identity, password: usize) -> bool {
        let is_meant = |user: &User| match by {
            Identity::Username(name) => user.username.which == name.which,
            Identity::Email(name) => user.email.which == name.which,
        };
        let found = self.users.iter().find(|(_, user)| is_meant(user) && user.password == password);
        let Some(user) = found.map(|(user, _)| *user) else {
            return false;
        };
        self.begin(number, user);
        true
    }

    fn begin(&mut self, number: usize, user: usize) {
        self.sessions.insert(number, Session { user, generation: 0, alive: true });
    }

    /// A replaced token ends the session too, and is refused.
    fn log_out(&mut self, session: usize, generation: usize) -> bool {
        let done = self.is_current(session, generation);
        self.end(|number, _| number == session);
        done
    }

    fn refresh(&mut self, session: usize, generation: usize) -> bool {
        if !self.is_current(session, generation) {
            self.end(|number, _| number == session);
            return false;
        }
        self.sessions.entry(session).and_modify(|session| session.generation += 1);
        true
    }

    fn change_password(&mut self, session: usize, to: usize) -> bool {
        let Some(user) = self.user_of(session) else {
            return false;
        };
        self.end(|number, of| of == user && number != session);
        self.replace_password(user, to);
        true
    }

    fn reset(&mut self, email: usize, mail: usize, to: usize) -> bool {
        let Some(user) = self.opened_by(About::Reset, email, mail) else {
            return false;
        };
        self.end(|_, of| of == user);
        self.replace_password(user, to);
        true
    }

    fn replace_password(&mut self, user: usize, to: usize) {
        self.users.entry(user).and_modify(|user| {
            user.password = to;
            user.epoch += 1;
            user.wanted = None;
        });
        self.mail(About::Notice, user);
    }

    fn verify_email(&mut self, email: usize, mail: usize) -> bool {
        let Some(user) = self.opened_by(About::Verification, email, mail) else {
            return false;
        };
        let Some(user) = self.users.get_mut(&user) else {
            return false;
        };
        if let Some(wanted) = user.wanted.take_if(|wanted| wanted.which == email) {
            (user.email, user.verified) = (wanted, true);
            return true;
        }
        !std::mem::replace(&mut user.verified, true)
    }

    /// Nothing changes but that the address is his, until its link is opened.
    fn change_email(&mut self, session: usize, to: Name, password: usize) -> bool {
        let Some(own) = self.user_of(session) else {
            return false;
        };
        let is_taken = |(user, held): (&usize, &User)| {
            if *user == own { held.email.which == to.which } else { held.has_or_wants(to.which) }
        };
        if self.users[&own].password != password || self.users.iter().any(is_taken) {
            return false;
        }
        self.users.entry(own).and_modify(|user| user.wanted = Some(to));
        self.mail_to(to.which, About::Verification, own);
        self.mail(About::Notice, own);
        true
    }

    /// Never tells whether there is anybody to write to.
    fn ask(&mut self, about: About, email: usize) -> bool {
        let is_meant = |user: &User| match about {
            About::Verification => user.wants(email) || (user.email.which == email && !user.verified),
            About::Reset | About::Notice => user.email.which == email,
        };
        if let Some((user, _)) = self.users.iter().find(|(_, user)| is_meant(user)) {
            self.mail_to(email, about, *user);
        }
        true
    }

    fn rename(&mut self, session: usize, to: Name) -> bool {
        let Some(own) = self.user_of(session) else {
            return false;
        };
        if self.users.iter().any(|(user, held)| *user != own && held.username.which == to.which) {
            return false;
        }
        self.users.entry(own).and_modify(|user| user.username = to);
        true
    }

    fn end_others(&mut self, session: usize) -> bool {
        let user = self.user_of(session);
        self.end(|number, of| Some(of) == user && number != session);
        user.is_some()
    }

    fn end_one(&mut self, session: usize, other: usize) -> bool {
        let user = self.user_of(session);
        let done = user.is_some() && self.user_of(other) == user;
        self.end(|number, _| done && number == other);
        done
    }

    fn shown(&self, session: usize) -> Answer {
        let user = self.user_of(session).and_then(|user| self.users.get(&user));
        user.map_or(Answer::Refused, |user| Answer::User { username: user.username, email: user.email.which })
    }

    fn sessions_beside(&self, session: usize) -> Answer {
        let Some(user) = self.user_of(session) else {
            return Answer::Refused;
        };
        let sessions = self.sessions.values().filter(|other| other.alive && other.user == user);
        Answer::Sessions(sessions.count())
    }

    /// To the address that the user has.
    fn mail(&mut self, about: About, user: usize) {
        self.mail_to(self.users[&user].email.which, about, user);
    }

    fn mail_to(&mut self, email: usize, about: About, user: usize) {
        let epoch = self.users[&user].epoch;
        self.mails.entry((about, email)).or_default().push((user, epoch));
    }

    /// Whose link a mail carries, if it still opens anything.
    fn opened_by(&self, about: About, email: usize, mail: usize) -> Option<usize> {
        let (user, epoch) = *self.mails.get(&(about, email))?.get(mail)?;
        let held = self.users.get(&user)?;
        let is_his = held.email.which == email || (about == About::Verification && held.wants(email));
        (held.epoch == epoch && is_his).then_some(user)
    }

    fn end(&mut self, dies: impl Fn(usize, usize) -> bool) {
        for (number, session) in &mut self.sessions {
            session.alive &= !dies(*number, session.user);
        }
    }

    fn user_of(&self, session: usize) -> Option<usize> {
        self.sessions.get(&session).filter(|session| session.alive).map(|session| session.user)
    }

    fn is_current(&self, session: usize, generation: usize) -> bool {
        self.sessions.get(&session).is_some_and(|held| held.alive && held.generation == generation)
    }
}

#[cfg(test)]
mod tests;
