//! The parts of the work that a process can take on.

use std::str::FromStr;

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
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RolesError {
    #[error("there is no role `{0}`: roles are api, projector, relay, mailer, revoker and sealer")]
    Unknown(String),
    #[error(
        "embedded backends need all roles in one process: start without --roles, which leaves out {missing}"
    )]
    Part { missing: String },
}

impl FromStr for Role {
    type Err = RolesError;

    fn from_str(name: &str) -> Result<Self, RolesError> {
        let role = Self::ALL.into_iter().find(|role| role.as_str() == name);
        role.ok_or_else(|| RolesError::Unknown(name.to_owned()))
    }
}

/// The roles of this process, if it was asked to take `asked`; asked nothing, it takes all. All backends of
/// this build are embedded: no other process could take over what is left out.
pub(crate) fn roles_of_process(asked: &[Role]) -> Result<&'static [Role], RolesError> {
    let missing = Role::ALL.iter().filter(|role| !asked.contains(role));
    let missing: Vec<&str> = missing.map(|role| role.as_str()).collect();
    if asked.is_empty() || missing.is_empty() {
        Ok(&Role::ALL)
    } else {
        Err(RolesError::Part { missing: missing.join(", ") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_takes_all_roles_whether_it_is_asked_for_none_or_for_each() {
        let mut reversed = Role::ALL;
        reversed.reverse();
        for asked in [&[][..], &Role::ALL, &reversed] {
            assert_eq!(roles_of_process(asked), Ok(&Role::ALL[..]));
        }
    }

    #[test]
    fn a_part_of_the_roles_is_refused_and_the_rest_is_named() {
        let missing = "relay, mailer, revoker, sealer".to_owned();
        assert_eq!(roles_of_process(&[Role::Projector, Role::Api]), Err(RolesError::Part { missing }));
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
