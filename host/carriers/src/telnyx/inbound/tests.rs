use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::Format;
use super::*;

#[test]
fn numbers_are_read_as_strings_and_as_numbers() {
    let text = |chunk: &str| {
        format!(
            r#"{{"event":"media","sequence_number":4,"media":{{"track":"inbound","chunk":{chunk},"timestamp":5,"payload":"/w=="}},"stream_id":"S"}}"#
        )
    };
    let expected = Message::Media {
        track: Track::Inbound,
        chunk: 2,
        timestamp: Duration::from_millis(5),
        payload: vec![0xFF],
    };
    assert_eq!(decode(&text("2")), Ok(expected.clone()));
    assert_eq!(decode(&text("\"2\"")), Ok(expected));
    assert_eq!(decode(&text("-2")).unwrap_err().code(), "malformed");
}

#[test]
fn a_start_may_leave_out_all_but_the_ids_and_the_format() {
    let text = r#"{"event":"start","stream_id":"S","start":{"call_control_id":"v3:a","client_state":null,"tags":null,"custom_parameters":null,"media_format":{"encoding":"PCMA","sample_rate":"8000"}}}"#;
    let Ok(Message::Start(start)) = decode(text) else { panic!("start") };
    assert_eq!((start.stream_id.as_str(), start.call_control_id.as_str()), ("S", "v3:a"));
    let format = Format { encoding: "PCMA".into(), sample_rate: 8_000, channels: 1 };
    assert_eq!((start.format, start.client_state), (format, None));
}

#[test]
fn what_a_message_lacks_is_named() {
    for (text, event, field) in [
        (r#"{"event":"start"}"#, "start", "start"),
        (r#"{"event":"start","stream_id":"S","start":{}}"#, "start", "media_format"),
        (
            r#"{"event":"start","stream_id":"S","start":{"media_format":{"encoding":"PCMU","sample_rate":8000}}}"#,
            "start",
            "call_control_id",
        ),
        (
            r#"{"event":"start","start":{"call_control_id":"v3:a","media_format":{"encoding":"PCMU","sample_rate":8000}}}"#,
            "start",
            "stream_id",
        ),
        (r#"{"event":"media"}"#, "media", "media"),
        (r#"{"event":"media","media":{"track":"inbound","payload":""}}"#, "media", "chunk"),
        (r#"{"event":"error"}"#, "error", "payload"),
    ] {
        assert_eq!(decode(text), Err(Error::MissingField { event, field }), "{text}");
    }
}

#[test]
fn a_key_press_says_when_it_was() {
    let text = r#"{"event":"dtmf","stream_id":"S","occurred_at":"2026-06-05T08:54:19.698408Z","sequence_number":"5","dtmf":{"digit":"1"}}"#;
    let occurred_at = Some(Moment::from_micros(1_780_649_659_698_408));
    assert_eq!(decode(text), Ok(Message::Dtmf { digit: '1', occurred_at }));
    assert_eq!(decode(r#"{"event":"dtmf","dtmf":{"digit":"12"}}"#), Err(Error::BadDigit));
}

#[test]
fn an_unknown_event_is_reported_by_name_whatever_it_carries() {
    for text in [r#"{"event":"future"}"#, r#"{"event":"future","start":7,"payload":"x"}"#] {
        assert_eq!(decode(text), Ok(Message::Other("future".into())));
    }
}

#[test]
fn malformed_messages_are_named_without_quoting_them() {
    for text in ["", "null", "[]", "{}", r#"{"event":7}"#, r#"{"event":"media","media":{"secret":1}}"#] {
        let error = decode(text).unwrap_err();
        assert_eq!(error.code(), "malformed", "{text}");
        assert!(!error.to_string().contains("secret"));
    }
}

#[test]
fn audio_beyond_the_limit_is_refused_before_it_is_decoded() {
    let message = Message::Media {
        track: Track::Inbound,
        chunk: 1,
        timestamp: Duration::ZERO,
        payload: vec![0; MAX_PAYLOAD + 3],
    };
    assert_eq!(decode(&message.encode(1, &start())).unwrap_err().code(), "payload_too_large");
    assert_eq!(decode(&" ".repeat(MAX_MESSAGE + 1)).unwrap_err().code(), "message_too_long");
}

proptest! {
    #[test]
    fn any_text_decodes_or_is_refused_without_a_panic(text in any::<String>()) {
        let _ = decode(&text);
    }

    #[test]
    fn any_change_of_a_message_decodes_or_is_refused_without_a_panic(
        place in any::<prop::sample::Index>(),
        bytes in proptest::collection::vec(any::<u8>(), 0..8),
        removed in 0_usize..8,
    ) {
        for message in messages(vec![0xFF; 20], 1, 20, "mark".into()) {
            let mut text = message.encode(1, &start()).into_bytes();
            let place = place.index(text.len());
            let end = (place + removed).min(text.len());
            text.splice(place..end, bytes.clone());
            let _ = decode(&String::from_utf8_lossy(&text));
        }
    }

    #[test]
    fn what_the_carrier_side_writes_is_what_we_read(
        payload in proptest::collection::vec(any::<u8>(), 0..500),
        chunk in any::<u64>(),
        milliseconds in any::<u32>(),
        name in any::<String>(),
    ) {
        for message in messages(payload, chunk, milliseconds, name) {
            prop_assert_eq!(decode(&message.encode(3, &start())), Ok(message));
        }
    }
}

fn messages(payload: Vec<u8>, chunk: u64, milliseconds: u32, name: String) -> [Message; 8] {
    let timestamp = Duration::from_millis(milliseconds.into());
    [
        Message::Connected,
        Message::Start(start()),
        Message::Media { track: Track::Outbound, chunk, timestamp, payload },
        Message::Dtmf { digit: '#', occurred_at: None },
        Message::Dtmf { digit: 'A', occurred_at: Some(Moment::from_micros(1_780_649_659_698_408)) },
        Message::Mark { name },
        Message::Error { code: 100_004, title: "invalid_media".into() },
        Message::Stop,
    ]
}

fn start() -> Start {
    Start {
        stream_id: "S-1".into(),
        call_control_id: "v3:a".into(),
        call_session_id: "s".into(),
        from: "+1".into(),
        to: "+2".into(),
        client_state: Some("aGF2ZSBhIG5pY2UgZGF5ID1d".into()),
        custom_parameters: BTreeMap::from([("token".into(), "a \"b\"".into())]),
        format: Format { encoding: "PCMU".into(), sample_rate: 8_000, channels: 1 },
    }
}
