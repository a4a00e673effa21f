//! Load without HTTP: callers in the bench itself that do one thing again and again. Knows nothing of what they do.

use std::{cell::Cell, rc::Rc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::Phase;
use crate::failed::{Failed, Outcome};

/// Steps a second of so many callers, counted over `span` after they ran in for `warm`. Belongs on a thread of its own.
pub(crate) async fn rate_of<S>(
    callers: u32,
    (warm, span): (Duration, Duration),
    make: impl Fn() -> S,
) -> Outcome<f64>
where
    S: AsyncFnMut() -> Outcome<()> + 'static,
{
    let phase = Rc::new(Cell::new(Phase::Warm));
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        tasks.spawn_local(call(make(), Rc::clone(&phase)));
    }
    sleep(warm).await;
    phase.set(Phase::Counting);
    let from = Instant::now();
    sleep(span).await;
    phase.set(Phase::Over);
    let seconds = from.elapsed().as_secs_f64();
    let mut steps = 0.0;
    while let Some(task) = tasks.join_next().await {
        steps += task.map_err(|_| Failed::ThreadEnded)??;
    }
    Ok(steps / seconds)
}

async fn call(mut step: impl AsyncFnMut() -> Outcome<()>, phase: Rc<Cell<Phase>>) -> Outcome<f64> {
    let mut steps = 0.0;
    while phase.get() != Phase::Over {
        step().await?;
        if phase.get() == Phase::Counting {
            steps += 1.0;
        }
    }
    Ok(steps)
}
