//! Stands before a PostgreSQL and has whoever listens there listen to something else, so that no notification reaches him and he is told
//! of no error, as behind some poolers.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};

use crate::support::Postgres;

const SOCKET: &str = ".s.PGSQL.5432";
const LISTEN: &[u8] = b"LISTEN \"";

pub(super) struct Deaf {
    folder: TempDir,
    misled: Arc<AtomicBool>,
}

impl Deaf {
    pub(super) fn before(postgres: &Postgres) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(SOCKET)).unwrap();
        let (server, misled) = (postgres.folder().join(SOCKET), Arc::new(AtomicBool::new(false)));
        let misleading = Arc::clone(&misled);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&server).await.unwrap();
                let ((asked, mut answered), (mut answers, asks)) = (client.into_split(), server.into_split());
                tokio::spawn(mislead(asked, asks, Arc::clone(&misleading)));
                tokio::spawn(async move { copy(&mut answers, &mut answered).await });
            }
        });
        Self { folder, misled }
    }

    /// Where its socket is.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Whether anybody wanted to listen.
    pub(super) fn has_misled(&self) -> bool {
        self.misled.load(Ordering::Relaxed)
    }
}

/// Carries what a client says, with another name of what it listens to.
async fn mislead(mut asked: OwnedReadHalf, mut asks: OwnedWriteHalf, misled: Arc<AtomicBool>) {
    let mut bytes = vec![0; 1 << 16];
    while let Ok(read @ 1..) = asked.read(&mut bytes).await {
        let said = &mut bytes[..read];
        if let Some(at) = said.windows(LISTEN.len()).position(|words| words == LISTEN) {
            said[at + LISTEN.len()] = b'_';
            misled.store(true, Ordering::Relaxed);
        }
        if asks.write_all(said).await.is_err() {
            return;
        }
    }
}
