//! A comparison that never fails shows nothing: each kind of wrong answer must be found.

use reqwest::header::{HeaderMap, HeaderValue, SET_COOKIE};
use serde_json::{Value, json};

use super::super::scenario::{Expected, Part};
use super::differences;
use crate::support::Reply;

const COOKIE: &str =
    "auth=x.y.z; expires=Tue, 02 Jan 2035 10:00:00 GMT; HttpOnly; Max-Age=300; Path=/; SameSite=Lax";
const JWT: &str = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";

fn expected(expectation: Value) -> Expected {
    serde_json::from_value(expectation).unwrap()
}

fn reply(status: u16, body: &Value, headers: &[(&'static str, &'static str)]) -> Reply {
    let pairs = headers.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
    let mut all = HeaderMap::new();
    for (name, value) in pairs {
        let name: reqwest::header::HeaderName = name;
        all.append(name, value);
    }
    Reply { status, headers: all, text: body.to_string() }
}

#[track_caller]
fn differs(expectation: Value, reply: &Reply, part: &str) {
    let found = differences(&expected(expectation), None, reply);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with(part), "{found:?}");
}

#[track_caller]
fn agrees(expectation: Value, reply: &Reply) {
    assert_eq!(differences(&expected(expectation), None, reply), Vec::<String>::new());
}

#[test]
fn an_answer_as_recorded_has_no_difference() {
    let body = json!({"access": JWT, "user": {"pk": 7}, "at": "2026-01-02T03:04:05.678901Z", "id": "s-1"});
    let wanted = json!({"access": "<jwt>", "user": {"pk": "<pk>"}, "at": "<time>", "id": "<id>"});
    let headers = [("allow", "POST,OPTIONS"), ("set-cookie", COOKIE)];
    let cookie = json!({"set": true, "attrs": ["expires", "httponly", "max-age", "path=/", "samesite=lax"]});
    let expectation = json!({"status": 200, "body": wanted, "headers": {"allow": "OPTIONS, POST"}, "cookies": {"auth": cookie}});
    agrees(expectation, &reply(200, &body, &headers));
}

#[test]
fn another_status_is_found() {
    differs(json!({"status": 200, "body": {}}), &reply(201, &json!({}), &[]), "status");
}

#[test]
fn another_body_is_found_wherever_it_differs() {
    let wanted = json!({"status": 400, "body": {"email": ["Enter a valid email address."]}});
    differs(
        wanted.clone(),
        &reply(400, &json!({"email": ["Enter a valid e-mail address."]}), &[]),
        "body/email/0",
    );
    differs(
        wanted.clone(),
        &reply(400, &json!({"email": ["Enter a valid email address.", "x"]}), &[]),
        "body/email",
    );
    let more = json!({"email": ["Enter a valid email address."], "name": ["x"]});
    differs(wanted.clone(), &reply(400, &more, &[]), "body/name");
    differs(wanted.clone(), &reply(400, &json!({}), &[]), "body/email");
    differs(wanted, &Reply { text: "no".to_owned(), ..reply(400, &json!({}), &[]) }, "body");
}

#[test]
fn an_empty_or_unfit_value_does_not_stand_for_a_placeholder() {
    for (kind, unfit) in [
        ("<jwt>", json!("")),
        ("<jwt>", json!("a.b.c")),
        ("<jwt>", json!(JWT.replace(".c2lnbmF0dXJl", "."))),
        ("<key>", json!("")),
        ("<key>", json!("short")),
        ("<pk>", json!("")),
        ("<pk>", json!("7")),
        ("<pk>", json!(0)),
        ("<pk>", json!(9_007_199_254_740_992_u64)),
        ("<time>", json!("")),
        ("<time>", json!("yesterday")),
        ("<id>", json!("")),
        ("<id>", json!(null)),
    ] {
        differs(
            json!({"status": 200, "body": {"v": kind}}),
            &reply(200, &json!({"v": unfit}), &[]),
            "body/v",
        );
    }
}

#[test]
fn a_refresh_token_where_an_empty_text_is_wanted_is_found() {
    differs(
        json!({"status": 200, "body": {"refresh": ""}}),
        &reply(200, &json!({"refresh": JWT}), &[]),
        "body/refresh",
    );
}

#[test]
fn a_cookie_that_nobody_expects_is_found() {
    differs(json!({"status": 200}), &reply(200, &json!({}), &[("set-cookie", COOKIE)]), "cookie auth");
}

#[test]
fn a_missing_cookie_or_attribute_is_found() {
    let cookie = json!({"set": true, "attrs": ["expires", "httponly", "max-age", "path=/", "samesite=lax"]});
    let wanted = json!({"status": 200, "cookies": {"auth": cookie}});
    differs(wanted.clone(), &reply(200, &json!({}), &[]), "cookie auth");
    for attribute in ["HttpOnly; ", "Max-Age=300; ", "Path=/; ", "; SameSite=Lax"] {
        let line = COOKIE.replace(attribute, "");
        let mut answer = reply(200, &json!({}), &[]);
        answer.headers.append(SET_COOKIE, line.parse().unwrap());
        differs(wanted.clone(), &answer, "cookie auth");
    }
}

#[test]
fn a_cookie_that_is_set_is_not_a_cleared_one() {
    let cleared = json!({"set": false, "attrs": ["expires", "max-age", "path=/", "samesite=lax"]});
    let wanted = json!({"status": 200, "cookies": {"auth": cleared}});
    let gone = "auth=\"\"; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=Lax";
    agrees(wanted.clone(), &reply(200, &json!({}), &[("set-cookie", gone)]));
    let kept = "auth=x; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=Lax";
    differs(wanted.clone(), &reply(200, &json!({}), &[("set-cookie", kept)]), "cookie auth");
    let lasting = "auth=; expires=Tue, 02 Jan 2035 10:00:00 GMT; Max-Age=9; Path=/; SameSite=Lax";
    differs(wanted, &reply(200, &json!({}), &[("set-cookie", lasting)]), "cookie auth");
}

#[test]
fn another_header_is_found() {
    let allow = json!({"status": 405, "headers": {"allow": "OPTIONS, POST"}});
    differs(allow.clone(), &reply(405, &json!({}), &[("allow", "GET, OPTIONS, POST")]), "header allow");
    differs(allow, &reply(405, &json!({}), &[]), "header allow");
    let realm = json!({"status": 401, "headers": {"www-authenticate": "Token"}});
    differs(realm, &reply(401, &json!({}), &[("www-authenticate", "Bearer")]), "header www-authenticate");
}

#[test]
fn only_the_kept_parts_are_compared() {
    let wanted = expected(json!({"status": 404, "body": {"detail": "x"}}));
    let answer = reply(404, &json!({"detail": "y"}), &[("set-cookie", COOKIE)]);
    assert!(differences(&wanted, Some(&[Part::Status]), &answer).is_empty());
    assert_eq!(differences(&wanted, Some(&[Part::Status, Part::Body]), &answer).len(), 1);
}

#[test]
fn a_body_that_is_not_json_is_not_compared() {
    agrees(
        json!({"status": 404, "body": {"<not json>": true}}),
        &Reply { text: "<h1>".to_owned(), ..reply(404, &json!({}), &[]) },
    );
}
