//! Stands between tests and their server. It can lose the answer to a commit: the server has done it, and nobody hears of it. And it
//! can make the beginning of a session slow.

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

/// What a session begins with, and what takes longer and is as long to read.
const BEGINNING: (&[u8; 23], &[u8; 23]) = (b"set lock_timeout = '5s'", b"select pg_sleep(60)    ");

pub(crate) struct Proxy {
    folder: TempDir,
    plan: Arc<Plan>,
}

#[derive(Default)]
struct Plan {
    to_lose: AtomicU32,
    to_slow: AtomicU32,
}

impl Proxy {
    /// In front of the server whose sockets are in `behind`.
    pub(crate) fn start(behind: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(SOCKET)).unwrap();
        let plan = Arc::new(Plan::default());
        let planned = Arc::clone(&plan);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(behind.join(SOCKET)).await.unwrap();
                tokio::spawn(carry(client, server, Arc::clone(&planned)));
            }
        });
        Self { folder, plan }
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Of so many commits from now on the answer is lost, and with it the connection.
    pub(crate) fn lose(&self, commits: u32) {
        self.plan.to_lose.store(commits, Ordering::SeqCst);
    }

    /// So many sessions from now on begin more slowly than anybody waits.
    pub(crate) fn slow(&self, sessions: u32) {
        self.plan.to_slow.store(sessions, Ordering::SeqCst);
    }

    /// How many are still to be slow.
    pub(crate) fn left_to_slow(&self) -> u32 {
        self.plan.to_slow.load(Ordering::SeqCst)
    }

    /// How many are still to be lost.
    pub(crate) fn left_to_lose(&self) -> u32 {
        self.plan.to_lose.load(Ordering::SeqCst)
    }
}

impl Plan {
    fn loses(&self, asked: &[u8]) -> bool {
        place(asked, b"COMMIT").is_some() && takes_one(&self.to_lose)
    }

    fn slows(&self, asked: &mut [u8]) {
        let (usual, slow) = BEGINNING;
        let Some(at) = place(asked, usual) else { return };
        if takes_one(&self.to_slow) {
            asked[at..at + slow.len()].copy_from_slice(slow);
        }
    }
}

fn place(asked: &[u8], word: &[u8]) -> Option<usize> {
    asked.windows(word.len()).position(|found| found == word)
}

fn takes_one(left: &AtomicU32) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

async fn carry(mut client: UnixStream, mut server: UnixStream, plan: Arc<Plan>) {
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut losing = false;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(1..) = read else { return };
                let bytes = &mut asked[..read.unwrap()];
                losing = plan.loses(bytes);
                plan.slows(bytes);
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
