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
    Mail, Private,
    mail::{Command, Failure, FailureReason, LinkTerms, Purpose, Request},
    name::canonical_email,
};
use store::{
    Cause, Context, ExecuteError, Journal, Loaded, Recorded, StoreError, VaultError, chain, clock,
    link::{LinkKey, Subject, reset_link, verify_email_key},
    node_keys::MacKeys,
};

use tokio::time::timeout;

use crate::{
    Consumer, TryAgain,
    letter::{Brief, ComposeError, Composer, Letter, Secret},
    outbox::{Answer, DeliverError, Outbox},
};
use pause::{Life, pause};
use progress::Progress;

/// How events name this worker.
const ACTOR: &str = "mailer";

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
    #[error(transparent)]
    Log(#[from] StoreError),
}

/// How the fate of a mail was decided.
enum Outcome {
    Sent,
    /// And what the receiving side said, if it came to that.
    Failed(FailureReason, Option<Answer>),
}

impl Mailer {
    pub fn new(journal: Journal, keys: Arc<MacKeys>, composer: Composer, outbox: Arc<dyn Outbox>) -> Self {
        Self { journal, keys: RwLock::new(keys), composer, outbox, progress: Progress::default() }
    }

    async fn handle(&self, event: &Recorded) -> Result<(), TryAgain> {
        let mail = match self.journal.load::<Mail>(&event.stream).await {
            Ok(mail) => mail,
            Err(error) => return unreadable(event, error),
        };
        let Mail::Requested(request) = &mail.state else {
            self.progress.forget(&event.stream);
            return Ok(());
        };
        let outcome = if self.progress.was_delivered(&event.stream) {
            Outcome::Sent
        } else {
            self.send(event, request).await?
        };
        let command = self.fate(event, request, outcome);
        self.record(event, mail, command).await
    }

    async fn send(&self, event: &Recorded, request: &Request) -> Result<Outcome, TryAgain> {
        let now = clock::now();
        if request.is_worthless(now) {
            return Ok(self.expired(event));
        }
        let Some(to) = request.to.get() else {
            return Ok(Outcome::Failed(FailureReason::Shredded, None));
        };
        let letter = match self.write(event, request, to).await {
            Ok(letter) => letter,
            Err(WriteError::Vault(error)) => return Err(soon(error)),
            Err(WriteError::Log(error)) => return Err(soon(error)),
            Err(error) => return Ok(refused(event, &error, None)),
        };
        self.deliver(event, &letter, Life { from: request.at, until: request.worthless_from() }).await
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
            Ok(Err(DeliverError::Temporary { source, answer })) => {
                self.progress.answered(&event.stream, answer);
                let after = pause(self.outbox.pauses(), attempts, life, clock::now());
                Err(TryAgain { cause: source, after })
            }
            Ok(Err(DeliverError::Permanent { source, answer })) => {
                Ok(refused(event, source.as_ref(), answer))
            }
            Err(_) => Ok(self.expired(event)),
        }
    }

    fn expired(&self, event: &Recorded) -> Outcome {
        Outcome::Failed(FailureReason::Expired, self.progress.last_answer(&event.stream))
    }

    async fn write(&self, event: &Recorded, request: &Request, to: &str) -> Result<Letter, WriteError> {
        let link = match &request.link {
            Some(terms) => self.secret(request, terms, to).await?.map(|secret| (secret, terms.expires_at)),
            None => None,
        };
        let event = self.first(event).await?;
        let brief = Brief { event: &event, purpose: request.purpose, to, at: request.at, link };
        Ok(self.composer.compose(&brief)?)
    }

    /// The event that asked for the mail at first: whoever gets it again can tell that it is the same mail.
    async fn first(&self, event: &Recorded) -> Result<Recorded, StoreError> {
        if event.version == 1 {
            return Ok(event.clone());
        }
        let stream = self.journal.log().read_stream(&event.stream, 0).await?;
        Ok(stream.into_iter().next().unwrap_or_else(|| event.clone()))
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

    fn fate(&self, event: &Recorded, request: &Request, outcome: Outcome) -> Command {
        let (attempt, at) = (self.progress.attempts(&event.stream), clock::now());
        match outcome {
            Outcome::Sent => Command::RecordSent { attempt, at },
            Outcome::Failed(reason, answer) => {
                let sealed = |Answer(text)| Private::new(request.to.key.clone(), text);
                let answer = answer.map(sealed);
                Command::RecordFailure(Failure { attempt, reason, answer, at })
            }
        }
    }

    async fn record(&self, event: &Recorded, mail: Loaded<Mail>, command: Command) -> Result<(), TryAgain> {
        let context = Context::because_of(event, ACTOR);
        match self.journal.execute_on(&context, &event.stream, mail, command).await {
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
        let kind = event.event.kind.as_str();
        event.stream.kind() == "mail"
            && ["mail.requested.", "mail.retried."].iter().any(|own| kind.starts_with(own))
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
        Purpose::PasswordChanged
        | Purpose::PasswordReset
        | Purpose::EmailChangeRequested
        | Purpose::SocialAccountLinked
        | Purpose::SocialAccountUnlinked => None,
    }
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

fn refused(event: &Recorded, error: &(dyn std::error::Error + 'static), answer: Option<Answer>) -> Outcome {
    tracing::warn!(stream = %event.stream, error = chain(error), "a mail was given up");
    Outcome::Failed(FailureReason::Refused, answer)
}
