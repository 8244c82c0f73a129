//! What holds for every scheme: nothing that a signature covers can be changed.

use super::sender::{self, Sent};
use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn what_is_signed_verifies_and_comes_back(sent in any_sent()) {
        let verified = sent.verdict();
        prop_assert!(verified.is_ok(), "{:?}", verified);
        prop_assert_eq!(verified.unwrap().body, sent.request.body);
    }

    #[test]
    fn a_body_with_any_bit_flipped_is_refused(sent in any_sent(), at: prop::sample::Index, bit in 0..8u8) {
        prop_assume!(sent.covers_body);
        let mut changed = sent;
        let at = at.index(changed.request.body.len());
        changed.request.body[at] ^= 1 << bit;
        let verdict = changed.verdict();
        prop_assert!(
            matches!(verdict, Err(Refusal::SignatureMismatch | Refusal::MalformedBody(_))), "{:?}", verdict
        );
    }

    #[test]
    fn a_longer_or_shorter_body_is_refused(sent in any_sent(), more in "[ -~]{1,8}", at: prop::sample::Index) {
        prop_assume!(sent.covers_body);
        let mut longer = sent.clone();
        longer.request.body.extend_from_slice(more.as_bytes());
        prop_assert_eq!(longer.verdict(), Err(Refusal::SignatureMismatch));
        let mut shorter = sent;
        shorter.request.body.truncate(at.index(shorter.request.body.len()));
        let verdict = shorter.verdict();
        // Cut inside a character, the body is no text.
        prop_assert!(
            matches!(verdict, Err(Refusal::SignatureMismatch | Refusal::MalformedBody(_))), "{:?}", verdict
        );
    }

    #[test]
    fn a_header_with_any_bit_flipped_is_refused(
        sent in any_sent(), which: prop::sample::Index, at: prop::sample::Index, bit in 0..7u8,
    ) {
        let mut changed = sent;
        let which = which.index(changed.request.headers.len());
        let mut value = changed.request.headers[which].1.clone().into_bytes();
        let at = at.index(value.len());
        value[at] ^= 1 << bit;
        changed.request.headers[which].1 = String::from_utf8(value).unwrap();
        prop_assert!(changed.verdict().is_err(), "{:?}", changed.request.headers);
    }

    #[test]
    fn a_url_with_any_character_replaced_is_refused(
        sent in any_sent(), at: prop::sample::Index, character in "[ -~]",
    ) {
        let at = at.index(sent.request.url.len());
        prop_assume!(sent.covers_url && sent.request.url[at..=at] != character);
        let mut changed = sent;
        changed.request.url.replace_range(at..=at, &character);
        prop_assert_eq!(changed.verdict(), Err(Refusal::SignatureMismatch));
    }

    #[test]
    fn every_header_is_needed_once(sent in any_sent(), which: prop::sample::Index) {
        let which = which.index(sent.request.headers.len());
        let mut without = sent.clone();
        let (name, value) = without.request.headers.remove(which);
        let verdict = without.verdict();
        prop_assert!(
            verdict == Err(Refusal::MissingSignature) || verdict == Err(Refusal::MissingHeader(name.clone())),
            "{:?}", verdict
        );
        let mut twice = sent;
        twice.request.headers.push(header(&name.to_ascii_uppercase(), &value));
        let verdict = twice.verdict();
        prop_assert!(
            verdict == Err(Refusal::MalformedSignature) || verdict == Err(Refusal::MalformedHeader(name)),
            "{:?}", verdict
        );
    }

    #[test]
    fn no_usable_key_means_no_pass(sent in any_sent(), blank in "[ \t]{0,3}", first: bool) {
        let mut without = sent.clone();
        sender::keys(&mut without.scheme).clear();
        prop_assert_eq!(without.verdict(), Err(Refusal::NoKey));
        let mut spoilt = sent;
        let at = if first { 0 } else { 1 };
        sender::keys(&mut spoilt.scheme).insert(at, blank);
        prop_assert_eq!(spoilt.verdict(), Err(Refusal::NoKey));
    }

    #[test]
    fn a_rotation_tells_which_key_matched(sent in any_sent()) {
        let rotated = Sent { scheme: sender::with_new_key(sent.scheme.clone()), ..sent.clone() };
        prop_assert_eq!(rotated.verdict().map(|verified| verified.key_index), Ok(1));
        let mut over = rotated;
        sender::keys(&mut over.scheme).truncate(1);
        prop_assert_eq!(over.verdict(), Err(Refusal::SignatureMismatch));
    }

    #[test]
    fn copies_are_known_and_others_are_not(
        sender in prop::sample::select(sender::ALL.to_vec()), url in any_url(), one in any_body(), other in any_body(),
    ) {
        prop_assume!(one != other);
        let key = |sent: Sent| sent.verdict().unwrap().replay.map(|guard| guard.key);
        let (one, other) = (sender(&url, &one), sender(&url, &other));
        let same_id = matches!(one.scheme, Scheme::StandardWebhooks(_));
        let (first, copy, second) = (key(one.clone()), key(one), key(other));
        prop_assert_eq!(&first, &copy);
        prop_assert_eq!(first == second, same_id || first.is_none());
    }

    #[test]
    fn arbitrary_requests_are_refused_and_never_crash(
        sent in any_sent(),
        method in "GET|POST|\\PC{0,5}",
        url in "\\PC{0,40}",
        values in prop::collection::vec("[0-9]{1,21}|v1,[A-Za-z0-9+/]{43}=|t=[0-9]{1,12},v1=[0-9a-f]{64}|\\PC{0,40}", 3),
        content_type in "application/x-www-form-urlencoded|\\PC{0,10}",
        body: Vec<u8>,
    ) {
        let mut headers: Vec<_> = sent.request.headers.into_iter().map(|(name, _)| name).zip(values).collect();
        headers.push(header("content-type", &content_type));
        let request = Request { method, url, headers, body };
        prop_assert!(Component::verify(request, sent.scheme).is_err());
    }
}

/// A request of any scheme, properly signed.
fn any_sent() -> impl Strategy<Value = Sent> {
    let sender = prop::sample::select(sender::ALL.to_vec());
    (sender, any_url(), any_body()).prop_map(|(sender, url, body)| sender(&url, &body))
}

fn any_url() -> impl Strategy<Value = String> {
    "https://voice\\.example\\.test/[a-z0-9/]{0,12}(\\?[a-z]=(%3A|%2F|%20|%26|[a-z0-9=&]){0,8})?"
}

/// Never empty, so that there is something to change.
fn any_body() -> impl Strategy<Value = String> {
    "\\{\"[ -~ü☎]{0,40}\"\\}|[ -~]{1,20}"
}
