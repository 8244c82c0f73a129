use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

#[test]
fn a_chunk_carries_audio_and_the_characters_as_they_were_written() {
    let text = r#"{"audio":"AQI=","isFinal":null,"contextId":"c","alignment":{"chars":["5","."],
        "charStartTimesMs":[0,250],"charDurationsMs":[250,10]},"normalizedAlignment":{"chars":["f","i","v","e"],
        "charStartTimesMs":[0,1,2,3],"charDurationsMs":[1,1,1,1]}}"#;
    let Ok(Received::Chunk(chunk)) = Decoder.decode(text) else { panic!("a chunk") };
    assert_eq!((chunk.context.as_str(), &chunk.payload[..], chunk.last), ("c", &[1, 2][..], false));
    let second =
        Character { text: ".".into(), start: Duration::from_millis(250), length: Duration::from_millis(10) };
    assert_eq!(chunk.characters.len(), 2);
    assert_eq!(chunk.characters[1], second);
}

#[test]
fn without_the_written_text_the_spoken_one_must_do() {
    let text = r#"{"audio":"","contextId":"c","alignment":null,"normalizedAlignment":{"chars":["a","b"],
        "charStartTimesMs":[0],"charDurationsMs":[-1.5,7]}}"#;
    let Ok(Received::Chunk(chunk)) = Decoder.decode(text) else { panic!("a chunk") };
    let only = Character { text: "a".into(), start: Duration::ZERO, length: Duration::ZERO };
    assert_eq!(chunk.characters, [only]);
}

#[test]
fn the_end_is_read_in_both_spellings() {
    for text in [r#"{"isFinal":true,"contextId":"c"}"#, r#"{"is_final":true,"context_id":"c","audio":null}"#]
    {
        let Ok(Received::Chunk(chunk)) = Decoder.decode(text) else { panic!("{text}") };
        assert!(chunk.last && chunk.payload.is_empty() && chunk.context == "c");
    }
}

#[test]
fn errors_keep_their_name_and_not_their_text() {
    let rate_limited = || Kind::RateLimited { retry_after: None };
    for (name, code, kind) in [
        ("quota_exceeded", 1_008, Kind::Auth),
        ("invalid_api_key", 1_008, Kind::Auth),
        ("max_active_conversations", 1_008, rate_limited()),
        ("input_timeout_exceeded", 1_008, Kind::Timeout),
        ("invalid_input_message", 1_008, Kind::Rejected),
        ("something_new", 1_008, Kind::Rejected),
        ("something_new", 1_011, Kind::Unavailable),
        ("system_busy", 1_008, Kind::Unavailable),
    ] {
        let text = json!({ "message": "quotes", "error": name, "code": code }).to_string();
        let Ok(Received::Failed { context: None, error }) = Decoder.decode(&text) else { panic!("{text}") };
        assert_eq!((error.kind(), error.code()), (&kind, Some(name)));
        assert!(!format!("{error} {error:?}").contains("quotes"));
    }
    let text = r#"{"message":"quotes","error":"quotes the caller","code":1008,"contextId":"c"}"#;
    let Ok(Received::Failed { context, error }) = Decoder.decode(text) else { panic!("{text}") };
    assert_eq!((context.as_deref(), error.code()), (Some("c"), Some("1008")));
}

#[test]
fn a_goodbye_is_told_by_its_code_or_by_the_name_in_its_reason() {
    for (code, kind) in [
        ("1008", Kind::Rejected),
        ("1009", Kind::Protocol),
        ("1011", Kind::Unavailable),
        ("no_close_code", Kind::Unavailable),
        ("quota_exceeded", Kind::Auth),
    ] {
        let error = Error::new(NAME, Stage::Receive, Kind::Unavailable).with_code(code);
        let closed = Decoder.closed(&error);
        assert_eq!((closed.kind(), closed.code()), (&kind, Some(code)));
    }
}

#[test]
fn messages_without_news_mean_nothing_and_garbage_is_refused() {
    for text in ["{}", r#"{"audio":null,"isFinal":null,"contextId":"c"}"#, r#"{"novelty":[1]}"#] {
        assert_eq!(Decoder.decode(text), Ok(Received::Other), "{text}");
    }
    for text in [
        "",
        "[]",
        "7",
        r#"{"audio":"AA=="}"#,
        r#"{"isFinal":true}"#,
        r#"{"audio":"?","contextId":"c"}"#,
        r#"{"audio":7,"contextId":"c"}"#,
        r#"{"contextId":"c","alignment":{"chars":7}}"#,
    ] {
        assert_eq!(Decoder.decode(text).unwrap_err().kind(), &Kind::Protocol, "{text}");
    }
}

#[test]
fn a_megabyte_of_audio_is_read() {
    let data = STANDARD.encode(vec![0x7F; 700_000]);
    let text = format!(r#"{{"audio":"{data}","contextId":"c"}}"#);
    let Ok(Received::Chunk(chunk)) = Decoder.decode(&text) else { panic!("a chunk") };
    assert_eq!(chunk.payload.len(), 700_000);
}

#[test]
fn requests_have_the_fields_that_the_vendor_reads_and_no_other() {
    let read = |request: Result<String, Error>| serde_json::from_str::<Value>(&request.unwrap()).unwrap();
    let plain = Requests::new(VoiceSettings::default());
    assert_eq!(read(plain.open("c")), json!({ "text": " ", "context_id": "c" }));
    assert_eq!(read(plain.speak("c", "Hi. ")), json!({ "text": "Hi. ", "context_id": "c" }));
    assert_eq!(
        read(plain.flush("c", Some("Bye. "))),
        json!({ "text": "Bye. ", "context_id": "c", "flush": true })
    );
    assert_eq!(read(plain.flush("c", None)), json!({ "context_id": "c", "flush": true }));
    assert_eq!(read(plain.close("c")), json!({ "context_id": "c", "close_context": true }));
    assert_eq!(read(plain.keep_alive(Some("c"))), json!({ "text": "", "context_id": "c" }));
    assert_eq!(read(plain.keep_alive(None)), json!({ "text": "" }));
    assert_eq!(read(plain.close_socket()), json!({ "close_socket": true }));
    let settings = VoiceSettings { stability: Some(0.5), speed: Some(1.0), ..VoiceSettings::default() };
    assert_eq!(
        read(Requests::new(settings).open("c")),
        json!({ "text": " ", "context_id": "c", "voice_settings": { "stability": 0.5, "speed": 1.0 } })
    );
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}") {
        let _read = Decoder.decode(&text);
    }

    #[test]
    fn no_alignment_makes_it_panic(
        chars in prop::collection::vec(".{0,2}", 0..20),
        starts in prop::collection::vec(prop::num::f64::ANY, 0..20),
        lengths in prop::collection::vec(prop::num::f64::ANY, 0..20),
        from in 0_u64..u64::MAX,
    ) {
        let text = json!({ "contextId": "c", "audio": "", "alignment": {
            "chars": chars, "charStartTimesMs": starts, "charDurationsMs": lengths } });
        if let Ok(Received::Chunk(chunk)) = Decoder.decode(&text.to_string()) {
            let mut words = crate::elevenlabs::Words::default();
            words.push(chunk.characters, Duration::from_millis(from));
            words.finish();
        }
    }
}
