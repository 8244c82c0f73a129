//! Telnyx: what is refused, and why.

use super::sender::{self, NOW, Sent};
use super::*;
use crate::contract::TelnyxKeys;
use proptest::prelude::*;

const URL: &str = "https://voice.example.test/telnyx";

const SIGNATURE: &str = "telnyx-signature-ed25519";

#[test]
fn texml_callbacks_come_back_as_forms() {
    let body = "CallSid=v3%3Aabc&From=%2B15551234567&Digits=1+2";
    let mut sent = sender::telnyx(URL, body, 0);
    sent.request.headers.push(header("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8"));
    let verified = sent.verdict().unwrap();
    let fields = [("CallSid", "v3:abc"), ("From", "+15551234567"), ("Digits", "1 2")];
    assert_eq!(verified.form, fields.map(|(name, value)| header(name, value)));
    assert_eq!(verified.body, b"");

    sent.request.headers.push(header("content-type", "application/json"));
    assert!(matches!(sent.verdict(), Err(Refusal::UnsupportedContentType(_))));
}

#[test]
fn a_form_is_read_only_after_its_signature() {
    let mut sent = sender::telnyx(URL, "a=%FF", 0);
    sent.request.headers.push(header("content-type", "application/x-www-form-urlencoded"));
    assert_eq!(sent.verdict(), Err(Refusal::MalformedBody("form field 1 is not UTF-8".to_owned())));
    sent.request.body.push(b'1');
    assert_eq!(sent.verdict(), Err(Refusal::SignatureMismatch));
}

#[test]
fn a_timestamp_may_be_five_minutes_off_either_way() {
    for (ahead, verdict) in [
        (-301, Err(Refusal::StaleTimestamp)),
        (-300, Ok(1)),
        (0, Ok(301)),
        (300, Ok(601)),
        (301, Err(Refusal::StaleTimestamp)),
    ] {
        let remember = sender::telnyx(URL, "{}", ahead).verdict().map(|verified| remember(&verified));
        assert_eq!(remember, verdict, "{ahead}");
    }
}

#[test]
fn a_timestamp_has_one_spelling() {
    for stamp in ["", "01700000000", "+1700000000", " 1700000000", "1700000000.0", "1.7e9"] {
        let sent = sender::telnyx(URL, "{}", 0).with("telnyx-timestamp", stamp);
        assert_eq!(sent.verdict(), Err(Refusal::MalformedHeader("telnyx-timestamp".to_owned())), "{stamp:?}");
    }
}

#[test]
fn what_is_no_signature_is_malformed() {
    let sent = sender::telnyx(URL, "{}", 0);
    let good = sent.header(SIGNATURE).to_owned();
    for value in ["", "AAAA", good.trim_end_matches('='), &format!("{good} "), &format!("{good},{good}")] {
        let verdict = sent.clone().with(SIGNATURE, value).verdict();
        assert_eq!(verdict, Err(Refusal::MalformedSignature), "{value:?}");
    }
}

#[test]
fn a_second_signature_cannot_be_derived_from_the_first() {
    let sent = sender::telnyx(URL, "{}", 0);
    let mut bytes = STANDARD.decode(sent.header(SIGNATURE)).unwrap();
    // The order of the group, little-endian (RFC 8032, section 5.1): S and S + L satisfy the same
    // equation, and only the smaller of the two is a signature.
    let order = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0u16;
    for (byte, add) in bytes[32..].iter_mut().zip(order) {
        carry += u16::from(*byte) + add;
        *byte = carry as u8;
        carry >>= 8;
    }
    let second = sent.with(SIGNATURE, &STANDARD.encode(bytes));
    assert_eq!(second.verdict(), Err(Refusal::SignatureMismatch));
}

#[test]
fn keys_that_are_none_are_refused() {
    let weak = STANDARD.encode([0u8; 32]);
    let neutral = {
        let mut bytes = [0u8; 32];
        bytes[0] = 1;
        STANDARD.encode(bytes)
    };
    let short = STANDARD.encode([1u8; 31]);
    for key in [&weak, &neutral, &short, "not base64"] {
        let sent = sender::telnyx(URL, "{}", 0);
        let scheme = Scheme::Telnyx(TelnyxKeys { public_keys: vec![key.to_owned()], now: NOW });
        assert_eq!(Sent { scheme, ..sent }.verdict(), Err(Refusal::NoKey), "{key}");
    }
}

proptest! {
    #[test]
    fn arbitrary_keys_and_signatures_never_crash_and_never_pass(
        key: [u8; 32], signature in prop::collection::vec(any::<u8>(), 64), body: Vec<u8>,
    ) {
        let mut sent = sender::bearer(URL, "");
        sent.request.headers =
            vec![header(SIGNATURE, &STANDARD.encode(signature)), header("telnyx-timestamp", "1700000000")];
        sent.request.body = body;
        sent.scheme = Scheme::Telnyx(TelnyxKeys { public_keys: vec![STANDARD.encode(key)], now: NOW });
        let verdict = sent.verdict();
        prop_assert!(matches!(verdict, Err(Refusal::NoKey | Refusal::SignatureMismatch)), "{:?}", verdict);
    }
}

fn remember(verified: &Verified) -> u32 {
    verified.replay.as_ref().unwrap().remember_seconds
}
