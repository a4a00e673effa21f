//! The cookies that carry tokens to browsers, as the recorded contract has them, and reading them back.
//! Knows nothing of what a token says.

use domain::Time;
use jiff::Timestamp;
use thiserror::Error;

/// When a browser sends a cookie along with a request that another site caused (RFC 6265bis, section 5.6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    Strict,
    Lax,
    None,
}

impl SameSite {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "Strict",
            Self::Lax => "Lax",
            Self::None => "None",
        }
    }
}

/// Which cookies there are and how they are guarded.
#[derive(Clone, Debug)]
pub struct CookieRules {
    /// Name of the access cookie; none is set without a name.
    pub access: Option<String>,
    /// Name of the refresh cookie; none is set without a name.
    pub refresh: Option<String>,
    /// The access cookie always goes to `/`.
    pub refresh_path: String,
    pub secure: bool,
    pub samesite: SameSite,
    pub domain: Option<String>,
    pub httponly: bool,
}

/// Why cookie settings are refused.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum CookieError {
    #[error("{0:?} is no cookie name: letters, digits and !#$%&'*+-.^_`|~ are allowed")]
    Name(String),
    #[error("the access and the refresh cookie have the same name")]
    SameName,
    #[error("{0:?} is no cookie path: it begins with a slash and holds no semicolon or control character")]
    Path(String),
    #[error("{0:?} is no cookie domain")]
    Domain(String),
    #[error("browsers drop a SameSite=None cookie that is not Secure")]
    NoneNeedsSecure,
    #[error(
        "{0:?} breaks the rules of its prefix: __Secure- needs Secure; __Host- also the path / and no domain"
    )]
    Prefix(String),
}

impl CookieRules {
    /// Refuses settings that would give a malformed header, or cookies that browsers drop.
    pub fn check(&self) -> Result<(), CookieError> {
        let path = &self.refresh_path;
        if !path.starts_with('/') || !is_attribute(path) {
            return Err(CookieError::Path(path.clone()));
        }
        if let Some(domain) = self.domain.as_ref().filter(|domain| domain.is_empty() || !is_attribute(domain))
        {
            return Err(CookieError::Domain(domain.clone()));
        }
        if self.samesite == SameSite::None && !self.secure {
            return Err(CookieError::NoneNeedsSecure);
        }
        if self.access.is_some() && self.access == self.refresh {
            return Err(CookieError::SameName);
        }
        self.access.as_ref().map_or(Ok(()), |name| self.check_name(name, "/"))?;
        self.refresh.as_ref().map_or(Ok(()), |name| self.check_name(name, path))
    }

    /// The `Set-Cookie` value for an access token that lives until `exp` (seconds), seen at `now`
    /// (microseconds).
    pub fn set_access(&self, token: &str, exp: i64, now: i64) -> Option<String> {
        self.access.as_ref().map(|name| self.write((name, token), "/", self.httponly, Life::until(exp, now)))
    }

    /// As [`Self::set_access`], for the refresh token.
    pub fn set_refresh(&self, token: &str, exp: i64, now: i64) -> Option<String> {
        self.refresh
            .as_ref()
            .map(|name| self.write((name, token), &self.refresh_path, self.httponly, Life::until(exp, now)))
    }

    /// The `Set-Cookie` values that make a browser forget both cookies. Without `HttpOnly`, as recorded.
    pub fn clear(&self) -> Vec<String> {
        let access = self.access.iter().map(|name| (name, "/"));
        let refresh = self.refresh.iter().map(|name| (name, self.refresh_path.as_str()));
        access.chain(refresh).map(|(name, path)| self.write((name, ""), path, false, Life::OVER)).collect()
    }

    /// The access token among the values of a request's `Cookie` headers.
    pub fn read_access<'a>(&self, headers: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        self.access.as_ref().and_then(|name| find(headers, name))
    }

    /// The refresh token among the values of a request's `Cookie` headers.
    pub fn read_refresh<'a>(&self, headers: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        self.refresh.as_ref().and_then(|name| find(headers, name))
    }

    /// Attributes in alphabetical order, as the reference writes them.
    fn write(&self, (name, value): (&str, &str), path: &str, httponly: bool, life: Life) -> String {
        let domain = self.domain.as_ref().map(|domain| format!("; Domain={domain}")).unwrap_or_default();
        let httponly = if httponly { "; HttpOnly" } else { "" };
        let secure = if self.secure { "; Secure" } else { "" };
        let samesite = self.samesite.as_str();
        let Life { expires, max_age } = life;
        let expires = expires.strftime("%a, %d %b %Y %H:%M:%S GMT");
        format!(
            "{name}={value}{domain}; expires={expires}{httponly}; Max-Age={max_age}; Path={path}; \
             SameSite={samesite}{secure}"
        )
    }

    fn check_name(&self, name: &str, path: &str) -> Result<(), CookieError> {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(CookieError::Name(name.to_owned()));
        }
        let lower = name.to_ascii_lowercase();
        let host_bound = self.secure && path == "/" && self.domain.is_none();
        let kept = if lower.starts_with("__host-") {
            host_bound
        } else {
            self.secure || !lower.starts_with("__secure-")
        };
        if kept { Ok(()) } else { Err(CookieError::Prefix(name.to_owned())) }
    }
}

/// How long a browser keeps a cookie, said twice for the sake of old ones.
#[derive(Clone, Copy)]
struct Life {
    expires: Timestamp,
    max_age: i64,
}

impl Life {
    const OVER: Self = Self { expires: Timestamp::UNIX_EPOCH, max_age: 0 };

    fn until(exp: i64, now: i64) -> Self {
        let max_age = exp.saturating_sub(Time(now).seconds()).max(0);
        Self { expires: Timestamp::from_second(exp).unwrap_or(Timestamp::MAX), max_age }
    }
}

fn is_attribute(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b';')
}

/// A name that is given twice with different values is as good as absent: whoever controls a sibling domain
/// can add a cookie of his own, and must not be able to slip another session under the user.
pub(crate) fn find<'a>(headers: impl IntoIterator<Item = &'a str>, name: &str) -> Option<&'a str> {
    let pairs =
        headers.into_iter().flat_map(|header| header.split(';')).filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter(|(key, _)| key.trim() == name).map(|(_, value)| unquoted(value.trim()));
    let first = values.next().filter(|value| !value.is_empty())?;
    values.all(|other| other == first).then_some(first)
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2025-11-24 14:25:00 UTC.
    const NOW: i64 = 1_763_994_300;

    fn rules() -> CookieRules {
        CookieRules {
            access: Some("auth".into()),
            refresh: Some("refresh".into()),
            refresh_path: "/".into(),
            secure: false,
            samesite: SameSite::Lax,
            domain: None,
            httponly: true,
        }
    }

    fn attributes(cookie: &str) -> Vec<String> {
        let without_value = |attribute: &str| match attribute.split_once('=') {
            Some((name @ ("expires" | "max-age"), _)) => name.to_owned(),
            _ => attribute.to_owned(),
        };
        let mut names: Vec<_> =
            cookie.split("; ").skip(1).map(|attribute| without_value(&attribute.to_lowercase())).collect();
        names.sort();
        names
    }

    #[test]
    fn the_attributes_of_a_cookie_are_those_recorded() {
        let recorded = ["expires", "httponly", "max-age", "path=/", "samesite=lax"];
        let access = rules().set_access("a.b.c", NOW + 300, NOW * 1_000_000 + 999_999).unwrap();
        assert_eq!(attributes(&access), recorded);
        assert_eq!(attributes(&rules().set_refresh("r", NOW + 300, NOW * 1_000_000).unwrap()), recorded);
        assert_eq!(
            access,
            "auth=a.b.c; expires=Mon, 24 Nov 2025 14:30:00 GMT; HttpOnly; Max-Age=300; Path=/; SameSite=Lax"
        );
    }

    #[test]
    fn the_attributes_of_a_deleted_cookie_are_those_recorded() {
        let cleared = rules().clear();
        assert_eq!(cleared.len(), 2);
        for cookie in &cleared {
            assert_eq!(attributes(cookie), ["expires", "max-age", "path=/", "samesite=lax"]);
        }
        assert_eq!(
            cleared[0],
            "auth=; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=Lax"
        );
    }

    #[test]
    fn secure_domain_and_the_refresh_path_follow_the_settings_at_deletion_too() {
        let guarded = CookieRules {
            secure: true,
            domain: Some("example.com".into()),
            refresh_path: "/auth/token".into(),
            samesite: SameSite::None,
            ..rules()
        };
        let set = guarded.set_refresh("r", NOW + 9, NOW * 1_000_000).unwrap();
        assert_eq!(
            set,
            "refresh=r; Domain=example.com; expires=Mon, 24 Nov 2025 14:25:09 GMT; HttpOnly; Max-Age=9; \
             Path=/auth/token; SameSite=None; Secure"
        );
        assert!(guarded.clear()[1].ends_with("; Max-Age=0; Path=/auth/token; SameSite=None; Secure"));
        assert!(guarded.clear()[0].contains("; Path=/;"));
    }

    #[test]
    fn a_cookie_without_a_name_is_neither_set_nor_cleared_nor_read() {
        let none = CookieRules { access: None, refresh: None, ..rules() };
        assert_eq!(none.set_access("a", NOW, 0), None);
        assert_eq!(none.set_refresh("a", NOW, 0), None);
        assert!(none.clear().is_empty());
        assert_eq!(none.read_access(["auth=a"]), None);
    }

    #[test]
    fn a_cookie_is_found_by_its_exact_name_in_any_header() {
        assert_eq!(rules().read_access(["a=1; auth=x.y.z;b=2"]), Some("x.y.z"));
        assert_eq!(rules().read_access(["a=1", "auth=\"x\""]), Some("x"));
        assert_eq!(rules().read_refresh(["xrefresh=1; Refresh=2; refresh=a=b"]), Some("a=b"));
        for absent in ["", "auth", "auth=", "xauth=1; Auth=2", "a=auth=1"] {
            assert_eq!(rules().read_access([absent]), None, "{absent}");
        }
    }

    #[test]
    fn a_name_given_twice_with_different_values_is_not_believed() {
        assert_eq!(rules().read_access(["auth=mine; auth=theirs"]), None);
        assert_eq!(rules().read_access(["auth=mine", "auth="]), None);
        assert_eq!(rules().read_access(["auth=mine; auth=mine"]), Some("mine"));
    }

    #[test]
    fn settings_that_browsers_or_headers_cannot_carry_are_refused() {
        assert_eq!(rules().check(), Ok(()));
        let refused = |change: fn(&mut CookieRules)| {
            let mut rules = rules();
            change(&mut rules);
            rules.check().unwrap_err()
        };
        assert_eq!(refused(|r| r.access = Some("a b".into())), CookieError::Name("a b".into()));
        assert_eq!(refused(|r| r.refresh = Some("auth".into())), CookieError::SameName);
        assert_eq!(refused(|r| r.refresh_path = "/;x".into()), CookieError::Path("/;x".into()));
        assert_eq!(refused(|r| r.domain = Some("a\r\nb".into())), CookieError::Domain("a\r\nb".into()));
        assert_eq!(refused(|r| r.samesite = SameSite::None), CookieError::NoneNeedsSecure);
        assert_eq!(refused(|r| r.access = Some("__Host-a".into())), CookieError::Prefix("__Host-a".into()));
        let host = CookieRules { access: Some("__Host-a".into()), secure: true, ..rules() };
        assert_eq!(host.check(), Ok(()));
    }
}
