//! Who holds a name, and how one is taken. A claim counts only if its holder's folded stream names its reservation; one
//! that does not count is taken over only behind a fence on the holder's stream.

use std::time::Duration;

use domain::{
    Aggregate, Claim, ReservationId, Time, User, UserId,
    claim::{self, Holding},
    name::{self, NameKind},
    user::{self, Account},
};
use store::{Change, Loaded, StoreError, StreamId, random};

use super::Accounts;
use crate::config::Verification;

/// How old a claim must be before it is taken for one that was left behind, and not for one that is under way.
const UNDER_WAY: Duration = Duration::from_mins(1);

/// A name's holder, folded.
#[derive(Debug)]
pub struct Held {
    pub user: UserId,
    pub loaded: Loaded<User>,
}

/// A name that can be taken, and the changes that take it.
pub(super) struct Taken {
    pub(super) reservation: ReservationId,
    pub(super) changes: Vec<Change>,
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
        Ok(self.take(kind, name, UserId(0), store::clock::now()).await?.is_none())
    }

    /// What it takes for `holder` to hold the name; nothing if someone else holds it by right.
    pub(super) async fn take(
        &self,
        kind: NameKind,
        name: &str,
        holder: UserId,
        at: Time,
    ) -> Result<Option<Taken>, StoreError> {
        let stream = self.claim_stream(kind, name);
        let claim = self.journal.load::<Claim>(&stream).await?;
        let reservation = ReservationId(random::id());
        let next = Holding { holder, reservation, at };
        let (mut changes, command) = match claim.state {
            Claim::Free => (vec![], claim::Command::Claim(next)),
            Claim::Held(held) => match self.fence(held, holder, at).await? {
                Some(fence) => (fence, claim::Command::TakeOver { from: held.reservation, next }),
                None => return Ok(None),
            },
        };
        let Ok(events) = claim.state.decide(command) else {
            return Ok(None);
        };
        changes.push(Change::of::<Claim>(stream, claim.version, &events)?);
        Ok(Some(Taken { reservation, changes }))
    }

    /// Gives a name back, if this reservation still holds it.
    pub(super) async fn release(
        &self,
        kind: NameKind,
        name: &str,
        reservation: ReservationId,
    ) -> Result<Option<Change>, StoreError> {
        let stream = self.claim_stream(kind, name);
        let claim = self.journal.load::<Claim>(&stream).await?;
        match claim.state.decide(claim::Command::Release(reservation)) {
            Ok(events) if !events.is_empty() => Change::of::<Claim>(stream, claim.version, &events).map(Some),
            Ok(_) | Err(claim::Error::Held) => Ok(None),
        }
    }

    /// What must be written to the holder's stream before his claim may be taken over by `next`; nothing if it must not
    /// be. Where both are one, what `next` is about to write to that stream is the fence.
    async fn fence(&self, held: Holding, next: UserId, at: Time) -> Result<Option<Vec<Change>>, StoreError> {
        let stream = StreamId::user(held.holder);
        let holder = self.users.load(&self.journal, &stream).await?;
        let named = holder.state.account().is_some_and(|account| account.names_reservation(held.reservation));
        if held.holder == next {
            return Ok((!named).then(Vec::new));
        }
        let left_behind = at.since(held.at) >= UNDER_WAY;
        let command = match &holder.state {
            User::Abandoned => return Ok(Some(vec![])),
            User::Unborn if left_behind => user::Command::AbandonRegistration { at },
            User::Registered(_) if left_behind || named => {
                let verify_ttl = self.grace_of_addresses();
                user::Command::AbandonClaim { reservation: held.reservation, verify_ttl, at }
            }
            User::Unborn | User::Registered(_) => return Ok(None),
        };
        match holder.state.decide(command) {
            Ok(events) => Ok(Some(vec![Change::of::<User>(stream, holder.version, &events)?])),
            Err(_) => Ok(None),
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
