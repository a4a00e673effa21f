//! Everything a user and an operator can do, with markers for all that is personal, and a note of every secret on the way.

use serde_json::{Value, json};

use super::needle::Needle;
use crate::support::{Account, Caller, Reply, SESSIONS, Server, Tokens};

const USERNAME: &str = "canaryuserq7x";
const RENAMED: &str = "canaryrenamedk2v";
const MAILBOX: &str = "canarymailboxw9t";
const FIRST_NAME: &str = "Canaryfirstp4s";
const LAST_NAME: &str = "Canarylastz8n";
const AGENT: &str = "canary-agent-r5m/1.0";
const ADDRESS: &str = "203.0.113.177";
const PASSWORD: &str = "Canary-pass-one-h3j";
const CHANGED: &str = "Canary-pass-two-b6f";
const RESET: &str = "Canary-pass-three-d1g";
const MISTYPED: &str = "Canary-pass-wrong-y2c";
const STRANGER: &str = "canarystrangerl5e";

const MARKERS: [&str; 12] = [
    USERNAME, RENAMED, MAILBOX, FIRST_NAME, LAST_NAME, AGENT, ADDRESS, PASSWORD, CHANGED, RESET, MISTYPED,
    STRANGER,
];

/// A secret shorter than this is no secret.
const SECRET: usize = 20;

/// What must not be found.
#[derive(Default)]
pub(super) struct Canary {
    secrets: Vec<(&'static str, String)>,
}

impl Canary {
    fn note(&mut self, name: &'static str, secret: &str) {
        self.secrets.push((name, secret.to_owned()));
        let tail = secret.rsplit(['.', ':', '-']).next().unwrap();
        if tail.len() >= SECRET && tail != secret {
            self.secrets.push((name, tail.to_owned()));
        }
    }

    fn note_all(&mut self, name: &'static str, tokens: &Tokens) {
        for secret in tokens.secrets() {
            self.note(name, &secret);
        }
    }

    pub(super) fn needles(&self) -> impl Iterator<Item = Needle> {
        let secrets = self.secrets.iter().map(|(name, secret)| Needle::new(name, secret));
        MARKERS.iter().map(|marker| Needle::new("a marker", marker)).chain(secrets)
    }
}

struct Flow<'a> {
    server: &'a Server,
    canary: &'a mut Canary,
    api: Caller,
    account: Account,
}

pub(super) async fn run(server: &Server, canary: &mut Canary) {
    let api = server.api().with("user-agent", AGENT).with("x-forwarded-for", ADDRESS);
    let email = format!("{MAILBOX}@example.com");
    let account = Account { username: USERNAME.to_owned(), email, password: PASSWORD.to_owned() };
    let mut flow = Flow { server, canary, api, account };
    flow.register_and_verify().await;
    flow.fail_in_many_ways().await;
    let tokens = flow.log_in().await;
    let tokens = flow.use_the_session(tokens).await;
    flow.change_and_reset(&tokens).await;
    flow.operate().await;
    let tokens = flow.log_in().await;
    flow.log_out(tokens).await;
}

impl Flow<'_> {
    async fn post(&self, path: &str, body: Value) -> Reply {
        self.api.post(path, body).await
    }

    async fn register_and_verify(&mut self) {
        let tokens = self.account.register(&self.api).await;
        self.canary.note_all("a token of the registration", &tokens);
        let key = self.server.verify_key(&self.account.email).await;
        self.canary.note("a verification key", &key);
        self.post("registration/verify-email/", json!({"key": key})).await.expect(200);
        self.post("registration/resend-email/", json!({"email": self.account.email})).await.expect(200);
        self.post("registration/", self.account.registration()).await.expect(400);
    }

    async fn fail_in_many_ways(&self) {
        let stranger = format!("{STRANGER}@example.com");
        self.account.try_login(&self.api, MISTYPED).await.expect(400);
        self.post("login/", json!({"username": STRANGER, "password": MISTYPED})).await.expect(400);
        self.post("login/", json!({"email": stranger, "password": MISTYPED})).await.expect(400);
        self.post("password/reset/", json!({"email": stranger})).await.expect(200);
        let torn = format!(r#"{{"username": "{USERNAME}", "password": "{PASSWORD}""#);
        let request = self.api.request("POST", "login/").header("content-type", "application/json");
        Reply::to(request.body(torn)).await.expect(400);
        self.api.get(&format!("user/?token={PASSWORD}&email={MAILBOX}")).await.expect(401);
        self.api.get(&format!("/{USERNAME}/{PASSWORD}")).await.expect(404);
        let forged = [self.api.bearer(MISTYPED), self.api.key(MISTYPED), self.api.with("cookie", MISTYPED)];
        for caller in forged {
            caller.get("user/").await.expect(401);
        }
    }

    async fn log_in(&mut self) -> Tokens {
        let tokens = self.account.login(&self.api).await;
        let by_mail = json!({"email": self.account.email, "password": self.account.password});
        let other = Tokens::of(&self.post("login/", by_mail).await.expect(200));
        for tokens in [&tokens, &other] {
            self.canary.note_all("a token of a login", tokens);
        }
        tokens
    }

    /// Reads and changes the profile, looks at the sessions, refreshes; answers the tokens to go on with.
    async fn use_the_session(&mut self, tokens: Tokens) -> Tokens {
        let user = tokens.on(&self.api);
        user.get("user/").await.expect(200);
        let names = json!({"username": RENAMED, "first_name": FIRST_NAME, "last_name": LAST_NAME});
        user.patch("user/", names).await.expect(200);
        RENAMED.clone_into(&mut self.account.username);
        user.get(SESSIONS).await.expect(200);
        user.delete(SESSIONS).await;
        let Tokens::Pair { refresh, .. } = &tokens else {
            return tokens;
        };
        self.post("token/verify/", json!({"token": refresh})).await.expect(200);
        let fresh = Tokens::of(&self.post("token/refresh/", json!({"refresh": refresh})).await.expect(200));
        self.canary.note_all("a refreshed token", &fresh);
        self.post("token/refresh/", json!({"refresh": refresh})).await;
        fresh
    }

    async fn change_and_reset(&mut self, tokens: &Tokens) {
        let change = json!({"new_password1": CHANGED, "new_password2": CHANGED});
        tokens.on(&self.api).post("password/change/", change).await.expect(200);
        self.post("password/reset/", json!({"email": self.account.email})).await.expect(200);
        let (uid, token) = self.server.reset_link(&self.account.email).await;
        self.canary.note("a reset token", &token);
        let confirm = json!({"uid": uid, "token": token, "new_password1": RESET, "new_password2": RESET});
        self.post("password/reset/confirm/", confirm.clone()).await.expect(200);
        self.post("password/reset/confirm/", confirm).await.expect(400);
        RESET.clone_into(&mut self.account.password);
    }

    async fn operate(&self) {
        for command in ["disable", "enable"] {
            self.server.run(&["user", command, RENAMED]).succeeded();
            self.account.try_login(&self.api, MISTYPED).await.expect(400);
        }
    }

    async fn log_out(&self, tokens: Tokens) {
        let body = match &tokens {
            Tokens::Pair { refresh, .. } => json!({"refresh": refresh}),
            Tokens::Key(_) => json!({}),
        };
        tokens.on(&self.api).post("logout/", body).await.expect(200);
        tokens.on(&self.api).get("user/").await.expect(401);
        self.server.mails().await;
    }
}
