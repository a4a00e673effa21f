//! How tokens are signed, how long they live, and the cookies that carry them.

use std::time::Duration;

use ::api::{
    config::JwtRules,
    token::{
        cookie::{CookieError, CookieRules, SameSite},
        keyring::Algorithm,
    },
};

use super::{error::Conflict, reader::Reader, span::Span, value::Choice};

#[derive(Debug)]
pub(crate) struct Jwt {
    pub(crate) rules: JwtRules,
    pub(crate) cookies: CookieRules,
    /// While it is not set, it is the public URL: `Settings::links` knows.
    pub(crate) issuer: Option<String>,
    pub(crate) audience: String,
    pub(crate) algorithm: Algorithm,
}

impl Jwt {
    pub(super) fn read(from: &mut Reader, is_https: bool) -> Self {
        Self {
            algorithm: from.get(
                "jwt.algorithm",
                Algorithm::EdDsa,
                "How tokens are signed: EdDSA, ES256, RS256 or HS256.",
            ),
            issuer: from.optional("jwt.issuer", "The iss of every token; empty: api.public_url."),
            audience: from.get("jwt.audience", "stele".to_owned(), "The aud of every token."),
            rules: rules(from),
            cookies: cookies(from, is_https),
        }
    }
}

fn rules(from: &mut Reader) -> JwtRules {
    let [access_ttl, refresh_ttl, session_max] = lifetimes(from);
    JwtRules {
        access_ttl,
        refresh_ttl,
        session_max,
        rotate_refresh: from.get(
            "jwt.rotate_refresh",
            true,
            "Whether a refresh answers a new refresh token, too.",
        ),
        refresh_grace: from.get(
            "jwt.refresh_grace",
            Duration::from_secs(10),
            "How long a rotated token still gets the same answer; 0s: never.",
        ),
        return_expiration: from.get(
            "jwt.return_expiration",
            false,
            "Whether a login answers when its tokens expire; a refresh that rotates always does.",
        ),
    }
}

/// Of an access token, a refresh token and a session. One that was not given bows to the one that bounds it;
/// two that were given and disagree are refused.
fn lifetimes(from: &mut Reader) -> [Duration; 3] {
    let day = Duration::from_hours(24);
    let (session, refresh, access) = ("jwt.session_max", "jwt.refresh_ttl", "jwt.access_ttl");
    let session_max =
        from.span(session, 30 * day, "How long a session lives, however often it is refreshed.");
    let refresh_ttl =
        from.span(refresh, day.min(session_max), "How long a refresh token lives; at most jwt.session_max.");
    let access_ttl = from.span(
        access,
        Duration::from_mins(5).min(refresh_ttl),
        "How long an access token lives; at most jwt.refresh_ttl.",
    );
    ordered(from, (refresh, refresh_ttl), (session, session_max));
    ordered(from, (access, access_ttl), (refresh, refresh_ttl));
    [access_ttl, refresh_ttl, session_max]
}

fn ordered(
    from: &mut Reader,
    (shorter, lesser): (&'static str, Duration),
    (longer, greater): (&'static str, Duration),
) {
    if lesser > greater {
        let conflict = Conflict::Longer {
            shorter,
            lesser: Span(lesser).to_string(),
            longer,
            greater: Span(greater).to_string(),
        };
        from.refuse(&[shorter, longer], conflict);
    }
}

fn cookies(from: &mut Reader, is_https: bool) -> CookieRules {
    let access = from.optional("jwt.access_cookie", "The cookie for access tokens; empty: none.");
    let refresh = from.optional("jwt.refresh_cookie", "The cookie for refresh tokens; empty: none.");
    let httponly = from.get(
        "jwt.httponly",
        true,
        "Whether scripts are kept from tokens, where a cookie is named: no refresh token in the answer then.",
    );
    let rules = CookieRules {
        httponly: httponly && (access.is_some() || refresh.is_some()),
        access,
        refresh,
        domain: from.optional("jwt.cookie_domain", "Whose cookies they are; empty: the host's."),
        refresh_path: from.get(
            "jwt.refresh_cookie_path",
            "/".to_owned(),
            "The path that the refresh cookie is sent to.",
        ),
        secure: from.get(
            "jwt.cookie_secure",
            is_https,
            "Whether cookies travel by TLS alone; true by default where api.public_url is https.",
        ),
        samesite: from.get(
            "jwt.cookie_samesite",
            SameSite::Lax,
            "Whether cookies come along when another site causes a request: Strict, Lax or None.",
        ),
    };
    check(from, &rules);
    rules
}

fn check(from: &mut Reader, rules: &CookieRules) {
    if let Err(source) = rules.check() {
        let name = at_fault(rules, &source);
        from.refuse(&[name], Conflict::Cookie { name, source });
    }
}

fn at_fault(rules: &CookieRules, error: &CookieError) -> &'static str {
    match error {
        CookieError::Name(name) | CookieError::Prefix(name) if rules.access.as_ref() == Some(name) => {
            "jwt.access_cookie"
        }
        CookieError::Name(_) | CookieError::Prefix(_) | CookieError::SameName => "jwt.refresh_cookie",
        CookieError::Path(_) => "jwt.refresh_cookie_path",
        CookieError::Domain(_) => "jwt.cookie_domain",
        CookieError::NoneNeedsSecure => "jwt.cookie_samesite",
    }
}

impl Choice for Algorithm {
    const NAMES: &'static [(&'static str, Self)] =
        &[("EdDSA", Self::EdDsa), ("ES256", Self::Es256), ("RS256", Self::Rs256), ("HS256", Self::Hs256)];
}

impl Choice for SameSite {
    const NAMES: &'static [(&'static str, Self)] =
        &[("Strict", Self::Strict), ("Lax", Self::Lax), ("None", Self::None)];
}
