//! What tokens say, how long they live, and how they are made; those that must be refused are in `refused`.

use super::super::fixture::{ACCESS, AUDIENCE, IAT, ISSUER, NOW, REFRESH, jwt, key, rfc8037_key};
use super::super::keyring::{Algorithm, SigningKey};
use super::*;
use jsonwebtoken::{EncodingKey, crypto};
use serde_json::{Value, json};

mod refused;

const INVALID: Result<Verified, TokenError> = Err(TokenError::Invalid);

fn ed() -> Jwt {
    jwt(&[rfc8037_key()])
}

fn kid() -> String {
    rfc8037_key().kid
}

fn part(bytes: impl AsRef<[u8]>) -> String {
    BASE64URL_NOPAD.encode(bytes.as_ref())
}

/// A token with any header and payload, well signed with the RFC 8037 key.
fn forge(header: &str, payload: &str) -> String {
    let message = format!("{}.{}", part(header), part(payload));
    let key = EncodingKey::from_ed_der(&rfc8037_key().private);
    let signature = crypto::sign(message.as_bytes(), &key, jsonwebtoken::Algorithm::EdDSA).unwrap();
    format!("{message}.{signature}")
}

fn header() -> Value {
    json!({"alg": "EdDSA", "typ": "at+jwt", "kid": kid()})
}

fn payload() -> Value {
    json!({
        "token_type": "access", "exp": IAT + 300, "iat": IAT, "nbf": IAT - 30, "jti": part([4; 16]),
        "sub": "42", "user_id": "42", "sid": "0000000000001a2b", "epoch": 3, "iss": ISSUER, "aud": AUDIENCE
    })
}

fn with(mut object: Value, member: &str, value: Value) -> String {
    object[member] = value;
    object.to_string()
}

fn verify(token: &str) -> Result<Verified, TokenError> {
    ed().verify(token, NOW)
}

#[test]
fn both_types_come_back_with_their_claims_under_every_algorithm() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256, Algorithm::Hs256] {
        let jwt = jwt(&[key(algorithm, 1)]);
        let kid = jwt.keyring().active(NOW).unwrap();
        let access = jwt.sign_access(&ACCESS, NOW).unwrap();
        let refresh = jwt.sign_refresh(&REFRESH, kid).unwrap();
        assert_eq!(jwt.verify(&access, NOW), Ok(Verified::Access(ACCESS)), "{algorithm}");
        assert_eq!(jwt.verify(&refresh, NOW), Ok(Verified::Refresh(REFRESH)), "{algorithm}");
        assert_eq!(refresh, jwt.sign_refresh(&REFRESH, kid).unwrap(), "{algorithm}: the same bytes again");
        assert!(access.len().max(refresh.len()) < 1024, "{algorithm}: fits a cookie");
        for token in [access, refresh] {
            assert_eq!(jwt.verify(&format!("{token}x"), NOW), INVALID, "{algorithm}");
        }
    }
}

#[test]
fn a_signed_token_is_the_one_that_another_implementation_makes() {
    assert_eq!(
        ed().sign_access(&ACCESS, NOW).unwrap(),
        "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImtQcktfcW14VldhWVZBOXd3QkY2SXVvM3ZWeno3VHhIQ1R\
         3WEJ5Z3JTNGsifQ.eyJ0b2tlbl90eXBlIjoiYWNjZXNzIiwiZXhwIjoxNzY0MDAwMzAwLCJpYXQiOjE3NjQwMDAwMDAsIm5\
         iZiI6MTc2Mzk5OTk3MCwianRpIjoiQkFRRUJBUUVCQVFFQkFRRUJBUUVCQSIsInN1YiI6IjQyIiwidXNlcl9pZCI6IjQyIi\
         wic2lkIjoiMDAwMDAwMDAwMDAwMWEyYiIsImVwb2NoIjozLCJpc3MiOiJodHRwczovL2F1dGguZXhhbXBsZS5jb20iLCJhd\
         WQiOiJzdGVsZSJ9.xAiBT76G4opAY8xNWw_XEv9Fd2icCep0uZF1NJJSdIx_TMD83Q4Mv1yAhDynxWMpDYU1f2j6eDKU7p1\
         XdzMyAA"
    );
    assert_eq!(
        ed().sign_refresh(&REFRESH, &kid()).unwrap(),
        "eyJhbGciOiJFZERTQSIsInR5cCI6InJ0K2p3dCIsImtpZCI6ImtQcktfcW14VldhWVZBOXd3QkY2SXVvM3ZWeno3VHhIQ1R\
         3WEJ5Z3JTNGsifQ.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCIsImV4cCI6MTc2NDA4NjQwMCwiaWF0IjoxNzY0MDAwMDAwLCJ\
         qdGkiOiJaX05nYWluX2NjenBKSUdlcVhlY1JnIiwic3ViIjoiNDIiLCJ1c2VyX2lkIjoiNDIiLCJzaWQiOiIwMDAwMDAwMD\
         AwMDAxYTJiIiwiY250Ijo3LCJpc3MiOiJodHRwczovL2F1dGguZXhhbXBsZS5jb20iLCJhdWQiOiJzdGVsZSJ9.fu-bdKka\
         TUe1hUKC7l4OiziaWK8WDjtHwChKdiukiLTIGpEvovM1WSMPK7sbHpvb971PzuhGTRWv_KLqUel9CA"
    );
}

#[test]
fn the_forged_tokens_of_these_tests_would_pass_if_they_were_whole() {
    assert_eq!(verify(&forge(&header().to_string(), &payload().to_string())), Ok(Verified::Access(ACCESS)));
}

#[test]
fn a_token_lives_until_the_second_of_its_expiry_and_no_longer() {
    let token = ed().sign_access(&ACCESS, NOW).unwrap();
    let end = ACCESS.exp * 1_000_000;
    assert!(ed().verify(&token, end - 1).is_ok());
    assert_eq!(ed().verify(&token, end), Err(TokenError::Expired));
}

#[test]
fn a_token_is_good_on_a_node_whose_clock_is_a_little_behind_but_not_before_its_nbf() {
    let token = ed().sign_access(&ACCESS, NOW).unwrap();
    let begin = (IAT - CLOCK_SKEW) * 1_000_000;
    assert!(ed().verify(&token, begin).is_ok());
    assert_eq!(ed().verify(&token, begin - 1), INVALID);
}

#[test]
fn an_expired_token_is_called_expired_before_its_type_is_looked_at() {
    let token = ed().sign_access(&ACCESS, NOW).unwrap();
    let refresh = ed().sign_refresh(&REFRESH, &kid()).unwrap();
    let read = |token: &str, now| ed().verify(token, now).and_then(Verified::refresh);
    assert_eq!(read(&token, NOW), Err(TokenError::WrongType));
    assert_eq!(read(&token, ACCESS.exp * 1_000_000), Err(TokenError::Expired));
    assert_eq!(read(&refresh, NOW), Ok(REFRESH));
    assert_eq!(ed().verify(&refresh, NOW).and_then(Verified::access), Err(TokenError::WrongType));
    assert_eq!(TokenError::WrongType.detail(), TokenError::WrongType.to_string());
}

#[test]
fn a_retired_key_verifies_until_it_is_dropped() {
    let old = SigningKey { retired_at: Some(1), ..rfc8037_key() };
    let new = SigningKey { created_at: 2, ..key(Algorithm::EdDsa, 1) };
    let token = ed().sign_access(&ACCESS, NOW).unwrap();
    assert!(jwt(&[old, new.clone()]).verify(&token, NOW).is_ok());
    assert_eq!(jwt(&[new]).verify(&token, NOW), INVALID);
}

#[test]
fn a_token_cannot_be_made_without_its_key() {
    assert!(matches!(ed().sign_refresh(&REFRESH, "gone"), Err(SignError::UnknownKey { .. })));
    assert!(matches!(jwt(&[]).sign_access(&ACCESS, NOW), Err(SignError::NoActiveKey)));
}

#[test]
fn a_refresh_token_changes_with_its_counter_its_times_and_its_key() {
    let jwt = jwt(&[rfc8037_key(), key(Algorithm::EdDsa, 1)]);
    let make = |claims: RefreshClaims, kid: &str| jwt.sign_refresh(&claims, kid).unwrap();
    let first = make(REFRESH, &kid());
    for other in [
        make(RefreshClaims { counter: 8, ..REFRESH }, &kid()),
        make(RefreshClaims { exp: REFRESH.exp + 1, ..REFRESH }, &kid()),
        make(REFRESH, &key(Algorithm::EdDsa, 1).kid),
    ] {
        assert_ne!(first, other);
    }
}

#[test]
fn a_well_signed_refresh_token_with_the_jti_of_another_counter_is_refused() {
    let (header, payload) = decoded(&ed().sign_refresh(&REFRESH, &kid()).unwrap());
    assert_eq!(verify(&forge(&header, &payload)), Ok(Verified::Refresh(REFRESH)));
    assert_eq!(verify(&forge(&header, &payload.replace("\"cnt\":7", "\"cnt\":8"))), INVALID);
    assert_eq!(verify(&forge(&header, &payload.replace("1a2b", "1a2c"))), INVALID);
}

fn decoded(token: &str) -> (String, String) {
    let text = |part: &str| String::from_utf8(BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    (text(parts[0]), text(parts[1]))
}

#[test]
fn a_claim_that_this_version_does_not_know_is_ignored() {
    assert!(verify(&forge(&header().to_string(), &with(payload(), "new", json!({"a": 1})))).is_ok());
}
