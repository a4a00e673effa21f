//! A nats-server of a test's own: the real one, in a folder of its own and on a port that it keeps, ended by its pid.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use async_nats::jetstream;
use tempfile::TempDir;

use super::{Lines, Process, wait_for};

const START: Duration = Duration::from_secs(30);
/// Lets everyone in. Everything that it acknowledges is on disk.
const OPEN: &str = "";

pub(crate) struct Nats {
    folder: TempDir,
    port: u16,
    process: Option<Process>,
    lines: Lines,
}

impl Nats {
    pub(crate) async fn start() -> Self {
        Self::with(OPEN).await
    }

    /// With more lines of configuration, in which `FOLDER` stands for its folder.
    pub(crate) async fn with(configuration: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let own = folder.path().display().to_string();
        let text = format!(
            "listen: 127.0.0.1:{port}\njetstream {{ store_dir: \"{own}/data\", sync_interval: always }}\n{}\n",
            configuration.replace("FOLDER", &own)
        );
        fs::write(folder.path().join("nats.conf"), text).unwrap();
        let mut nats = Self { folder, port, process: None, lines: Lines::default() };
        nats.begin().await;
        nats
    }

    /// After a kill, on what that left.
    pub(crate) async fn begin(&mut self) {
        let mut command = Command::new(nats_server());
        command.arg("-c").arg(self.folder.path().join("nats.conf"));
        let earlier = self.lines.all().len();
        self.process = Some(Process::spawn(command, &self.lines));
        wait_for("nats-server is ready", START, async || {
            let new = self.lines.all().split_off(earlier);
            new.iter().any(|line| line.contains("Server is ready")).then_some(())
        })
        .await;
    }

    /// `kill -9`.
    pub(crate) fn kill9(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// All that it keeps is gone. It must not run.
    pub(crate) fn forget(&self) {
        assert!(self.process.is_none(), "it runs");
        fs::remove_dir_all(self.folder.path().join("data")).unwrap();
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// As anyone comes to it, with a client that knows nothing of Stele.
    pub(crate) async fn jetstream(&self) -> jetstream::Context {
        jetstream::new(async_nats::connect(self.url()).await.expect("nats-server takes connections"))
    }
}

/// Where `./test` puts it, or on the path.
pub(crate) fn nats_server() -> PathBuf {
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/nats-server/nats-server");
    if fetched.exists() { fetched } else { PathBuf::from("nats-server") }
}
