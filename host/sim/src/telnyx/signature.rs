//! How Telnyx signs its webhooks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use uuid::Uuid;

/// The account's key pair.
#[derive(Debug)]
pub(super) struct Keys(SigningKey);

impl Keys {
    /// The pair that `seed` makes, or a new one.
    pub(super) fn new(seed: Option<[u8; 32]>) -> Self {
        Self(SigningKey::from_bytes(&seed.unwrap_or_else(random)))
    }

    /// The public key as Mission Control shows it: standard base64 of its 32 bytes.
    pub(super) fn public(&self) -> String {
        STANDARD.encode(self.0.verifying_key().as_bytes())
    }

    /// `telnyx-signature-ed25519` of a body sent at `timestamp`, which is the very text of `telnyx-timestamp`.
    pub(super) fn sign(&self, timestamp: &str, body: &str) -> String {
        STANDARD.encode(self.0.sign(format!("{timestamp}|{body}").as_bytes()).to_bytes())
    }
}

/// 244 random bits, which do for an account that lives as long as this process.
fn random() -> [u8; 32] {
    let mut seed = [0; 32];
    for (half, id) in seed.chunks_exact_mut(16).zip([Uuid::new_v4(), Uuid::new_v4()]) {
        half.copy_from_slice(id.as_bytes());
    }
    seed
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signature, VerifyingKey};

    use super::*;

    #[test]
    fn a_signature_is_of_the_timestamp_a_bar_and_the_body() {
        let keys = Keys::new(None);
        let public: [u8; 32] = STANDARD.decode(keys.public()).unwrap().try_into().unwrap();
        let key = VerifyingKey::from_bytes(&public).unwrap();
        let signature = STANDARD.decode(keys.sign("1700000000", "{}")).unwrap();
        let signature = Signature::from_slice(&signature).unwrap();
        assert!(key.verify_strict(b"1700000000|{}", &signature).is_ok());
        assert!(key.verify_strict(b"1700000001|{}", &signature).is_err());
    }

    #[test]
    fn a_seed_makes_one_pair_and_no_seed_another_each_time() {
        assert_eq!(Keys::new(Some([7; 32])).public(), Keys::new(Some([7; 32])).public());
        assert_ne!(Keys::new(None).public(), Keys::new(None).public());
    }
}
