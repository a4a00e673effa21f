//! Stands between a log and its server, and can lose the answer to a commit: the server has done it, and nobody hears of it.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
};

const SOCKET: &str = ".s.PGSQL.5432";

pub(super) struct Proxy {
    folder: TempDir,
    to_lose: Arc<AtomicU32>,
}

impl Proxy {
    /// In front of the server whose sockets are in `behind`.
    pub(super) fn start(behind: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(SOCKET)).unwrap();
        let to_lose = Arc::new(AtomicU32::new(0));
        let losing = Arc::clone(&to_lose);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(behind.join(SOCKET)).await.unwrap();
                tokio::spawn(carry(client, server, Arc::clone(&losing)));
            }
        });
        Self { folder, to_lose }
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Of so many commits from now on the answer is lost, and with it the connection.
    pub(super) fn lose(&self, commits: u32) {
        self.to_lose.store(commits, Ordering::SeqCst);
    }

    /// How many are still to be lost.
    pub(super) fn left(&self) -> u32 {
        self.to_lose.load(Ordering::SeqCst)
    }
}

async fn carry(mut client: UnixStream, mut server: UnixStream, to_lose: Arc<AtomicU32>) {
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut losing = false;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(1..) = read else { return };
                let bytes = &asked[..read.unwrap()];
                let commits = bytes.windows(6).any(|word| word == b"COMMIT");
                losing = commits
                    && to_lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
                server.write_all(bytes).await.unwrap();
            }
            read = server.read(&mut answered) => {
                let Ok(1..) = read else { return };
                if losing {
                    return;
                }
                client.write_all(&answered[..read.unwrap()]).await.unwrap();
            }
        }
    }
}
