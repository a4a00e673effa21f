//! The orders that take and give back names, as the commands carry them out: what each reads, one stream at a time, and
//! the plan that it makes of it. Reading is replayed from what was heard before, so that a process can stop anywhere.

use std::time::Duration;

use uuid::Uuid;

use super::{Cell, Name, Place};
use crate::{
    Claim, KeyId, Private, ReservationId, SessionId, Time, User, UserId,
    claim::{Found, Plan, Seen, Terms},
    fold,
    user::{Account, Command, Event, Names, PasswordHash, Proof, Registration, UpdateProfile},
};

/// How long an unverified address is safe from others.
pub(super) const VERIFY_TTL: Duration = Duration::from_hours(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Order {
    Register {
        username: Name,
        email: Name,
    },
    Rename {
        user: i64,
        to: Name,
    },
    AskForEmail {
        user: i64,
        to: Name,
    },
    VerifyEmail {
        user: i64,
        address: Name,
    },
    ResetPassword {
        user: i64,
    },
    /// Of the sweeper: frees a name that was left behind.
    Sweep {
        name: Name,
    },
}

/// Why there is no plan (yet).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Stop {
    ToRead(Place),
    Taken,
    Refused,
}

/// One attempt at an order: what it draws at random, when it began, and what it has read.
pub(super) struct Attempt<'a> {
    /// Sets what it draws apart from what all others draw.
    pub(super) draw: u32,
    pub(super) at: Time,
    pub(super) heard: &'a [Cell],
}

impl Order {
    /// What the order writes, once all that it needs was read.
    pub(super) fn plan(self, mut attempt: Attempt<'_>) -> Result<Plan<Name>, Stop> {
        match self {
            Self::Register { username, email } => attempt.register(username, email),
            Self::Rename { user, to } => attempt.rename(UserId(user), to),
            Self::AskForEmail { user, to } => attempt.ask_for_email(UserId(user), to),
            Self::VerifyEmail { user, address } => attempt.verify_email(UserId(user), address),
            Self::ResetPassword { user } => attempt.reset_password(UserId(user)),
            Self::Sweep { name } => attempt.sweep(name),
        }
    }

    /// Whether a user is as someone was told whose order was acknowledged.
    pub(super) fn is_done(self, user: &User) -> bool {
        let Some(account) = user.account() else { return matches!(self, Self::Sweep { .. }) };
        let address = account.email.as_ref().map(|address| (text(&address.email), address.verified));
        match self {
            Self::Register { username: name, email } => {
                username(account) == name && address == Some((email, false))
            }
            Self::Rename { to, .. } => username(account) == to,
            Self::AskForEmail { to, .. } => {
                account.pending_email.as_ref().is_some_and(|pending| text(&pending.email) == to)
            }
            Self::VerifyEmail { address: verified, .. } => address == Some((verified, true)),
            Self::ResetPassword { .. } => account.pending_email.is_none(),
            Self::Sweep { .. } => true,
        }
    }
}

/// Whatever an account says that it is called or reached by, and the reservation for it.
pub(super) fn uses(account: &Account) -> Vec<(&str, ReservationId)> {
    let email = account.email.iter().map(|address| (text(&address.email), address.claim));
    let pending = account.pending_email.iter().map(|pending| (text(&pending.email), pending.claim));
    [(username(account), account.username_claim)].into_iter().chain(email).chain(pending).collect()
}

/// Someone who was registered before all began.
pub(super) fn born(user: UserId, (username, email): (Name, Name), claims: [ReservationId; 2]) -> User {
    fold(&[Event::UserRegistered(registration(user, (username, email), claims, Time(0)))])
}

/// The pk that an attempt at a registration draws.
pub(super) fn pk(draw: u32) -> UserId {
    UserId(1000 + i64::from(draw))
}

impl Attempt<'_> {
    fn register(&mut self, username: Name, email: Name) -> Result<Plan<Name>, Stop> {
        let pk = pk(self.draw);
        let mut plan = Plan::of(pk, Seen::default());
        let claims = [self.take(&mut plan, username, 1)?, self.take(&mut plan, email, 2)?];
        let registration = registration(pk, (username, email), claims, self.at);
        commit(plan, Command::Register(Box::new(registration)))
    }

    fn rename(&mut self, user: UserId, to: Name) -> Result<Plan<Name>, Stop> {
        let (seen, account) = self.account(user)?;
        let mut plan = Plan::of(user, seen);
        let old = username(&account);
        let claim = if old == to { None } else { Some(self.take(&mut plan, to, 1)?) };
        if claim.is_some() {
            self.release(&mut plan, old, account.username_claim)?;
        }
        let names = names(user, to);
        let update = UpdateProfile { proof: proof(&account), names, claim, at: self.at };
        commit(plan, Command::UpdateProfile(update))
    }

    fn ask_for_email(&mut self, user: UserId, to: Name) -> Result<Plan<Name>, Stop> {
        let (seen, account) = self.account(user)?;
        let mut plan = Plan::of(user, seen);
        let same = account.pending_email.as_ref().filter(|pending| text(&pending.email) == to);
        let reservation = match same {
            Some(pending) => pending.claim,
            None => self.take(&mut plan, to, 1)?,
        };
        if same.is_none() {
            self.release_pending(&mut plan, &account)?;
        }
        let (proof, email) = (proof(&account), private(user, to.to_owned()));
        commit(plan, Command::RequestEmailChange { proof, email, reservation, at: self.at })
    }

    fn verify_email(&mut self, user: UserId, address: Name) -> Result<Plan<Name>, Stop> {
        let (seen, account) = self.account(user)?;
        let mut plan = Plan::of(user, seen);
        let was_asked_for = account.pending_email.as_ref().is_some_and(|p| text(&p.email) == address);
        if let Some(old) = account.email.as_ref().filter(|_| was_asked_for) {
            self.release(&mut plan, text(&old.email), old.claim)?;
        }
        commit(plan, Command::VerifyEmail { address: address.to_owned(), at: self.at })
    }

    fn reset_password(&mut self, user: UserId) -> Result<Plan<Name>, Stop> {
        let (seen, account) = self.account(user)?;
        let mut plan = Plan::of(user, seen);
        self.release_pending(&mut plan, &account)?;
        let password = account.password.clone().ok_or(Stop::Refused)?;
        commit(plan, Command::ResetPassword { epoch: account.epoch, password, at: self.at })
    }

    fn sweep(&mut self, name: Name) -> Result<Plan<Name>, Stop> {
        let found = self.found(name)?;
        Plan::freeing(found, self.at).map_err(|_| Stop::Taken)
    }

    fn found(&mut self, name: Name) -> Result<Found<Name>, Stop> {
        let claim = self.claim(name)?;
        let holder = match claim.state {
            Claim::Held(held) => Some(self.user(held.holder)?),
            Claim::Free => None,
        };
        Ok(Found { name, claim, holder })
    }

    fn take(&mut self, plan: &mut Plan<Name>, name: Name, number: u32) -> Result<ReservationId, Stop> {
        let found = self.found(name)?;
        let reservation = reservation(self.draw * 10 + number);
        let terms = Terms { at: self.at, verify_ttl: VERIFY_TTL };
        plan.take(found, reservation, terms).map_err(|_| Stop::Taken)?;
        Ok(reservation)
    }

    fn release_pending(&mut self, plan: &mut Plan<Name>, account: &Account) -> Result<(), Stop> {
        match &account.pending_email {
            Some(pending) => self.release(plan, text(&pending.email), pending.claim),
            None => Ok(()),
        }
    }

    fn release(&mut self, plan: &mut Plan<Name>, name: &str, reservation: ReservationId) -> Result<(), Stop> {
        let name = super::known(name);
        let claim = self.claim(name)?;
        plan.release(name, claim, reservation);
        Ok(())
    }

    fn account(&mut self, user: UserId) -> Result<(Seen<User>, Account), Stop> {
        let seen = self.user(user)?;
        let account = seen.state.account().cloned().ok_or(Stop::Refused)?;
        Ok((seen, account))
    }

    fn user(&mut self, user: UserId) -> Result<Seen<User>, Stop> {
        match self.next() {
            Some(Cell::User(seen)) => Ok(seen.clone()),
            Some(Cell::Claim(_)) => panic!("a replay went another way"),
            None => Err(Stop::ToRead(Place::User(user))),
        }
    }

    fn claim(&mut self, name: Name) -> Result<Seen<Claim>, Stop> {
        match self.next() {
            Some(Cell::Claim(seen)) => Ok(*seen),
            Some(Cell::User(_)) => panic!("a replay went another way"),
            None => Err(Stop::ToRead(Place::Claim(name))),
        }
    }

    fn next(&mut self) -> Option<&Cell> {
        let (first, rest) = self.heard.split_first()?;
        self.heard = rest;
        Some(first)
    }
}

fn commit(mut plan: Plan<Name>, command: Command) -> Result<Plan<Name>, Stop> {
    plan.commit(command).map_err(|_| Stop::Refused)?;
    Ok(plan)
}

pub(super) fn reservation(number: u32) -> ReservationId {
    ReservationId(Uuid::from_u128(number.into()))
}

fn registration(
    user: UserId,
    (username, email): (Name, Name),
    [username_claim, email_claim]: [ReservationId; 2],
    at: Time,
) -> Registration {
    let (names, email) = (names(user, username), Some(private(user, email.to_owned())));
    let password = Some(private(user, PasswordHash(String::new())));
    let email_claim = Some(email_claim);
    Registration { names, email, password, username_claim, email_claim, email_verified: false, at }
}

fn names(user: UserId, username: Name) -> Private<Names> {
    private(user, Names { username: username.to_owned(), ..Names::default() })
}

fn private<T>(user: UserId, value: T) -> Private<T> {
    Private::new(KeyId::of_user(user), value)
}

fn username(account: &Account) -> &str {
    account.names.get().map_or("", |names| &names.username)
}

fn text(private: &Private<String>) -> &str {
    private.get().map_or("", String::as_str)
}

fn proof(account: &Account) -> Proof {
    Proof { session: SessionId(1), epoch: account.epoch }
}
