//! HubSpot: what is refused, and why.

use super::sender::{self, NOW, SECRET, Sent};
use super::*;
use crate::contract::{HubspotKeys, HubspotVersion};

const URL: &str = "https://voice.example.test/hubspot?next=https%3A%2F%2Fa.test&q=a%20b";

const VERSIONS: [HubspotVersion; 3] = [HubspotVersion::V1, HubspotVersion::V2, HubspotVersion::V3(NOW)];

#[test]
fn only_the_configured_version_is_accepted() {
    for sent_as in VERSIONS {
        for judged_by in VERSIONS {
            let keys = HubspotKeys { client_secrets: vec![SECRET.to_owned()], version: judged_by };
            let sent = Sent { scheme: Scheme::Hubspot(keys), ..sender::hubspot(URL, "[{}]", sent_as) };
            let same = format!("{sent_as:?}") == format!("{judged_by:?}");
            assert_eq!(sent.verdict().is_ok(), same, "{sent_as:?} by {judged_by:?}");
        }
    }
}

#[test]
fn requests_carry_older_signatures_beside_the_newest() {
    let mut sent = sender::hubspot(URL, "[{}]", HubspotVersion::V3(NOW));
    sent.request.headers.extend(sender::hubspot(URL, "[{}]", HubspotVersion::V1).request.headers);
    assert!(sent.verdict().is_ok());
}

#[test]
fn only_version_3_tells_copies() {
    let guards = VERSIONS.map(|version| sender::hubspot(URL, "[{}]", version).verdict().unwrap().replay);
    assert_eq!(guards.map(|guard| guard.map(|guard| guard.remember_seconds)), [None, None, Some(301)]);
}

#[test]
fn a_timestamp_may_be_five_minutes_off_either_way() {
    for (now, fresh) in
        [(NOW - 300_001, false), (NOW - 300_000, true), (NOW + 300_000, true), (NOW + 300_001, false)]
    {
        let keys = HubspotKeys { client_secrets: vec![SECRET.to_owned()], version: HubspotVersion::V3(now) };
        let sent = sender::hubspot(URL, "[{}]", HubspotVersion::V3(NOW));
        let verdict = Sent { scheme: Scheme::Hubspot(keys), ..sent }.verdict();
        assert_eq!(verdict.err(), (!fresh).then_some(Refusal::StaleTimestamp), "{now}");
    }
}

#[test]
fn bytes_cannot_move_from_one_field_to_the_next() {
    for version in [HubspotVersion::V2, HubspotVersion::V3(NOW)] {
        let mut sent = sender::hubspot(URL, "{\"objectId\":1}", version);
        sent.request.url.push('{');
        sent.request.body.remove(0);
        assert_eq!(sent.verdict(), Err(Refusal::SignatureMismatch), "{version:?}");
    }
    let stamp = NOW.to_string();
    let header = "x-hubspot-request-timestamp";
    let mut longer = sender::hubspot(URL, "[1]", HubspotVersion::V3(NOW)).with(header, &stamp[1..]);
    longer.request.body.push(b'1');
    assert_eq!(longer.verdict(), Err(Refusal::StaleTimestamp));
    for (body, digit, verdict) in
        [("10", "0", Refusal::MalformedHeader(header.to_owned())), ("15", "5", Refusal::StaleTimestamp)]
    {
        let sent = sender::hubspot(URL, body, HubspotVersion::V3(NOW));
        let mut shorter = sent.with(header, &format!("{digit}{stamp}"));
        shorter.request.body.pop();
        assert_eq!(shorter.verdict(), Err(verdict), "{body}");
    }
}

#[test]
fn a_hash_that_was_continued_without_the_secret_is_refused() {
    // The padding of a message of less than 56 bytes: a set bit, zeros, the length in bits.
    let mut body = b"{}".to_vec();
    let length = SECRET.len() + body.len();
    assert!(length < 56);
    body.push(0x80);
    body.resize(64 - 8 - SECRET.len(), 0);
    body.extend_from_slice(&(length as u64 * 8).to_be_bytes());
    body.extend_from_slice(b"more");
    let mut sent = sender::hubspot(URL, "{}", HubspotVersion::V1);
    let hash = <sha2::Sha256 as sha2::Digest>::digest([SECRET.as_bytes(), &body].concat());
    sent = sent.with("x-hubspot-signature", &sender::hex(&hash));
    sent.request.body = body;
    assert_eq!(sent.verdict(), Err(Refusal::MalformedBody("the body is not UTF-8".to_owned())));
}

#[test]
fn what_is_no_signature_is_malformed() {
    for value in ["", " ", "ab=", "é"] {
        let sent = sender::hubspot(URL, "[]", HubspotVersion::V3(NOW)).with("x-hubspot-signature-v3", value);
        let expected =
            if value.is_empty() { Refusal::SignatureMismatch } else { Refusal::MalformedSignature };
        assert_eq!(sent.verdict(), Err(expected), "{value:?}");
    }
    let sent = sender::hubspot(URL, "[]", HubspotVersion::V1);
    let upper = sent.header("x-hubspot-signature").to_uppercase();
    assert_eq!(sent.with("x-hubspot-signature", &upper).verdict(), Err(Refusal::MalformedSignature));
}
