//! Every protocol vector of the schemes that this component implements.

use super::*;
use crate::contract::UrlSource;
use crate::twilio::Key;
use serde_json::Value;

#[test]
fn every_twilio_signature_vector_is_judged_as_expected() {
    let vectors = read(include_str!("../../tests/vectors/twilio_signature.json"));
    assert_eq!(vectors.len(), 24);
    for vector in &vectors {
        let (request, token) = request(&vector["inputs"]);
        let verdict = verify(&request, &[&token]);
        assert_eq!(verdict.is_ok(), vector["expected"]["valid"].as_bool().unwrap(), "{vector}: {verdict:?}");
        let reason = match verdict {
            Ok(_) => continue,
            Err(Refusal::MissingSignature) => "missing_signature",
            Err(Refusal::MissingBodyHash) => "missing_body_hash",
            Err(Refusal::BodyHashMismatch) => "body_hash_mismatch",
            // The vectors have no word of their own for text that is no signature at all.
            Err(Refusal::SignatureMismatch | Refusal::MalformedSignature) => "signature_mismatch",
            Err(other) => panic!("{vector}: {other:?}"),
        };
        assert_eq!(reason, vector["expected"]["reason"], "{vector}");
    }
}

#[test]
fn forms_of_accepted_vectors_come_back_in_arrival_order() {
    for vector in read(include_str!("../../tests/vectors/twilio_signature.json")) {
        let (request, token) = request(&vector["inputs"]);
        if let Ok(verified) = verify(&request, &["another token", &token]) {
            assert_eq!(verified.form, fields(&vector["inputs"]), "{vector}");
            assert_eq!(verified.key_index, 1, "{vector}");
        }
    }
}

#[test]
fn every_public_url_vector_is_rebuilt() {
    let vectors = read(include_str!("../../tests/vectors/twilio_public_url.json"));
    assert_eq!(vectors.len(), 1);
    for vector in vectors {
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
fn macs_equal_those_of_rfc_2202() {
    let vectors = read(include_str!("../../tests/vectors/hmac_sha1.json"));
    assert_eq!(vectors.len(), 4);
    for vector in vectors {
        let key = Key::new(&unhex(&vector["inputs"]["key_hex"])).unwrap();
        let data = unhex(&vector["inputs"]["data_hex"]);
        let (head, tail) = data.split_at(data.len() / 2);
        assert_eq!(key.sign(&[head, tail]).as_slice(), unhex(&vector["expected"]["mac_hex"]), "{vector}");
    }
}

fn read(json: &str) -> Vec<Value> {
    serde_json::from_str(json).unwrap()
}

fn request(inputs: &Value) -> (Request, String) {
    let mut headers = headers(inputs);
    match inputs["content_type"].as_str().unwrap() {
        "" => {}
        content_type => headers.push(header("Content-Type", content_type)),
    }
    let body = match inputs["body"].as_str() {
        Some(body) => body.to_owned(),
        None => url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields(inputs)).finish(),
    };
    let text = |name: &str| inputs[name].as_str().unwrap().to_owned();
    let request = Request { method: text("method"), url: text("url"), headers, body: body.into_bytes() };
    (request, text("auth_token"))
}

fn headers(inputs: &Value) -> Vec<(String, String)> {
    let headers = inputs["headers"].as_object().unwrap();
    headers.iter().map(|(name, value)| header(name, value.as_str().unwrap())).collect()
}

fn fields(inputs: &Value) -> Vec<(String, String)> {
    let fields = inputs["params"].as_array().unwrap();
    fields.iter().map(|pair| header(pair[0].as_str().unwrap(), pair[1].as_str().unwrap())).collect()
}

fn unhex(hex: &Value) -> Vec<u8> {
    let digits = hex.as_str().unwrap().as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
