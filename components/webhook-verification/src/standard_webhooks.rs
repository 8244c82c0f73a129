//! Standard Webhooks: a list of `v1,<base64>`, where the value is the HMAC-SHA256 of
//! `{id}.{timestamp}.{body}`.
//!
//! Facts: the specification of Standard Webhooks, version 1.0.0.

use crate::contract::{
    Refusal, ReplayGuard, Request, StandardWebhooksHeaders, StandardWebhooksKeys, TimestampUnit,
};
use crate::freshness::{TOLERANCE_SECONDS, Timestamp};
use crate::mac::Key;
use crate::proof::Proof;
use crate::{encoding, headers, keys};
use hmac::Hmac;
use sha2::Sha256;

/// Checks `request` against each of `settings`' secrets in turn.
pub(crate) fn verify(request: &Request, settings: &StandardWebhooksKeys) -> Result<Proof, Refusal> {
    let secrets = keys::usable(&settings.secrets, secret)?;
    let names = Names::of(settings.headers);
    let signatures = signatures(headers::signature(&request.headers, names.signature)?)?;
    let id = message_id(&request.headers, names.id)?;
    let stamp = headers::required(&request.headers, names.timestamp)?;
    let timestamp = Timestamp::read(stamp, TimestampUnit::Seconds)
        .ok_or_else(|| Refusal::MalformedHeader(names.timestamp.to_owned()))?;
    let message: [&[u8]; 5] = [id.as_bytes(), b".", stamp.as_bytes(), b".", &request.body];
    let key_index =
        keys::matching(&secrets, |secret| signatures.iter().any(|sent| secret.signs(&message, sent)))?;
    let remember_seconds = timestamp.fresh(settings.now, TOLERANCE_SECONDS)?;
    let replay = Some(ReplayGuard { key: id.to_owned(), remember_seconds });
    Ok(Proof { key_index, form: None, replay })
}

fn secret(text: &str) -> Option<Key<Hmac<Sha256>>> {
    let encoded = text.strip_prefix(SECRET_PREFIX).unwrap_or(text);
    encoding::base64(encoded).and_then(|bytes| Key::new(&bytes))
}

/// The signatures of version 1, if there are any. One that is not base64 matches nothing, and does
/// not spoil one that does.
fn signatures(header: &str) -> Result<Vec<Vec<u8>>, Refusal> {
    let versioned = || header.split(' ').filter_map(|element| element.strip_prefix("v1,"));
    if versioned().next().is_none() {
        return Err(Refusal::MalformedSignature);
    }
    Ok(versioned().filter_map(encoding::base64).collect())
}

/// The message's id, fit to be kept in a set.
pub(crate) fn message_id<'a>(fields: &'a [(String, String)], name: &str) -> Result<&'a str, Refusal> {
    let id = headers::required(fields, name)?;
    // With a full stop in it, part of the id could be passed off as the timestamp.
    let fit = id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.');
    if fit && (1..=LONGEST_ID_BYTES).contains(&id.len()) {
        Ok(id)
    } else {
        Err(Refusal::MalformedHeader(name.to_owned()))
    }
}

/// The headers' names.
struct Names {
    id: &'static str,
    timestamp: &'static str,
    signature: &'static str,
}

impl Names {
    fn of(headers: StandardWebhooksHeaders) -> Self {
        match headers {
            StandardWebhooksHeaders::Webhook => {
                Self { id: "webhook-id", timestamp: "webhook-timestamp", signature: "webhook-signature" }
            }
            StandardWebhooksHeaders::Svix => {
                Self { id: "svix-id", timestamp: "svix-timestamp", signature: "svix-signature" }
            }
        }
    }
}

/// What secrets begin with, so that people know them when they see them.
const SECRET_PREFIX: &str = "whsec_";

/// Ids in use have about 30 characters; the bound is ours.
const LONGEST_ID_BYTES: usize = 256;
