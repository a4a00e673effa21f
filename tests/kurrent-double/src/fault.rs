//! What the double was told to do wrong: which calls, on which streams, how often. And how many calls there were.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tonic::Status;

use crate::answer::{self, Leader};
use crate::connection::Wire;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    Append,
    BatchAppend,
    Read,
    Subscribe,
    Delete,
    Tombstone,
    /// What a client asks when it connects.
    Features,
}

/// A fault of one call. What is done "before" keeps nothing of a write; what is done "after" has kept it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    CutBefore,
    /// For a read: after the first that it answers.
    CutAfter,
    DelayBefore(Duration),
    DelayAfter(Duration),
    NotLeader(Leader),
    AccessDenied,
    Unavailable,
    /// The write is kept, and the server answers that it did not hear of that in time.
    TimeOut,
    /// A subscription comes to an end after its first answer, without an error.
    End,
}

#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0} is none of the calls and faults that there are")]
pub struct Unknown(String);

impl FromStr for Call {
    type Err = Unknown;

    fn from_str(name: &str) -> Result<Self, Unknown> {
        Ok(match name {
            "append" => Self::Append,
            "batch-append" => Self::BatchAppend,
            "read" => Self::Read,
            "subscribe" => Self::Subscribe,
            "delete" => Self::Delete,
            "tombstone" => Self::Tombstone,
            "features" => Self::Features,
            _ => return Err(Unknown(name.to_owned())),
        })
    }
}

impl FromStr for Fault {
    type Err = Unknown;

    /// `cut-before`, `delay-after=250` in milliseconds, `not-leader=127.0.0.1:2113` and so on.
    fn from_str(text: &str) -> Result<Self, Unknown> {
        let unknown = || Unknown(text.to_owned());
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let delay = || value.parse().map(Duration::from_millis).map_err(|_| unknown());
        Ok(match name {
            "cut-before" => Self::CutBefore,
            "cut-after" => Self::CutAfter,
            "delay-before" => Self::DelayBefore(delay()?),
            "delay-after" => Self::DelayAfter(delay()?),
            "not-leader" => {
                let (host, port) = value.rsplit_once(':').ok_or_else(unknown)?;
                Self::NotLeader(Leader { host: host.to_owned(), port: port.parse().map_err(|_| unknown())? })
            }
            "access-denied" => Self::AccessDenied,
            "unavailable" => Self::Unavailable,
            "time-out" => Self::TimeOut,
            "end" => Self::End,
            _ => return Err(unknown()),
        })
    }
}

/// A fault that waits for its call.
#[derive(Debug, Clone)]
pub struct Plan {
    pub call: Call,
    pub fault: Fault,
    pub times: usize,
    /// Only calls on streams whose names begin so. Every call on `$all` is on the stream `$all`.
    pub streams: String,
}

#[derive(Debug, Default)]
pub(crate) struct Faults {
    plans: Mutex<Vec<Plan>>,
    /// How many calls there were of each kind on each stream.
    served: Mutex<HashMap<(Call, String), u64>>,
}

impl Faults {
    pub(crate) fn plan(&self, plan: Plan) {
        lock(&self.plans).push(plan);
    }

    pub(crate) fn forget(&self) {
        lock(&self.plans).clear();
    }

    /// How many calls came in on streams whose names begin so, those that failed included.
    pub(crate) fn served(&self, call: Call, streams: &str) -> u64 {
        let served = lock(&self.served);
        let meant = served.iter().filter(|((of, on), _)| *of == call && on.starts_with(streams));
        meant.map(|(_, calls)| calls).sum()
    }

    /// Counts a call; says what is to go wrong with it.
    fn meet(&self, call: Call, stream: &str) -> Option<Fault> {
        *lock(&self.served).entry((call, stream.to_owned())).or_default() += 1;
        let mut plans = lock(&self.plans);
        let applies = |plan: &Plan| plan.call == call && plan.times > 0 && stream.starts_with(&plan.streams);
        let plan = plans.iter_mut().find(|plan| applies(plan))?;
        plan.times -= 1;
        let fault = plan.fault.clone();
        plans.retain(|plan| plan.times > 0);
        Some(fault)
    }

    /// Does what is to go wrong before a call. What it hands back does the rest.
    pub(crate) async fn enter(&self, call: Call, stream: &str, wire: Wire) -> Result<Passage, Status> {
        let fault = self.meet(call, stream);
        match &fault {
            Some(Fault::CutBefore) => wire.cut_and_say_nothing().await,
            Some(Fault::DelayBefore(delay)) => tokio::time::sleep(*delay).await,
            Some(Fault::NotLeader(leader)) => return Err(answer::not_leader(leader)),
            Some(Fault::AccessDenied) => return Err(answer::access_denied()),
            Some(Fault::Unavailable) => return Err(answer::unavailable()),
            Some(Fault::CutAfter | Fault::DelayAfter(_) | Fault::TimeOut | Fault::End) | None => {}
        }
        Ok(Passage { fault, wire })
    }
}

/// A call on its way through.
#[derive(Debug)]
pub(crate) struct Passage {
    fault: Option<Fault>,
    wire: Wire,
}

impl Passage {
    pub(crate) fn is_the_end(&self) -> bool {
        self.fault == Some(Fault::End)
    }

    /// Does what is to go wrong after a call.
    pub(crate) async fn leave(self) -> Result<(), Status> {
        match self.fault {
            Some(Fault::CutAfter) => self.wire.cut_and_say_nothing().await,
            Some(Fault::DelayAfter(delay)) => tokio::time::sleep(delay).await,
            Some(Fault::TimeOut) => return Err(answer::timed_out()),
            _ => {}
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
