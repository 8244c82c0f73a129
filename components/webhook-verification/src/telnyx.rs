//! Telnyx's `telnyx-signature-ed25519`: base64 of an Ed25519 signature over the timestamp, `|` and
//! the body.

use crate::content_type::{self, FORM};
use crate::contract::{Refusal, Request, TelnyxKeys, TimestampUnit};
use crate::freshness::{self, TOLERANCE_SECONDS, Timestamp};
use crate::proof::Proof;
use crate::{encoding, form, headers, keys};
use ed25519_dalek::{Signature, VerifyingKey};

/// Checks `request` against each of `settings`' public keys in turn.
pub(crate) fn verify(request: &Request, settings: &TelnyxKeys) -> Result<Proof, Refusal> {
    let public_keys = keys::usable(&settings.public_keys, PublicKey::read)?;
    let signature = encoding::base64(headers::signature(&request.headers, SIGNATURE_HEADER)?);
    let signature: [u8; Signature::BYTE_SIZE] =
        signature.and_then(|bytes| bytes.try_into().ok()).ok_or(Refusal::MalformedSignature)?;
    let stamp = headers::required(&request.headers, TIMESTAMP_HEADER)?;
    let timestamp = Timestamp::read(stamp, TimestampUnit::Seconds)
        .ok_or_else(|| Refusal::MalformedHeader(TIMESTAMP_HEADER.to_owned()))?;
    let message = [stamp.as_bytes(), b"|", &request.body].concat();
    let key_index = keys::matching(&public_keys, |key| key.verifies(&message, &signature))?;
    let remember_seconds = timestamp.fresh(settings.now, TOLERANCE_SECONDS)?;
    let replay = Some(freshness::guard("telnyx", &[&message], remember_seconds));
    Ok(Proof { key_index, form: carried_form(request)?, replay })
}

/// The fields of a TeXML callback; Call Control sends JSON.
fn carried_form(request: &Request) -> Result<Option<Vec<(String, String)>>, Refusal> {
    match content_type::essence(content_type::stated(&request.headers)?).as_str() {
        FORM => form::decode(&request.body).map(Some).map_err(Refusal::MalformedBody),
        _ => Ok(None),
    }
}

/// An Ed25519 public key.
pub(crate) struct PublicKey(VerifyingKey);

impl PublicKey {
    fn read(text: &str) -> Option<Self> {
        encoding::base64(text).and_then(|bytes| Self::new(&bytes))
    }

    /// The key with these 32 bytes, unless it is one of the few that verify what nobody signed.
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        let key = VerifyingKey::from_bytes(bytes.try_into().ok()?).ok()?;
        (!key.is_weak()).then_some(Self(key))
    }

    /// Whether `signature` is one of `message`. Strictly: there is no second signature that
    /// someone else could derive from it.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8; Signature::BYTE_SIZE]) -> bool {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

const SIGNATURE_HEADER: &str = "telnyx-signature-ed25519";

const TIMESTAMP_HEADER: &str = "telnyx-timestamp";
