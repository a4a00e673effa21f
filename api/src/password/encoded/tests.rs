//! Vectors that Django 5.2, argon2-cffi and libxcrypt made, and strings that must not be computed.

use super::*;

const PASSWORD: &str = "Корр3ct-horse ✓";

const OWN: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$R1a3IsJWNFgRCUKhYtu1JScN7/J4j2Smv4k/vT32fto";

/// Right for the password, but not what is written now.
const OUTDATED: [&str; 11] = [
    "$argon2id$v=19$m=7168,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$nniz4gqcuucB383kTewlaKGRYZAj1CgLwZgfNnZgLsA",
    "argon2$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$R1a3IsJWNFgRCUKhYtu1JScN7/J4j2Smv4k/vT32fto",
    "argon2$argon2id$v=19$m=102400,t=2,p=8$VHo5aEtxM21XdjhzTGIyeFljN25SZA\
     $W/UNrI6l4qCkrfCgd7fbARnkXNGAVvL+aApedCRnLO4",
    "argon2$argon2i$v=19$m=512,t=2,p=2$VHo5aEtxM21Xdjhz$Mq7usfMySgJM1Pvy1iX5aw",
    "argon2$argon2i$v=16$m=512,t=2,p=2$VHo5aEtxM21Xdjhz$ULnkh5oPwPXlSheMBlcvNw",
    "argon2$argon2d$v=19$m=256,t=3,p=1$VHo5aEtxM21Xdjhz$aEtumHhXD7zDn9X9jE2dBdEsn9mG2HReD2M2SZndNSE",
    "pbkdf2_sha256$1000$Tz9hKq3mWv8sLb2xYc7nRd$MTWinT3rjOMFDqChFTJWiUVM5U80VbkAk4drIKuwILE=",
    "bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuupRBsRfcQnZAR.hseZzY5Zpb8F2fuUyy",
    "bcrypt_sha256$$2a$04$abcdefghijklmnopqrstuupRBsRfcQnZAR.hseZzY5Zpb8F2fuUyy",
    "bcrypt_sha256$$2y$04$abcdefghijklmnopqrstuupRBsRfcQnZAR.hseZzY5Zpb8F2fuUyy",
    "scrypt$16$Tz9hKq3mWv8sLb2xYc7nRd$8$5\
     $y95Wv8Fzkk4smPbTEeyaHZjgH7S98I+XqDxWEYqwxSQkzOAq8tfXiSwUAOgQdqnGvNzeDK2kBgGpYVz0uighnQ==",
];

/// The verdict, and how many hashes it took.
fn judged(password: &str, stored: Option<&str>) -> (Result<Verdict, EncodedError>, u64) {
    let mut arena = Arena::default();
    (verify(password, stored, &mut arena), arena.hashed())
}

#[test]
fn a_new_hash_is_what_the_reference_library_writes() {
    let written = hash(PASSWORD, *b"0123456789abcdef", &mut Arena::default());
    assert_eq!(written.unwrap(), OWN);
}

#[test]
fn our_own_string_is_right_for_its_password_alone() {
    assert!(matches!(judged(PASSWORD, Some(OWN)), (Ok(Verdict::Right), 1)));
    assert!(matches!(judged("Корр3ct-horse ✗", Some(OWN)), (Ok(Verdict::Wrong), 1)));
}

#[test]
fn every_other_encoding_is_right_but_outdated_for_its_password_alone() {
    for stored in OUTDATED {
        let right = judged(PASSWORD, Some(stored));
        assert!(matches!(right, (Ok(Verdict::RightButOutdated), 1)), "{stored}: {right:?}");
        let wrong = judged("Корр3ct-horse", Some(stored));
        assert!(matches!(wrong, (Ok(Verdict::Wrong), 1)), "{stored}: {wrong:?}");
    }
}

#[test]
fn one_changed_character_of_a_hash_makes_it_wrong() {
    for stored in OUTDATED.iter().chain(&[OWN]) {
        let at = stored.rfind('$').unwrap() + if stored.starts_with("bcrypt") { 30 } else { 3 };
        let other = if stored[at..].starts_with('A') { "B" } else { "A" };
        let changed = format!("{}{other}{}", &stored[..at], &stored[at + 1..]);
        assert!(matches!(judged(PASSWORD, Some(&changed)), (Ok(Verdict::Wrong), 1)), "{changed}");
    }
}

#[test]
fn no_string_or_one_that_nothing_opens_costs_what_a_wrong_password_costs() {
    let unusable = ["!", "!Jv8WnMrZ2oYqTf6sBkXc9hLpEd4gUa7i1N3xQz0w", ""];
    for stored in [None].into_iter().chain(unusable.map(Some)) {
        let mut arena = Arena::default();
        let verdict = verify(PASSWORD, stored, &mut arena);
        let mut wrong = Arena::default();
        verify("wrong", Some(OWN), &mut wrong).unwrap();
        assert_eq!(verdict.unwrap(), Verdict::Wrong, "{stored:?}");
        assert_eq!((arena.hashed(), arena.kept()), (wrong.hashed(), wrong.kept()), "{stored:?}");
        assert_eq!(arena.hashed(), 1);
    }
}

#[test]
fn what_asks_for_too_much_is_refused_without_computing() {
    let argon = |cost: &str| {
        format!("$argon2id$v=19${cost}$MDEyMzQ1Njc4OWFiY2RlZg$R1a3IsJWNFgRCUKhYtu1JScN7/J4j2Smv4k/vT32fto")
    };
    let scrypt = |cost: [&str; 3]| {
        OUTDATED[10]
            .replace("$16$", &format!("${}$", cost[0]))
            .replace("$8$5$", &format!("${}${}$", cost[1], cost[2]))
    };
    let bcrypt = |cost: &str| OUTDATED[7].replace("$04$", &format!("${cost}$"));
    let pbkdf2 = |cost: &str| OUTDATED[6].replace("$1000$", &format!("${cost}$"));
    let costs = [
        "m=262145,t=2,p=1",
        "m=4194304,t=2,p=1",
        "m=19456,t=11,p=1",
        "m=19456,t=0,p=1",
        "m=19456,t=2,p=9",
        "m=19456,t=2,p=0",
        "m=15,t=1,p=2",
        "m=99999999999,t=2,p=1",
    ];
    let refused = costs
        .map(argon)
        .into_iter()
        .chain(["17", "31", "03"].map(bcrypt))
        .chain(["5000001", "0", "4294967296"].map(pbkdf2))
        .chain(
            [
                ["524288", "8", "1"],
                ["16384", "8", "65"],
                ["2", "4294967295", "1"],
                ["2147483648", "2147483648", "4294967295"],
                ["1", "8", "5"],
                ["15", "8", "5"],
                ["16", "0", "5"],
                ["16", "8", "0"],
            ]
            .map(scrypt),
        );
    for stored in refused {
        let judged = judged(PASSWORD, Some(&stored));
        assert!(matches!(judged, (Err(EncodedError::OutOfBounds), 0)), "{stored}: {judged:?}");
    }
}

#[test]
fn what_is_no_encoding_is_refused_without_computing() {
    let short_hash = OWN.rsplit_once('$').unwrap().0;
    let strange = [
        "gibberish",
        "$",
        "argon2$",
        "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99",
        "$argon2x$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$R1a3IsJWNFgRCUKhYtu1JQ",
        "$argon2id$v=18$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$R1a3IsJWNFgRCUKhYtu1JQ",
        "$argon2id$v=19$m=19456,t=2,p=1,keyid=AA$MDEyMzQ1Njc4OWFiY2RlZg$R1a3IsJWNFgRCUKhYtu1JQ",
        "$argon2id$v=19$m=+19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$R1a3IsJWNFgRCUKhYtu1JQ",
        "$argon2id$v=19$m=19456,t=2,p=1$not base64$R1a3IsJWNFgRCUKhYtu1JQ",
        short_hash,
        "pbkdf2_sha256$1000$salt$c2hvcnQ=",
        "pbkdf2_sha256$-1$salt$MTWinT3rjOMFDqChFTJWiUVM5U80VbkAk4drIKuwILE=",
        "bcrypt_sha256$$2b$04$short",
        "bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuupRBsRfcQnZAR.hseZzY5Zpb8F2fuUé",
        "scrypt$16$salt$8$5",
    ];
    for stored in strange {
        let judged = judged(PASSWORD, Some(stored));
        assert!(matches!(judged, (Err(EncodedError::Unknown), 0)), "{stored}: {judged:?}");
    }
}

#[test]
fn a_hash_or_salt_too_short_to_protect_is_out_of_bounds() {
    for stored in [
        "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$R1a3Ig",
        "$argon2id$v=19$m=19456,t=2,p=1$MDEy$R1a3IsJWNFgRCUKhYtu1JQ",
    ] {
        assert!(matches!(judged(PASSWORD, Some(stored)), (Err(EncodedError::OutOfBounds), 0)), "{stored}");
    }
}
