//! Which event is dealt with when, while others hang, fail or break.

use super::*;

const SOON: Duration = Duration::from_millis(20);
const NEVER: Duration = Duration::from_hours(72);

#[tokio::test]
async fn one_that_hangs_keeps_only_the_place_back_and_no_other() {
    let mut one = Leader::new(2, &[(2, &[Act::Hang])]).await;
    one.take(&mails(1..=100)).await;
    one.begins_with(100).await;
    let mut begun = one.begun();
    begun.sort_unstable();
    assert_eq!(begun, (1..=100).collect::<Vec<u64>>());
    one.done_up_to(1, 100).await;
    assert_eq!(one.reader.done(Position(100)), Position(1), "the next leader begins with the one that hangs");
}

#[tokio::test]
async fn one_that_must_be_tried_again_is_and_the_others_are_done_once() {
    let mut one = Leader::new(4, &[(3, &[Act::TryAgain(SOON), Act::TryAgain(SOON)])]).await;
    one.take(&mails(1..=9)).await;
    one.done_up_to(9, 9).await;
    let mut begun = one.begun();
    begun.sort_unstable();
    assert_eq!(begun, [1, 2, 3, 3, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(one.checkpoint().await, Position(9));
}

#[tokio::test]
async fn one_at_which_the_consumer_breaks_holds_up_no_other_and_is_tried_again() {
    let mut one = Leader::new(1, &[(1, &[Act::Panic])]).await;
    one.take(&mails(1..=3)).await;
    one.begins_with(3).await;
    assert_eq!(one.reader.done(Position(3)), Position::BEGINNING);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31)).await;
    tokio::time::resume();
    one.done_up_to(3, 3).await;
    assert_eq!(one.begun(), [1, 2, 3, 1]);
}

#[tokio::test]
async fn those_that_are_tried_again_leave_room_for_new_ones() {
    const AGAIN: &[Act] = &[Act::TryAgain(Duration::ZERO), Act::Hang];
    let script: Vec<(u64, &[Act])> = (1..=8).map(|position| (position, AGAIN)).collect();
    let mut one = Leader::new(4, &script).await;
    one.take(&mails(1..=8)).await;
    one.begins_with(10).await;
    one.take(&mails(9..=50)).await;
    one.begins_with(52).await;
    let begun = one.begun();
    assert_eq!(begun.len(), 52, "two of eight hang in their second attempt, and the others wait: {begun:?}");
    assert!((9..=50).all(|position| begun.contains(&position)));
}

#[tokio::test]
async fn of_one_stream_only_the_first_is_dealt_with_until_it_is_done() {
    let mut one = Leader::new(4, &[(1, &[Act::TryAgain(SOON), Act::TryAgain(SOON)])]).await;
    let batch = [event("mail-a", 1), event("mail-a", 2), event("mail-b", 3), event("mail-a", 4)];
    one.take(&batch).await;
    one.done_up_to(4, 4).await;
    let begun = one.begun();
    let of_a: Vec<u64> = begun.into_iter().filter(|position| *position != 3).collect();
    assert_eq!(of_a, [1, 1, 1, 2, 4]);
}

#[tokio::test]
async fn what_was_taken_is_not_taken_twice_until_someone_else_may_have_led() {
    let mut one = Leader::new(1, &[(1, &[Act::TryAgain(NEVER)])]).await;
    one.take(&mails(1..=2)).await;
    one.begins_with(2).await;
    one.take(&mails(1..=3)).await;
    one.begins_with(3).await;
    assert_eq!(one.begun(), [1, 2, 3]);
    one.reader.start_over();
    one.take(&mails(1..=3)).await;
    one.done_up_to(3, 3).await;
    assert_eq!(one.begun(), [1, 2, 3]);
}

#[tokio::test]
async fn no_more_is_taken_than_fits_into_memory() {
    let mut one = Leader::new(1, &[(1, &[Act::Hang])]).await;
    one.take(&mails(1..=9_999)).await;
    assert!(one.reader.has_room());
    one.take(&mails(10_000..=10_000)).await;
    assert!(!one.reader.has_room());
}

#[tokio::test]
async fn at_the_end_what_is_under_way_is_brought_to_its_end_and_no_more_is_begun() {
    let mut one = Leader::new(2, &[]).await;
    one.take(&mails(1..=5)).await;
    one.reader.wind_up(&one.lease).await.unwrap();
    assert_eq!(one.begun(), [1, 2]);
    assert_eq!(one.checkpoint().await, Position(2));

    let mut one = Leader::new(2, &[(1, &[Act::Hang])]).await;
    one.take(&mails(1..=2)).await;
    timeout(DEADLINE, one.reader.wind_up(&one.lease)).await.unwrap().unwrap();
    assert_eq!(one.checkpoint().await, Position::BEGINNING);
}
