//! The mail worker: for every mail that was asked for, derives the link again, writes it, hands it out and records what
//! came of it. Holds no rule about users, and does not know how a mail travels.

mod pause;
mod progress;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use async_trait::async_trait;
use domain::{
    Mail, Time,
    mail::{Command, FailureReason, LinkTerms, Purpose, Request},
    name::canonical_email,
};
use store::{
    Cause, Context, ExecuteError, Journal, Recorded, StoreError, VaultError, chain, clock,
    link::{LinkKey, Subject, reset_link, verify_email_key},
    node_keys::MacKeys,
};

use tokio::time::timeout;

use crate::{
    Consumer, TryAgain,
    letter::{Brief, ComposeError, Composer, Letter, Secret},
    outbox::{DeliverError, Outbox},
};
use pause::{Life, pause};
use progress::Progress;

/// How events name this worker.
const ACTOR: &str = "mailer";

/// For how long a mail without a link is still worth sending.
const NOTICE_LIFE: Duration = Duration::from_hours(72);

/// When it is looked again whether log and vault can be reached.
const SOON: Duration = Duration::from_secs(1);

/// Sends each mail that was asked for at least once, and only in the worst case twice: when the process dies between
/// handing it out and recording that.
pub struct Mailer {
    journal: Journal,
    keys: RwLock<Arc<MacKeys>>,
    composer: Composer,
    outbox: Arc<dyn Outbox>,
    progress: Progress,
}

/// Why no letter came about.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error("the link can't be made: its key is gone")]
    KeyGone,
    #[error(transparent)]
    Compose(#[from] ComposeError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// How the fate of a mail was decided.
enum Outcome {
    Sent,
    Failed(FailureReason),
}

impl Mailer {
    pub fn new(journal: Journal, keys: Arc<MacKeys>, composer: Composer, outbox: Arc<dyn Outbox>) -> Self {
        Self { journal, keys: RwLock::new(keys), composer, outbox, progress: Progress::default() }
    }

    async fn handle(&self, event: &Recorded) -> Result<(), TryAgain> {
        let mail = match self.journal.load::<Mail>(&event.stream).await {
            Ok(mail) => mail.state,
            Err(error) => return unreadable(event, error),
        };
        let Mail::Requested(request) = mail else {
            self.progress.forget(&event.stream);
            return Ok(());
        };
        let outcome = if self.progress.was_delivered(&event.stream) {
            Outcome::Sent
        } else {
            self.send(event, &request).await?
        };
        self.record(event, &outcome).await
    }

    async fn send(&self, event: &Recorded, request: &Request) -> Result<Outcome, TryAgain> {
        let now = clock::now();
        let life = Life { from: request.at, until: worthless_from(request) };
        if life.is_over(now) {
            return Ok(Outcome::Failed(FailureReason::Expired));
        }
        let Some(to) = request.to.get() else {
            return Ok(Outcome::Failed(FailureReason::Shredded));
        };
        let letter = match self.write(event, request, to).await {
            Ok(letter) => letter,
            Err(WriteError::Vault(error)) => return Err(soon(error)),
            Err(error) => return Ok(refused(event, &error)),
        };
        self.deliver(event, &letter, life).await
    }

    /// Makes one attempt, and breaks it off when the mail is not worth sending any more.
    async fn deliver(&self, event: &Recorded, letter: &Letter, life: Life) -> Result<Outcome, TryAgain> {
        let now = clock::now();
        let attempts = self.progress.begin(&event.stream, life.until, now);
        match timeout(life.left(now), self.outbox.deliver(letter)).await {
            Ok(Ok(())) => {
                self.progress.delivered(&event.stream);
                Ok(Outcome::Sent)
            }
            Ok(Err(error @ DeliverError::Temporary(_))) => {
                let after = pause(self.outbox.pauses(), attempts, life, clock::now());
                Err(TryAgain { cause: error.into(), after })
            }
            Ok(Err(error @ DeliverError::Permanent(_))) => Ok(refused(event, &error)),
            Err(_) => Ok(Outcome::Failed(FailureReason::Expired)),
        }
    }

    async fn write(&self, event: &Recorded, request: &Request, to: &str) -> Result<Letter, WriteError> {
        let link = match &request.link {
            Some(terms) => self.secret(request, terms, to).await?.map(|secret| (secret, terms.expires_at)),
            None => None,
        };
        let brief = Brief { event, purpose: request.purpose, to, at: request.at, link };
        Ok(self.composer.compose(&brief)?)
    }

    /// The secret that the link is checked against when it comes back: over the canonical address, not the written one.
    async fn secret(
        &self,
        request: &Request,
        terms: &LinkTerms,
        to: &str,
    ) -> Result<Option<Secret>, WriteError> {
        let keys = self.keys_with(&terms.key).await?;
        let key = keys.link(&terms.key).ok_or(WriteError::KeyGone)?;
        Ok(derive(key, request, terms, &canonical_email(to)))
    }

    /// The keys; read again when one is asked for that another process may have added. The vault holds a key before any
    /// event names it, so that one missing there opens no link anywhere.
    async fn keys_with(&self, name: &str) -> Result<Arc<MacKeys>, VaultError> {
        let known = Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner));
        if known.link(name).is_some() {
            return Ok(known);
        }
        let held = self.journal.vault().node_keys().await?;
        let Some(fresh) = MacKeys::from(&held).map(Arc::new) else {
            return Ok(known);
        };
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fresh);
        Ok(fresh)
    }

    async fn record(&self, event: &Recorded, outcome: &Outcome) -> Result<(), TryAgain> {
        let (attempt, at) = (self.progress.attempts(&event.stream), clock::now());
        let command = match *outcome {
            Outcome::Sent => Command::RecordSent { attempt, at },
            Outcome::Failed(reason) => Command::RecordFailure { attempt, reason, at },
        };
        let context = Context::because_of(event, ACTOR);
        match self.journal.execute::<Mail>(&context, &event.stream, command).await {
            Ok(_) => {
                self.progress.forget(&event.stream);
                Ok(())
            }
            Err(ExecuteError::Store(
                error @ (StoreError::Corrupt { .. } | StoreError::Unwritable { .. }),
            )) => unreadable(event, error),
            Err(error) => Err(soon(error)),
        }
    }
}

#[async_trait]
impl Consumer for Mailer {
    fn concerns(&self, event: &Recorded) -> bool {
        event.stream.kind() == "mail" && event.event.kind.starts_with("mail.requested.")
    }

    async fn consume(&self, event: &Recorded) -> Result<(), TryAgain> {
        self.handle(event).await
    }
}

fn derive(key: &LinkKey, request: &Request, terms: &LinkTerms, email: &str) -> Option<Secret> {
    let LinkTerms { expires_at, epoch, .. } = *terms;
    let subject = Subject { user: request.user, email, epoch, expires_at: expires_at.seconds() };
    match request.purpose {
        Purpose::VerifyEmail => Some(Secret::VerifyEmail(verify_email_key(key, &subject))),
        Purpose::ResetPassword => Some(Secret::ResetPassword(reset_link(key, &subject))),
        Purpose::PasswordChanged | Purpose::PasswordReset | Purpose::EmailChangeRequested => None,
    }
}

fn worthless_from(request: &Request) -> Time {
    request.link.as_ref().map_or(request.at + NOTICE_LIFE, |terms| terms.expires_at)
}

/// A mail that can't be read will never be sent, and must not keep the others from being.
fn unreadable(event: &Recorded, error: StoreError) -> Result<(), TryAgain> {
    if error.is_of_all() {
        return Err(soon(error));
    }
    tracing::error!(stream = %event.stream, error = chain(&error), "a mail that was asked for can't be read");
    Ok(())
}

/// What is wrong with log or vault is wrong for all mails, and may be over at any moment.
fn soon(cause: impl Into<Cause>) -> TryAgain {
    TryAgain { cause: cause.into(), after: SOON }
}

fn refused(event: &Recorded, error: &(dyn std::error::Error + 'static)) -> Outcome {
    tracing::warn!(stream = %event.stream, error = chain(error), "a mail was given up");
    Outcome::Failed(FailureReason::Refused)
}
