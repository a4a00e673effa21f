//! What the vault promises about keys that live, are destroyed, or are missing.

use super::*;

fn key(name: &str) -> KeyId {
    KeyId(name.to_owned())
}

async fn vault(folder: &tempfile::TempDir, master: u8) -> Vault {
    let path = folder.path().join("vault.db");
    Vault::open_file(&path, MasterKey(Zeroizing::new([master; 32]))).await.unwrap()
}

#[tokio::test]
async fn a_key_outlives_the_process_that_made_it() {
    let folder = tempfile::tempdir().unwrap();
    let made = vault(&folder, 1).await.keys_for_writing(&[key("user-1")]).await.unwrap();
    let found = vault(&folder, 1).await.keys_for_reading(&[key("user-1")]).await.unwrap();
    assert_eq!(made, found);
}

#[tokio::test]
async fn a_destroyed_key_is_neither_found_nor_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let vault = vault(&folder, 1).await;
    vault.keys_for_writing(&[key("user-1")]).await.unwrap();
    vault.destroy(&key("user-1"), Destroyed::Erased).await.unwrap();
    assert!(vault.keys_for_reading(&[key("user-1")]).await.unwrap().is_empty());
    assert!(matches!(vault.keys_for_writing(&[key("user-1")]).await, Err(VaultError::Destroyed(_))));
}

#[tokio::test]
async fn a_key_that_is_missing_without_a_tombstone_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let missing = vault(&folder, 1).await.keys_for_reading(&[key("user-1")]).await;
    assert!(matches!(missing, Err(VaultError::Missing(_))));
}

#[tokio::test]
async fn a_vault_does_not_open_under_another_master_key() {
    let folder = tempfile::tempdir().unwrap();
    vault(&folder, 1).await.keys_for_writing(&[key("user-1")]).await.unwrap();
    let other = vault(&folder, 2).await.keys_for_reading(&[key("user-1")]).await;
    assert!(matches!(other, Err(VaultError::WrongMasterKey { .. })));
}

#[test]
fn a_sealed_value_opens_only_in_its_own_place() {
    let sealed = seal(&[7; 32], b"here", b"value");
    assert_eq!(open(&[7; 32], b"here", &sealed).as_deref(), Some(b"value".as_slice()));
    assert_eq!(open(&[7; 32], b"there", &sealed), None);
    assert_eq!(open(&[8; 32], b"here", &sealed), None);
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(open(&[7; 32], b"here", &changed), None, "bit {bit}");
    }
}

fn files_of(folder: &tempfile::TempDir) -> Vec<u8> {
    std::fs::read_dir(folder.path())
        .unwrap()
        .flat_map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .collect()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn a_destroyed_key_is_in_no_file_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let vault = vault(&folder, 1).await;
    let keys: Vec<KeyId> = (0..200).map(|number| key(&format!("user-{number:03}"))).collect();
    vault.keys_for_writing(&keys).await.unwrap();
    let wrapped: Vec<Vec<u8>> =
        sqlx::query_scalar("select wrapped from data_keys order by id").fetch_all(&vault.rows).await.unwrap();
    assert!(holds(&files_of(&folder), &wrapped[100]));
    for id in keys.iter().skip(100).step_by(5) {
        vault.destroy(id, Destroyed::Erased).await.unwrap();
    }
    let files = files_of(&folder);
    for (number, wrapped) in wrapped.iter().enumerate() {
        let destroyed = number >= 100 && number % 5 == 0;
        assert_eq!(holds(&files, wrapped), !destroyed, "key {number}");
    }
}

#[tokio::test]
async fn a_key_that_was_read_before_its_destruction_is_not_kept_at_hand_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let vault = vault(&folder, 1).await;
    let id = key("user-1");
    let before = vault.remembered(&[]).1;
    let read = vault.keys_for_writing(std::slice::from_ref(&id)).await.unwrap();
    vault.destroy(&id, Destroyed::Erased).await.unwrap();
    vault.remember(&read, before);
    assert!(vault.keys_for_reading(&[id]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_key_is_made_once_however_many_want_it_first() {
    let folder = tempfile::tempdir().unwrap();
    let one = std::sync::Arc::new(vault(&folder, 1).await);
    let other = std::sync::Arc::new(vault(&folder, 1).await);
    let asking: Vec<_> = (0..16)
        .map(|number| {
            let vault = std::sync::Arc::clone(if number % 2 == 0 { &one } else { &other });
            tokio::spawn(async move { vault.keys_for_writing(&[key("user-1")]).await })
        })
        .collect();
    let mut made = Vec::new();
    for asked in asking {
        made.push(asked.await.unwrap().unwrap().remove(&key("user-1")).unwrap());
    }
    made.dedup();
    assert_eq!(made.len(), 1);
}

#[tokio::test]
async fn a_destroyed_key_among_others_makes_none_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let vault = vault(&folder, 1).await;
    vault.destroy(&key("user-2"), Destroyed::Retention).await.unwrap();
    let asked = [key("user-1"), key("user-2")];
    assert!(matches!(vault.keys_for_writing(&asked).await, Err(VaultError::Destroyed(_))));
    assert!(matches!(vault.keys_for_reading(&[key("user-1")]).await, Err(VaultError::Missing(_))));
}
