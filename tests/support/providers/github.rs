//! GitHub: OAuth without OpenID Connect, whose errors at the token endpoint come with status 200, and an endpoint that says whether
//! a token was issued to an application.

use serde_json::{Value, json};

use super::{
    OUR_APP, OUR_SECRET, Person, Seen, authorize,
    message::Answer,
    redeem::{Refused, redeem},
    world::{Token, World},
};

const SCOPES: [&str; 2] = ["read:user", "user:email"];
const DOCS: &str = "https://docs.github.com/rest";

pub(super) fn answer(world: &World, seen: &Seen) -> Answer {
    match (seen.method.as_str(), seen.path.as_str()) {
        ("GET" | "POST", "/login/oauth/authorize") => return authorize::answer(world, seen),
        ("POST", "/login/oauth/access_token") => return token(world, seen),
        _ => {}
    }
    if seen.header("user-agent").is_empty() {
        let sentence = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.";
        return Answer::new(403, "text/plain", sentence.to_owned());
    }
    let app = seen.path.strip_prefix("/applications/").and_then(|rest| rest.strip_suffix("/token"));
    match (seen.method.as_str(), seen.path.as_str(), app) {
        ("POST", _, Some(app)) => check(world, seen, app),
        ("GET", "/user", _) => whose(world, seen, user),
        ("GET", "/user/emails", _) => whose(world, seen, emails),
        _ => failure(404, "Not Found"),
    }
}

fn failure(status: u16, message: &str) -> Answer {
    let body = json!({ "message": message, "documentation_url": DOCS, "status": status.to_string() });
    Answer::json(status, &body)
}

fn token(world: &World, seen: &Seen) -> Answer {
    let fields = match redeem(world, seen) {
        Ok(grant) => {
            let token = world.issue(OUR_APP, &grant.person).value;
            vec![("access_token", token), ("scope", SCOPES.join(",")), ("token_type", "bearer".to_owned())]
        }
        Err(refused) => {
            let (error, sentence) = words(refused);
            let page = format!("https://docs.github.com/troubleshooting/#{}", error.replace('_', "-"));
            vec![("error", error.to_owned()), ("error_description", sentence.to_owned()), ("error_uri", page)]
        }
    };
    if seen.header("accept").contains("json") {
        let body = fields.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
        return Answer::json(200, &Value::Object(body));
    }
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Answer::form(&fields)
}

const fn words(refused: Refused) -> (&'static str, &'static str) {
    match refused {
        Refused::Client => {
            ("incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect.")
        }
        Refused::GrantType => ("unsupported_grant_type", "The grant type is not supported."),
        Refused::Code | Refused::Verifier => {
            ("bad_verification_code", "The code passed is incorrect or expired.")
        }
        Refused::RedirectUri => (
            "redirect_uri_mismatch",
            "The redirect_uri MUST match the registered callback URL for this application.",
        ),
    }
}

fn check(world: &World, seen: &Seen, app: &str) -> Answer {
    if seen.basic() != Some((OUR_APP.to_owned(), OUR_SECRET.to_owned())) {
        return failure(401, "Bad credentials");
    }
    let Some(value) = seen.field("access_token") else {
        return failure(422, "Invalid request.\n\n\"access_token\" wasn't supplied.");
    };
    // Another application's token is as unknown as one that never was.
    match world.token(&value).filter(|(token, _)| app == OUR_APP && token.app == app) {
        Some((token, person)) => Answer::json(200, &authorization(&token, &person)),
        None => failure(404, "Not Found"),
    }
}

fn authorization(token: &Token, person: &Person) -> Value {
    json!({
        "id": 1,
        "url": "https://api.github.com/authorizations/1",
        "app": { "name": "Stele", "url": "http://stele.test", "client_id": token.app },
        "token": token.value,
        "hashed_token": "",
        "token_last_eight": &token.value[token.value.len() - 8..],
        "note": null,
        "note_url": null,
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "scopes": SCOPES,
        "fingerprint": null,
        "expires_at": null,
        "user": user(person),
    })
}

fn whose(world: &World, seen: &Seen, tell: impl FnOnce(&Person) -> Value) -> Answer {
    let given = seen.credentials("bearer").or_else(|| seen.credentials("token"));
    match given.and_then(|token| world.token(token)) {
        Some((_, person)) => Answer::json(200, &tell(&person)).with("x-oauth-scopes", &SCOPES.join(", ")),
        None => failure(401, "Bad credentials"),
    }
}

/// The address is the one that he shows to everybody: here none.
fn user(person: &Person) -> Value {
    let login = &person.login;
    json!({
        "login": login,
        "id": person.number(),
        "node_id": format!("U_{}", person.number()),
        "avatar_url": format!("https://avatars.githubusercontent.com/u/{}?v=4", person.number()),
        "html_url": format!("https://github.com/{login}"),
        "url": format!("https://api.github.com/users/{login}"),
        "type": "User",
        "site_admin": false,
        "name": person.name(),
        "email": null,
        "created_at": "2020-01-01T00:00:00Z",
    })
}

fn emails(person: &Person) -> Value {
    let one = |(number, (email, verified)): (usize, &(String, bool))| {
        let visibility = (number == 0).then_some("private");
        json!({ "email": email, "primary": number == 0, "verified": verified, "visibility": visibility })
    };
    person.emails.iter().enumerate().map(one).collect()
}
