//! Bodies that are no JSON, the wrong JSON, too much of it, or of another kind than they say.

use serde_json::{Value, json};

use super::endpoints::{self, Endpoint, SECRET};
use super::{MODES, Scene, complaint, none};
use crate::support::Reply;

pub(super) const JSON: &str = "application/json";
pub(super) const LONG: usize = 10_000;

impl Scene {
    pub(super) async fn send(&self, endpoint: &Endpoint, content_type: &str, body: Vec<u8>) -> Reply {
        let caller = if endpoint.as_user { self.user.clone() } else { self.server.api() };
        let request = caller.request(endpoint.method, endpoint.path).header("content-type", content_type);
        Reply::to(request.body(body)).await
    }

    /// Every endpoint must refuse every body that `bodies` makes for it; nothing may have happened afterwards.
    async fn refuses(&self, mode: &str, bodies: impl Fn(&Endpoint) -> Vec<(&'static str, Vec<u8>)>) {
        let mut complaints = Vec::new();
        for endpoint in endpoints::all(mode) {
            for (content_type, body) in bodies(&endpoint) {
                let shown = format!("{:.80}", String::from_utf8_lossy(&body));
                let reply = self.send(&endpoint, content_type, body).await;
                let about = format!("{mode}: {} {} {content_type} {shown}", endpoint.method, endpoint.path);
                complaints.extend(complaint(&reply, &[SECRET]).map(|wrong| format!("{about}: {wrong}")));
            }
        }
        none(&complaints);
        self.is_as_before().await;
    }
}

#[tokio::test]
async fn malformed_json_is_refused() {
    let nested = "[".repeat(LONG);
    let malformed: Vec<Vec<u8>> = [
        "{",
        "[",
        "nul",
        "{\"username\":",
        "{\"username\" \"x\"}",
        "{'username': 'x'}",
        "{} {}",
        "{\"a\": NaN}",
        "{\"a\": Infinity}",
        "{\"a\": 1,}",
        "\u{feff}",
        "\"\\x\"",
        "{\"a\": \"\n\"}",
        &nested,
    ]
    .map(|text| text.as_bytes().to_vec())
    .into_iter()
    .chain([b"\xff\xfe{\x00}\x00".to_vec(), b"{\"username\": \"\xc3\x28\"}".to_vec()])
    .collect();
    for mode in MODES {
        let scene = Scene::set(mode).await;
        scene.refuses(mode, |_| malformed.iter().map(|body| (JSON, body.clone())).collect()).await;
    }
}

#[tokio::test]
async fn values_of_a_wrong_type_are_refused() {
    let wrong = [json!(true), json!([]), json!({}), json!(null), json!(["x"]), json!({"x": 1})];
    let whole = [json!([]), json!("x"), json!(1), json!(true), json!(null), json!([{}])];
    for mode in MODES {
        let scene = Scene::set(mode).await;
        let bodies = |endpoint: &Endpoint| {
            let fields = endpoint.fields.iter();
            let each = fields.flat_map(|(field, _)| wrong.iter().map(|value| endpoint.with(field, value)));
            each.chain(whole.iter().cloned()).map(|body| (JSON, body.to_string().into_bytes())).collect()
        };
        scene.refuses(mode, bodies).await;
    }
}

#[tokio::test]
async fn nul_characters_and_lone_surrogates_are_refused() {
    for mode in MODES {
        let scene = Scene::set(mode).await;
        let bodies = |endpoint: &Endpoint| {
            let hostile = ["a\\u0000b", "a\\ud800b", "\\udfff", "a\\ud800\\ud800"];
            let fields = endpoint.fields.iter();
            let each = fields.flat_map(|(field, _)| {
                hostile.map(|text| {
                    let body = endpoint.with(field, &json!("<here>")).to_string();
                    (JSON, body.replace("<here>", text).into_bytes())
                })
            });
            each.collect()
        };
        scene.refuses(mode, bodies).await;
    }
}

#[tokio::test]
async fn ten_thousand_characters_are_refused() {
    for mode in MODES {
        let scene = Scene::set(mode).await;
        let bodies = |endpoint: &Endpoint| {
            let short = endpoint.fields.iter().filter(|(field, _)| !Endpoint::takes_any_length(field));
            let long = short.flat_map(|(field, _)| {
                let local = format!("{}@example.com", "a".repeat(LONG));
                let domain = format!("a@{}.com", "a".repeat(LONG));
                let texts = ["a".repeat(LONG), "é".repeat(LONG), local, domain];
                texts.map(|text| (JSON, endpoint.with(field, &json!(text)).to_string().into_bytes()))
            });
            long.collect()
        };
        scene.refuses(mode, bodies).await;
    }
}

#[tokio::test]
async fn another_content_type_is_refused() {
    for mode in MODES {
        let scene = Scene::set(mode).await;
        let bodies = |endpoint: &Endpoint| {
            let body = endpoint.with("x", &json!("y")).to_string().into_bytes();
            let kinds =
                ["text/plain", "application/xml", "application/jsonx", "nonsense", "multipart/form-data"];
            kinds.map(|kind| (kind, body.clone())).to_vec()
        };
        scene.refuses(mode, bodies).await;
        for endpoint in endpoints::all(mode) {
            let reply = scene.send(&endpoint, "text/plain", b"{}".to_vec()).await;
            assert_eq!(reply.status, 415, "{mode}: {} {}", endpoint.method, endpoint.path);
        }
    }
}

#[tokio::test]
async fn broken_forms_are_refused() {
    for mode in MODES {
        let scene = Scene::set(mode).await;
        let bodies = |endpoint: &Endpoint| {
            let field = endpoint.fields[0].0;
            let part = format!("--x\r\ncontent-disposition: form-data; name=\"{field}\"\r\n\r\n");
            let multipart = "multipart/form-data; boundary=x";
            vec![
                ("application/x-www-form-urlencoded", format!("{field}=%00").into_bytes()),
                (multipart, part.clone().into_bytes()),
                (multipart, format!("{part}a\0b\r\n--x--\r\n").into_bytes()),
                (multipart, format!("{part}{}\r\n--x--\r\n", "a".repeat(LONG)).into_bytes()),
                (multipart, [part.as_bytes(), b"\xff\xfe\r\n--x--\r\n"].concat()),
                ("multipart/form-data; boundary=", b"--\r\n".to_vec()),
            ]
        };
        scene.refuses(mode, bodies).await;
    }
}

/// Logging out reads no body in one mode and one token in the other; whatever comes, it answers in JSON.
#[tokio::test]
async fn a_logout_survives_any_body() {
    for mode in MODES {
        let scene = Scene::set(mode).await;
        let logout = Endpoint { method: "POST", path: "logout/", as_user: false, fields: &[] };
        for body in [
            "{",
            "[]",
            "null",
            "{\"refresh\": true}",
            "{\"refresh\": \"\\ud800\"}",
            "{\"refresh\": \"\\u0000\"}",
        ] {
            for kind in [JSON, "text/plain", "multipart/form-data"] {
                let reply = scene.send(&logout, kind, body.as_bytes().to_vec()).await;
                assert!(reply.status < 500, "{mode}: {kind} {body}: {reply:?}");
                assert!(
                    serde_json::from_str::<Value>(&reply.text).is_ok(),
                    "{mode}: {kind} {body}: {reply:?}"
                );
            }
        }
        scene.is_as_before().await;
    }
}
