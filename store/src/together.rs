//! Puts questions together: those that come up while others are being answered are asked next, as one. Many who ask at once
//! then cost about what one does. Knows neither what is asked nor of whom.

#[cfg(test)]
mod tests;

use std::{error::Error, sync::Arc};

use async_trait::async_trait;
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::Cause;

/// How many questions are asked as one, at most.
const ROUND: usize = 128;
/// How many may wait before those who ask have to wait to do so.
const WAITING: usize = 4096;

/// Someone who can be asked many questions at once.
#[async_trait]
pub trait Answers: Send + Sync + 'static {
    type Question: Send + Sync + 'static;
    type Answer: Send + 'static;
    type Error: Error + Send + Sync + 'static;

    /// One answer to each question, in their order.
    async fn answer(&self, questions: Vec<Self::Question>) -> Result<Vec<Self::Answer>, Self::Error>;
}

/// The way to someone who is asked many questions at once. He is left alone when the last of these is gone.
pub struct Together<A: Answers> {
    waiting: mpsc::Sender<Asked<A>>,
}

struct Asked<A: Answers> {
    question: A::Question,
    reply: oneshot::Sender<Result<A::Answer, Arc<A::Error>>>,
}

impl<A: Answers> Together<A> {
    /// `rounds`: how many rounds of questions may be under way at a time, so that one that takes long holds up only its own.
    pub fn new(answers: A, rounds: usize) -> Self {
        let (waiting, asked) = mpsc::channel(WAITING);
        let (answers, asked) = (Arc::new(answers), Arc::new(Mutex::new(asked)));
        for _ in 0..rounds {
            tokio::spawn(go_on(Arc::clone(&answers), Arc::clone(&asked)));
        }
        Self { waiting }
    }

    /// Asks, and waits for the answer. An error is everyone's whose question was asked with this one.
    pub async fn ask(&self, question: A::Question) -> Result<A::Answer, Cause> {
        let (reply, answer) = oneshot::channel();
        self.waiting.send(Asked { question, reply }).await.map_err(|_| "nobody answers any more")?;
        Ok(answer.await.map_err(|_| "what was asked with this ended by a bug")??)
    }
}

/// Goes round again and again. A bug takes the questions of its round with it, and no later ones.
async fn go_on<A: Answers>(answers: Arc<A>, asked: Arc<Mutex<mpsc::Receiver<Asked<A>>>>) {
    loop {
        let rounds = tokio::spawn(go_round(Arc::clone(&answers), Arc::clone(&asked)));
        if !rounds.await.is_err_and(|ended| ended.is_panic()) {
            return;
        }
    }
}

async fn go_round<A: Answers>(answers: Arc<A>, asked: Arc<Mutex<mpsc::Receiver<Asked<A>>>>) {
    loop {
        let mut round = Vec::new();
        if asked.lock().await.recv_many(&mut round, ROUND).await == 0 {
            return;
        }
        // Whoever went away needs no answer.
        let wanted = round.into_iter().filter(|asked| !asked.reply.is_closed());
        let (questions, replies): (Vec<_>, Vec<_>) =
            wanted.map(|Asked { question, reply }| (question, reply)).unzip();
        if questions.is_empty() {
            continue;
        }
        match answers.answer(questions).await {
            Ok(answers) => {
                for (reply, answer) in replies.into_iter().zip(answers) {
                    drop(reply.send(Ok(answer)));
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                for reply in replies {
                    drop(reply.send(Err(Arc::clone(&error))));
                }
            }
        }
    }
}
