//! The pages as a browser gets them.

use axum::http::HeaderMap;

use super::*;

async fn shown(response: Response) -> (StatusCode, HeaderMap, String) {
    let (head, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    (head.status, head.headers, String::from_utf8(bytes.to_vec()).unwrap())
}

const OUTCOMES: [Outcome; 7] = [
    Outcome::EmailVerified,
    Outcome::PasswordSet,
    Outcome::VerifyLinkDead,
    Outcome::ResetLinkDead,
    Outcome::LoginDead,
    Outcome::TooManyAttempts { retry_after: Duration::from_millis(30_500) },
    Outcome::TryLater { retry_after: Duration::from_secs(1) },
];

fn all() -> Vec<Response> {
    let faults = json!({ "new_password2": ["Too short."], "non_field_errors": ["No."] });
    let forms = [verify_email("k"), reset_password("MQ", "t"), reset_password_again("MQ", "t", &faults)];
    forms.into_iter().chain(OUTCOMES.map(outcome)).collect()
}

#[tokio::test]
async fn every_page_is_closed_to_scripts_frames_caches_and_referrers() {
    for response in all() {
        let (_, headers, html) = shown(response).await;
        assert_eq!(headers["content-type"], "text/html; charset=utf-8");
        assert_eq!(headers["cache-control"], "no-store");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        let policy = headers["content-security-policy"].to_str().unwrap();
        let parts: Vec<&str> = policy.split("; ").filter(|part| !part.starts_with("style-src")).collect();
        assert_eq!(
            parts,
            ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"]
        );
        for forbidden in ["<script", "style=", "onclick", "http:", "https:", "src="] {
            assert!(!html.contains(forbidden), "{forbidden} in {html}");
        }
    }
}

#[tokio::test]
async fn the_style_that_is_allowed_is_the_very_text_between_the_tags() {
    for response in all() {
        let (_, headers, html) = shown(response).await;
        let (_, rest) = html.split_once("<style>").unwrap();
        let (style, _) = rest.split_once("</style>").unwrap();
        let hash = STANDARD.encode(Sha256::digest(style));
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains(&format!("style-src 'sha256-{hash}';")), "{policy}");
        assert!(style.contains("prefers-color-scheme: dark"));
    }
}

#[tokio::test]
async fn every_page_names_its_language_and_has_one_heading() {
    for response in all() {
        let (_, _, html) = shown(response).await;
        assert!(html.starts_with("<!doctype html>\n<html lang=\"en\">"), "{html}");
        assert_eq!(html.matches("<h1>").count(), 1);
        assert!(!html.contains("<title></title>"));
    }
}

#[tokio::test]
async fn the_page_that_verifies_an_address_is_a_form_with_one_button() {
    let (status, _, html) = shown(verify_email("abc234")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(html.contains("<form method=\"post\" action=\"verify-email\">"));
    assert!(html.contains("<input type=\"hidden\" name=\"key\" value=\"abc234\">"));
    assert_eq!((html.matches("<button").count(), html.matches("<input").count()), (1, 1));
}

#[tokio::test]
async fn the_page_for_a_new_password_asks_for_it_twice_under_labels() {
    let (status, _, html) = shown(reset_password("MQ", "xyz567")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(html.contains("<form method=\"post\" action=\"reset-password\">"));
    assert!(html.contains("name=\"uid\" value=\"MQ\"") && html.contains("name=\"token\" value=\"xyz567\""));
    for field in ["new_password1", "new_password2"] {
        assert!(html.contains(&format!("<label for=\"{field}\">")));
        assert!(html.contains(&format!("<input type=\"password\" id=\"{field}\" name=\"{field}\"")));
    }
    assert_eq!(html.matches("autocomplete=\"new-password\"").count(), 2);
    assert!(
        !html.contains("class=\"fault\"") && !html.contains("aria-invalid=\"") && !html.contains("Error:")
    );
}

#[tokio::test]
async fn what_is_wrong_stands_beside_its_field() {
    let faults = json!({ "new_password2": ["Too short.", "Too common."], "uid": ["Invalid value"] });
    let (status, _, html) = shown(reset_password_again("MQ", "t", &faults)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (before, beside) = html.split_once("id=\"new_password2\"").unwrap();
    assert!(beside.contains("aria-describedby=\"new_password2_fault\""));
    assert!(beside.contains("<li>Too short.</li>\n<li>Too common.</li>"), "{html}");
    assert!(!before.contains("Too short.") && before.contains("<li>Invalid value</li>"), "{html}");
    assert!(!before.contains("new_password1_fault"));
    assert!(html.contains("<title>Error: "));
}

#[tokio::test]
async fn nothing_that_comes_in_becomes_markup() {
    let evil = "\"><script>alert(1)</script>'&";
    let faults = json!({ "new_password1": [evil], evil: [evil] });
    let responses =
        [verify_email(evil), reset_password(evil, evil), reset_password_again(evil, evil, &faults)];
    for response in responses {
        let (_, _, html) = shown(response).await;
        assert!(!html.contains("<script") && !html.contains("\"\">"), "{html}");
        assert!(html.contains("&quot;&gt;&lt;script&gt;alert(1)&lt;&#x2f;script&gt;&#x27;&amp;"), "{html}");
    }
}

#[tokio::test]
async fn each_outcome_has_its_status_and_says_when_to_come_back() {
    let statuses = [200, 200, 400, 400, 400, 429, 503];
    for (case, status) in OUTCOMES.into_iter().zip(statuses) {
        let (found, headers, html) = shown(outcome(case)).await;
        assert_eq!(found.as_u16(), status, "{case:?}");
        assert_eq!(headers.contains_key("retry-after"), status == 429 || status == 503);
        assert_eq!(html.contains("try again in"), status == 429 || status == 503);
    }
    let (_, headers, html) = shown(outcome(OUTCOMES[5])).await;
    assert_eq!(headers["retry-after"], "31");
    assert!(html.contains("try again in 31 seconds."));
}

#[test]
fn a_span_of_time_is_never_told_too_short() {
    let told = [(0, "1 second"), (1, "1 second"), (90, "90 seconds"), (91, "2 minutes"), (5401, "2 hours")];
    for (seconds, words) in told {
        assert_eq!(spoken(Duration::from_secs(seconds)), words);
    }
}
