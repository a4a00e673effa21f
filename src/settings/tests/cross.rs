//! What settings mean for each other.

use std::{net::SocketAddr, time::Duration};

use super::{environment, read, wrong};

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn lifetimes_that_contradict_each_other_are_refused() {
    assert_eq!(
        wrong(&[("STELE_JWT__ACCESS_TTL", "2h"), ("STELE_JWT__REFRESH_TTL", "1h")]),
        ["jwt.access_ttl (2h) must not be longer than jwt.refresh_ttl (1h)"]
    );
    assert_eq!(
        wrong(&[("STELE_JWT__REFRESH_TTL", "60d")]),
        ["jwt.refresh_ttl (60d) must not be longer than jwt.session_max (30d)"]
    );
}

#[test]
fn a_lifetime_that_was_not_given_bows_to_one_that_was() {
    let jwt = environment(&[("STELE_JWT__SESSION_MAX", "3s")]).unwrap().jwt.rules;
    assert_eq!([jwt.access_ttl, jwt.refresh_ttl, jwt.session_max], [Duration::from_secs(3); 3]);
    let jwt = environment(&[("STELE_JWT__REFRESH_TTL", "2s")]).unwrap().jwt.rules;
    assert_eq!([jwt.access_ttl, jwt.refresh_ttl], [Duration::from_secs(2); 2]);
}

#[test]
fn settings_are_not_blamed_for_what_is_wrong_with_another() {
    let errors = wrong(&[("STELE_JWT__ACCESS_TTL", "2d"), ("STELE_JWT__REFRESH_TTL", "many days")]);
    assert_eq!(errors.len(), 1, "{errors:?}");
    let broken = read(Some("[jwt\nrefresh_ttl = \"3d\""), &[("STELE_JWT__ACCESS_TTL", "2d")]).unwrap_err();
    assert_eq!(broken.lines().count(), 2, "the file may well have said 3d: {broken}");
}

#[test]
fn cookies_that_browsers_would_drop_or_misread_are_refused() {
    let cookie = ("STELE_JWT__ACCESS_COOKIE", "auth");
    for (more, name) in [
        (("STELE_JWT__COOKIE_SAMESITE", "None"), "jwt.cookie_samesite: "),
        (("STELE_JWT__REFRESH_COOKIE", "auth"), "jwt.refresh_cookie: "),
        (("STELE_JWT__REFRESH_COOKIE", "re fresh"), "jwt.refresh_cookie: "),
        (("STELE_JWT__REFRESH_COOKIE_PATH", "refresh"), "jwt.refresh_cookie_path: "),
        (("STELE_JWT__COOKIE_DOMAIN", "a;b"), "jwt.cookie_domain: "),
    ] {
        let errors = wrong(&[cookie, more]);
        assert!(errors.len() == 1 && errors[0].starts_with(name), "{errors:?}");
    }
    assert!(wrong(&[("STELE_JWT__ACCESS_COOKIE", "__Host-a")])[0].starts_with("jwt.access_cookie: "));
    environment(&[cookie, ("STELE_JWT__COOKIE_SAMESITE", "none"), ("STELE_JWT__COOKIE_SECURE", "true")])
        .unwrap();
}

#[test]
fn cookies_are_secure_where_the_public_url_is_unless_told_otherwise() {
    let secure = |variables: &[(&str, &str)]| environment(variables).unwrap().jwt.cookies.secure;
    let https = ("STELE_API__PUBLIC_URL", "https://auth.example.com");
    assert!(secure(&[https]));
    assert!(!secure(&[("STELE_API__PUBLIC_URL", "http://auth.example.com")]));
    assert!(!secure(&[https, ("STELE_JWT__COOKIE_SECURE", "false")]));
}

#[test]
fn http_only_takes_effect_where_a_cookie_has_a_name() {
    let httponly = |variables: &[(&str, &str)]| environment(variables).unwrap().jwt.cookies.httponly;
    let cookie = ("STELE_JWT__REFRESH_COOKIE", "refresh");
    assert!(httponly(&[cookie]));
    assert!(!httponly(&[cookie, ("STELE_JWT__HTTPONLY", "false")]));
    assert!(!httponly(&[("STELE_JWT__HTTPONLY", "true")]));
}

#[test]
fn each_database_has_a_file_of_its_own() {
    assert_eq!(
        wrong(&[("STELE_STORE__VAULT", "sqlite:data/log.db")]),
        ["store.log, store.vault: each database needs a file of its own"]
    );
}

const KEY: (&str, &str) = ("STELE_VAULT__MASTER_KEY", "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=");

#[test]
fn on_a_server_each_database_is_one_of_its_own() {
    let url = ("STELE_API__PUBLIC_URL", "https://auth.example.com");
    let given = |log, vault| [("STELE_STORE__LOG", log), ("STELE_STORE__VAULT", vault), url, KEY];
    environment(&given("postgres://ada@localhost/log", "postgres://ada@localhost/vault")).unwrap();
    environment(&given("postgres://ada@localhost/both", "postgres://ada@localhost:5433/both")).unwrap();
    assert_eq!(
        wrong(&given("postgres://ada@localhost/both", "postgres://grace@localhost/both")),
        ["store.log, store.vault: each needs a database of its own on the server"]
    );
}

#[test]
fn what_others_may_use_too_needs_what_no_start_may_make_up() {
    let url = ("STELE_API__PUBLIC_URL", "https://auth.example.com");
    for (variable, name) in [
        ("STELE_STORE__LOG", "store.log"),
        ("STELE_STORE__VIEWS", "store.views"),
        ("STELE_STORE__VAULT", "store.vault"),
        ("STELE_BUS__URL", "bus.url"),
        ("STELE_MAIL__URL", "mail.url"),
    ] {
        let server = match name {
            "bus.url" => "nats://localhost",
            "mail.url" => "smtp://stele:hunter2@localhost",
            _ => "postgres://stele:hunter2@localhost/stele",
        };
        let server = (variable, server);
        let missing =
            |what| format!("{name} is not embedded: {what} must be given, the same for all that use it");
        assert_eq!(
            wrong(&[server]),
            [missing("api.public_url"), missing("vault.master_key or vault.master_key_file")]
        );
        assert_eq!(wrong(&[server, url]).len(), 1);
        assert_eq!(wrong(&[server, KEY]).len(), 1);
        for key in [KEY, ("STELE_VAULT__MASTER_KEY_FILE", "/run/secrets/master")] {
            assert!(!environment(&[server, url, key]).unwrap().is_embedded());
        }
    }
    assert!(environment(&[]).unwrap().is_embedded());
}

#[test]
fn a_database_on_a_server_is_shown_without_its_password() {
    let url = ("STELE_API__PUBLIC_URL", "https://auth.example.com");
    for variable in ["STELE_STORE__LOG", "STELE_STORE__VIEWS", "STELE_STORE__VAULT"] {
        for given in ["postgres://stele:hunter2@localhost/log", "postgresql://stele:hunter2@[::1]:5433/log"] {
            let settings = environment(&[(variable, given), url, KEY]).unwrap();
            let store = &settings.store;
            let shown = format!("{settings:?} {} {} {}", store.log, store.views, store.vault);
            assert!(shown.contains("/log") && !shown.contains("hunter2"), "{shown}");
        }
        for given in
            ["postgres://stele:hunter2@/log", "postgres://stele:hunter2@host/log?hunter2", "postgres:hunter2"]
        {
            let errors = wrong(&[(variable, given), url, KEY]);
            assert!(errors.len() == 1 && !errors[0].contains("hunter2"), "{errors:?}");
        }
    }
}

#[test]
fn a_mail_server_is_shown_without_its_password_and_spoken_to_in_clear_on_this_machine_alone() {
    let url = ("STELE_API__PUBLIC_URL", "https://auth.example.com");
    let with = |server: &str, more: &[(&str, &str)]| {
        let given = [&[("STELE_MAIL__URL", server), url, KEY], more].concat();
        environment(&given).unwrap().mail
    };
    for (server, in_clear) in [
        ("smtp://stele:hunter2@127.0.0.1:1025", true),
        ("smtp://stele:hunter2@localhost", true),
        ("smtp://stele:hunter2@mail.example.com", false),
    ] {
        let mail = with(server, &[]);
        assert_eq!(mail.allow_plaintext, in_clear, "{server}");
        let shown = format!("{mail:?} {}", mail.outbox.url().unwrap());
        assert!(shown.contains("smtp://") && !shown.contains("hunter2"), "{shown}");
    }
    assert!(!with("smtp://localhost", &[("STELE_MAIL__ALLOW_PLAINTEXT", "false")]).allow_plaintext);
    assert!(with("smtp://mail:1025", &[("STELE_MAIL__ALLOW_PLAINTEXT", "true")]).allow_plaintext);
}

#[test]
#[cfg(feature = "kurrent")]
fn numbers_in_sequence_need_a_log_that_deals_them() {
    let url = ("STELE_API__PUBLIC_URL", "https://auth.example.com");
    let given = |log, pk| [("STELE_STORE__LOG", log), ("STELE_AUTH__PK", pk), url, KEY];
    assert_eq!(
        wrong(&given("esdb://localhost", "sequence")),
        [
            "auth.pk, store.log: KurrentDB deals no numbers; set auth.pk to time, or keep the log on SQLite or PostgreSQL"
        ]
    );
    environment(&given("esdb://localhost", "time")).unwrap();
    environment(&given("postgres://ada@localhost/log", "sequence")).unwrap();
}

#[test]
fn a_master_key_is_given_once() {
    let errors = wrong(&[KEY, ("STELE_VAULT__MASTER_KEY_FILE", "/run/secrets/master")]);
    assert_eq!(errors, ["vault.master_key, vault.master_key_file: both are given, keep one"]);
    environment(&[KEY]).unwrap();
}

#[test]
fn links_lead_to_the_public_url_and_without_one_to_the_bound_address() {
    let bound = address("127.0.0.1:4321");
    let links = environment(&[]).unwrap().links(bound);
    assert_eq!(links.public_url, "http://127.0.0.1:4321");
    assert_eq!(links.verify_url, "http://127.0.0.1:4321/verify-email?key={key}");
    assert_eq!(links.reset_url, "http://127.0.0.1:4321/reset-password?uid={uid}&token={token}");
    assert_eq!(links.issuer, links.public_url);

    let variables = [
        ("STELE_API__PUBLIC_URL", "https://auth.example.com"),
        ("STELE_MAIL__RESET_URL", "https://app.example.com/r/{uid}/{token}"),
        ("STELE_JWT__ISSUER", "issuer"),
    ];
    let links = environment(&variables).unwrap().links(bound);
    assert_eq!(links.verify_url, "https://auth.example.com/verify-email?key={key}");
    assert_eq!(links.reset_url, "https://app.example.com/r/{uid}/{token}");
    assert_eq!((links.public_url.as_str(), links.issuer.as_str()), ("https://auth.example.com", "issuer"));
}

#[test]
fn a_server_on_all_addresses_is_linked_to_under_one_that_can_be_reached() {
    let settings = environment(&[]).unwrap();
    assert_eq!(settings.links(address("0.0.0.0:8000")).public_url, "http://127.0.0.1:8000");
    assert_eq!(settings.links(address("[::]:8000")).public_url, "http://[::1]:8000");
}
