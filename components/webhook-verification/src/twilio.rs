//! Twilio's `X-Twilio-Signature`: base64 of HMAC-SHA1, keyed with the account's auth token, over
//! the URL followed by the form's fields sorted by key.

use crate::content_type::{self, FORM, JSON};
use crate::contract::{Refusal, Request, TwilioKeys};
use crate::mac::Key;
use crate::proof::Proof;
use crate::{encoding, form, headers, keys, signed_url};
use hmac::Hmac;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use subtle::ConstantTimeEq as _;

/// Checks `request` against each of `settings`' tokens in turn.
pub(crate) fn verify(request: &Request, settings: &TwilioKeys) -> Result<Proof, Refusal> {
    let tokens = keys::usable(&settings.auth_tokens, |token| Key::<Hmac<Sha1>>::new(token.as_bytes()))?;
    let sent = signature(&request.headers)?;
    let form = covered_form(request)?;
    let fields = signed_fields(form.as_deref().unwrap_or_default());
    let urls = signed_url::candidates(&request.url);
    let signed =
        |token: &Key<Hmac<Sha1>>, url: &String| token.signs(&[url.as_bytes(), fields.as_bytes()], &sent);
    let key_index = keys::matching(&tokens, |token| urls.iter().any(|url| signed(token, url)))?;
    Ok(Proof { form, ..Proof::by(key_index) })
}

fn signature(fields: &[(String, String)]) -> Result<Vec<u8>, Refusal> {
    let bytes = encoding::base64(headers::signature(fields, SIGNATURE_HEADER)?);
    bytes.filter(|bytes| bytes.len() == SIGNATURE_BYTES).ok_or(Refusal::MalformedSignature)
}

/// The form that the signature is to cover, once it is sure that the signature will cover all of
/// the body.
fn covered_form(request: &Request) -> Result<Option<Vec<(String, String)>>, Refusal> {
    if request.method == "GET" {
        return match request.body.as_slice() {
            [] => Ok(None),
            _ => {
                Err(Refusal::MalformedBody("a GET request is signed without a body, but has one".to_owned()))
            }
        };
    }
    let content_type = content_type::stated(&request.headers)?;
    match content_type::essence(content_type).as_str() {
        FORM => form::decode(&request.body).map(Some).map_err(Refusal::MalformedBody),
        JSON => check_body_hash(request).map(|()| None),
        "" if request.body.is_empty() => Ok(None),
        _ => Err(Refusal::UnsupportedContentType(content_type.to_owned())),
    }
}

fn check_body_hash(request: &Request) -> Result<(), Refusal> {
    let query = request.url.split_once('?').map_or("", |(_, query)| query);
    let mut hashes = query.split('&').filter_map(|pair| pair.strip_prefix(BODY_HASH_PARAMETER));
    let signed = hashes.next().ok_or(Refusal::MissingBodyHash)?;
    let made = encoding::lower_case_hex(&Sha256::digest(&request.body));
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

const SIGNATURE_HEADER: &str = "x-twilio-signature";

/// SHA-1 yields 160 bits.
const SIGNATURE_BYTES: usize = 20;

/// Twilio adds this to the query when it posts JSON: SHA-256 of the raw body in lower-case hex.
const BODY_HASH_PARAMETER: &str = "bodySHA256=";
