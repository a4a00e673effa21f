//! What SQLite and PostgreSQL say differently. All other statements about the read models are the same words for both: columns
//! in double quotes, parameters as `$1`, and what is there already changed by `on conflict`.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Number,
    Text,
}

impl Engine {
    /// One parameter of very many, counted from 1: for each that has a name SQLite goes through all names.
    pub fn parameter(self, at: usize) -> String {
        match self {
            Self::Sqlite => "?".to_owned(),
            Self::Postgres => format!("${at}"),
        }
    }

    /// Whether what stands before this is in the list that a parameter holds as JSON.
    pub fn is_among(self, parameter: &str, kind: Kind) -> String {
        match (self, kind) {
            (Self::Sqlite, _) => format!("in (select value from json_each({parameter}))"),
            (Self::Postgres, Kind::Text) => {
                format!("= any (array(select jsonb_array_elements_text({parameter}::jsonb)))")
            }
            (Self::Postgres, Kind::Number) => {
                format!("= any (array(select jsonb_array_elements_text({parameter}::jsonb)::bigint))")
            }
        }
    }

    /// What keeps all others from taking, renewing and relying on leases until the transaction ends. On SQLite one that writes is alone.
    pub const fn alone(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("lock table kept_leases, kept_log in exclusive mode"),
        }
    }

    /// At the end of a `select`: the rows stay as they are until the transaction ends. On SQLite one that writes is alone.
    pub const fn holding(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => "for share",
        }
    }
}
