//! Builds the read models anew beside the live ones, from the log alone, and puts them in their place; or only says
//! whether they would differ. Whoever serves goes on meanwhile. Knows neither settings nor terminals.

mod build;
mod page;
mod schema;
mod scratch;
mod switch;
mod tables;
mod tidy;

pub(crate) use tables::hold;
pub use tables::start_over;
pub use tidy::{forget, tidy};

use std::{io, path::PathBuf};

use store::{
    Journal, Position, StoreError,
    views::{Connection, Statements, Views},
};
use tokio::task::JoinError;

use crate::{
    ReadModel, SessionRow, UserRow,
    checksum::{self, Sum},
    shelf::{Places, Shelf},
};
use build::Build;

/// Told again and again how far the work is.
pub type Progress<'a> = &'a (dyn Fn(Step) + Send + Sync);

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// As positions in the log.
    Reading {
        done: u64,
        of: u64,
    },
    Comparing,
    /// In rows.
    Copying {
        done: u64,
        of: u64,
    },
    Switching,
}

#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    #[error(transparent)]
    Log(#[from] StoreError),
    #[error("the database of the read models can't be used")]
    Views(#[from] sqlx::Error),
    #[error("{} can't be used to build in", .path.display())]
    Scratch {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("there are no earlier read models to go back to: none were replaced, or those were forgotten")]
    NothingBefore,
    #[error(
        "a version of Stele has changed the shape of the read models since these were made; `stele rebuild` makes new ones"
    )]
    OtherShape,
    #[error("a part of the rebuild ended, by a bug")]
    Ended(#[from] JoinError),
}

/// What came of it.
#[derive(Debug)]
pub struct Report {
    /// How many events of the log it was made from, which claims and mails are not; none where models were only put back.
    pub events: Option<u64>,
    pub models: Vec<Model>,
}

/// One read model, as built.
#[derive(Debug)]
pub struct Model {
    pub name: &'static str,
    pub rows: u64,
    /// How many aggregates wait at an event that can't be read.
    pub parked: u64,
    /// Where it stood when it was summed up.
    pub position: Position,
    /// In hex.
    pub checksum: String,
    /// That of the live model at the same position; none where it had not come so far.
    pub live_checksum: Option<String>,
}

impl Report {
    /// Whether all models are what the live ones were.
    pub fn is_same(&self) -> bool {
        self.models.iter().all(|model| model.live_checksum.as_ref() == Some(&model.checksum))
    }
}

/// The read models of one installation, to be built anew. Of several at once, each would spoil the other's work.
pub struct Rebuild<'a> {
    pub journal: &'a Journal,
    pub views: &'a Views,
    /// Where the read models are in a file: one that is not there, beside it. It takes as much room as they do, for as long as
    /// this lasts.
    pub scratch: Option<PathBuf>,
    pub progress: Progress<'a>,
}

/// Both models, summed up.
struct Sums {
    users: Sum,
    sessions: Sum,
}

impl Rebuild<'_> {
    /// Builds up to where the live models stand, compares, and changes nothing.
    pub async fn check(&self) -> Result<Report, RebuildError> {
        let mut bench = self.bench().await?;
        let mut build = Build::new(self.journal);
        let until = Places::of(&mut bench, Shelf::Live).await?;
        build.up_to(until, &mut bench, self.progress).await?;
        let report = self.compare(&mut build, &mut bench).await?;
        tables::remove_scratch(&mut bench).await?;
        Ok(report)
    }

    /// Builds up to the end of the log, and puts what was built in the place of the live models.
    pub async fn replace(&self) -> Result<Report, RebuildError> {
        let mut bench = self.bench().await?;
        let mut build = Build::new(self.journal);
        let head = self.journal.log().head().await?;
        build.up_to(Places::both(head), &mut bench, self.progress).await?;
        let report = self.compare(&mut build, &mut bench).await?;
        tables::remove_left_behind(&mut bench).await?;
        tables::make(&mut bench, Shelf::Next).await?;
        let rows = report.models.iter().map(|model| model.rows).sum();
        tables::copy(&mut bench, rows, self.progress).await?;
        build.places.keep(&mut bench, Shelf::Next).await?;
        (self.progress)(Step::Switching);
        switch::go_live(self.journal, &mut bench, Shelf::Next).await?;
        tables::remove_left_behind(&mut bench).await?;
        tables::remove_scratch(&mut bench).await?;
        Ok(report)
    }

    /// Puts the models that were live before the last switch, brought up to the live ones, back in their place, and sums
    /// them up. Those that they replace can be gone back to in turn.
    pub async fn roll_back(&self) -> Result<Report, RebuildError> {
        let mut bench = self.views.connection().await?;
        if !tables::are_there(&mut bench, Shelf::Before).await? {
            return Err(RebuildError::NothingBefore);
        }
        tables::remove_left_behind(&mut bench).await?;
        (self.progress)(Step::Switching);
        switch::go_live(self.journal, &mut bench, Shelf::Before).await?;
        drop(bench);
        let mut live = self.views.snapshot().await?;
        let places = Places::of(&mut live, Shelf::Live).await?;
        let sums = Sums::of(&mut live, Shelf::Live).await?;
        Ok(Report { events: None, models: sums.models(places, None) })
    }

    /// A connection to the read models with an empty scratch at hand.
    async fn bench(&self) -> Result<Connection, RebuildError> {
        let mut bench = self.views.connection().await?;
        if let Some(path) = &self.scratch {
            scratch::attach(&mut bench, path).await?;
        }
        tables::remove_scratch(&mut bench).await?;
        tables::make(&mut bench, Shelf::Scratch).await?;
        Ok(bench)
    }

    /// Sums up what was built, and the live models as of one moment, to which what was built is brought first.
    async fn compare(&self, build: &mut Build<'_>, bench: &mut Connection) -> Result<Report, RebuildError> {
        // Who reads sees the database as it was when he began.
        let mut live = self.views.snapshot().await?;
        let places = Places::of(&mut live, Shelf::Live).await?;
        if !places.reach(build.places) {
            (self.progress)(Step::Comparing);
            let models = Sums::of(bench, Shelf::Scratch).await?.models(build.places, None);
            return Ok(Report { events: Some(build.events), models });
        }
        build.up_to(places, bench, self.progress).await?;
        (self.progress)(Step::Comparing);
        let (anew, live) =
            tokio::try_join!(Sums::of(bench, Shelf::Scratch), Sums::of(&mut live, Shelf::Live))?;
        Ok(Report { events: Some(build.events), models: anew.models(places, Some(live)) })
    }
}

impl Sums {
    async fn of(on: &mut dyn Statements, shelf: Shelf) -> Result<Self, sqlx::Error> {
        let users = checksum::of::<UserRow>(on, shelf).await?;
        Ok(Self { users, sessions: checksum::of::<SessionRow>(on, shelf).await? })
    }

    fn models(self, places: Places, live: Option<Self>) -> Vec<Model> {
        let (users, sessions) = live.map(|live| (live.users.checksum, live.sessions.checksum)).unzip();
        let model = |name, position, sum: Sum, live_checksum| Model {
            name,
            rows: sum.rows,
            parked: sum.parked,
            position,
            checksum: sum.checksum,
            live_checksum,
        };
        vec![
            model(UserRow::NAME, places.users, self.users, users),
            model(SessionRow::NAME, places.sessions, self.sessions, sessions),
        ]
    }
}
