//! Who holds a name, and how one is taken and given back: reads what `domain::claim::Plan` decides on, and writes what it
//! decided. A claim counts only if its holder's folded stream names its reservation.

use std::time::Duration;

use domain::{
    Claim, ReservationId, Time, User, UserId,
    claim::{self, Found, Plan, Seen, Terms},
    name::{self, NameKind},
    user::Account,
};
use store::{Change, Context, Loaded, Position, StoreError, StreamId, chain, clock, random};

use super::Accounts;
use crate::config::Verification;

/// A name's holder, folded.
#[derive(Debug)]
pub struct Held {
    pub user: UserId,
    pub loaded: Loaded<User>,
}

impl Accounts {
    /// Whose name this is, if anyone's.
    pub async fn holder(&self, kind: NameKind, name: &str) -> Result<Option<Held>, StoreError> {
        let stream = self.claim_stream(kind, name);
        let Claim::Held(holding) = self.journal.load::<Claim>(&stream).await?.state else {
            return Ok(None);
        };
        let loaded = self.user(holding.holder).await?;
        let counts =
            loaded.state.account().is_some_and(|account| account.names_reservation(holding.reservation));
        Ok(counts.then_some(Held { user: holding.holder, loaded }))
    }

    /// The users whom text may mean: by username, e-mail address or pk.
    pub async fn named(&self, text: &str) -> Result<Vec<(UserId, Account)>, StoreError> {
        let mut users = Vec::new();
        for kind in [NameKind::Username, NameKind::Email] {
            users.extend(self.holder(kind, text).await?.map(|held| held.user));
        }
        users.extend(text.parse::<UserId>().ok());
        users.sort();
        users.dedup();
        let mut found = Vec::new();
        for user in users {
            found.extend(self.account(user).await?.map(|account| (user, account)));
        }
        Ok(found)
    }

    /// Whether the name could not be taken by a new user right now.
    pub async fn is_taken(&self, kind: NameKind, name: &str) -> Result<bool, StoreError> {
        let mut plan = Plan::of(UserId::NOBODY, Seen::default());
        Ok(self.take(&mut plan, (kind, name), clock::now()).await?.is_none())
    }

    /// Plans to take a name, and answers the reservation; nothing if someone else holds it by right.
    pub(super) async fn take(
        &self,
        plan: &mut Plan<StreamId>,
        (kind, name): (NameKind, &str),
        at: Time,
    ) -> Result<Option<ReservationId>, StoreError> {
        let stream = self.claim_stream(kind, name);
        let claim = self.journal.load::<Claim>(&stream).await?;
        let holder = match claim.state {
            Claim::Held(held) => Some(self.user(held.holder).await?.into()),
            Claim::Free => None,
        };
        let found = Found { name: stream, claim: claim.into(), holder };
        let reservation = ReservationId(random::id());
        let terms = Terms { at, verify_ttl: self.grace_of_addresses() };
        Ok(plan.take(found, reservation, terms).is_ok().then_some(reservation))
    }

    /// Plans to give a name back, if this reservation still holds it.
    pub(super) async fn release(
        &self,
        plan: &mut Plan<StreamId>,
        (kind, name): (NameKind, &str),
        reservation: ReservationId,
    ) -> Result<(), StoreError> {
        let stream = self.claim_stream(kind, name);
        let claim = self.journal.load::<Claim>(&stream).await?;
        plan.release(stream, claim.into(), reservation);
        Ok(())
    }

    /// Writes what was planned, then `others`, such as mails and sessions, which follow from it; answers where the last
    /// event stands. Where someone else wrote first, the names that were claimed are given back, so that the order can
    /// start over.
    pub(super) async fn carry_out(
        &self,
        context: &Context,
        plan: &Plan<StreamId>,
        others: Vec<Change>,
    ) -> Result<Position, StoreError> {
        let changes = plan.writes().iter().map(Change::try_from).collect::<Result<_, _>>()?;
        let mut afterwards: Vec<Change> =
            plan.afterwards().iter().map(Change::try_from).collect::<Result<_, _>>()?;
        afterwards.extend(others);
        let outcome = self.journal.append_then(context, changes, afterwards).await;
        if matches!(outcome, Err(StoreError::Conflict { .. })) {
            for (claim, reservation) in plan.claimed() {
                self.give_back(context, claim, *reservation).await;
            }
        }
        outcome
    }

    /// Frees a name that was claimed for an order which came to nothing. A log with transactions holds no such claim.
    async fn give_back(&self, context: &Context, claim: &StreamId, reservation: ReservationId) {
        let freed = async {
            let seen = self.journal.load::<Claim>(claim).await?;
            if let Some(write) = claim::released(claim.clone(), seen.into(), reservation) {
                self.journal.append(context, vec![Change::try_from(&write)?]).await?;
            }
            Ok(())
        };
        match freed.await {
            Ok(()) | Err(StoreError::Conflict { .. }) => {}
            Err(error) => {
                tracing::warn!(error = chain(&error), "a name stays claimed until it is found left behind");
            }
        }
    }

    /// How long an unverified address is safe from others. Where nobody is asked to verify his, it is so for ever.
    fn grace_of_addresses(&self) -> Duration {
        match self.config.email_verification {
            Verification::None => Duration::MAX,
            Verification::Mandatory | Verification::Optional => self.config.verify_ttl,
        }
    }

    fn claim_stream(&self, kind: NameKind, name: &str) -> StreamId {
        self.macs.claim_stream(kind, &name::canonical(kind, name))
    }
}

#[cfg(test)]
mod tests;
