//! What the reference said about each of these bodies.

use super::*;

fn fault(text: &str) -> String {
    match decode(text) {
        Ok(_) => format!("accepted {text}"),
        Err(sentence) => sentence,
    }
}

fn field(text: &str) -> Value {
    match decode(text) {
        Ok(Document::Object(mut fields)) => fields.pop().expect("a field").1,
        _ => panic!("no object: {text}"),
    }
}

#[test]
fn what_is_wrong_is_said_in_the_words_of_python() {
    let cases = [
        ("", "Expecting value: line 1 column 1 (char 0)"),
        ("  ", "Expecting value: line 1 column 3 (char 2)"),
        ("nope", "Expecting value: line 1 column 1 (char 0)"),
        ("]", "Expecting value: line 1 column 1 (char 0)"),
        ("[", "Expecting value: line 1 column 2 (char 1)"),
        ("[1,]", "Expecting value: line 1 column 4 (char 3)"),
        ("[1 2]", "Expecting ',' delimiter: line 1 column 4 (char 3)"),
        ("{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("{,}", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("{'a':1}", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (r#"{"a":1,}"#, "Expecting property name enclosed in double quotes: line 1 column 8 (char 7)"),
        (r#"{"a"1}"#, "Expecting ':' delimiter: line 1 column 5 (char 4)"),
        (r#"{"a" 1}"#, "Expecting ':' delimiter: line 1 column 6 (char 5)"),
        (r#"{"a":}"#, "Expecting value: line 1 column 6 (char 5)"),
        (r#"{"a":1"#, "Expecting ',' delimiter: line 1 column 7 (char 6)"),
        (r#"{"a":1 "b"}"#, "Expecting ',' delimiter: line 1 column 8 (char 7)"),
        (r#"{"a":[1,{"b":2]}"#, "Expecting ',' delimiter: line 1 column 15 (char 14)"),
        (r#"{"password":01}"#, "Expecting ',' delimiter: line 1 column 14 (char 13)"),
        (r#"{"password":1.}"#, "Expecting ',' delimiter: line 1 column 14 (char 13)"),
        (r#"{"password":.5}"#, "Expecting value: line 1 column 13 (char 12)"),
        (r#"{"password":-}"#, "Expecting value: line 1 column 13 (char 12)"),
        (r#"{"password":tru}"#, "Expecting value: line 1 column 13 (char 12)"),
        ("{} x", "Extra data: line 1 column 4 (char 3)"),
        ("\t\r\n{}\x0b", "Extra data: line 2 column 3 (char 5)"),
        ("\u{a0}{}", "Expecting value: line 1 column 1 (char 0)"),
        ("\u{feff}{}", "Unexpected UTF-8 BOM (decode using utf-8-sig): line 1 column 1 (char 0)"),
    ];
    for (text, sentence) in cases {
        assert_eq!(fault(text), sentence, "{text:?}");
    }
}

#[test]
fn what_is_wrong_inside_of_a_string_is_said_in_the_words_of_python() {
    let cases = [
        (r#"{"a":"b"#, "Unterminated string starting at: line 1 column 6 (char 5)"),
        (r#"{"a":"\"#, "Unterminated string starting at: line 1 column 6 (char 5)"),
        (r#"{"a":"\""#, "Unterminated string starting at: line 1 column 6 (char 5)"),
        (r#"{"a":"\x"}"#, r"Invalid \escape: line 1 column 7 (char 6)"),
        (r#"{"a":"\é"}"#, r"Invalid \escape: line 1 column 7 (char 6)"),
        (r#"{"é":"\x"}"#, r"Invalid \escape: line 1 column 7 (char 6)"),
        (r#"{"a":"\u12"}"#, r"Invalid \uXXXX escape: line 1 column 8 (char 7)"),
        (r#"{"a":"\u+123"}"#, r"Invalid \uXXXX escape: line 1 column 8 (char 7)"),
        (r#"{"a":"\u"#, r"Invalid \uXXXX escape: line 1 column 8 (char 7)"),
        (r#"{"a":"\u1234"#, r"Invalid \uXXXX escape: line 1 column 8 (char 7)"),
        (r#"{"a":"\ud800\uzzzz"}"#, r"Invalid \uXXXX escape: line 1 column 14 (char 13)"),
        ("{\"a\":\"\n\"}", "Invalid control character at: line 1 column 7 (char 6)"),
        ("{\"a\":\"\0\"}", "Invalid control character at: line 1 column 7 (char 6)"),
    ];
    for (text, sentence) in cases {
        assert_eq!(fault(text), sentence, "{text:?}");
    }
}

#[test]
fn numbers_that_json_does_not_have_are_refused() {
    for name in ["NaN", "Infinity", "-Infinity"] {
        let sentence = format!("Out of range float values are not JSON compliant: '{name}'");
        assert_eq!(fault(&format!("{{\"a\":{name}}}")), sentence);
    }
}

#[test]
fn numbers_become_the_text_that_python_prints() {
    let integers = [("0", "0"), ("-0", "0"), ("-17", "-17"), ("918273", "918273")];
    for (given, text) in integers {
        assert!(field(&format!("{{\"a\":{given}}}")) == Value::Int(text.into()), "{given}");
    }
    let floats = [
        ("1.0", "1.0"),
        ("-0.0", "-0.0"),
        ("1e22", "1e+22"),
        ("1E16", "1e+16"),
        ("123456789012345.6", "123456789012345.6"),
        ("1e+2", "100.0"),
        ("0.0001", "0.0001"),
        ("0.00001", "1e-05"),
        ("1.5e-7", "1.5e-07"),
        ("1e400", "inf"),
        ("-1e400", "-inf"),
        ("1e-400", "0.0"),
    ];
    for (given, text) in floats {
        assert!(field(&format!("{{\"a\":{given}}}")) == Value::Float(text.into()), "{given}");
    }
}

#[test]
fn an_integer_may_have_4300_digits() {
    assert!(matches!(field(&format!("{{\"a\":{}}}", "9".repeat(4300))), Value::Int(_)));
    assert_eq!(
        fault(&format!("{{\"a\":-{}}}", "9".repeat(4301))),
        "Exceeds the limit (4300 digits) for integer string conversion: value has 4301 digits; \
         use sys.set_int_max_str_digits() to increase the limit"
    );
}

#[test]
fn escapes_are_read_and_a_lone_surrogate_is_remembered() {
    let text = |given: &str| match field(&format!("{{\"a\":\"{given}\"}}")) {
        Value::Text(text) => (text.text, text.surrogate),
        _ => panic!("no text: {given}"),
    };
    assert_eq!(text(r#"\"\\\/\b\f\n\r\t\u00e9"#), ("\"\\/\x08\x0c\n\r\té".to_owned(), None));
    assert_eq!(text(r"\ud83d\ude00"), ("😀".to_owned(), None));
    assert_eq!(text(r"a\ud800"), ("a\u{fffd}".to_owned(), Some(0xD800)));
    assert_eq!(text(r"\ude00\ud83d"), ("\u{fffd}\u{fffd}".to_owned(), Some(0xDE00)));
    assert_eq!(text(r"\ud83d\u0041"), ("\u{fffd}A".to_owned(), Some(0xD83D)));
}

#[test]
fn a_body_that_nests_too_deeply_is_refused_and_not_followed() {
    assert!(matches!(field(&format!("{{\"a\":{}{}}}", "[".repeat(500), "]".repeat(500))), Value::List));
    assert!(fault(&"[".repeat(60_000)).starts_with("Too deeply nested"));
    assert!(fault(&"{\"a\":".repeat(10_000)).starts_with("Too deeply nested"));
}

#[test]
fn other_values_are_known_by_their_type() {
    let values = [
        ("null", "NoneType"),
        ("true", "bool"),
        ("1", "int"),
        ("1.5", "float"),
        ("\"x\"", "str"),
        ("[{}]", "list"),
    ];
    for (text, name) in values {
        match decode(text) {
            Ok(Document::Other(value)) => assert_eq!(value.type_name(), name),
            _ => panic!("{text}"),
        }
    }
}
