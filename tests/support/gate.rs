//! Stands between a process and a server, and can be shut: then every connection is cut and no new one gets through, as where a
//! network is parted.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;

use super::Postgres;

const SOCKET: &str = ".s.PGSQL.5432";

pub(crate) struct Gate {
    open: watch::Sender<bool>,
    place: Place,
}

enum Place {
    Port(u16),
    Folder(TempDir),
}

impl Gate {
    /// Before whatever listens on this port.
    pub(crate) async fn before_port(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (open, seen) = (watch::Sender::new(true), listener.local_addr().unwrap().port());
        let state = open.subscribe();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, TcpStream::connect(("127.0.0.1", server)), state.clone()));
            }
        });
        Self { open, place: Place::Port(seen) }
    }

    pub(crate) fn before_postgres(postgres: &Postgres) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(SOCKET)).unwrap();
        let (open, server) = (watch::Sender::new(true), postgres.folder().join(SOCKET));
        let state = open.subscribe();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, connect(server.clone()), state.clone()));
            }
        });
        Self { open, place: Place::Folder(folder) }
    }

    /// Where to come to instead of the server's port.
    #[track_caller]
    pub(crate) fn port(&self) -> u16 {
        match &self.place {
            Place::Port(port) => *port,
            Place::Folder(_) => panic!("it stands before a socket in a folder"),
        }
    }

    /// Where its socket is.
    #[track_caller]
    pub(crate) fn folder(&self) -> &Path {
        match &self.place {
            Place::Port(_) => panic!("it stands before a port"),
            Place::Folder(folder) => folder.path(),
        }
    }

    pub(crate) fn shut(&self) {
        self.open.send_replace(false);
    }

    pub(crate) fn open(&self) {
        self.open.send_replace(true);
    }
}

async fn connect(socket: PathBuf) -> std::io::Result<UnixStream> {
    UnixStream::connect(socket).await
}

/// Carries what both say for as long as the gate is open.
async fn pass<C, S>(
    mut client: C,
    server: impl Future<Output = std::io::Result<S>>,
    mut open: watch::Receiver<bool>,
) where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    if !*open.borrow_and_update() {
        return;
    }
    let Ok(mut server) = server.await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = open.wait_for(|open| !open) => {}
    }
}
