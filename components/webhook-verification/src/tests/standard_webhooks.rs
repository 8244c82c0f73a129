//! Standard Webhooks: what is refused, and why.

use super::sender::{self, NOW, SECRET};
use super::*;
use crate::contract::{StandardWebhooksHeaders, StandardWebhooksKeys};

const URL: &str = "https://voice.example.test/hook";

const SIGNATURE: &str = "webhook-signature";

#[test]
fn the_list_of_signatures_is_read_one_by_one() {
    let sent = sender::standard_webhooks(URL, "{}", 0);
    let good = sent.header(SIGNATURE).to_owned();
    let bytes = good.strip_prefix("v1,").unwrap().to_owned();
    for (value, verdict) in [
        (format!("v1,not-base64 {good}"), Ok(())),
        (format!("v1a,{bytes} v2,{bytes} nonsense  {good}"), Ok(())),
        (format!("{good} {good}"), Ok(())),
        (format!("v1a,{bytes}"), Err(Refusal::MalformedSignature)),
        (format!("v2,{bytes}"), Err(Refusal::MalformedSignature)),
        (format!("V1,{bytes}"), Err(Refusal::MalformedSignature)),
        (format!("v1={bytes}"), Err(Refusal::MalformedSignature)),
        (bytes.clone(), Err(Refusal::MalformedSignature)),
        (String::new(), Err(Refusal::MalformedSignature)),
        ("v1,".to_owned(), Err(Refusal::SignatureMismatch)),
        (good.trim_end_matches('=').to_owned(), Err(Refusal::SignatureMismatch)),
    ] {
        assert_eq!(sent.clone().with(SIGNATURE, &value).verdict().map(|_| ()), verdict, "{value:?}");
    }
}

#[test]
fn the_message_id_tells_copies_and_later_attempts() {
    let first = sender::standard_webhooks(URL, "{}", -100).verdict().unwrap().replay.unwrap();
    let second = sender::standard_webhooks(URL, "{}", 0).verdict().unwrap().replay.unwrap();
    assert_eq!((first.key.as_str(), first.remember_seconds), ("msg_1", 201));
    assert_eq!((second.key.as_str(), second.remember_seconds), ("msg_1", 301));
}

#[test]
fn an_id_that_could_be_taken_for_more_is_malformed() {
    let long = "a".repeat(257);
    for id in ["", "msg.1", "msg 1", "m\u{e9}", "msg_1\n", &long] {
        let verdict = sender::standard_webhooks(URL, "{}", 0).with("webhook-id", id).verdict();
        assert_eq!(verdict, Err(Refusal::MalformedHeader("webhook-id".to_owned())), "{id:?}");
    }
}

#[test]
fn a_timestamp_may_be_five_minutes_off_either_way() {
    for (ahead, fresh) in [(-301, false), (-300, true), (300, true), (301, false)] {
        let verdict = sender::standard_webhooks(URL, "{}", ahead).verdict();
        assert_eq!(verdict.err(), (!fresh).then_some(Refusal::StaleTimestamp), "{ahead}");
    }
}

#[test]
fn svix_spells_the_headers_its_own_way() {
    let mut sent = sender::standard_webhooks(URL, "{}", 0);
    let secrets = vec![STANDARD.encode(SECRET)];
    let headers = StandardWebhooksHeaders::Svix;
    sent.scheme = Scheme::StandardWebhooks(StandardWebhooksKeys { secrets, headers, now: NOW });
    assert_eq!(sent.verdict(), Err(Refusal::MissingSignature));
    for (name, _) in &mut sent.request.headers {
        *name = name.replace("webhook-", "Svix-");
    }
    assert!(sent.verdict().is_ok());
}

#[test]
fn keys_that_are_none_are_refused() {
    for secret in ["whsec_", "whsec_====", "no base64", "whpk_AAAA", "whsec_AA"] {
        let mut sent = sender::standard_webhooks(URL, "{}", 0);
        *sender::keys(&mut sent.scheme) = vec![secret.to_owned()];
        assert_eq!(sent.verdict(), Err(Refusal::NoKey), "{secret}");
    }
}
