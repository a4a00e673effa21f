//! A log goes to PostgreSQL and back: all of it is there, and the same.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Held, arguments, copy, file, filled, report};
use crate::support::{Home, OWNER, Postgres, is_long};

#[track_caller]
pub(super) fn is_whole(report: &Value, events: i64) {
    assert_eq!(report["done"], "copied", "{report}");
    for end in ["source", "target"] {
        assert_eq!(report[end]["events"], events, "{report}");
        assert!(report[end]["checksum"].as_str().is_some_and(|sum| sum.len() == 64), "{report}");
    }
    assert_eq!(report["source"]["checksum"], report["target"]["checksum"], "{report}");
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn every_kind_of_event_goes_to_postgresql_and_back_byte_for_byte() {
    let count = if is_long() { 100_000 } else { 4_321 };
    let home = Home::new(&[]);
    let (source, database) = (filled::log(&home, count).await, Postgres::shared().database());
    let (there, back) = (database.url(OWNER), file(&home, "back.db"));
    is_whole(&report(&copy(&home, &source, &there), 0), count);
    is_whole(&report(&copy(&home, &there, &back), 0), count);
    let held = Held::at(&source).await;
    let kinds: BTreeSet<String> = held.events.iter().map(|row| row.4.clone()).collect();
    assert_eq!((kinds, held.sequences.len()), (filled::kinds(), 1));
    assert!(Held::at(&there).await == held, "on PostgreSQL it is another log");
    assert!(Held::at(&back).await == held, "it came back another log");
}

#[tokio::test]
async fn people_are_told_both_sums_and_that_it_is_the_same_log() {
    let home = Home::new(&[]);
    let source = filled::log(&home, 40).await;
    let target = file(&home, "target.db");
    let told = home.run(&arguments(&source, &target), "");
    assert_eq!(told.code, Some(0), "{told:?}");
    let sums: Vec<&str> = told.stdout.split_whitespace().filter(|word| word.len() == 64).collect();
    assert_eq!((sums.len(), sums[0]), (2, sums[1]), "{told:?}");
    let (id, _) = Held::at(&source).await.head;
    assert!(
        told.stdout.contains(&id) && told.stdout.contains("40 of its events were copied now"),
        "{told:?}"
    );
    for line in ["stele: copying, 40 positions", "stele: reading both logs back, 40 positions"] {
        assert!(told.stderr.contains(line), "{told:?}");
    }
    let again = report(&copy(&home, &source, &target), 0);
    assert_eq!(again["held_before"], 40, "{again}");
    is_whole(&again, 40);
}
