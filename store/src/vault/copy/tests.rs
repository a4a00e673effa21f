//! What a copy of a vault is, between any two engines, and what it refuses.

use std::path::PathBuf;

use tempfile::TempDir;

use super::{
    super::{Destroyed, MasterKey, NodeKey, Vault},
    *,
};
use crate::{
    clock, random,
    test_server::{OWNER, Postgres, VAULT},
};

const LOG: &str = "7f3a9c01";

fn file(folder: &TempDir, name: &str) -> PathBuf {
    folder.path().join(name)
}

fn master() -> MasterKey {
    MasterKey([1; 32].into())
}

fn key(number: u32) -> KeyId {
    KeyId(format!("user-{number:05}"))
}

/// A vault of [`LOG`] with so many keys, of which every fifth was destroyed, and two that nodes share.
async fn filled(folder: &TempDir, count: u32) -> Vault {
    let vault = Vault::open_file(&file(folder, "a"), master()).await.unwrap();
    let ids: Vec<KeyId> = (0..count).map(key).collect();
    vault.keys_for_writing(&ids).await.unwrap();
    for id in ids.iter().step_by(5) {
        vault.destroy(id, Destroyed::Erased).await.unwrap();
    }
    for id in ["one", "two"] {
        let material = random::bytes::<32>().to_vec().into();
        let (purpose, algorithm) = ("signing".to_owned(), "EdDSA".to_owned());
        let created_at = clock::now();
        let shared =
            NodeKey { id: id.to_owned(), purpose, algorithm, material, created_at, retired_at: None };
        vault.add_node_key(&shared).await.unwrap();
    }
    vault.retire_node_key("one", clock::now()).await.unwrap();
    vault.bind(LOG).await.unwrap();
    vault
}

async fn rows(folder: &TempDir, name: &str) -> VaultRows {
    VaultRows::open_file(&file(folder, name)).await.unwrap()
}

async fn copy(from: &VaultRows, to: &VaultRows) -> Result<Copied, CopyError> {
    Copy { from, to, progress: &|_| () }.run().await
}

#[tokio::test]
async fn a_copy_opens_all_that_the_vault_opened_and_nothing_that_was_destroyed() {
    let folder = tempfile::tempdir().unwrap();
    let vault = filled(&folder, 1234).await;
    let copied = copy(&rows(&folder, "a").await, &rows(&folder, "b").await).await.unwrap();
    assert_eq!((copied.target.keys, copied.target.shared, copied.log_id.as_str()), (1234, 2, LOG));
    assert_eq!(copied.source, copied.target);
    let copy = Vault::open_file(&file(&folder, "b"), master()).await.unwrap();
    let ids: Vec<KeyId> = (0..1234).map(key).collect();
    let found = copy.keys_for_reading(&ids).await.unwrap();
    assert_eq!((found.len(), &found), (987, &vault.keys_for_reading(&ids).await.unwrap()));
    assert!(matches!(copy.keys_for_writing(&ids[..1]).await, Err(VaultError::Destroyed(_))));
    assert_eq!(copy.log_id().await.unwrap().as_deref(), Some(LOG));
    let retired: Vec<bool> =
        copy.node_keys().await.unwrap().iter().map(|key| key.retired_at.is_some()).collect();
    assert_eq!(retired, [true, false]);
}

#[tokio::test]
async fn a_copy_goes_on_and_takes_in_what_was_made_and_destroyed_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let vault = filled(&folder, 2500).await;
    let (from, to) = (rows(&folder, "a").await, rows(&folder, "b").await);
    // As if it had been killed behind the first page.
    to.0.keep(&from.0.kept(&KeyId(String::new()), PAGE).await.unwrap()).await.unwrap();
    assert_eq!(to.0.log_id().await.unwrap(), None, "nobody may go by it");
    assert!(matches!(copy(&to, &rows(&folder, "c").await).await, Err(CopyError::Unbound)));
    vault.destroy(&key(1), Destroyed::Superseded).await.unwrap();
    vault.keys_for_writing(&[KeyId("aaa".to_owned())]).await.unwrap();
    for _ in 0..2 {
        let copied = copy(&from, &to).await.unwrap();
        assert_eq!((copied.target.keys, copied.source), (2501, copied.target));
    }
    vault.retire_node_key("two", clock::now()).await.unwrap();
    let copied = copy(&from, &to).await.unwrap();
    assert_eq!(copied.source, copied.target);
}

#[tokio::test]
async fn a_target_that_holds_anything_else_is_refused_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    filled(&folder, 50).await;
    let from = rows(&folder, "a").await;
    let refused = async |name: &str, why: &str| {
        let to = rows(&folder, name).await;
        let before = Sum::of(to.0.as_ref()).await.unwrap();
        let error = copy(&from, &to).await.unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert_eq!(Sum::of(to.0.as_ref()).await.unwrap(), before);
    };
    let open = async |name: &str| Vault::open_file(&file(&folder, name), master()).await.unwrap();
    open("bound").await.bind("00000000").await.unwrap();
    refused("bound", "belongs to log 00000000").await;
    for (name, id) in [("more", "aaa"), ("between", "user-00003x"), ("behind", "zzz"), ("same", "user-00001")]
    {
        open(name).await.keys_for_writing(&[KeyId(id.to_owned())]).await.unwrap();
        refused(name, &format!("a key of its own, {id}")).await;
    }
    // A tombstone is a later state of the key, which the source has not.
    open("destroyed").await.destroy(&key(1), Destroyed::Erased).await.unwrap();
    refused("destroyed", "user-00001").await;
    let shared = from.0.node_keys().await.unwrap().into_iter().next().unwrap();
    rows(&folder, "shared").await.0.add_node_key(&HeldNodeKey { wrapped: vec![1], ..shared }).await.unwrap();
    refused("shared", "a key of its own, one").await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn a_vault_goes_to_postgresql_and_back_with_all_that_it_holds() {
    let (folder, database) = (tempfile::tempdir().unwrap(), Postgres::shared().database());
    filled(&folder, 1234).await;
    let (from, back) = (rows(&folder, "a").await, rows(&folder, "b").await);
    let there = VaultRows::open_url(&database.url(OWNER).parse().unwrap(), Safety::Required).await.unwrap();
    let copied = copy(&from, &there).await.unwrap();
    assert_eq!((copied.target.keys, &copied.source), (1234, &copied.target));
    assert_eq!(copy(&there, &back).await.unwrap(), copied);
    database.grant("vault");
    let url = database.url(VAULT).parse().unwrap();
    let vault = Vault::open_url(&url, Safety::Required, master()).await.unwrap();
    assert_eq!(vault.keys_for_reading(&[key(0), key(1)]).await.unwrap().len(), 1);
    assert_eq!(there.others().await.unwrap().first().map(String::as_str), Some(VAULT));
}
