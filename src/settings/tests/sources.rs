//! Where settings come from, and which source wins.

use std::{io, path::Path, time::Duration};

use ::api::config::{LoginMethods, TokenMode, Verification};

use super::{
    super::{Settings, load},
    environment, file, lines, read,
};

/// The profiles under which the recorded contract is replayed, over these.
const PROFILES: [&[(&str, &str)]; 5] = [
    &[("STELE_AUTH__TOKENS", "key"), ("STELE_AUTH__EMAIL_VERIFICATION", "none")],
    &[("STELE_AUTH__TOKENS", "key"), ("STELE_AUTH__LOGIN_METHODS", r#"["email"]"#)],
    &[("STELE_AUTH__LOGOUT_ON_GET", "true"), ("STELE_AUTH__OLD_PASSWORD_REQUIRED", "true")],
    &[
        ("STELE_AUTH__TOKENS", "jwt"),
        ("STELE_JWT__ROTATE_REFRESH", "true"),
        ("STELE_JWT__REFRESH_GRACE", "0s"),
    ],
    &[
        ("STELE_JWT__ROTATE_REFRESH", "false"),
        ("STELE_JWT__HTTPONLY", "true"),
        ("STELE_JWT__ACCESS_COOKIE", "auth"),
        ("STELE_JWT__REFRESH_COOKIE", "refresh"),
        ("STELE_JWT__ACCESS_TTL", "2s"),
        ("STELE_JWT__RETURN_EXPIRATION", "true"),
    ],
];

const OVER: [(&str, &str); 4] = [
    ("STELE_AUTH__LOGIN_METHODS", r#"["username","email"]"#),
    ("STELE_AUTH__EMAIL_VERIFICATION", "optional"),
    ("STELE_AUTH__LOGOUT_ON_PASSWORD_CHANGE", "false"),
    ("STELE_LIMITS__ENABLED", "false"),
];

#[test]
fn every_profile_of_the_contract_is_accepted() {
    let [keys, by_email, strict, rotating, cookies] =
        PROFILES.map(|profile| environment(&[&OVER, profile].concat()).unwrap());
    assert_eq!((keys.auth.tokens, keys.auth.email_verification), (TokenMode::Key, Verification::None));
    assert!(!keys.limits.enabled);
    assert_eq!(by_email.auth.login_methods, LoginMethods::Email);
    assert!(strict.auth.logout_on_get && strict.auth.old_password_required);
    assert_eq!(rotating.jwt.rules.refresh_grace, Duration::ZERO);
    assert_eq!(cookies.jwt.cookies.access.as_deref(), Some("auth"));
    assert_eq!(cookies.jwt.cookies.refresh.as_deref(), Some("refresh"));
    assert_eq!(cookies.jwt.rules.access_ttl, Duration::from_secs(2));
    assert!(
        cookies.jwt.cookies.httponly
            && cookies.jwt.rules.return_expiration
            && !cookies.jwt.rules.rotate_refresh
    );
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_default() {
    let text = "[jwt]\naccess_ttl = \"1m\"\naudience = \"file\"\n[auth]\npk = \"sequence\"\n";
    let settings = read(Some(text), &[("STELE_JWT__ACCESS_TTL", "2m")]).unwrap();
    assert_eq!(settings.jwt.rules.access_ttl, Duration::from_mins(2));
    assert_eq!(settings.jwt.audience, "file");
    assert_eq!(settings.jwt.rules.refresh_grace, Duration::from_secs(10));
}

#[test]
fn what_the_environment_hides_in_the_file_may_be_wrong() {
    let settings = read(Some("[api]\nlisten = 7"), &[("STELE_API__LISTEN", "127.0.0.1:0")]).unwrap();
    assert_eq!(settings.api.listen.port(), 0);
}

#[test]
fn values_of_the_file_have_the_types_of_toml() {
    let text = r#"
        data_dir = "elsewhere"
        api = { body_limit = 1024, cors_origins = ["https://a.example"], trusted_proxies = ["10.0.0.0/8", "::1"] }
        auth.login_methods = ["email"]
        limits.login = "3/1m"
        [jwt]
        rotate_refresh = false
    "#;
    let Settings { api, auth, jwt, limits, data_dir, .. } = file(text).unwrap();
    assert_eq!((api.server.body_limit, data_dir.as_path()), (1024, Path::new("elsewhere")));
    assert_eq!(api.cors_origins.iter().map(ToString::to_string).collect::<Vec<_>>(), ["https://a.example"]);
    assert!(api.trusted_proxies[0].contains([10, 1, 2, 3].into()) && api.trusted_proxies.len() == 2);
    assert!(auth.login_methods == LoginMethods::Email && !jwt.rules.rotate_refresh);
    assert_eq!((limits.login.count, limits.login.window), (3, Duration::from_mins(1)));
}

#[test]
fn variables_of_others_and_of_the_tests_are_left_alone() {
    environment(&[("PATH", "/bin"), ("STELE_TEST_LOG", "x"), ("STELES", "x"), ("stele_api__listen", "x")])
        .unwrap();
}

#[test]
fn an_empty_text_leaves_an_optional_setting_out() {
    let settings = environment(&[("STELE_JWT__ACCESS_COOKIE", ""), ("STELE_API__PUBLIC_URL", "")]).unwrap();
    assert_eq!((settings.jwt.cookies.access, settings.api.public_url), (None, None));
}

#[test]
fn an_empty_file_and_an_empty_section_set_nothing() {
    file("").unwrap();
    file("[jwt]\n[api]\n").unwrap();
    assert!(file("[jwtt]\n").unwrap_err().contains("stele.toml: jwtt is no setting"));
}

#[test]
fn any_setting_can_be_in_a_file_that_the_environment_names() {
    let files = |path: &Path| match path.to_str() {
        Some("/run/secrets/log") => Ok("sqlite:elsewhere.db\n".to_owned()),
        Some("/run/secrets/ttl") => Ok("soon".to_owned()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    let given = |variables: &[(&str, &str)]| {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        load(None, variables.iter().map(own), files).map_err(|errors| lines(&errors.to_string()))
    };
    let settings = given(&[
        ("STELE_STORE__LOG_FILE", "/run/secrets/log"),
        ("STELE_VAULT__MASTER_KEY_FILE", "/run/secrets/key"),
        ("STELE_MAIL__CA_FILE", "/run/ca.pem"),
    ])
    .unwrap();
    assert_eq!(settings.store.log.file(), Some(Path::new("elsewhere.db")));
    assert_eq!(settings.vault.master_key_file, Path::new("/run/secrets/key"), "it is a setting by itself");
    let wrong = given(&[
        ("STELE_JWT__ACCESS_TTL_FILE", "/run/secrets/ttl"),
        ("STELE_MAIL__URL_FILE", "smtp://me:hunter2@mail.example.com"),
        ("STELE_STORE__LOG_FILE", "/run/secrets/log"),
        ("STELE_STORE__LOG", "sqlite:log.db"),
        ("STELE_STORE__LOGG_FILE", "/run/secrets/log"),
    ]);
    let wrong = wrong.unwrap_err();
    assert!(wrong[0].starts_with("STELE_MAIL__URL_FILE names a file that can't be read: "), "{wrong:?}");
    assert_eq!(
        wrong[1..],
        [
            "STELE_STORE__LOG, STELE_STORE__LOG_FILE: both are given, keep one",
            "STELE_JWT__ACCESS_TTL_FILE: `soon` is not a duration such as 500ms, 2s, 5m, 1h or 14d",
            "STELE_STORE__LOGG_FILE is no setting; the closest known one is STELE_STORE__LOG",
        ]
    );
    assert!(wrong.iter().all(|line| !line.contains("hunter2")), "{wrong:?}");
}

#[test]
fn a_file_that_was_asked_for_must_exist() {
    let missing = |_: &Path| Err(io::Error::from(io::ErrorKind::NotFound));
    let error = load(Some(Path::new("other.toml")), [], missing).unwrap_err().to_string();
    assert!(error.contains("other.toml can't be read: "), "{error}");
    let only_other = |path: &Path| {
        assert_eq!(path, Path::new("other.toml"));
        Ok("[jwt]\naudience = \"other\"".to_owned())
    };
    assert_eq!(load(Some(Path::new("other.toml")), [], only_other).unwrap().jwt.audience, "other");
}

#[test]
fn a_file_that_is_there_and_can_not_be_read_is_an_error() {
    let locked = |_: &Path| Err(io::Error::from(io::ErrorKind::PermissionDenied));
    let error = load(None, [], locked).unwrap_err().to_string();
    assert!(error.contains("stele.toml can't be read: "), "{error}");
}
