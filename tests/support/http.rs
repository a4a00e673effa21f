//! One line for each HTTP call. No cookies are kept and no redirect is followed: a test sees what the server said.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Client, Method, RequestBuilder, redirect};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use super::{Looks, number_in};

/// How long a read model may lag.
const LAG: Duration = Duration::from_mins(1);

/// Where connections live. On the thread of a test nobody would close them while it waits for its server to end, and that lingers for two
/// seconds then.
fn connections() -> &'static Runtime {
    static ALL: OnceLock<Runtime> = OnceLock::new();
    ALL.get_or_init(|| Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap())
}

/// Someone who talks to a server, with the headers that he always sends.
#[derive(Clone)]
pub(crate) struct Caller {
    client: Client,
    address: String,
    headers: HeaderMap,
}

impl Caller {
    pub(crate) fn to(address: &str) -> Self {
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(90))
            .build()
            .unwrap();
        Self { client, address: address.to_owned(), headers: HeaderMap::new() }
    }

    /// The same, with one more header on everything he sends.
    pub(crate) fn with(&self, name: &'static str, value: &str) -> Self {
        let mut headers = self.headers.clone();
        headers.insert(HeaderName::from_static(name), value.parse().unwrap());
        Self { headers, ..self.clone() }
    }

    pub(crate) fn bearer(&self, access: &str) -> Self {
        self.with("authorization", &format!("Bearer {access}"))
    }

    pub(crate) fn key(&self, key: &str) -> Self {
        self.with("authorization", &format!("Token {key}"))
    }

    /// A request to be shaped further; `path` is below the base path unless it starts with a slash.
    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let below = if path.starts_with('/') { path.to_owned() } else { format!("/dj-rest-auth/{path}") };
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.client.request(method, format!("http://{}{below}", self.address)).headers(self.headers.clone())
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        Reply::to(self.request("GET", path)).await
    }

    /// Comes back for as long as it is told to, as it is while what is read lags.
    pub(crate) async fn insist(&self, path: &str) -> Reply {
        let looks = Looks::begin(LAG);
        loop {
            let reply = self.get(path).await;
            if reply.status != 503 {
                return reply;
            }
            comes_back_later(&reply, 503);
            looks.again(path).await;
        }
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        Reply::to(self.request("DELETE", path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        Reply::to(self.request("POST", path).json(&body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Reply {
        Reply::to(self.request("PATCH", path).json(&body)).await
    }
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) async fn to(request: RequestBuilder) -> Self {
        Self::try_to(request).await.expect("the server answers, and its answer is whole")
    }

    /// None where the server was gone before its answer was whole.
    pub(crate) async fn try_to(request: RequestBuilder) -> Option<Self> {
        let answered = async move {
            let response = request.send().await.ok()?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            Some(Self { status, headers, text: response.text().await.ok()? })
        };
        // Given up with whoever waits for it.
        let mut asked = JoinSet::new();
        asked.spawn_on(answered, connections().handle());
        asked.join_next().await.and_then(Result::ok).flatten()
    }

    /// Itself, if it has this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "body: {}", self.text);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }

    /// A header, if it is there and is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Where the newest event stands that it tells of, if it says so.
    #[track_caller]
    pub(crate) fn position(&self) -> Option<u64> {
        self.header("stele-position").map(number_in)
    }

    /// The cookies it sets, by name; a cleared one is empty.
    pub(crate) fn cookies(&self) -> BTreeMap<String, String> {
        let lines = self.headers.get_all("set-cookie").iter();
        let pairs = lines.filter_map(|line| line.to_str().ok()?.split(';').next()?.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned())).collect()
    }

    /// The text at a JSON pointer.
    #[track_caller]
    pub(crate) fn at(&self, pointer: &str) -> String {
        let body = self.json();
        let text = body.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("no text at {pointer}: {self:?}")).to_owned()
    }
}

/// Refused for now: says in how many seconds to come back, and says nothing but one sentence.
#[track_caller]
pub(crate) fn comes_back_later(reply: &Reply, status: u16) -> u64 {
    assert_eq!(reply.status, status, "{reply:?}");
    let seconds: u64 = reply.header("retry-after").expect("Retry-After").parse().expect("seconds");
    assert!(seconds > 0, "{reply:?}");
    let body = reply.json();
    assert!(body["detail"].is_string() && body.as_object().unwrap().len() == 1, "{reply:?}");
    seconds
}
