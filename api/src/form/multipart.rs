//! Reads a `multipart/form-data` body (RFC 7578) that lies in memory as a whole. Must not know fields or rules.
//! As forgiving as the reference: what is no part is passed over, and a missing end is no fault.

use data_encoding::BASE64;

use super::{charset::Charset, header::Header, value::Value};

/// How many bytes the headers of one part may take, as in the reference.
const MAX_HEADERS: usize = 1024;

/// The values by name, or the sentence that says what is wrong.
pub(super) fn decode(
    boundary: Option<&str>,
    body: &[u8],
    charset: Charset,
) -> Result<Vec<(String, Value)>, String> {
    let Some(boundary) = boundary.filter(|text| is_boundary(text)) else {
        return Err(format!("Invalid boundary in multipart: {}", boundary.unwrap_or("None")));
    };
    let delimiter = format!("--{boundary}");
    let mut values = Vec::new();
    let mut rest = cut(body, delimiter.as_bytes()).map(|(_, rest)| rest);
    while let Some(bytes) = rest.filter(|bytes| !bytes.starts_with(b"--")) {
        let next = cut(bytes, delimiter.as_bytes());
        let part = next.map_or(bytes, |(part, _)| part);
        values.extend(read(part, charset)?);
        rest = next.map(|(_, rest)| rest);
    }
    Ok(values)
}

/// RFC 2046 §5.1.1, with room for as much as the reference takes.
fn is_boundary(text: &str) -> bool {
    (1..=201).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && !text.ends_with(' ')
}

/// The field of one part: its name, and a text or a file.
fn read(part: &[u8], charset: Charset) -> Result<Option<(String, Value)>, String> {
    let Some((head, content)) = cut(part, b"\r\n\r\n") else {
        return Ok(None);
    };
    if head.len() > MAX_HEADERS {
        return Err("Request max total header size exceeded.".to_owned());
    }
    let head = String::from_utf8_lossy(head);
    let header = |wanted: &str| {
        let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
        lines
            .find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))
            .map(|(_, value)| Header::parse(value))
    };
    let Some(disposition) = header("content-disposition") else {
        return Ok(None);
    };
    let Some(name) = disposition.parameter("name") else {
        return Ok(None);
    };
    let value = match disposition.parameter("filename") {
        Some(filename) if !filename.is_empty() => Value::File,
        _ => {
            let content = content.strip_suffix(b"\r\n").unwrap_or(content);
            let encoded =
                header("content-transfer-encoding").is_some_and(|encoding| encoding.value == "base64");
            let decoded = if encoded { base64(content) } else { None };
            Value::Text(charset.decode_lossy(decoded.as_deref().unwrap_or(content)).into())
        }
    };
    Ok(Some((name.trim().to_owned(), value)))
}

/// What was encoded (RFC 2045, section 6.8: other letters are passed over), if it was.
fn base64(content: &[u8]) -> Option<Vec<u8>> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
    BASE64.decode(&content.iter().copied().filter(is_part).collect::<Vec<u8>>()).ok()
}

/// What stands before and behind the first `mark`.
fn cut<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(mark.len()).position(|window| window == mark)?;
    Some((bytes.get(..at)?, bytes.get(at + mark.len()..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(parts: &[(&str, &str)]) -> String {
        let parts = parts.iter().map(|(head, content)| format!("--XX\r\n{head}\r\n\r\n{content}\r\n"));
        parts.collect::<String>() + "--XX--\r\n"
    }

    fn decoded(body: &str) -> Vec<(String, Value)> {
        decode(Some("XX"), body.as_bytes(), Charset::Utf8).expect("a form")
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned().into())
    }

    const NAME: &str = "Content-Disposition: form-data; name=\"username\"";

    #[test]
    fn a_part_in_base64_is_decoded_if_it_can_be() {
        let part = |content| {
            body(&[("Content-Transfer-Encoding: BASE64\r\nContent-Disposition: form-data; name=a", content)])
        };

        assert!(decoded(&part("YWRh\r\nIQ==")) == [("a".to_owned(), text("ada!"))]);
        assert!(decoded(&part("YWR")) == [("a".to_owned(), text("YWR"))]);
    }

    #[test]
    fn each_part_is_a_field() {
        let body = body(&[(NAME, "ada"), ("content-disposition: form-data; name=b", " x\r\ny ")]);

        assert!(decoded(&body) == [("username".to_owned(), text("ada")), ("b".to_owned(), text(" x\r\ny "))]);
    }

    #[test]
    fn a_body_without_an_end_is_read_as_far_as_it_goes() {
        let whole = body(&[(NAME, "ada")]);
        let cut = whole.strip_suffix("--XX--\r\n").expect("an end");

        assert!(decoded(cut) == [("username".to_owned(), text("ada"))]);
    }

    #[test]
    fn a_file_is_no_text_and_one_without_a_name_is_no_file() {
        let body =
            body(&[(&format!("{NAME}; filename=\"a.txt\""), "x"), (&format!("{NAME}; filename=\"\""), "y")]);

        assert!(decoded(&body) == [("username".to_owned(), Value::File), ("username".to_owned(), text("y"))]);
    }

    #[test]
    fn what_is_no_part_is_passed_over() {
        assert!(decoded("garbage").is_empty());
        assert!(decoded(&body(&[("Content-Disposition: form-data", "x"), ("X-A: b", "y")])).is_empty());
        assert!(decoded(&body(&[(NAME, "ada")]).replace("\r\n", "\n")).is_empty());
        assert!(decoded("--XX--\r\n--XX\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n").is_empty());
    }

    #[test]
    fn a_boundary_that_cannot_be_one_is_refused() {
        for (boundary, named) in [(None, "None"), (Some(""), ""), (Some("é"), "é"), (Some("a "), "a ")] {
            let fault = decode(boundary, b"x", Charset::Utf8).err();
            assert_eq!(fault, Some(format!("Invalid boundary in multipart: {named}")));
        }
    }

    #[test]
    fn headers_beyond_measure_are_refused() {
        let body = body(&[(&format!("{NAME}\r\nX: {}", "a".repeat(2000)), "ada")]);

        let fault = decode(Some("XX"), body.as_bytes(), Charset::Utf8).err();
        assert_eq!(fault.as_deref(), Some("Request max total header size exceeded."));
    }
}
