//! Providers of identities.

use ::api::social::Kind;

use super::{file, wrong};

#[test]
fn an_issuer_is_kept_letter_by_letter() {
    for issuer in ["https://me.eu.auth0.com/", "https://id.example.com/realms/work", "http://127.0.0.1:9/"] {
        let text = format!("[social.oidc.work]\nissuer = \"{issuer}\"\nclient_id = \"x\"");
        let settings = file(&text).unwrap();
        assert_eq!(settings.social.providers[0].kind, Kind::OpenId { issuer: issuer.to_owned() });
    }
    for none in ["id.example.com/", "http://id.example.com/", "https:///", "https://id.example.com/?x"] {
        let text = format!("[social.oidc.work]\nissuer = \"{none}\"\nclient_id = \"x\"");
        assert!(file(&text).unwrap_err().contains("social.oidc.work.issuer"), "{none}");
    }
}

#[test]
fn twitter_takes_no_setting_that_would_do_nothing() {
    for key in ["SCOPES", "CALLBACK_URLS", "AUTH_URL", "TOKEN_URL"] {
        let variable = format!("STELE_SOCIAL__TWITTER__{key}");
        let errors = wrong(&[(&variable, "https://api.x.com")]);
        assert!(errors[0].starts_with(&format!("{variable} is no setting")), "{errors:?}");
    }
}
