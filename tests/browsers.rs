//! People in browsers who log in at somebody else's: sent there, let back in, and handed over to a front end. Nobody but the browser
//! that was sent can come back, and nothing of it works twice.

mod chromium;
mod finished;
mod front;
mod refused;
mod sent;

use reqwest::Url;

use crate::support::{
    Caller, Home, Reply, Server,
    providers::{Kind, OUR_APP, OUR_SECRET, PASSWORD_THERE, Person, Provider},
};

const FRONT_END: &str = "http://front.test/in#";

/// A provider and a Stele that knows it.
struct Stage {
    provider: Provider,
    server: Server,
    name: &'static str,
}

impl Stage {
    async fn set(kind: Kind) -> Self {
        let provider = Provider::start(kind).await;
        let home = home(kind, &provider, &[]);
        let server = Server::at(home).await;
        Self::with(kind, provider, server)
    }

    fn with(kind: Kind, provider: Provider, server: Server) -> Self {
        let name = name(kind);
        provider.allow_callback(&format!("http://stele.test/social/{name}/callback"));
        Self { provider, server, name }
    }

    /// A browser is sent to the provider.
    async fn begin(&self) -> Sent {
        self.begin_with("").await
    }

    /// As [`begin`](Self::begin), with this query.
    async fn begin_with(&self, query: &str) -> Sent {
        let path = format!("/social/{}/start{query}", self.name);
        Sent::by(&self.server.api().get(&path).await)
    }

    /// What the provider sends the browser back with once this person has logged in there: path and query.
    async fn back(&self, sent: &Sent, person: &Person) -> String {
        self.answered(sent, &person.login, "allow").await
    }

    async fn declined(&self, sent: &Sent) -> String {
        self.answered(sent, "", "deny").await
    }

    async fn answered(&self, sent: &Sent, login: &str, answer: &str) -> String {
        let there = Caller::to(self.provider.address());
        let path = sent.target.as_str().strip_prefix(self.provider.url()).expect("it leads to the provider");
        let fields = [("login", login), ("password", PASSWORD_THERE), ("answer", answer)];
        let reply = Reply::to(there.request("POST", path).form(&fields)).await.expect(303);
        let location = reply.header("location").expect("a location");
        location.strip_prefix("http://stele.test").expect("back to Stele").to_owned()
    }

    /// The code that this person's login leaves with the front end.
    async fn code(&self, sent: &Sent, person: &Person) -> String {
        let path = self.back(sent, person).await;
        handed_over(&sent.on(&self.server.api()).get(&path).await)
    }
}

/// A browser that was sent to a provider.
struct Sent {
    target: Url,
    cookie: String,
}

impl Sent {
    #[track_caller]
    fn by(reply: &Reply) -> Self {
        assert_eq!(reply.status, 303, "{reply:?}");
        let target = reply.header("location").expect("a location").parse().expect("an address");
        let set = reply.header("set-cookie").expect("a cookie");
        Self { target, cookie: set.split(';').next().unwrap().to_owned() }
    }

    fn on(&self, api: &Caller) -> Caller {
        api.with("cookie", &self.cookie)
    }

    #[track_caller]
    fn asked(&self, name: &str) -> String {
        let found = self.target.query_pairs().find(|(key, _)| key == name);
        found.unwrap_or_else(|| panic!("{name} is not asked: {}", self.target)).1.into_owned()
    }
}

/// What an answer tells the front end, under this name.
#[track_caller]
fn told(reply: &Reply, name: &str) -> String {
    assert_eq!(reply.status, 303, "{reply:?}");
    let location = reply.header("location").expect("a location");
    let result =
        location.strip_prefix(FRONT_END).unwrap_or_else(|| panic!("not to the front end: {location}"));
    let (key, value) = result.split_once('=').expect("a result");
    assert_eq!(key, name, "{location}");
    value.to_owned()
}

#[track_caller]
fn handed_over(reply: &Reply) -> String {
    told(reply, "code")
}

const fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Google => "google",
        Kind::GitHub => "github",
        Kind::Facebook => "facebook",
        Kind::Twitter => "twitter",
        Kind::Oidc => "example",
    }
}

/// What Stele is told of a provider.
fn settings(kind: Kind, provider: &Provider) -> Vec<(String, String)> {
    let section = match kind {
        Kind::Oidc => "OIDC__EXAMPLE".to_owned(),
        _ => name(kind).to_uppercase(),
    };
    let url = |path: &str| format!("{}{path}", provider.url());
    let of_kind = match kind {
        Kind::Oidc => vec![("ISSUER", url(""))],
        Kind::Twitter => vec![("API_URL", url(""))],
        _ => vec![
            ("API_URL", url("")),
            ("AUTH_URL", provider.authorize_url()),
            ("TOKEN_URL", provider.token_url()),
        ],
    };
    let client = [("CLIENT_ID", OUR_APP.to_owned()), ("CLIENT_SECRET", OUR_SECRET.to_owned())];
    let named = |(key, value): (&str, String)| (format!("STELE_SOCIAL__{section}__{key}"), value);
    client.into_iter().chain(of_kind).map(named).collect()
}

/// Where a Stele lives that knows this provider and a front end.
fn home(kind: Kind, provider: &Provider, env: &[(&str, &str)]) -> Home {
    let mut home = Home::new(&[&[("STELE_SOCIAL__RETURN_URL", FRONT_END)], env].concat());
    for (setting, value) in settings(kind, provider) {
        home.set(&setting, &value);
    }
    home
}
