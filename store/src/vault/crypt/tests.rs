//! That what is sealed opens only as and where it was sealed.

use super::*;

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
