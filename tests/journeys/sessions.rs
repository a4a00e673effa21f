//! A user sees where he is logged in, and ends one of his sessions or all others; nobody sees or ends those of others.

use serde_json::{Value, json};

use super::{Device, WAYS, Way};
use crate::support::{Account, Caller, PASSWORD, SESSIONS, Server};

async fn list(api: &Caller, device: &Device) -> Vec<Value> {
    let reply = device.on(api).get(SESSIONS).await.expect(200).json();
    reply.as_array().expect("a list").clone()
}

fn id(session: &Value) -> &str {
    session["id"].as_str().expect("an id")
}

async fn log_in(way: Way, api: &Caller, account: &Account) -> Device {
    Device::given(way, &account.try_login(api, &account.password).await.expect(200))
}

async fn register(way: Way, api: &Caller, account: &Account) -> Device {
    let reply = api.post("registration/", account.registration()).await;
    Device::given(way, &reply.expect(201))
}

#[tokio::test]
async fn a_user_sees_each_of_his_sessions_with_where_and_when() {
    for way in WAYS {
        let trusted = ("STELE_API__TRUSTED_PROXIES", r#"["127.0.0.1"]"#);
        let server = Server::start(&[way.settings(), vec![trusted]].concat()).await;
        let (api, account) = (server.api(), Account::named("seer"));
        let first = register(way, &api.with("user-agent", "phone/1.0"), &account).await;
        let elsewhere = api.with("user-agent", "laptop/2.0").with("x-forwarded-for", "203.0.113.9");
        let mut second = log_in(way, &elsewhere, &account).await;
        Account::named("other").register(&api).await;
        if way != Way::Key {
            second.refresh(&api).await.expect(200);
        }
        let sessions = list(&api, &second).await;
        assert_eq!(sessions.len(), 2, "{way:?}: {sessions:#?}");
        let own = sessions.iter().find(|session| session["current"] == true).unwrap();
        let other = sessions.iter().find(|session| session["current"] == false).unwrap();
        assert_eq!((&own["agent"], &own["address"]), (&"laptop/2.0".into(), &"203.0.113.9".into()));
        assert_eq!((&other["agent"], &other["address"]), (&"phone/1.0".into(), &"127.0.0.1".into()));
        for (session, refreshed) in [(own, way != Way::Key), (other, false)] {
            let time = |name: &str| -> jiff::Timestamp { session[name].as_str().unwrap().parse().unwrap() };
            assert_eq!(time("last_refreshed") > time("first_seen"), refreshed, "{session:#?}");
        }
        let seen_by_first = list(&api, &first).await;
        assert!(seen_by_first.iter().any(|session| id(session) == id(other) && session["current"] == true));
    }
}

#[tokio::test]
async fn a_user_ends_one_session_and_then_all_others() {
    for way in WAYS {
        let server = Server::start(&way.settings()).await;
        let (api, account) = (server.api(), Account::named("ender"));
        let mut devices = vec![register(way, &api, &account).await];
        for _ in 0..3 {
            devices.push(log_in(way, &api, &account).await);
        }
        let [own, one, rest @ ..] = &devices[..] else { panic!("four devices") };
        let sessions = list(&api, one).await;
        let current = sessions.iter().find(|session| session["current"] == true).unwrap();
        own.on(&api).delete(&format!("{SESSIONS}{}/", id(current))).await.expect(204);
        assert!(!one.is_in(&api).await, "{way:?}");
        for device in rest {
            assert!(device.is_in(&api).await, "{way:?}");
        }
        assert_eq!(list(&api, own).await.len(), 3);
        own.on(&api).delete(SESSIONS).await.expect(204);
        for device in rest {
            assert!(!device.is_in(&api).await, "{way:?}");
            if way != Way::Key {
                device.clone().refresh(&api).await.expect(401);
            }
        }
        assert!(own.is_in(&api).await);
        assert_eq!(list(&api, own).await.len(), 1);
        let current = list(&api, own).await;
        own.on(&api).delete(&format!("{SESSIONS}{}/", id(&current[0]))).await.expect(204);
        assert!(!own.is_in(&api).await, "{way:?}");
    }
}

/// Again and again, as what ends such a session for good comes a moment later.
#[tokio::test]
async fn a_session_that_a_new_password_ended_is_not_there_to_be_ended() {
    let server = Server::start(&[]).await;
    let (api, mut account) = (server.api(), Account::named("changer"));
    let own = register(Way::Bearer, &api, &account).await;
    for round in 0..20 {
        log_in(Way::Bearer, &api, &account).await;
        let sessions = list(&api, &own).await;
        let other = sessions.iter().find(|session| session["current"] == false).expect("the other one");
        account.password = format!("{PASSWORD}-{round}");
        let change = json!({"new_password1": account.password, "new_password2": account.password});
        own.on(&api).post("password/change/", change).await.expect(200);
        own.on(&api).delete(&format!("{SESSIONS}{}/", id(other))).await.expect(404);
    }
}

#[tokio::test]
async fn nobody_sees_or_ends_the_sessions_of_others() {
    let server = Server::start(&[]).await;
    let api = server.api();
    let (owner, stranger) = (Account::named("owner"), Account::named("stranger"));
    let owner = register(Way::Bearer, &api, &owner).await;
    let stranger = register(Way::Bearer, &api, &stranger).await;
    let sessions = list(&api, &owner).await;
    let path = format!("{SESSIONS}{}/", id(&sessions[0]));
    stranger.on(&api).delete(&path).await.expect(404);
    stranger.on(&api).delete(SESSIONS).await.expect(204);
    for path in [path.as_str(), "/sessions/nonsense/", "/sessions/%00/"] {
        api.delete(path).await.expect(401);
        stranger.on(&api).delete(path).await.expect(404);
    }
    api.get(SESSIONS).await.expect(401);
    api.delete(SESSIONS).await.expect(401);
    assert!(owner.is_in(&api).await && stranger.is_in(&api).await);
    assert_eq!(list(&api, &stranger).await.len(), 1);
}
