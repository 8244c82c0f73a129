//! Keyed hashes, the core of all schemes but Telnyx's.

use hmac::{KeyInit, Mac};

/// A secret, ready to sign with the algorithm `M`.
pub(crate) struct Key<M>(M);

impl<M: Mac + KeyInit + Clone> Key<M> {
    /// The key with these bytes; none if they are empty, for anyone could sign with it.
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return None;
        }
        <M as KeyInit>::new_from_slice(bytes).ok().map(Self)
    }

    /// Whether `sent` signs `parts` in this order. Takes the same time wherever the two differ.
    pub(crate) fn signs(&self, parts: &[&[u8]], sent: &[u8]) -> bool {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.verify_slice(sent).is_ok()
    }
}
