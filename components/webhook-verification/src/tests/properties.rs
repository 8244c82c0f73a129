//! What holds for every request of Twilio's.

use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_signed_request_verifies(path in "/[a-zA-Z0-9/._~%+'-]{0,20}", fields: Vec<(String, String)>) {
        let url = format!("https://voice.example.test{path}");
        let fields: Vec<_> = fields.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let request = signed(form_request(&url, &fields), &url);
        let verified = verify(&request, &[TOKEN]);
        prop_assert!(verified.is_ok(), "{:?}", verified);
        let form = verified.unwrap().form;
        prop_assert!(form.iter().map(|(key, value)| (key.as_str(), value.as_str())).eq(fields));
    }

    #[test]
    fn a_body_with_any_bit_flipped_is_refused(request in any_request(), at: prop::sample::Index, bit in 0..8u8) {
        let mut changed = request.clone();
        changed.body[at.index(request.body.len())] ^= 1 << bit;
        // The case of a hex digit is no part of what is said.
        let said = |body: &[u8]| url::form_urlencoded::parse(body).into_owned().collect::<Vec<_>>();
        prop_assume!(said(&changed.body) != said(&request.body));
        let verdict = verify(&changed, &[TOKEN]);
        prop_assert!(matches!(verdict, Err(Refusal::SignatureMismatch | Refusal::MalformedBody(_))), "{:?}", verdict);
    }

    #[test]
    fn a_body_with_any_byte_replaced_passes_only_if_it_signs_the_same(
        request in any_request(), at: prop::sample::Index, byte: u8,
    ) {
        let mut changed = request.clone();
        changed.body[at.index(request.body.len())] = byte;
        let fields: Vec<_> = url::form_urlencoded::parse(&changed.body).into_owned().collect();
        let same = header("X-Twilio-Signature", &sign(TOKEN, &request.url, &fields));
        if verify(&changed, &[TOKEN]).is_ok() {
            prop_assert!(request.headers.contains(&same));
        }
    }

    #[test]
    fn a_url_with_any_character_replaced_is_refused(
        request in any_request(), at: prop::sample::Index, character in "[ -~]",
    ) {
        let at = at.index(request.url.len());
        prop_assume!(request.url[at..=at] != character);
        let mut changed = request.clone();
        changed.url.replace_range(at..=at, &character);
        prop_assert_eq!(verify(&changed, &[TOKEN]), Err(Refusal::SignatureMismatch));
    }

    #[test]
    fn a_signature_with_any_bit_flipped_is_refused(request in any_request(), at: prop::sample::Index, bit in 0..7u8) {
        let mut changed = request;
        let (name, value) = changed.headers.pop().unwrap();
        let mut bytes = value.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        changed.headers.push((name, String::from_utf8(bytes).unwrap()));
        let verdict = verify(&changed, &[TOKEN]);
        prop_assert!(matches!(verdict, Err(Refusal::SignatureMismatch | Refusal::MalformedSignature)), "{:?}", verdict);
    }

    #[test]
    fn another_key_refuses(request in any_request(), key in "[!-~]{1,100}") {
        prop_assume!(key != TOKEN);
        prop_assert_eq!(verify(&request, &[&key]), Err(Refusal::SignatureMismatch));
    }

    #[test]
    fn arbitrary_requests_are_refused_and_never_crash(
        method in "GET|POST|[A-Z]{0,5}",
        url in "((https?|wss?)://)?[ -~]{0,40}|\\PC{0,40}",
        content_type in "application/(json|x-www-form-urlencoded)|\\PC{0,20}",
        signature in "[A-Za-z0-9+/]{27}=|\\PC{0,40}",
        body: Vec<u8>,
    ) {
        let headers = vec![header("content-type", &content_type), header("x-twilio-signature", &signature)];
        let request = Request { method, url, headers, body };
        prop_assert!(verify(&request, &[TOKEN]).is_err());
    }

    #[test]
    fn arbitrary_public_urls_never_crash_and_keep_the_target(
        target in "/[ -~]{0,20}|\\PC{0,20}",
        host in "[a-z.:\\[\\]@/]{0,12}|\\PC{0,10}",
        base in prop::option::of("https?://[a-z.:\\[\\]@/?#]{0,12}|\\PC{0,10}"),
        trust_forwarded: bool,
    ) {
        let headers = vec![header("host", &host), header("x-forwarded-host", &host)];
        let source = crate::contract::UrlSource { public_base_url: base, trust_forwarded, encrypted: true };
        if let Ok(url) = Component::public_url(target.clone(), headers, source) {
            prop_assert!(url.ends_with(&target));
            prop_assert!(url.starts_with("https://") || url.starts_with("http://"));
        }
    }
}

/// A signed form whose keys differ, so that no two of its fields can fall together.
fn any_request() -> impl Strategy<Value = Request> {
    let fields = prop::collection::btree_map("[A-Za-z0-9_.]{1,8}", "[ -~ü☎]{0,12}", 1..6);
    ("/[a-z0-9/]{0,12}(\\?[a-z=&%+0-9]{0,12})?", fields).prop_map(|(path, fields)| {
        let url = format!("https://voice.example.test{path}");
        let fields: Vec<_> = fields.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        signed(form_request(&url, &fields), &url)
    })
}
