//! What is remembered, for how long, and what is not.

use super::super::fixture::{ACCESS, IAT, NOW, REFRESH, jwt, key, rfc8037_key, ring};
use super::super::jwt::Verified;
use super::super::keyring::Algorithm;
use super::*;
use domain::SessionId;

fn remembered(memory: &VerifiedTokens) -> usize {
    memory.shards.iter().map(|shard| shard.lock().unwrap().len()).sum()
}

#[test]
fn a_token_is_remembered_with_its_claims() {
    let (jwt, memory) = (jwt(&[rfc8037_key()]), VerifiedTokens::new(100));
    let token = jwt.sign_access(&ACCESS, NOW).unwrap();
    assert_eq!(memory.verify(&jwt, &token, NOW), Ok(ACCESS));
    assert_eq!(remembered(&memory), 1);
    assert_eq!(memory.verify(&jwt, &token, NOW), Ok(ACCESS));
    assert_eq!(remembered(&memory), 1);
}

#[test]
fn a_remembered_token_expires_like_any_other() {
    let (jwt, memory) = (jwt(&[rfc8037_key()]), VerifiedTokens::new(100));
    let token = jwt.sign_access(&ACCESS, NOW).unwrap();
    let last = ACCESS.exp * 1_000_000 - 1;
    assert_eq!(memory.verify(&jwt, &token, last), Ok(ACCESS));
    assert_eq!(memory.verify(&jwt, &token, last + 1), Err(TokenError::Expired));
    assert_eq!(remembered(&memory), 0, "and makes room");
    assert_eq!(memory.verify(&jwt, &token, last + 1), Err(TokenError::Expired));
}

#[test]
fn nothing_but_a_verified_access_token_is_remembered() {
    let (jwt, memory) = (jwt(&[rfc8037_key()]), VerifiedTokens::new(100));
    let access = jwt.sign_access(&ACCESS, NOW).unwrap();
    let refresh = jwt.sign_refresh(&REFRESH, &rfc8037_key().kid).unwrap();
    assert_eq!(memory.verify(&jwt, &refresh, NOW), Err(TokenError::WrongType));
    assert_eq!(memory.verify(&jwt, &format!("{access}x"), NOW), Err(TokenError::Invalid));
    assert_eq!(memory.verify(&jwt, &access, (IAT + 300) * 1_000_000), Err(TokenError::Expired));
    assert_eq!(remembered(&memory), 0);
}

#[test]
fn a_remembered_token_is_refused_where_the_clock_was_set_back_behind_it() {
    let (jwt, memory) = (jwt(&[rfc8037_key()]), VerifiedTokens::new(100));
    let token = jwt.sign_access(&ACCESS, NOW).unwrap();
    assert_eq!(memory.verify(&jwt, &token, NOW), Ok(ACCESS));
    for (before, verdict) in [(30, Ok(ACCESS)), (31, Err(TokenError::Invalid))] {
        let now = (IAT - before) * 1_000_000;
        assert_eq!(memory.verify(&jwt, &token, now), verdict, "{before} s before it was made");
        assert_eq!(jwt.verify(&token, now).and_then(Verified::access), verdict);
    }
}

#[test]
fn a_token_whose_key_was_dropped_is_not_found_again() {
    let (old, new) = (rfc8037_key(), key(Algorithm::EdDsa, 1));
    let memory = VerifiedTokens::new(100);
    let before = jwt(&[old]);
    let token = before.sign_access(&ACCESS, NOW).unwrap();
    assert!(memory.verify(&before, &token, NOW).is_ok());
    assert_eq!(memory.verify(&jwt(&[new]), &token, NOW), Err(TokenError::Invalid));
}

#[test]
fn a_token_for_another_audience_is_not_found() {
    let memory = VerifiedTokens::new(100);
    let ours = jwt(&[rfc8037_key()]);
    let token = ours.sign_access(&ACCESS, NOW).unwrap();
    assert!(memory.verify(&ours, &token, NOW).is_ok());
    let theirs =
        Jwt::new(ring(&[rfc8037_key()], Algorithm::EdDsa), "https://auth.example.com".into(), "other".into());
    assert_eq!(memory.verify(&theirs, &token, NOW), Err(TokenError::Invalid));
}

#[test]
fn the_memory_is_bounded() {
    let (jwt, memory) = (jwt(&[rfc8037_key()]), VerifiedTokens::new(SHARDS));
    for session in 0..200 {
        let token = jwt.sign_access(&AccessClaims { session: SessionId(session), ..ACCESS }, NOW).unwrap();
        assert!(memory.verify(&jwt, &token, NOW).is_ok());
    }
    assert!((1..=SHARDS).contains(&remembered(&memory)));
}
