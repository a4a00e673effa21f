//! What is wrong by itself: names, types and forms.

use std::path::Path;

use super::{environment, file, lines, read, wrong};

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let text = "[jwt]\nacess_ttl = \"5m\"\nrefresh_ttl = 5\n";
    let variables =
        [("STELE_AUTH__TOKENS", "cookie"), ("STELE_API__LISTEN", "localhost"), ("STELE_LIMIT__ENABLED", "1")];
    let message = read(Some(text), &variables).unwrap_err();
    assert!(message.starts_with("the settings can't be used, for 5 reasons:\n"), "{message}");
    assert_eq!(
        lines(&message),
        [
            "STELE_API__LISTEN: `localhost` is not an IP address and a port, such as 127.0.0.1:8000 or [::]:8000",
            "STELE_AUTH__TOKENS: `cookie` is none of jwt, key",
            "stele.toml: jwt.refresh_ttl: a text in quotes is wanted",
            "stele.toml: jwt.acess_ttl is no setting; the closest known one is jwt.access_ttl",
            "STELE_LIMIT__ENABLED is no setting; the closest known one is STELE_LIMITS__ENABLED",
        ]
    );
}

#[test]
fn an_unknown_name_is_an_error_however_it_is_spelt() {
    for variable in [
        "STELE_API_LISTEN",
        "STELE_LISTEN",
        "STELE_api__listen",
        "STELE_API__LISTEN__",
        "STELE_",
        "STELE_SOCIAL__X__ID",
    ] {
        let errors = wrong(&[(variable, "127.0.0.1:1")]);
        assert!(
            errors[0].starts_with(&format!("{variable} is no setting; the closest known one is STELE_")),
            "{errors:?}"
        );
    }
    assert!(wrong(&[("STELE_LISTEN", "x")])[0].ends_with("STELE_API__LISTEN"));
}

#[test]
fn a_section_is_no_setting_and_a_setting_no_section() {
    assert!(file("jwt = 5").unwrap_err().contains("stele.toml: jwt is no setting"));
    assert!(
        file("[jwt.access_ttl]\nminutes = 5").unwrap_err().contains("jwt.access_ttl.minutes is no setting")
    );
}

#[test]
fn a_value_of_the_wrong_kind_is_refused_in_the_file_and_in_the_environment() {
    for text in [
        "data_dir = 5",
        "data_dir = \"\"",
        "[jwt]\nrotate_refresh = \"true\"",
        "[jwt]\nrotate_refresh = 1",
        "[api]\nbody_limit = \"64\"",
        "[api]\nbody_limit = -1",
        "[api]\nbody_limit = 1.5",
        "[auth]\nlogin_methods = \"email\"",
        "[auth]\nlogin_methods = [1]",
    ] {
        assert_eq!(lines(&file(text).expect_err(text)).len(), 1, "{text}");
    }
    for (name, value) in [
        ("STELE_JWT__ROTATE_REFRESH", "yes"),
        ("STELE_JWT__ROTATE_REFRESH", "True"),
        ("STELE_API__BODY_LIMIT", "64k"),
        ("STELE_API__BODY_LIMIT", "99999999999"),
        ("STELE_API__MAX_CONNECTIONS", "0"),
        ("STELE_HASH__QUEUE", "-1"),
        ("STELE_AUTH__LOGIN_METHODS", "email"),
        ("STELE_AUTH__LOGIN_METHODS", "[]"),
        ("STELE_AUTH__LOGIN_METHODS", r#"["phone"]"#),
        ("STELE_AUTH__PK", "random"),
        ("STELE_JWT__ALGORITHM", "none"),
        ("STELE_JWT__ACCESS_TTL", "5"),
        ("STELE_LIMITS__LOGIN", "10"),
        ("STELE_LIMITS__LOGIN", "0/5m"),
        ("STELE_LIMITS__LOGIN", "10/0s"),
        ("STELE_OUTPUT__LEVEL", "loud"),
        ("STELE_MAIL__FROM", "nobody"),
    ] {
        let errors = wrong(&[(name, value)]);
        assert!(errors.len() == 1 && errors[0].starts_with(name), "{errors:?}");
    }
}

#[test]
fn a_duration_of_nothing_is_refused_except_where_it_has_a_meaning() {
    for name in [
        "JWT__ACCESS_TTL",
        "JWT__SESSION_MAX",
        "AUTH__RESET_TTL",
        "HASH__DEADLINE",
        "API__BODY_TIMEOUT",
        "REVOCATION__MAX_SILENCE",
    ] {
        let variable = format!("STELE_{name}");
        assert_eq!(wrong(&[(&variable, "0s")]), [format!("{variable}: it must be more than 0")]);
    }
    environment(&[("STELE_JWT__REFRESH_GRACE", "0s")]).unwrap();
}

#[test]
fn a_public_url_is_an_origin_and_perhaps_a_path() {
    for (given, kept) in [
        ("https://auth.example.com", "https://auth.example.com"),
        ("https://auth.example.com/", "https://auth.example.com"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://example.com/auth/", "https://example.com/auth"),
    ] {
        let settings = environment(&[("STELE_API__PUBLIC_URL", given)]).unwrap();
        assert_eq!(settings.api.public_url.as_deref(), Some(kept));
    }
    for given in [
        "auth.example.com",
        "ftp://auth.example.com",
        "https://Auth.example.com",
        "https://a:b@example.com",
        "https://example.com?x=1",
        "https://example.com/#top",
        "https://example.com//x",
        "https://example.com.evil test",
        "https://",
    ] {
        assert_eq!(wrong(&[("STELE_API__PUBLIC_URL", given)]).len(), 1, "{given}");
    }
}

#[test]
fn a_base_path_begins_with_a_slash_and_keeps_clear_of_other_pages() {
    for good in ["/auth", "/api/v1/auth", "/healthy"] {
        assert_eq!(environment(&[("STELE_API__BASE_PATH", good)]).unwrap().api.base_path, good);
    }
    let malformed = ["", "/", "auth", "/auth/", "//auth", "/a/../b", "/{id}", "/a b"];
    let taken = ["/health", "/.well-known/x", "/sessions", "/verify-email", "/reset-password/x"];
    for bad in malformed.into_iter().chain(taken) {
        assert_eq!(wrong(&[("STELE_API__BASE_PATH", bad)]).len(), 1, "{bad}");
    }
}

#[test]
fn origins_are_exact_and_proxies_are_addresses() {
    for bad in
        [r#"["*"]"#, r#"["https://*.example.com"]"#, r#"["https://example.com/"]"#, r#"["example.com"]"#, "*"]
    {
        assert_eq!(wrong(&[("STELE_API__CORS_ORIGINS", bad)]).len(), 1, "{bad}");
    }
    for bad in [r#"["proxy.local"]"#, r#"["10.0.0.1/8"]"#, r#"["10.0.0.0/33"]"#, "127.0.0.1"] {
        assert_eq!(wrong(&[("STELE_API__TRUSTED_PROXIES", bad)]).len(), 1, "{bad}");
    }
}

#[test]
fn links_need_their_placeholders_and_no_others() {
    let verify = "STELE_MAIL__VERIFY_URL";
    let reset = "STELE_MAIL__RESET_URL";
    assert_eq!(
        wrong(&[(verify, "https://a.b/v")]),
        [format!("{verify}: the link needs the placeholder {{key}}")]
    );
    assert!(wrong(&[(reset, "https://a.b/r?uid={uid}")])[0].ends_with("placeholder {token}"));
    assert!(wrong(&[(reset, "https://a.b/r?token={token}")])[0].ends_with("placeholder {uid}"));
    assert!(wrong(&[(verify, "https://a.b/{key}/{lang}")])[0].ends_with(": {lang}"));
    assert!(wrong(&[(verify, "/verify/{key}")])[0].contains("is not an address"));
    assert!(wrong(&[(verify, "https://a.b/{key}\n")])[0].contains("is not an address"));
    environment(&[(verify, "myapp://verify/{key}"), (reset, "https://a.b/#/r/{uid}/{token}")]).unwrap();
}

#[test]
fn a_log_on_kurrentdb_is_refused_in_one_clear_line_without_its_secrets() {
    let refused = |url| wrong(&[("STELE_STORE__LOG", url)]).join("\n");
    let refused = [
        ("esdb://admin:hunter2@localhost:2113?maxAge=3", "a parameter that is none of"),
        ("kurrentdb://admin:hunter2@localhost:2113?prefix=a-b", "letters, digits and _"),
        ("esdb://hunter2@localhost", "esdb://user:password@host:2113 is wanted"),
    ]
    .map(|(url, why)| {
        (refused(url), if cfg!(feature = "kurrent") { why } else { "without the feature kurrent" })
    });
    for (told, why) in refused {
        assert!(told.contains(why) && !told.contains("hunter2") && told.lines().count() == 1, "{told}");
    }
    assert!(!wrong(&[("STELE_STORE__VIEWS", "esdb://admin:hunter2@localhost")]).join("").contains("hunter2"));
}

#[test]
fn a_mail_server_is_refused_in_one_clear_line_without_its_secrets() {
    let form = "smtp://user:password@host:port or smtps://user:password@host:port is wanted";
    let login = "a user and a password are wanted before the @, their special characters percent-encoded";
    for (url, why) in [
        ("smtp:mail.example.com", form),
        ("smtp://stele:hunter2@", form),
        ("smtps://stele:hunter2@mail.example.com/inbox", form),
        ("smtp://hunter2@mail.example.com", login),
    ] {
        assert_eq!(wrong(&[("STELE_MAIL__URL", url)]), [format!("STELE_MAIL__URL: {why}")]);
    }
    assert_eq!(
        wrong(&[("STELE_MAIL__URL", "imap://stele:hunter2@mail.example.com")]),
        ["STELE_MAIL__URL: file: and the path of a folder, or smtp://user:password@host:port, is wanted"]
    );
}

#[test]
fn servers_of_nats_are_named_without_a_password_and_files_only_for_them() {
    let refused = |url| wrong(&[("STELE_BUS__URL", url)]);
    for url in ["nats:", "nats://", "http://localhost", "nats://a,b"] {
        assert_eq!(
            refused(url),
            [
                "STELE_BUS__URL: nats://host:port or tls://host:port is wanted, or several with commas between them"
            ]
        );
    }
    let told = refused("nats://stele:hunter2@localhost");
    assert!(
        told.len() == 1 && told[0].contains("bus.credentials") && !told[0].contains("hunter2"),
        "{told:?}"
    );
    for (variable, name) in
        [("STELE_BUS__CREDENTIALS", "bus.credentials"), ("STELE_BUS__CA_FILE", "bus.ca_file")]
    {
        assert_eq!(
            wrong(&[(variable, "a.file")]),
            [format!("{name} is given, and bus.url does not name a NATS")]
        );
    }
}

#[test]
fn an_embedded_backend_needs_a_path_that_lasts() {
    let database = "sqlite: and the path of a file, or postgres://user:password@host/database,";
    let log = if cfg!(feature = "kurrent") {
        "sqlite: and the path of a file, postgres://user:password@host/database, or esdb://user:password@host:port,"
    } else {
        database
    };
    for path in ["sqlite:", "sqlite::memory:", "sqlite:log.db?mode=ro", "log.db", "mysql://u:hunter2@h/d"] {
        for (name, wanted) in
            [("STELE_STORE__LOG", log), ("STELE_STORE__VAULT", database), ("STELE_STORE__VIEWS", database)]
        {
            assert_eq!(wrong(&[(name, path)]), [format!("{name}: {wanted} is wanted")]);
        }
    }
    for (url, path) in [
        ("sqlite:a/log.db", "a/log.db"),
        ("sqlite://a/log.db", "a/log.db"),
        ("sqlite:///a/log.db", "/a/log.db"),
    ] {
        let settings = environment(&[("STELE_STORE__LOG", url)]).unwrap();
        assert_eq!(settings.store.log.file(), Some(Path::new(path)));
    }
}

#[test]
fn a_secret_is_shown_neither_when_it_is_good_nor_when_it_is_wrong() {
    let good = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=";
    let settings = environment(&[("STELE_VAULT__MASTER_KEY", good)]).unwrap();
    assert_eq!(settings.vault.master_key.as_ref().unwrap().expose()[..2], [0xab, 0xcd]);
    let shown = format!("{settings:?} {settings:#?}");
    assert!(shown.contains("[redacted]") && !shown.contains("171, 205"), "{shown}");
    for bad in ["hunter2", "aHVudGVyMg==", ""] {
        let errors = wrong(&[("STELE_VAULT__MASTER_KEY", bad)]);
        assert!(errors.len() == 1 && errors[0].starts_with("STELE_VAULT__MASTER_KEY: it "), "{errors:?}");
        assert!(bad.is_empty() || !errors[0].contains(bad), "{errors:?}");
    }
}

#[test]
fn a_broken_file_is_reported_by_line_without_quoting_it() {
    let text = "[vault]\n\nmaster_key = \"hunter2\n";
    let message = read(Some(text), &[("STELE_AUTH__PK", "x")]).unwrap_err();
    assert!(message.contains("stele.toml, line 3: "), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
    assert!(message.contains("STELE_AUTH__PK"), "{message}");
}

#[test]
fn a_variable_that_is_no_unicode_is_refused() {
    assert_eq!(wrong(&[("STELE_DATA_DIR", "da\u{fffd}ta")]), ["STELE_DATA_DIR is not valid Unicode"]);
}
