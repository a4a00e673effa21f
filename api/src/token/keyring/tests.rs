//! Which key signs, which are published, and which material is refused.

use super::super::fixture::{NOW, key, rfc8037_key, ring, stream};
use super::*;

fn made_at(created_at: i64, seed: u64) -> SigningKey {
    SigningKey { created_at, ..key(Algorithm::EdDsa, seed) }
}

fn macs() -> MacKeys {
    MacKeys { refresh: Zeroizing::new([1; 32]), opaque: Zeroizing::new([2; 32]) }
}

#[test]
fn an_ed25519_key_has_the_id_and_public_half_of_rfc_8037() {
    let key = rfc8037_key();
    assert_eq!(key.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    assert_eq!(
        ring(&[key], Algorithm::EdDsa).jwks(),
        json!({"keys": [{
            "use": "sig", "alg": "EdDSA", "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
        }]})
    );
}

#[test]
fn no_private_member_is_ever_published() {
    let keys =
        [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256, Algorithm::Hs256].map(|alg| key(alg, 1));
    let jwks = ring(&keys, Algorithm::EdDsa).jwks();
    let published = jwks["keys"].as_array().unwrap();
    assert_eq!(published.len(), 3, "the shared secret stays at home");
    for jwk in published {
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert!(jwk.get(private).is_none(), "{jwk}");
        }
    }
}

#[test]
fn the_newest_unretired_key_of_the_configured_algorithm_signs() {
    let (old, new) = (made_at(1, 1), made_at(2, 2));
    let retired = SigningKey { retired_at: Some(NOW), ..made_at(3, 3) };
    let other = SigningKey { created_at: 4, ..key(Algorithm::Es256, 4) };
    let ring = ring(&[old, new.clone(), retired.clone(), other], Algorithm::EdDsa);
    assert_eq!(ring.active(NOW), Some(new.kid.as_str()));
    assert_eq!(ring.active(NOW - 1), Some(retired.kid.as_str()), "until the moment of its retirement");
}

#[test]
fn a_key_made_for_later_is_published_at_once_and_signs_from_then_on() {
    let (old, next) = (made_at(1, 1), made_at(NOW, 2));
    let ring = ring(&[old.clone(), next.clone()], Algorithm::EdDsa);
    assert_eq!(ring.jwks()["keys"][0]["kid"], next.kid.as_str());
    assert_eq!(ring.active(NOW - 1), Some(old.kid.as_str()));
    assert_eq!(ring.active(NOW), Some(next.kid.as_str()));
}

#[test]
fn a_clock_behind_the_first_key_still_signs_with_it() {
    let (first, second) = (made_at(NOW, 1), made_at(NOW + 1, 2));
    assert_eq!(ring(&[second, first.clone()], Algorithm::EdDsa).active(0), Some(first.kid.as_str()));
}

#[test]
fn without_a_key_of_the_configured_algorithm_nothing_signs() {
    assert_eq!(ring(&[made_at(1, 1)], Algorithm::Es256).active(NOW), None);
}

#[test]
fn a_key_under_an_id_that_is_not_its_own_is_refused() {
    let swapped = SigningKey { kid: made_at(1, 1).kid, ..made_at(1, 2) };
    let error = Keyring::new(&[swapped], Algorithm::EdDsa, macs()).err().unwrap();
    assert!(matches!(error, KeyError::WrongId { .. }), "{error}");
}

#[test]
fn material_that_is_no_key_of_its_algorithm_is_refused() {
    let ed = key(Algorithm::EdDsa, 1);
    let short = SigningKey { private: Zeroizing::new(vec![1; 31]), ..key(Algorithm::Hs256, 1) };
    let mut bad: Vec<SigningKey> =
        [Algorithm::Es256, Algorithm::Rs256].map(|algorithm| SigningKey { algorithm, ..ed.clone() }).into();
    bad.push(short);
    bad.push(SigningKey { private: Zeroizing::new(Vec::new()), ..ed });
    for key in bad {
        let error = Keyring::new(&[key], Algorithm::EdDsa, macs()).err().unwrap();
        assert!(matches!(error, KeyError::Unusable { .. }), "{error}");
    }
}

#[test]
fn the_same_key_twice_is_refused() {
    let error = Keyring::new(&[made_at(1, 1), made_at(2, 1)], Algorithm::EdDsa, macs()).err().unwrap();
    assert!(matches!(error, KeyError::Twice { .. }), "{error}");
}

#[test]
fn a_p256_key_is_drawn_again_when_the_bytes_are_no_scalar() {
    let mut good = stream(1);
    let mut draws = 0;
    let key = SigningKey::generate(Algorithm::Es256, 0, &mut |out| {
        draws += 1;
        if draws == 1 { out.fill(0xff) } else { good(out) }
    });
    assert!(key.is_ok());
    assert_eq!(draws, 2);
}

#[test]
fn randomness_that_never_gives_a_scalar_is_reported() {
    let error = SigningKey::generate(Algorithm::Es256, 0, &mut |out| out.fill(0)).unwrap_err();
    assert!(matches!(error, KeyError::NotMade(Algorithm::Es256)), "{error}");
}

#[test]
fn algorithms_are_named_as_registered() {
    for name in ["EdDSA", "ES256", "RS256", "HS256"] {
        assert_eq!(name.parse::<Algorithm>().unwrap().to_string(), name);
    }
    for bad in ["none", "eddsa", "HS512", ""] {
        assert!(bad.parse::<Algorithm>().is_err(), "{bad}");
    }
}

#[test]
fn private_keys_never_show_in_debug_output() {
    let key = key(Algorithm::Hs256, 1);
    let shown = format!("{key:?}");
    assert!(
        !shown.contains("private") && !shown.contains(&format!("{:?}", &key.private[..4])[1..]),
        "{shown}"
    );
}
