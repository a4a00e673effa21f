//! A provider that speaks OpenID Connect and is known by its issuer alone.

use serde_json::{Value, json};

use super::{
    OUR_APP, Seen, authorize, id_token,
    message::Answer,
    redeem::{Refused, redeem},
    world::World,
};

pub(super) fn answer(world: &World, seen: &Seen) -> Answer {
    match (seen.method.as_str(), seen.path.as_str()) {
        ("GET", "/.well-known/openid-configuration") => Answer::json(200, &configuration(world)),
        ("GET", "/jwks") => Answer::json(200, &id_token::published(world)),
        ("GET" | "POST", "/authorize") => authorize::answer(world, seen),
        ("POST", "/token") => token(world, seen),
        ("GET" | "POST", "/userinfo") => user_info(world, seen),
        _ => Answer::nowhere(),
    }
}

fn configuration(world: &World) -> Value {
    let at = |path: &str| format!("{}{path}", world.url);
    json!({
        "issuer": id_token::issuer(world),
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "userinfo_endpoint": at("/userinfo"),
        "jwks_uri": at("/jwks"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email", "profile"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    })
}

fn token(world: &World, seen: &Seen) -> Answer {
    let grant = match redeem(world, seen) {
        Ok(grant) => grant,
        Err(refused) => {
            let (status, error) = match refused {
                Refused::Client => (401, "invalid_client"),
                Refused::GrantType => (400, "unsupported_grant_type"),
                Refused::Code | Refused::RedirectUri | Refused::Verifier => (400, "invalid_grant"),
            };
            return Answer::json(
                status,
                &json!({ "error": error, "error_description": format!("{refused:?}") }),
            );
        }
    };
    let token = world.issue(OUR_APP, &grant.person);
    let id_token = id_token::issued(world, &grant.person, &token.value, grant.nonce.as_deref());
    let body = json!({
        "access_token": token.value,
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": "openid email profile",
        "id_token": id_token,
    });
    Answer::json(200, &body)
}

fn user_info(world: &World, seen: &Seen) -> Answer {
    let Some((_, person)) = seen.credentials("bearer").and_then(|token| world.token(token)) else {
        let body = json!({ "error": "invalid_token", "error_description": "The access token is unknown or expired" });
        return Answer::json(401, &body).with("www-authenticate", "Bearer error=\"invalid_token\"");
    };
    let mut body = json!({
        "sub": person.subject,
        "name": person.name(),
        "given_name": person.first_name,
        "family_name": person.last_name,
        "preferred_username": person.login,
    });
    if let Some((email, verified)) = person.email() {
        body["email"] = json!(email);
        body["email_verified"] = json!(verified);
    }
    Answer::json(200, &body)
}
