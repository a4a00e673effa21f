//! `stele init`: writes the commented settings file.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use super::{OperateError, say};
use crate::settings::{FILE, reference};

pub(crate) fn init(config: Option<&Path>, force: bool) -> Result<(), OperateError> {
    let path = config.unwrap_or(Path::new(FILE));
    let shown = path.display().to_string();
    let file = if force { File::create(path) } else { File::create_new(path) };
    match file.and_then(|mut file| file.write_all(reference().as_bytes())) {
        Ok(()) => say(&format!("{shown} is written: every setting, with its default.")),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(OperateError::Exists { path: shown })
        }
        Err(source) => Err(OperateError::Unwritable { path: shown, source }),
    }
}
