//! What a codec promises of every frame.

use std::collections::BTreeMap;

use carriers::{Track, telnyx, twilio};

/// What a frame from Twilio may change.
pub fn of_twilio(session: &twilio::Session) -> (Option<twilio::Start>, bool) {
    (session.start().cloned(), session.stopped())
}

/// What a frame from Telnyx may change.
pub fn of_telnyx(session: &telnyx::Session) -> (Option<telnyx::Start>, Option<telnyx::Codec>, bool) {
    (session.start().cloned(), session.codec(), session.stopped())
}

/// What was read is read again from what would be written.
pub fn twilio_says_it_again(message: &twilio::Message, start: Option<&twilio::Start>) {
    let unnamed = twilio::Start {
        stream_sid: "MZ1".into(),
        call_sid: "CA1".into(),
        account_sid: "AC1".into(),
        tracks: vec![Track::Inbound],
        format: twilio::Format { encoding: "audio/x-mulaw".into(), sample_rate: 8_000, channels: 1 },
        custom_parameters: BTreeMap::new(),
    };
    let text = message.encode(1, start.unwrap_or(&unnamed));
    if text.len() <= twilio::MAX_MESSAGE {
        assert_eq!(twilio::decode(&text).as_ref(), Ok(message), "{text}");
    }
    if let twilio::Message::Media { payload, .. } = message {
        assert!(payload.len() <= twilio::MAX_PAYLOAD);
        let text = twilio::encode_media("MZ1", payload);
        let read = twilio::Outbound::decode(&text);
        assert!(
            matches!(read, Ok(twilio::Outbound::Media { payload: again, .. }) if again == *payload),
            "{text}"
        );
    }
}

/// What was read is read again from what would be written.
pub fn telnyx_says_it_again(message: &telnyx::Message, start: Option<&telnyx::Start>) {
    let own = if let telnyx::Message::Start(start) = message { Some(start) } else { start };
    if let Some(own) = own {
        let text = message.encode(1, own);
        if text.len() <= telnyx::MAX_MESSAGE {
            assert_eq!(telnyx::decode(&text).as_ref(), Ok(message), "{text}");
        }
        // What another client put into the client state is not ours to judge; reading it is.
        let _ = own.decode_client_state();
    }
    if let telnyx::Message::Media { payload, .. } = message {
        assert!(payload.len() <= telnyx::MAX_PAYLOAD);
        let text = telnyx::encode_media(payload);
        let read = telnyx::Outbound::decode(&text);
        assert_eq!(read, Ok(telnyx::Outbound::Media { payload: payload.clone() }), "{text}");
    }
}

/// A mark comes back under the name that it was given, whatever that is.
pub fn written_marks_are_read(name: &str) {
    // Twilio's messages name their stream, whose id is never empty.
    let stream = if name.is_empty() { "MZ1" } else { name };
    let text = twilio::encode_mark(stream, name);
    if text.len() <= twilio::MAX_MESSAGE {
        let read = twilio::Outbound::decode(&text);
        assert!(
            matches!(&read, Ok(mark @ twilio::Outbound::Mark { name: again, .. }) if again == name && mark.stream_sid() == stream),
            "{text}: {read:?}"
        );
    }
    let text = telnyx::encode_mark(name);
    if text.len() <= telnyx::MAX_OUTBOUND_MESSAGE {
        assert_eq!(telnyx::Outbound::decode(&text), Ok(telnyx::Outbound::Mark { name: name.to_owned() }));
    }
}

/// What Twilio would make of a frame.
pub fn read_by_twilio(text: &str) -> &'static str {
    match twilio::Outbound::decode(text) {
        Ok(twilio::Outbound::Media { payload, .. }) => {
            assert!(payload.len() <= twilio::MAX_PAYLOAD);
            "media"
        }
        Ok(twilio::Outbound::Mark { .. }) => "mark",
        Ok(twilio::Outbound::Clear { .. }) => "clear",
        Err(error) => error.code(),
    }
}

/// What Telnyx would make of a frame.
pub fn read_by_telnyx(text: &str) -> &'static str {
    match telnyx::Outbound::decode(text) {
        Ok(telnyx::Outbound::Media { payload }) => {
            assert!(payload.len() <= telnyx::MAX_OUTBOUND_PAYLOAD);
            "media"
        }
        Ok(telnyx::Outbound::Mark { .. }) => "mark",
        Ok(telnyx::Outbound::Clear) => "clear",
        Err(error) => error.code(),
    }
}
