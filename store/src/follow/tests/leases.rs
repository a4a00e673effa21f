//! Who may lead, for how long, and what becomes of the work of one who may no longer.

use domain::Time;

use super::*;

on_every_engine! {
    a_held_lease_is_not_given_to_another_node
    a_leader_that_lost_its_lease_writes_nothing
    a_lease_that_came_back_does_not_revive_the_old_one
    a_lease_that_ended_but_was_not_taken_still_counts
    a_lease_is_renewed_while_a_batch_takes_longer_than_it_lasts
    a_lease_that_another_node_took_is_held_no_more_and_the_work_is_taken_up_where_that_one_left_it
    whoever_was_stopped_for_longer_than_his_lease_sees_it
    sole_tenure_takes_over_at_once
}

async fn a_held_lease_is_not_given_to_another_node(house: House) {
    let (a, b) = (house.desk("a", LONG).await, house.desk("b", LONG).await);
    assert!(a.lease(ROLE).await.unwrap().is_some());
    assert!(b.lease(ROLE).await.unwrap().is_none());
    assert!(b.lease("other role").await.unwrap().is_some());
    assert!(a.lease(ROLE).await.unwrap().is_some(), "its holder renews it");
}

const SHORT: Tenure = Tenure { length: Duration::from_millis(1), sole: false };

/// Takes a lease as soon as it can be had.
async fn lease_in_time(desk: &Desk) -> Lease {
    let taking = async {
        loop {
            if let Some(lease) = desk.lease(ROLE).await.unwrap() {
                return lease;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, taking).await.unwrap()
}

async fn a_leader_that_lost_its_lease_writes_nothing(house: House) {
    let (a, b) = (house.desk("a", SHORT).await, house.desk("b", LONG).await);
    let old = a.lease(ROLE).await.unwrap().unwrap();
    let new = lease_in_time(&b).await;

    let mut work = b.views().begin().await.unwrap();
    new.advance(&mut work, Position(5)).await.unwrap();
    work.commit().await.unwrap();

    let mut work = a.views().begin().await.unwrap();
    work.run(Statement::new("insert into done (position) values (1)", &[])).await.unwrap();
    let outcome = old.advance(&mut work, Position(9)).await;
    assert!(matches!(outcome, Err(FollowError::LeaseLost(role)) if role == ROLE));
    drop(work);
    assert_eq!(b.checkpoint(ROLE).await.unwrap(), Position(5));
    assert_eq!(house.done().await, Vec::<i64>::new());
}

async fn a_lease_that_came_back_does_not_revive_the_old_one(house: House) {
    let (a, b) = (house.desk("a", SHORT).await, house.desk("b", SHORT).await);
    let old = a.lease(ROLE).await.unwrap().unwrap();
    lease_in_time(&b).await;
    lease_in_time(&a).await;
    let mut work = a.views().begin().await.unwrap();
    let outcome = old.advance(&mut work, Position(9)).await;
    assert!(matches!(outcome, Err(FollowError::LeaseLost(_))));
}

async fn a_lease_that_ended_but_was_not_taken_still_counts(house: House) {
    let a = house.desk("a", LONG).await;
    let lease = a.lease(ROLE).await.unwrap().unwrap();
    a.leave().await.unwrap();
    let mut work = a.views().begin().await.unwrap();
    lease.advance(&mut work, Position(9)).await.unwrap();
}

const BRIEF: Tenure = Tenure { length: Duration::from_millis(150), sole: false };
/// A machine that is out of breath for a second doesn't lose it.
const CALM: Tenure = Tenure { length: Duration::from_secs(3), sole: false };

/// When the lease of the role runs out.
async fn end_of_lease(views: &Views) -> Time {
    let rows = views.rows(Statement::new("select until from kept_leases", &[])).await.unwrap();
    Time(rows.into_iter().next().unwrap().number().unwrap())
}

async fn a_lease_is_renewed_while_a_batch_takes_longer_than_it_lasts(house: House) {
    let mut first = house.run("a", CALM, 0).await;
    first.is_idle().await;
    let rival = house.run("b", CALM, 0).await;
    let held_up = Arc::clone(&first.gate).lock_owned().await;
    let end = house.append(1).await;
    let views = house.views().await;
    let begun = end_of_lease(&views).await;
    let renewed = async {
        while end_of_lease(&views).await < begun + CALM.length {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(DEADLINE, renewed).await.unwrap();
    drop(held_up);
    first.reach(end).await;
    assert_eq!(rival.batches(), Vec::<Vec<u64>>::new());
}

async fn a_lease_that_another_node_took_is_held_no_more_and_the_work_is_taken_up_where_that_one_left_it(
    house: House,
) {
    let mut first = house.run("a", BRIEF, 0).await;
    let end = house.append(1).await;
    first.reach(end).await;
    let other = house.desk("b", LONG).await;
    other.place(ROLE, Position(2)).await.unwrap();
    let steal = "update kept_leases set node = 'b', epoch = epoch + 1";
    other.views().change(Statement::new(steal, &[])).await.unwrap();
    let stolen = house.append(2).await;
    first.reach(stolen).await;
    assert_eq!(house.done().await, [1, 3]);
}

async fn whoever_was_stopped_for_longer_than_his_lease_sees_it(house: House) {
    let lease = house.desk("a", LONG).await.lease(ROLE).await.unwrap().unwrap();
    assert!(lease.is_held());
    tokio::time::pause();
    tokio::time::advance(LONG.length).await;
    assert!(!lease.is_held());
}

async fn sole_tenure_takes_over_at_once(house: House) {
    let sole = Tenure { sole: true, ..LONG };
    let (a, b) = (house.desk("a", sole).await, house.desk("b", sole).await);
    let dead = a.lease(ROLE).await.unwrap().unwrap();
    assert!(b.lease(ROLE).await.unwrap().is_some());
    let mut work = b.views().begin().await.unwrap();
    let outcome = dead.advance(&mut work, Position(1)).await;
    assert!(matches!(outcome, Err(FollowError::LeaseLost(_))));
}
