//! Stripe's `Stripe-Signature`: `t=<seconds>,v1=<hex>`, where `v1` is the HMAC-SHA256 of
//! `{t}.{body}` and may occur several times.

use crate::contract::{Refusal, Request, StripeKeys, TimestampUnit};
use crate::freshness::{self, TOLERANCE_SECONDS, Timestamp};
use crate::mac::Key;
use crate::proof::Proof;
use crate::{encoding, headers, keys};
use hmac::Hmac;
use sha2::Sha256;

/// Checks `request` against each of `settings`' secrets in turn.
pub(crate) fn verify(request: &Request, settings: &StripeKeys) -> Result<Proof, Refusal> {
    let secrets = keys::usable(&settings.secrets, |secret| Key::<Hmac<Sha256>>::new(secret.as_bytes()))?;
    let header = headers::signature(&request.headers, HEADER)?;
    let Parts { stamp, signatures } = Parts::of(header).ok_or(Refusal::MalformedSignature)?;
    let timestamp = Timestamp::read(stamp, TimestampUnit::Seconds).ok_or(Refusal::MalformedSignature)?;
    let message: [&[u8]; 3] = [stamp.as_bytes(), b".", &request.body];
    let key_index =
        keys::matching(&secrets, |secret| signatures.iter().any(|sent| secret.signs(&message, sent)))?;
    let remember_seconds = timestamp.fresh(settings.now, TOLERANCE_SECONDS)?;
    let replay = Some(freshness::guard("stripe", &message, remember_seconds));
    Ok(Proof { key_index, form: None, replay })
}

/// The header's elements that count.
struct Parts<'a> {
    stamp: &'a str,
    signatures: Vec<Vec<u8>>,
}

impl<'a> Parts<'a> {
    /// Cuts up `header`, if it has one timestamp and a signature of version 1.
    ///
    /// Other versions are passed over, above all `v0`, which Stripe sends for tests. A signature of
    /// version 1 that is not hex matches nothing, and does not spoil one that does.
    fn of(header: &'a str) -> Option<Self> {
        let elements = || header.split(',').filter_map(|element| element.split_once('='));
        let mut stamps = elements().filter(|(name, _)| *name == "t").map(|(_, value)| value);
        let stamp = stamps.next()?;
        let versioned = || elements().filter(|(name, _)| *name == "v1");
        if stamps.next().is_some() || versioned().next().is_none() {
            return None;
        }
        let signatures = versioned().filter_map(|(_, value)| encoding::hex(value)).collect();
        Some(Self { stamp, signatures })
    }
}

const HEADER: &str = "stripe-signature";
