//! What runs while people use it, and what of it is killed.

use crate::support::{Caller, Home, Postgres, Server, Servers, wait_for};
use std::time::Duration;

const SOON: Duration = Duration::from_mins(1);
/// How many answers people still get, at least, after the death of something that answers nobody.
const AFTERWARDS: usize = 40;

/// Which process dies, if any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Victim {
    /// The only one there is.
    Whole,
    Api,
    Projector,
    Mailer,
    /// All processes of PostgreSQL.
    Postgres,
    Nobody,
}

pub(super) struct Stage {
    victim: Victim,
    /// Whom people talk to.
    pub(super) api: Server,
    /// Another one to talk to, which also does all the rest.
    pub(super) other: Option<Server>,
    projector: Option<Server>,
    mailer: Option<Server>,
    postgres: Option<Postgres>,
}

impl Stage {
    pub(super) async fn set(victim: Victim, settings: &[(&str, &str)]) -> Self {
        if victim == Victim::Whole {
            let api = Server::start(settings).await;
            return Self { victim, api, other: None, projector: None, mailer: None, postgres: None };
        }
        let postgres = Postgres::start();
        let home = Home::on(&Servers::all(&postgres), settings);
        let process = async |roles| Server::at(home.with_roles(roles)).await;
        Self {
            victim,
            api: process("api").await,
            other: None,
            projector: Some(process("projector").await),
            mailer: Some(process("mailer").await),
            postgres: Some(postgres),
        }
    }

    /// Two processes that people may talk to on a PostgreSQL. Nobody dies, and the other one has settings of its own.
    pub(super) async fn with_two_doors(
        postgres: Postgres,
        settings: &[(&str, &str)],
        change: impl FnOnce(&mut Home),
    ) -> Self {
        let home = Home::on(&Servers::all(&postgres), settings);
        let mut other = home.with_roles("api,projector,mailer");
        change(&mut other);
        Self {
            victim: Victim::Nobody,
            api: Server::at(home.with_roles("api")).await,
            other: Some(Server::at(other).await),
            projector: None,
            mailer: None,
            postgres: Some(postgres),
        }
    }

    /// Where the person of this number comes in.
    pub(super) fn door(&self, number: usize) -> Caller {
        let doors = self.doors();
        doors[number % doors.len()].api()
    }

    fn doors(&self) -> Vec<&Server> {
        [&self.api].into_iter().chain(&self.other).collect()
    }

    /// The server of the databases.
    pub(super) fn postgres(&self) -> &Postgres {
        self.postgres.as_ref().expect("it is on PostgreSQL")
    }

    /// How many answers after the strike people go home.
    pub(super) const fn patience(&self) -> usize {
        match self.victim {
            Victim::Whole | Victim::Api | Victim::Postgres => usize::MAX,
            Victim::Projector | Victim::Mailer | Victim::Nobody => AFTERWARDS,
        }
    }

    pub(super) fn strike(&mut self) {
        match self.struck() {
            Some(server) => server.kill9(),
            None => self.postgres().kill(),
        }
    }

    /// Starts again what was killed; the rest goes on by itself.
    pub(super) async fn recover(&mut self) {
        match (self.victim, self.struck()) {
            (_, Some(server)) => server.restart().await,
            (Victim::Postgres, None) => self.postgres().begin(),
            _ => {}
        }
        for door in self.doors() {
            let api = door.api();
            wait_for("all is ready again, every follower led, and all heard", SOON, async || {
                let ready = api.get("/health/ready").await;
                let parts = ready.json()["parts"].clone();
                let led =
                    |follower| parts[follower]["detail"].as_str().is_some_and(|told| told.contains("led by"));
                let all_led = self.postgres.is_none() || ["users", "sessions", "mailer"].into_iter().all(led);
                (ready.status == 200 && all_led && parts["api"]["lag"] == 0).then_some(())
            })
            .await;
        }
    }

    /// The doctor finds nothing wrong, soon: the lease of a leader that died has first to run out and to be taken.
    pub(super) async fn is_well(&self) {
        wait_for("the doctor finds nothing wrong", SOON, async || {
            (self.api.run(&["doctor"]).code == Some(0)).then_some(())
        })
        .await;
    }

    fn struck(&mut self) -> Option<&mut Server> {
        match self.victim {
            Victim::Whole | Victim::Api => Some(&mut self.api),
            Victim::Projector => self.projector.as_mut(),
            Victim::Mailer => self.mailer.as_mut(),
            Victim::Postgres | Victim::Nobody => None,
        }
    }
}
