//! Authenticated encryption: XChaCha20-Poly1305 with a random nonce in front of the ciphertext.

#[cfg(test)]
mod tests;

use chacha20poly1305::{
    Key, XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};

use crate::random;

const NONCE: usize = 24;

/// Seals a value. It opens only under the same key and the same context.
pub(crate) fn seal(key: &[u8; 32], context: &[u8], value: &[u8]) -> Vec<u8> {
    let nonce: [u8; NONCE] = random::bytes();
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    let payload = Payload { msg: value, aad: context };
    let mut sealed = nonce.to_vec();
    // The cipher refuses messages of 256 GiB and more, which no value here can be.
    sealed.extend(cipher.encrypt(&XNonce::from(nonce), payload).unwrap_or_default());
    sealed
}

/// The value again, unless key, context or a single bit differ.
pub(crate) fn open(key: &[u8; 32], context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, text) = sealed.split_first_chunk::<NONCE>()?;
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    cipher.decrypt(&XNonce::from(*nonce), Payload { msg: text, aad: context }).ok()
}
