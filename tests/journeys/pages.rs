//! The small pages behind the links in mails: with nothing set, a person with a browser gets by. Looking changes nothing
//! (mail scanners look, too); the button does.

use reqwest::Url;
use serde_json::json;

use crate::support::{Account, Caller, Home, Mail, NEW_PASSWORD, PASSWORD, Reply, Server};

/// Stele as it comes, but that an address must be verified before the first login.
async fn server() -> Server {
    Server::at(Home::bare(&[
        ("STELE_AUTH__EMAIL_VERIFICATION", "mandatory"),
        ("STELE_LIMITS__ENABLED", "false"),
    ]))
    .await
}

/// Path and query of the link in the newest mail to `account`.
async fn link(server: &Server, account: &Account) -> String {
    let first = |mail: &Mail| mail.links().into_iter().next();
    let url: Url = server.newest(&account.email, first).await.expect("a link alone on its line");
    let origin = url.origin().ascii_serialization();
    assert_eq!(origin, format!("http://{}", server.address()), "links lead to Stele itself");
    url.as_str()[origin.len()..].to_owned()
}

/// The one form of a page: where it goes, and what its fields hold.
struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

impl Form {
    #[track_caller]
    fn on(page: &Reply, path: &str) -> Self {
        let html = &page.text;
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"), "{page:?}");
        let tags = |name: &str| -> Vec<&str> {
            let opening = format!("<{name}");
            let opened = html.split(opening.as_str()).skip(1);
            opened.map(|rest| rest.split('>').next().unwrap()).collect()
        };
        let [form] = tags("form")[..] else { panic!("one form is wanted: {html}") };
        assert_eq!(attribute(form, "method").unwrap_or_default().to_lowercase(), "post", "{html}");
        let fields = tags("input")
            .into_iter()
            .filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default())));
        Self {
            action: resolved(path, &attribute(form, "action").unwrap_or_default()),
            fields: fields.collect(),
        }
    }

    /// Every password field filled with `password`.
    fn filled(mut self, password: &str) -> Self {
        for (name, value) in &mut self.fields {
            if name.contains("password") {
                password.clone_into(value);
            }
        }
        self
    }

    /// Sends it as a browser does that was told to send no referrer.
    async fn send(&self, api: &Caller) -> Reply {
        let request = api.request("POST", &self.action).form(&self.fields);
        Reply::to(request.header("sec-fetch-site", "same-origin").header("origin", "null")).await
    }
}

/// Where a browser that shows `page` goes for `action`: path and query.
fn resolved(page: &str, action: &str) -> String {
    let page = Url::parse("http://stele.test").unwrap().join(page).unwrap();
    let target = page.join(action).expect("an action is an address");
    assert_eq!(target.origin(), page.origin(), "a form leads elsewhere: {action}");
    match target.query() {
        Some(query) => format!("{}?{query}", target.path()),
        None => target.path().to_owned(),
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split(&format!(" {name}=\"")).nth(1)?.split('"').next()?;
    let entities =
        [("&quot;", "\""), ("&#x27;", "'"), ("&#x2f;", "/"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
    Some(entities.iter().fold(value.to_owned(), |text, (entity, plain)| text.replace(entity, plain)))
}

#[tokio::test]
async fn a_person_verifies_an_address_by_a_link_and_a_button() {
    let server = server().await;
    let (api, account) = (server.api(), Account::named("person"));
    api.post("registration/", account.registration()).await.expect(201);
    let path = link(&server, &account).await;
    let page = api.get(&path).await.expect(200);
    api.get(&path).await.expect(200);
    account.try_login(&api, PASSWORD).await.expect(400);
    let form = Form::on(&page, &path);
    form.send(&api).await.expect(200);
    account.login(&api).await;
    let again = form.send(&api).await;
    assert!((400..500).contains(&again.status), "a link works once: {again:?}");
    account.login(&api).await;
}

#[tokio::test]
async fn a_person_sets_a_new_password_by_a_link_and_a_form() {
    let server = server().await;
    let (api, mut account) = (server.api(), Account::named("person"));
    api.post("registration/", account.registration()).await.expect(201);
    let key = link(&server, &account).await;
    Form::on(&api.get(&key).await, &key).send(&api).await.expect(200);
    let device = account.login(&api).await;
    api.post("password/reset/", json!({"email": account.email})).await.expect(200);
    let path = link(&server, &account).await;
    let page = api.get(&path).await.expect(200);
    device.on(&api).get("user/").await.expect(200);
    let weak = Form::on(&page, &path).filled("12345").send(&api).await;
    assert_eq!(weak.status, 400, "{weak:?}");
    assert!(weak.text.contains("too short"), "{weak:?}");
    account.login(&api).await;
    let good = Form::on(&page, &path).filled(NEW_PASSWORD);
    assert!(good.fields.iter().filter(|(_, value)| value == NEW_PASSWORD).count() >= 2);
    let done = good.send(&api).await.expect(200);
    assert!(!done.text.contains(NEW_PASSWORD), "{done:?}");
    device.on(&api).get("user/").await.expect(401);
    account.try_login(&api, PASSWORD).await.expect(400);
    NEW_PASSWORD.clone_into(&mut account.password);
    account.login(&api).await;
    let again = good.send(&api).await;
    assert!((400..500).contains(&again.status), "a link works once: {again:?}");
}

#[tokio::test]
async fn a_page_cannot_be_framed_cached_or_made_to_run_what_a_link_says() {
    let server = server().await;
    let (api, account) = (server.api(), Account::named("person"));
    api.post("registration/", account.registration()).await.expect(201);
    let path = link(&server, &account).await;
    let page = api.get(&path).await.expect(200);
    let policy = page.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"), "{page:?}");
    assert!(page.header("cache-control").is_some_and(|rule| rule.contains("no-store")), "{page:?}");
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    let script = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
    let key = path.rsplit(['=', '/']).find(|part| part.len() > 10).expect("a key in the link");
    let reply = api.get(&path.replace(key, script)).await;
    assert!(!reply.text.contains("<script>alert"), "{reply:?}");
    assert!(reply.status < 500, "{reply:?}");
}
