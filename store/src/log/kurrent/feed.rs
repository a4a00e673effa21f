//! How a process hears of what is appended: by one catch-up subscription to all our streams, which goes on where the last one ended.
//! What it misses costs time, never an event: followers look for themselves as well, and keep checkpoints of their own. By the same
//! way it hears when somebody sets a limit to one of our streams.

use std::{sync::Arc, time::Duration};

use eventstore::{Error, RecordedEvent, SubscribeToAllOptions, SubscriptionEvent};
use tokio::{sync::watch, time::sleep};

use super::{
    guard,
    ours::{Ours, of_kinds},
    server::on_terms,
};
use crate::log::{Position, batch::announce};

/// How long to wait before subscribing again.
const PAUSE: Duration = Duration::from_millis(100);

/// Tells `grow` of new heads until nobody wants to know.
pub(super) fn follow(ours: Arc<Ours>, grow: watch::Sender<Position>) {
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = grow.closed() => return,
                error = hear(&ours, &grow) => {
                    tracing::debug!(%error, "nothing is heard of what is appended; followers look for themselves");
                }
            }
            sleep(PAUSE).await;
        }
    });
}

/// Ends when the subscription does, and tells why.
async fn hear(Ours { server, places }: &Ours, grow: &watch::Sender<Position>) -> Error {
    let options = SubscribeToAllOptions::default().position(places.start(*grow.borrow()).from);
    let described = format!("$${}-", server.url().prefix());
    let options = on_terms!(server, options.filter(of_kinds(server.url(), &[]).add_prefix(&described)));
    let session = server.session();
    let mut subscription = session.client.subscribe_to_all(&options).await;
    loop {
        match subscription.next_subscription_event().await {
            Ok(SubscriptionEvent::EventAppeared(event)) => {
                let event = event.get_original_event();
                if event.stream_id().starts_with(&described) {
                    tell_of_limits(event);
                } else if let Some(head) = places.position(event.position) {
                    announce(grow, head);
                }
            }
            Ok(_) => {}
            Err(error) => {
                server.lost(session.number, &error);
                return error;
            }
        }
    }
}

/// Once the server has taken events away, nothing brings them back.
fn tell_of_limits(event: &RecordedEvent) {
    if let Some(limit) = guard::limit_told_by(event) {
        tracing::error!(
            "on KurrentDB {limit}: it takes events away, and has to be lifted before they are scavenged"
        );
    }
}
