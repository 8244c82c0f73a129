//! Twilio: what is refused, and why; and the less usual requests that are not.

use super::*;

const URL: &str = "https://voice.example.test/v";

#[test]
fn without_a_usable_key_nothing_passes() {
    let request = signed(form_request(URL, &[("CallSid", "CA1")]), URL);
    for tokens in [&[][..], &[""], &[" \t"], &[TOKEN, ""], &["", TOKEN]] {
        assert_eq!(verify(&request, tokens), Err(Refusal::NoKey), "{tokens:?}");
    }
}

#[test]
fn an_empty_key_never_signs() {
    let mut request = form_request(URL, &[("CallSid", "CA1")]);
    request.headers.push(header("X-Twilio-Signature", &sign("", URL, &[header("CallSid", "CA1")])));
    assert_eq!(verify(&request, &[""]), Err(Refusal::NoKey));
}

#[test]
fn the_matching_key_of_a_rotation_is_told() {
    let request = signed(form_request(URL, &[("CallSid", "CA1")]), URL);
    assert_eq!(verify(&request, &["new", TOKEN]).unwrap().key_index, 1);
    assert_eq!(verify(&request, &[TOKEN, "old"]).unwrap().key_index, 0);
    assert_eq!(verify(&request, &["new", "old"]), Err(Refusal::SignatureMismatch));
}

#[test]
fn a_signature_must_be_there_once_and_be_one() {
    let request = form_request(URL, &[("CallSid", "CA1")]);
    assert_eq!(verify(&request, &[TOKEN]), Err(Refusal::MissingSignature));
    let mut twice = signed(signed(request.clone(), URL), URL);
    assert_eq!(verify(&twice, &[TOKEN]), Err(Refusal::MalformedSignature));
    twice.headers.last_mut().unwrap().0 = "x-TWILIO-signature".to_owned();
    assert_eq!(verify(&twice, &[TOKEN]), Err(Refusal::MalformedSignature));
    for value in [
        "",
        "AAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAB=",
        "not base64 at all, is it?===",
    ] {
        let mut request = request.clone();
        request.headers.push(header("X-Twilio-Signature", value));
        assert_eq!(verify(&request, &[TOKEN]), Err(Refusal::MalformedSignature), "{value:?}");
    }
}

#[test]
fn a_body_that_is_no_form_is_refused_with_its_fault() {
    let mut request = form_request(URL, &[]);
    request.body = b"a=1&b=%FF".to_vec();
    assert_eq!(
        verify(&signed(request, URL), &[TOKEN]),
        Err(Refusal::MalformedBody("form field 2 is not UTF-8".to_owned()))
    );
}

#[test]
fn a_body_that_the_signature_would_not_cover_is_refused() {
    let mut request = form_request(URL, &[("a", "1")]);
    request.method = "GET".to_owned();
    let request = signed(request, URL);
    assert!(matches!(verify(&request, &[TOKEN]), Err(Refusal::MalformedBody(_))));

    for content_type in ["text/plain", "multipart/form-data; boundary=x", "application/jsonp", ""] {
        let mut request = form_request(URL, &[("a", "1")]);
        request.headers = vec![header("Content-Type", content_type)];
        let verdict = verify(&signed(request, URL), &[TOKEN]);
        assert_eq!(verdict, Err(Refusal::UnsupportedContentType(content_type.to_owned())));
    }

    let mut twice = form_request(URL, &[("a", "1")]);
    twice.headers.push(header("content-type", "application/json"));
    let verdict = verify(&signed(twice, URL), &[TOKEN]);
    assert!(matches!(verdict, Err(Refusal::UnsupportedContentType(_))), "{verdict:?}");
}

#[test]
fn a_request_without_body_is_signed_by_its_url_alone() {
    for method in ["GET", "HEAD", "POST"] {
        let url = "https://voice.example.test/status?CallSid=CA5&CallStatus=completed";
        let request =
            Request { method: method.to_owned(), url: url.to_owned(), headers: vec![], body: vec![] };
        let verified = verify(&signed(request, url), &[TOKEN]).unwrap();
        assert_eq!(verified.form, []);
    }
}

#[test]
fn json_is_covered_by_one_hash_in_the_signed_url() {
    let hash = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let upper = hash.to_uppercase();
    for (query, body, expected) in [
        (format!("?a=1&bodySHA256={hash}"), "{}", Ok(())),
        (format!("?bodySHA256={hash}&z"), "{}", Ok(())),
        (format!("?bodySHA256={hash}"), "{} ", Err(Refusal::BodyHashMismatch)),
        (format!("?bodySHA256={upper}"), "{}", Err(Refusal::BodyHashMismatch)),
        (format!("?bodySHA256={hash}&bodySHA256={hash}"), "{}", Err(Refusal::BodyHashMismatch)),
        ("?bodySHA256=".to_owned(), "{}", Err(Refusal::BodyHashMismatch)),
        (format!("?xbodySHA256={hash}"), "{}", Err(Refusal::MissingBodyHash)),
        (String::new(), "{}", Err(Refusal::MissingBodyHash)),
    ] {
        let url = format!("{URL}{query}");
        let headers = vec![header("content-type", "Application/JSON; charset=utf-8")];
        let request = Request { method: "POST".to_owned(), url: url.clone(), headers, body: body.into() };
        assert_eq!(verify(&signed(request, &url), &[TOKEN]).map(|_| ()), expected, "{url}");
    }
}

#[test]
fn every_port_form_that_the_carrier_signs_is_accepted_and_no_other() {
    for (arrived, signed_as, accepted) in [
        ("https://h.test/p", "https://h.test:443/p", true),
        ("https://h.test:8443/p", "https://h.test/p", true),
        ("https://h.test:8443/p", "https://h.test:8443/p", true),
        ("https://h.test:8443/p", "https://h.test:443/p", false),
        ("https://h.test/p", "https://h.test:80/p", false),
        ("https://h.test/p", "http://h.test/p", false),
        ("http://h.test/p", "http://h.test:80/p", true),
        ("https://[2001:db8::1]:8443/p", "https://[2001:db8::1]/p", true),
        ("https://u:p@h.test:8443/p", "https://h.test/p", true),
        ("https://u:p@h.test:8443/p", "https://u:p@h.test/p", true),
        ("https://h.test/p", "https://h.test/p/", false),
        ("https://h.test/p/", "https://h.test/p", false),
        ("https://h.test/a%20b?c=%2B", "https://h.test/a b?c=+", false),
    ] {
        let request = signed(form_request(arrived, &[("CallSid", "CA1")]), signed_as);
        assert_eq!(verify(&request, &[TOKEN]).is_ok(), accepted, "{arrived} signed as {signed_as}");
    }
}

#[test]
fn a_websocket_handshake_may_be_signed_with_one_more_slash() {
    for (arrived, signed_as, accepted) in [
        ("wss://m.test/s", "wss://m.test/s", true),
        ("wss://m.test/s", "wss://m.test/s/", true),
        ("wss://m.test/s", "wss://m.test/s//", false),
        ("wss://m.test:8443/s", "wss://m.test/s/", true),
        ("wss://m.test/s", "wss://m.test:443/s", true),
        ("ws://m.test/s", "ws://m.test:80/s/", true),
        ("wss://m.test/s", "https://m.test/s", false),
    ] {
        let request =
            Request { method: "GET".to_owned(), url: arrived.to_owned(), headers: vec![], body: vec![] };
        assert_eq!(
            verify(&signed(request, signed_as), &[TOKEN]).is_ok(),
            accepted,
            "{arrived} as {signed_as}"
        );
    }
}
