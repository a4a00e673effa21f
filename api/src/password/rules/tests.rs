//! The contract's own refusals, and what the reference answered to passwords at the edges of its rules.

use super::check;

const SHORT: &str = "This password is too short. It must contain at least 8 characters.";
const COMMON: &str = "This password is too common.";
const NUMERIC: &str = "This password is entirely numeric.";

fn similar(to: &str) -> String {
    format!("The password is too similar to the {to}.")
}

#[test]
fn the_messages_are_those_of_the_contract() {
    assert_eq!(check("aB3$x", &[]), [SHORT]);
    assert_eq!(check("4839205712", &[]), [NUMERIC]);
    assert_eq!(check("12345", &[]), [SHORT, COMMON, NUMERIC]);
    assert_eq!(check("password", &[]), [COMMON]);
    assert!(check("Corr3ct-horse-battery", &[]).is_empty());
    assert!(check("пароль-очень-длинный", &[]).is_empty());
}

#[test]
fn a_broken_rule_of_similarity_is_told_first_and_once() {
    let owner = [("username", "qwerty"), ("email address", "qwerty@example.com")];
    assert_eq!(check("qwerty", &owner), [similar("username"), SHORT.to_owned(), COMMON.to_owned()]);
    assert_eq!(
        check("kaleidoscope9", &[("email address", "kaleidoscope@example.com")]),
        [similar("email address")]
    );
}

#[test]
fn without_an_owner_nothing_is_similar() {
    assert!(check("c_wk_c_wk", &[]).is_empty());
}

#[test]
fn length_is_counted_in_characters() {
    assert_eq!(check("пароль7", &[]), [SHORT]);
    assert!(check("парольZ7", &[]).is_empty());
    assert_eq!(check("🐎🐎🐎🐎🐎🐎🐎", &[]), [SHORT]);
    assert!(check("🐎🐎🐎🐎🐎🐎🐎🐎", &[]).is_empty());
}

/// Password, (username, first name, last name), what Django 5.2 answered; everyone is `kaleidoscope@example.com`.
#[rustfmt::skip]
const RECORDED: [(&str, [&str; 3], &[&str]); 20] = [
    ("abcdefgxyz", ["abcdefguvw", "", ""], &["username"]),
    ("abcdefgxyz", ["abcdefguvwt", "", ""], &[]),
    ("drowssap-77", ["Password_77", "", ""], &["username"]),
    ("anna.maria", ["x", "Anna", "Maria"], &[]),
    ("o'neil88", ["x", "", "O'Neil"], &["last name"]),
    ("kaleidoscope9", ["x", "", ""], &["email address"]),
    ("exmple.com12", ["x", "", ""], &[]),
    ("ANNAMARIA7", ["x", "annamaria", ""], &["first name"]),
    ("प्रियाप्रिया", ["x", "प्रिया", ""], &[]),
    ("σισυφος1", ["ΣΊΣΥΦΟΣ", "", ""], &["username"]),
    ("istanbul9", ["İSTANBUL", "", ""], &["username"]),
    ("STRASSE99", ["straße99", "", ""], &["username"]),
    (" Iloveyou ", ["x", "", ""], &[COMMON]),
    ("\u{1c}princess\u{1d}", ["x", "", ""], &[COMMON]),
    ("trustno1\u{200b}", ["x", "", ""], &[]),
    ("٠١٢٣٤٥٦٧", ["x", "", ""], &[NUMERIC]),
    ("½½½½½½½½", ["x", "", ""], &[]),
    ("①②③④⑤⑥⑦⑧", ["x", "", ""], &[NUMERIC]),
    ("1234567 ", ["x", "", ""], &[COMMON]),
    ("aaaaaaaaaaaaaaaaaaaa", ["aa", "", ""], &[]),
];

#[test]
fn passwords_at_the_edges_are_judged_as_by_the_reference() {
    for (password, [username, first, last], told) in RECORDED {
        let owner = [
            ("username", username),
            ("first name", first),
            ("last name", last),
            ("email address", "kaleidoscope@example.com"),
        ];
        let messages = [COMMON, NUMERIC];
        let expected =
            told.iter().map(|told| if messages.contains(told) { (*told).to_owned() } else { similar(told) });
        assert_eq!(check(password, &owner), expected.collect::<Vec<_>>(), "{password:?}");
    }
}
