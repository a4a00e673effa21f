//! The read model of sessions: where each user is logged in. Whether a session still counts takes its user's row too.

use std::collections::HashMap;

use domain::{
    Session, SessionId, Time, UserId,
    session::{Client, Event, Start},
};
use store::{
    Position, Recorded,
    views::{Cell, Kind, Row, Statement, Views},
};

use crate::{ReadModel, UserRow, read_model::columns};

/// What queries know of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    pub id: SessionId,
    pub user: UserId,
    pub epoch: u32,
    pub started_at: Time,
    pub refreshed_at: Time,
    pub until: Time,
    pub address: String,
    pub agent: String,
    pub revoked_at: Option<Time>,
    /// Which of the user's linked accounts let him in, if one did.
    pub social: Option<u32>,
    pub position: Position,
}

impl SessionRow {
    fn started(id: SessionId, start: &Start) -> Self {
        let Client { address, agent } =
            start.client.get().cloned().unwrap_or(Client { address: String::new(), agent: String::new() });
        Self {
            id,
            user: start.user,
            epoch: start.epoch,
            started_at: start.at,
            refreshed_at: start.at,
            until: start.until,
            address,
            agent,
            revoked_at: None,
            social: start.social,
            position: Position::BEGINNING,
        }
    }
}

impl ReadModel for SessionRow {
    type Aggregate = Session;

    const NAME: &'static str = "sessions";
    const STREAMS: &'static str = "session";
    const KEY: &'static str = "id";
    const KIND_OF_KEY: Kind = Kind::Text;
    const COLUMNS: &'static [(&'static str, Kind)] = &[
        ("id", Kind::Text),
        ("user", Kind::Number),
        ("epoch", Kind::Number),
        ("started_at", Kind::Number),
        ("refreshed_at", Kind::Number),
        ("until", Kind::Number),
        ("address", Kind::Text),
        ("agent", Kind::Text),
        ("revoked_at", Kind::Number),
        ("social", Kind::Number),
        ("position", Kind::Number),
    ];

    fn with(row: Option<Self>, event: &Event, recorded: &Recorded) -> Option<Self> {
        let row = match (row, event) {
            (Some(row), _) if row.position >= recorded.position => return Some(row),
            (None, Event::SessionStarted(start)) => Self::started(recorded.stream.key().parse().ok()?, start),
            (None, Event::SessionRefreshed { .. } | Event::SessionRevoked { .. }) => return None,
            (Some(row), Event::SessionRefreshed { issue, .. }) if row.revoked_at.is_none() => {
                Self { refreshed_at: issue.iat, ..row }
            }
            (Some(row), Event::SessionStarted(_) | Event::SessionRefreshed { .. }) => row,
            (Some(row), Event::SessionRevoked { at, .. }) => {
                Self { revoked_at: row.revoked_at.or(Some(*at)), ..row }
            }
        };
        Some(Self { position: recorded.position, ..row })
    }

    fn key(&self) -> String {
        self.id.to_string()
    }

    fn cells(&self) -> Vec<Cell> {
        vec![
            self.key().into(),
            self.user.0.into(),
            self.epoch.into(),
            self.started_at.0.into(),
            self.refreshed_at.0.into(),
            self.until.0.into(),
            (&self.address).into(),
            (&self.agent).into(),
            self.revoked_at.map(|at| at.0).into(),
            self.social.map(i64::from).into(),
            self.position.to_sql().into(),
        ]
    }

    fn from_row(mut row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.text()?.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            user: UserId(row.number()?),
            epoch: row.small()?,
            started_at: Time(row.number()?),
            refreshed_at: Time(row.number()?),
            until: Time(row.number()?),
            address: row.text()?,
            agent: row.text()?,
            revoked_at: row.number_if_any()?.map(Time),
            social: row.number_if_any()?.and_then(|id| id.try_into().ok()),
            position: Position::from_sql(row.number()?),
        })
    }
}

/// The sessions that `user` is logged in with at `now`, the newest first.
pub async fn live(views: &Views, user: &UserRow, now: Time) -> Result<Vec<SessionRow>, sqlx::Error> {
    let open = open(views, user, now).await?.into_iter();
    Ok(open.filter(|session| user.admits(session.id, session.epoch)).collect())
}

/// The sessions of `user` that would go on at `now` if what happened to him had not ended them.
pub async fn outlived(views: &Views, user: &UserRow, now: Time) -> Result<Vec<SessionRow>, sqlx::Error> {
    let open = open(views, user, now).await?.into_iter();
    Ok(open.filter(|session| !user.admits(session.id, session.epoch)).collect())
}

/// Those that nobody ended and that are not over.
async fn open(views: &Views, user: &UserRow, now: Time) -> Result<Vec<SessionRow>, sqlx::Error> {
    let sql = format!(
        "select {} from sessions where \"user\" = $1 and revoked_at is null and until > $2 \
         order by started_at desc, id",
        columns::<SessionRow>()
    );
    let rows = views.rows(Statement::made(sql, &[user.pk.0.into(), now.0.into()])).await?;
    rows.into_iter().map(SessionRow::from_row).collect()
}

/// When each of a user's linked accounts let him in for the last time.
pub async fn last_social_logins(views: &Views, user: UserId) -> Result<HashMap<u32, Time>, sqlx::Error> {
    const SQL: &str = "select social, max(started_at) from sessions \
                       where \"user\" = $1 and social is not null group by social";
    let rows = views.rows(Statement::new(SQL, &[user.0.into()])).await?;
    let logins = rows.into_iter().map(|mut row| Ok((row.small()?, Time(row.number()?))));
    logins.collect()
}

/// The sessions revoked at or after a moment: tokens of theirs may still be alive.
pub async fn revoked_since(views: &Views, moment: Time) -> Result<Vec<SessionId>, sqlx::Error> {
    const SQL: &str = "select id from sessions where revoked_at >= $1";
    let rows = views.rows(Statement::new(SQL, &[moment.0.into()])).await?;
    let ids = rows.into_iter().map(|mut row| row.text()).collect::<Result<Vec<_>, _>>()?;
    Ok(ids.iter().filter_map(|id| id.parse().ok()).collect())
}
