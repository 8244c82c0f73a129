//! HubSpot's `X-HubSpot-Signature`, in its three versions.
//!
//! No version separates the fields that it signs, so bytes could move from one to the next; each
//! check below that is not in HubSpot's documentation closes one such gap.

use crate::contract::{HubspotKeys, HubspotVersion, Refusal, Request, TimestampUnit};
use crate::freshness::{self, TOLERANCE_SECONDS, Timestamp};
use crate::mac::Key;
use crate::proof::Proof;
use crate::{encoding, headers, keys};
use hmac::Hmac;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Checks `request` against each of `settings`' secrets in turn.
pub(crate) fn verify(request: &Request, settings: &HubspotKeys) -> Result<Proof, Refusal> {
    let secrets = &settings.client_secrets;
    match settings.version {
        HubspotVersion::V1 => hashed(request, secrets, "v1", &[&request.body]),
        HubspotVersion::V2 => {
            let signed = [request.method.as_bytes(), request.url.as_bytes(), &request.body];
            hashed(request, secrets, "v2", &signed).and_then(|proof| check_url(request).map(|()| proof))
        }
        HubspotVersion::V3(now) => authenticated(request, secrets, now),
    }
}

/// Versions 1 and 2: the hash of a secret followed by what is signed.
fn hashed(request: &Request, secrets: &[String], version: &str, signed: &[&[u8]]) -> Result<Proof, Refusal> {
    let secrets = keys::usable(secrets, |secret| Some(secret.to_owned()))?;
    let sent = encoding::hex(headers::signature(&request.headers, HASH_HEADER)?);
    let sent = sent.ok_or(Refusal::MalformedSignature)?;
    if headers::required(&request.headers, VERSION_HEADER)? != version {
        return Err(Refusal::MalformedHeader(VERSION_HEADER.to_owned()));
    }
    // SHA-256 can be continued past its padding without the secret. The padding begins with a
    // byte that follows no complete character, so text never holds one.
    if std::str::from_utf8(&request.body).is_err() {
        return Err(Refusal::MalformedBody("the body is not UTF-8".to_owned()));
    }
    let key_index = keys::matching(&secrets, |secret| {
        let start = Sha256::new_with_prefix(secret);
        let made = signed.iter().fold(start, |hash, part| hash.chain_update(part)).finalize();
        made.as_slice().ct_eq(&sent).into()
    })?;
    Ok(Proof::by(key_index))
}

/// Version 3: a HMAC that includes the time.
fn authenticated(request: &Request, secrets: &[String], now: u64) -> Result<Proof, Refusal> {
    let secrets = keys::usable(secrets, |secret| Key::<Hmac<Sha256>>::new(secret.as_bytes()))?;
    let sent = encoding::base64(headers::signature(&request.headers, HMAC_HEADER)?);
    let sent = sent.ok_or(Refusal::MalformedSignature)?;
    let stamp = headers::required(&request.headers, TIMESTAMP_HEADER)?;
    // Digits at the end of a body cannot become the timestamp's: it would be one with a leading
    // zero, or far off the present.
    let timestamp = Timestamp::read(stamp, TimestampUnit::Milliseconds)
        .ok_or_else(|| Refusal::MalformedHeader(TIMESTAMP_HEADER.to_owned()))?;
    check_url(request)?;
    let url = decode(&request.url);
    let signed: [&[u8]; 4] = [request.method.as_bytes(), url.as_bytes(), &request.body, stamp.as_bytes()];
    let key_index = keys::matching(&secrets, |secret| secret.signs(&signed, &sent))?;
    let remember_seconds = timestamp.fresh(now, TOLERANCE_SECONDS)?;
    let replay = Some(freshness::guard("hubspot", &signed, remember_seconds));
    Ok(Proof { key_index, form: None, replay })
}

/// Refuses a URL that cannot be one: the start of a JSON body could have been moved to its end.
fn check_url(request: &Request) -> Result<(), Refusal> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    if request.url.bytes().all(allowed) { Ok(()) } else { Err(Refusal::SignatureMismatch) }
}

/// `url` as version 3 signs it: the escapes of twelve characters are decoded, once, all others stay.
///
/// Whether HubSpot decodes escapes with lower-case digits is not documented; they stay.
fn decode(url: &str) -> String {
    let mut pieces = url.split('%');
    let mut decoded = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let known = piece.get(..2).and_then(|digits| ESCAPES.iter().find(|(escape, _)| *escape == digits));
        match known {
            Some((_, character)) => {
                decoded.push(*character);
                decoded.push_str(piece.get(2..).unwrap_or_default());
            }
            None => {
                decoded.push('%');
                decoded.push_str(piece);
            }
        }
    }
    decoded
}

/// The escapes that are decoded before signing, from HubSpot's page on validating requests.
const ESCAPES: [(&str, char); 12] = [
    ("3A", ':'),
    ("2F", '/'),
    ("3F", '?'),
    ("40", '@'),
    ("21", '!'),
    ("24", '$'),
    ("27", '\''),
    ("28", '('),
    ("29", ')'),
    ("2A", '*'),
    ("2C", ','),
    ("3B", ';'),
];

const HASH_HEADER: &str = "x-hubspot-signature";

const VERSION_HEADER: &str = "x-hubspot-signature-version";

const HMAC_HEADER: &str = "x-hubspot-signature-v3";

const TIMESTAMP_HEADER: &str = "x-hubspot-request-timestamp";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_escapes_are_decoded_once_and_no_other() {
        for (url, decoded) in [
            ("https://h.test/%3A%2F%3F%40%21%24%27%28%29%2A%2C%3B", "https://h.test/:/?@!$'()*,;"),
            ("https://h.test/?a=%20%26%3D%2B%23%25", "https://h.test/?a=%20%26%3D%2B%23%25"),
            ("https://h.test/%253A%3a%3", "https://h.test/%253A%3a%3"),
            ("%", "%"),
            ("%é", "%é"),
            ("", ""),
        ] {
            assert_eq!(decode(url), decoded);
        }
    }
}
