//! Accounts at providers of identities that let a user in: when one may be linked, when it may go, and which ones a reset
//! leaves. Who is known to which provider is looked up elsewhere.

use super::{Account, Address};
use crate::{
    ReservationId, Time,
    user::{Error, Event, Grounds, Identity, SocialAccount, Unlink},
};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Linked {
    pub account: SocialAccount,
    /// The claim of the user's address, if it was verified when this was linked: whoever resets the password by that address
    /// can be taken for the one who linked it.
    pub under: Option<ReservationId>,
}

impl SocialAccount {
    pub(in crate::user) fn first(identity: Identity, at: Time) -> Self {
        Self::numbered(1, identity, at)
    }

    fn numbered(id: u32, identity: Identity, at: Time) -> Self {
        let Identity { provider, subject, claim } = identity;
        Self { id, provider, subject, claim, at }
    }
}

impl Account {
    pub(in crate::user) fn link_social_account(
        &self,
        by: Grounds,
        identity: Identity,
        at: Time,
    ) -> Result<Vec<Event>, Error> {
        match by {
            Grounds::Session(proof) => self.check(proof)?,
            Grounds::Address(address) => self.check_address(&address)?,
        }
        let id = self.last_link.saturating_add(1);
        Ok(vec![Event::SocialAccountLinked(SocialAccount::numbered(id, identity, at))])
    }

    /// An address links only where both sides are sure of it.
    fn check_address(&self, address: &str) -> Result<(), Error> {
        if !self.active {
            return Err(Error::Disabled);
        }
        if !self.has_email(address) {
            return Err(Error::ForeignAddress);
        }
        if self.verified_claim().is_some() { Ok(()) } else { Err(Error::Unverified) }
    }

    pub(in crate::user) fn unlink_social_account(&self, unlink: Unlink) -> Result<Vec<Event>, Error> {
        let Unlink { proof, id, offered, by_address_alone, at } = unlink;
        self.check(proof)?;
        if !self.linked.iter().any(|linked| linked.account.id == id) {
            return Err(Error::NotLinked);
        }
        let mut others = self.linked.iter().map(|linked| &linked.account).filter(|account| account.id != id);
        let by_password = self.password.is_some() && (self.email.is_some() || !by_address_alone);
        if !by_password && !others.any(|account| offered.contains(&account.provider)) {
            return Err(Error::LastWayIn);
        }
        Ok(vec![Event::SocialAccountUnlinked { id, at }])
    }

    /// Takes away what somebody linked before the present address was verified: he may be another one than the one who
    /// reads its mails.
    pub(super) fn unlink_unproven(&self, at: Time) -> impl Iterator<Item = Event> {
        let present = self.email.as_ref().map(|address| address.claim);
        let unproven =
            self.linked.iter().filter(move |linked| linked.under.is_none() || linked.under != present);
        unproven.map(move |linked| Event::SocialAccountUnlinked { id: linked.account.id, at })
    }

    pub(super) fn with_linked(mut self, account: &SocialAccount) -> Self {
        let under = self.verified_claim();
        self.linked.push(Linked { account: account.clone(), under });
        self.last_link = self.last_link.max(account.id);
        self
    }

    pub(super) fn without_linked(mut self, id: u32) -> Self {
        self.linked.retain(|linked| linked.account.id != id);
        self
    }

    fn verified_claim(&self) -> Option<ReservationId> {
        self.email.as_ref().filter(|address| address.verified).map(|Address { claim, .. }| *claim)
    }
}
