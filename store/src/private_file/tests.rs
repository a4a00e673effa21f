//! Private files are for their owner alone, who is the folder's, and stay as they are.

use super::*;

/// Only root can give a folder away; for others the folder's owner is who makes the file, as it is.
const SERVICE: u32 = 12_345;

#[test]
fn a_file_is_private_and_belongs_to_whoever_owns_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let given = std::os::unix::fs::chown(folder.path(), Some(SERVICE), Some(SERVICE));
    let path = folder.path().join("new");
    make(&path).unwrap();
    let (file, folder) = (fs::metadata(&path).unwrap(), fs::metadata(folder.path()).unwrap());
    assert_eq!(folder.uid() == SERVICE, given.is_ok());
    assert_eq!((file.uid(), file.gid()), (folder.uid(), folder.gid()));
    assert_eq!(file.mode() & 0o777, 0o600);
}

#[test]
fn folders_on_the_way_are_made_and_private_and_what_is_there_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/new");
    make(&path).unwrap();
    assert_eq!(fs::metadata(folder.path().join("a")).unwrap().mode() & 0o777, 0o700);
    fs::write(&path, "kept").unwrap();
    make(&path).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "kept");
}
