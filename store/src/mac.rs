//! HMAC-SHA256 as all of Stele keys it. Knows neither what is authenticated nor where keys are kept.

use hmac::{Hmac, KeyInit};
use sha2::Sha256;

/// HMAC-SHA256 under a 32 byte key. RFC 2104 pads a short key with zeros, so the padded block is the same key.
pub fn keyed(secret: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = [0_u8; 64];
    for (place, byte) in block.iter_mut().zip(secret) {
        *place = *byte;
    }
    Hmac::new(&block.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::Mac;

    #[test]
    fn the_mac_agrees_with_another_implementation() {
        let tag = keyed(&[7; 32]).chain_update(b"stele").finalize().into_bytes();
        assert_eq!(
            data_encoding::HEXLOWER.encode(&tag),
            "e6bc7c93d6d3d33ca3fd46d4abb2dd91001f8b11b4211e69d5a4764bdb8bbdff"
        );
    }
}
