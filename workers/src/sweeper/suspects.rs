//! Claims that may have been left behind: made, and named by no event of their holder yet; or given up by one, and not
//! released yet. Each is looked at anew before it is freed, so that to suspect one for nothing costs two reads and does no harm.

use std::{collections::HashMap, sync::Arc};

use domain::{
    Aggregate, Claim, ReservationId, Time, User,
    claim::{self, Found, Plan, UNDER_WAY},
    name, user,
};
use store::{
    Change, Context, Journal, Position, Recorded, StoreError, StreamId, chain, journal::closed,
    node_keys::MacKeys,
};

use super::SWEEPER;

pub(super) struct Suspects {
    journal: Journal,
    macs: Arc<MacKeys>,
    known: HashMap<ReservationId, Suspect>,
}

#[derive(Clone)]
struct Suspect {
    claim: StreamId,
    /// Where the event stands that made it one.
    position: Position,
    since: Time,
}

impl Suspects {
    pub(super) fn new(journal: Journal, macs: Arc<MacKeys>) -> Self {
        Self { journal, macs, known: HashMap::new() }
    }

    pub(super) fn forget(&mut self) {
        self.known.clear();
    }

    /// Where the first event stands of all that made a claim suspect.
    pub(super) fn oldest(&self) -> Option<Position> {
        self.known.values().map(|suspect| suspect.position).min()
    }

    /// Takes note of the next event. One that can't be read, by its own fault, says nothing of any claim.
    pub(super) async fn note(&mut self, event: &Recorded) -> Result<(), StoreError> {
        let noted = match event.stream.kind() {
            "claim" => self.note_claim(event),
            "user" => self.note_user(event).await,
            _ => Ok(()),
        };
        match noted {
            Err(error) if !error.is_of_all() => {
                let (stream, version) = (&event.stream, event.version);
                let error = chain(&error);
                tracing::warn!(%stream, version, error, "names may stay claimed that an event gave up");
                Ok(())
            }
            noted => noted,
        }
    }

    fn note_claim(&mut self, recorded: &Recorded) -> Result<(), StoreError> {
        match closed::<Claim>(recorded)? {
            claim::Event::Claimed(holding) => {
                self.suspect(holding.reservation, (&recorded.stream, recorded.position, holding.at));
            }
            claim::Event::Released { reservation } => {
                self.known.remove(&reservation);
            }
        }
        Ok(())
    }

    async fn note_user(&mut self, recorded: &Recorded) -> Result<(), StoreError> {
        let event = closed::<User>(recorded)?;
        for reservation in event.reservations() {
            self.known.remove(&reservation);
        }
        if event.may_give_up_names() {
            self.note_given_up(recorded, &event).await?;
        }
        Ok(())
    }

    /// What the user's state named before an event, and names no longer.
    async fn note_given_up(&mut self, recorded: &Recorded, event: &user::Event) -> Result<(), StoreError> {
        let before: User =
            self.journal.load_as_of(&recorded.stream, recorded.version.saturating_sub(1)).await?;
        let held = before.account().map(user::Account::held_names).unwrap_or_default();
        let after = before.evolve(event);
        let given_up = |reservation| !after.account().is_some_and(|user| user.names_reservation(reservation));
        for (kind, name, reservation) in held {
            if given_up(reservation) {
                let claim = self.macs.claim_stream(kind, &name::canonical(kind, &name));
                self.suspect(reservation, (&claim, recorded.position, recorded.recorded_at));
            }
        }
        Ok(())
    }

    fn suspect(&mut self, reservation: ReservationId, (claim, position, since): (&StreamId, Position, Time)) {
        let suspect = || Suspect { claim: claim.clone(), position, since };
        self.known.entry(reservation).or_insert_with(suspect);
    }

    /// Frees what was left behind, of those that have been suspect for as long as an order may be under way.
    pub(super) async fn free_due(&mut self, at: Time) -> Result<(), StoreError> {
        let due = self.known.iter().filter(|(_, suspect)| at.since(suspect.since) >= UNDER_WAY);
        let due: Vec<_> = due.map(|(reservation, suspect)| (*reservation, suspect.claim.clone())).collect();
        for (reservation, claim) in due {
            let is_settled = match self.settle(&claim, reservation, at).await {
                Ok(is_settled) => is_settled,
                // Someone else was first; what he did is looked at the next time.
                Err(StoreError::Conflict { .. }) => false,
                Err(error) if error.is_of_all() => return Err(error),
                Err(error) => {
                    tracing::warn!(%claim, error = chain(&error), "it can't be read whether a name was left behind");
                    true
                }
            };
            if is_settled {
                self.known.remove(&reservation);
            }
        }
        Ok(())
    }

    /// Frees a name, if this reservation holds it and does not count; whether there is no more to be done about it.
    async fn settle(
        &self,
        claim: &StreamId,
        reservation: ReservationId,
        at: Time,
    ) -> Result<bool, StoreError> {
        let seen = self.journal.load_closed::<Claim>(claim).await?;
        let held = match seen.state {
            Claim::Held(held) if held.reservation == reservation => held,
            Claim::Held(_) | Claim::Free => return Ok(true),
        };
        let user = held.holder;
        let holder = self.journal.load_closed::<User>(&StreamId::user(user)).await?;
        let counts = holder.state.account().is_some_and(|account| account.names_reservation(reservation));
        if counts {
            return Ok(true);
        }
        let found = Found { name: claim.clone(), claim: seen.into(), holder: Some(holder.into()) };
        let Ok(plan) = Plan::freeing(found, at) else { return Ok(false) };
        let changes = plan.writes().iter().map(Change::try_from).collect::<Result<_, _>>()?;
        self.journal.append(&Context::of(SWEEPER), changes).await?;
        tracing::info!(%claim, %user, "a name that was left behind is free again");
        Ok(true)
    }
}
