//! Where tables of the read models lie: the live ones, those of a rebuild, and those that were live before. Knows names and
//! places, and nothing of what is in the tables.

use store::{
    Position,
    views::{Engine, Statement, Statements},
};

use crate::{ReadModel, SessionRow, UserRow};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shelf {
    Live,
    /// Where models are built, which nobody reads and which need not last: on SQLite in a file of its own, attached as `scratch`.
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
            Self::Live => "",
            Self::Scratch => "_scratch",
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

    /// A table on this shelf, with the database that it is in where a connection may have several.
    pub(crate) fn table(self, engine: Engine, table: &str) -> String {
        match (engine, self) {
            (Engine::Sqlite, Self::Scratch) => format!("scratch.{table}"),
            (Engine::Sqlite, _) => format!("main.{}", self.name(table)),
            (Engine::Postgres, _) => self.name(table),
        }
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
    pub(crate) async fn of(on: &mut dyn Statements, shelf: Shelf) -> Result<Self, sqlx::Error> {
        let users = place(on, &shelf.name(UserRow::NAME)).await?;
        Ok(Self { users, sessions: place(on, &shelf.name(SessionRow::NAME)).await? })
    }

    /// Writes down where the tables of a shelf stand.
    pub(crate) async fn keep(self, on: &mut dyn Statements, place_of: Shelf) -> Result<(), sqlx::Error> {
        const SQL: &str = "insert into kept_checkpoints (role, position) values ($1, $2) \
             on conflict (role) do update set position = excluded.position";
        for (model, place) in [(UserRow::NAME, self.users), (SessionRow::NAME, self.sessions)] {
            let values = [place_of.name(model).into(), place.to_sql().into()];
            on.run(Statement::new(SQL, &values)).await?;
        }
        Ok(())
    }

    /// Forgets where the tables of a shelf stood.
    pub(crate) async fn forget(on: &mut dyn Statements, shelf: Shelf) -> Result<(), sqlx::Error> {
        const SQL: &str = "delete from kept_checkpoints where role in ($1, $2)";
        let roles = [shelf.name(UserRow::NAME).into(), shelf.name(SessionRow::NAME).into()];
        on.run(Statement::new(SQL, &roles)).await.map(drop)
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

pub(crate) async fn place(on: &mut dyn Statements, role: &str) -> Result<Position, sqlx::Error> {
    const SQL: &str = "select position from kept_checkpoints where role = $1";
    let rows = on.rows(Statement::new(SQL, &[role.into()])).await?;
    let found = rows.into_iter().next().map(|mut row| row.number()).transpose()?;
    Ok(found.map_or(Position::BEGINNING, Position::from_sql))
}
