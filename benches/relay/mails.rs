//! A mailer that is started with many mails to send, held against a pool of as many connections that sends the same mails to the
//! same kind of server.

#[expect(clippy::unwrap_used, clippy::expect_used, dead_code, reason = "tests use the rest, and so begin")]
#[path = "../../tests/support/smtp.rs"]
mod server;

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Tokio1Executor, address::Envelope, transport::smtp::PoolConfig,
};
use server::{MailServer, Taken};
use tokio::time::{Instant, sleep};

use super::BUS;
use crate::{
    failed::{Failed, Outcome},
    figures::{Line, grouped},
    load,
    nats::Nats,
    process::Home,
    rounds::{ROUNDS, Rounds},
    seed::{Seeded, at_the_head},
};

/// One to each user.
const MAILS: u32 = 10_000;
/// As many as the mailer has where nothing else is set.
const CONNECTIONS: u16 = 4;
const PATIENCE: Duration = Duration::from_mins(5);
const LOOK: Duration = Duration::from_millis(5);

pub(super) async fn mails() -> Outcome<Vec<Line>> {
    let (mut seeded, nats) = (Seeded::unread(MAILS, 0).await?, Nats::start().await?);
    seeded.home.set(BUS, &nats.url);
    let relay = seeded.home.serve_as("relay", "relay").await?;
    let mut rounds = Rounds::default();
    for _ in 0..ROUNDS {
        seeded.ask_for_mails().await?;
        at_the_head(&relay, &["relay"]).await?;
        let (ours, mails) = mailer(&mut seeded.home).await?;
        rounds.push(ours, load::on_its_own_thread(|| pool(mails)).await?);
    }
    let line = rounds.line(
        &format!("{} mails, {CONNECTIONS} connections", grouped(MAILS)),
        &format!("a pool of lettre with {CONNECTIONS} connections"),
    );
    Ok(vec![line.at_least(0.5)])
}

/// Mails a second, from the start of a mailer until the server has taken the last one; and what they were.
async fn mailer(home: &mut Home) -> Outcome<(f64, Vec<Taken>)> {
    let server = MailServer::start();
    home.set("STELE_MAIL__URL", &server.url(""));
    let start = Instant::now();
    let mailer = home.serve_as("mailer", "mailer").await?;
    let all = usize::try_from(MAILS).unwrap_or(usize::MAX);
    while server.taken_so_far() < all {
        if start.elapsed() > PATIENCE {
            return Err(Failed::Late("the mailer sends all mails"));
        }
        sleep(LOOK).await;
    }
    let rate = f64::from(MAILS) / start.elapsed().as_secs_f64();
    at_the_head(&mailer, &["mailer"]).await?;
    mailer.stop()?;
    Ok((rate, server.taken()))
}

/// Mails a second of a pool that has nothing else to do.
async fn pool(mails: Vec<Taken>) -> Outcome<f64> {
    let server = MailServer::start();
    let connections = PoolConfig::new().max_size(CONNECTIONS.into());
    let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(&server.url(""))?;
    let transport = transport.pool_config(connections).build();
    let start = Instant::now();
    let sent = stream::iter(mails).map(|mail| send(&transport, mail)).buffer_unordered(CONNECTIONS.into());
    sent.try_collect::<()>().await?;
    Ok(f64::from(MAILS) / start.elapsed().as_secs_f64())
}

async fn send(transport: &AsyncSmtpTransport<Tokio1Executor>, mail: Taken) -> Outcome<()> {
    let envelope = Envelope::new(Some(mail.from.parse()?), vec![mail.to.parse()?])?;
    transport.send_raw(&envelope, mail.message.as_bytes()).await?;
    Ok(())
}
