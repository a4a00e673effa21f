//! Headers of the form `value; name=text; name="text"` (RFC 9110 §5.6.6). Must not know which headers there are.

use percent_encoding::percent_decode_str;

use super::charset::Charset;

/// A header's value in lower case, and its parameters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) value: String,
    parameters: Vec<(String, String)>,
}

impl Header {
    pub(super) fn parse(text: &str) -> Self {
        let mut pieces = pieces(text).into_iter();
        let value = pieces.next().unwrap_or_default().trim().to_ascii_lowercase();
        let parameters = pieces.filter_map(|piece| {
            let (name, text) = piece.split_once('=')?;
            let (name, text) = (name.trim().to_ascii_lowercase(), unquoted(text.trim()));
            Some(match name.strip_suffix('*') {
                Some(plain) => (plain.to_owned(), extended(&text)),
                None => (name, text),
            })
        });
        Self { value, parameters: parameters.collect() }
    }

    /// The text under a name; of several, the last.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().rfind(|(key, _)| key == name).map(|(_, text)| text.as_str())
    }
}

/// The text of a parameter whose name ends in `*`: character set, language and escaped text (RFC 8187, section 3.2.1).
fn extended(text: &str) -> String {
    match text.split('\'').collect::<Vec<_>>()[..] {
        [charset, _, escaped] => {
            Charset::named(charset).decode_lossy(&percent_decode_str(escaped).collect::<Vec<u8>>())
        }
        _ => text.to_owned(),
    }
}

/// The parts between the semicolons that stand outside of quotes.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for letter in text.chars() {
        if letter == ';' && !quoted {
            pieces.push(String::new());
            continue;
        }
        quoted ^= letter == '"' && !escaped;
        escaped = letter == '\\' && quoted && !escaped;
        if let Some(piece) = pieces.last_mut() {
            piece.push(letter);
        }
    }
    pieces
}

fn unquoted(text: &str) -> String {
    match text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        None => text.to_owned(),
        Some(inner) => {
            let mut escaped = false;
            let keep = |letter: &char| {
                escaped = *letter == '\\' && !escaped;
                !escaped
            };
            inner.chars().filter(keep).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_and_its_parameters_come_apart() {
        let header = Header::parse("Application/JSON ; charset=\"utf-8\"; x");

        assert_eq!(header.value, "application/json");
        assert_eq!(header.parameter("charset"), Some("utf-8"));
        assert_eq!(header.parameter("x"), None);
    }

    #[test]
    fn an_extended_text_is_unescaped_and_the_last_of_a_name_counts() {
        let header = Header::parse("form-data; name=a; name*=UTF-8'en'%C3%A9%20b; filename*=x; name=\"c\"");

        assert_eq!(header.parameter("name"), Some("c"));
        assert_eq!(header.parameter("filename"), Some("x"));
        assert_eq!(Header::parse("a; b*=iso-8859-1''%E9").parameter("b"), Some("é"));
    }

    #[test]
    fn a_quoted_text_keeps_its_semicolons_and_escaped_quotes() {
        let header = Header::parse(r#"form-data; name="a;\"b"; filename="c""#);

        assert_eq!(header.parameter("name"), Some(r#"a;"b"#));
        assert_eq!(header.parameter("filename"), Some("c"));
    }
}
