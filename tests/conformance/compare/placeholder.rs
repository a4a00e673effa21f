//! `<jwt>`, `<key>`, `<pk>`, `<time>` and `<id>` stand for any fit value of their kind; an empty one never fits.

use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

/// The longest whole number that every JSON reader keeps (RFC 8259 section 6).
const LARGEST_PK: u64 = (1 << 53) - 1;
const KEY_LENGTH: usize = 40;

/// Equal, or a placeholder and a value that it stands for.
pub(super) fn fits(wanted: &Value, got: &Value) -> bool {
    match (wanted.as_str(), got) {
        (Some("<jwt>"), Value::String(text)) => is_jwt(text),
        (Some("<key>"), Value::String(text)) => {
            text.len() == KEY_LENGTH && text.bytes().all(|byte| byte.is_ascii_graphic())
        }
        (Some("<pk>"), Value::Number(number)) => {
            number.as_u64().is_some_and(|pk| (1..=LARGEST_PK).contains(&pk))
        }
        (Some("<time>"), Value::String(text)) => text.parse::<jiff::Timestamp>().is_ok(),
        (Some("<id>"), Value::String(text)) => !text.trim().is_empty(),
        (Some("<id>"), Value::Number(number)) => number.as_u64().is_some_and(|id| id > 0),
        _ => wanted == got,
    }
}

/// Three parts, the first two JSON objects, the last a signature (RFC 7515 section 3.1).
fn is_jwt(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let object = |part: &str| {
        let bytes = BASE64URL_NOPAD.decode(part.as_bytes()).ok();
        bytes
            .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
            .is_some_and(|value| value.is_object())
    };
    let [header, claims, signature] = parts[..] else {
        return false;
    };
    object(header)
        && object(claims)
        && BASE64URL_NOPAD.decode(signature.as_bytes()).is_ok_and(|bytes| !bytes.is_empty())
}
