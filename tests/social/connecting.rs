//! Whose proof connects an account, if it dies while the provider is asked.

use std::time::Duration;

use serde_json::json;

use super::{Kind, Person, Stage};
use crate::support::{Account, Caller, NEW_PASSWORD, Reply, Tokens, providers::Act, wait_for};

const SOON: Duration = Duration::from_secs(30);

/// Connects an account that is linked already, while `meanwhile` happens.
async fn connected_again(stage: &Stage, caller: &Caller, meanwhile: impl AsyncFnOnce()) -> Reply {
    let ada = Person::named("ada");
    stage.connect(caller, &ada).await.expect(200);
    stage.provider.misbehave("/user/emails", Act::Hang);
    let asked = stage.provider.seen("/user/emails").len();
    let again = stage.connect(caller, &ada);
    let other = async {
        wait_for("the provider is asked", SOON, async || {
            (stage.provider.seen("/user/emails").len() > asked).then_some(())
        })
        .await;
        meanwhile().await;
        stage.provider.behave();
    };
    tokio::join!(again, other).0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_linked_already_is_shown_to_no_session_that_a_new_password_has_ended() {
    let stage = Stage::of(Kind::GitHub).await;
    let account = Account::named("owner");
    let ended = account.register(&stage.api()).await.on(&stage.api());
    let kept: Tokens = account.login(&stage.api()).await;
    let reply = connected_again(&stage, &ended, async || {
        let body = json!({ "old_password": account.password, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD });
        kept.on(&stage.api()).post("password/change/", body).await.expect(200);
    })
    .await;
    is_refused(&reply);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_linked_already_is_shown_to_nobody_who_is_disabled() {
    let stage = Stage::of(Kind::GitHub).await;
    let owner = Account::named("owner").register(&stage.api()).await.on(&stage.api());
    let reply = connected_again(&stage, &owner, async || {
        stage.server.run(&["user", "disable", "owner"]).succeeded();
    })
    .await;
    is_refused(&reply);
}

#[track_caller]
fn is_refused(reply: &Reply) {
    // 503 where what happened meanwhile took longer than a provider may.
    assert!([401, 503].contains(&reply.status), "{reply:?}");
}
