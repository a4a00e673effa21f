//! How many files the process may have open, connections among them: as many as the operating system lets it have.
//! Knows the limit, not who needs it.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For all that is no connection of a client who is served: databases, mails, and clients who are being turned away.
const RESERVE: u64 = 192;

/// Raises the limit as far as the process may, and answers how many of the connections that are wanted it leaves room for.
/// Beyond it nobody could even be told to come back later.
pub(super) fn room_for(wanted: usize) -> usize {
    let Some(limit) = raised() else { return wanted };
    let room = usize::try_from(limit.saturating_sub(RESERVE)).unwrap_or(usize::MAX).max(1);
    if room < wanted {
        tracing::warn!(
            limit,
            connections = room,
            "the limit on open files (ulimit -n) leaves room for fewer connections than api.max_connections"
        );
    }
    room.min(wanted)
}

/// The limit as it is then; none where there is none.
fn raised() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        // Some systems refuse what they call unlimited: then it stays as it is.
        _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
    getrlimit(Resource::Nofile).current
}
