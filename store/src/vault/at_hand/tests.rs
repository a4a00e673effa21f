//! For how long keys are at hand.

use tokio::time::advance;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_key_is_at_hand_for_five_minutes_after_it_was_read_however_often_it_is_used() {
    let (at_hand, id) = (AtHand::empty(), KeyId("user-1".to_owned()));
    let keys = HashMap::from([(id.clone(), DataKey::from([7; 32]))]);
    at_hand.keep(&keys, 0);
    for _ in 0..5 {
        assert_eq!(at_hand.of(std::slice::from_ref(&id)).0, keys);
        advance(Duration::from_mins(1)).await;
    }
    assert!(at_hand.of(&[id]).0.is_empty());
}
