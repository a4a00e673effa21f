//! Things done at the same moment: whatever the order turns out to be, what holds afterwards holds always.

mod links;
mod names;
mod operators;
mod password;
mod refresh;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use crate::support::{Caller, Reply, Tokens, together, wait_for};

/// An access token is refused within milliseconds of the event, as `roles::revocations` measures; this is the patience of a busy
/// machine.
const REVOKED: Duration = Duration::from_secs(2);

/// No token of these opens or refreshes anything any more.
async fn are_dead(api: &Caller, sessions: &[Tokens]) {
    for reply in together(refreshes(api, sessions)).await {
        assert_eq!(reply.status, 401, "a refresh token lives on: {reply:?}");
    }
    let accesses: BTreeSet<&str> = sessions.iter().map(Tokens::access).collect();
    for access in accesses {
        is_refused(&credentials(api, access)).await;
    }
}

/// One try for each refresh token that is among these.
fn refreshes(api: &Caller, sessions: &[Tokens]) -> Vec<impl Future<Output = Reply> + use<>> {
    let pairs = sessions.iter().filter(|tokens| matches!(tokens, Tokens::Pair { .. }));
    let tokens: BTreeSet<&str> = pairs.map(Tokens::refresh).collect();
    let tries = tokens.into_iter().map(|refresh| {
        let (api, body) = (api.clone(), json!({"refresh": refresh}));
        async move { api.post("token/refresh/", body).await }
    });
    tries.collect()
}

fn credentials(api: &Caller, access: &str) -> Caller {
    if access.contains('.') { api.bearer(access) } else { api.key(access) }
}

async fn is_refused(caller: &Caller) {
    wait_for("an access token of an ended session is refused", REVOKED, async || {
        (caller.get("user/").await.status == 401).then_some(())
    })
    .await;
}
