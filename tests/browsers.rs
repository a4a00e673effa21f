//! People in browsers who log in at somebody else's: sent there, let back in, and handed over to a front end. Nobody but the browser
//! that was sent can come back, and nothing of it works twice.

mod chromium;
mod finished;
mod front;
mod refused;
mod sent;

use std::rc::Rc;

use reqwest::Url;

use crate::support::{
    Caller, Home, Reply, Server,
    providers::{Kind, PASSWORD_THERE, Person, Provider},
};

const FRONT_END: &str = "http://front.test/in#";

/// Providers that people are sent to in a browser.
const BY_BROWSER: [Kind; 4] = [Kind::Google, Kind::GitHub, Kind::Facebook, Kind::Oidc];

/// A Stele and one of the providers that it knows.
struct Stage {
    provider: Provider,
    server: Rc<Server>,
    kind: Kind,
}

impl Stage {
    async fn set(kind: Kind) -> Self {
        let [stage] = Self::set_all([kind]).await;
        stage
    }

    /// One Stele that knows all of these.
    async fn set_all<const N: usize>(kinds: [Kind; N]) -> [Self; N] {
        let (mut home, mut known) = (home(&[]), Vec::new());
        for kind in kinds {
            let provider = Provider::start(kind).await;
            home.enable(kind, &provider);
            known.push((kind, provider));
        }
        let server = Rc::new(Server::at(home).await);
        let stage = |(kind, provider)| Self::with(kind, provider, Rc::clone(&server));
        let stages: Vec<Self> = known.into_iter().map(stage).collect();
        stages.try_into().unwrap_or_else(|_| panic!("one for each"))
    }

    fn with(kind: Kind, provider: Provider, server: Rc<Server>) -> Self {
        provider.allow_callback(&format!("http://stele.test/social/{}/callback", kind.name()));
        Self { provider, server, kind }
    }

    /// Somebody who has an account at this provider alone.
    fn somebody(&self) -> Person {
        let person = Person::named(self.kind.name());
        self.provider.has(&person);
        person
    }

    async fn restart(&mut self) {
        Rc::get_mut(&mut self.server).expect("nobody else has it").restart().await;
    }

    /// A browser is sent to the provider.
    async fn begin(&self) -> Sent {
        self.begin_with("").await
    }

    /// As [`begin`](Self::begin), with this query.
    async fn begin_with(&self, query: &str) -> Sent {
        let path = format!("/social/{}/start{query}", self.kind.name());
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

/// Where a Stele lives that knows a front end.
fn home(env: &[(&str, &str)]) -> Home {
    Home::new(&[&[("STELE_SOCIAL__RETURN_URL", FRONT_END)], env].concat())
}

/// As [`home`], with a provider.
fn home_with(kind: Kind, provider: &Provider, env: &[(&str, &str)]) -> Home {
    let mut home = home(env);
    home.enable(kind, provider);
    home
}
