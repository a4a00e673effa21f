//! `stele mail …`: what mails look like, whether one arrives, which wait or were given up, and another try. There is no read
//! model of mails: lists are read from the log, from its beginning.

use std::{collections::HashMap, sync::Arc};

use domain::{
    Mail, MailId, Time,
    mail::{Command, Event, Failure, FailureReason, Purpose, Request},
};
use serde_json::{Value, json};
use store::{Context, ExecuteError, Position, Recorded, StoreError, StreamId, chain, clock, random};
use workers::outbox::{Answer, DeliverError};

use super::{OperateError, Site, say, say_json};
use crate::{
    command_line::{MailList, MailPreview, MailRetry, MailTest},
    mails,
    settings::{Outbox, Settings},
    table::{Table, human_time},
};

/// How events name whoever uses the command line.
const ACTOR: &str = "operator";
const BATCH: u32 = 1000;

/// A mail that was not sent.
struct Unsent {
    id: String,
    purpose: Option<Purpose>,
    to: Option<String>,
    asked_at: Time,
    /// None while it waits.
    failure: Option<Failure>,
}

/// What the log says of a mail that was not sent, read without its seals.
struct Trace {
    asked_at: Time,
    position: Position,
    failed: Option<Recorded>,
}

pub(super) async fn list(site: &Site<'_>, asked: MailList) -> Result<(), OperateError> {
    let mut traces: Vec<(StreamId, Trace)> = traces(site).await?.into_iter().collect();
    traces.retain(|(_, trace)| trace.failed.is_some() == asked.failed);
    traces.sort_by_key(|(_, trace)| trace.position);
    let mut unsent = Vec::new();
    for (stream, trace) in traces {
        unsent.push(unseal(site, &stream, trace).await?);
    }
    if asked.printed.json {
        return say_json(&unsent.iter().map(Unsent::to_json).collect());
    }
    if unsent.is_empty() {
        return say(if asked.failed { "No mail was given up." } else { "No mail waits." });
    }
    let headers: &[&str] = if asked.failed {
        &["ID", "KIND", "TO", "ASKED FOR (UTC)", "GIVEN UP (UTC)", "ATTEMPTS", "WHY"]
    } else {
        &["ID", "KIND", "TO", "ASKED FOR (UTC)"]
    };
    let table = Table::new(headers.iter().copied());
    say(&unsent.iter().fold(table, |table, mail| table.row(mail.cells())).to_string())
}

pub(super) async fn retry(site: &Site<'_>, asked: MailRetry) -> Result<(), OperateError> {
    let key = asked.id.strip_prefix("mail-").unwrap_or(&asked.id);
    let unknown = || OperateError::NoMail(asked.id.clone());
    let id: MailId = key.parse().map_err(|_| unknown())?;
    let command = Command::Retry { at: clock::now() };
    let outcome =
        site.backends.journal.execute::<Mail>(&Context::of(ACTOR), &StreamId::mail(id), command).await;
    match outcome {
        Ok(_) => {}
        Err(ExecuteError::Refused(domain::mail::Error::NotRequested)) => return Err(unknown()),
        Err(ExecuteError::Refused(refused)) => return Err(OperateError::Refused(refused.to_string())),
        Err(ExecuteError::Store(error)) => return Err(error.into()),
    }
    if asked.printed.json {
        say_json(&json!({ "id": id.to_string(), "retried": true }))
    } else {
        say(&format!("Mail {id} is tried again."))
    }
}

pub(super) async fn test(settings: &Settings, asked: MailTest) -> Result<(), OperateError> {
    let composer = mails::composer(settings, &settings.links(settings.api.listen))?;
    let letter = composer.test(&asked.to, random::id(), clock::now());
    let letter = letter.map_err(|error| OperateError::Refused(chain(&error)))?;
    let outbox = mails::outbox(settings, |_| ()).await?;
    let (to, place) = (&asked.to, place(settings));
    match outbox.deliver(&letter).await {
        Ok(()) if asked.printed.json => say_json(&json!({ "to": to, "by": place, "taken": true })),
        Ok(()) => say(&format!("The mail to {to} was taken by {place}.")),
        Err(DeliverError::Temporary { source, answer } | DeliverError::Permanent { source, answer }) => {
            let said = answer.map(|Answer(text)| format!(", and said: {text}")).unwrap_or_default();
            Err(OperateError::NotTaken { place, said, source })
        }
    }
}

pub(super) fn preview(settings: &Settings, asked: &MailPreview) -> Result<(), OperateError> {
    let composer = mails::composer(settings, &settings.links(settings.api.listen))?;
    let life = match asked.kind {
        Purpose::ResetPassword => settings.auth.reset_ttl,
        _ => settings.auth.verify_ttl,
    };
    let preview = composer
        .preview(asked.kind, clock::now() + life)
        .map_err(|error| OperateError::Refused(chain(&error)))?;
    let workers::letter::Preview { subject, text, html } = preview;
    if asked.printed.json {
        return say_json(&json!({ "subject": subject, "text": text, "html": html }));
    }
    say(if asked.html { &html } else { &text })
}

fn place(settings: &Settings) -> String {
    match &settings.mail.outbox {
        Outbox::Files(folder) => folder.display().to_string(),
        Outbox::Smtp(url) => url.to_string(),
    }
}

/// Goes through the log, and keeps what was not sent.
async fn traces(site: &Site<'_>) -> Result<HashMap<StreamId, Trace>, StoreError> {
    let log = Arc::clone(site.backends.journal.log());
    let (mut found, mut place) = (HashMap::new(), Position::BEGINNING);
    loop {
        let batch = log.read_all(place, BATCH).await?;
        let Some(last) = batch.last() else { return Ok(found) };
        place = last.position;
        for event in batch.into_iter().filter(|event| event.stream.kind() == "mail") {
            note(&mut found, event);
        }
    }
}

fn note(found: &mut HashMap<StreamId, Trace>, event: Recorded) {
    let (asked_at, position) = (event.recorded_at, event.position);
    match event.event.kind.rsplit_once(".v").map(|(name, _version)| name) {
        Some("mail.sent") => drop(found.remove(&event.stream)),
        Some("mail.failed") => {
            if let Some(trace) = found.get_mut(&event.stream) {
                trace.failed = Some(event);
            }
        }
        Some("mail.retried") => {
            if let Some(trace) = found.get_mut(&event.stream) {
                trace.failed = None;
            }
        }
        _ => drop(found.insert(event.stream, Trace { asked_at, position, failed: None })),
    }
}

async fn unseal(site: &Site<'_>, stream: &StreamId, trace: Trace) -> Result<Unsent, StoreError> {
    let journal = &site.backends.journal;
    let request = match journal.load::<Mail>(stream).await?.state {
        Mail::Requested(request) | Mail::Failed(request) => Some(request),
        Mail::Unrequested | Mail::Sent => None,
    };
    let failure = match trace.failed {
        Some(event) => match journal.decode::<Mail>(&event).await? {
            Event::MailFailed(failure) => Some(failure),
            _ => None,
        },
        None => None,
    };
    let to = request.as_ref().and_then(|request| request.to.get().cloned());
    let purpose = request.map(|Request { purpose, .. }| purpose);
    Ok(Unsent { id: stream.key().to_owned(), purpose, to, asked_at: trace.asked_at, failure })
}

impl Unsent {
    fn to_json(&self) -> Value {
        let mut shown = json!({
            "id": self.id,
            "kind": self.purpose.map(Purpose::as_str),
            "to": self.to,
            "asked_at": clock::rfc3339(self.asked_at),
        });
        if let (Some(failure), Some(fields)) = (&self.failure, shown.as_object_mut()) {
            fields.insert("failed_at".to_owned(), json!(clock::rfc3339(failure.at)));
            fields.insert("attempts".to_owned(), json!(failure.attempt));
            fields.insert("reason".to_owned(), json!(failure.reason));
            fields.insert("answer".to_owned(), json!(self.answer()));
        }
        shown
    }

    fn answer(&self) -> Option<&str> {
        self.failure.as_ref()?.answer.as_ref()?.get().map(String::as_str)
    }

    fn cells(&self) -> Vec<String> {
        let kind = self.purpose.map_or("", Purpose::as_str).to_owned();
        let to = self.to.clone().unwrap_or_else(|| "(destroyed)".to_owned());
        let mut cells = vec![self.id.clone(), kind, to, human_time(self.asked_at)];
        if let Some(failure) = &self.failure {
            let why = match failure.reason {
                FailureReason::Expired => "expired",
                FailureReason::Refused => "refused",
                FailureReason::Shredded => "its data was destroyed",
            };
            let why = self.answer().map_or(why.to_owned(), |answer| format!("{why}: {answer}"));
            cells.extend([human_time(failure.at), failure.attempt.to_string(), why]);
        }
        cells
    }
}
