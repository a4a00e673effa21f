//! One name or address, many who want it at once: exactly one gets it, and the others hear why.

use serde_json::json;

use crate::support::{Account, Mail, PASSWORD, Reply, Server, Tokens, together};

const RACERS: usize = 50;

fn count(replies: &[Reply], status: u16) -> usize {
    replies.iter().filter(|reply| reply.status == status).count()
}

async fn register_all(server: &Server, accounts: Vec<Account>) -> Vec<Reply> {
    let tries = accounts.into_iter().map(|account| {
        let api = server.api();
        async move { api.post("registration/", account.registration()).await }
    });
    together(tries).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_registrations_of_one_username_make_one_user() {
    let server = Server::start(&[]).await;
    let accounts = (0..RACERS)
        .map(|index| Account { email: format!("n{index}@example.com"), ..Account::named("wanted") });
    let replies = register_all(&server, accounts.collect()).await;
    assert_eq!((count(&replies, 201), count(&replies, 400)), (1, RACERS - 1), "{replies:#?}");
    let refused = replies.iter().filter(|reply| reply.status == 400);
    for reply in refused {
        assert_eq!(reply.json(), json!({"username": ["A user with that username already exists."]}));
    }
    Account::named("wanted").login(&server.api()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_registrations_of_one_address_make_one_user() {
    let server = Server::start(&[]).await;
    let email = "wanted@example.com".to_owned();
    let accounts =
        (0..RACERS).map(|index| Account { email: email.clone(), ..Account::named(&format!("n{index}")) });
    let replies = register_all(&server, accounts.collect()).await;
    assert_eq!((count(&replies, 201), count(&replies, 400)), (1, RACERS - 1), "{replies:#?}");
    let refused: Vec<_> = (0..RACERS).filter(|index| replies[*index].status == 400).collect();
    let again = refused.iter().map(|index| Account::named(&format!("n{index}")));
    let replies = register_all(&server, again.collect()).await;
    assert_eq!(count(&replies, 201), RACERS - 1, "a refused registration holds no name: {replies:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_renamings_to_one_username_rename_one_user() {
    let server = Server::start(&[]).await;
    let api = server.api();
    let mut users = Vec::new();
    for index in 0..10 {
        users.push(Account::named(&format!("n{index}")).register(&api).await);
    }
    let tries = users.iter().map(|tokens| {
        let user = tokens.on(&api);
        async move { user.patch("user/", json!({"username": "wanted"})).await }
    });
    let replies = together(tries).await;
    assert_eq!((count(&replies, 200), count(&replies, 400)), (1, 9), "{replies:#?}");
    let names = together(users.iter().map(|tokens| name(tokens.clone(), server.api()))).await;
    assert_eq!(names.iter().filter(|name| *name == "wanted").count(), 1, "{names:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_who_ask_for_one_address_and_ten_who_register_with_it_make_one_holder() {
    let server = Server::start(&[]).await;
    let (api, email) = (server.api(), "wanted@example.com");
    let mut users = Vec::new();
    for index in 0..10 {
        users.push(Account::named(&format!("n{index}")).register(&api).await);
    }
    let asking = users.iter().map(|tokens| {
        let user = tokens.on(&api);
        async move { user.post("email/change/", json!({"email": email, "password": PASSWORD})).await }
    });
    let comers =
        (0..10).map(|index| Account { email: email.to_owned(), ..Account::named(&format!("late{index}")) });
    let (asked, registered) = tokio::join!(together(asking), register_all(&server, comers.collect()));
    let won = count(&asked, 200) + count(&registered, 201);
    assert_eq!(won, 1, "{asked:#?} {registered:#?}");
    for lost in asked.iter().chain(&registered).filter(|reply| reply.status == 400) {
        let taken = json!({"email": ["User is already registered with this e-mail address."]});
        assert_eq!(lost.json(), taken);
    }
    assert_eq!(count(&asked, 400) + count(&registered, 400), 19, "{asked:#?} {registered:#?}");
    let mails = server.mails().await;
    let links: Vec<_> = mails.iter().filter(|mail| mail.is_to(email)).filter_map(Mail::verify_key).collect();
    assert_eq!(links.len(), 1, "only who got the address is written to there");
    api.post("registration/verify-email/", json!({"key": links[0]})).await.expect(200);
    let login = json!({"email": email, "password": PASSWORD});
    api.post("login/", login).await.expect(200);
}

async fn name(tokens: Tokens, api: crate::support::Caller) -> String {
    tokens.on(&api).get("user/").await.expect(200).at("/username")
}
