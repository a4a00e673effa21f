//! Clients whose commands are looked for elsewhere: when each was answered, and where it was recorded.

use store::Position;
use tokio::time::Instant;

use super::{Answer, Client};
use crate::failed::{Failed, Outcome};

/// A client that notes where each command was recorded, and when that was answered.
pub(crate) struct Noted<C> {
    client: C,
    pub(crate) answers: Vec<(Instant, Position)>,
}

impl<C: Client> Client for Noted<C> {
    fn ask(&mut self, out: &mut Vec<u8>) {
        self.client.ask(out);
    }

    fn take(&mut self, answer: &Answer<'_>) -> Outcome<()> {
        let at = Instant::now();
        self.client.take(answer)?;
        let position = answer.position.and_then(|text| text.rsplit_once('-')?.1.parse().ok());
        self.answers.push((at, Position(position.ok_or(Failed::Missing("the position in an answer"))?)));
        Ok(())
    }
}

pub(crate) fn noted<C>(clients: Vec<C>) -> Vec<Noted<C>> {
    clients.into_iter().map(|client| Noted { client, answers: Vec::new() }).collect()
}

/// The same clients, without what they noted.
pub(crate) fn forgotten<C>(clients: Vec<Noted<C>>) -> Vec<Noted<C>> {
    noted(clients.into_iter().map(|noted| noted.client).collect())
}
