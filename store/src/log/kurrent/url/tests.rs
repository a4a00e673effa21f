//! What a URL of a log on KurrentDB says, and what it is refused for.

use super::*;

fn refusal(text: &str) -> UrlError {
    text.parse::<Url>().unwrap_err()
}

#[test]
fn what_is_told_of_a_url_shows_no_password() {
    let url: Url = "esdb://ada:s3cret@one:2113,two:2114?tls=false&prefix=town".parse().unwrap();
    assert_eq!(url.to_string(), "esdb://one:2113,two:2114?prefix=town");
    assert_eq!(format!("{url:?}"), url.to_string());
    assert_eq!(url.settings().hosts().len(), 2);
}

#[test]
fn user_and_password_may_hold_any_character() {
    let url: Url = "esdb://a%40da:p%3A%2F%3Fs@one".parse().unwrap();
    assert_eq!(url.credentials(), Some(&Credentials::new("a@da", "p:/?s")));
    assert_eq!(url.to_string(), "esdb://one");
}

#[test]
fn tls_is_on_unless_the_url_says_otherwise() {
    let secure = |text: &str| text.parse::<Url>().unwrap().settings().is_secure_mode_enabled();
    assert!(secure("esdb://one"));
    assert!(!secure("kurrentdb+discover://one?tls=false"));
}

#[test]
fn one_log_has_many_spellings() {
    let is_same = |one: &str, other: &str| one.parse::<Url>().unwrap().is_same_log(&other.parse().unwrap());
    for other in ["esdb://one:2113", "kurrentdb://ONE", "esdb+discover://one", "esdb://a:b@one?tls=false"] {
        assert!(is_same("esdb://one", other), "{other}");
    }
    assert!(is_same("esdb://one,two:2114", "esdb://two:2114,one:2113"));
    for other in ["esdb://two", "esdb://one:2114", "esdb://one?prefix=town", "esdb://one,two"] {
        assert!(!is_same("esdb://one", other), "{other}");
    }
}

#[test]
fn faults_are_told_by_what_they_are() {
    for text in
        ["esdb:one", "esdb://", "http://one", "esdb://one/path", "esdb://a@one", "esdb+discover://a,b"]
    {
        assert_eq!(refusal(text), UrlError::Form, "{text}");
    }
    assert_eq!(refusal("esdb://one?maxAge=3"), UrlError::Parameter);
    assert_eq!(refusal("esdb://one?tls=maybe"), UrlError::Value);
    assert_eq!(refusal("esdb://one?prefix=a-b"), UrlError::Prefix);
    assert_eq!(refusal("esdb://one?nodePreference=follower"), UrlError::Preference);
    assert_eq!(refusal("esdb://one?userCertFile=a"), UrlError::Certificate);
}
