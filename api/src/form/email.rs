//! Whether text is an e-mail address, as Django's validator decides it. Must not know fields, claims or mail.

use std::net::IpAddr;

/// RFC 3696 §3, in code points as the reference counts.
const MAX_LENGTH: usize = 320;

/// An ASCII local part (a dot-atom or a quoted string, RFC 5322 §3.4.1) at a domain with at least two labels, which
/// may be international, or at `localhost`, or at an address in brackets.
///
/// Stricter than the reference in one thing: its local part lets through the four letters İ ı ſ K, which fold into
/// ASCII letters, so that one person's address could become another's.
pub(crate) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    text.chars().count() <= MAX_LENGTH
        && (is_dot_atom(local) || is_quoted(local))
        && (domain == "localhost" || is_domain(domain) || is_literal(domain))
}

fn is_dot_atom(local: &str) -> bool {
    let atom = |byte: u8| byte.is_ascii_alphanumeric() || b"-!#$%&'*+/=?^_`{}|~".contains(&byte);
    local.split('.').all(|part| !part.is_empty() && part.bytes().all(atom))
}

fn is_quoted(local: &str) -> bool {
    let Some(inner) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return false;
    };
    let mut bytes = inner.bytes();
    while let Some(byte) = bytes.next() {
        let fits = match byte {
            b'\\' => bytes.next().is_some_and(|next| matches!(next, 1..=9 | 11 | 12 | 14..=127)),
            _ => matches!(byte, 1..=8 | 11 | 12 | 14..=31 | b'!' | b'#'..=b'[' | b']'..=127),
        };
        if !fits {
            return false;
        }
    }
    true
}

fn is_domain(domain: &str) -> bool {
    let Some((rest, last)) = domain.rsplit_once('.') else {
        return false;
    };
    rest.split('.').all(is_label) && is_label(last) && is_top(last)
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.chars().count())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .chars()
            .all(|letter| matches!(letter, 'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '\u{a1}'..='\u{ffff}'))
}

/// The last label is at least two letters; only its ASCII form (RFC 5890 §2.3.2.1) has digits.
fn is_top(label: &str) -> bool {
    let digits = label.bytes().any(|byte| byte.is_ascii_digit());
    let ascii_form =
        label.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("xn--")) && label.len() > 4;
    label.chars().count() >= 2
        && (!digits || (ascii_form && label.bytes().skip(4).all(|byte| byte.is_ascii_alphanumeric())))
}

/// RFC 5321 §4.1.3, without the tag that it wants before an IPv6 address.
fn is_literal(domain: &str) -> bool {
    let inner = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.is_some_and(|address| address.parse::<IpAddr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_reference_takes_is_taken() {
        let long = format!("a@{}.com", "b".repeat(63));
        let longest = format!("{}@example.com", "a".repeat(308));
        for address in [
            "a@b.com",
            "A.B+c@Example.COM",
            "o'neil+tag/x=y@example.com",
            r#""quo\ ted"@example.com"#,
            r#""a@b"@example.com"#,
            r#"""@b.com"#,
            "a@[127.0.0.1]",
            "a@[::1]",
            "a@localhost",
            "a@bücher.example",
            "a@例え.テスト",
            "a@example.xn--p1ai",
            "a@1.2.co",
            &long,
            &longest,
        ] {
            assert!(is_email(address), "{address}");
        }
    }

    #[test]
    fn what_the_reference_refuses_is_refused() {
        let long = format!("a@{}.com", "b".repeat(64));
        let longest = format!("{}@example.com", "a".repeat(309));
        for address in [
            "",
            "nope",
            "a@",
            "@b.com",
            "a b@c.com",
            "a@b",
            "é@example.com",
            "a..b@example.com",
            "a.@example.com",
            "a@-b.com",
            "a@b-.com",
            "a@b..com",
            "a@LOCALHOST",
            "a@example.c",
            "a@example.c1",
            "a@example.com.",
            "a@ex_ample.com",
            "a@exa\nmple.com",
            "a@😀.com",
            "a@\u{a0}.com",
            r#""quo ted"@example.com"#,
            "\"a\r\nb\"@example.com",
            r#""\"@example.com"#,
            "\"@example.com",
            "a@[127.0.0.256]",
            "a@[]",
            "a@example.xn--",
            "a@example.xn--a_1",
            &long,
            &longest,
        ] {
            assert!(!is_email(address), "{address}");
        }
    }

    #[test]
    fn letters_that_fold_into_ascii_are_refused() {
        for address in
            ["ſ@example.com", "\u{212a}@example.com", "\u{131}@example.com", "\"\u{130}\"@example.com"]
        {
            assert!(!is_email(address), "{address}");
        }
    }
}
