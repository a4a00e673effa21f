//! Facebook's Graph: everything by GET, with an endpoint that says what a token is; ids are those that this application knows people by.

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::{
    OUR_APP, OUR_SECRET, Person, Seen, authorize,
    message::Answer,
    redeem::{Refused, redeem},
    world::World,
};

pub(super) fn answer(world: &World, seen: &Seen) -> Answer {
    match (seen.method.as_str(), unversioned(&seen.path)) {
        ("GET" | "POST", "/dialog/oauth") => authorize::answer(world, seen),
        ("GET" | "POST", "/oauth/access_token") => token(world, seen),
        ("GET", "/debug_token") => debug(world, seen),
        ("GET", "/me") => me(world, seen),
        _ => failure(404, (2500, "Unknown path components")),
    }
}

/// `/v24.0/me` is `/me`.
fn unversioned(path: &str) -> &str {
    let versioned = path.strip_prefix("/v").and_then(|rest| rest.split_once('/'));
    match versioned {
        Some((version, rest)) if version.starts_with(|c: char| c.is_ascii_digit()) => {
            &path[path.len() - rest.len() - 1..]
        }
        _ => path,
    }
}

fn failure(status: u16, (code, message): (u16, &str)) -> Answer {
    let error =
        json!({ "message": message, "type": "OAuthException", "code": code, "fbtrace_id": "AbCdEfGhIjK" });
    let challenge = format!("OAuth \"Facebook Platform\" \"invalid_request\" \"{message}\"");
    Answer::json(status, &json!({ "error": error })).with("www-authenticate", &challenge)
}

fn token(world: &World, seen: &Seen) -> Answer {
    match redeem(world, seen) {
        Ok(grant) => {
            let token = world.issue(OUR_APP, &grant.person);
            let body =
                json!({ "access_token": token.value, "token_type": "bearer", "expires_in": 5_183_944 });
            Answer::json(200, &body)
        }
        Err(refused) => {
            let sentence = match refused {
                Refused::Client => "Error validating client secret.",
                Refused::GrantType => "Invalid grant_type.",
                Refused::Code => "This authorization code has been used.",
                Refused::RedirectUri => {
                    "Error validating verification code. Please make sure your redirect_uri is identical to \
                     the one you used in the OAuth dialog request"
                }
                Refused::Verifier => "Invalid code verifier.",
            };
            failure(400, (100, sentence))
        }
    }
}

/// Tells only the application itself, by its own token, of tokens of its own.
fn debug(world: &World, seen: &Seen) -> Answer {
    if seen.field("access_token") != Some(format!("{OUR_APP}|{OUR_SECRET}")) {
        return failure(400, (190, "Invalid OAuth access token - Cannot parse access token"));
    }
    let Some(value) = seen.field("input_token") else {
        return failure(400, (100, "(#100) The parameter input_token is required"));
    };
    let invalid = |code: u16, message: &str| {
        let error = json!({ "code": code, "message": message });
        Answer::json(200, &json!({ "data": { "error": error, "is_valid": false, "scopes": [] } }))
    };
    let known = world.kept().tokens.get(&value).cloned();
    let Some(token) = known else { return invalid(190, "Invalid OAuth access token.") };
    if token.app != OUR_APP {
        return invalid(100, "(#100) The App_id in the input_token did not match the Viewing App");
    }
    let is_valid = token.expires_at > World::now();
    let mut data = json!({
        "app_id": token.app,
        "type": "USER",
        "application": "Stele",
        "data_access_expires_at": token.expires_at,
        "expires_at": token.expires_at,
        "is_valid": is_valid,
        "issued_at": token.issued_at,
        "scopes": ["email", "public_profile"],
        "user_id": token.subject,
    });
    if !is_valid {
        let message = "Error validating access token: Session has expired.";
        data["error"] = json!({ "code": 190, "message": message, "subcode": 463 });
    }
    Answer::json(200, &json!({ "data": data }))
}

fn me(world: &World, seen: &Seen) -> Answer {
    let given = seen.credentials("bearer").map(str::to_owned).or_else(|| seen.field("access_token"));
    let Some(value) = given else {
        return failure(
            400,
            (2500, "An active access token must be used to query information about the current user."),
        );
    };
    let Some((_, person)) = world.token(&value) else {
        return failure(400, (190, "Error validating access token: The session is invalid."));
    };
    if seen.field("appsecret_proof").is_some_and(|proof| proof != proof_of(&value)) {
        return failure(400, (100, "Invalid appsecret_proof provided in the API argument"));
    }
    let wanted = seen.field("fields").unwrap_or_else(|| "name".to_owned());
    Answer::json(200, &Value::Object(fields(&person, &wanted)))
}

fn proof_of(token: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(OUR_SECRET.as_bytes()).unwrap();
    mac.update(token.as_bytes());
    HEXLOWER.encode(&mac.finalize().into_bytes())
}

/// What was asked for, and the id; an address that is not there has no field.
fn fields(person: &Person, wanted: &str) -> Map<String, Value> {
    let known = [
        ("name", Some(json!(person.name()))),
        ("first_name", Some(json!(person.first_name))),
        ("last_name", Some(json!(person.last_name))),
        ("email", person.email().map(|(email, _)| json!(email))),
    ];
    let asked: Vec<&str> = wanted.split(',').map(str::trim).collect();
    let told = known.into_iter().filter(|(name, _)| asked.contains(name));
    let mut fields: Map<_, _> = told.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    fields.insert("id".to_owned(), json!(person.subject));
    fields
}
