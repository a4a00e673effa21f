//! The contract's rules for new passwords, in the order in which their messages are answered. Pure; must not know where a
//! password comes from or how it is stored.

#[cfg(test)]
mod tests;

use super::{blocklist, digits, likeness};

/// The fewest characters (code points, not bytes) that a password may have. ASVS 6.2.1 asks for 8.
const SHORTEST: usize = 8;

/// The messages that refuse a new password; none means that it is accepted.
///
/// `owner` holds what is known of its owner as (name in messages, value), such as `("email address", "a@example.com")`,
/// in the contract's order: only the first one that the password resembles is named.
pub fn check(password: &str, owner: &[(&str, &str)]) -> Vec<String> {
    let resembled = likeness::resembled(password, owner);
    let resembled = resembled.map(|name| format!("The password is too similar to the {name}."));
    let rules = [
        (
            password.chars().count() < SHORTEST,
            format!("This password is too short. It must contain at least {SHORTEST} characters."),
        ),
        (blocklist::holds(password), "This password is too common.".to_owned()),
        (digits::only(password), "This password is entirely numeric.".to_owned()),
    ];
    let broken = rules.into_iter().filter(|(broken, _)| *broken);
    resembled.into_iter().chain(broken.map(|(_, message)| message)).collect()
}
