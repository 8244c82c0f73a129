//! Configured HMACs: every setting, and what contradicts itself.

use super::sender::{self, NOW, SECRET, hmac_keys};
use super::*;
use crate::contract::{HmacAlgorithm, HmacKeys, HmacTimestamp, SignatureEncoding, TimestampUnit};

const URL: &str = "https://voice.example.test/vapi";

#[test]
fn every_algorithm_and_encoding_verifies_and_no_other_in_its_place() {
    let algorithms = [HmacAlgorithm::Sha1, HmacAlgorithm::Sha256, HmacAlgorithm::Sha512];
    for algorithm in algorithms {
        for encoding in [SignatureEncoding::Hex, SignatureEncoding::Base64] {
            let keys = HmacKeys { algorithm, encoding, prefix: "mac=".to_owned(), ..hmac_keys() };
            let sent = sender::hmac(URL, "{}", keys.clone());
            assert_eq!(sent.verdict().map(|verified| verified.body), Ok(b"{}".to_vec()));
            for other in algorithms.into_iter().filter(|other| *other != algorithm) {
                let mut judged = sent.clone();
                judged.scheme = Scheme::Hmac(HmacKeys { algorithm: other, ..keys.clone() });
                assert_eq!(judged.verdict(), Err(Refusal::SignatureMismatch), "{algorithm:?} by {other:?}");
            }
            let bare = sent.header("x-signature").strip_prefix("mac=").unwrap().to_owned();
            assert_eq!(sent.with("x-signature", &bare).verdict(), Err(Refusal::MalformedSignature));
        }
    }
}

#[test]
fn a_signature_is_written_in_one_way() {
    let sent = sender::hmac(URL, "{}", hmac_keys());
    let good = sent.header("x-signature").to_owned();
    for (value, verdict) in [
        (good.to_uppercase(), Refusal::MalformedSignature),
        (format!("{good} "), Refusal::MalformedSignature),
        (good[1..].to_owned(), Refusal::MalformedSignature),
        (good[2..].to_owned(), Refusal::SignatureMismatch),
        (String::new(), Refusal::SignatureMismatch),
    ] {
        assert_eq!(sent.clone().with("x-signature", &value).verdict(), Err(verdict), "{value:?}");
    }
}

#[test]
fn a_body_that_looks_like_a_placeholder_is_not_one() {
    for body in ["{timestamp}", "{body}{body}", "{url}"] {
        let sent = sender::hmac(URL, body, hmac_keys());
        assert_eq!(sent.verdict().map(|verified| verified.body), Ok(body.into()));
    }
}

#[test]
fn secrets_may_be_base64() {
    let keys = HmacKeys { secrets: vec![STANDARD.encode(SECRET)], secrets_are_base64: true, ..hmac_keys() };
    assert!(sender::hmac(URL, "{}", keys).verdict().is_ok());
    for secret in ["====", "no base64", "AA"] {
        let keys = HmacKeys { secrets: vec![secret.to_owned()], secrets_are_base64: true, ..hmac_keys() };
        assert_eq!(sender::hmac(URL, "{}", keys).verdict(), Err(Refusal::NoKey), "{secret}");
    }
}

#[test]
fn a_message_id_is_signed_and_tells_copies() {
    let keys = HmacKeys {
        payload: "{svix-id}.{timestamp}.{body}".to_owned(),
        message_id_header: Some("x-message-id".to_owned()),
        ..hmac_keys()
    };
    let sent = sender::hmac(URL, "{}", keys);
    assert_eq!(sent.verdict().unwrap().replay.unwrap().key, "msg_1");
    assert_eq!(sent.with("x-message-id", "msg_2").verdict(), Err(Refusal::SignatureMismatch));
}

#[test]
fn timestamps_are_held_against_their_unit_and_tolerance() {
    let stamped = |unit, tolerance_seconds, now| {
        let timestamp = HmacTimestamp { header: "x-timestamp".to_owned(), unit, tolerance_seconds, now };
        let sent = sender::hmac(URL, "{}", HmacKeys { timestamp: Some(timestamp), ..hmac_keys() });
        sent.verdict().map(|verified| verified.replay.unwrap().remember_seconds)
    };
    let stale = Err(Refusal::StaleTimestamp);
    assert_eq!(stamped(TimestampUnit::Seconds, 10, NOW), Ok(11));
    assert_eq!(stamped(TimestampUnit::Seconds, 0, NOW + 999), Ok(1));
    assert_eq!(stamped(TimestampUnit::Seconds, 0, NOW + 1000), stale);
    assert_eq!(stamped(TimestampUnit::Either, 10, NOW + 10_000), Ok(1));
    assert_eq!(stamped(TimestampUnit::Either, 10, NOW + 11_000), stale);
    assert_eq!(stamped(TimestampUnit::Milliseconds, 300, NOW), stale);
}

#[test]
fn without_a_timestamp_there_is_nothing_to_tell_copies_by() {
    let keys = HmacKeys { timestamp: None, payload: "{body}".to_owned(), ..hmac_keys() };
    assert_eq!(sender::hmac(URL, "{}", keys).verdict().unwrap().replay, None);
}

#[test]
fn settings_that_leave_something_uncovered_are_refused() {
    let id = Some("x-message-id".to_owned());
    let nameless =
        hmac_keys().timestamp.map(|timestamp| HmacTimestamp { header: String::new(), ..timestamp });
    for (keys, named) in [
        (HmacKeys { payload: "{timestamp}".to_owned(), ..hmac_keys() }, "{body}"),
        (HmacKeys { payload: "{body}".to_owned(), ..hmac_keys() }, "{timestamp}"),
        (HmacKeys { timestamp: None, ..hmac_keys() }, "{timestamp}"),
        (HmacKeys { message_id_header: id, ..hmac_keys() }, "{svix-id}"),
        (HmacKeys { payload: "{svix-id}{timestamp}{body}".to_owned(), ..hmac_keys() }, "{svix-id}"),
        (HmacKeys { payload: "{timestamp}.{body}.{id}".to_owned(), ..hmac_keys() }, "braces"),
        (HmacKeys { header: String::new(), ..hmac_keys() }, "header"),
        (HmacKeys { timestamp: nameless, ..hmac_keys() }, "header"),
    ] {
        match sender::hmac(URL, "{}", keys.clone()).verdict() {
            Err(Refusal::Misconfigured(fault)) => assert!(fault.contains(named), "{fault}"),
            other => panic!("{keys:?}: {other:?}"),
        }
    }
}
