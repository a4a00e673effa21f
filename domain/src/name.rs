//! The canonical form in which names are compared. Whether a name is well formed is the contract's matter, not this one's.

use unicode_normalization::UnicodeNormalization;

/// A name that at most one user holds at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NameKind {
    Username,
    Email,
    /// A provider of identities and how it calls a person, as [`social_name`] puts them.
    Social,
}

impl NameKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Email => "email",
            Self::Social => "social",
        }
    }
}

/// Usernames are unique without regard to case or to how their letters are composed (Unicode NFKC).
pub fn canonical_username(username: &str) -> String {
    username.nfkc().flat_map(char::to_lowercase).map(without_final_form).nfkc().collect()
}

/// The lower case of Σ has another form at the end of a word; both are the same letter.
const fn without_final_form(letter: char) -> char {
    if letter == 'ς' { 'σ' } else { letter }
}

/// Lower-case local part (ASCII only: no Unicode folding, which would merge foreign letters) at the domain in its
/// IDNA form (UTS 46). Text whose domain has no such form keeps it in lower case.
pub fn canonical_email(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) => {
            let domain = idna::domain_to_ascii(domain).unwrap_or_else(|_| domain.to_lowercase());
            format!("{}@{domain}", local.to_ascii_lowercase())
        }
        None => address.to_ascii_lowercase(),
    }
}

/// The claim in which text that a person typed as his name is looked up: an address as an e-mail, all else as a username.
/// What the contract takes for an address must be one here, or it could be somebody else's username.
pub fn kind_of_typed(text: &str) -> NameKind {
    match text.rsplit_once('@') {
        Some((local, domain)) if !local.is_empty() && (domain.contains('.') || is_local(domain)) => {
            NameKind::Email
        }
        _ => NameKind::Username,
    }
}

fn is_local(domain: &str) -> bool {
    domain.eq_ignore_ascii_case("localhost") || domain.starts_with('[')
}

/// What is claimed for a person at a provider. Subjects are compared byte by byte, and no provider's name has a line break.
pub fn social_name(provider: &str, subject: &str) -> String {
    format!("{provider}\n{subject}")
}

/// The canonical form of a name of this kind.
pub fn canonical(kind: NameKind, name: &str) -> String {
    match kind {
        NameKind::Username => canonical_username(name),
        NameKind::Email => canonical_email(name),
        NameKind::Social => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_that_differ_in_case_or_composition_are_one() {
        assert_eq!(canonical_username("ÜNÏ"), canonical_username("u\u{308}ni\u{308}"));
        assert_eq!(canonical_username("Bob"), canonical_username("ｂob"));
        assert_eq!(canonical_username("ΟΔΥΣΣΕΥΣ"), canonical_username("Οδυσσευς"));
    }

    #[test]
    fn a_canonical_name_is_its_own_canonical_form() {
        for name in ["Bob", "ﬁeld", "İstanbul", "ǅ", "名前", "a+b@C.d"] {
            assert_eq!(canonical_username(&canonical_username(name)), canonical_username(name), "{name}");
        }
    }

    #[test]
    fn foreign_letters_in_an_address_never_fold_into_ascii() {
        assert_ne!(canonical_email("mıke@example.org"), canonical_email("mike@example.org"));
        assert_ne!(canonical_email("\u{212a}@example.org"), canonical_email("k@example.org"));
    }

    #[test]
    fn an_address_is_compared_without_case_and_by_its_ascii_domain() {
        assert_eq!(canonical_email("A.B@BÜCHER.example"), "a.b@xn--bcher-kva.example");
    }

    #[test]
    fn what_looks_like_an_address_is_looked_up_as_one() {
        assert_eq!(kind_of_typed("a+b@c.d-e_f"), NameKind::Email);
        assert_eq!(kind_of_typed("a@localhost"), NameKind::Email);
        assert_eq!(kind_of_typed("a@[::1]"), NameKind::Email);
        assert_eq!(kind_of_typed("a@b"), NameKind::Username);
        assert_eq!(kind_of_typed("@localhost"), NameKind::Username);
        assert_eq!(kind_of_typed("ada"), NameKind::Username);
    }
}
