//! Nothing set, and the reference that says what that means.

use std::{collections::BTreeSet, net::SocketAddr, path::Path, time::Duration};

use ::api::{
    config::{Limit, LoginMethods, PkMode, TokenMode, Verification},
    token::{cookie::SameSite, keyring::Algorithm},
};

use super::{
    super::{
        Bus, Format, Outbox, Settings,
        given::{Given, variable},
        reference::{entries, reference},
        span::Span,
    },
    environment, file,
};

fn nothing_set() -> Settings {
    environment(&[]).unwrap()
}

const DAY: Duration = Duration::from_hours(24);

#[test]
fn logins_and_links_are_by_default_as_promised() {
    let Settings { auth, .. } = nothing_set();
    assert_eq!(auth.tokens, TokenMode::Jwt);
    assert_eq!(auth.email_verification, Verification::Optional);
    assert_eq!((auth.verify_ttl, auth.reset_ttl), (3 * DAY, Duration::from_hours(1)));
    assert!(!auth.old_password_required && !auth.logout_on_get && !auth.logout_on_password_change);
    assert_eq!(auth.login_methods, LoginMethods::Both);
    assert_eq!(auth.pk, PkMode::Time);
}

#[test]
fn tokens_and_cookies_are_by_default_as_promised() {
    let Settings { jwt, .. } = nothing_set();
    assert_eq!((jwt.rules.access_ttl, jwt.rules.refresh_ttl), (Duration::from_mins(5), DAY));
    assert_eq!((jwt.rules.refresh_grace, jwt.rules.session_max), (Duration::from_secs(10), 30 * DAY));
    assert!(jwt.rules.rotate_refresh && !jwt.rules.return_expiration);
    assert_eq!((jwt.algorithm, jwt.audience.as_str(), jwt.issuer), (Algorithm::EdDsa, "stele", None));
    assert_eq!((jwt.cookies.samesite, jwt.cookies.refresh_path.as_str()), (SameSite::Lax, "/"));
    assert_eq!((&jwt.cookies.access, &jwt.cookies.refresh, &jwt.cookies.domain), (&None, &None, &None));
    assert!(!jwt.cookies.secure);
}

#[test]
fn the_server_is_by_default_as_promised() {
    let Settings { api, hash, revocation, output, .. } = nothing_set();
    assert_eq!(api.listen, SocketAddr::from(([127, 0, 0, 1], 8000)));
    assert_eq!((api.base_path.as_str(), api.public_url), ("/dj-rest-auth", None));
    assert!(api.trusted_proxies.is_empty() && api.cors_origins.is_empty());
    assert_eq!((api.server.max_connections, api.server.body_limit), (1024, 65_536));
    let waits =
        [api.server.header_timeout, api.server.body_timeout, api.server.request_timeout, api.server.drain];
    assert_eq!(waits, [10, 10, 15, 25].map(Duration::from_secs));
    assert_eq!((hash.queue, hash.deadline), (64, Duration::from_secs(2)));
    assert_eq!([0, 1, 2, 8].map(|cores| hash.threads(cores)), [1, 1, 1, 7]);
    assert_eq!(revocation.max_silence, Duration::from_mins(1));
    assert_eq!((output.format, output.level), (Format::Text, tracing::Level::INFO));
}

#[test]
fn attempts_are_limited_by_default() {
    let Settings { limits, .. } = nothing_set();
    assert!(limits.enabled);
    let Limit { count, window } = limits.login;
    assert_eq!((count, window), (10, Duration::from_mins(5)));
    let each = [limits.login, limits.password_check, limits.reset, limits.resend, limits.registration];
    assert!(each.iter().all(|limit| limit.count < limits.network.count));
}

#[test]
fn everything_embedded_is_in_the_data_folder_and_moves_with_it() {
    for (variables, folder) in [(&[][..], "data"), (&[("STELE_DATA_DIR", "/srv/stele")], "/srv/stele")] {
        let Settings { store, vault, mail, bus, data_dir, .. } = environment(variables).unwrap();
        let data = Path::new(folder);
        assert_eq!(data_dir, data);
        assert_eq!(store.log.file().unwrap(), data.join("log.db"));
        assert_eq!(store.views.file().unwrap(), data.join("views.db"));
        assert_eq!(store.vault.file().unwrap(), data.join("vault.db"));
        assert_eq!(vault.master_key_file, data.join("master.key"));
        assert_eq!(mail.outbox, Outbox::Files(data.join("mail")));
        assert_eq!(bus, Bus::Memory);
    }
}

#[test]
fn the_reference_is_a_file_that_changes_nothing_with_and_without_its_comments() {
    let uncommented: String = reference()
        .lines()
        .map(|line| if line.starts_with("# ") { "" } else { line.trim_start_matches('#') })
        .flat_map(|line| [line, "\n"])
        .collect();
    assert!(uncommented.contains("\nlisten = \"127.0.0.1:8000\"\n"), "{uncommented}");
    let expected = format!("{:?}", nothing_set());
    assert_eq!(format!("{:?}", file(&uncommented).unwrap()), expected);
    assert_eq!(format!("{:?}", file(&reference()).unwrap()), expected);
}

#[test]
fn the_reference_explains_every_setting_once_and_names_every_section_once() {
    let text = reference();
    let names: BTreeSet<&str> = entries(Given::default()).iter().map(|entry| entry.name).collect();
    assert_eq!(names.len(), entries(Given::default()).len());
    let headers: Vec<&str> = text.lines().filter(|line| line.starts_with('[')).collect();
    assert_eq!(headers.len(), headers.iter().collect::<BTreeSet<_>>().len(), "{headers:?}");
    for entry in entries(Given::default()) {
        assert!(text.contains(entry.about) && entry.about.ends_with('.'), "{}", entry.name);
        assert!(entry.about.chars().count() <= 110, "{} is explained at too great length", entry.name);
    }
}

#[test]
fn the_names_that_others_rely_on_exist() {
    let names: BTreeSet<&str> = entries(Given::default()).iter().map(|entry| entry.name).collect();
    let promised = "
        data_dir store.log store.views store.vault store.allow_unsafe bus.url bus.credentials bus.ca_file mail.url mail.from mail.verify_url
        mail.reset_url api.listen api.base_path api.public_url api.trusted_proxies api.cors_origins
        auth.tokens auth.login_methods auth.email_verification auth.verify_ttl auth.reset_ttl
        auth.old_password_required auth.logout_on_password_change auth.logout_on_get auth.pk
        jwt.access_ttl jwt.refresh_ttl jwt.rotate_refresh jwt.refresh_grace jwt.session_max
        jwt.return_expiration jwt.access_cookie jwt.refresh_cookie jwt.refresh_cookie_path
        jwt.cookie_secure jwt.cookie_samesite jwt.cookie_domain jwt.httponly jwt.issuer jwt.audience
        jwt.algorithm hash.threads hash.queue hash.deadline limits.enabled vault.master_key
        vault.master_key_file revocation.max_silence";
    for name in promised.split_whitespace() {
        assert!(names.contains(name), "{name} is missing");
    }
    assert_eq!(variable("jwt.access_ttl"), "STELE_JWT__ACCESS_TTL");
    assert_eq!(variable("data_dir"), "STELE_DATA_DIR");
}

#[test]
fn durations_in_the_reference_are_written_in_their_largest_unit() {
    assert!(reference().contains("#session_max = \"30d\"\n"));
    assert_eq!(Span(nothing_set().auth.verify_ttl).to_string(), "3d");
}
