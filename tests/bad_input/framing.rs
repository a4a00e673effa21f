//! Requests that are broken below HTTP, half there, or too large. What no client library sends goes over a bare connection.

use std::time::Duration;

use super::endpoints::{self, Endpoint};
use super::{MODES, Scene};
use crate::support::{PASSWORD, Wire};

const MIB: usize = 1 << 20;
const SOON: Duration = Duration::from_secs(20);

/// Longer than any timeout a server may have for a request that does not go on.
const PATIENCE: Duration = Duration::from_mins(1);

fn head(endpoint: &Endpoint, more: &str) -> String {
    let Endpoint { method, path, .. } = endpoint;
    format!(
        "{method} /dj-rest-auth/{path} HTTP/1.1\r\nhost: stele.test\r\ncontent-type: application/json\r\n{more}\r\n\r\n"
    )
}

#[tokio::test]
async fn a_body_of_one_mebibyte_is_too_large_everywhere() {
    let body = format!(r#"{{"username": "{}"}}"#, "a".repeat(MIB));
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    for mode in MODES {
        let scene = Scene::set(mode).await;
        let logout = Endpoint { method: "POST", path: "logout/", as_user: false, fields: &[] };
        for endpoint in endpoints::all(mode).into_iter().chain([logout]) {
            // Whoever shows credentials is not let in any further with it.
            let headers = format!("connection: close\r\nauthorization: {}", scene.authorization);
            let length = format!("{headers}\r\ncontent-length: {}", body.len());
            let known = format!("{}{body}", head(&endpoint, &length));
            let chunks = format!("{headers}\r\ntransfer-encoding: chunked");
            let unknown = format!("{}{chunked}", head(&endpoint, &chunks));
            for (how, request) in [("with its length", known), ("in chunks", unknown)] {
                let mut wire = Wire::connect(scene.server.address()).await;
                wire.send(request.as_bytes()).await;
                let answer = wire.rest(SOON).await;
                let about = format!("{mode}: {} {} {how}: {answer:.300}", endpoint.method, endpoint.path);
                let refused = answer.starts_with("HTTP/1.1 413") && answer.contains("{\"detail\":");
                assert!(refused, "{about}");
            }
        }
        scene.is_as_before().await;
    }
}

#[tokio::test]
async fn half_a_request_is_closed_and_others_are_served() {
    let scene = Scene::set("jwt").await;
    let login = endpoints::all("jwt")[0];
    let halves = [
        String::new(),
        "POST /dj-rest-auth/log".to_owned(),
        head(&login, "content-length: 100").trim_end().to_owned(),
        format!("{}{{\"username\": ", head(&login, "content-length: 100")),
        format!("{}ff\r\n{{", head(&login, "transfer-encoding: chunked")),
    ];
    let mut wires = Vec::new();
    for half in &halves {
        let mut wire = Wire::connect(scene.server.address()).await;
        wire.send(half.as_bytes()).await;
        wires.push(wire);
    }
    scene.is_as_before().await;
    for (wire, half) in wires.into_iter().zip(&halves) {
        let answer = wire.rest(PATIENCE).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{half:?}: {answer}");
    }
}

#[tokio::test]
async fn many_idle_connections_do_not_keep_others_out() {
    let scene = Scene::set("jwt").await;
    let mut wires = Vec::new();
    for _ in 0..100 {
        let mut wire = Wire::connect(scene.server.address()).await;
        wire.send(b"GET /health/live HTTP/1.1\r\nhost: ").await;
        wires.push(wire);
    }
    scene.is_as_before().await;
}

#[tokio::test]
async fn nonsense_on_the_wire_is_refused() {
    let scene = Scene::set("jwt").await;
    let login = endpoints::all("jwt")[0];
    let body = format!(r#"{{"username": "untouched", "password": "{PASSWORD}"}}"#);
    let (long, length) = ("a".repeat(200_000), body.len());
    let nonsense = [
        "nonsense\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhost: x\r\nx: {long}\r\n\r\n"),
        format!("{}{body}", head(&login, &format!("content-length: {length}\r\ncontent-length: 1"))),
        format!("{}{body}", head(&login, "content-length: -1")),
        format!("{}{body}", head(&login, "transfer-encoding: nonsense")),
        format!("{}zz\r\n{body}\r\n0\r\n\r\n", head(&login, "transfer-encoding: chunked")),
    ];
    for request in nonsense {
        let mut wire = Wire::connect(scene.server.address()).await;
        wire.send(request.as_bytes()).await;
        let answer = wire.rest(PATIENCE).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{request:.80}: {answer}");
    }
    scene.is_as_before().await;
}

#[tokio::test]
async fn a_length_and_chunks_at_once_never_hide_a_second_request() {
    let scene = Scene::set("jwt").await;
    let login = endpoints::all("jwt")[0];
    let smuggled = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
    let request = format!(
        "{}0\r\n\r\n{smuggled}",
        head(&login, &format!("content-length: {}\r\ntransfer-encoding: chunked", smuggled.len() + 5))
    );
    let mut wire = Wire::connect(scene.server.address()).await;
    wire.send(request.as_bytes()).await;
    let answer = wire.rest(PATIENCE).await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 0, "{answer}");
    scene.is_as_before().await;
}

#[tokio::test]
async fn methods_that_nobody_knows_are_refused_in_json() {
    for mode in MODES {
        let scene = Scene::set(mode).await;
        for endpoint in endpoints::all(mode) {
            for method in ["TRACE", "PROPFIND", "DELETE"] {
                let reply = crate::support::Reply::to(scene.user.request(method, endpoint.path)).await;
                assert_eq!(super::complaint(&reply, &[]), None, "{mode}: {method} {}", endpoint.path);
            }
        }
        scene.is_as_before().await;
    }
}
