//! What the folder promises: whole files, private, and a word on the terminal.

use std::{
    os::unix::fs::PermissionsExt,
    sync::{Arc, Mutex},
};

use store::Position;

use super::*;

type Lines = Arc<Mutex<Vec<String>>>;

fn letter(event: &str, link: Option<&str>) -> Letter {
    Letter {
        position: Position(12),
        event: event.to_owned(),
        from: "stele@localhost".to_owned(),
        to: "ada@example.org".to_owned(),
        about: "verify your address",
        link: link.map(str::to_owned),
        message: b"Subject: x\r\n\r\nHello\r\n".to_vec(),
    }
}

async fn outbox(folder: &Path) -> (FileOutbox, Lines) {
    let lines = Lines::default();
    let told = Arc::clone(&lines);
    let outbox =
        FileOutbox::open(folder, move |line| told.lock().unwrap().push(line.to_owned())).await.unwrap();
    (outbox, lines)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_mail_is_one_private_file_named_after_its_event() {
    let base = tempfile::tempdir().unwrap();
    let folder = base.path().join("data").join("mail");
    let (outbox, _) = outbox(&folder).await;
    outbox.deliver(&letter("e1", None)).await.unwrap();
    assert_eq!(names(&folder), ["12-e1.eml"]);
    assert_eq!(std::fs::read(folder.join("12-e1.eml")).unwrap(), letter("e1", None).message);
    assert_eq!((mode(&folder), mode(&folder.join("12-e1.eml"))), (0o700, 0o600));
}

#[tokio::test]
async fn the_terminal_is_told_in_one_line_with_the_link_at_its_end() {
    let base = tempfile::tempdir().unwrap();
    let (outbox, lines) = outbox(base.path()).await;
    outbox.deliver(&letter("e1", Some("http://127.0.0.1:8000/verify-email?key=k"))).await.unwrap();
    outbox.deliver(&letter("e2", None)).await.unwrap();
    assert_eq!(
        *lines.lock().unwrap(),
        [
            "mail to ada@example.org: verify your address: http://127.0.0.1:8000/verify-email?key=k",
            "mail to ada@example.org: verify your address",
        ]
    );
}

#[tokio::test]
async fn the_same_letter_delivered_twice_is_one_file() {
    let base = tempfile::tempdir().unwrap();
    let (outbox, _) = outbox(base.path()).await;
    outbox.deliver(&letter("e1", None)).await.unwrap();
    outbox.deliver(&letter("e1", None)).await.unwrap();
    assert_eq!(names(base.path()), ["12-e1.eml"]);
}

#[tokio::test]
async fn what_an_earlier_process_left_unfinished_is_cleared_away_and_nothing_else() {
    let base = tempfile::tempdir().unwrap();
    for name in [".11-e0-00ff.tmp", ".keep", "11-e0.eml", "notes.tmp"] {
        std::fs::write(base.path().join(name), "x").unwrap();
    }
    outbox(base.path()).await;
    assert_eq!(names(base.path()), [".keep", "11-e0.eml", "notes.tmp"]);
}

#[tokio::test]
async fn a_folder_that_was_taken_away_is_made_again() {
    let base = tempfile::tempdir().unwrap();
    let folder = base.path().join("mail");
    let (outbox, _) = outbox(&folder).await;
    std::fs::remove_dir(&folder).unwrap();
    outbox.deliver(&letter("e1", None)).await.unwrap();
    assert_eq!(names(&folder), ["12-e1.eml"]);
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_a_fault_for_now_and_leaves_nothing_behind() {
    let base = tempfile::tempdir().unwrap();
    let (outbox, lines) = outbox(base.path()).await;
    std::fs::create_dir_all(base.path().join("12-e1.eml").join("in the way")).unwrap();
    let refused = outbox.deliver(&letter("e1", None)).await;
    assert!(matches!(refused, Err(DeliverError::Temporary { .. })));
    assert_eq!(names(base.path()), ["12-e1.eml"]);
    assert!(lines.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_told_at_the_start() {
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join("file");
    std::fs::write(&file, "x").unwrap();
    assert!(FileOutbox::open(file.join("mail"), |_| ()).await.is_err());
}
