//! Every protocol vector of the schemes that this component implements.

use super::sender::unhex;
use super::*;
use crate::contract::{
    BearerKeys, HmacAlgorithm, HmacKeys, HmacTimestamp, HubspotKeys, HubspotVersion, SignatureEncoding,
    StandardWebhooksHeaders, StandardWebhooksKeys, StripeKeys, TelnyxKeys, TimestampUnit, UrlSource,
};
use crate::mac::Key;
use crate::telnyx::PublicKey;
use hmac::Hmac;
use serde_json::Value;
use sha1::Sha1;
use sha2::Sha256;

#[test]
fn every_twilio_signature_vector_is_judged_as_expected() {
    let file = include_str!("../../tests/vectors/twilio_signature.json");
    judge_all("twilio_signature", file, 24, |inputs| {
        let (request, token) = twilio_request(inputs);
        (request, Scheme::Twilio(TwilioKeys { auth_tokens: vec![token] }))
    });
}

#[test]
fn every_telnyx_vector_is_judged_as_expected() {
    let file = include_str!("../../tests/vectors/telnyx_ed25519.json");
    judge_all("telnyx_ed25519", file, 15, |inputs| {
        let public_keys = vec![text(&inputs["public_key_b64"])];
        (request(inputs), Scheme::Telnyx(TelnyxKeys { public_keys, now: now(inputs) }))
    });
}

#[test]
fn every_vapi_vector_is_judged_as_expected() {
    let file = include_str!("../../tests/vectors/vapi_auth.json");
    judge_all("vapi_auth", file, 7, |inputs| {
        let auth = &inputs["auth"];
        let scheme = match auth["type"].as_str().unwrap() {
            "bearer" => Scheme::Bearer(vapi_bearer(auth)),
            "hmac" => Scheme::Hmac(vapi_hmac(auth)),
            other => panic!("{other}"),
        };
        (request(inputs), scheme)
    });
}

#[test]
fn every_stripe_vector_is_judged_as_expected() {
    let file = include_str!("../../tests/vectors/stripe_v1.json");
    judge_all("stripe_v1", file, 13, |inputs| {
        let secrets = vec![text(&inputs["secret"])];
        (request(inputs), Scheme::Stripe(StripeKeys { secrets, now: now(inputs) }))
    });
}

#[test]
fn every_hubspot_vector_is_judged_as_expected() {
    let file = include_str!("../../tests/vectors/hubspot_signature.json");
    judge_all("hubspot_signature", file, 10, |inputs| {
        let version = match inputs["version"].as_str().unwrap() {
            "v1" => HubspotVersion::V1,
            "v2" => HubspotVersion::V2,
            "v3" => HubspotVersion::V3(inputs["now_ms"].as_u64().unwrap()),
            other => panic!("{other}"),
        };
        let client_secrets = vec![text(&inputs["client_secret"])];
        (request(inputs), Scheme::Hubspot(HubspotKeys { client_secrets, version }))
    });
}

#[test]
fn every_standard_webhooks_vector_is_judged_as_expected() {
    let file = include_str!("../../tests/vectors/standard_webhooks_v1.json");
    judge_all("standard_webhooks_v1", file, 5, |inputs| {
        let secrets = vec![text(&inputs["secret"])];
        let headers = StandardWebhooksHeaders::Webhook;
        (
            request(inputs),
            Scheme::StandardWebhooks(StandardWebhooksKeys { secrets, headers, now: now(inputs) }),
        )
    });
}

#[test]
fn every_public_url_vector_is_rebuilt() {
    for vector in read("twilio_public_url", include_str!("../../tests/vectors/twilio_public_url.json"), 1) {
        let inputs = &vector["inputs"];
        let target = inputs["request_line"].as_str().unwrap().split(' ').nth(1).unwrap();
        let source = UrlSource {
            public_base_url: inputs["config"]["public_base_url"].as_str().map(str::to_owned),
            trust_forwarded: inputs["config"]["trust_forwarded"].as_bool().unwrap(),
            encrypted: false,
        };
        let url = Component::public_url(target.to_owned(), headers(inputs), source);
        assert_eq!(url.as_deref(), Ok(vector["expected"]["url"].as_str().unwrap()), "{vector}");
    }
}

#[test]
fn macs_equal_those_of_rfc_2202_and_rfc_4231() {
    fn check<M: hmac::Mac + hmac::KeyInit + Clone>(vectors: &[Value]) {
        for vector in vectors {
            let key = Key::<M>::new(&unhex(&vector["inputs"]["key_hex"])).unwrap();
            let data = unhex(&vector["inputs"]["data_hex"]);
            let (head, tail) = data.split_at(data.len() / 2);
            let mut mac = unhex(&vector["expected"]["mac_hex"]);
            assert!(key.signs(&[head, tail], &mac), "{vector}");
            mac[0] ^= 1;
            assert!(!key.signs(&[head, tail], &mac), "{vector}");
            assert!(!key.signs(&[head, tail], &[]), "{vector}");
        }
    }
    check::<Hmac<Sha1>>(&read("hmac_sha1", include_str!("../../tests/vectors/hmac_sha1.json"), 4));
    check::<Hmac<Sha256>>(&read("hmac_sha256", include_str!("../../tests/vectors/hmac_sha256.json"), 3));
}

#[test]
fn ed25519_signatures_are_judged_as_by_rfc_8032() {
    for vector in read("ed25519_verify", include_str!("../../tests/vectors/ed25519_verify.json"), 3) {
        let inputs = &vector["inputs"];
        let key = PublicKey::new(&unhex(&inputs["public_key_hex"])).unwrap();
        let signature = unhex(&inputs["signature_hex"]).try_into().unwrap();
        let verdict = key.verifies(&unhex(&inputs["message_hex"]), &signature);
        assert_eq!(verdict, vector["expected"]["valid"].as_bool().unwrap(), "{vector}");
    }
}

#[test]
fn no_file_of_vectors_lies_about_unused() {
    let source = include_str!("vectors.rs");
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors")).unwrap();
    for file in folder {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(source.contains(&format!("include_str!(\"../../tests/vectors/{name}\")")), "{name}");
    }
}

/// Runs each of the `count` vectors in `file` through the component: with its key alone, and with
/// the key second in a list.
fn judge_all(scheme: &str, file: &str, count: usize, inputs: impl Fn(&Value) -> (Request, Scheme)) {
    let vectors = read(scheme, file, count);
    for vector in &vectors {
        let (request, scheme) = inputs(&vector["inputs"]);
        let verdict = Component::verify(request.clone(), scheme.clone());
        let rotated = Component::verify(request.clone(), sender::with_new_key(scheme));
        assert_eq!(verdict.is_ok(), vector["expected"]["valid"].as_bool().unwrap(), "{vector}: {verdict:?}");
        match verdict {
            Ok(verified) => {
                assert_eq!(rotated, Ok(Verified { key_index: 1, ..verified.clone() }), "{vector}");
                check_content(&verified, &vector["inputs"], &request);
            }
            Err(refusal) => {
                let reason = vector["expected"]["reason"].as_str().unwrap();
                assert!(reasons(&refusal).contains(&reason), "{vector}: {refusal:?}");
                assert_eq!(rotated, Err(refusal), "{vector}");
            }
        }
    }
}

/// Forms come back decoded in arrival order, and every other body to the byte.
fn check_content(verified: &Verified, inputs: &Value, request: &Request) {
    let is_form = request.headers.iter().any(|(_, value)| value.contains("urlencoded"));
    if is_form {
        assert_eq!(verified.form, fields(inputs), "{inputs}");
        assert_eq!(verified.body, b"", "{inputs}");
    } else {
        assert_eq!(verified.form, [], "{inputs}");
        assert_eq!(verified.body, request.body, "{inputs}");
    }
}

/// The vectors' words for `refusal`, which are fewer than ours.
fn reasons(refusal: &Refusal) -> &'static [&'static str] {
    match refusal {
        Refusal::NoKey => &["invalid_public_key"],
        Refusal::MissingSignature => &["missing_signature"],
        Refusal::MalformedSignature => {
            &["signature_mismatch", "malformed_header", "no_v1_signature", "invalid_signature_encoding"]
        }
        Refusal::MissingHeader(_) => &["missing_timestamp", "missing_header"],
        Refusal::MalformedHeader(_) => &["invalid_timestamp"],
        Refusal::StaleTimestamp => &["timestamp_out_of_tolerance"],
        Refusal::MissingBodyHash => &["missing_body_hash"],
        Refusal::BodyHashMismatch => &["body_hash_mismatch"],
        Refusal::SignatureMismatch => &["signature_mismatch", "credential_mismatch"],
        Refusal::MalformedBody(_) | Refusal::UnsupportedContentType(_) | Refusal::Misconfigured(_) => &[],
    }
}

fn read(scheme: &str, file: &str, count: usize) -> Vec<Value> {
    let vectors: Vec<Value> = serde_json::from_str(file).unwrap();
    assert_eq!(vectors.len(), count, "{scheme}");
    assert!(vectors.iter().all(|vector| vector["scheme"] == scheme), "{scheme}");
    let positive = vectors.iter().filter(|vector| vector["class"] == "positive").count();
    println!("{scheme}: {count} vectors, {positive} positive and {} negative", count - positive);
    vectors
}

fn vapi_bearer(auth: &Value) -> BearerKeys {
    let prefix = if auth["bearerPrefixEnabled"].as_bool().unwrap_or(true) { "Bearer " } else { "" };
    BearerKeys {
        header: auth["headerName"].as_str().unwrap_or("Authorization").to_owned(),
        prefix: prefix.to_owned(),
        tokens: vec![text(&auth["token"])],
    }
}

fn vapi_hmac(auth: &Value) -> HmacKeys {
    assert_eq!(auth["algorithm"], "sha256");
    let timestamp = HmacTimestamp {
        header: "x-timestamp".to_owned(),
        unit: TimestampUnit::Either,
        tolerance_seconds: 300,
        // These vectors bear no time of arrival.
        now: 1_700_000_000_000,
    };
    HmacKeys {
        secrets: vec![text(&auth["secretKey"])],
        secrets_are_base64: false,
        algorithm: HmacAlgorithm::Sha256,
        header: auth["signatureHeader"].as_str().unwrap_or("x-signature").to_owned(),
        prefix: String::new(),
        encoding: SignatureEncoding::Hex,
        payload: auth["payloadFormat"].as_str().unwrap_or("{timestamp}.{body}").to_owned(),
        timestamp: auth["includeTimestamp"].as_bool().unwrap_or(true).then_some(timestamp),
        message_id_header: None,
    }
}

fn now(inputs: &Value) -> u64 {
    assert_eq!(inputs["tolerance_s"], 300);
    inputs["now"].as_u64().unwrap() * 1000
}

fn request(inputs: &Value) -> Request {
    let url = inputs["uri"].as_str().or(inputs["url"].as_str()).unwrap_or("https://voice.example.test/hook");
    Request {
        method: inputs["method"].as_str().unwrap_or("POST").to_owned(),
        url: url.to_owned(),
        headers: headers(inputs),
        body: text(&inputs["body"]).into_bytes(),
    }
}

fn twilio_request(inputs: &Value) -> (Request, String) {
    let mut headers = headers(inputs);
    match inputs["content_type"].as_str().unwrap() {
        "" => {}
        content_type => headers.push(header("Content-Type", content_type)),
    }
    let body = match inputs["body"].as_str() {
        Some(body) => body.to_owned(),
        None => url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields(inputs)).finish(),
    };
    let (method, url) = (text(&inputs["method"]), text(&inputs["url"]));
    (Request { method, url, headers, body: body.into_bytes() }, text(&inputs["auth_token"]))
}

fn headers(inputs: &Value) -> Vec<(String, String)> {
    let headers = inputs["headers"].as_object().unwrap();
    headers.iter().map(|(name, value)| header(name, value.as_str().unwrap())).collect()
}

fn fields(inputs: &Value) -> Vec<(String, String)> {
    let fields = inputs["params"].as_array().unwrap();
    fields.iter().map(|pair| header(pair[0].as_str().unwrap(), pair[1].as_str().unwrap())).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
