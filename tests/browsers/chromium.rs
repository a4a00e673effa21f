//! A real browser, with a front end at one address, Stele at another and the provider at a third, as they are in the world.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::front::Front;
use crate::support::{
    Account, Home, Server,
    browser::{Browser, Page},
    providers::{Kind, PASSWORD_THERE, Person, Provider},
};

/// Stele and all that belongs to it; the front end and the provider each under a name of their own, so that each is another site.
struct World {
    google: Provider,
    server: Server,
    origin: String,
    _front: super::front::Running,
}

impl World {
    async fn begin() -> Self {
        let (google, front) = (Provider::start(Kind::Google).await, Front::new().await);
        let origin = front.origin();
        let mut home = Home::bare(&[
            ("STELE_SOCIAL__RETURN_URL", &format!("{origin}/in#")),
            ("STELE_API__CORS_ORIGINS", &json!([origin]).to_string()),
        ]);
        home.enable(Kind::Google, &google);
        home.set(
            &Kind::Google.setting("AUTH_URL"),
            &google.authorize_url().replace("127.0.0.1", "localhost"),
        );
        let server = Server::at(home).await;
        google.allow_callback(&format!("http://{}/social/google/callback", server.address()));
        let front = front.serve(server.address());
        Self { google, server, origin, _front: front }
    }

    /// From the front end's button to what it hears in the end.
    async fn logs_in(&self, page: &Page<'_>, button: &str, person: &Person) -> Value {
        page.open(&self.origin).await;
        page.press(button).await;
        page.fill("[name=login]", &person.login).await;
        page.fill("[name=password]", PASSWORD_THERE).await;
        page.press("[value=allow]").await;
        self.told(page).await
    }

    async fn told(&self, page: &Page<'_>) -> Value {
        serde_json::from_str(&page.text("#told").await).expect("what the front end heard")
    }
}

#[tokio::test]
#[ignore = "needs Chromium (apt-get install chromium); ./test runs it where it is"]
async fn in_chromium_a_person_logs_in_at_a_provider_and_nothing_of_it_works_again() {
    let (world, browser) = (World::begin().await, Browser::start());
    let person = Person::named("ada");
    world.google.has(&person);
    let page = browser.stranger().await;
    let told = world.logs_in(&page, "#google", &person).await;
    assert_eq!((&told["status"], &told["user"]["email"]), (&json!(200), &json!("ada@example.com")), "{told}");
    assert!(!page.url().await.contains("code="), "the code is out of the address bar");
    world.server.api().bearer(told["access"].as_str().unwrap()).get("user/").await.expect(200);

    let code = page.until("what was used", "window.used").await;
    world.server.api().post("/social/login/", code).await.expect(400);

    // What the browser came back with, once more, and in the browser of somebody else.
    let [callback] = world.google.seen("/token").try_into().expect("one code");
    let state = world.google.seen("/o/oauth2/v2/auth")[0].field("state").unwrap();
    let mut address = reqwest::Url::parse(&callback.field("redirect_uri").unwrap()).unwrap();
    address
        .query_pairs_mut()
        .append_pair("state", &state)
        .append_pair("code", &callback.field("code").unwrap());
    for page in [&page, &browser.stranger().await] {
        page.open(address.as_str()).await;
        assert_eq!(page.text("h1").await, "This login can't be finished");
        // For whoever wants to see it.
        let picture = Path::new(env!("CARGO_TARGET_TMPDIR")).join("login-that-is-over.png");
        fs::write(picture, page.picture().await).unwrap();
    }
    assert_eq!(world.google.seen("/token").len(), 1, "the provider was not asked again");
}

#[tokio::test]
#[ignore = "needs Chromium (apt-get install chromium); ./test runs it where it is"]
async fn in_chromium_a_user_connects_an_account_and_comes_in_by_it_or_declines() {
    let (world, browser) = (World::begin().await, Browser::start());
    let (ada, person) = (Account::named("ada"), Person::named("grace"));
    let tokens = ada.register(&world.server.api()).await;
    world.google.has(&person);
    let page = browser.stranger().await;
    page.open(&world.origin).await;
    let known = format!("sessionStorage.setItem('access', {}) ?? true", json!(tokens.access()));
    page.until("she is logged in", &known).await;
    let told = world.logs_in(&page, "#connect", &person).await;
    assert_eq!((&told["status"], &told["user"]["username"]), (&json!(200), &json!("ada")), "{told}");

    let elsewhere = browser.stranger().await;
    let told = world.logs_in(&elsewhere, "#google", &person).await;
    assert_eq!(told["user"]["username"], json!("ada"), "{told}");

    elsewhere.open(&world.origin).await;
    elsewhere.press("#google").await;
    elsewhere.press("[value=deny]").await;
    assert_eq!(world.told(&elsewhere).await, json!({"error": "access_denied"}));
}
