//! The senders' side of the schemes, written apart from the product's.

use super::*;
use crate::contract::{
    BearerKeys, HmacAlgorithm, HmacKeys, HmacTimestamp, HubspotKeys, HubspotVersion, SignatureEncoding,
    StandardWebhooksHeaders, StandardWebhooksKeys, StripeKeys, TelnyxKeys, TimestampUnit,
};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// When everything here is signed, milliseconds since the Unix epoch.
pub const NOW: u64 = 1_700_000_000_000;

pub const SECRET: &str = "s3cr3t-of-the-sender";

/// A request as a sender sends it, the scheme that it passes, and what a signature covers of it.
#[derive(Clone, Debug)]
pub struct Sent {
    pub request: Request,
    pub scheme: Scheme,
    pub covers_body: bool,
    pub covers_url: bool,
}

impl Sent {
    pub fn verdict(&self) -> Result<Verified, Refusal> {
        Component::verify(self.request.clone(), self.scheme.clone())
    }

    /// With the value of the header `name` replaced.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let header = self.request.headers.iter_mut().find(|(known, _)| known == name);
        header.unwrap_or_else(|| panic!("{name}")).1 = value.to_owned();
        self
    }

    pub fn header(&self, name: &str) -> &str {
        &self.request.headers.iter().find(|(known, _)| known == name).unwrap().1
    }
}

/// Sends a request to this URL, with this body.
pub type Sender = fn(&str, &str) -> Sent;

/// One sender for each scheme and version.
pub const ALL: [Sender; 9] = [
    |url, body| telnyx(url, body, 0),
    bearer,
    |url, body| hmac(url, body, hmac_keys()),
    |url, body| {
        let payload = "{method}:{url}:{timestamp}:{body}".to_owned();
        hmac(url, body, HmacKeys { payload, ..hmac_keys() })
    },
    |url, body| stripe(url, body, 0),
    |url, body| hubspot(url, body, HubspotVersion::V1),
    |url, body| hubspot(url, body, HubspotVersion::V2),
    |url, body| hubspot(url, body, HubspotVersion::V3(NOW)),
    |url, body| standard_webhooks(url, body, 0),
];

/// By the clock of a sender that is `ahead` of ours, in seconds.
pub fn telnyx(url: &str, body: &str, ahead: i64) -> Sent {
    let key = SigningKey::from_bytes(&[7; 32]);
    let stamp = stamp(ahead);
    let signature = key.sign(format!("{stamp}|{body}").as_bytes());
    let headers = vec![
        header("telnyx-signature-ed25519", &STANDARD.encode(signature.to_bytes())),
        header("telnyx-timestamp", &stamp),
    ];
    let public_keys = vec![STANDARD.encode(key.verifying_key().to_bytes())];
    sent(url, body, headers, Scheme::Telnyx(TelnyxKeys { public_keys, now: NOW }))
}

pub fn bearer(url: &str, body: &str) -> Sent {
    let headers = vec![header("authorization", &format!("Bearer {SECRET}"))];
    let scheme = Scheme::Bearer(BearerKeys {
        header: "Authorization".to_owned(),
        prefix: "Bearer ".to_owned(),
        tokens: vec![SECRET.to_owned()],
    });
    Sent { covers_body: false, ..sent(url, body, headers, scheme) }
}

/// Vapi's defaults.
pub fn hmac_keys() -> HmacKeys {
    HmacKeys {
        secrets: vec![SECRET.to_owned()],
        secrets_are_base64: false,
        algorithm: HmacAlgorithm::Sha256,
        header: "x-signature".to_owned(),
        prefix: String::new(),
        encoding: SignatureEncoding::Hex,
        payload: "{timestamp}.{body}".to_owned(),
        timestamp: Some(HmacTimestamp {
            header: "x-timestamp".to_owned(),
            unit: TimestampUnit::Either,
            tolerance_seconds: 300,
            now: NOW,
        }),
        message_id_header: None,
    }
}

pub fn hmac(url: &str, body: &str, keys: HmacKeys) -> Sent {
    let stamp = stamp(0);
    let message = keys
        .payload
        .replace("{timestamp}", &stamp)
        .replace("{method}", "POST")
        .replace("{url}", url)
        .replace("{svix-id}", "msg_1")
        .replace("{body}", body);
    let key = SECRET.as_bytes();
    let mac = match keys.algorithm {
        HmacAlgorithm::Sha1 => mac::<hmac::Hmac<sha1::Sha1>>(key, &message),
        HmacAlgorithm::Sha256 => mac::<hmac::Hmac<Sha256>>(key, &message),
        HmacAlgorithm::Sha512 => mac::<hmac::Hmac<sha2::Sha512>>(key, &message),
    };
    let signature = match keys.encoding {
        SignatureEncoding::Hex => hex(&mac),
        SignatureEncoding::Base64 => STANDARD.encode(mac),
    };
    let mut headers = vec![header(&keys.header, &format!("{}{signature}", keys.prefix))];
    headers.extend(keys.timestamp.as_ref().map(|timestamp| header(&timestamp.header, &stamp)));
    headers.extend(keys.message_id_header.as_ref().map(|name| header(name, "msg_1")));
    let covers_url = keys.payload.contains("{url}");
    Sent { covers_url, ..sent(url, body, headers, Scheme::Hmac(keys)) }
}

pub fn stripe(url: &str, body: &str, ahead: i64) -> Sent {
    let stamp = stamp(ahead);
    let signature = hex(&mac::<hmac::Hmac<Sha256>>(SECRET.as_bytes(), &format!("{stamp}.{body}")));
    let headers = vec![header("stripe-signature", &format!("t={stamp},v1={signature}"))];
    sent(url, body, headers, Scheme::Stripe(StripeKeys { secrets: vec![SECRET.to_owned()], now: NOW }))
}

pub fn hubspot(url: &str, body: &str, version: HubspotVersion) -> Sent {
    let hash = |message: String| hex(&Sha256::digest(message));
    let hashed = |hash: String, version: &str| {
        vec![header("x-hubspot-signature", &hash), header("x-hubspot-signature-version", version)]
    };
    let headers = match version {
        HubspotVersion::V1 => hashed(hash(format!("{SECRET}{body}")), "v1"),
        HubspotVersion::V2 => hashed(hash(format!("{SECRET}POST{url}{body}")), "v2"),
        HubspotVersion::V3(_) => {
            let message = format!("POST{}{body}{NOW}", url.replace("%3A", ":").replace("%2F", "/"));
            let mac = mac::<hmac::Hmac<Sha256>>(SECRET.as_bytes(), &message);
            vec![
                header("x-hubspot-signature-v3", &STANDARD.encode(mac)),
                header("x-hubspot-request-timestamp", &NOW.to_string()),
            ]
        }
    };
    let covers_url = !matches!(version, HubspotVersion::V1);
    let keys = HubspotKeys { client_secrets: vec![SECRET.to_owned()], version };
    Sent { covers_url, ..sent(url, body, headers, Scheme::Hubspot(keys)) }
}

pub fn standard_webhooks(url: &str, body: &str, ahead: i64) -> Sent {
    let stamp = stamp(ahead);
    let mac = mac::<hmac::Hmac<Sha256>>(SECRET.as_bytes(), &format!("msg_1.{stamp}.{body}"));
    let headers = vec![
        header("webhook-id", "msg_1"),
        header("webhook-timestamp", &stamp),
        header("webhook-signature", &format!("v1,{}", STANDARD.encode(mac))),
    ];
    let scheme = Scheme::StandardWebhooks(StandardWebhooksKeys {
        secrets: vec![format!("whsec_{}", STANDARD.encode(SECRET))],
        headers: StandardWebhooksHeaders::Webhook,
        now: NOW,
    });
    sent(url, body, headers, scheme)
}

/// `scheme` with a key in front that has signed nothing yet.
pub fn with_new_key(mut scheme: Scheme) -> Scheme {
    // The public key of RFC 8032's third test: 32 bytes that every scheme can read.
    let new = "/FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU=";
    keys(&mut scheme).insert(0, new.to_owned());
    scheme
}

/// The keys of `scheme`, whatever it calls them.
pub fn keys(scheme: &mut Scheme) -> &mut Vec<String> {
    match scheme {
        Scheme::Twilio(keys) => &mut keys.auth_tokens,
        Scheme::Telnyx(keys) => &mut keys.public_keys,
        Scheme::Bearer(keys) => &mut keys.tokens,
        Scheme::Hmac(keys) => &mut keys.secrets,
        Scheme::Stripe(keys) => &mut keys.secrets,
        Scheme::Hubspot(keys) => &mut keys.client_secrets,
        Scheme::StandardWebhooks(keys) => &mut keys.secrets,
    }
}

pub fn mac<M: hmac::Mac + hmac::KeyInit>(key: &[u8], message: &str) -> Vec<u8> {
    let mac = <M as hmac::KeyInit>::new_from_slice(key).unwrap();
    mac.chain_update(message.as_bytes()).finalize().into_bytes().to_vec()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn unhex(hex: &Value) -> Vec<u8> {
    let digits = hex.as_str().unwrap().as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn stamp(ahead: i64) -> String {
    (NOW / 1000).checked_add_signed(ahead).unwrap().to_string()
}

fn sent(url: &str, body: &str, headers: Vec<(String, String)>, scheme: Scheme) -> Sent {
    let request =
        Request { method: "POST".to_owned(), url: url.to_owned(), headers, body: body.as_bytes().to_vec() };
    Sent { request, scheme, covers_body: true, covers_url: false }
}
