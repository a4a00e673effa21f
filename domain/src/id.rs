//! The identifiers of the domain, as types. They know how they read as text, not how they are made.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Text that is not an identifier of the kind asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier")]
pub struct NotAnId;

/// A user's primary key, as clients see it: a positive integer of at most 53 bits, exact in every JSON reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(pub i64);

impl UserId {
    /// Stands for whoever is not known. No user has this key.
    pub const NOBODY: Self = Self(0);
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for UserId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        // `+5` and `007` are usernames, and must not stand for somebody else's key.
        let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        text.parse().ok().filter(|_| plain).map(Self).ok_or(NotAnId)
    }
}

/// One login. Reads as sixteen lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId(pub u64);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for SessionId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let hex = text.len() == 16 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if !hex {
            return Err(NotAnId);
        }
        u64::from_str_radix(text, 16).map(Self).map_err(|_| NotAnId)
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for SessionId {
    type Error = NotAnId;

    fn try_from(text: String) -> Result<Self, NotAnId> {
        text.parse()
    }
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                text.parse().map(Self).map_err(|_| NotAnId)
            }
        }
    };
}

uuid_id!(
    /// One mail that was asked for.
    MailId
);
uuid_id!(
    /// One attempt to hold a name. A claim counts only while its holder's state names this id.
    ReservationId
);

/// Names the data key under which a private value is sealed. The part before the first `-` says what it protects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(pub String);

impl KeyId {
    /// The key of all that is known about a person.
    pub fn of_user(user: UserId) -> Self {
        Self(format!("user-{user}"))
    }

    /// The key of one password hash; `unique` sets it apart from the user's earlier and later ones.
    pub fn of_password(user: UserId, unique: Uuid) -> Self {
        Self(format!("password-{user}-{}", unique.simple()))
    }

    /// The key of a session's address and agent.
    pub fn of_session(session: SessionId) -> Self {
        Self(format!("session-{session}"))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_reads_as_a_plain_number_and_as_nothing_else() {
        assert_eq!("5".parse(), Ok(UserId(5)));
        assert_eq!("9007199254740991".parse(), Ok(UserId(9_007_199_254_740_991)));
        for text in ["", "0", "-5", "+5", "05", " 5", "5 ", "5.0", "٥", "9223372036854775808"] {
            assert_eq!(text.parse::<UserId>(), Err(NotAnId), "{text:?}");
        }
    }

    #[test]
    fn a_session_id_reads_as_sixteen_lower_case_digits_and_as_nothing_else() {
        assert_eq!("00000000000000af".parse(), Ok(SessionId(0xaf)));
        assert_eq!(SessionId(0xaf).to_string(), "00000000000000af");
        assert_eq!(SessionId(u64::MAX).to_string().parse(), Ok(SessionId(u64::MAX)));
        for text in
            ["", "af", "00000000000000AF", "+0000000000000af", "000000000000000af", "0x000000000000af"]
        {
            assert_eq!(text.parse::<SessionId>(), Err(NotAnId), "{text:?}");
        }
    }

    #[test]
    fn a_key_says_what_it_protects_before_the_first_hyphen() {
        let unique = Uuid::from_u128(7);
        assert_eq!(KeyId::of_user(UserId(5)).0, "user-5");
        assert_eq!(KeyId::of_password(UserId(5), unique).0, "password-5-00000000000000000000000000000007");
        assert_eq!(KeyId::of_session(SessionId(1)).0, "session-0000000000000001");
    }

    #[test]
    fn two_passwords_of_a_user_are_under_two_keys() {
        let key = |unique| KeyId::of_password(UserId(5), Uuid::from_u128(unique));
        assert_ne!(key(1), key(2));
    }
}
