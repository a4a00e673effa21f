//! Who may do what: users with basic credentials, the access control lists that metadata of streams holds, and those that `$settings`
//! holds for all others. Without users everyone may do everything, as on a server that runs insecurely.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tonic::Status;
use tonic::metadata::MetadataMap;

use crate::answer::access_denied;
use crate::event::{SETTINGS, described_by};
use crate::ledger::Ledger;

const ADMINS: &str = "$admins";
/// As a role in a list: everyone who has a name.
const EVERYONE: &str = "$all";
const OF_USERS: &str = "$userStreamAcl";
const OF_SYSTEM: &str = "$systemStreamAcl";

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
        let (key, stream) = (right.key(described.is_some()), described.unwrap_or(stream));
        let list = ledger.shown_metadata(stream).acl;
        let by_default = by_default(&list, stream, &ledger.shown_json(SETTINGS), key);
        let roles = list.get(key).filter(|roles| !roles.is_null()).unwrap_or(&by_default);
        if user.is_admin || names(roles, &user.name) { Ok(()) } else { Err(access_denied()) }
    }

    fn user(&self, headers: &MetadataMap) -> Option<&User> {
        let encoded = headers.get("authorization")?.to_str().ok()?.strip_prefix("Basic ")?;
        let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        let (name, password) = text.split_once(':')?;
        self.users.iter().find(|user| user.name == name && user.password == password)
    }
}

/// Who has a right that the list of a stream does not speak of: as `$settings` says or, where it says nothing, everyone in streams of
/// users, and administrators in those of the system and `$all`.
fn by_default(list: &Value, stream: &str, settings: &Value, key: &str) -> Value {
    let kind = match list.as_str() {
        Some(OF_USERS) => OF_USERS,
        Some(OF_SYSTEM) => OF_SYSTEM,
        _ if stream.starts_with('$') => OF_SYSTEM,
        _ => OF_USERS,
    };
    let said = settings.get(kind).and_then(|list| list.get(key)).cloned();
    let role = if kind == OF_USERS { EVERYONE } else { ADMINS };
    said.unwrap_or_else(|| role.into())
}

/// Whether these roles are this user's, or everyone's.
fn names(roles: &Value, user: &str) -> bool {
    let is_his = |role: &str| role == EVERYONE || role == user;
    match roles {
        Value::String(role) => is_his(role),
        Value::Array(roles) => roles.iter().filter_map(Value::as_str).any(is_his),
        _ => false,
    }
}
