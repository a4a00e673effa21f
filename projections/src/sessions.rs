//! The read model of sessions: where each user is logged in. Whether a session still counts takes its user's row too.

use domain::{
    Session, SessionId, Time, UserId,
    session::{Client, Event, Start},
};
use sqlx::{Row, SqlitePool, sqlite::SqliteRow};
use store::{Position, Recorded};

use crate::{Cell, ReadModel, UserRow};

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
            position: Position::BEGINNING,
        }
    }
}

impl ReadModel for SessionRow {
    type Aggregate = Session;

    const NAME: &'static str = "sessions";
    const STREAMS: &'static str = "session";
    const KEY: &'static str = "id";
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "user",
        "epoch",
        "started_at",
        "refreshed_at",
        "until",
        "address",
        "agent",
        "revoked_at",
        "position",
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
            self.position.to_sql().into(),
        ]
    }

    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let time = |name| row.try_get::<i64, _>(name).map(Time);
        let id: String = row.try_get("id")?;
        Ok(Self {
            id: id.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            user: UserId(row.try_get("user")?),
            epoch: row.try_get("epoch")?,
            started_at: time("started_at")?,
            refreshed_at: time("refreshed_at")?,
            until: time("until")?,
            address: row.try_get("address")?,
            agent: row.try_get("agent")?,
            revoked_at: row.try_get::<Option<i64>, _>("revoked_at")?.map(Time),
            position: Position::from_sql(row.try_get("position")?),
        })
    }
}

/// The sessions that `user` is logged in with at `now`, the newest first.
pub async fn live(views: &SqlitePool, user: &UserRow, now: Time) -> Result<Vec<SessionRow>, sqlx::Error> {
    let rows = sqlx::query(
        "select * from sessions where user = ? and revoked_at is null and until > ? \
         order by started_at desc, id",
    )
    .bind(user.pk.0)
    .bind(now.0)
    .fetch_all(views)
    .await?;
    let rows = rows.iter().map(SessionRow::from_row).collect::<Result<Vec<_>, _>>()?;
    Ok(rows.into_iter().filter(|session| user.admits(session.id, session.epoch)).collect())
}

/// The sessions revoked at or after a moment: tokens of theirs may still be alive.
pub async fn revoked_since(views: &SqlitePool, moment: Time) -> Result<Vec<SessionId>, sqlx::Error> {
    let ids: Vec<String> = sqlx::query_scalar("select id from sessions where revoked_at >= ?")
        .bind(moment.0)
        .fetch_all(views)
        .await?;
    Ok(ids.iter().filter_map(|id| id.parse().ok()).collect())
}
