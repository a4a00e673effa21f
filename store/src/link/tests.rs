//! What a mail link vouches for, and everything that it must not open.

use super::*;

const EXPIRES: i64 = 1_764_000_000;
const ALIVE: i64 = (EXPIRES - 1) * 1_000_000 + 999_999;
const SUBJECT: Subject<'static> =
    Subject { user: UserId(42), email: "ann@example.com", epoch: 3, expires_at: EXPIRES };

fn key() -> LinkKey {
    LinkKey::new("k1".into(), [5; 32]).unwrap()
}

fn verify() -> Link {
    Link::parse_verify_email(&verify_email_key(&key(), &SUBJECT)).unwrap()
}

fn reset() -> Link {
    let ResetLink { uid, token } = reset_link(&key(), &SUBJECT);
    Link::parse_reset(&uid, &token).unwrap()
}

#[test]
fn a_link_opens_for_its_user_address_and_epoch() {
    for link in [verify(), reset()] {
        assert_eq!((link.user(), link.key_id()), (UserId(42), "k1"));
        assert_eq!(link.check(&key(), "ann@example.com", 3, ALIVE), Ok(()));
    }
}

#[test]
fn a_link_opens_for_no_other_address_epoch_or_key() {
    let other_secret = LinkKey::new("k1".into(), [6; 32]).unwrap();
    let other_id = LinkKey::new("k2".into(), [5; 32]).unwrap();
    for link in [verify(), reset()] {
        assert_eq!(link.check(&key(), "ann@example.co", 3, ALIVE), Err(LinkError::Unfit));
        assert_eq!(link.check(&key(), "ann@example.com", 4, ALIVE), Err(LinkError::Unfit));
        assert_eq!(link.check(&other_secret, "ann@example.com", 3, ALIVE), Err(LinkError::Unfit));
        assert_eq!(link.check(&other_id, "ann@example.com", 3, ALIVE), Err(LinkError::Unfit));
    }
}

#[test]
fn a_link_dies_in_the_very_second_of_its_expiry() {
    for link in [verify(), reset()] {
        assert_eq!(link.check(&key(), "ann@example.com", 3, EXPIRES * 1_000_000), Err(LinkError::Expired));
    }
}

#[test]
fn an_expired_link_that_fits_nobody_is_called_unfit() {
    assert_eq!(reset().check(&key(), "bob@example.com", 3, EXPIRES * 1_000_000), Err(LinkError::Unfit));
}

#[test]
fn a_reset_token_opens_for_no_other_user() {
    let token = reset_link(&key(), &SUBJECT).token;
    let uid = reset_link(&key(), &Subject { user: UserId(43), ..SUBJECT }).uid;
    let link = Link::parse_reset(&uid, &token).unwrap();
    assert_eq!(link.check(&key(), "ann@example.com", 3, ALIVE), Err(LinkError::Unfit));
}

#[test]
fn a_secret_made_for_one_purpose_never_fits_the_other() {
    let as_reset = Link { purpose: Purpose::ResetPassword, ..verify() };
    let as_verify = Link { purpose: Purpose::VerifyEmail, ..reset() };
    for link in [as_reset, as_verify] {
        assert_eq!(link.check(&key(), "ann@example.com", 3, ALIVE), Err(LinkError::Unfit));
    }
    assert_eq!(Link::parse_verify_email(&reset_link(&key(), &SUBJECT).token), None);
    let uid = reset_link(&key(), &SUBJECT).uid;
    let crossed = Link::parse_reset(&uid, &verify_email_key(&key(), &SUBJECT));
    assert!(crossed.is_none_or(|link| link.check(&key(), "ann@example.com", 3, ALIVE).is_err()));
}

#[test]
fn a_secret_with_any_one_character_changed_opens_nothing() {
    let whole = verify_email_key(&key(), &SUBJECT);
    for place in 0..whole.len() {
        let mut changed = whole.clone().into_bytes();
        changed[place] = if changed[place] == b'a' { b'b' } else { b'a' };
        let link = Link::parse_verify_email(&String::from_utf8(changed).unwrap());
        let opened = link.is_some_and(|link| link.check(&key(), "ann@example.com", 3, ALIVE).is_ok());
        assert!(!opened, "character {place}");
    }
}

#[test]
fn other_spellings_and_odd_texts_are_no_links() {
    let whole = verify_email_key(&key(), &SUBJECT);
    let long = "a".repeat(LONGEST_SECRET + 8);
    for bad in
        [&whole.to_ascii_uppercase(), &format!("{whole}="), &format!("{whole} "), &long, "", "a", "é/é"]
    {
        assert_eq!(Link::parse_verify_email(bad), None, "{bad}");
    }
    let token = reset_link(&key(), &SUBJECT).token;
    for bad in ["", "!!", "NDI=", "KzQy", "MDQy", "NDIK", "////"] {
        assert_eq!(Link::parse_reset(bad, &token), None, "{bad}");
    }
}

#[test]
fn a_uid_is_spelled_as_django_spells_it() {
    assert_eq!(reset_link(&key(), &SUBJECT).uid, "NDI");
    assert_eq!(parse_uid("NDI"), Some(UserId(42)));
}

#[test]
fn secrets_are_words_that_need_no_escaping_and_stay_within_the_limit() {
    let key = LinkKey::new("k".repeat(LONGEST_KEY_ID), [5; 32]).unwrap();
    let ResetLink { token, .. } = reset_link(&key, &SUBJECT);
    let longest = verify_email_key(&key, &SUBJECT);
    for secret in [&token, &longest] {
        assert!(secret.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()), "{secret}");
    }
    assert_eq!(longest.len(), 109);
    assert!(Link::parse_verify_email(&longest).is_some());
}

#[test]
fn a_key_id_that_could_not_travel_is_refused() {
    for bad in ["", "a b", "a/b", &"k".repeat(LONGEST_KEY_ID + 1)] {
        assert!(LinkKey::new(bad.into(), [0; 32]).is_none(), "{bad}");
    }
}

#[test]
fn the_same_facts_give_the_same_link_as_another_implementation() {
    assert_eq!(
        verify_email_key(&key(), &SUBJECT),
        "gkbg7adx2a52gw7uov4fpjixadbpztneaaaaaadjesaqaaaaaaaaaaaafjvtc"
    );
    assert_eq!(reset_link(&key(), &SUBJECT).token, "56r7onho7blv3xakfxiym6g3yls4qi6waaaaaadjesaqa2zr");
}
