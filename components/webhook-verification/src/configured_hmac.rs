//! A HMAC whose form is configured, as Vapi's HMAC credential: header, prefix, encoding, payload
//! and timestamp are the operator's to say.

use crate::contract::{
    HmacAlgorithm, HmacKeys, HmacTimestamp, Refusal, ReplayGuard, Request, SignatureEncoding,
};
use crate::freshness::{self, Timestamp};
use crate::mac::Key;
use crate::payload::{self, Piece};
use crate::proof::Proof;
use crate::standard_webhooks::message_id;
use crate::{encoding, headers, keys};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

/// Checks `request` against each of `settings`' secrets in turn.
pub(crate) fn verify(request: &Request, settings: &HmacKeys) -> Result<Proof, Refusal> {
    match settings.algorithm {
        HmacAlgorithm::Sha1 => verify_by::<Hmac<Sha1>>(request, settings),
        HmacAlgorithm::Sha256 => verify_by::<Hmac<Sha256>>(request, settings),
        HmacAlgorithm::Sha512 => verify_by::<Hmac<Sha512>>(request, settings),
    }
}

fn verify_by<M: Mac + KeyInit + Clone>(request: &Request, settings: &HmacKeys) -> Result<Proof, Refusal> {
    let secrets = keys::usable(&settings.secrets, |text| secret::<M>(text, settings.secrets_are_base64))?;
    let pieces = checked_payload(settings).map_err(Refusal::Misconfigured)?;
    let sent = signature(request, settings)?;
    let timestamp = settings.timestamp.as_ref().map(|timestamp| Stamp::of(request, timestamp)).transpose()?;
    let id_header = settings.message_id_header.as_deref();
    let id = id_header.map(|name| message_id(&request.headers, name)).transpose()?;
    let signed: Vec<&[u8]> = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.as_bytes(),
            Piece::Body => &request.body,
            Piece::Timestamp => timestamp.as_ref().map_or("", |stamp| stamp.text).as_bytes(),
            Piece::Method => request.method.as_bytes(),
            Piece::Url => request.url.as_bytes(),
            Piece::MessageId => id.unwrap_or_default().as_bytes(),
        })
        .collect();
    let key_index = keys::matching(&secrets, |secret| secret.signs(&signed, &sent))?;
    let replay = timestamp.map(|stamp| stamp.guard(id, &signed)).transpose()?;
    Ok(Proof { key_index, form: None, replay })
}

fn secret<M: Mac + KeyInit + Clone>(text: &str, is_base64: bool) -> Option<Key<M>> {
    if is_base64 { Key::new(&encoding::base64(text)?) } else { Key::new(text.as_bytes()) }
}

/// The pieces of the payload, if the signature then covers all that is relied upon.
fn checked_payload(settings: &HmacKeys) -> Result<Vec<Piece<'_>>, String> {
    let pieces = payload::read(&settings.payload)?;
    let headers = [
        Some(&settings.header),
        settings.timestamp.as_ref().map(|timestamp| &timestamp.header),
        settings.message_id_header.as_ref(),
    ];
    let fault = if headers.into_iter().flatten().any(|name| name.trim().is_empty()) {
        "a header has no name"
    } else if !pieces.contains(&Piece::Body) {
        "the payload must hold {body}"
    } else if pieces.contains(&Piece::Timestamp) != settings.timestamp.is_some() {
        "the payload must hold {timestamp} if a timestamp is configured, and only then"
    } else if pieces.contains(&Piece::MessageId) != settings.message_id_header.is_some() {
        "the payload must hold {svix-id} if a message id is configured, and only then"
    } else {
        return Ok(pieces);
    };
    Err(fault.to_owned())
}

fn signature(request: &Request, settings: &HmacKeys) -> Result<Vec<u8>, Refusal> {
    let text = headers::signature(&request.headers, &settings.header)?;
    let text = text.strip_prefix(&settings.prefix).ok_or(Refusal::MalformedSignature)?;
    let bytes = match settings.encoding {
        SignatureEncoding::Hex => encoding::hex(text),
        SignatureEncoding::Base64 => encoding::base64(text),
    };
    bytes.ok_or(Refusal::MalformedSignature)
}

/// The timestamp of a request, and what it is held against.
struct Stamp<'a> {
    text: &'a str,
    time: Timestamp,
    settings: &'a HmacTimestamp,
}

impl<'a> Stamp<'a> {
    fn of(request: &'a Request, settings: &'a HmacTimestamp) -> Result<Self, Refusal> {
        let text = headers::required(&request.headers, &settings.header)?;
        let time = Timestamp::read(text, settings.unit)
            .ok_or_else(|| Refusal::MalformedHeader(settings.header.clone()))?;
        Ok(Self { text, time, settings })
    }

    /// How a copy of the request is told, provided that it is fresh.
    fn guard(&self, id: Option<&str>, signed: &[&[u8]]) -> Result<ReplayGuard, Refusal> {
        let remember_seconds = self.time.fresh(self.settings.now, self.settings.tolerance_seconds)?;
        Ok(match id {
            Some(id) => ReplayGuard { key: id.to_owned(), remember_seconds },
            None => freshness::guard("hmac", signed, remember_seconds),
        })
    }
}
