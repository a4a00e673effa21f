//! From the bytes of a request body to its fields, by media type. Must not know endpoints or the rules of fields.

use axum::http::StatusCode;
use percent_encoding::percent_decode;
use serde_json::{Value as Json, json};

use super::{
    charset::Charset,
    errors::NON_FIELD,
    header::Header,
    json::{self, Document},
    multipart,
    value::{Fields, Value},
};

/// A longer content type is refused unread, as in the reference.
const MAX_CONTENT_TYPE: usize = 256;

/// How many fields a form may have, as in the reference.
const MAX_FIELDS: usize = 1000;

/// How many of them may be files, as in the reference.
const MAX_FILES: usize = 100;

/// Why a body cannot be taken at all, whatever the endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The body is not what its content type says. Holds the sentence of the answer.
    #[error("{0}")]
    Malformed(String),
    /// Nothing here reads this content type. Holds the content type as it was sent.
    #[error("unsupported media type")]
    UnsupportedMedia(String),
    /// The body is good JSON, but no object. Holds the sentence of the answer.
    #[error("{0}")]
    NotADictionary(String),
}

impl Refusal {
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::UnsupportedMedia(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Malformed(_) | Self::NotADictionary(_) => StatusCode::BAD_REQUEST,
        }
    }

    pub fn to_json(&self) -> Json {
        match self {
            Self::Malformed(sentence) => json!({ "detail": sentence }),
            Self::UnsupportedMedia(given) => {
                json!({ "detail": format!("Unsupported media type \"{given}\" in request.") })
            }
            Self::NotADictionary(sentence) => json!({ NON_FIELD: [sentence] }),
        }
    }
}

/// The fields of a body. An empty body has none, whatever its content type says; a body without a content type is
/// refused. `content_type` is the header as sent.
///
/// # Errors
/// [`Refusal`], to be answered as it is.
pub fn read(content_type: Option<&str>, bytes: &[u8]) -> Result<Fields, Refusal> {
    let given = content_type.unwrap_or_default();
    if bytes.is_empty() {
        return Ok(Fields::default());
    }
    if given.chars().count() > MAX_CONTENT_TYPE {
        return Err(Refusal::UnsupportedMedia(given.to_owned()));
    }
    let header = Header::parse(given);
    let charset = header.parameter("charset").map_or(Charset::Utf8, Charset::named);
    if covers(&header.value, "application", "json") {
        object(bytes, charset)
    } else if covers(&header.value, "application", "x-www-form-urlencoded") {
        form(pairs(bytes, charset))
    } else if covers(&header.value, "multipart", "form-data") {
        let values = if given.is_ascii() {
            multipart::decode(header.parameter("boundary"), bytes, charset)
        } else {
            Err(format!("Invalid non-ASCII Content-Type in multipart: {given}"))
        };
        form(values.map_err(|fault| Refusal::Malformed(format!("Multipart form parse error - {fault}")))?)
    } else {
        Err(Refusal::UnsupportedMedia(given.to_owned()))
    }
}

/// Whether a media type, which may hold wildcards, means this type and subtype.
pub(super) fn covers(given: &str, main: &str, sub: &str) -> bool {
    let (given_main, given_sub) = given.split_once('/').unwrap_or((given, ""));
    (given_main == "*" || given_main == main) && (given_sub == "*" || given_sub == sub)
}

fn object(bytes: &[u8], charset: Charset) -> Result<Fields, Refusal> {
    let document = charset.decode(bytes).and_then(|text| json::decode(&text));
    match document.map_err(|fault| Refusal::Malformed(format!("JSON parse error - {fault}")))? {
        Document::Object(values) => Ok(Fields::of_json(values)),
        Document::Other(Value::Null) => Err(Refusal::NotADictionary("No data provided".to_owned())),
        Document::Other(value) => {
            let name = value.type_name();
            Err(Refusal::NotADictionary(format!("Invalid data. Expected a dictionary, but got {name}.")))
        }
    }
}

fn form(values: Vec<(String, Value)>) -> Result<Fields, Refusal> {
    let files = values.iter().filter(|(_, value)| *value == Value::File).count();
    let refuse = |what: String| Err(Refusal::Malformed(format!("Form parse error - more than {what}")));
    if files > MAX_FILES {
        return refuse(format!("{MAX_FILES} files"));
    }
    if values.len() - files > MAX_FIELDS {
        return refuse(format!("{MAX_FIELDS} fields"));
    }
    Ok(Fields::of_form(values))
}

/// The pairs of an urlencoded form (WHATWG URL §5.1), in the character set that its content type names.
fn pairs(bytes: &[u8], charset: Charset) -> Vec<(String, Value)> {
    let text = |piece: &[u8]| {
        let spaced: Vec<u8> = piece.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        charset.decode_lossy(&percent_decode(&spaced).collect::<Vec<u8>>())
    };
    let pieces = bytes.split(|byte| *byte == b'&').filter(|piece| !piece.is_empty());
    let pair = |piece: &[u8]| {
        let mut halves = piece.splitn(2, |byte| *byte == b'=');
        let name = text(halves.next().unwrap_or_default());
        (name, Value::Text(text(halves.next().unwrap_or_default()).into()))
    };
    pieces.map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "application/x-www-form-urlencoded";

    fn refused(content_type: Option<&str>, bytes: &[u8]) -> (u16, Json) {
        let refusal = read(content_type, bytes).err().expect("a refusal");
        (refusal.status().as_u16(), refusal.to_json())
    }

    fn text(fields: &Fields, name: &str) -> Option<String> {
        match fields.get(name) {
            Some(Value::Text(text)) => Some(text.text.clone()),
            _ => None,
        }
    }

    #[test]
    fn a_body_of_an_unknown_type_or_of_none_is_refused() {
        let long = "application/json; x=".to_owned() + &"a".repeat(300);
        for given in [
            None,
            Some(""),
            Some("json"),
            Some("text/plain; charset=utf-8"),
            Some("multipart/mixed"),
            Some(&long),
        ] {
            let named = given.unwrap_or_default();
            let expected = json!({ "detail": format!("Unsupported media type \"{named}\" in request.") });
            assert_eq!(refused(given, b"{}"), (415, expected));
        }
    }

    #[test]
    fn an_empty_body_has_no_fields_whatever_its_type() {
        for given in
            [None, Some("text/plain"), Some("application/json"), Some("multipart/form-data; boundary=x")]
        {
            assert!(read(given, b"").is_ok_and(|fields| fields.get("username").is_none()));
        }
    }

    #[test]
    fn json_is_read_under_all_its_names() {
        for given in [
            "application/json",
            " APPLICATION/JSON;",
            "application/json; charset=\"utf-8\"",
            "application/*",
            "*/*",
        ] {
            let fields = read(Some(given), "{\"a\":1,\"a\":\"é\"}".as_bytes()).expect("fields");
            assert_eq!(text(&fields, "a").as_deref(), Some("é"), "{given}");
            assert!(!fields.is_html());
        }
    }

    #[test]
    fn the_charset_of_the_type_is_obeyed() {
        let latin = read(Some("application/json;charset=latin-1"), b"{\"a\":\"\xe9\"}").expect("fields");
        assert_eq!(text(&latin, "a").as_deref(), Some("é"));
        let form = read(Some(&format!("{FORM};charset=iso-8859-1")), b"a=%e9").expect("fields");
        assert_eq!(text(&form, "a").as_deref(), Some("é"));
    }

    #[test]
    fn json_that_is_broken_or_no_object_is_refused() {
        let json = Some("application/json");
        let expected = json!({ "detail": "JSON parse error - Expecting value: line 1 column 1 (char 0)" });
        assert_eq!(refused(json, b"nope"), (400, expected));
        let expected = json!({ "detail": "JSON parse error - 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte" });
        assert_eq!(refused(json, b"\xff"), (400, expected));
        assert_eq!(refused(json, b"null"), (400, json!({ "non_field_errors": ["No data provided"] })));
        for (body, name) in
            [("[]", "list"), ("\"x\"", "str"), ("1", "int"), ("1.5", "float"), ("true", "bool")]
        {
            let sentence = format!("Invalid data. Expected a dictionary, but got {name}.");
            assert_eq!(refused(json, body.as_bytes()), (400, json!({ "non_field_errors": [sentence] })));
        }
    }

    #[test]
    fn a_form_is_decoded_and_the_last_of_equal_names_counts() {
        let fields = read(Some(FORM), b"&a=1&a=x+%C3%A9%zz%ff&b&=c&").expect("fields");

        assert_eq!(text(&fields, "a").as_deref(), Some("x é%zz\u{fffd}"));
        assert_eq!(text(&fields, "b").as_deref(), Some(""));
        assert!(fields.is_html());
    }

    #[test]
    fn a_form_has_at_most_a_thousand_fields() {
        assert!(read(Some(FORM), "a=1&".repeat(1000).as_bytes()).is_ok());
        assert_eq!(refused(Some(FORM), "a=1&".repeat(1001).as_bytes()).0, 400);
    }

    #[test]
    fn a_multipart_form_is_read_and_its_faults_are_told() {
        let body = b"--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--XX--\r\n";
        let fields = read(Some("multipart/form-data; boundary=\"XX\""), body).expect("fields");
        assert_eq!(text(&fields, "a").as_deref(), Some("b"));

        let expected =
            json!({ "detail": "Multipart form parse error - Invalid boundary in multipart: None" });
        assert_eq!(refused(Some("multipart/form-data"), body), (400, expected));
    }
}
