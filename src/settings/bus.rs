//! How processes tell each other of revocations and others of events: within this process, or over NATS.
//! Must not show what stands in an address that is refused: a password, perhaps.

use std::path::PathBuf;

use workers::nats::{Access, Servers};

use super::{
    error::{Conflict, ValueError},
    given::Raw,
    reader::Reader,
    value::{Value, quoted},
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bus {
    Memory,
    Nats(Access),
}

/// As its setting has it; none: within this process.
struct Url(Option<Servers>);

impl Bus {
    pub(super) fn read(from: &mut Reader) -> Self {
        let Url(servers) = from.get(
            "bus.url",
            Url(None),
            "Where events go: memory: keeps them within, nats:// or tls:// host:port, … publishes them on NATS.",
        );
        let credentials: Option<PathBuf> = from.optional(
            "bus.credentials",
            "Who Stele is on NATS: a credentials file, or one with an nkey's seed.",
        );
        let ca_file: Option<PathBuf> = from.optional(
            "bus.ca_file",
            "Certificates (PEM) that vouch for the servers of NATS; empty: those that the machine believes.",
        );
        let Some(servers) = servers else {
            for (name, given) in [("bus.credentials", &credentials), ("bus.ca_file", &ca_file)] {
                if given.is_some() {
                    from.refuse(&[name, "bus.url"], Conflict::WithoutNats(name));
                }
            }
            return Self::Memory;
        };
        Self::Nats(Access { servers, credentials, ca_file })
    }

    /// The setting that names it, if others may use it too.
    pub(super) const fn shared(&self) -> Option<&'static str> {
        match self {
            Self::Memory => None,
            Self::Nats(_) => Some("bus.url"),
        }
    }

    /// How to reach NATS, where events go there.
    pub(crate) const fn nats(&self) -> Option<&Access> {
        match self {
            Self::Memory => None,
            Self::Nats(access) => Some(access),
        }
    }
}

impl Value for Url {
    fn read(raw: &Raw) -> Result<Self, ValueError> {
        match raw.text()? {
            "memory:" => Ok(Self(None)),
            text => Ok(Self(Some(text.parse()?))),
        }
    }

    fn show(&self) -> String {
        quoted(&self.0.as_ref().map_or("memory:".to_owned(), ToString::to_string))
    }
}
