//! The read model of users: one row for each, with his names in clear.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use domain::{
    ReservationId, SessionId, Time, User, UserId,
    user::{Event, Names, Registration, SocialAccount},
};
use serde::{Deserialize, Serialize};
use store::{
    Journal, Position, Recorded, StoreError, StreamId,
    log::{from_sql, to_sql},
    together::{Answers, Together},
    views::{Cell, Kind, Row, Statement, Views},
};

use crate::{ReadModel, read_model::columns};

/// How many times at once rows are read.
const READING: usize = 2;

/// What queries know of a user. Names are empty when the data was shredded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    pub pk: UserId,
    pub username: String,
    pub email: Option<String>,
    pub email_claim: Option<ReservationId>,
    pub email_verified: bool,
    pub pending_email: Option<String>,
    pub pending_claim: Option<ReservationId>,
    pub first_name: String,
    pub last_name: String,
    pub active: bool,
    pub epoch: u32,
    pub kept: Option<SessionId>,
    pub epoch_raised_at: Option<Time>,
    pub registered_at: Time,
    /// The accounts that let him in, by their ids.
    pub linked: Vec<LinkedRow>,
    pub version: u64,
    pub position: Position,
}

/// An account at a provider of identities. Without a subject when the data was shredded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedRow {
    pub id: u32,
    pub provider: String,
    pub subject: Option<String>,
    pub linked_at: Time,
}

impl From<&SocialAccount> for LinkedRow {
    fn from(account: &SocialAccount) -> Self {
        Self {
            id: account.id,
            provider: account.provider.clone(),
            subject: account.subject.get().cloned(),
            linked_at: account.at,
        }
    }
}

impl UserRow {
    /// Whether a session may act for this user; says what `Account::admits` says.
    pub fn admits(&self, session: SessionId, epoch: u32) -> bool {
        self.active && (self.epoch == epoch || self.kept == Some(session))
    }

    fn born(pk: UserId, registration: &Registration) -> Self {
        Self {
            pk,
            username: String::new(),
            email: registration.email.as_ref().and_then(|email| email.get().cloned()),
            email_claim: registration.email_claim,
            email_verified: registration.email_verified,
            pending_email: None,
            pending_claim: None,
            first_name: String::new(),
            last_name: String::new(),
            active: true,
            epoch: 0,
            kept: None,
            epoch_raised_at: None,
            registered_at: registration.at,
            linked: vec![],
            version: 0,
            position: Position::BEGINNING,
        }
        .named(registration.names.get())
    }

    fn named(self, names: Option<&Names>) -> Self {
        let Names { username, first_name, last_name } = names.cloned().unwrap_or_default();
        Self { username, first_name, last_name, ..self }
    }

    fn raised(self, kept: Option<SessionId>, at: Time) -> Self {
        Self {
            epoch: self.epoch.saturating_add(1),
            kept,
            epoch_raised_at: Some(at),
            pending_email: None,
            pending_claim: None,
            ..self
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match event {
            Event::UserRegistered(_)
            | Event::RegistrationAbandoned { .. }
            | Event::PasswordRehashed { .. } => self,
            Event::ClaimAbandoned { reservation, .. } => self.without_claim(*reservation),
            Event::EmailVerified { .. } => Self { email_verified: self.email_claim.is_some(), ..self },
            Event::EmailChangeRequested { email, reservation, .. } => {
                Self { pending_email: email.get().cloned(), pending_claim: Some(*reservation), ..self }
            }
            Event::EmailChanged { .. } => self.with_pending_email(),
            Event::PasswordChanged { kept, at, .. } => self.raised(*kept, *at),
            Event::PasswordReset { at, .. } => self.raised(None, *at),
            Event::ProfileUpdated { names, .. } => self.named(names.get()),
            Event::SocialAccountLinked(account) => self.with_linked(account.into()),
            Event::SocialAccountUnlinked { id, .. } => self.without_linked(*id),
            Event::UserDisabled { at } => Self { active: false, ..self.raised(None, *at) },
            Event::UserEnabled { .. } => Self { active: true, ..self },
        }
    }

    fn with_pending_email(self) -> Self {
        if self.pending_claim.is_none() {
            return self;
        }
        Self {
            email: self.pending_email,
            email_claim: self.pending_claim,
            email_verified: true,
            pending_email: None,
            pending_claim: None,
            ..self
        }
    }

    fn with_linked(mut self, linked: LinkedRow) -> Self {
        self.linked.push(linked);
        self
    }

    fn without_linked(mut self, id: u32) -> Self {
        self.linked.retain(|linked| linked.id != id);
        self
    }

    fn without_claim(mut self, reservation: ReservationId) -> Self {
        if self.email_claim == Some(reservation) {
            (self.email, self.email_claim, self.email_verified) = (None, None, false);
        }
        if self.pending_claim == Some(reservation) {
            (self.pending_email, self.pending_claim) = (None, None);
        }
        self
    }
}

impl ReadModel for UserRow {
    type Aggregate = User;

    const NAME: &'static str = "users";
    const STREAMS: &'static str = "user";
    const KEY: &'static str = "pk";
    const KIND_OF_KEY: Kind = Kind::Number;
    const COLUMNS: &'static [(&'static str, Kind)] = &[
        ("pk", Kind::Number),
        ("username", Kind::Text),
        ("email", Kind::Text),
        ("email_claim", Kind::Text),
        ("email_verified", Kind::Number),
        ("pending_email", Kind::Text),
        ("pending_claim", Kind::Text),
        ("first_name", Kind::Text),
        ("last_name", Kind::Text),
        ("active", Kind::Number),
        ("epoch", Kind::Number),
        ("kept", Kind::Text),
        ("epoch_raised_at", Kind::Number),
        ("registered_at", Kind::Number),
        ("linked", Kind::Text),
        ("version", Kind::Number),
        ("position", Kind::Number),
    ];

    fn with(row: Option<Self>, event: &Event, recorded: &Recorded) -> Option<Self> {
        let row = match (row, event) {
            (None, Event::UserRegistered(registration)) => {
                Self::born(recorded.stream.key().parse().ok()?, registration)
            }
            (None, _) => return None,
            (Some(row), _) if row.version >= recorded.version => return Some(row),
            (Some(row), _) => row,
        };
        Some(Self { version: recorded.version, position: recorded.position, ..row.evolve(event) })
    }

    fn key(&self) -> String {
        self.pk.to_string()
    }

    fn cells(&self) -> Vec<Cell> {
        vec![
            self.pk.0.into(),
            (&self.username).into(),
            self.email.as_ref().into(),
            self.email_claim.map(|id| id.to_string()).into(),
            self.email_verified.into(),
            self.pending_email.as_ref().into(),
            self.pending_claim.map(|id| id.to_string()).into(),
            (&self.first_name).into(),
            (&self.last_name).into(),
            self.active.into(),
            self.epoch.into(),
            self.kept.map(|id| id.to_string()).into(),
            self.epoch_raised_at.map(|at| at.0).into(),
            self.registered_at.0.into(),
            serde_json::json!(self.linked).to_string().into(),
            to_sql(self.version).into(),
            self.position.to_sql().into(),
        ]
    }

    fn from_row(mut row: Row) -> Result<Self, sqlx::Error> {
        let id = |text: Option<String>| text.and_then(|id| id.parse().ok());
        Ok(Self {
            pk: UserId(row.number()?),
            username: row.text()?,
            email: row.text_if_any()?,
            email_claim: row.text_if_any().map(id)?,
            email_verified: row.number()? != 0,
            pending_email: row.text_if_any()?,
            pending_claim: row.text_if_any().map(id)?,
            first_name: row.text()?,
            last_name: row.text()?,
            active: row.number()? != 0,
            epoch: row.small()?,
            kept: row.text_if_any()?.and_then(|id| id.parse().ok()),
            epoch_raised_at: row.number_if_any()?.map(Time),
            registered_at: Time(row.number()?),
            linked: serde_json::from_str(&row.text()?).map_err(|error| sqlx::Error::Decode(error.into()))?,
            version: from_sql(row.number()?),
            position: Position::from_sql(row.number()?),
        })
    }
}

/// Reads users as of now.
pub struct UserReader {
    journal: Journal,
    rows: Together<RowReader>,
}

impl UserReader {
    pub fn new(journal: Journal, views: Views) -> Self {
        Self { journal, rows: Together::new(RowReader(views), READING) }
    }

    /// A user's row, and over it what his stream holds beyond it, so that he reads his own writes.
    pub async fn current(&self, pk: UserId) -> Result<Option<UserRow>, StoreError> {
        let row = self.rows.ask(pk).await.map_err(StoreError::Unavailable)?;
        let mut row = row.map_err(|damaged| StoreError::Unavailable(damaged.into()))?;
        let seen = row.as_ref().map_or(0, |row| row.version);
        for recorded in self.journal.log().read_stream(&StreamId::user(pk), seen).await? {
            let event = self.journal.decode::<User>(&recorded).await?;
            row = UserRow::with(row, &event, &recorded);
        }
        Ok(row)
    }
}

/// Reads the rows that are asked for at the same moment in one statement.
struct RowReader(Views);

#[async_trait]
impl Answers for RowReader {
    type Question = UserId;
    /// A row that can't be read is the trouble of its user alone.
    type Answer = Result<Option<UserRow>, Arc<sqlx::Error>>;
    type Error = sqlx::Error;

    async fn answer(&self, pks: Vec<UserId>) -> Result<Vec<Self::Answer>, sqlx::Error> {
        let is_asked_for = self.0.engine().is_among("$1", Kind::Number);
        let sql = format!("select pk, {} from users where pk {is_asked_for}", columns::<UserRow>());
        let asked: Vec<i64> = pks.iter().map(|pk| pk.0).collect();
        let asked = serde_json::to_string(&asked).map_err(|error| sqlx::Error::Encode(error.into()))?;
        let mut found = HashMap::new();
        for mut row in self.0.rows(Statement::made(sql, &[asked.into()])).await? {
            let pk = UserId(row.number()?);
            found.insert(pk, UserRow::from_row(row).map_err(Arc::new));
        }
        Ok(pks.iter().map(|pk| found.get(pk).cloned().transpose()).collect())
    }
}

/// At most `limit` users after a pk, in the order of their pks.
pub async fn list(views: &Views, after: UserId, limit: u32) -> Result<Vec<UserRow>, sqlx::Error> {
    select(views, "where pk > $1 order by pk limit $2", &[after.0.into(), limit.into()]).await
}

/// The users whose epoch rose at or after a moment: some of their older tokens may still be alive.
pub async fn raised_since(views: &Views, moment: Time) -> Result<Vec<UserRow>, sqlx::Error> {
    select(views, "where epoch_raised_at >= $1", &[moment.0.into()]).await
}

async fn select(views: &Views, which: &str, values: &[Cell]) -> Result<Vec<UserRow>, sqlx::Error> {
    let sql = format!("select {} from users {which}", columns::<UserRow>());
    views.rows(Statement::made(sql, values)).await?.into_iter().map(UserRow::from_row).collect()
}
