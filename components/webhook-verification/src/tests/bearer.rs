//! Tokens in headers: what is refused, and why.

use super::sender::{self, SECRET, Sent};
use super::*;
use crate::contract::BearerKeys;

#[test]
fn the_token_must_be_the_same_to_the_letter() {
    let sent = sender::bearer("https://voice.example.test/vapi", "{}");
    for (value, verdict) in [
        (format!("Bearer {SECRET}"), Ok(())),
        (format!("Bearer {SECRET} "), Err(Refusal::SignatureMismatch)),
        (format!("Bearer  {SECRET}"), Err(Refusal::SignatureMismatch)),
        (format!("Bearer {}", SECRET.to_uppercase()), Err(Refusal::SignatureMismatch)),
        (format!("Bearer {}", &SECRET[1..]), Err(Refusal::SignatureMismatch)),
        ("Bearer ".to_owned(), Err(Refusal::SignatureMismatch)),
        (format!("bearer {SECRET}"), Err(Refusal::MalformedSignature)),
        (format!("Basic {SECRET}"), Err(Refusal::MalformedSignature)),
        (SECRET.to_owned(), Err(Refusal::MalformedSignature)),
        (String::new(), Err(Refusal::MalformedSignature)),
    ] {
        assert_eq!(sent.clone().with("authorization", &value).verdict().map(|_| ()), verdict, "{value:?}");
    }
}

#[test]
fn a_token_may_stand_alone_in_a_header_of_its_own() {
    let mut sent = sender::bearer("https://voice.example.test/vapi", "{}");
    sent.request.headers = vec![header("X-Vapi-Secret", SECRET)];
    assert_eq!(sent.verdict(), Err(Refusal::MissingSignature));
    sent.scheme = scheme("x-vapi-secret", "");
    let verified = sent.verdict().unwrap();
    assert_eq!(verified.body, b"{}");
    assert_eq!(verified.replay, None);
}

#[test]
fn a_header_without_name_is_a_fault_of_the_configuration() {
    let sent = sender::bearer("https://voice.example.test/vapi", "{}");
    let mut nameless = Sent { scheme: scheme(" ", ""), ..sent };
    nameless.request.headers.push(header(" ", SECRET));
    assert!(matches!(nameless.verdict(), Err(Refusal::Misconfigured(_))));
}

fn scheme(header: &str, prefix: &str) -> Scheme {
    let tokens = vec![SECRET.to_owned()];
    Scheme::Bearer(BearerKeys { header: header.to_owned(), prefix: prefix.to_owned(), tokens })
}
