//! Files that nobody but their owner may read. Knows nothing of what is in them.

#[cfg(test)]
mod tests;

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown},
    path::Path,
};

/// Makes the file, if there is none, readable by its owner alone; SQLite gives its side files the same mode. One that is
/// there is left alone: to close a file is to lose all locks that this process holds on it, SQLite's among them.
pub fn make(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    match OpenOptions::new().create_new(true).append(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        outcome => hand_over(&outcome?, folder.unwrap_or_else(|| Path::new("."))),
    }
}

/// Gives what root makes to the owner of the folder, as SQLite does with its side files: what `sudo stele …` leaves behind
/// must not shut out the server.
fn hand_over(file: &File, folder: &Path) -> io::Result<()> {
    let owner = fs::metadata(folder)?;
    if file.metadata()?.uid() == 0 && owner.uid() != 0 {
        // A root that may not do so, as in some containers, is the only user of these files anyway.
        _ = fchown(file, Some(owner.uid()), Some(owner.gid()));
    }
    Ok(())
}
