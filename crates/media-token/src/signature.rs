//! The HMAC-SHA256 of tokens and its comparison.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// The length of a signature in bytes.
pub(crate) const BYTES: usize = 32;

/// Separates these signatures from all others that the same secret may make.
/// The zero byte ends it, so no payload can continue it.
const DOMAIN: &[u8] = b"voicehive media token v1\0";

/// A keyed HMAC-SHA256, ready to sign.
#[derive(Clone)]
pub(crate) struct Key(Hmac<Sha256>);

impl Key {
    /// The key of these bytes; `None` if HMAC cannot take them.
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        Hmac::new_from_slice(bytes).ok().map(Self)
    }

    /// The signature over the encoded payload.
    pub(crate) fn sign(&self, payload: &str) -> [u8; BYTES] {
        self.hmac_sha256(&[DOMAIN, payload.as_bytes()])
    }

    /// Whether `signature` is the one over the encoded payload, in constant time.
    pub(crate) fn matches(&self, payload: &str, signature: &[u8; BYTES]) -> bool {
        self.sign(payload).ct_eq(signature).into()
    }

    fn hmac_sha256(&self, parts: &[&[u8]]) -> [u8; BYTES] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn macs_equal_those_of_rfc_4231() {
        let vectors: Vec<Value> =
            serde_json::from_str(include_str!("../tests/vectors/hmac_sha256.json")).unwrap();
        assert_eq!(vectors.len(), 3);
        println!("hmac_sha256: {} vectors", vectors.len());
        for vector in vectors {
            let key = unhex(vector["inputs"]["key_hex"].as_str().unwrap());
            let data = unhex(vector["inputs"]["data_hex"].as_str().unwrap());
            let expected = unhex(vector["expected"]["mac_hex"].as_str().unwrap());
            let (head, tail) = data.split_at(data.len() / 2);
            let mac = Key::new(&key).unwrap().hmac_sha256(&[head, tail]);
            assert_eq!(mac.as_slice(), expected, "{}", vector["id"]);
        }
    }

    fn unhex(hex: &str) -> Vec<u8> {
        hex.as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }
}
