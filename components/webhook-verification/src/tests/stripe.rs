//! Stripe: what is refused, and why.

use super::sender;
use super::*;

const URL: &str = "https://voice.example.test/stripe";

const HEADER: &str = "stripe-signature";

#[test]
fn a_header_is_read_element_by_element() {
    let sent = sender::stripe(URL, "{}", 0);
    let good = sent.header(HEADER).to_owned();
    let (stamp, signature) = good.split_once(',').unwrap();
    for (value, verdict) in [
        (format!("{stamp},v1=bad,{signature}"), Ok(())),
        (format!("{stamp},{signature},v0=00,v2=,flag"), Ok(())),
        (format!("{signature},{stamp}"), Ok(())),
        (format!("{stamp},{stamp},{signature}"), Err(Refusal::MalformedSignature)),
        (format!("{stamp},{signature},t=0"), Err(Refusal::MalformedSignature)),
        (format!("t=0{},{signature}", &stamp[2..]), Err(Refusal::MalformedSignature)),
        (format!("{stamp}, {signature}"), Err(Refusal::MalformedSignature)),
        (format!("{stamp};{signature}"), Err(Refusal::MalformedSignature)),
        (stamp.to_owned(), Err(Refusal::MalformedSignature)),
        (signature.to_owned(), Err(Refusal::MalformedSignature)),
        (String::new(), Err(Refusal::MalformedSignature)),
        (format!("{stamp},v1="), Err(Refusal::SignatureMismatch)),
        (format!("{stamp},{}", &signature[..signature.len() - 2]), Err(Refusal::SignatureMismatch)),
        (format!("{stamp},v0={}", &signature[3..]), Err(Refusal::MalformedSignature)),
        (format!("t=1699999999,{signature}"), Err(Refusal::SignatureMismatch)),
    ] {
        assert_eq!(sent.clone().with(HEADER, &value).verdict().map(|_| ()), verdict, "{value:?}");
    }
}

#[test]
fn a_timestamp_may_be_five_minutes_off_either_way() {
    for (ahead, fresh) in [(-301, false), (-300, true), (300, true), (301, false)] {
        let verdict = sender::stripe(URL, "{}", ahead).verdict();
        assert_eq!(verdict.err(), (!fresh).then_some(Refusal::StaleTimestamp), "{ahead}");
    }
}

#[test]
fn a_copy_with_another_header_is_the_same_request() {
    let sent = sender::stripe(URL, "{}", 0);
    let key = |sent: &sender::Sent| sent.verdict().unwrap().replay.unwrap().key;
    let padded = sent.clone().with(HEADER, &format!("{},v1=00,x=y", sent.header(HEADER)));
    assert_eq!(key(&sent), key(&padded));
    assert_ne!(key(&sent), key(&sender::stripe(URL, "{}", 1)));
}
