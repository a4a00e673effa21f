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
}
