//! Which key signs when, and for how long the others are published.

use store::MasterKey;
use zeroize::Zeroizing;

use super::*;

struct House {
    vault: Vault,
    _folder: tempfile::TempDir,
}

async fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let master = MasterKey(Zeroizing::new([1; 32]));
    let vault = Vault::open_file(&folder.path().join("vault.db"), master).await.unwrap();
    House { vault, _folder: folder }
}

fn rules() -> JwtRules {
    JwtRules {
        access_ttl: Duration::from_mins(5),
        refresh_ttl: Duration::from_hours(24),
        rotate_refresh: true,
        refresh_grace: Duration::ZERO,
        session_max: Duration::from_hours(720),
        return_expiration: false,
    }
}

fn unretired(keys: &[SigningKey]) -> Vec<Algorithm> {
    keys.iter().filter(|key| key.retired_at.is_none()).map(|key| key.algorithm).collect()
}

#[tokio::test]
async fn a_key_is_made_once() {
    let house = house().await;
    for _ in 0..3 {
        ensure_one(&house.vault, Algorithm::EdDsa).await.unwrap();
    }
    assert_eq!(unretired(&all(&house.vault).await.unwrap()), [Algorithm::EdDsa]);
}

#[tokio::test]
async fn another_algorithm_gets_a_key_of_its_own_and_the_older_one_signs_no_more() {
    let house = house().await;
    ensure_one(&house.vault, Algorithm::EdDsa).await.unwrap();
    ensure_one(&house.vault, Algorithm::Es256).await.unwrap();
    let keys = all(&house.vault).await.unwrap();
    assert_eq!((keys.len(), unretired(&keys)), (2, vec![Algorithm::Es256]));
    assert_eq!(in_use(&house.vault, &rules(), clock::now()).await.unwrap().len(), 2, "its tokens still live");
}

#[tokio::test]
async fn a_new_key_gives_notice_and_the_old_one_signs_until_then() {
    let house = house().await;
    ensure_one(&house.vault, Algorithm::EdDsa).await.unwrap();
    let before = clock::now();
    let new = rotate(&house.vault, Algorithm::EdDsa).await.unwrap();
    assert!(Time(new.created_at) >= before + NOTICE);
    let keys = all(&house.vault).await.unwrap();
    let old = keys.iter().find(|key| key.kid != new.kid).unwrap();
    assert_eq!(old.retired_at, Some(new.created_at));
}

#[tokio::test]
async fn a_retired_key_is_published_until_its_last_token_is_dead_and_no_longer() {
    let house = house().await;
    ensure_one(&house.vault, Algorithm::EdDsa).await.unwrap();
    let new = rotate(&house.vault, Algorithm::EdDsa).await.unwrap();
    let dead = dead_at(Time(new.created_at), &rules());
    assert_eq!(dead, Time(new.created_at) + Duration::from_hours(24));
    let just_before = Time(dead.0 - 1);
    assert_eq!(in_use(&house.vault, &rules(), just_before).await.unwrap().len(), 2);
    let left = in_use(&house.vault, &rules(), dead).await.unwrap();
    assert_eq!(left.iter().map(|key| key.kid.as_str()).collect::<Vec<_>>(), [new.kid.as_str()]);
}

#[tokio::test]
async fn a_key_is_due_by_its_age_and_only_one_of_the_algorithm_in_use() {
    let house = house().await;
    ensure_one(&house.vault, Algorithm::EdDsa).await.unwrap();
    let keys = all(&house.vault).await.unwrap();
    let made = Time(keys[0].created_at);
    assert!(!is_due(&keys, Algorithm::EdDsa, Time((made + AGE).0 - 1)));
    assert!(is_due(&keys, Algorithm::EdDsa, made + AGE));
    assert!(!is_due(&keys, Algorithm::Es256, made + AGE + AGE));
}

#[tokio::test]
async fn a_key_of_an_unknown_algorithm_is_refused_and_not_left_out() {
    let house = house().await;
    let key = NodeKey {
        id: "future".to_owned(),
        purpose: SIGNING.to_owned(),
        algorithm: "ML-DSA-65".to_owned(),
        material: Zeroizing::new(vec![1; 32]),
        created_at: clock::now(),
        retired_at: None,
    };
    house.vault.add_node_key(&key).await.unwrap();
    assert!(matches!(all(&house.vault).await, Err(SigningKeyError::Key(KeyError::UnknownAlgorithm))));
}
