//! What a token promises, by example and by property.

use super::*;
use proptest::prelude::*;

const NOW: u64 = 1_790_000_000;

#[test]
fn a_minted_token_verifies_until_the_second_it_expires() {
    let token = mint(&secret(1), &claims()).unwrap();
    assert_eq!(verify(&[secret(1)], &token, NOW), Ok(claims()));
    assert_eq!(verify(&[secret(1)], &token, claims().expires_at - 1), Ok(claims()));
    assert_eq!(verify(&[secret(1)], &token, claims().expires_at), Err(Error::Expired));
    assert_eq!(verify(&[secret(1)], &token, u64::MAX), Err(Error::Expired));
}

#[test]
fn a_token_with_our_ids_is_short_and_safe_in_a_path() {
    let token = mint(&secret(1), &claims()).unwrap();
    assert!(token.len() <= 320, "{} bytes", token.len());
    assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)));
}

#[test]
fn any_of_several_secrets_verifies_during_a_rotation() {
    let token = mint(&secret(2), &claims()).unwrap();
    assert_eq!(verify(&[secret(1), secret(2)], &token, NOW), Ok(claims()));
    assert_eq!(verify(&[secret(1), secret(3)], &token, NOW), Err(Error::SignatureMismatch));
    assert_eq!(verify(&[], &token, NOW), Err(Error::NoSecret));
}

#[test]
fn a_secret_under_sixteen_bytes_is_refused_and_none_is_ever_printed() {
    assert_eq!(Secret::new([7; 15]).err(), Some(Error::WeakSecret));
    assert_eq!(format!("{:?}", Secret::new(*b"sixteen bytes ok").unwrap()), "Secret(..)");
}

#[test]
fn incomplete_claims_are_not_minted() {
    for field in ["tenant", "agent", "call"] {
        let mut claims = claims();
        match field {
            "tenant" => claims.tenant.clear(),
            "agent" => claims.agent.clear(),
            _ => claims.call.clear(),
        }
        assert_eq!(mint(&secret(1), &claims), Err(Error::EmptyClaim), "{field}");
    }
    for nonce in ["", "0123", "0123456789ABCDEF0123456789ABCDEF", "g123456789abcdef0123456789abcdef"] {
        let claims = Claims { nonce: nonce.to_owned(), ..claims() };
        assert_eq!(mint(&secret(1), &claims), Err(Error::MalformedNonce), "{nonce:?}");
    }
    let claims = Claims { call: "c".repeat(TOKEN_BYTES_MAX), ..claims() };
    assert_eq!(mint(&secret(1), &claims), Err(Error::TooLong));
}

#[test]
fn tokens_of_the_wrong_shape_are_malformed() {
    let token = mint(&secret(1), &claims()).unwrap();
    let payload = token.split('.').next().unwrap();
    for shape in [
        String::new(),
        payload.to_owned(),
        format!("{payload}."),
        format!("{token}="),
        format!("{token}.{token}"),
        format!("{payload}.c2hvcnQ"),
        format!("{payload}.{}", "A".repeat(44)),
    ] {
        assert_eq!(verify(&[secret(1)], &shape, NOW), Err(Error::Malformed), "{shape}");
    }
    let long = "A".repeat(TOKEN_BYTES_MAX + 1);
    assert_eq!(verify(&[secret(1)], &long, NOW), Err(Error::TooLong));
}

#[test]
fn what_is_signed_is_still_checked() {
    let json = serde_json::to_vec(&claims()).unwrap();
    assert_eq!(verify_signed(&[&[VERSION], json.as_slice()].concat()), Ok(claims()));
    assert_eq!(verify_signed(&[&[VERSION + 1], json.as_slice()].concat()), Err(Error::UnknownVersion));
    assert_eq!(verify_signed(b""), Err(Error::UnknownVersion));
    assert_eq!(verify_signed(b"\x01{}"), Err(Error::MalformedClaims));
    assert_eq!(verify_signed(b"\x01\xff"), Err(Error::MalformedClaims));
    let empty = serde_json::to_vec(&Claims { tenant: String::new(), ..claims() }).unwrap();
    assert_eq!(verify_signed(&[&[VERSION], empty.as_slice()].concat()), Err(Error::MalformedClaims));
}

#[test]
fn a_signature_of_another_domain_does_not_count() {
    let token = mint(&secret(1), &claims()).unwrap();
    let payload = token.split('.').next().unwrap();
    let mut mac = <hmac::Hmac<sha2::Sha256> as hmac::KeyInit>::new_from_slice(&[1; 32]).unwrap();
    hmac::Mac::update(&mut mac, payload.as_bytes());
    let forged = URL_SAFE_NO_PAD.encode(hmac::Mac::finalize(mac).into_bytes());
    let forged = format!("{payload}.{forged}");
    assert_eq!(verify(&[secret(1)], &forged, NOW), Err(Error::SignatureMismatch));
}

proptest! {
    #[test]
    fn whatever_is_minted_verifies(claims in any_claims(), key in any_secret()) {
        let token = mint(&key, &claims).unwrap();
        prop_assert_eq!(verify(&[key], &token, claims.expires_at - 1), Ok(claims));
    }

    #[test]
    fn whatever_is_minted_expires(claims in any_claims(), key in any_secret(), late in 0u64..1 << 40) {
        let token = mint(&key, &claims).unwrap();
        prop_assert_eq!(verify(&[key], &token, claims.expires_at + late), Err(Error::Expired));
    }

    #[test]
    fn a_token_with_any_character_changed_is_refused(
        claims in any_claims(), key in any_secret(), at: prop::sample::Index, to in "[A-Za-z0-9_.-]",
    ) {
        let token = mint(&key, &claims).unwrap();
        let at = at.index(token.len());
        prop_assume!(token[at..=at] != to);
        let changed = format!("{}{to}{}", &token[..at], &token[at + 1..]);
        let refusal = verify(&[key], &changed, claims.expires_at - 1);
        prop_assert!(matches!(refusal, Err(Error::SignatureMismatch | Error::Malformed)), "{:?}", refusal);
    }

    #[test]
    fn another_secret_refuses(claims in any_claims(), key: [u8; 32], other: [u8; 32]) {
        prop_assume!(key != other);
        let token = mint(&Secret::new(key).unwrap(), &claims).unwrap();
        prop_assert_eq!(verify(&[Secret::new(other).unwrap()], &token, claims.expires_at - 1), Err(Error::SignatureMismatch));
    }

    #[test]
    fn arbitrary_text_is_refused(token in "\\PC{0,200}", key in any_secret()) {
        prop_assert!(verify(&[key], &token, 0).is_err());
    }
}

fn secret(seed: u8) -> Secret {
    Secret::new([seed; 32]).unwrap()
}

fn claims() -> Claims {
    Claims {
        tenant: "018f3c1e-9a55-7cc0-8d2b-3f1e6a7b8c9d".to_owned(),
        agent: "018f3c1e-9a55-7cc0-8d2b-aaaaaaaaaaaa".to_owned(),
        call: "CA11111111111111111111111111111111".to_owned(),
        nonce: "0123456789abcdef0123456789abcdef".to_owned(),
        expires_at: NOW + 60,
    }
}

/// The verdict on `payload` with a good signature: what only a holder of the secret could send.
fn verify_signed(payload: &[u8]) -> Result<Claims, Error> {
    let payload = URL_SAFE_NO_PAD.encode(payload);
    let signature = URL_SAFE_NO_PAD.encode(secret(1).0.sign(&payload));
    verify(&[secret(1)], &format!("{payload}.{signature}"), NOW)
}

fn any_secret() -> impl Strategy<Value = Secret> {
    prop::collection::vec(any::<u8>(), SECRET_BYTES_MIN..100).prop_map(|bytes| Secret::new(bytes).unwrap())
}

fn any_claims() -> impl Strategy<Value = Claims> {
    ("\\PC{1,20}", "\\PC{1,20}", "\\PC{1,20}", "[0-9a-f]{32}", 1..u64::MAX >> 20).prop_map(
        |(tenant, agent, call, nonce, expires_at)| Claims { tenant, agent, call, nonce, expires_at },
    )
}
