//! Who leads, when the one that led is killed or stopped; and that one that comes back writes nothing.

use std::time::Instant;

use serde_json::json;

use super::{SOON, each, leads, node};
use crate::support::{Account, Caller, Home, Mailbox, Server, has_mailed, is_long, together, wait_for};

/// The other one of two.
const fn other(one: usize) -> usize {
    1 - one
}

/// Writes and asks for mails until it is told to stop.
async fn busy(api: Caller, name: String, rounds: usize) {
    let account = Account::named(&name);
    let tokens = account.register(&api).await;
    for round in 0..rounds {
        tokens.on(&api).patch("user/", json!({"first_name": format!("{round}")})).await.expect(200);
        api.post("registration/resend-email/", json!({"email": account.email})).await.expect(200);
    }
}

/// Several people at once, and what happens meanwhile.
async fn amid(api: &Caller, name: &str, event: impl AsyncFnOnce()) {
    let people: Vec<_> = (0..4).map(|person| busy(api.clone(), format!("{name}{person}"), 25)).collect();
    let working = tokio::spawn(together(people));
    event().await;
    working.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn when_the_leader_is_killed_another_leads_and_the_read_models_are_what_the_log_says() {
    let home = Home::on_postgres(&[]);
    let [api, mut first, mut second] = each(&home, ["api,mailer", "projector", "projector"]).await;
    let on = api.api();
    for round in 0..if is_long() { 20 } else { 3 } {
        let nodes = [node(&first), node(&second)];
        let leading = leads(&on, "users", &nodes).await;
        amid(&on, &format!("r{round}x"), async || {
            let start = Instant::now();
            [&mut first, &mut second][leading].kill9();
            for follower in ["users", "sessions"] {
                assert_eq!(leads(&on, follower, &nodes[other(leading)..=other(leading)]).await, 0);
                println!("{follower}: another led {:?} after the kill", start.elapsed());
            }
        })
        .await;
        [&mut first, &mut second][leading].restart().await;
    }
    has_mailed(&on).await;
    api.run(&["rebuild", "--check"]).succeeded();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn a_leader_that_was_stopped_past_its_lease_writes_nothing_when_it_goes_on() {
    let home = Home::on_postgres(&[]);
    let [api, mut first, mut second] = each(&home, ["api,mailer", "projector", "projector"]).await;
    let on = api.api();
    let nodes = [node(&first), node(&second)];
    for round in 0..if is_long() { 20 } else { 3 } {
        let leading = leads(&on, "users", &nodes).await;
        amid(&on, &format!("r{round}x"), async || {
            let start = Instant::now();
            let stopped = [&mut first, &mut second];
            stopped[leading].pause();
            for follower in ["users", "sessions"] {
                assert_eq!(leads(&on, follower, &nodes[other(leading)..=other(leading)]).await, 0);
                println!("{follower}: another led {:?} after the stop", start.elapsed());
            }
        })
        .await;
        [&mut first, &mut second][leading].resume();
        amid(&on, &format!("r{round}y"), async || {}).await;
        has_mailed(&on).await;
        api.run(&["rebuild", "--check"]).succeeded();
    }
}

/// How often the terminals of these processes showed a mail.
fn told(mailers: &[&Server]) -> usize {
    let lines = mailers.iter().flat_map(|mailer| mailer.lines());
    lines.filter(|line| line.starts_with("mail to ")).count()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn every_mail_is_sent_and_at_most_one_twice_for_each_time_that_the_mailer_dies_or_is_stopped() {
    let home = Home::on_postgres(&[]);
    let [api, mut first, mut second] = each(&home, ["api,projector", "mailer", "mailer"]).await;
    let on = api.api();
    let rounds = if is_long() { 20 } else { 4 };
    for round in 0..rounds {
        let nodes = [node(&first), node(&second)];
        let leading = leads(&on, "mailer", &nodes).await;
        amid(&on, &format!("r{round}x"), async || {
            let start = Instant::now();
            let mailers = [&mut first, &mut second];
            if round % 2 == 0 {
                mailers[leading].kill9();
            } else {
                mailers[leading].pause();
            }
            assert_eq!(leads(&on, "mailer", &nodes[other(leading)..=other(leading)]).await, 0);
            println!("mailer: another led after {:?}", start.elapsed());
        })
        .await;
        let gone = [&mut first, &mut second].into_iter().nth(leading).unwrap();
        if round % 2 == 0 { gone.restart().await } else { gone.resume() }
    }
    has_mailed(&on).await;
    let sent = Mailbox::at(&home.data().join("mail")).all().len();
    let asked = rounds * 4 * 26;
    assert_eq!(sent, asked, "as many mails as were asked for");
    // The line comes after the file, so that a kill may be in between.
    let told = wait_for("the terminals told of the mails", SOON, async || {
        let told = told(&[&first, &second]);
        (told + rounds >= sent).then_some(told)
    })
    .await;
    println!("{sent} mails, told of {told} times");
    assert!(told <= sent + rounds, "{sent} mails were sent {told} times");
    api.run(&["rebuild", "--check"]).succeeded();
}
