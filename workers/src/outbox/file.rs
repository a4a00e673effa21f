//! Mails as files in a folder, one each: for a machine without a mail server, and for tests.

#[cfg(test)]
mod tests;

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use store::random;
use tokio::{fs, io::AsyncWriteExt};

use super::{DeliverError, Outbox};
use crate::letter::Letter;

/// How a file is called until it is whole.
const UNFINISHED: &str = ".tmp";
/// A disk that is full may have room again at any moment, and nobody minds being asked.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(5)];

#[derive(Debug, thiserror::Error)]
#[error("the folder for mails {folder} can't be used")]
pub struct FolderError {
    folder: String,
    #[source]
    source: io::Error,
}

/// Mails as files `<position>-<event id>.eml` in a folder, all of it for the eyes of its owner only.
pub struct FileOutbox {
    folder: PathBuf,
    tell: Box<dyn Fn(&str) + Send + Sync>,
}

impl FileOutbox {
    /// Makes the folder where there is none, and clears away what an earlier process left unfinished. `tell` gets one
    /// line for each mail, with the link in it: it is meant for a terminal, never for a log.
    pub async fn open(
        folder: impl Into<PathBuf>,
        tell: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<Self, FolderError> {
        let folder = folder.into();
        let prepared = async {
            make_private(&folder).await?;
            clear_unfinished(&folder).await
        };
        match prepared.await {
            Ok(()) => Ok(Self { folder, tell: Box::new(tell) }),
            Err(source) => Err(FolderError { folder: folder.display().to_string(), source }),
        }
    }

    /// No reader ever sees half a file, and what was renamed survives a loss of power.
    async fn write(&self, letter: &Letter) -> io::Result<()> {
        let name = format!("{}-{}", letter.position.0, letter.event);
        // The folder may have been cleared away by hand.
        make_private(&self.folder).await?;
        let unfinished = self.folder.join(format!(".{name}-{:016x}{UNFINISHED}", random::number()));
        let written = async {
            let mut file =
                fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished).await?;
            file.write_all(&letter.message).await?;
            file.flush().await?;
            file.sync_all().await?;
            fs::rename(&unfinished, self.folder.join(format!("{name}.eml"))).await
        };
        if let Err(error) = written.await {
            drop(fs::remove_file(&unfinished).await);
            return Err(error);
        }
        fs::File::open(&self.folder).await?.sync_all().await
    }
}

#[async_trait]
impl Outbox for FileOutbox {
    /// No fault of a file system is for ever: disks are emptied and folders are given back.
    async fn deliver(&self, letter: &Letter) -> Result<(), DeliverError> {
        let written = self.write(letter).await;
        written.map_err(|error| DeliverError::Temporary { source: error.into(), answer: None })?;
        (self.tell)(&line(letter));
        Ok(())
    }

    fn pauses(&self) -> &[Duration] {
        &PAUSES
    }
}

fn line(letter: &Letter) -> String {
    let Letter { to, about, .. } = letter;
    match &letter.link {
        Some(link) => format!("mail to {to}: {about}: {link}"),
        None => format!("mail to {to}: {about}"),
    }
}

async fn make_private(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).await
}

async fn clear_unfinished(folder: &Path) -> io::Result<()> {
    let mut entries = fs::read_dir(folder).await?;
    while let Some(entry) = entries.next_entry().await? {
        let name = entry.file_name();
        let is_ours = name.to_str().is_some_and(|name| name.starts_with('.') && name.ends_with(UNFINISHED));
        if is_ours && entry.file_type().await?.is_file() {
            match fs::remove_file(entry.path()).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
    }
    Ok(())
}
