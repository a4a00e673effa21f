//! What must hold in every world, whoever died and however the steps fell.

use super::{
    Cell, Flaw, PROBE, Place,
    order::{Order, VERIFY_TTL, uses},
    process::{End, Process, Stage, Stepped},
};
use crate::{
    Claim, Time, UserId,
    claim::{Holding, UNDER_WAY},
    user::Account,
};

type Verdict = Result<(), String>;
type Streams = [(Place, Cell)];

fn accounts(streams: &Streams) -> impl Iterator<Item = (UserId, &Account)> {
    streams.iter().filter_map(|(place, cell)| match (place, cell) {
        (Place::User(user), Cell::User(seen)) => Some((*user, seen.state.account()?)),
        _ => None,
    })
}

fn claims(streams: &Streams) -> impl Iterator<Item = (&'static str, Claim)> {
    streams.iter().filter_map(|(place, cell)| match (place, cell) {
        (Place::Claim(name), Cell::Claim(seen)) => Some((*name, seen.state)),
        _ => None,
    })
}

fn users_of<'a>(streams: &'a Streams, name: &'a str) -> impl Iterator<Item = (UserId, &'a Account)> {
    accounts(streams).filter(move |(_, account)| uses(account).iter().any(|(used, _)| *used == name))
}

pub(super) fn no_name_is_doubled(streams: &Streams) -> Verdict {
    for (name, _) in claims(streams) {
        let users: Vec<_> = users_of(streams, name).map(|(user, _)| user.0).collect();
        if users.len() > 1 {
            return Err(format!("a double: {name} is used by {users:?}"));
        }
    }
    Ok(())
}

/// So there is no user but with both his names, and nobody else's claim to one of them counts.
pub(super) fn every_name_in_use_is_held(streams: &Streams) -> Verdict {
    for (user, account) in accounts(streams) {
        for (name, reservation) in uses(account) {
            let claim = claims(streams).find(|(claimed, _)| *claimed == name).map(|(_, claim)| claim);
            let held = matches!(claim, Some(Claim::Held(Holding { holder, reservation: by, .. }))
                if holder == user && by == reservation);
            if !held {
                return Err(format!("{} uses {name}, which is {claim:?}", user.0));
            }
        }
    }
    Ok(())
}

pub(super) fn what_was_told_holds(stepped: &Stepped) -> Verdict {
    match (&stepped.done, &stepped.written) {
        (None, _) => Ok(()),
        (Some(Order::Sweep { .. }), Some(Cell::Claim(seen))) if seen.state == Claim::Free => Ok(()),
        (Some(order), Some(Cell::User(seen))) if order.is_done(&seen.state) => Ok(()),
        (Some(order), written) => Err(format!("{order:?} left {written:?}")),
    }
}

/// Where nobody died, a name that nobody uses is free.
pub(super) fn nothing_is_left_behind(streams: &Streams) -> Verdict {
    for (name, claim) in claims(streams) {
        if claim != Claim::Free && users_of(streams, name).next().is_none() {
            return Err(format!("nobody uses {name}, and it is {claim:?}"));
        }
    }
    Ok(())
}

/// Whoever comes a minute later, when all that was under way is over, gets what nobody holds by right, and nothing else.
pub(super) fn every_name_can_be_taken_after_a_minute(streams: &Streams, now: Time) -> Verdict {
    let later = now + UNDER_WAY;
    for (name, _) in claims(streams).filter(|(name, _)| *name != PROBE) {
        let by_right = users_of(streams, name).any(|(_, account)| {
            let mut used = uses(account).into_iter().filter(|(used, _)| *used == name);
            used.any(|(_, reservation)| !account.may_lose(reservation, VERIFY_TTL, later))
        });
        let mut streams = streams.to_vec();
        let end = alone(&mut streams, Order::Register { username: name, email: PROBE }, later);
        let wanted = if by_right { End::Taken } else { End::Acknowledged };
        if end != wanted {
            return Err(format!("a minute later, whoever wants {name} comes to {end:?}, not {wanted:?}"));
        }
        no_name_is_doubled(&streams).and_then(|()| every_name_in_use_is_held(&streams))?;
    }
    Ok(())
}

/// The number of the process that comes later.
pub(super) const LATE: u32 = 9;

fn alone(streams: &mut Streams, order: Order, now: Time) -> End {
    let mut process = Process::new(LATE, &[order]);
    loop {
        if let Stage::Over(end) = process.stage {
            return end;
        }
        let place = process.next().expect("who is not over has a next step");
        let (_, cell) = streams.iter_mut().find(|(known, _)| *known == place).expect("a known stream");
        let stepped = process.step(cell, now, Flaw::None);
        *cell = stepped.written.unwrap_or_else(|| cell.clone());
        process = stepped.process;
    }
}
