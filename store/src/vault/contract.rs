//! What the vault promises, as laws that it is held to on every engine, through handles such as several processes have.
//! Knows no engine.

use std::sync::Arc;

use super::*;
use crate::together::Answers;

/// Panics at the first law that a vault breaks. `open` opens the same vault each time, under a master key of which each byte
/// is the number given; the vault may hold other keys.
pub(crate) async fn hold(open: impl AsyncFn(u8) -> Vault) {
    a_key_outlives_the_process_that_made_it(&open).await;
    many_keys_are_made_and_found_at_once(&open).await;
    a_destroyed_key_is_neither_found_nor_made_again(&open).await;
    a_key_can_be_destroyed_before_it_is_made(&open).await;
    a_key_that_is_missing_without_a_tombstone_is_an_error(&open).await;
    keys_do_not_open_under_another_master_key(&open).await;
    a_key_that_was_read_before_its_destruction_is_not_kept_at_hand_after_it(&open).await;
    a_key_is_made_once_however_many_want_it_first(&open).await;
    keys_that_are_wanted_in_any_order_are_made_once(&open).await;
    a_destroyed_key_among_others_makes_none_of_them(&open).await;
    a_wish_for_a_destroyed_key_spoils_none_that_is_granted_with_it(&open).await;
    keys_of_an_age_are_found_page_by_page(&open).await;
    keys_that_nodes_share_are_added_once_and_retired_once(&open).await;
    a_vault_is_bound_to_one_log_for_good(&open).await;
    a_vault_that_can_be_reached_says_so_until_it_is_closed(&open).await;
}

fn named(name: &str) -> KeyId {
    KeyId(format!("{name}-{}", random::id()))
}

/// A key that no one else has.
fn new_key() -> KeyId {
    named("user")
}

async fn a_key_outlives_the_process_that_made_it(open: &impl AsyncFn(u8) -> Vault) {
    let id = new_key();
    let made = open(1).await.keys_for_writing(std::slice::from_ref(&id)).await.unwrap();
    let found = open(1).await.keys_for_reading(&[id]).await.unwrap();
    assert_eq!(made.len(), 1);
    assert_eq!(made, found);
}

async fn many_keys_are_made_and_found_at_once(open: &impl AsyncFn(u8) -> Vault) {
    let ids: Vec<KeyId> = (0..1000).map(|_| new_key()).collect();
    let one = open(1).await;
    one.keys_for_writing(&ids[..10]).await.unwrap();
    let twice: Vec<KeyId> = ids.iter().chain(&ids).cloned().collect();
    let made = open(1).await.keys_for_writing(&twice).await.unwrap();
    assert_eq!(made.len(), 1000);
    assert_eq!(open(1).await.keys_for_reading(&twice).await.unwrap(), made);
    assert_eq!(one.keys_for_reading(&ids).await.unwrap(), made);
}

async fn a_destroyed_key_is_neither_found_nor_made_again(open: &impl AsyncFn(u8) -> Vault) {
    let (vault, id) = (open(1).await, new_key());
    vault.keys_for_writing(std::slice::from_ref(&id)).await.unwrap();
    for why in [Destroyed::Erased, Destroyed::Superseded, Destroyed::Retention] {
        vault.destroy(&id, why).await.unwrap();
        for vault in [&vault, &open(1).await] {
            assert!(vault.keys_for_reading(std::slice::from_ref(&id)).await.unwrap().is_empty());
            let made = vault.keys_for_writing(std::slice::from_ref(&id)).await;
            assert!(matches!(made, Err(VaultError::Destroyed(found)) if found == id));
        }
    }
}

async fn a_key_can_be_destroyed_before_it_is_made(open: &impl AsyncFn(u8) -> Vault) {
    let (vault, id) = (open(1).await, new_key());
    vault.destroy(&id, Destroyed::Erased).await.unwrap();
    assert!(vault.keys_for_reading(std::slice::from_ref(&id)).await.unwrap().is_empty());
    assert!(matches!(vault.keys_for_writing(&[id]).await, Err(VaultError::Destroyed(_))));
}

async fn a_key_that_is_missing_without_a_tombstone_is_an_error(open: &impl AsyncFn(u8) -> Vault) {
    let (vault, there, missing) = (open(1).await, new_key(), new_key());
    vault.keys_for_writing(std::slice::from_ref(&there)).await.unwrap();
    let found = vault.keys_for_reading(&[there, missing.clone()]).await;
    assert!(matches!(found, Err(VaultError::Missing(id)) if id == missing));
}

async fn keys_do_not_open_under_another_master_key(open: &impl AsyncFn(u8) -> Vault) {
    let (id, other) = (new_key(), open(2).await);
    open(1).await.keys_for_writing(std::slice::from_ref(&id)).await.unwrap();
    let ids = [id];
    assert!(matches!(other.keys_for_reading(&ids).await, Err(VaultError::WrongMasterKey { .. })));
    assert!(matches!(other.keys_for_writing(&ids).await, Err(VaultError::WrongMasterKey { .. })));
}

async fn a_key_that_was_read_before_its_destruction_is_not_kept_at_hand_after_it(
    open: &impl AsyncFn(u8) -> Vault,
) {
    let (vault, id) = (open(1).await, new_key());
    let before = vault.at_hand.of(&[]).1;
    let read = vault.keys_for_writing(std::slice::from_ref(&id)).await.unwrap();
    vault.destroy(&id, Destroyed::Erased).await.unwrap();
    vault.at_hand.keep(&read, before);
    assert!(vault.keys_for_reading(&[id]).await.unwrap().is_empty());
}

/// What each of many tasks on several handles gets that wants these keys, each in an order of its own.
async fn wanted_by_many(open: &impl AsyncFn(u8) -> Vault, ids: &[KeyId]) -> Vec<HashMap<KeyId, DataKey>> {
    let vaults = [open(1).await, open(1).await, open(1).await].map(Arc::new);
    let mut asking = tokio::task::JoinSet::new();
    for number in 0..48 {
        let vault = Arc::clone(&vaults[number % vaults.len()]);
        let mut ids = ids.to_vec();
        let turn = number % ids.len();
        ids.rotate_left(turn);
        if number % 2 == 0 {
            ids.reverse();
        }
        asking.spawn(async move { vault.keys_for_writing(&ids).await.unwrap() });
    }
    asking.join_all().await
}

async fn a_key_is_made_once_however_many_want_it_first(open: &impl AsyncFn(u8) -> Vault) {
    for _ in 0..8 {
        let mut made = wanted_by_many(open, &[new_key()]).await;
        made.dedup();
        assert_eq!(made.len(), 1);
    }
}

async fn keys_that_are_wanted_in_any_order_are_made_once(open: &impl AsyncFn(u8) -> Vault) {
    for _ in 0..8 {
        let ids: Vec<KeyId> = (0..20).map(|_| new_key()).collect();
        let mut made = wanted_by_many(open, &ids).await;
        made.dedup();
        assert_eq!(made.len(), 1);
        assert_eq!(made[0].len(), 20);
    }
}

async fn a_destroyed_key_among_others_makes_none_of_them(open: &impl AsyncFn(u8) -> Vault) {
    let (vault, other, destroyed) = (open(1).await, new_key(), new_key());
    vault.destroy(&destroyed, Destroyed::Retention).await.unwrap();
    let asked = [other.clone(), destroyed.clone()];
    let made = vault.keys_for_writing(&asked).await;
    assert!(matches!(made, Err(VaultError::Destroyed(id)) if id == destroyed));
    assert!(matches!(vault.keys_for_reading(&[other]).await, Err(VaultError::Missing(_))));
}

async fn a_wish_for_a_destroyed_key_spoils_none_that_is_granted_with_it(open: &impl AsyncFn(u8) -> Vault) {
    let (vault, shared, alone, destroyed) = (open(1).await, new_key(), new_key(), new_key());
    vault.destroy(&destroyed, Destroyed::Erased).await.unwrap();
    let wish = |ids: [&KeyId; 2]| ids.map(|id| vault.fresh_key(id)).into();
    let wishes = [wish([&shared, &destroyed]), wish([&shared, &alone]), wish([&destroyed, &new_key()])];
    let kept = Making(Arc::clone(&vault.rows)).answer(wishes.into()).await.unwrap();
    let lives = |wish: usize, id: &KeyId| kept[wish].get(id).map(Option::is_some);
    assert_eq!([lives(0, &shared), lives(0, &destroyed)], [Some(true), Some(false)]);
    assert_eq!([lives(1, &shared), lives(1, &alone)], [Some(true), Some(true)]);
    assert_eq!((lives(2, &destroyed), kept[2].len()), (Some(false), 1));
    assert_eq!(vault.keys_for_reading(&[shared, alone]).await.unwrap().len(), 2);
}

async fn keys_of_an_age_are_found_page_by_page(open: &impl AsyncFn(u8) -> Vault) {
    let vault = open(1).await;
    // Taken for a pattern, `_` would stand for anything.
    let prefix = format!("aged_{}-", random::id());
    let key = |number: u32| KeyId(format!("{prefix}{number:03}"));
    let ids: Vec<KeyId> = (0..10).map(key).collect();
    let later = Time(clock::now().0 + 1_000_000_000);
    let other = KeyId(prefix.replace('_', "-") + "000");
    let wish = ids.iter().chain([&other]).map(|id| vault.fresh_key(id)).collect();
    vault.rows.add_data_keys(&[wish], later).await.unwrap();
    vault.destroy(&ids[4], Destroyed::Superseded).await.unwrap();

    let aged = async |made: Range<i64>, last: &str, limit: u32| {
        let made = Time(made.start)..Time(made.end);
        vault.rows.aged(&prefix, made, &KeyId(last.to_owned()), limit).await.unwrap()
    };
    let living: Vec<KeyId> = ids.iter().filter(|id| **id != ids[4]).cloned().collect();
    assert_eq!(aged(later.0..later.0 + 1, "", 100).await, living);
    assert_eq!(aged(later.0..later.0 + 1, "", 3).await, living[..3]);
    assert_eq!(aged(later.0..later.0 + 1, &living[2].0, 3).await, living[3..6]);
    assert_eq!(aged(later.0..later.0 + 1, &living[8].0, 3).await, []);
    assert_eq!(aged(later.0 + 1..later.0 + 2, "", 3).await, []);
    assert_eq!(aged(0..later.0, "", 3).await, []);
}

async fn keys_that_nodes_share_are_added_once_and_retired_once(open: &impl AsyncFn(u8) -> Vault) {
    let purpose = format!("law-{}", random::id());
    let shared = |number: i64| NodeKey {
        id: format!("{purpose}-{number}"),
        purpose: purpose.clone(),
        algorithm: "HMAC-SHA256".to_owned(),
        material: Zeroizing::new(random::bytes::<32>().to_vec()),
        created_at: Time(number),
        retired_at: None,
    };
    let (vault, keys) = (open(1).await, [shared(1), shared(2)]);
    for key in [&keys[1], &keys[0], &shared(1), &shared(2)] {
        vault.add_node_key(key).await.unwrap();
    }
    vault.retire_node_key(&keys[0].id, Time(7)).await.unwrap();
    vault.retire_node_key(&keys[0].id, Time(8)).await.unwrap();

    let found = open(1).await.node_keys().await.unwrap();
    let found: Vec<&NodeKey> = found.iter().filter(|key| key.purpose == purpose).collect();
    assert_eq!(found.len(), 2);
    for (found, key) in found.into_iter().zip(&keys) {
        assert_eq!((&found.id, &found.algorithm), (&key.id, &key.algorithm));
        assert_eq!((&found.material, found.created_at), (&key.material, key.created_at));
        assert_eq!(found.retired_at, (key.id == keys[0].id).then_some(Time(7)));
    }
    assert!(matches!(open(2).await.node_keys().await, Err(VaultError::WrongMasterKey { .. })));
}

async fn a_vault_is_bound_to_one_log_for_good(open: &impl AsyncFn(u8) -> Vault) {
    assert_eq!(open(1).await.log_id().await.unwrap(), None);
    for log in ["first", "second"] {
        open(1).await.bind(log).await.unwrap();
        assert_eq!(open(1).await.log_id().await.unwrap().as_deref(), Some("first"));
    }
}

async fn a_vault_that_can_be_reached_says_so_until_it_is_closed(open: &impl AsyncFn(u8) -> Vault) {
    let vault = open(1).await;
    vault.check().await.unwrap();
    assert!(vault.durability().await.unwrap().is_full());
    vault.close().await;
    assert!(matches!(vault.check().await, Err(VaultError::Unavailable(_))));
    let made = vault.keys_for_writing(&[new_key()]).await;
    assert!(matches!(made, Err(VaultError::Unavailable(_))));
}
