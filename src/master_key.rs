//! The master key of an installation: given, read from its file, or made at the very first start.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use data_encoding::BASE64;
use rustix::fs::{StatVfsMountFlags, statvfs};
use store::{MasterKey, random};
use zeroize::Zeroizing;

use crate::settings::{MasterKeyError, Settings, parse_master_key};

#[derive(Debug, thiserror::Error)]
pub(crate) enum MasterKeyFileError {
    #[error("the master key {} can't be read", .path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the file {} holds no master key", .path.display())]
    Malformed { path: PathBuf, source: MasterKeyError },
    #[error(
        "the vault {} exists, but its master key {} is gone: put the key back from your backup, nothing else opens \
         the vault",
        .vault.display(), .path.display()
    )]
    Lost { path: PathBuf, vault: PathBuf },
    #[error("the master key can't be written to {}", .path.display())]
    Unwritable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// What to tell whoever made a new master key.
pub(crate) fn advice(settings: &Settings) -> String {
    let key = settings.vault.master_key_file.display();
    format!("A master key was made: back up {key}, apart from the databases. Nothing can replace it.")
}

/// What is wrong with the rights of the master key's file, if anything is. One that is mounted to be read only, as containers are
/// handed secrets, is guarded by whoever mounts it.
pub(crate) fn exposure(settings: &Settings) -> Option<String> {
    let file = &settings.vault.master_key_file;
    let is_read = settings.vault.master_key.is_none();
    let mode = fs::metadata(file).ok().filter(|_| is_read)?.permissions().mode();
    let is_mounted = statvfs(file).is_ok_and(|mount| mount.f_flag.contains(StatVfsMountFlags::RDONLY));
    let exposed = mode & 0o077 != 0 && !is_mounted;
    exposed.then(|| {
        format!("the master key {} is open to other users of this machine: chmod 600", file.display())
    })
}

/// The master key, and whether it was made just now.
pub(crate) fn obtain(settings: &Settings) -> Result<(MasterKey, bool), MasterKeyFileError> {
    if let Some(given) = &settings.vault.master_key {
        return Ok((MasterKey(Zeroizing::new(*given.expose())), false));
    }
    let path = &settings.vault.master_key_file;
    match fs::read_to_string(path).map(Zeroizing::new) {
        Ok(text) => {
            let key = parse_master_key(&text)
                .map_err(|source| MasterKeyFileError::Malformed { path: path.clone(), source })?;
            Ok((MasterKey(Zeroizing::new(*key.expose())), false))
        }
        Err(source) => match settings.store.vault.file() {
            Some(vault) if source.kind() == io::ErrorKind::NotFound && settings.is_embedded() => {
                make(path, vault)
            }
            _ => Err(MasterKeyFileError::Unreadable { path: path.clone(), source }),
        },
    }
}

fn make(path: &Path, vault: &Path) -> Result<(MasterKey, bool), MasterKeyFileError> {
    if is_made(vault) {
        return Err(MasterKeyFileError::Lost { path: path.to_owned(), vault: vault.to_owned() });
    }
    let key = Zeroizing::new(random::bytes::<32>());
    let text = Zeroizing::new(format!("{}\n", BASE64.encode(key.as_slice())));
    write(path, &text).map_err(|source| MasterKeyFileError::Unwritable { path: path.to_owned(), source })?;
    Ok((MasterKey(key), true))
}

/// Whether there is a vault in a file: an empty one is none yet.
pub(crate) fn is_made(vault: &Path) -> bool {
    fs::metadata(vault).is_ok_and(|file| file.len() > 0)
}

/// Under a name of its own first, so that no start ever finds half a key; and never over a key that is there.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{:08x}", random::number() >> 32));
    let draft = PathBuf::from(draft);
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    linked?;
    fs::File::open(folder)?.sync_all()
}
