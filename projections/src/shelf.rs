//! Where tables of the read models lie: the live ones, those of a rebuild, and those that were live before. Knows names and
//! places, and nothing of what is in the tables.

use sqlx::SqliteConnection;
use store::Position;

use crate::{ReadModel, SessionRow, UserRow};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shelf {
    Live,
    /// In a file of its own, attached as `scratch`, that nobody else sees and that need not last.
    Scratch,
    /// Built, and about to become live.
    Next,
    /// Live until the last switch.
    Before,
    /// Live even earlier, or forgotten: nobody goes back to them, and they are removed.
    Gone,
}

impl Shelf {
    const fn ending(self) -> &'static str {
        match self {
            Self::Live | Self::Scratch => "",
            Self::Next => "_next",
            Self::Before => "_before",
            Self::Gone => "_gone",
        }
    }

    /// The name of a table or of an index on this shelf; that of a table is also the role under which its place is kept.
    pub(crate) fn name(self, plain: &str) -> String {
        format!("{plain}{}", self.ending())
    }

    /// What something on this shelf is called where it is live.
    pub(crate) fn plain(self, name: &str) -> &str {
        name.strip_suffix(self.ending()).unwrap_or(name)
    }

    /// A table on this shelf, with the database that it is in.
    pub(crate) fn table(self, table: &str) -> String {
        let schema = if self == Self::Scratch { "scratch" } else { "main" };
        format!("{schema}.{}", self.name(table))
    }
}

/// How far the log was taken into each of the models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) users: Position,
    pub(crate) sessions: Position,
}

impl Places {
    pub(crate) const fn both(position: Position) -> Self {
        Self { users: position, sessions: position }
    }

    /// Where the tables of a shelf stand.
    pub(crate) async fn of(connection: &mut SqliteConnection, shelf: Shelf) -> Result<Self, sqlx::Error> {
        let users = place(connection, &shelf.name(UserRow::NAME)).await?;
        Ok(Self { users, sessions: place(connection, &shelf.name(SessionRow::NAME)).await? })
    }

    /// Writes down where the tables of a shelf stand.
    pub(crate) async fn keep(
        self,
        connection: &mut SqliteConnection,
        place_of: Shelf,
    ) -> Result<(), sqlx::Error> {
        const SQL: &str = "insert or replace into main.kept_checkpoints (role, position) values (?, ?)";
        for (model, place) in [(UserRow::NAME, self.users), (SessionRow::NAME, self.sessions)] {
            let role = place_of.name(model);
            sqlx::query(SQL).bind(role).bind(place.to_sql()).execute(&mut *connection).await?;
        }
        Ok(())
    }

    /// Forgets where the tables of a shelf stood.
    pub(crate) async fn forget(connection: &mut SqliteConnection, shelf: Shelf) -> Result<(), sqlx::Error> {
        sqlx::query("delete from main.kept_checkpoints where role in (?, ?)")
            .bind(shelf.name(UserRow::NAME))
            .bind(shelf.name(SessionRow::NAME))
            .execute(connection)
            .await?;
        Ok(())
    }

    pub(crate) fn first(self) -> Position {
        self.users.min(self.sessions)
    }

    pub(crate) fn last(self) -> Position {
        self.users.max(self.sessions)
    }

    /// The further of two, for each model.
    pub(crate) fn max(self, other: Self) -> Self {
        Self { users: self.users.max(other.users), sessions: self.sessions.max(other.sessions) }
    }

    /// Whether both models are at `other` or beyond it.
    pub(crate) fn reach(self, other: Self) -> bool {
        self.max(other) == self
    }
}

async fn place(connection: &mut SqliteConnection, role: &str) -> Result<Position, sqlx::Error> {
    let found: Option<i64> = sqlx::query_scalar("select position from main.kept_checkpoints where role = ?")
        .bind(role)
        .fetch_optional(connection)
        .await?;
    Ok(found.map_or(Position::BEGINNING, Position::from_sql))
}
