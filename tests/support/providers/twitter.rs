//! Twitter's API 1.1, where every request is signed with the secrets of the application and of the token (OAuth 1.0a).

use serde_json::{Value, json};

use super::{
    OUR_APP, OUR_SECRET, Person, Seen,
    message::Answer,
    signature::{self, Signed},
    world::World,
};

/// How far the clock of who signs may be away.
const TOLERATED_SECONDS: u64 = 300;

pub(super) fn answer(world: &World, seen: &Seen) -> Answer {
    match (seen.method.as_str(), seen.path.as_str()) {
        ("GET", "/1.1/account/verify_credentials.json") => match verified(world, seen) {
            Ok(person) => {
                let with_email = seen.field("include_email").as_deref() == Some("true");
                Answer::json(200, &user(&person, with_email))
            }
            Err(refusal) => refusal,
        },
        _ => failure(404, (34, "Sorry, that page does not exist.")),
    }
}

fn failure(status: u16, (code, message): (u16, &str)) -> Answer {
    Answer::json(status, &json!({ "errors": [{ "code": code, "message": message }] }))
}

fn verified(world: &World, seen: &Seen) -> Result<Person, Answer> {
    let not_authenticated = || failure(401, (32, "Could not authenticate you."));
    let signed = Signed::of(seen).ok_or_else(|| failure(400, (215, "Bad Authentication data.")))?;
    if signed.get("oauth_consumer_key") != OUR_APP
        || signed.get("oauth_signature_method") != "HMAC-SHA1"
        || !matches!(signed.get("oauth_version"), "" | "1.0")
    {
        return Err(not_authenticated());
    }
    let timestamp: u64 = signed.get("oauth_timestamp").parse().map_err(|_| not_authenticated())?;
    if timestamp.abs_diff(World::now()) > TOLERATED_SECONDS {
        return Err(failure(401, (135, "Timestamp out of bounds.")));
    }
    let known = world.token(signed.get("oauth_token")).filter(|(token, _)| token.app == OUR_APP);
    let Some((token, person)) = known else {
        return Err(failure(401, (89, "Invalid or expired token.")));
    };
    let expected = signature::hmac_sha1(&signed.base(&world.url), OUR_SECRET, &token.secret);
    if signed.get("oauth_signature") != expected {
        return Err(not_authenticated());
    }
    let nonce = (signed.get("oauth_timestamp").to_owned(), signed.get("oauth_nonce").to_owned());
    if nonce.1.is_empty() || !world.kept().nonces.insert(nonce) {
        return Err(not_authenticated());
    }
    Ok(person)
}

fn user(person: &Person, with_email: bool) -> Value {
    let mut user = json!({
        "id": person.number(),
        "id_str": person.subject,
        "name": person.name(),
        "screen_name": person.login,
        "location": "",
        "description": "",
        "url": null,
        "protected": false,
        "followers_count": 0,
        "friends_count": 0,
        "created_at": "Wed Jan 01 00:00:00 +0000 2020",
        "verified": false,
        "lang": null,
        "profile_image_url_https": "https://abs.twimg.com/sticky/default_profile_images/default_profile_normal.png",
        "suspended": false,
    });
    if with_email {
        user["email"] = json!(person.email().map_or("", |(email, _)| email));
    }
    user
}
