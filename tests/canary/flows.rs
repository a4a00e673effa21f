//! Everything a user and an operator can do, with markers for all that is personal, and a note of every secret on the way.

use reqwest::{Url, multipart::Form};
use serde_json::{Value, json};

use super::Mode;
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
const NEW_MAILBOX: &str = "canarynewboxm8u";
const RESET_ON_PAGE: &str = "Canary-pass-five-x0z";
const CREATED: &str = "canarycreatedv6o";
const CREATED_PASSWORD: &str = "Canary-pass-four-k9i";
const FORM_NAME: &str = "Canaryforms3e";

const MARKERS: [&str; 17] = [
    USERNAME,
    RENAMED,
    MAILBOX,
    FIRST_NAME,
    LAST_NAME,
    AGENT,
    ADDRESS,
    PASSWORD,
    CHANGED,
    RESET,
    MISTYPED,
    STRANGER,
    NEW_MAILBOX,
    CREATED,
    CREATED_PASSWORD,
    FORM_NAME,
    RESET_ON_PAGE,
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

    pub(super) fn needles(&self) -> impl Iterator<Item = Needle> {
        let secrets = self.secrets.iter().map(|(name, secret)| Needle::new(name, secret));
        MARKERS.iter().map(|marker| Needle::new("a marker", marker)).chain(secrets)
    }
}

struct Flow<'a> {
    server: &'a Server,
    mode: Mode,
    canary: &'a mut Canary,
    api: Caller,
    account: Account,
}

pub(super) async fn run(server: &Server, mode: Mode, canary: &mut Canary) {
    let api = server.api().with("user-agent", AGENT).with("x-forwarded-for", ADDRESS);
    let email = format!("{MAILBOX}@example.com");
    let account = Account { username: USERNAME.to_owned(), email, password: PASSWORD.to_owned() };
    let mut flow = Flow { server, mode, canary, api, account };
    flow.register_and_verify().await;
    flow.fail_in_many_ways().await;
    let tokens = flow.log_in().await;
    let tokens = flow.use_the_session(tokens).await;
    flow.change_the_address(&tokens).await;
    flow.change_and_reset(&tokens).await;
    flow.send_forms().await;
    flow.operate().await;
    let tokens = flow.log_in().await;
    flow.log_out(tokens).await;
}

impl Flow<'_> {
    async fn post(&self, path: &str, body: Value) -> Reply {
        self.api.post(path, body).await
    }

    /// Opens one of the server's own pages and sends its form.
    async fn on_page(&self, page: &str, fields: &[(&str, &str)]) -> Reply {
        let link = Url::parse_with_params(&format!("http://stele.test{page}"), fields).expect("an address");
        self.api.get(&link.as_str()["http://stele.test".len()..]).await;
        Reply::to(self.api.request("POST", page).form(fields)).await
    }

    /// What an answer gave, noted as secret.
    fn given(&mut self, name: &'static str, reply: &Reply) -> Tokens {
        let tokens = if self.mode == Mode::Cookies {
            let cookies = reply.cookies();
            Tokens::Pair { access: cookies["auth"].clone(), refresh: cookies["refresh"].clone() }
        } else {
            Tokens::of(reply)
        };
        for secret in tokens.secrets() {
            self.canary.note(name, &secret);
        }
        tokens
    }

    /// Somebody who shows what he was given.
    fn on(&self, tokens: &Tokens) -> Caller {
        match (self.mode, tokens) {
            (Mode::Cookies, Tokens::Pair { access, refresh }) => {
                self.api.with("cookie", &format!("auth={access}; refresh={refresh}"))
            }
            _ => tokens.on(&self.api),
        }
    }

    async fn register_and_verify(&mut self) {
        let reply = self.post("registration/", self.account.registration()).await.expect(201);
        self.given("a token of the registration", &reply);
        let key = self.server.verify_key(&self.account.email).await;
        self.canary.note("a verification key", &key);
        self.post("registration/resend-email/", json!({"email": self.account.email})).await.expect(200);
        self.on_page("/verify-email", &[("key", &key)]).await.expect(200);
        self.on_page("/verify-email", &[("key", &key)]).await.expect(400);
        self.post("registration/verify-email/", json!({"key": key})).await.expect(404);
        self.post("registration/", self.account.registration()).await.expect(400);
    }

    async fn fail_in_many_ways(&self) {
        let stranger = format!("{STRANGER}@example.com");
        self.account.try_login(&self.api, MISTYPED).await.expect(400);
        self.post("login/", json!({"username": STRANGER, "password": MISTYPED})).await.expect(400);
        self.post("login/", json!({"email": stranger, "password": MISTYPED})).await.expect(400);
        self.post("password/reset/", json!({"email": stranger})).await.expect(200);
        let torn = format!(r#"{{"username": "{USERNAME}", "password": "{PASSWORD}""#);
        let part = format!("--x\r\ncontent-disposition: form-data; name=\"password\"\r\n\r\n{PASSWORD}");
        let form = format!("username={USERNAME}&password={PASSWORD}&password=%00{PASSWORD}");
        for (kind, body) in [
            ("application/json", torn),
            ("multipart/form-data; boundary=x", part),
            ("application/x-www-form-urlencoded", form),
        ] {
            let request = self.api.request("POST", "login/").header("content-type", kind);
            Reply::to(request.body(body)).await.expect(400);
        }
        self.api.get(&format!("user/?token={PASSWORD}&email={MAILBOX}")).await.expect(401);
        self.api.get(&format!("/{USERNAME}/{PASSWORD}")).await.expect(404);
        let forged = [self.api.bearer(MISTYPED), self.api.key(MISTYPED), self.api.with("cookie", MISTYPED)];
        for caller in forged {
            caller.get("user/").await.expect(401);
        }
    }

    async fn log_in(&mut self) -> Tokens {
        let reply = self.account.try_login(&self.api, &self.account.password).await.expect(200);
        let tokens = self.given("a token of a login", &reply);
        let by_mail = json!({"email": self.account.email, "password": self.account.password});
        let reply = self.post("login/", by_mail).await.expect(200);
        self.given("a token of a login", &reply);
        tokens
    }

    /// Reads and changes the profile, looks at the sessions, refreshes; answers the tokens to go on with.
    async fn use_the_session(&mut self, tokens: Tokens) -> Tokens {
        let user = self.on(&tokens);
        user.get("user/").await.expect(200);
        let names = json!({"username": RENAMED, "first_name": FIRST_NAME, "last_name": LAST_NAME});
        user.patch("user/", names).await.expect(200);
        RENAMED.clone_into(&mut self.account.username);
        user.get(SESSIONS).await.expect(200);
        user.delete(SESSIONS).await.expect(204);
        let Tokens::Pair { refresh, .. } = &tokens else {
            return tokens;
        };
        self.post("token/verify/", json!({"token": refresh})).await.expect(200);
        let shown = if self.mode == Mode::Cookies { json!({}) } else { json!({"refresh": refresh}) };
        let reply = user.post("token/refresh/", shown.clone()).await.expect(200);
        let fresh = self.given("a refreshed token", &reply);
        user.post("token/refresh/", shown).await.expect(200);
        fresh
    }

    async fn change_the_address(&mut self, tokens: &Tokens) {
        let user = self.on(tokens);
        let email = format!("{NEW_MAILBOX}@example.com");
        let ask = |password: &str| json!({"email": email, "password": password});
        user.post("email/change/", ask(MISTYPED)).await.expect(400);
        user.post("email/change/", ask(PASSWORD)).await.expect(200);
        let key = self.server.verify_key(&email).await;
        self.canary.note("a key of a new address", &key);
        self.post("registration/verify-email/", json!({"key": key})).await.expect(200);
        self.on_page("/verify-email", &[("key", &key)]).await.expect(400);
        self.account.email = email;
    }

    /// uid and token of a new reset link.
    async fn asked_for_a_reset(&mut self) -> (String, String) {
        self.post("password/reset/", json!({"email": self.account.email})).await.expect(200);
        let (uid, token) = self.server.reset_link(&self.account.email).await;
        self.canary.note("a reset token", &token);
        (uid, token)
    }

    async fn change_and_reset(&mut self, tokens: &Tokens) {
        let change = json!({"new_password1": CHANGED, "new_password2": CHANGED});
        self.on(tokens).post("password/change/", change).await.expect(200);
        let (uid, token) = self.asked_for_a_reset().await;
        let confirm = json!({"uid": uid, "token": token, "new_password1": RESET, "new_password2": RESET});
        self.post("password/reset/confirm/", confirm.clone()).await.expect(200);
        self.post("password/reset/confirm/", confirm).await.expect(400);
        let (uid, token) = self.asked_for_a_reset().await;
        for (second, status) in [(MISTYPED, 400), (RESET_ON_PAGE, 200), (RESET_ON_PAGE, 400)] {
            let fields = [
                ("uid", &*uid),
                ("token", &*token),
                ("new_password1", RESET_ON_PAGE),
                ("new_password2", second),
            ];
            self.on_page("/reset-password", &fields).await.expect(status);
        }
        RESET_ON_PAGE.clone_into(&mut self.account.password);
    }

    /// The bodies that are no JSON.
    async fn send_forms(&mut self) {
        let fields =
            [("username", self.account.username.clone()), ("password", self.account.password.clone())];
        let reply = Reply::to(self.api.request("POST", "login/").form(&fields)).await.expect(200);
        self.given("a token of a form", &reply);
        let parts = fields.into_iter().fold(Form::new(), |form, (name, value)| form.text(name, value));
        let reply = Reply::to(self.api.request("POST", "login/").multipart(parts)).await.expect(200);
        let tokens = self.given("a token of a multipart body", &reply);
        let user = self.on(&tokens);
        let names = Form::new().text("first_name", FORM_NAME).text("password", MISTYPED);
        Reply::to(user.request("PATCH", "user/").multipart(names)).await.expect(200);
        let wrong = [("email", format!("{STRANGER}@example.com")), ("password", MISTYPED.to_owned())];
        Reply::to(user.request("POST", "email/change/").form(&wrong)).await.expect(400);
    }

    async fn operate(&self) {
        for command in ["disable", "enable"] {
            self.server.run(&["user", command, RENAMED]).succeeded();
            self.account.try_login(&self.api, MISTYPED).await.expect(400);
        }
        let email = format!("{CREATED}@example.com");
        let create = ["user", "create", "--username", CREATED, "--email", &email, "--password-stdin"];
        self.server.home().run(&create, &format!("{CREATED_PASSWORD}\n")).succeeded();
        let taken = self.server.home().run(&create, &format!("{CREATED_PASSWORD}\n"));
        assert_eq!(taken.code, Some(1), "{taken:?}");
        let created = Account { email, password: CREATED_PASSWORD.to_owned(), ..Account::named(CREATED) };
        created.try_login(&self.api, CREATED_PASSWORD).await.expect(200);
        self.server.run(&["keys", "rotate"]).succeeded();
    }

    async fn log_out(&self, tokens: Tokens) {
        let body = match &tokens {
            Tokens::Pair { refresh, .. } if self.mode == Mode::Tokens => json!({"refresh": refresh}),
            _ => json!({}),
        };
        self.on(&tokens).post("logout/", body).await.expect(200);
        self.on(&tokens).get("user/").await.expect(401);
        self.server.mails().await;
    }
}
