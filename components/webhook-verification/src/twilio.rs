//! Twilio's `X-Twilio-Signature`: base64 of HMAC-SHA1, keyed with the account's auth token, over
//! the URL followed by the form's fields sorted by key.

use crate::contract::{Refusal, Request, TwilioKeys, Verified};
use crate::{form, headers, signed_url};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use subtle::ConstantTimeEq as _;

/// Checks `request` against each of `keys` in turn.
pub(crate) fn verify(request: &Request, keys: &TwilioKeys) -> Result<Verified, Refusal> {
    let keys = usable(&keys.auth_tokens)?;
    let sent = signature(&request.headers)?;
    let form = covered_form(request)?;
    let fields = signed_fields(&form);
    let urls = signed_url::candidates(&request.url);
    for (key_index, key) in (0..).zip(&keys) {
        for url in &urls {
            let made = key.sign(&[url.as_bytes(), fields.as_bytes()]);
            if bool::from(made.ct_eq(&sent)) {
                return Ok(Verified { key_index, form });
            }
        }
    }
    Err(Refusal::SignatureMismatch)
}

/// An auth token, ready to sign.
pub(crate) struct Key(Hmac<Sha1>);

impl Key {
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        Hmac::new_from_slice(bytes).ok().map(Self)
    }

    pub(crate) fn sign(&self, parts: &[&[u8]]) -> [u8; SIGNATURE_BYTES] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

fn usable(tokens: &[String]) -> Result<Vec<Key>, Refusal> {
    // Anyone can sign with an empty key, so one blank token spoils the whole list.
    if tokens.is_empty() || tokens.iter().any(|token| token.trim().is_empty()) {
        return Err(Refusal::NoKey);
    }
    tokens.iter().map(|token| Key::new(token.as_bytes()).ok_or(Refusal::NoKey)).collect()
}

fn signature(fields: &[(String, String)]) -> Result<[u8; SIGNATURE_BYTES], Refusal> {
    let value = headers::only(fields, SIGNATURE_HEADER)
        .map_err(|headers::Repeated| Refusal::MalformedSignature)?
        .ok_or(Refusal::MissingSignature)?;
    let bytes = STANDARD.decode(value).map_err(|_| Refusal::MalformedSignature)?;
    bytes.try_into().map_err(|_| Refusal::MalformedSignature)
}

/// The form that the signature is to cover, once it is sure that the signature will cover all of
/// the body.
fn covered_form(request: &Request) -> Result<Vec<(String, String)>, Refusal> {
    if request.method == "GET" {
        return match request.body.as_slice() {
            [] => Ok(Vec::new()),
            _ => {
                Err(Refusal::MalformedBody("a GET request is signed without a body, but has one".to_owned()))
            }
        };
    }
    let content_type = content_type(&request.headers)?;
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        FORM => form::decode(&request.body).map_err(Refusal::MalformedBody),
        JSON => check_body_hash(request).map(|()| Vec::new()),
        "" if request.body.is_empty() => Ok(Vec::new()),
        _ => Err(Refusal::UnsupportedContentType(content_type.to_owned())),
    }
}

fn content_type(fields: &[(String, String)]) -> Result<&str, Refusal> {
    headers::only(fields, CONTENT_TYPE_HEADER).map(Option::unwrap_or_default).map_err(|headers::Repeated| {
        let all: Vec<_> = headers::all(fields, CONTENT_TYPE_HEADER).collect();
        Refusal::UnsupportedContentType(all.join(", "))
    })
}

fn check_body_hash(request: &Request) -> Result<(), Refusal> {
    let query = request.url.split_once('?').map_or("", |(_, query)| query);
    let mut hashes = query.split('&').filter_map(|pair| pair.strip_prefix(BODY_HASH_PARAMETER));
    let signed = hashes.next().ok_or(Refusal::MissingBodyHash)?;
    let made = lower_case_hex(&Sha256::digest(&request.body));
    let equal = bool::from(made.as_bytes().ct_eq(signed.as_bytes()));
    if equal && hashes.next().is_none() { Ok(()) } else { Err(Refusal::BodyHashMismatch) }
}

/// Each key followed by a value, without any separator: keys in code-point order, and under each
/// key its distinct values in order.
fn signed_fields(form: &[(String, String)]) -> String {
    let mut sorted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (key, value) in form {
        sorted.entry(key).or_default().insert(value);
    }
    let pairs = sorted.iter().flat_map(|(key, values)| values.iter().flat_map(move |value| [*key, *value]));
    pairs.collect()
}

fn lower_case_hex(bytes: &[u8]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    nibbles.filter_map(|nibble| char::from_digit(nibble.into(), 16)).collect()
}

const SIGNATURE_HEADER: &str = "x-twilio-signature";

const CONTENT_TYPE_HEADER: &str = "content-type";

/// SHA-1 yields 160 bits.
const SIGNATURE_BYTES: usize = 20;

const FORM: &str = "application/x-www-form-urlencoded";

const JSON: &str = "application/json";

/// Twilio adds this to the query when it posts JSON: SHA-256 of the raw body in lower-case hex.
const BODY_HASH_PARAMETER: &str = "bodySHA256=";
