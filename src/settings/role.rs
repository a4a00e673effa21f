//! The parts of the work that a process can take on.

use std::str::FromStr;

use super::bus::Bus;

/// What `serve --roles` chooses from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Api,
    Projector,
    Relay,
    Mailer,
    Revoker,
    Sealer,
}

impl Role {
    pub(crate) const ALL: [Self; 6] =
        [Self::Api, Self::Projector, Self::Relay, Self::Mailer, Self::Revoker, Self::Sealer];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Projector => "projector",
            Self::Relay => "relay",
            Self::Mailer => "mailer",
            Self::Revoker => "revoker",
            Self::Sealer => "sealer",
        }
    }

    /// Why a process that takes this role has nothing to do for it, if so.
    pub(crate) const fn idle(self, bus: &Bus) -> Option<&'static str> {
        match self {
            Self::Api | Self::Projector | Self::Mailer => None,
            Self::Relay | Self::Revoker if bus.nats().is_some() => None,
            Self::Relay => Some("bus.url names no bus that events could be relayed to"),
            Self::Revoker => {
                Some("without a bus each process with the role api hears of revocations from the log")
            }
            Self::Sealer => Some("there is no tree of events yet that could be sealed"),
        }
    }
}

/// The roles of one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Roles(Vec<Role>);

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RolesError {
    #[error("there is no role `{0}`: roles are api, projector, relay, mailer, revoker and sealer")]
    Unknown(String),
    #[error(
        "{embedded} is embedded, so that no other process could take what --roles leaves out ({missing}): start without \
         --roles, or set {embedded} to postgres://…"
    )]
    Part { embedded: &'static str, missing: String },
}

impl Roles {
    /// Those of a process that was asked to take `asked`; asked nothing, it takes all. `embedded` names the setting of a
    /// backend that no other process can use, if there is one.
    pub(crate) fn of_process(asked: &[Role], embedded: Option<&'static str>) -> Result<Self, RolesError> {
        let taken = |role: &&Role| asked.is_empty() || asked.contains(role);
        let (taken, missing): (Vec<Role>, Vec<Role>) = Role::ALL.iter().partition(taken);
        match embedded {
            Some(embedded) if !missing.is_empty() => {
                let missing: Vec<&str> = missing.iter().map(|role| role.as_str()).collect();
                Err(RolesError::Part { embedded, missing: missing.join(", ") })
            }
            _ => Ok(Self(taken)),
        }
    }

    pub(crate) fn take(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    /// Those that leave a process without work, and why, where it has no other.
    pub(crate) fn without_work(&self, bus: &Bus) -> Vec<(&'static str, &'static str)> {
        let idle = self.0.iter().filter_map(|role| Some((role.as_str(), role.idle(bus)?)));
        let idle: Vec<_> = idle.collect();
        if idle.len() == self.0.len() { idle } else { Vec::new() }
    }
}

impl FromStr for Role {
    type Err = RolesError;

    fn from_str(name: &str) -> Result<Self, RolesError> {
        let role = Self::ALL.into_iter().find(|role| role.as_str() == name);
        role.ok_or_else(|| RolesError::Unknown(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use workers::nats::Access;

    use super::*;

    const EMBEDDED: Option<&str> = Some("store.views");

    #[test]
    fn a_process_takes_all_roles_whether_it_is_asked_for_none_or_for_each() {
        let mut reversed = Role::ALL;
        reversed.reverse();
        for asked in [&[][..], &Role::ALL, &reversed] {
            for embedded in [EMBEDDED, None] {
                assert_eq!(Roles::of_process(asked, embedded), Ok(Roles(Role::ALL.to_vec())));
            }
        }
    }

    #[test]
    fn on_shared_backends_it_takes_what_it_is_asked_for() {
        let roles = Roles::of_process(&[Role::Mailer, Role::Api, Role::Mailer], None).unwrap();
        assert_eq!(roles, Roles(vec![Role::Api, Role::Mailer]));
        assert!(roles.take(Role::Api) && !roles.take(Role::Projector));
    }

    #[test]
    fn a_part_of_the_roles_is_refused_beside_an_embedded_backend_and_the_rest_is_named() {
        let missing = "relay, mailer, revoker, sealer".to_owned();
        let refused = Roles::of_process(&[Role::Projector, Role::Api], EMBEDDED);
        assert_eq!(refused, Err(RolesError::Part { embedded: "store.views", missing }));
    }

    #[test]
    fn a_process_without_work_knows_it() {
        let nats = Bus::Nats(Access {
            servers: "nats://localhost".parse().unwrap(),
            credentials: None,
            ca_file: None,
        });
        let idle = |asked: &[Role], bus| Roles::of_process(asked, None).unwrap().without_work(bus).len();
        assert_eq!(idle(&[Role::Relay, Role::Sealer], &Bus::Memory), 2);
        assert_eq!(idle(&[Role::Relay, Role::Sealer], &nats), 0);
        assert_eq!(idle(&[Role::Revoker], &Bus::Memory), 1);
        assert_eq!(idle(&[Role::Revoker], &nats), 0);
        assert_eq!(idle(&[Role::Relay, Role::Mailer], &Bus::Memory), 0);
        assert_eq!(idle(&[], &Bus::Memory), 0);
    }

    #[test]
    fn a_role_is_read_by_its_name_and_by_no_other() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        for name in ["", "Api", "worker", " api"] {
            assert_eq!(name.parse::<Role>(), Err(RolesError::Unknown(name.to_owned())));
        }
    }
}
