//! `stele init`: writes the commented settings file.

use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use super::{OperateError, say};
use crate::settings::{FILE, reference};

pub(crate) fn init(config: Option<&Path>, force: bool) -> Result<(), OperateError> {
    let path = config.unwrap_or(Path::new(FILE));
    let shown = path.display().to_string();
    let mut options = File::options();
    options.write(true).create_new(!force).create(force).truncate(force);
    // It may come to hold vault.master_key.
    let file = options.mode(0o600).open(path);
    match file.and_then(|mut file| file.write_all(reference().as_bytes())) {
        Ok(()) => say(&format!("{shown} is written: every setting, with its default.")),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(OperateError::Exists { path: shown })
        }
        Err(source) => Err(OperateError::Unwritable { path: shown, source }),
    }
}
