//! What people and their clients do from the first request to the last, in every way to show who one is.

mod origins;
mod pages;
mod positions;
mod pressure;
mod sessions;
mod whole;

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::{Caller, Reply};

/// How a client shows who he is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Bearer,
    Key,
    Cookies,
}

const WAYS: [Way; 3] = [Way::Bearer, Way::Key, Way::Cookies];

impl Way {
    fn settings(self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::Bearer => vec![("STELE_AUTH__TOKENS", "jwt")],
            Self::Key => vec![("STELE_AUTH__TOKENS", "key")],
            Self::Cookies => vec![
                ("STELE_AUTH__TOKENS", "jwt"),
                ("STELE_JWT__ACCESS_COOKIE", "auth"),
                ("STELE_JWT__REFRESH_COOKIE", "refresh"),
            ],
        }
    }
}

/// One client: what he was given, and how he shows it.
#[derive(Clone, Debug)]
struct Device {
    way: Way,
    access: String,
    refresh: String,
}

impl Device {
    /// What an answer to a login or registration gave.
    #[track_caller]
    fn given(way: Way, reply: &Reply) -> Self {
        let cookies = reply.cookies();
        let (access, refresh) = match way {
            Way::Key => (reply.at("/key"), String::new()),
            Way::Bearer => (reply.at("/access"), reply.at("/refresh")),
            Way::Cookies => {
                assert_eq!(reply.at("/refresh"), "", "the refresh token stands in a cookie alone");
                (cookies["auth"].clone(), cookies["refresh"].clone())
            }
        };
        assert_eq!(way == Way::Cookies, !cookies.is_empty(), "{reply:?}");
        Self { way, access, refresh }
    }

    fn on(&self, api: &Caller) -> Caller {
        match self.way {
            Way::Bearer => api.bearer(&self.access),
            Way::Key => api.key(&self.access),
            Way::Cookies => api.with("cookie", &format!("auth={}; refresh={}", self.access, self.refresh)),
        }
    }

    async fn is_in(&self, api: &Caller) -> bool {
        let reply = self.on(api).get("user/").await;
        assert!(matches!(reply.status, 200 | 401), "{reply:?}");
        reply.status == 200
    }

    /// The answer to a refresh; keeps what it gave.
    async fn refresh(&mut self, api: &Caller) -> Reply {
        let reply = if self.way == Way::Cookies {
            self.on(api).post("token/refresh/", json!({})).await
        } else {
            api.post("token/refresh/", json!({"refresh": self.refresh})).await
        };
        if reply.status == 200 {
            let mut given: BTreeMap<String, String> = match self.way {
                Way::Cookies => reply.cookies(),
                _ => [("auth", "/access"), ("refresh", "/refresh")]
                    .map(|(name, place)| (name.to_owned(), reply.at(place)))
                    .into(),
            };
            self.access = given.remove("auth").expect("a new access token");
            self.refresh = given.remove("refresh").expect("a new refresh token");
        }
        reply
    }

    async fn log_out(&self, api: &Caller) -> Reply {
        let body = if self.way == Way::Bearer { json!({"refresh": self.refresh}) } else { json!({}) };
        self.on(api).post("logout/", body).await
    }
}
