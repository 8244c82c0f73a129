//! Requests as text: what a sample holds.
//!
//! A request is a line of a word and a target, lines of headers, an empty line and a body; `\n===\n` stands between two.
//! The letters of the word say how it is sent:
//!
//! - `s` signed by who sends to this target, `h` the same by Vapi's other scheme, `t` signed and then altered; else it has
//!   the headers that it has;
//! - `j` as JSON, else as a form;
//! - `g` not POSTed, `2` delivered twice, `b` broken off, `l` larger than is read;
//! - `d` while the database is down, `f` while the host fails.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carrier_webhooks::service::{Body, Incoming, body_bytes_max};
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderName, HeaderValue, Method};
use sha1::Sha1;
use sha2::Sha256;

use super::platform::{BASE, NOW, TWILIO_TOKEN, VAPI_HMAC_SECRET, VAPI_SECRET};

/// The most requests of one sample.
const REQUESTS_MAX: usize = 12;

/// One request and its circumstances.
pub struct Delivery {
    pub request: Incoming,
    /// Whether its sender can prove where it comes from.
    pub proven: bool,
    pub twice: bool,
    pub database_is_down: bool,
    pub host_fails: bool,
    /// Bytes of target, headers and body.
    pub length: usize,
}

/// The requests that these bytes are.
pub fn deliveries(data: &[u8]) -> Vec<Delivery> {
    let mut rest = data;
    let mut found = Vec::new();
    while found.len() < REQUESTS_MAX {
        let (one, more) = cut(rest, b"\n===\n");
        found.push(delivery(one));
        match more {
            Some(more) => rest = more,
            None => break,
        }
    }
    found
}

fn delivery(data: &[u8]) -> Delivery {
    let (head, body) = cut(data, b"\n\n");
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split('\n');
    let (word, target) = lines.next().unwrap_or_default().split_once(' ').unwrap_or_default();
    let has = |letter| word.contains(letter);
    let method = if has('g') { Method::PUT } else { Method::POST };
    let content_type = if has('j') { "application/json" } else { "application/x-www-form-urlencoded" };
    let mut builder = http::Request::builder()
        .method(method)
        .header("host", "127.0.0.1:3000")
        .header("content-type", content_type);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let header =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.trim().as_bytes()));
        if let (Ok(name), Ok(value)) = header {
            builder = builder.header(name, value);
        }
    }
    let mut body = body.unwrap_or_default().to_vec();
    let signing = has('s') || has('h') || has('t');
    if signing {
        for (name, value) in signature(target, &body, has('h') || has('t')) {
            builder = builder.header(name, value);
        }
    }
    if has('t') {
        body.extend_from_slice(b"&x=1");
    }
    let length = data.len();
    let (parts, ()) = builder.body(()).expect("checked parts").into_parts();
    let mut request = Incoming::new(&parts, Body::Broken);
    target.clone_into(&mut request.target);
    let path = target.split('?').next().unwrap_or_default();
    request.body = match () {
        () if has('b') => Body::Broken,
        () if has('l') || body.len() > body_bytes_max(path) => Body::TooLarge,
        () => Body::Whole(body),
    };
    Delivery {
        request,
        proven: signing && !has('t'),
        twice: has('2'),
        database_is_down: has('d'),
        host_fails: has('f'),
        length,
    }
}

/// What is before the first `mark`, and what after, if there is one.
fn cut<'a>(data: &'a [u8], mark: &[u8]) -> (&'a [u8], Option<&'a [u8]>) {
    match data.windows(mark.len()).position(|part| part == mark) {
        Some(at) => (&data[..at], Some(&data[at + mark.len()..])),
        None => (data, None),
    }
}

/// The headers of who sends to this target.
fn signature(target: &str, body: &[u8], by_hmac: bool) -> Vec<(&'static str, String)> {
    let seconds = NOW.as_secs().to_string();
    if target.contains("/twilio/") {
        vec![("x-twilio-signature", of_twilio(target, body))]
    } else if target.contains("/telnyx/") {
        let signed = [seconds.as_bytes(), b"|", body].concat();
        let signature = STANDARD.encode(telnyx_key().sign(&signed).to_bytes());
        vec![("telnyx-signature-ed25519", signature), ("telnyx-timestamp", seconds)]
    } else if by_hmac {
        let mut mac = Hmac::<Sha256>::new_from_slice(VAPI_HMAC_SECRET.as_bytes()).expect("a key");
        mac.update(&[seconds.as_bytes(), b".", body].concat());
        vec![("x-signature", hex(&mac.finalize().into_bytes())), ("x-timestamp", seconds)]
    } else {
        vec![("authorization", format!("Bearer {VAPI_SECRET}"))]
    }
}

/// Over the URL and the form, its fields by name, each value of a name once.
fn of_twilio(target: &str, body: &[u8]) -> String {
    let mut pairs: Vec<(String, String)> = url::form_urlencoded::parse(body).into_owned().collect();
    pairs.sort();
    pairs.dedup();
    let mut mac = Hmac::<Sha1>::new_from_slice(TWILIO_TOKEN.as_bytes()).expect("a key");
    mac.update(format!("{BASE}{target}").as_bytes());
    for (name, value) in pairs {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Telnyx's key in these requests.
pub fn telnyx_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
