//! What is there after a stop, a crash and a kill, and the double as a process of its own.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use eventstore::Error;
use eventstore::StreamState::{Any, NoStream, StreamRevision as Exact};
use kurrent_double::{Double, Settings};

use crate::support::{all, append, client, client_at, stream};

async fn double_in(folder: &Path) -> Double {
    let settings = Settings { folder: Some(folder.to_owned()), ..Settings::default() };
    Double::with(settings).await.unwrap()
}

/// As a process, ended by its id.
struct Process {
    child: Child,
    port: u16,
    control: u16,
}

impl Process {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kurrent-double"))
            .arg(folder)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the double starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ports: Vec<u16> = line.split_whitespace().map(|port| port.parse().unwrap()).collect();
        Self { child, port: ports[0], control: ports[1] }
    }

    fn url(&self) -> String {
        format!("esdb://127.0.0.1:{}?tls=false&discoveryInterval=10", self.port)
    }

    fn order(&self, line: &str) -> String {
        let mut socket = TcpStream::connect(("127.0.0.1", self.control)).unwrap();
        writeln!(socket, "{line}").unwrap();
        socket.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer.trim().to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_stop_at_the_same_positions() {
    let folder = tempfile::tempdir().unwrap();
    let first = double_in(folder.path()).await;
    let before = client(&first);
    append(&before, "a", NoStream, [1, 2]).await.unwrap();
    let written = append(&before, "b", NoStream, [3]).await.unwrap();
    before.delete_stream("b", &Default::default()).await.unwrap();
    drop((first, before));
    let second = double_in(folder.path()).await;
    let after = client(&second);
    assert_eq!(all(&after).await.unwrap(), [1, 2, 3]);
    assert!(matches!(stream(&after, "b").await, Err(Error::ResourceNotFound)));
    assert_eq!(append(&after, "a", NoStream, [1, 2]).await.unwrap().next_expected_version, 1);
    assert!(append(&after, "a", Exact(1), [4]).await.unwrap().position > written.position);
}

#[tokio::test]
async fn a_write_that_a_crash_left_half_done_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let first = double_in(folder.path()).await;
    append(&client(&first), "a", NoStream, [1]).await.unwrap();
    append(&client(&first), "a", Any, [2, 3]).await.unwrap();
    drop(first);
    let file = folder.path().join("events");
    let whole = fs::read(&file).unwrap();
    for torn in [whole[..whole.len() - 1].to_vec(), [&whole[..], &[9, 0, 0, 0, 1, 2]].concat()] {
        fs::write(&file, &torn).unwrap();
        let kept = if torn.len() < whole.len() { vec![1] } else { vec![1, 2, 3] };
        let next = double_in(folder.path()).await;
        assert_eq!(all(&client(&next)).await.unwrap(), kept);
        append(&client(&next), "b", NoStream, [4]).await.unwrap();
        drop(next);
        let last = double_in(folder.path()).await;
        assert_eq!(all(&client(&last)).await.unwrap(), [&kept[..], &[4]].concat());
    }
}

#[tokio::test]
async fn a_process_keeps_through_kill_9_what_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let process = Process::start(folder.path());
        let client = client_at(&process.url());
        append(&client, "a", Any, [round]).await.unwrap();
        assert_eq!(all(&client).await.unwrap(), (0..=round).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_process_is_told_to_fail_by_its_control_port() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    let client = client_at(&process.url());
    append(&client, "a", NoStream, [1]).await.unwrap();
    assert_eq!(process.order("fail append cut-after 1 b"), "ok");
    append(&client, "a", Any, [2]).await.unwrap();
    append(&client, "b", NoStream, [3]).await.unwrap_err();
    assert_eq!(process.order("fail append unavailable 9"), "ok");
    assert_eq!(process.order("forget"), "ok");
    append(&client, "b", NoStream, [3]).await.unwrap();
    assert_eq!(process.order("served append"), "4");
    assert_eq!(process.order("cut"), "ok");
    assert!(process.order("explode").starts_with("error: what there is"));
    assert!(process.order("fail append never 1").starts_with("error: never"));
}
