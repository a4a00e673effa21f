//! What the composition root tells the api, checked already. Knows neither files nor the environment.

use std::time::Duration;

pub use crate::form::login::LoginMethods;
use crate::token::cookie::CookieRules;

#[derive(Debug, Clone)]
pub struct Config {
    /// Where the contract's routes begin, such as `/dj-rest-auth`; without a slash at the end.
    pub base_path: String,
    pub tokens: TokenMode,
    pub login: LoginMethods,
    pub email_verification: Verification,
    pub old_password_required: bool,
    pub logout_on_get: bool,
    pub logout_on_password_change: bool,
    /// How long the link in a verification mail lives, and how long an unverified account keeps its address.
    pub verify_ttl: Duration,
    pub reset_ttl: Duration,
    pub pk: PkMode,
    pub jwt: JwtRules,
    pub cookies: CookieRules,
    pub limits: Limits,
    /// How long a node may hear nothing from the log and still trust what it knows of revocations.
    pub max_silence: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenMode {
    Jwt,
    /// One opaque key for each login.
    Key,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    Mandatory,
    Optional,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PkMode {
    /// 53 bits, ordered by time.
    Time,
    /// 1, 2, 3 …
    Sequence,
}

#[derive(Debug, Clone)]
pub struct JwtRules {
    pub access_ttl: Duration,
    pub refresh_ttl: Duration,
    pub rotate_refresh: bool,
    pub refresh_grace: Duration,
    pub session_max: Duration,
    pub return_expiration: bool,
}

/// How many attempts are answered within a window before further ones wait. Counted for each account or address of
/// mail together with the client's network, so that nobody is locked out by someone elsewhere.
#[derive(Debug, Clone)]
pub struct Limits {
    pub enabled: bool,
    pub login: Limit,
    pub password_check: Limit,
    pub reset: Limit,
    pub resend: Limit,
    pub registration: Limit,
    /// Of new passwords and addresses, for each account, from wherever.
    pub change: Limit,
    /// Of new names, likewise.
    pub profile: Limit,
    /// Of links that come back, from one network.
    pub link: Limit,
    /// Of logins through one provider of identities, from one network.
    pub social: Limit,
    /// All of these together, from one network.
    pub network: Limit,
}

#[derive(Debug, Clone, Copy)]
pub struct Limit {
    pub count: u32,
    pub window: Duration,
}
