//! Finds out requests that another site made a browser send (ASVS 3.5.1), where credentials arrive in cookies.
//! Must not know users, sessions or what a request would do.

use axum::http::header::{AUTHORIZATION, HOST, ORIGIN, REFERER};
use axum::http::{HeaderMap, Method};

use super::{Origin, Origins};

/// Whether a foreign page is behind this request. In order:
///
/// 1. A safe method changes nothing, and no page can make a browser add `Authorization`.
/// 2. An `Origin` that is ours or allowed is no forgery.
/// 3. `Sec-Fetch-Site` is the browser's own word, which no page can write: `same-origin` and `none` (the user
///    himself) pass. It also clears our pages, whose `Origin` is `null` where they send no referrer.
/// 4. Older browsers: a foreign `Origin`, or without one a foreign `Referer`, is a forgery.
/// 5. Nothing of all that: no browser, so no cookies that a stranger could ride on.
///
/// Cookies are not asked for: a forged login has none, and would put the user into the forger's account.
pub fn forged(method: &Method, headers: &HeaderMap, origins: &Origins) -> bool {
    if method.is_safe() || headers.contains_key(AUTHORIZATION) {
        return false;
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let ours = |origin: &str| origins.allows(origin) || origins.is_own(origin, host);
    let mut stated = headers.get_all(ORIGIN).iter();
    let origin = stated.next();
    if stated.next().is_some() {
        return true;
    }
    if origin.and_then(|origin| origin.to_str().ok()).is_some_and(ours) {
        return false;
    }
    if let Some(site) = headers.get("sec-fetch-site") {
        return site != "same-origin" && site != "none";
    }
    if origin.is_some() {
        return true;
    }
    headers.get(REFERER).is_some_and(|referer| {
        let origin = referer.to_str().ok().and_then(Origin::of);
        !origin.is_some_and(|origin| ours(origin.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_forged(method: &Method, headers: &[(&'static str, &str)]) -> bool {
        let origins = Origins {
            own: "https://id.example".parse().ok(),
            allowed: vec!["https://app.example".parse().unwrap()],
        };
        let mut map = HeaderMap::new();
        map.insert(HOST, "id.example".parse().unwrap());
        map.insert("cookie", "auth=x".parse().unwrap());
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        forged(method, &map, &origins)
    }

    #[test]
    fn a_foreign_page_cannot_change_anything() {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert!(is_forged(&method, &[("origin", "https://evil.example")]));
        }
        for origin in
            ["null", "https://app.example.evil.example", "http://id.example", "https://APP.example", "x"]
        {
            assert!(is_forged(&Method::POST, &[("origin", origin)]), "{origin}");
        }
    }

    #[test]
    fn our_own_pages_and_the_allowed_ones_pass() {
        assert!(!is_forged(&Method::POST, &[("origin", "https://id.example")]));
        let allowed = [("origin", "https://app.example"), ("sec-fetch-site", "cross-site")];
        assert!(!is_forged(&Method::POST, &allowed));
    }

    #[test]
    fn the_word_of_the_browser_decides_where_the_origin_does_not() {
        let post = |site: &'static str, origin: Option<&'static str>| {
            let mut headers = vec![("sec-fetch-site", site)];
            headers.extend(origin.map(|origin| ("origin", origin)));
            is_forged(&Method::POST, &headers)
        };
        assert!(!post("same-origin", Some("null")));
        assert!(!post("none", None));
        assert!(post("cross-site", None));
        assert!(post("same-site", Some("https://other.example")));
        assert!(post("cross-site", Some("null")));
    }

    #[test]
    fn the_referer_speaks_when_there_is_no_origin() {
        assert!(is_forged(&Method::POST, &[("referer", "https://evil.example/https://id.example/")]));
        assert!(is_forged(&Method::POST, &[("referer", "about:blank")]));
        assert!(!is_forged(&Method::POST, &[("referer", "https://id.example/account?x=1")]));
        assert!(!is_forged(&Method::POST, &[("referer", "https://app.example/")]));
    }

    #[test]
    fn clients_that_are_no_browsers_and_requests_with_a_header_token_pass() {
        assert!(!is_forged(&Method::POST, &[]));
        let bearer = [("authorization", "Bearer x"), ("origin", "https://evil.example")];
        assert!(!is_forged(&Method::POST, &bearer));
    }

    #[test]
    fn reading_is_free_for_all() {
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            assert!(!is_forged(&method, &[("origin", "https://evil.example")]));
        }
    }

    #[test]
    fn two_origins_are_a_forgery_even_if_one_is_ours() {
        assert!(is_forged(
            &Method::POST,
            &[("origin", "https://id.example"), ("origin", "https://evil.example")]
        ));
    }
}
