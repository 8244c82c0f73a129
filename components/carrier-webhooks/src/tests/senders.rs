//! The other senders, who sign what they send.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use store::Timestamp;

use super::setting::{NOW, request};
use crate::service::Incoming;

pub const VAPI_SECRET: &str = "vapi's shared secret";
pub const VAPI_HMAC_SECRET: &str = "vapi's signing secret";

/// The public key of [`telnyx`].
pub fn telnyx_key() -> String {
    STANDARD.encode(signing_key().verifying_key().to_bytes())
}

/// What Telnyx sends: JSON, signed at this time.
pub fn telnyx(target: &str, body: &str, at: Timestamp) -> Incoming {
    let stamp = at.as_secs().to_string();
    let signature = STANDARD.encode(signing_key().sign(format!("{stamp}|{body}").as_bytes()).to_bytes());
    let headers = [("telnyx-signature-ed25519", signature.as_str()), ("telnyx-timestamp", &stamp)];
    json(target, &headers, body)
}

/// What Vapi sends with its secret in this header.
pub fn vapi(target: &str, header: &str, value: &str, body: &str) -> Incoming {
    json(target, &[(header, value)], body)
}

/// What Vapi sends with its signature.
pub fn vapi_signed(target: &str, body: &str) -> Incoming {
    let stamp = NOW.0.to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(VAPI_HMAC_SECRET.as_bytes()).unwrap();
    mac.update(format!("{stamp}.{body}").as_bytes());
    let signature: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    json(target, &[("x-signature", &signature), ("x-timestamp", &stamp)], body)
}

fn json(target: &str, headers: &[(&str, &str)], body: &str) -> Incoming {
    let mut request = request(target, headers, body.as_bytes().to_vec());
    for (name, value) in &mut request.headers {
        if name == "content-type" {
            "application/json".clone_into(value);
        }
    }
    request
}

fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}
