//! What the vault promises about keys that live, are destroyed, or are missing.

use super::*;

fn key(name: &str) -> KeyId {
    KeyId(name.to_owned())
}

async fn vault(folder: &tempfile::TempDir, master: u8) -> Vault {
    let path = folder.path().join("vault.db");
    Vault::open_file(&path, MasterKey(Zeroizing::new([master; 32])))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_key_outlives_the_process_that_made_it() {
    let folder = tempfile::tempdir().unwrap();
    let made = vault(&folder, 1)
        .await
        .keys_for_writing(&[key("user-1")])
        .await
        .unwrap();
    let found = vault(&folder, 1)
        .await
        .keys_for_reading(&[key("user-1")])
        .await
        .unwrap();
    assert_eq!(made, found);
}

#[tokio::test]
async fn a_destroyed_key_is_neither_found_nor_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let vault = vault(&folder, 1).await;
    vault.keys_for_writing(&[key("user-1")]).await.unwrap();
    vault.destroy(&key("user-1"), Destroyed::Erased).await.unwrap();
    assert!(vault.keys_for_reading(&[key("user-1")]).await.unwrap().is_empty());
    assert!(matches!(
        vault.keys_for_writing(&[key("user-1")]).await,
        Err(VaultError::Destroyed(_))
    ));
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
    vault(&folder, 1)
        .await
        .keys_for_writing(&[key("user-1")])
        .await
        .unwrap();
    let other = vault(&folder, 2).await.keys_for_reading(&[key("user-1")]).await;
    assert!(matches!(other, Err(VaultError::WrongMasterKey { .. })));
}

#[test]
fn a_sealed_value_opens_only_in_its_own_place() {
    let sealed = seal(&[7; 32], b"here", b"value");
    assert_eq!(
        open(&[7; 32], b"here", &sealed).as_deref(),
        Some(b"value".as_slice())
    );
    assert_eq!(open(&[7; 32], b"there", &sealed), None);
    assert_eq!(open(&[8; 32], b"here", &sealed), None);
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(open(&[7; 32], b"here", &changed), None, "bit {bit}");
    }
}
