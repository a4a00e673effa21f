//! The vault in a SQLite file under the contract, and what is its own: bytes that are overwritten.

use super::super::{MasterKey, Vault, contract};
use super::*;

async fn vault(folder: &tempfile::TempDir, master: u8) -> Vault {
    Vault::open_file(&folder.path().join("vault.db"), MasterKey([master; 32].into())).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_vault_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    contract::hold(async |master| vault(&folder, master).await).await;
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
    let ids: Vec<KeyId> = (0..200).map(|number| KeyId(format!("user-{number:03}"))).collect();
    vault.keys_for_writing(&ids).await.unwrap();
    let mut kept = vault.rows.data_keys(&ids).await.unwrap();
    kept.sort_by(|one, other| one.id.0.cmp(&other.id.0));
    let wrapped: Vec<Vec<u8>> = kept.into_iter().filter_map(|key| key.wrapped).collect();
    assert!(holds(&files_of(&folder), &wrapped[100]));
    for id in ids.iter().skip(100).step_by(5) {
        vault.destroy(id, Destroyed::Erased).await.unwrap();
    }
    let files = files_of(&folder);
    for (number, wrapped) in wrapped.iter().enumerate() {
        let destroyed = number >= 100 && number % 5 == 0;
        assert_eq!(holds(&files, wrapped), !destroyed, "key {number}");
    }
}
