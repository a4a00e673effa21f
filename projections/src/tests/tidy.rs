//! What rebuilds leave beside the live models does not stay: for a week it can be gone back to, or until it is forgotten.

use std::time::Duration;

use store::clock;

use super::*;
use crate::{RebuildError, rebuild};

on_every_engine! {
    models_that_were_replaced_can_be_gone_back_to_for_a_week
    what_a_rebuild_that_died_left_behind_goes_at_once_and_what_can_be_gone_back_to_stays
}

const DAY: Duration = Duration::from_hours(24);

impl House {
    async fn tidy(&self, now: Time) {
        rebuild::tidy(self.views(), now).await.unwrap();
    }

    /// How many tables there are beside the live ones.
    pub(super) async fn left(&self) -> usize {
        self.beside(&["next", "before", "gone", "scratch"]).await
    }

    /// How many tables there are on these shelves.
    pub(super) async fn beside(&self, shelves: &[&str]) -> usize {
        let tables = match self.views().engine() {
            Engine::Sqlite => "select name from sqlite_master where type = 'table'",
            Engine::Postgres => "select tablename::text from pg_tables where schemaname = 'public'",
        };
        let names = self.texts(tables).await.concat();
        names.iter().filter(|name| shelves.iter().any(|shelf| name.ends_with(&format!("_{shelf}")))).count()
    }
}

async fn models_that_were_replaced_can_be_gone_back_to_for_a_week(house: &impl AsyncFn() -> House) {
    let house = house().await;
    house.user(ANN, &[registered(ANN, "ann")]).await;
    house.rebuild().replace().await.unwrap();
    house.tidy(clock::now() + 6 * DAY).await;
    assert_eq!(house.rebuild().roll_back().await.unwrap().events, None);
    house.tidy(clock::now() + 8 * DAY).await;
    assert_eq!(house.left().await, 0);
    let outcome = house.rebuild().roll_back().await;
    assert!(matches!(outcome, Err(RebuildError::NothingBefore)), "{outcome:?}");
    house.rebuild().replace().await.unwrap();
    house.rebuild().roll_back().await.unwrap();
}

async fn what_a_rebuild_that_died_left_behind_goes_at_once_and_what_can_be_gone_back_to_stays(
    house: &impl AsyncFn() -> House,
) {
    let house = house().await;
    house.rebuild().replace().await.unwrap();
    let whole = house.left().await;
    house.sql("create table sessions_next as select * from sessions").await;
    house.sql("create table users_gone as select * from users").await;
    house.tidy(clock::now()).await;
    assert_eq!(house.left().await, whole);
    house.rebuild().roll_back().await.unwrap();
}

#[tokio::test]
async fn what_is_forgotten_is_overwritten() {
    let house = House::on_sqlite().await;
    house.user(ANN, &[registered(ANN, "ann")]).await;
    house.project::<UserRow>(10).await.unwrap();
    house.sql("update users set first_name = 'a name left behind'").await;
    house.rebuild().replace().await.unwrap();
    for found in [true, false] {
        assert_eq!(rebuild::forget(house.views()).await.unwrap(), found);
        assert_eq!(house.left().await, 0);
    }
    assert!(matches!(house.rebuild().roll_back().await, Err(RebuildError::NothingBefore)));
    house.sql("pragma wal_checkpoint(truncate)").await;
    let file = std::fs::read(house.folder.path().join("views.db")).unwrap();
    for (name, is_there) in [("First ann", true), ("a name left behind", false)] {
        assert_eq!(file.windows(name.len()).any(|bytes| bytes == name.as_bytes()), is_there, "{name}");
    }
}
