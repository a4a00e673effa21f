//! Questions are put together only while they wait, each gets its own answer, and an error is told to all.

use std::{sync::Mutex as SyncMutex, time::Duration};

use tokio::{sync::Semaphore, time::timeout};

use super::*;

/// Stops at a round that holds this one.
const BUG: u32 = 1_000_000;

/// Answers each number with its double, in rounds that it notes, each when it may; refuses rounds that hold a zero.
#[derive(Clone)]
struct Doubler {
    rounds: Arc<SyncMutex<Vec<Vec<u32>>>>,
    may: Arc<Semaphore>,
}

#[async_trait]
impl Answers for Doubler {
    type Question = u32;
    type Answer = u32;
    type Error = std::num::ParseIntError;

    async fn answer(&self, questions: Vec<u32>) -> Result<Vec<u32>, Self::Error> {
        self.rounds.lock().unwrap().push(questions.clone());
        self.may.acquire().await.unwrap().forget();
        assert!(!questions.contains(&BUG), "a bug");
        if questions.contains(&0) {
            Err("".parse::<u32>().unwrap_err())
        } else {
            Ok(questions.iter().map(|n| n * 2).collect())
        }
    }
}

fn doubler() -> Doubler {
    Doubler { rounds: Arc::default(), may: Arc::new(Semaphore::new(0)) }
}

/// Comes back when something is so that tasks bring about.
async fn until(is_so: impl Fn() -> bool) {
    let coming = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_mins(1), coming).await.expect("the tasks come this far");
}

/// Asks all of these while a first question is being answered.
async fn ask_behind_another(questions: &[u32]) -> (Vec<Result<u32, String>>, Vec<Vec<u32>>) {
    let doubler = doubler();
    let together = Arc::new(Together::new(doubler.clone(), 1));
    let ask = |question| {
        let together = Arc::clone(&together);
        tokio::spawn(async move { together.ask(question).await.map_err(|cause| cause.to_string()) })
    };
    let first = ask(100);
    until(|| !doubler.rounds.lock().unwrap().is_empty()).await;
    let asked: Vec<_> = questions.iter().map(|question| ask(*question)).collect();
    until(|| together.waiting.capacity() <= WAITING - questions.len()).await;
    doubler.may.add_permits(10);
    assert_eq!(first.await.unwrap(), Ok(200));
    let mut answers = Vec::new();
    for asked in asked {
        answers.push(asked.await.unwrap());
    }
    (answers, doubler.rounds.lock().unwrap().clone())
}

#[tokio::test]
async fn those_who_wait_are_asked_for_as_one_and_get_each_his_own_answer() {
    let (answers, rounds) = ask_behind_another(&[1, 2, 3]).await;
    assert_eq!(answers, [Ok(2), Ok(4), Ok(6)]);
    assert_eq!(rounds, [vec![100], vec![1, 2, 3]]);
}

#[tokio::test]
async fn an_error_is_everyones_and_the_next_round_is_answered() {
    let (answers, _) = ask_behind_another(&[1, 0]).await;
    assert!(answers.iter().all(Result::is_err), "{answers:?}");
    let doubler = doubler();
    doubler.may.add_permits(2);
    let together = Together::new(doubler, 1);
    assert!(together.ask(0).await.is_err());
    assert_eq!(together.ask(7).await.unwrap(), 14);
}

#[tokio::test]
async fn no_more_are_put_together_than_a_round_holds() {
    let questions: Vec<u32> = (1..=200).collect();
    let (answers, rounds) = ask_behind_another(&questions).await;
    assert!(answers.iter().zip(&questions).all(|(answer, question)| *answer == Ok(question * 2)));
    let sizes: Vec<usize> = rounds.iter().map(Vec::len).collect();
    assert_eq!(sizes, [1, ROUND, 200 - ROUND]);
}

#[tokio::test]
async fn a_round_that_takes_long_holds_up_no_other() {
    let doubler = doubler();
    let together = Arc::new(Together::new(doubler.clone(), 2));
    let slow = tokio::spawn({
        let together = Arc::clone(&together);
        async move { together.ask(1).await.unwrap() }
    });
    until(|| !doubler.rounds.lock().unwrap().is_empty()).await;
    let quick = tokio::spawn({
        let together = Arc::clone(&together);
        async move { together.ask(2).await.unwrap() }
    });
    until(|| doubler.rounds.lock().unwrap().len() >= 2).await;
    doubler.may.add_permits(2);
    assert_eq!((slow.await.unwrap(), quick.await.unwrap()), (2, 4));
}

#[tokio::test]
async fn a_bug_ends_its_own_round_and_the_next_one_is_answered() {
    let doubler = doubler();
    doubler.may.add_permits(10);
    let together = Together::new(doubler, 1);
    for question in [1, 2, 3] {
        assert!(together.ask(BUG).await.is_err());
        assert_eq!(together.ask(question).await.unwrap(), question * 2);
    }
}

#[tokio::test]
async fn a_round_of_which_all_went_away_is_not_asked() {
    let doubler = doubler();
    let together = Arc::new(Together::new(doubler.clone(), 1));
    let ask = |question| {
        let together = Arc::clone(&together);
        tokio::spawn(async move { together.ask(question).await.unwrap() })
    };
    let first = ask(1);
    until(|| !doubler.rounds.lock().unwrap().is_empty()).await;
    let impatient = ask(2);
    until(|| together.waiting.capacity() < WAITING).await;
    impatient.abort();
    impatient.await.unwrap_err();
    doubler.may.add_permits(10);
    assert_eq!(first.await.unwrap(), 2);
    assert_eq!(ask(3).await.unwrap(), 6);
    assert_eq!(*doubler.rounds.lock().unwrap(), [[1], [3]]);
}
