//! Somebody is let in at the moment at which the account that lets him in is disconnected.

use std::{pin::pin, time::Duration};

use domain::user::Proof;
use store::chain;
use tempfile::TempDir;
use tokio::time::timeout;

use super::*;
use crate::command::house::{self, Fault, Faulty};

const DEADLINE: Duration = Duration::from_secs(20);
const ADDRESS: &str = "ann@example.org";
const PROVIDERS: [&str; 2] = ["google", "github"];

/// Ann, who signed up by Google, and the log.
struct House {
    _folder: TempDir,
    log: Faulty,
    accounts: Accounts,
    ann: UserId,
    proof: Proof,
}

impl House {
    async fn new() -> Self {
        let log = Faulty::default();
        let (folder, accounts) = house::accounts_on(&log).await;
        let google = person("google", Some(ADDRESS));
        let login = accounts.social_login(&context(), &google, &client()).await.unwrap();
        let (ann, proof) = (login.user, Proof { session: login.session.0, epoch: 0 });
        Self { _folder: folder, log, accounts, ann, proof }
    }

    async fn disconnect(&self, id: u32) -> Result<Position, UnlinkError> {
        let offered = PROVIDERS.map(str::to_owned);
        self.accounts.unlink(&context(), (self.ann, self.proof), id, &offered).await
    }

    /// The sessions of hers that began by a linked account and still count.
    async fn live_by(&self, id: u32) -> Vec<SessionId> {
        let events = self.accounts.journal.log().read_all(Position::BEGINNING, 10_000).await.unwrap();
        let mut live = Vec::new();
        for recorded in events.iter().filter(|recorded| recorded.event.kind == "session.started.v1") {
            let start: serde_json::Value = serde_json::from_str(&recorded.event.data).unwrap();
            let session = recorded.stream.key().parse().unwrap();
            let counts = self.accounts.session(session).await.unwrap().live().is_some();
            if counts && start["user"] == self.ann.0 && start["social"] == id {
                live.push(session);
            }
        }
        live
    }
}

fn context() -> Context {
    Context::of("test")
}

fn client() -> Client {
    Client { address: "127.0.0.1".to_owned(), agent: "test".to_owned() }
}

fn person(provider: &str, email: Option<&str>) -> Person {
    Person {
        provider: provider.to_owned(),
        subject: "1".to_owned(),
        email: email.map(str::to_owned),
        email_verified: email.is_some(),
        username: Some("ann".to_owned()),
        first_name: String::new(),
        last_name: String::new(),
    }
}

/// Disconnects while somebody who logs in waits before the append of this number; whether there was such an append.
async fn disconnected_at(append: usize, github: &Person, is_linked: bool) -> bool {
    let (house, context, client) = (House::new().await, context(), client());
    if is_linked {
        house.accounts.connect(&context, (house.ann, house.proof), github).await.unwrap();
    }
    house.log.fail_at(append, Fault::Waits);
    let mut login = pin!(house.accounts.social_login(&context, github, &client));
    tokio::select! {
        login = &mut login => {
            assert_eq!(login.unwrap().user, house.ann);
            return false;
        }
        waits = timeout(DEADLINE, house.log.is_waiting()) => waits.expect("it waits"),
    }
    let gone = house.disconnect(2).await;
    house.log.go_on();
    let outcome = timeout(DEADLINE, login)
        .await
        .expect("it goes on")
        .map(|login| login.user)
        .map_err(|error| chain(&error));
    let live = house.live_by(2).await;
    let what = format!("append {append}: {gone:?}, {outcome:?}, {live:?}");
    if let Err(error) = gone {
        assert!(matches!(error, UnlinkError::NotLinked) && !is_linked, "{what}");
        assert_eq!(outcome, Ok(house.ann), "{what}");
    } else {
        assert!(live.is_empty() && outcome.is_ok(), "{what}");
    }
    true
}

#[tokio::test]
async fn a_login_that_was_decided_before_a_disconnection_leaves_no_session_after_it() {
    for (github, is_linked) in [
        (person("github", None), true),
        (person("github", Some(ADDRESS)), true),
        (person("github", Some(ADDRESS)), false),
    ] {
        let mut append = 0;
        while disconnected_at(append, &github, is_linked).await {
            append += 1;
        }
        assert!(append >= 1, "nothing was appended");
    }
}
