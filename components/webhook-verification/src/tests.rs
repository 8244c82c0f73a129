//! The component as its callers see it.

mod bearer;
mod configured_hmac;
mod hubspot;
mod properties;
mod refusals;
mod sender;
mod standard_webhooks;
mod stripe;
mod tampering;
mod telnyx;
mod vectors;

use crate::Component;
use crate::contract::{Guest as _, Refusal, Request, Scheme, TwilioKeys, Verified};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::{BTreeMap, BTreeSet};

const TOKEN: &str = "f3b2c1d4e5a6978899aabbccddeeff00";

fn verify(request: &Request, tokens: &[&str]) -> Result<Verified, Refusal> {
    let auth_tokens = tokens.iter().map(|token| (*token).to_owned()).collect();
    Component::verify(request.clone(), Scheme::Twilio(TwilioKeys { auth_tokens }))
}

fn form_request(url: &str, fields: &[(&str, &str)]) -> Request {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    Request {
        method: "POST".to_owned(),
        url: url.to_owned(),
        headers: vec![header("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")],
        body: body.into_bytes(),
    }
}

fn header(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// Signs as the carrier does, over `url`, whatever the URL of `request` is.
fn signed(mut request: Request, url: &str) -> Request {
    let is_form = request.headers.iter().any(|(_, value)| value.contains("urlencoded"));
    let fields: Vec<(String, String)> =
        if is_form { url::form_urlencoded::parse(&request.body).into_owned().collect() } else { Vec::new() };
    request.headers.push(header("X-Twilio-Signature", &sign(TOKEN, url, &fields)));
    request
}

/// The carrier's side of the scheme, written apart from the product's.
fn sign(token: &str, url: &str, fields: &[(String, String)]) -> String {
    let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (key, value) in fields.iter().cloned() {
        keys.entry(key).or_default().insert(value);
    }
    let mut message = url.to_owned();
    for (key, values) in keys {
        for value in values {
            message += &key;
            message += &value;
        }
    }
    let mut mac = <hmac::Hmac<sha1::Sha1> as hmac::KeyInit>::new_from_slice(token.as_bytes()).unwrap();
    hmac::Mac::update(&mut mac, message.as_bytes());
    STANDARD.encode(hmac::Mac::finalize(mac).into_bytes())
}
