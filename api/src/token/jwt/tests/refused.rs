//! The corpus of tokens that must be refused: the security checklist's AT-1 to AT-5.

use super::super::super::fixture::ring;
use super::*;

#[test]
fn at_1_no_other_algorithm_is_believed() {
    let payload = payload().to_string();
    for alg in ["none", "None", "nOnE", "NONE", "", "eddsa", "HS256", "RS256", "ES256", "ES512"] {
        let header = with(header(), "alg", alg.into());
        assert_eq!(verify(&forge(&header, &payload)), INVALID, "{alg}");
        assert_eq!(verify(&format!("{}.{}.", part(&header), part(&payload))), INVALID, "unsigned {alg}");
    }
    for header in
        [with(header(), "alg", Value::Null), with(header(), "alg", json!(["EdDSA"])), header_without("alg")]
    {
        assert_eq!(verify(&forge(&header, &payload)), INVALID, "{header}");
    }
}

fn header_without(member: &str) -> String {
    let mut header = header();
    header.as_object_mut().unwrap().remove(member);
    header.to_string()
}

#[test]
fn at_1_a_public_key_is_no_shared_secret() {
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let raw = BASE64URL_NOPAD.decode(x.as_bytes()).unwrap();
    let der = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n");
    let message = format!("{}.{}", part(with(header(), "alg", "HS256".into())), part(payload().to_string()));
    for secret in [x.as_bytes(), &raw, pem.as_bytes(), pem.trim_end().as_bytes(), b""] {
        let key = EncodingKey::from_secret(secret);
        let signature = crypto::sign(message.as_bytes(), &key, jsonwebtoken::Algorithm::HS256).unwrap();
        assert_eq!(verify(&format!("{message}.{signature}")), INVALID);
    }
}

#[test]
fn at_1_a_key_of_one_algorithm_verifies_no_other_even_with_both_loaded() {
    let (ed, hs) = (rfc8037_key(), key(Algorithm::Hs256, 1));
    let both = jwt(&[ed, hs.clone()]);
    let message = format!("{}.{}", part(with(header(), "alg", "HS256".into())), part(payload().to_string()));
    let secret = EncodingKey::from_secret(&hs.private);
    let signature = crypto::sign(message.as_bytes(), &secret, jsonwebtoken::Algorithm::HS256).unwrap();
    assert_eq!(both.verify(&format!("{message}.{signature}"), NOW), INVALID);
}

#[test]
fn at_1_an_ecdsa_signature_of_zeros_is_refused() {
    let jwt = jwt(&[key(Algorithm::Es256, 1)]);
    let token = jwt.sign_access(&ACCESS, NOW).unwrap();
    let (message, _) = token.rsplit_once('.').unwrap();
    for length in [0, 63, 64, 65] {
        assert_eq!(jwt.verify(&format!("{message}.{}", part(vec![0; length])), NOW), INVALID, "{length}");
    }
}

#[test]
fn at_1_a_token_of_another_key_is_refused_under_our_kid() {
    let stranger = jwt(&[key(Algorithm::EdDsa, 9)]);
    let token = stranger.sign_access(&ACCESS, NOW).unwrap();
    assert_eq!(verify(&token), INVALID);
    let (_, rest) = token.split_once('.').unwrap();
    assert_eq!(verify(&format!("{}.{rest}", part(header().to_string()))), INVALID);
}

#[test]
fn at_2_kid_is_looked_up_exactly() {
    let payload = payload().to_string();
    let odd = ["", "../../dev/null", "' OR 1=1--", &kid().to_lowercase(), &format!("{} ", kid())]
        .map(str::to_owned);
    for kid in odd {
        assert_eq!(verify(&forge(&with(header(), "kid", kid.clone().into()), &payload)), INVALID, "{kid}");
    }
    assert_eq!(verify(&forge(&with(header(), "kid", "k".repeat(10_000).into()), &payload)), INVALID);
    assert_eq!(verify(&forge(&with(header(), "kid", json!([kid()])), &payload)), INVALID);
    assert_eq!(verify(&forge(&header_without("kid"), &payload)), INVALID);
}

#[test]
fn at_2_critical_headers_are_refused_and_pointers_to_keys_are_ignored() {
    let payload = payload().to_string();
    for crit in [json!(["exp"]), json!(["b64"]), json!([]), json!("x"), Value::Null] {
        assert_eq!(verify(&forge(&with(header(), "crit", crit.clone()), &payload)), INVALID, "{crit}");
    }
    let stranger = key(Algorithm::EdDsa, 9);
    let jwk = ring(std::slice::from_ref(&stranger), Algorithm::EdDsa).jwks()["keys"][0].clone();
    for (name, value) in
        [("jku", json!("https://example.net/jwks")), ("x5u", json!("file:///")), ("jwk", jwk)]
    {
        let header = with(header(), name, value);
        assert!(verify(&forge(&header, &payload)).is_ok(), "{name} changes nothing for a good token");
        let message = format!("{}.{}", part(&header), part(&payload));
        let own = EncodingKey::from_ed_der(&stranger.private);
        let signature = crypto::sign(message.as_bytes(), &own, jsonwebtoken::Algorithm::EdDSA).unwrap();
        assert_eq!(verify(&format!("{message}.{signature}")), INVALID, "{name} lends no key to a bad one");
    }
}

#[test]
fn at_3_every_claim_is_required_and_of_its_own_kind() {
    let head = header().to_string();
    let claims: Vec<String> = payload().as_object().unwrap().keys().cloned().collect();
    for claim in claims {
        let mut missing = payload();
        missing.as_object_mut().unwrap().remove(&claim);
        assert_eq!(verify(&forge(&head, &missing.to_string())), INVALID, "without {claim}");
        let right = payload()[claim.as_str()].clone();
        let listed = json!([right]);
        let swapped = if right.is_string() { json!(1) } else { json!(right.to_string()) };
        for wrong in [Value::Null, json!(true), json!({}), listed, swapped, json!(-1), json!(1.5)] {
            assert_eq!(
                verify(&forge(&head, &with(payload(), &claim, wrong.clone()))),
                INVALID,
                "{claim} = {wrong}"
            );
        }
    }
}

#[test]
fn at_3_odd_numbers_are_no_times() {
    let (head, body) = (header().to_string(), payload().to_string());
    let exp = (IAT + 300).to_string();
    for odd in
        ["1764000300.0", "1.7640003e9", "1e400", "99999999999999999999", "253402300800", "01764000300", "-0"]
    {
        assert_eq!(verify(&forge(&head, &body.replace(&exp, odd))), INVALID, "{odd}");
    }
}

#[test]
fn at_3_foreign_issuers_audiences_types_and_users_are_refused() {
    let head = header().to_string();
    for (claim, value) in [
        ("iss", "https://auth.example.com/"),
        ("aud", "Stele"),
        ("token_type", "refresh"),
        ("token_type", "sliding"),
        ("sub", "43"),
        ("user_id", "43"),
        ("sid", "1a2b"),
        ("sid", "0000000000001A2B"),
        ("jti", ""),
    ] {
        assert_eq!(
            verify(&forge(&head, &with(payload(), claim, value.into()))),
            INVALID,
            "{claim} = {value}"
        );
    }
    for typ in ["JWT", "rt+jwt", "AT+JWT", "application/at+jwt", ""] {
        let head = with(header(), "typ", typ.into());
        assert_eq!(verify(&forge(&head, &payload().to_string())), INVALID, "{typ}");
    }
    for user in ["042", "+42", " 42", "42.0", "", "92233720368547758080"] {
        let mut both = payload();
        both["user_id"] = user.into();
        assert_eq!(verify(&forge(&head, &with(both, "sub", user.into()))), INVALID, "{user}");
    }
}

#[test]
fn at_5_a_member_given_twice_is_refused() {
    let (head, body) = (header().to_string(), payload().to_string());
    for twice in ["\"sub\":\"42\"", "\"exp\":1764000300", "\"e\\u0078p\":1764000300", "\"x\":1,\"x\":1"] {
        let body = body.replacen('{', &format!("{{{twice},"), 1);
        assert_eq!(verify(&forge(&head, &body)), INVALID, "{body}");
    }
    let head = head.replacen('{', "{\"alg\":\"EdDSA\",", 1);
    assert_eq!(verify(&forge(&head, &body)), INVALID, "{head}");
}

#[test]
fn at_5_only_the_exact_compact_form_is_read() {
    let token = ed().sign_access(&ACCESS, NOW).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let (head, body, sig) = (parts[0], parts[1], parts[2]);
    let bad = [
        String::new(),
        "x".into(),
        ".".into(),
        "..".into(),
        "...".into(),
        format!("{head}.{body}"),
        format!("{head}.{body}."),
        format!("{head}..{sig}"),
        format!(".{body}.{sig}"),
        format!("{token}."),
        format!(".{token}"),
        format!("{head}.{body}.{sig}.{sig}"),
        format!("{head}.{body}.{sig}.{sig}.{sig}"),
        format!("{token}="),
        format!("{token}=="),
        format!("{head}=.{body}.{sig}"),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{head}.{body} .{sig}"),
        format!("{head}.{body}.{}", sig.to_uppercase()),
        format!("{head}.{body}.\u{e9}{sig}"),
        format!("Bearer {token}"),
        token.replace('.', ","),
    ];
    for token in bad {
        assert_eq!(verify(&token), INVALID, "{token}");
    }
}

#[test]
fn at_5_stray_bits_behind_the_signature_are_refused() {
    let token = ed().sign_access(&ACCESS, NOW).unwrap();
    let (kept, last) = token.split_at(token.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for other in alphabet.chars().filter(|other| !last.contains(*other)) {
        assert_eq!(verify(&format!("{kept}{other}")), INVALID, "{other}");
    }
}

#[test]
fn at_5_a_token_of_more_than_4_kb_is_refused_though_well_signed() {
    let padded =
        |length: usize| forge(&header().to_string(), &with(payload(), "pad", "x".repeat(length).into()));
    assert!(verify(&padded(2000)).is_ok());
    let long = padded(3000);
    assert!(long.len() > 4096);
    assert_eq!(verify(&long), INVALID);
}

#[test]
fn at_5_parts_that_are_no_json_objects_are_refused() {
    let (head, body) = (header().to_string(), payload().to_string());
    for odd in ["", "{", "[]", "null", "\"x\"", &format!("{body}{body}"), &"[".repeat(2000)] {
        assert_eq!(verify(&forge(&head, odd)), INVALID, "payload {odd}");
        assert_eq!(verify(&forge(odd, &body)), INVALID, "header {odd}");
    }
    let message = format!("{}.{}", part(&head), part([b"{\"sub\":\"", &[0xff_u8][..], b"\"}"].concat()));
    let key = EncodingKey::from_ed_der(&rfc8037_key().private);
    let signature = crypto::sign(message.as_bytes(), &key, jsonwebtoken::Algorithm::EdDSA).unwrap();
    assert_eq!(verify(&format!("{message}.{signature}")), INVALID, "no UTF-8");
}
