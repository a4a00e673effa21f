//! `jwt.algorithm`: each of them serves a whole session, publishes no more than what verifies, and is followed by another
//! without the loss of a token.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Account, Caller, Server, Tokens, header};

const ALGORITHM: &str = "STELE_JWT__ALGORITHM";

/// The type of a public key, and the members that hold it.
type Public = (&'static str, &'static [&'static str]);

/// With what is published of a key; HS256 has nothing to publish.
const ALGORITHMS: [(&str, Option<Public>); 4] = [
    ("EdDSA", Some(("OKP", &["crv", "x"]))),
    ("ES256", Some(("EC", &["crv", "x", "y"]))),
    ("RS256", Some(("RSA", &["n", "e"]))),
    ("HS256", None),
];

async fn published(api: &Caller) -> Vec<Value> {
    let jwks = api.get("/.well-known/jwks.json").await.expect(200).json();
    jwks["keys"].as_array().expect("a list").clone()
}

/// Opens what it should, is judged good, and refreshes to tokens that do the same.
async fn are_good(api: &Caller, tokens: &Tokens) -> Tokens {
    tokens.on(api).get("user/").await.expect(200);
    for token in tokens.secrets() {
        api.post("token/verify/", json!({"token": token})).await.expect(200);
    }
    let next = tokens.refreshed(api).await;
    next.on(api).get("user/").await.expect(200);
    next
}

#[track_caller]
fn are_signed_with(tokens: &Tokens, algorithm: &str) {
    for token in tokens.secrets() {
        assert_eq!(header(&token)["alg"], algorithm);
    }
}

/// Exactly these members beside the four that every key has: nothing private has a place among them.
#[track_caller]
fn is_public(key: &Value, algorithm: &str, (kind, members): Public) {
    assert_eq!((&key["kty"], &key["alg"], &key["use"]), (&json!(kind), &json!(algorithm), &json!("sig")));
    let wanted: BTreeSet<&str> = members.iter().chain(&["kty", "alg", "use", "kid"]).copied().collect();
    let found: BTreeSet<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(found, wanted, "{key}");
}

#[tokio::test]
async fn a_session_lives_under_every_algorithm_and_its_key_is_published_without_what_is_private() {
    for (algorithm, public) in ALGORITHMS {
        let mut server = Server::start(&[(ALGORITHM, algorithm)]).await;
        let account = Account::named("holder");
        let registered = account.register(&server.api()).await;
        server.restart().await;
        let api = server.api();
        for tokens in [registered, account.login(&api).await] {
            are_signed_with(&tokens, algorithm);
            are_signed_with(&are_good(&api, &tokens).await, algorithm);
            let (signed, last) = tokens.access().split_at(tokens.access().len() - 6);
            let torn = format!("{signed}{}", if last == "AAAAAA" { "BBBBBB" } else { "AAAAAA" });
            api.bearer(&torn).get("user/").await.expect(401);
        }
        let keys = published(&api).await;
        match public {
            Some(public) => {
                assert_eq!(keys.len(), 1, "{algorithm}: {keys:?}");
                is_public(&keys[0], algorithm, public);
                assert_eq!(keys[0]["kid"], header(account.login(&api).await.access())["kid"]);
            }
            None => assert_eq!(keys, Vec::<Value>::new(), "a secret is never published"),
        }
    }
}

#[tokio::test]
async fn after_a_change_of_algorithm_old_tokens_stay_good_and_new_ones_are_signed_anew() {
    let mut server = Server::start(&[(ALGORITHM, ALGORITHMS[0].0)]).await;
    let account = Account::named("holder");
    account.register(&server.api()).await;
    let (mut kept, mut renewed): (Vec<Tokens>, Option<Tokens>) = (Vec::new(), None);
    for (index, (algorithm, _)) in ALGORITHMS.into_iter().enumerate() {
        server.home_mut().set(ALGORITHM, algorithm);
        server.restart().await;
        let api = server.api();
        for (old, (signed, _)) in kept.iter().zip(ALGORITHMS) {
            are_signed_with(old, signed);
            old.on(&api).get("user/").await.expect(200);
            api.post("token/verify/", json!({"token": old.refresh()})).await.expect(200);
        }
        if let Some(old) = renewed.take() {
            are_signed_with(&are_good(&api, &old).await, algorithm);
        }
        kept.push(account.login(&api).await);
        renewed = Some(account.login(&api).await);
        are_signed_with(&kept[index], algorithm);
        let keys = published(&api).await;
        let algorithms: BTreeSet<&str> = keys.iter().map(|key| key["alg"].as_str().unwrap()).collect();
        let known = ALGORITHMS[..=index].iter().filter(|(_, public)| public.is_some());
        assert_eq!(algorithms, known.map(|(name, _)| *name).collect());
        assert_eq!(keys.len(), algorithms.len(), "{keys:?}");
    }
}
