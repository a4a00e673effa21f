//! Models made anew: they are the live ones, at whatever positions those stand, they take their place under a projector who
//! goes on, and they can be gone back from.

use store::{follow::Settled, vault::Destroyed};
use tokio::sync::Notify;

use super::{
    history::{Dice, live_through, project_all, rows_are_folds},
    poison::{Alarms, slip_in},
    *,
};
use crate::{
    Rebuild, RebuildError,
    rebuild::{Report, Step, start_over},
};

on_every_engine! {
    what_is_built_is_what_is_live_wherever_each_model_stands
    a_projector_that_holds_its_place_goes_on_over_a_switch
    each_switch_leaves_every_table_with_its_indexes_by_the_names_that_belong_to_it
    models_of_another_shape_are_not_gone_back_to
    what_a_migration_does_to_the_live_models_is_done_to_all_that_are_built_later
    a_rollback_brings_back_what_was_live_with_what_happened_since
    what_a_dead_rebuild_left_behind_is_cleared_away_by_the_next
    a_rebuild_that_came_to_no_switch_leaves_what_can_be_gone_back_to
    read_models_of_another_log_are_forgotten_with_those_that_were_live_before
    an_event_that_cannot_be_read_parks_its_user_in_the_new_models_too
    a_row_that_still_shows_what_was_shredded_differs_and_a_rebuild_mends_it
    no_change_of_a_row_leaves_the_checksum_as_it_was
    the_checksum_agrees_with_another_implementation
}

fn unseen(_: Step) {}

impl House {
    pub(super) fn rebuild(&self) -> Rebuild<'_> {
        Rebuild {
            journal: &self.journal,
            views: self.views(),
            scratch: Some(self.folder.path().join("views.db.rebuild")),
            progress: &unseen,
        }
    }

    async fn check(&self) -> Report {
        self.rebuild().check().await.unwrap()
    }

    /// The indexes of read models, each with the table that it belongs to before it.
    async fn indexes(&self) -> Vec<(String, String)> {
        let sql = match self.views().engine() {
            Engine::Sqlite => {
                "select tbl_name, name from sqlite_master \
                 where type = 'index' and sql is not null and name not glob 'kept_*' order by 1, 2"
            }
            Engine::Postgres => {
                "select tablename::text, indexname::text from pg_indexes \
                 where schemaname = 'public' and tablename !~ '^(kept|_sqlx)_' order by 1, 2"
            }
        };
        let pairs = self.texts(sql).await.into_iter();
        pairs.map(|row| <[String; 2]>::try_from(row).unwrap().into()).collect()
    }
}

fn checksums(report: &Report) -> Vec<&str> {
    report.models.iter().map(|model| model.checksum.as_str()).collect()
}

async fn what_is_built_is_what_is_live_wherever_each_model_stands(house: &impl AsyncFn() -> House) {
    let (house, mut dice) = (house().await, Dice(11));
    live_through(&house, &mut dice).await;
    assert!(house.check().await.is_same(), "before the first event, both are empty");
    let batch = house.log().read_all(Position::BEGINNING, 170).await.unwrap();
    house.projector::<UserRow>().take(&batch, &house.lease::<UserRow>().await).await.unwrap();
    house.projector::<SessionRow>().take(&batch[..90], &house.lease::<SessionRow>().await).await.unwrap();
    let report = house.check().await;
    assert!(report.is_same(), "{report:?}");
    let places: Vec<u64> = report.models.iter().map(|model| model.position.0).collect();
    assert_eq!((places, report.events), (vec![170, 90], Some(170)));
    project_all(&house, 1000).await;
    assert!(house.check().await.is_same());
}

async fn a_projector_that_holds_its_place_goes_on_over_a_switch(house: &impl AsyncFn() -> House) {
    let (house, mut dice) = (house().await, Dice(12));
    live_through(&house, &mut dice).await;
    let all = house.everything().await;
    let (users, sessions) = (house.lease::<UserRow>().await, house.lease::<SessionRow>().await);
    for batch in all.chunks(60) {
        house.projector::<UserRow>().take(batch, &users).await.unwrap();
        house.projector::<SessionRow>().take(batch, &sessions).await.unwrap();
        assert!(house.check().await.is_same(), "its place is where its rows stand");
        // Builds up to the end of the log, ahead of the projectors, whose next batches tell it nothing new.
        house.rebuild().replace().await.unwrap();
        rows_are_folds(&house).await;
        assert!(house.check().await.is_same());
    }
    live_through(&house, &mut dice).await;
    project_all(&house, 50).await;
    rows_are_folds(&house).await;
}

async fn each_switch_leaves_every_table_with_its_indexes_by_the_names_that_belong_to_it(
    house: &impl AsyncFn() -> House,
) {
    let house = house().await;
    house.user(ANN, &[registered(ANN, "ann")]).await;
    let fresh = house.indexes().await;
    let before = fresh.iter().map(|(table, index)| (format!("{table}_before"), format!("{index}_before")));
    let mut both: Vec<_> = fresh.iter().cloned().chain(before).collect();
    both.sort();
    for round in 0..4 {
        house.rebuild().replace().await.unwrap();
        if round == 2 {
            house.rebuild().roll_back().await.unwrap();
        }
        assert_eq!(house.indexes().await, both, "{round}");
        if house.views().engine() == Engine::Sqlite {
            let sound = house.texts("select integrity_check from pragma_integrity_check").await;
            assert_eq!(sound, [["ok"]], "{round}");
        }
    }
}

/// What migrations may do to the live tables.
const MIGRATIONS: [&str; 4] = [
    "alter table users add column nickname text",
    "drop index users_by_epoch",
    "create index users_by_version on users (version)",
    "alter table parked rename column reason to cause",
];

async fn models_of_another_shape_are_not_gone_back_to(house: &impl AsyncFn() -> House) {
    for migration in MIGRATIONS {
        let house = house().await;
        house.user(ANN, &[registered(ANN, "ann")]).await;
        house.rebuild().replace().await.unwrap();
        house.sql(migration).await;
        let outcome = house.rebuild().roll_back().await;
        assert!(matches!(outcome, Err(RebuildError::OtherShape)), "{migration}: {outcome:?}");
    }
}

async fn what_a_migration_does_to_the_live_models_is_done_to_all_that_are_built_later(
    house: &impl AsyncFn() -> House,
) {
    let house = house().await;
    house.user(ANN, &[registered(ANN, "ann")]).await;
    house.rebuild().replace().await.unwrap();
    for migration in &MIGRATIONS[..3] {
        house.sql(migration).await;
    }
    for _ in 0..2 {
        house.rebuild().replace().await.unwrap();
        let outcome = house.rebuild().roll_back().await;
        assert!(outcome.is_ok(), "{outcome:?}");
    }
    let indexes = house.indexes().await;
    let of_users = indexes.iter().filter(|(table, index)| table == "users" && index != "users_pkey");
    let of_users: Vec<_> = of_users.map(|(_, index)| index.as_str()).collect();
    assert_eq!(of_users, ["users_by_version"], "{indexes:?}");
}

async fn a_rollback_brings_back_what_was_live_with_what_happened_since(house: &impl AsyncFn() -> House) {
    let house = house().await;
    assert!(matches!(house.rebuild().roll_back().await, Err(RebuildError::NothingBefore)));
    house.user(ANN, &[registered(ANN, "ann")]).await;
    project_all(&house, 10).await;
    house.sql("update users set first_name = 'left behind'").await;
    let replaced = house.rebuild().replace().await.unwrap();
    assert!(!replaced.is_same() && house.check().await.is_same());
    // More than are taken in the transaction of a switch, and then few enough for it.
    for (more, first_name) in [(100..400, "left behind"), (400..403, "First ann")] {
        for pk in more.clone().map(UserId) {
            house.user(pk, &[registered(pk, "more")]).await;
        }
        project_all(&house, 1000).await;
        let ahead = UserId(1000 + more.end);
        house.user(ahead, &[registered(ahead, "not seen by the projector")]).await;
        house.rebuild().roll_back().await.unwrap();
        assert_eq!(house.row::<UserRow>(ANN).await.unwrap().first_name, first_name);
        assert!(house.row::<UserRow>(UserId(more.end - 1)).await.is_some());
        assert_eq!(house.row::<UserRow>(ahead).await, None);
    }
    assert!(house.check().await.is_same());
}

async fn what_a_dead_rebuild_left_behind_is_cleared_away_by_the_next(house: &impl AsyncFn() -> House) {
    let house = house().await;
    house.user(ANN, &[registered(ANN, "ann")]).await;
    project_all(&house, 10).await;
    house.sql("create table users_next as select * from users").await;
    house.sql("create table users_before as select * from users").await;
    house.sql("create table users_gone as select * from users").await;
    house.rebuild().replace().await.unwrap();
    house.rebuild().replace().await.unwrap();
    assert!(house.check().await.is_same());
    assert_eq!(house.beside(&["next", "gone", "scratch"]).await, 0);
    assert!(!house.folder.path().join("views.db.rebuild").exists());
}

async fn a_rebuild_that_came_to_no_switch_leaves_what_can_be_gone_back_to(house: &impl AsyncFn() -> House) {
    let house = house().await;
    house.user(ANN, &[registered(ANN, "ann")]).await;
    project_all(&house, 10).await;
    house.sql("update users set first_name = 'left behind'").await;
    house.rebuild().replace().await.unwrap();
    let copying = Notify::new();
    let progress = |step| {
        if matches!(step, Step::Copying { .. }) {
            copying.notify_one();
        }
    };
    let rebuild = Rebuild { progress: &progress, ..house.rebuild() };
    tokio::select! {
        biased;
        () = copying.notified() => {}
        outcome = rebuild.replace() => panic!("it came to its end: {outcome:?}"),
    }
    house.rebuild().roll_back().await.unwrap();
    assert_eq!(house.row::<UserRow>(ANN).await.unwrap().first_name, "left behind");
    house.rebuild().replace().await.unwrap();
    assert_eq!(house.row::<UserRow>(ANN).await.unwrap().first_name, "First ann");
}

async fn read_models_of_another_log_are_forgotten_with_those_that_were_live_before(
    house: &impl AsyncFn() -> House,
) {
    let house = house().await;
    house.user(ANN, &[registered(ANN, "ann")]).await;
    house.desk.settle(house.log().log_id(), Position(1), start_over).await.unwrap();
    house.rebuild().replace().await.unwrap();
    house.sql("create table sessions_gone as select * from sessions").await;
    let settled = house.desk.settle("another", Position(1), start_over).await.unwrap();
    assert_eq!(settled, Settled::StartedOver);
    assert_eq!(house.row::<UserRow>(ANN).await, None);
    assert_eq!(house.left().await, 0);
    assert!(matches!(house.rebuild().roll_back().await, Err(RebuildError::NothingBefore)));
}

async fn an_event_that_cannot_be_read_parks_its_user_in_the_new_models_too(house: &impl AsyncFn() -> House) {
    let house = house().await;
    house.user(ANN, &[registered(ANN, "before")]).await;
    slip_in(&house, &StreamId::user(ANN), "user.teleported.v1", "{}", None).await;
    house.user(ANN, &[renamed(ANN, "after")]).await;
    house.user(BOB, &[registered(BOB, "bob")]).await;
    let (alarms, raised) = Alarms::heard_here();
    project_all(&house, 10).await;
    assert_eq!(alarms.count(), 1);
    let report = house.rebuild().replace().await.unwrap();
    assert_eq!(alarms.count(), 1, "what is parked beside the live models is no alarm");
    drop(raised);
    assert!(report.is_same(), "{report:?}");
    assert_eq!(report.models.iter().map(|model| model.parked).collect::<Vec<_>>(), [1, 0]);
    assert_eq!(house.row::<UserRow>(ANN).await.unwrap().username, "before");
    house.user(ANN, &[renamed(ANN, "long after")]).await;
    project_all(&house, 10).await;
    assert_eq!(house.row::<UserRow>(ANN).await.unwrap().username, "before");
    for alter in ["update parked set version = version + 1", "delete from parked"] {
        house.sql(alter).await;
        assert!(!house.check().await.is_same(), "what is parked is part of the model");
    }
}

async fn a_row_that_still_shows_what_was_shredded_differs_and_a_rebuild_mends_it(
    house: &impl AsyncFn() -> House,
) {
    let house = house().await;
    house.user(ANN, &[registered(ANN, "ann")]).await;
    project_all(&house, 10).await;
    house.journal.vault().destroy(&KeyId::of_user(ANN), Destroyed::Erased).await.unwrap();
    assert!(!house.check().await.is_same());
    house.rebuild().replace().await.unwrap();
    assert_eq!(house.row::<UserRow>(ANN).await.unwrap().username, "");
    assert!(house.check().await.is_same());
}

/// Changes of one row that a hash over the bare values, one after the other, would not tell from each other.
const ALTERED: [&str; 3] = [
    "update users set username = 'an', first_name = 'nFirst ann'",
    "update users set email = null",
    "update users set pending_email = ''",
];

/// Changes of one column each.
fn altered<M: ReadModel>(row: &M) -> Vec<String> {
    let columns = M::COLUMNS.iter().zip(row.cells());
    let alter = |((column, _), cell): (&(&str, _), Cell)| match cell {
        Cell::Null => format!("update {} set \"{column}\" = '1'", M::NAME),
        Cell::Number(_) => format!("update {} set \"{column}\" = \"{column}\" + 1", M::NAME),
        Cell::Text(_) => format!("update {} set \"{column}\" = \"{column}\" || 'x'", M::NAME),
    };
    columns.map(alter).collect()
}

async fn no_change_of_a_row_leaves_the_checksum_as_it_was(house: &impl AsyncFn() -> House) {
    let (house, id) = (house().await, SessionId(1));
    house.user(ANN, &[registered(ANN, "ann")]).await;
    house.append::<Session>(&StreamId::session(id), &[started(id, ANN, 3)]).await;
    house.rebuild().replace().await.unwrap();
    let mut of_users = altered(&house.row::<UserRow>(ANN).await.unwrap());
    of_users.extend(ALTERED.map(ToOwned::to_owned));
    let of_sessions = altered(&house.row::<SessionRow>(id).await.unwrap());
    for (model, alterations) in [(0, of_users), (1, of_sessions)] {
        let mut seen = std::collections::BTreeSet::new();
        for alter in &alterations {
            house.rebuild().replace().await.unwrap();
            house.sql(alter).await;
            let report = house.check().await;
            let (touched, other) = (&report.models[model], &report.models[1 - model]);
            assert_ne!(touched.live_checksum.as_ref(), Some(&touched.checksum), "{alter}");
            assert_eq!(other.live_checksum.as_ref(), Some(&other.checksum), "{alter}");
            seen.insert(touched.live_checksum.clone());
        }
        assert_eq!(seen.len(), alterations.len());
    }
}

async fn the_checksum_agrees_with_another_implementation(house: &impl AsyncFn() -> House) {
    let house = house().await;
    let id = SessionId(1);
    house.append::<Session>(&StreamId::session(id), &[started(id, ANN, 3)]).await;
    let report = house.rebuild().replace().await.unwrap();
    assert_eq!(checksums(&report)[1], "6d01e88dcb3544e2a692cabc71d634756f2fb40888c5204094a998b1c50997e8");
    assert_eq!(checksums(&report)[0], "7f7a4628ab309eae67bee2067f2044e03acb895854c5758e5ff19e53150f47cb");
}
