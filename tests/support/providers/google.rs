//! Google: OpenID Connect, and an endpoint that says for whom a token was issued.

use serde_json::{Map, Value, json};

use super::{
    OUR_APP, Seen, authorize, id_token,
    message::Answer,
    redeem::{Refused, redeem},
    world::World,
};

const SCOPE: &str =
    "openid https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/userinfo.profile";

pub(super) fn answer(world: &World, seen: &Seen) -> Answer {
    match (seen.method.as_str(), seen.path.as_str()) {
        ("GET" | "POST", "/o/oauth2/v2/auth") => authorize::answer(world, seen),
        ("POST", "/token") => token(world, seen),
        ("GET" | "POST", "/tokeninfo" | "/oauth2/v3/tokeninfo") => token_info(world, seen),
        ("GET", "/oauth2/v3/certs") => Answer::json(200, &id_token::published(world)),
        ("GET" | "POST", "/v1/userinfo" | "/oauth2/v3/userinfo") => user_info(world, seen),
        ("GET", "/.well-known/openid-configuration") => Answer::json(200, &configuration(world)),
        _ => Answer::nowhere(),
    }
}

fn configuration(world: &World) -> Value {
    let at = |path: &str| format!("{}{path}", world.url);
    json!({
        "issuer": id_token::issuer(world),
        "authorization_endpoint": at("/o/oauth2/v2/auth"),
        "token_endpoint": at("/token"),
        "userinfo_endpoint": at("/v1/userinfo"),
        "jwks_uri": at("/oauth2/v3/certs"),
        "response_types_supported": ["code", "token", "id_token", "code token", "code id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email", "profile"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "code_challenge_methods_supported": ["plain", "S256"],
    })
}

fn token(world: &World, seen: &Seen) -> Answer {
    let grant = match redeem(world, seen) {
        Ok(grant) => grant,
        Err(refused) => return refusal(refused),
    };
    let token = world.issue(OUR_APP, &grant.person);
    let id_token = id_token::issued(world, &grant.person, &token.value, grant.nonce.as_deref());
    let body = json!({
        "access_token": token.value,
        "expires_in": 3599,
        "scope": SCOPE,
        "token_type": "Bearer",
        "id_token": id_token,
    });
    Answer::json(200, &body)
}

fn refusal(refused: Refused) -> Answer {
    let (status, error, description) = match refused {
        Refused::Client => (401, "invalid_client", "The OAuth client was not found."),
        Refused::GrantType => (400, "unsupported_grant_type", "Invalid grant_type."),
        Refused::Code => (400, "invalid_grant", "Malformed auth code."),
        Refused::RedirectUri => (400, "redirect_uri_mismatch", "Bad Request"),
        Refused::Verifier => (400, "invalid_grant", "Invalid code verifier."),
    };
    Answer::json(status, &json!({ "error": error, "error_description": description }))
}

/// All values are texts, numbers and truths too.
fn token_info(world: &World, seen: &Seen) -> Answer {
    if let Some(token) = seen.field("access_token") {
        let Some((token, person)) = world.token(&token) else { return invalid_token() };
        let mut body = json!({
            "azp": token.app,
            "aud": token.app,
            "sub": person.subject,
            "scope": SCOPE,
            "exp": token.expires_at.to_string(),
            "expires_in": (token.expires_at - World::now()).to_string(),
            "access_type": "online",
        });
        if let Some((email, verified)) = person.email() {
            body["email"] = json!(email);
            body["email_verified"] = json!(verified.to_string());
        }
        return Answer::json(200, &body);
    }
    invalid_token()
}

fn invalid_token() -> Answer {
    Answer::json(400, &json!({ "error": "invalid_token", "error_description": "Invalid Value" }))
}

fn user_info(world: &World, seen: &Seen) -> Answer {
    let given = seen.credentials("bearer").map(str::to_owned).or_else(|| seen.field("access_token"));
    let Some((_, person)) = given.and_then(|token| world.token(&token)) else {
        let body = json!({ "error": "invalid_request", "error_description": "Invalid Credentials" });
        return Answer::json(401, &body)
            .with("www-authenticate", "Bearer realm=\"https://accounts.google.com/\"");
    };
    let mut body = Map::new();
    body.insert("sub".into(), json!(person.subject));
    body.insert("name".into(), json!(person.name()));
    body.insert("given_name".into(), json!(person.first_name));
    body.insert("family_name".into(), json!(person.last_name));
    body.insert("picture".into(), json!("https://lh3.googleusercontent.com/a/none=s96-c"));
    if let Some((email, verified)) = person.email() {
        body.insert("email".into(), json!(email));
        body.insert("email_verified".into(), json!(verified));
    }
    Answer::json(200, &Value::Object(body))
}
