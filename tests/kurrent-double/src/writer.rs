//! The one who writes: decides about orders one after the other, keeps those that wait together in one go, and answers when they are on
//! disk. Until then nobody sees them, so that no reader sees a position before all earlier ones.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, mpsc};
use std::thread;

use tokio::sync::{oneshot, watch};

use crate::clock;
use crate::event::Outcome;
use crate::file::EventFile;
use crate::ledger::{Ledger, Order};

/// The most orders that are kept together.
const TOGETHER: usize = 256;

struct Job {
    order: Order,
    answer: oneshot::Sender<Outcome>,
}

/// What readers and writers share. Clones are the same log.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    ledger: Arc<RwLock<Ledger>>,
    jobs: mpsc::Sender<Job>,
    /// How many events are shown.
    news: watch::Receiver<usize>,
}

impl Log {
    pub(crate) fn begin(ledger: Ledger, file: EventFile) -> Self {
        let (told, news) = watch::channel(ledger.shown());
        let ledger = Arc::new(RwLock::new(ledger));
        let (jobs, waiting) = mpsc::channel();
        let mut writer = Writer { ledger: ledger.clone(), file, told };
        thread::spawn(move || writer.work(&waiting));
        Self { ledger, jobs, news }
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Ledger> {
        self.ledger.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn news(&self) -> watch::Receiver<usize> {
        self.news.clone()
    }

    /// What became of it; nothing where the disk failed, and nobody knows.
    pub(crate) async fn write(&self, order: Order) -> Option<Outcome> {
        let (answer, outcome) = oneshot::channel();
        self.jobs.send(Job { order, answer }).ok()?;
        outcome.await.ok()
    }
}

struct Writer {
    ledger: Arc<RwLock<Ledger>>,
    file: EventFile,
    told: watch::Sender<usize>,
}

impl Writer {
    /// Ends with the last [`Log`], or when the disk fails: then all that wait are left without an answer.
    fn work(&mut self, waiting: &mpsc::Receiver<Job>) {
        while let Ok(first) = waiting.recv() {
            let jobs: Vec<Job> =
                std::iter::once(first).chain(waiting.try_iter().take(TOGETHER - 1)).collect();
            let mut frames = Vec::new();
            let answers: Vec<_> = jobs.into_iter().map(|job| self.decide(job, &mut frames)).collect();
            if !frames.is_empty() && self.file.keep(&frames).is_err() {
                return;
            }
            let shown = self.ledger.write().unwrap_or_else(PoisonError::into_inner).show();
            self.told.send_replace(shown);
            for (answer, outcome) in answers {
                // Whoever asked may be gone.
                let _ = answer.send(outcome);
            }
        }
    }

    fn decide(&mut self, job: Job, frames: &mut Vec<u8>) -> (oneshot::Sender<Outcome>, Outcome) {
        let mut ledger = self.ledger.write().unwrap_or_else(PoisonError::into_inner);
        let earlier = ledger.len();
        let outcome = ledger.take(job.order, self.file.end(), clock::now());
        let added = ledger.since(earlier);
        if !added.is_empty() {
            self.file.frame(added, frames);
        }
        (job.answer, outcome)
    }
}
