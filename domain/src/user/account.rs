//! The state of a registered user and the rules over it.

mod social;

use std::time::Duration;

use super::{ChangePassword, Error, Event, Names, PasswordHash, Proof, Registration, UpdateProfile};
use crate::{
    KeyId, Private, ReservationId, SessionId, Time,
    name::{NameKind, canonical_email, canonical_username, social_name},
};
pub use social::Linked;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Account {
    pub names: Private<Names>,
    pub username_claim: ReservationId,
    /// None once an unverified address was given up to someone else.
    pub email: Option<Address>,
    /// An address that takes the place of `email` when it is verified. Given up with everything that ends all sessions:
    /// whoever asked for it may be the one who is shut out.
    pub pending_email: Option<Pending>,
    /// None where he comes in by linked accounts alone.
    pub password: Option<Private<PasswordHash>>,
    /// By their ids.
    pub linked: Vec<Linked>,
    /// The newest id of a linked account, whether or not it still is one.
    pub last_link: u32,
    /// Raised by everything that ends all sessions; a session is admitted in the epoch it was verified against.
    pub epoch: u32,
    /// The one older session that the last change of password let live.
    pub kept: Option<SessionId>,
    pub active: bool,
    pub registered_at: Time,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    pub email: Private<String>,
    pub claim: ReservationId,
    pub verified: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pending {
    pub email: Private<String>,
    pub claim: ReservationId,
    pub since: Time,
}

impl Account {
    pub(super) fn born(registration: &Registration) -> Self {
        Self {
            names: registration.names.clone(),
            username_claim: registration.username_claim,
            email: registration.email.clone().zip(registration.email_claim).map(|(email, claim)| Address {
                email,
                claim,
                verified: registration.email_verified,
            }),
            pending_email: None,
            password: registration.password.clone(),
            linked: vec![],
            last_link: 0,
            epoch: 0,
            kept: None,
            active: true,
            registered_at: registration.at,
        }
    }

    /// Whether a session may act for this user: he is active, and it is of the current epoch or the one that was kept.
    pub fn admits(&self, session: SessionId, epoch: u32) -> bool {
        self.active && (self.epoch == epoch || self.kept == Some(session))
    }

    /// Whether this is the user's address, and not one that he merely asked for.
    pub fn has_email(&self, email: &str) -> bool {
        self.email.as_ref().and_then(|address| address.email.get()).is_some_and(|held| same(held, email))
    }

    /// Whether a claim under this reservation counts.
    pub fn names_reservation(&self, reservation: ReservationId) -> bool {
        self.username_claim == reservation
            || self.email.as_ref().is_some_and(|address| address.claim == reservation)
            || self.pending_email.as_ref().is_some_and(|pending| pending.claim == reservation)
            || self.linked.iter().any(|linked| linked.account.claim == reservation)
    }

    /// The names that are held for this user, and by which reservations, as far as they can still be read.
    pub fn held_names(&self) -> Vec<(NameKind, String, ReservationId)> {
        let names =
            self.names.get().map(|names| (NameKind::Username, names.username.clone(), self.username_claim));
        let address = self.email.iter().map(|address| (&address.email, address.claim));
        let pending = self.pending_email.iter().map(|pending| (&pending.email, pending.claim));
        let emails = address.chain(pending);
        let emails = emails.filter_map(|(email, claim)| Some((NameKind::Email, email.get()?.clone(), claim)));
        let linked = self.linked.iter().filter_map(|Linked { account, .. }| {
            Some((NameKind::Social, social_name(&account.provider, account.subject.get()?), account.claim))
        });
        names.into_iter().chain(emails).chain(linked).collect()
    }

    /// Whether the address under this reservation may go to someone else: it was never verified, and its link is dead.
    pub fn may_lose(&self, reservation: ReservationId, verify_ttl: Duration, at: Time) -> bool {
        let overdue = |since: Time| at >= since + verify_ttl;
        self.email.as_ref().is_some_and(|address| {
            address.claim == reservation && !address.verified && overdue(self.registered_at)
        }) || self.pending_email.as_ref().is_some_and(|p| p.claim == reservation && overdue(p.since))
    }

    pub(super) fn abandon_claim(
        &self,
        reservation: ReservationId,
        verify_ttl: Duration,
        at: Time,
    ) -> Result<Vec<Event>, Error> {
        if self.names_reservation(reservation) && !self.may_lose(reservation, verify_ttl, at) {
            return Err(Error::NameInUse);
        }
        Ok(vec![Event::ClaimAbandoned { reservation, at }])
    }

    pub(super) fn verify_email(&self, address: &str, at: Time) -> Result<Vec<Event>, Error> {
        let is = |email: &Private<String>| email.get().is_some_and(|held| same(held, address));
        if !self.active {
            return Err(Error::Disabled);
        }
        if self.pending_email.as_ref().is_some_and(|pending| is(&pending.email)) {
            return Ok(vec![Event::EmailChanged { at }]);
        }
        match &self.email {
            Some(held) if is(&held.email) && held.verified => Err(Error::AlreadyVerified),
            Some(held) if is(&held.email) => Ok(vec![Event::EmailVerified { at }]),
            Some(_) | None => Err(Error::ForeignAddress),
        }
    }

    pub(super) fn request_email_change(
        &self,
        proof: Proof,
        email: Private<String>,
        reservation: ReservationId,
        at: Time,
    ) -> Result<Vec<Event>, Error> {
        self.check(proof)?;
        Ok(vec![Event::EmailChangeRequested { email, reservation, at }])
    }

    pub(super) fn change_password(&self, change: ChangePassword) -> Result<Vec<Event>, Error> {
        let ChangePassword { proof, password, keep_session, at } = change;
        self.check(proof)?;
        Ok(vec![Event::PasswordChanged { password, kept: keep_session.then_some(proof.session), at }])
    }

    pub(super) fn reset_password(
        &self,
        epoch: u32,
        password: Private<PasswordHash>,
        at: Time,
    ) -> Result<Vec<Event>, Error> {
        if !self.active {
            return Err(Error::Disabled);
        }
        if epoch != self.epoch {
            return Err(Error::LinkSpent);
        }
        let reset = Event::PasswordReset { password, at };
        Ok([reset].into_iter().chain(self.unlink_unproven(at)).collect())
    }

    pub(super) fn rehash_password(
        &self,
        replaces: &KeyId,
        password: Private<PasswordHash>,
        at: Time,
    ) -> Vec<Event> {
        let still_current = self.password.as_ref().is_some_and(|current| current.key == *replaces);
        if still_current { vec![Event::PasswordRehashed { password, at }] } else { vec![] }
    }

    pub(super) fn update_profile(&self, update: UpdateProfile) -> Result<Vec<Event>, Error> {
        let UpdateProfile { proof, names, claim, at } = update;
        self.check(proof)?;
        if names == self.names && claim.is_none() {
            return Ok(vec![]);
        }
        if claim.is_none() && !self.is_called(&names) {
            return Err(Error::NameInUse);
        }
        Ok(vec![Event::ProfileUpdated { names, username_claim: claim, at }])
    }

    fn is_called(&self, names: &Private<Names>) -> bool {
        let username = |names: &Private<Names>| names.get().map(|names| canonical_username(&names.username));
        username(&self.names) == username(names)
    }

    pub(super) fn disable(&self, at: Time) -> Vec<Event> {
        if self.active { vec![Event::UserDisabled { at }] } else { vec![] }
    }

    pub(super) fn enable(&self, at: Time) -> Vec<Event> {
        if self.active { vec![] } else { vec![Event::UserEnabled { at }] }
    }

    /// Refuses a proof whose user is disabled, or whose session has ended.
    pub fn check(&self, proof: Proof) -> Result<(), Error> {
        if !self.active {
            return Err(Error::Disabled);
        }
        if self.admits(proof.session, proof.epoch) { Ok(()) } else { Err(Error::SessionEnded) }
    }

    pub(super) fn evolve(self, event: &Event) -> Self {
        match event {
            Event::UserRegistered(_) | Event::RegistrationAbandoned { .. } => self,
            Event::ClaimAbandoned { reservation, .. } => self.without_claim(*reservation),
            Event::EmailVerified { .. } => {
                Self { email: self.email.map(|address| Address { verified: true, ..address }), ..self }
            }
            Event::EmailChangeRequested { email, reservation, at } => {
                // Asking again does not make the address safe from others for longer.
                let before = self.pending_email.as_ref().filter(|pending| pending.claim == *reservation);
                let since = before.map_or(*at, |pending| pending.since);
                let pending = Pending { email: email.clone(), claim: *reservation, since };
                Self { pending_email: Some(pending), ..self }
            }
            Event::EmailChanged { .. } => self.with_pending_email(),
            Event::PasswordChanged { password, kept, .. } => {
                self.with_password(password).without_sessions(*kept)
            }
            Event::PasswordReset { password, .. } => self.with_password(password).without_sessions(None),
            Event::PasswordRehashed { password, .. } => self.with_password(password),
            Event::ProfileUpdated { names, username_claim, .. } => Self {
                names: names.clone(),
                username_claim: username_claim.unwrap_or(self.username_claim),
                ..self
            },
            Event::SocialAccountLinked(account) => self.with_linked(account),
            Event::SocialAccountUnlinked { id, .. } => self.without_linked(*id),
            Event::UserDisabled { .. } => Self { active: false, ..self.without_sessions(None) },
            Event::UserEnabled { .. } => Self { active: true, ..self },
        }
    }

    fn with_password(self, password: &Private<PasswordHash>) -> Self {
        Self { password: Some(password.clone()), ..self }
    }

    fn without_sessions(self, kept: Option<SessionId>) -> Self {
        Self { epoch: self.epoch.saturating_add(1), kept, pending_email: None, ..self }
    }

    fn without_claim(self, reservation: ReservationId) -> Self {
        Self {
            email: self.email.filter(|address| address.claim != reservation),
            pending_email: self.pending_email.filter(|pending| pending.claim != reservation),
            ..self
        }
    }

    fn with_pending_email(self) -> Self {
        match self.pending_email {
            Some(Pending { email, claim, .. }) => {
                Self { email: Some(Address { email, claim, verified: true }), pending_email: None, ..self }
            }
            None => self,
        }
    }
}

fn same(one: &str, other: &str) -> bool {
    canonical_email(one) == canonical_email(other)
}
