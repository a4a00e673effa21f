//! How a process hears of what is appended: by one catch-up subscription to all our streams, which goes on where the last one ended.
//! What it misses costs time, never an event: followers look for themselves as well, and keep checkpoints of their own. By the same
//! way it hears when somebody sets a limit to one of our streams.

use std::{io, sync::Arc, thread, time::Duration};

use eventstore::{Error, RecordedEvent, SubscribeToAllOptions, SubscriptionEvent, SubscriptionFilter};
use tokio::{runtime, sync::watch, time::sleep};

use super::{
    guard,
    ours::{Ours, of_kinds},
    place::Places,
    server::{Server, on_terms},
    url::Url,
};
use crate::{
    Cause,
    log::{Position, batch::announce},
};

/// How long to wait before subscribing again.
const PAUSE: Duration = Duration::from_millis(100);

/// Tells `grow` of new heads until nobody wants to know. On a thread of its own, with a client of its own: when a server ends a
/// subscription without an error, the client asks it for more without a pause, and gives way to nothing else on its thread.
pub(super) fn follow(ours: Arc<Ours>, grow: watch::Sender<Position>) -> io::Result<()> {
    let own = runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("feed".to_owned()).spawn(move || own.block_on(tell(&ours, &grow)))?;
    Ok(())
}

async fn tell(ours: &Ours, grow: &watch::Sender<Position>) {
    loop {
        let error: Cause = match Server::new(ours.server.url()) {
            Ok(server) => tokio::select! {
                () = grow.closed() => return,
                error = hear(&server, &ours.places, grow) => error.into(),
            },
            Err(error) => error,
        };
        tracing::debug!(%error, "nothing is heard of what is appended; followers look for themselves");
        sleep(PAUSE).await;
    }
}

/// Ends when the subscription does, and tells why.
async fn hear(server: &Server, places: &Places, grow: &watch::Sender<Position>) -> Error {
    let options = SubscribeToAllOptions::default().position(places.start(*grow.borrow()).from);
    let filter = guard::of_ours(server.url())
        .into_iter()
        .fold(of_kinds(server.url(), &[]), SubscriptionFilter::add_prefix);
    let options = on_terms!(server, options.filter(filter));
    let session = server.session();
    let mut subscription = session.client.subscribe_to_all(&options).await;
    loop {
        match subscription.next_subscription_event().await {
            Ok(SubscriptionEvent::EventAppeared(event)) => {
                let event = event.get_original_event();
                if event.stream_id().starts_with(guard::DESCRIBED) {
                    tell_of_limits(server.url(), event);
                } else if let Some(head) = places.position(event.position) {
                    announce(grow, head);
                }
            }
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}

/// Once the server has taken events away, nothing brings them back.
fn tell_of_limits(url: &Url, event: &RecordedEvent) {
    if let Some(limit) = guard::limit_told_by(url, event) {
        tracing::error!(
            "on KurrentDB {limit}: it takes events away, and has to be lifted before they are scavenged"
        );
    }
}
