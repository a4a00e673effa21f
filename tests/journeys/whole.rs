//! Register, open the link, log in, look around, refresh, change the password, forget it, log out: one after the other.

use serde_json::json;

use super::{Device, WAYS, Way};
use crate::support::{Account, Caller, Home, NEW_PASSWORD, PASSWORD, Server};

const LAST_PASSWORD: &str = "Th1rd-and-last-battery";

struct Journey {
    way: Way,
    server: Server,
    api: Caller,
    account: Account,
}

#[tokio::test]
async fn a_whole_life_in_every_way_to_show_who_one_is() {
    for way in WAYS {
        lives(way, Home::new(&way.settings())).await;
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn a_whole_life_on_postgres() {
    for way in WAYS {
        lives(way, Home::on_postgres(&way.settings())).await;
    }
}

async fn lives(way: Way, home: Home) {
    let server = Server::at(home).await;
    let (api, account) = (server.api(), Account::named("traveller"));
    let mut journey = Journey { way, server, api, account };
    let mut first = journey.arrives().await;
    journey.looks_around(&mut first).await;
    journey.changes_the_password(&first).await;
    journey.forgets_the_password(&first).await;
    journey.leaves().await;
}

impl Journey {
    async fn log_in(&self) -> Device {
        let reply = self.account.try_login(&self.api, &self.account.password).await;
        Device::given(self.way, &reply.expect(200))
    }

    async fn arrives(&self) -> Device {
        let reply = self.api.post("registration/", self.account.registration()).await;
        let device = Device::given(self.way, &reply.expect(201));
        let key = self.server.verify_key(&self.account.email).await;
        let body = json!({"key": key});
        let reply = self.api.post("registration/verify-email/", body.clone()).await;
        assert_eq!(reply.expect(200).json(), json!({"detail": "ok"}));
        self.api.post("registration/verify-email/", body).await.expect(404);
        device
    }

    async fn looks_around(&self, first: &mut Device) {
        let user = first.on(&self.api).get("user/").await.expect(200).json();
        let Account { username, email, .. } = &self.account;
        assert_eq!((&user["username"], &user["email"]), (&json!(username), &json!(email)));
        let by_mail = json!({"email": email, "password": PASSWORD});
        let second = Device::given(self.way, &self.api.post("login/", by_mail).await.expect(200));
        assert_ne!(first.access, second.access);
        let names = json!({"first_name": "Ada", "last_name": "Lovelace"});
        let changed = second.on(&self.api).patch("user/", names).await.expect(200).json();
        assert_eq!(first.on(&self.api).get("user/").await.expect(200).json(), changed);
        assert_eq!(changed["first_name"], "Ada");
        if self.way != Way::Key {
            let before = first.clone();
            first.refresh(&self.api).await.expect(200);
            assert_ne!(before.refresh, first.refresh);
            let verify = json!({"token": first.access});
            self.api.post("token/verify/", verify).await.expect(200);
        }
        assert!(first.is_in(&self.api).await && second.is_in(&self.api).await);
        second.log_out(&self.api).await.expect(200);
        assert!(!second.is_in(&self.api).await && first.is_in(&self.api).await);
    }

    async fn changes_the_password(&mut self, own: &Device) {
        let mut other = self.log_in().await;
        let body = json!({"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD});
        own.on(&self.api).post("password/change/", body).await.expect(200);
        assert!(own.is_in(&self.api).await && !other.is_in(&self.api).await);
        if self.way != Way::Key {
            other.refresh(&self.api).await.expect(401);
        }
        self.account.try_login(&self.api, PASSWORD).await.expect(400);
        NEW_PASSWORD.clone_into(&mut self.account.password);
        assert!(self.log_in().await.is_in(&self.api).await);
        self.was_told_of_the_change().await;
    }

    /// By a mail without any link that works.
    async fn was_told_of_the_change(&self) {
        let mails = self.server.mails().await;
        let last = mails.iter().rfind(|mail| mail.is_to(&self.account.email)).expect("a mail");
        assert!(last.text.to_lowercase().contains("password"), "{}", last.text);
        assert!(!last.text.contains(NEW_PASSWORD) && last.reset_link().is_none(), "{}", last.text);
        assert!(!last.html.is_empty(), "it has an HTML part too");
        let sent = mails.iter().map(|mail| message_id(&mail.source));
        let distinct: std::collections::BTreeSet<String> = sent.collect();
        assert_eq!(distinct.len(), mails.len(), "each mail has a Message-ID of its own");
    }

    async fn forgets_the_password(&mut self, own: &Device) {
        let asked = json!({"email": self.account.email});
        self.api.post("password/reset/", asked).await.expect(200);
        let (uid, token) = self.server.reset_link(&self.account.email).await;
        let body = json!({"uid": uid, "token": token, "new_password1": LAST_PASSWORD, "new_password2": LAST_PASSWORD});
        self.api.post("password/reset/confirm/", body.clone()).await.expect(200);
        assert!(!own.is_in(&self.api).await, "a reset ends every session");
        self.api.post("password/reset/confirm/", body).await.expect(400);
        self.account.try_login(&self.api, NEW_PASSWORD).await.expect(400);
        LAST_PASSWORD.clone_into(&mut self.account.password);
    }

    async fn leaves(&self) {
        let mut device = self.log_in().await;
        assert!(device.is_in(&self.api).await);
        let reply = device.log_out(&self.api).await.expect(200);
        assert_eq!(reply.json(), json!({"detail": "Successfully logged out."}));
        if self.way == Way::Cookies {
            assert!(reply.cookies().values().all(String::is_empty), "{reply:?}");
            assert_eq!(reply.cookies().len(), 2, "{reply:?}");
        }
        assert!(!device.is_in(&self.api).await);
        if self.way != Way::Key {
            device.refresh(&self.api).await.expect(401);
        }
    }
}

fn message_id(source: &str) -> String {
    let line = source.lines().find(|line| line.to_lowercase().starts_with("message-id:"));
    line.unwrap_or_else(|| panic!("no Message-ID: {source}")).to_owned()
}
