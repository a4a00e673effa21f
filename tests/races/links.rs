//! One link of a mail, used many times at once.

use serde_json::json;

use crate::support::{Account, PASSWORD, Server, together};

const RACERS: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_link_works_once() {
    let server = Server::start(&[]).await;
    let (api, mut account) = (server.api(), Account::named("forgetful"));
    account.register(&api).await;
    api.post("password/reset/", json!({"email": account.email})).await.expect(200);
    let (uid, token) = server.reset_link(&account.email).await;
    let tries = (0..RACERS).map(|index| {
        let new = format!("{PASSWORD}-{index}");
        let body = json!({"uid": uid, "token": token, "new_password1": new, "new_password2": new});
        let api = api.clone();
        async move { (api.post("password/reset/confirm/", body).await, new) }
    });
    let (won, lost): (Vec<_>, Vec<_>) =
        together(tries).await.into_iter().partition(|(reply, _)| reply.status == 200);
    assert_eq!(won.len(), 1, "{won:#?}");
    for (reply, new) in lost {
        assert_eq!(reply.expect(400).json(), json!({"token": ["Invalid value"]}));
        account.try_login(&api, &new).await.expect(400);
    }
    account.password.clone_from(&won[0].1);
    account.login(&api).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verification_link_verifies_once() {
    let server = Server::start(&[("STELE_AUTH__EMAIL_VERIFICATION", "mandatory")]).await;
    let (api, account) = (server.api(), Account::named("new"));
    api.post("registration/", account.registration()).await.expect(201);
    account.try_login(&api, PASSWORD).await.expect(400);
    let key = server.verify_key(&account.email).await;
    let tries = (0..RACERS).map(|_| {
        let (api, body) = (api.clone(), json!({"key": key}));
        async move { api.post("registration/verify-email/", body).await.status }
    });
    let statuses = together(tries).await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 404)), "{statuses:?}");
    account.login(&api).await;
}
