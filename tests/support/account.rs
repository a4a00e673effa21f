//! A person of a test: registers, logs in, and holds what the server gave him.

use serde_json::{Value, json};

use super::{Caller, Reply};

pub(crate) const PASSWORD: &str = "Corr3ct-horse-battery";
pub(crate) const NEW_PASSWORD: &str = "N3w-staple-battery";

#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) username: String,
    pub(crate) email: String,
    pub(crate) password: String,
}

/// What a login gave, in either token mode.
#[derive(Clone, Debug)]
pub(crate) enum Tokens {
    Key(String),
    Pair { access: String, refresh: String },
}

impl Account {
    pub(crate) fn named(username: &str) -> Self {
        let email = format!("{username}@example.com");
        Self { username: username.to_owned(), email, password: PASSWORD.to_owned() }
    }

    pub(crate) fn registration(&self) -> Value {
        let Self { username, email, password } = self;
        json!({"username": username, "email": email, "password1": password, "password2": password})
    }

    /// Registers, which must succeed, and answers the session that came with it.
    pub(crate) async fn register(&self, api: &Caller) -> Tokens {
        Tokens::of(&api.post("registration/", self.registration()).await.expect(201))
    }

    pub(crate) async fn try_login(&self, api: &Caller, password: &str) -> Reply {
        api.post("login/", json!({"username": self.username, "password": password})).await
    }

    pub(crate) async fn login(&self, api: &Caller) -> Tokens {
        Tokens::of(&self.try_login(api, &self.password).await.expect(200))
    }
}

impl Tokens {
    #[track_caller]
    pub(crate) fn of(reply: &Reply) -> Self {
        if reply.json().get("key").is_some() {
            return Self::Key(reply.at("/key"));
        }
        Self::Pair { access: reply.at("/access"), refresh: reply.at("/refresh") }
    }

    /// A caller who shows this session's credentials.
    pub(crate) fn on(&self, api: &Caller) -> Caller {
        match self {
            Self::Key(key) => api.key(key),
            Self::Pair { access, .. } => api.bearer(access),
        }
    }

    #[track_caller]
    pub(crate) fn refresh(&self) -> &str {
        match self {
            Self::Pair { refresh, .. } => refresh,
            Self::Key(_) => panic!("a key has no refresh token"),
        }
    }

    #[track_caller]
    pub(crate) fn access(&self) -> &str {
        match self {
            Self::Pair { access, .. } => access,
            Self::Key(key) => key,
        }
    }

    pub(crate) async fn try_refresh(&self, api: &Caller) -> Reply {
        api.post("token/refresh/", json!({"refresh": self.refresh()})).await
    }

    /// Refreshes, which must succeed, and answers the tokens to go on with.
    pub(crate) async fn refreshed(&self, api: &Caller) -> Self {
        Self::of(&self.try_refresh(api).await.expect(200))
    }

    /// Every secret in it.
    pub(crate) fn secrets(&self) -> Vec<String> {
        match self {
            Self::Key(key) => vec![key.clone()],
            Self::Pair { access, refresh } => vec![access.clone(), refresh.clone()],
        }
    }
}
