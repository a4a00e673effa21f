//! Who may do what: users with basic credentials, and the access control lists that metadata of streams holds. Without users everyone
//! may do everything, as on a server that runs insecurely.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tonic::Status;
use tonic::metadata::MetadataMap;

use crate::answer::access_denied;
use crate::event::{ALL, described_by};
use crate::ledger::Ledger;

const ADMINS: &str = "$admins";
/// As a role in a list: everyone who has a name.
const EVERYONE: &str = "$all";

#[derive(Debug, Clone)]
pub struct User {
    pub name: String,
    pub password: String,
    pub is_admin: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Right {
    Read,
    Write,
    Delete,
}

impl Right {
    /// As lists write it, for a stream of metadata and for any other.
    fn key(self, of_metadata: bool) -> &'static str {
        match (self, of_metadata) {
            (Self::Read, false) => "$r",
            (Self::Write, false) => "$w",
            (Self::Delete, false) => "$d",
            (Self::Read, true) => "$mr",
            (Self::Write | Self::Delete, true) => "$mw",
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Access {
    pub(crate) users: Vec<User>,
}

impl Access {
    pub(crate) fn check(
        &self,
        headers: &MetadataMap,
        right: Right,
        stream: &str,
        ledger: &Ledger,
    ) -> Result<(), Status> {
        if self.users.is_empty() {
            return Ok(());
        }
        let user = self.user(headers).ok_or_else(|| Status::unauthenticated("Unauthenticated"))?;
        let described = described_by(stream);
        let key = right.key(described.is_some());
        let list = ledger.shown_metadata(described.unwrap_or(stream)).acl;
        if user.is_admin || lists(&list, key, described.unwrap_or(stream), &user.name) {
            Ok(())
        } else {
            Err(access_denied())
        }
    }

    fn user(&self, headers: &MetadataMap) -> Option<&User> {
        let encoded = headers.get("authorization")?.to_str().ok()?.strip_prefix("Basic ")?;
        let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        let (name, password) = text.split_once(':')?;
        self.users.iter().find(|user| user.name == name && user.password == password)
    }
}

/// Whether the list of a stream names this user, or everyone, for this right. What it does not say goes by the default: streams of users
/// are for everyone, those of the system and `$all` for administrators.
fn lists(list: &Value, key: &str, stream: &str, user: &str) -> bool {
    let by_default = match list.as_str() {
        Some("$userStreamAcl") => EVERYONE,
        Some("$systemStreamAcl") => ADMINS,
        _ if stream == ALL || stream.starts_with('$') => ADMINS,
        _ => EVERYONE,
    };
    let names = |role: &str| role == EVERYONE || role == user;
    match list.get(key) {
        Some(Value::String(role)) => names(role),
        Some(Value::Array(roles)) => roles.iter().filter_map(Value::as_str).any(names),
        _ => names(by_default),
    }
}
