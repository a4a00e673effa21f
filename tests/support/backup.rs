//! Copies of databases as the manual has them made: dumped while they are used, restored into new ones.

use std::process::Command;

use tempfile::NamedTempFile;

use super::Postgres;

/// What `pg_dump` wrote.
pub(crate) struct Dump(NamedTempFile);

impl Dump {
    /// Of the database at this URL, as whoever logs in there.
    pub(crate) fn of(postgres: &Postgres, url: &str) -> Self {
        let file = NamedTempFile::new().unwrap();
        let mut dump = Command::new(postgres.programs.join("pg_dump"));
        succeeds(dump.arg("--format=custom").arg("--file").arg(file.path()).arg(url));
        Self(file)
    }

    /// Into the new database at this URL, as whoever logs in there.
    pub(crate) fn restore(&self, postgres: &Postgres, url: &str) {
        let mut restore = Command::new(postgres.programs.join("pg_restore"));
        succeeds(restore.args(["--exit-on-error", "--dbname", url]).arg(self.0.path()));
    }
}

fn succeeds(command: &mut Command) {
    let ran = command.output().unwrap();
    assert!(ran.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ran.stderr));
}
