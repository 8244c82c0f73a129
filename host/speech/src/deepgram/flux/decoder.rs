//! Flux's messages, as events. Pure.

use serde::Deserialize;

use super::NAME;
use crate::deepgram::word::WireWord;
use crate::{Error, Kind, Stage, SttEvent, Word};

/// Turns the text frames of one stream into events, and drops what says nothing new.
///
/// It keeps the promise that the words of an eager end are those of the end, or the turn was resumed in between, also
/// where the vendor forgets to say so.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The words of the turn, as last passed on.
    heard: String,
    /// Whether an eager end awaits its end.
    eager: bool,
}

/// What one text frame meant.
#[derive(Debug, Default, PartialEq)]
pub struct Decoded {
    /// The events to pass on, in order: a turn may begin with words.
    pub events: Vec<SttEvent>,
    /// Number of the turn that it belongs to, from 0.
    pub turn: Option<u64>,
    /// The vendor's complaint about something that does not end the stream.
    pub warning: Option<Error>,
    /// The vendor's id of the stream, from its greeting.
    pub request_id: Option<String>,
}

impl Decoder {
    /// Creates a decoder at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads one text frame. Messages and turn events of unknown types mean nothing.
    ///
    /// # Errors
    /// When the frame is not JSON of this protocol.
    pub fn decode(&mut self, text: &str) -> Result<Decoded, Error> {
        let malformed = || Error::new(NAME, Stage::Receive, Kind::Protocol).with_code("malformed_message");
        let message: Message = serde_json::from_str(text).map_err(|_| malformed())?;
        let decoded = match message.kind.as_str() {
            "TurnInfo" => {
                Decoded { turn: message.turn_index, events: self.turn(message), ..Decoded::default() }
            }
            "Connected" => Decoded { request_id: message.request_id, ..Decoded::default() },
            "Error" | "FatalError" => {
                Decoded { events: vec![SttEvent::Failed(message.failure())], ..Decoded::default() }
            }
            "Warning" | "ConfigureFailure" => {
                Decoded { warning: Some(message.failure()), ..Decoded::default() }
            }
            _ => Decoded::default(),
        };
        Ok(decoded)
    }

    fn turn(&mut self, message: Message) -> Vec<SttEvent> {
        let mut events = Vec::new();
        let text = message.transcript;
        match message.event.as_str() {
            "Update" => self.interim(text, message.words, &mut events),
            "StartOfTurn" => {
                self.resume(&mut events);
                self.begin();
                events.push(SttEvent::SpeechStarted);
                self.interim(text, message.words, &mut events);
            }
            "EagerEndOfTurn" if !text.is_empty() => {
                self.resume_unless(&text, &mut events);
                if !self.eager {
                    self.eager = true;
                    self.heard.clone_from(&text);
                    events.push(SttEvent::EagerEndOfTurn { text });
                }
            }
            "TurnResumed" => {
                self.resume(&mut events);
                self.interim(text, message.words, &mut events);
            }
            "EndOfTurn" => {
                self.resume_unless(&text, &mut events);
                self.begin();
                events.push(SttEvent::EndOfTurn { text });
            }
            _ => {}
        }
        events
    }

    /// Passes on words that are new; updates come every quarter of a second, whether there are any or not.
    fn interim(&mut self, text: String, words: Vec<WireWord>, events: &mut Vec<SttEvent>) {
        if text.is_empty() || text == self.heard {
            return;
        }
        self.resume(events);
        self.heard.clone_from(&text);
        let words = words.into_iter().map(Word::from).collect();
        events.push(SttEvent::Interim { text, words });
    }

    fn resume_unless(&mut self, same: &str, events: &mut Vec<SttEvent>) {
        if self.heard != same {
            self.resume(events);
        }
    }

    fn resume(&mut self, events: &mut Vec<SttEvent>) {
        if std::mem::take(&mut self.eager) {
            events.push(SttEvent::TurnResumed);
        }
    }

    fn begin(&mut self) {
        self.heard.clear();
        self.eager = false;
    }
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    event: String,
    turn_index: Option<u64>,
    #[serde(default)]
    transcript: String,
    #[serde(default)]
    words: Vec<WireWord>,
    request_id: Option<String>,
    code: Option<String>,
    error_code: Option<String>,
}

impl Message {
    /// What went wrong, by the vendor's code. Its description may quote what was said, and is not kept.
    fn failure(&self) -> Error {
        let code = self.code.as_deref().or(self.error_code.as_deref()).unwrap_or_default();
        Error::new(NAME, Stage::Receive, kind(code)).with_code(code)
    }
}

/// Codes are an open set, so they are told apart by their words; a code without a known one is a request refused.
fn kind(code: &str) -> Kind {
    let upper = code.to_ascii_uppercase();
    let says = |words: &[&str]| words.iter().any(|word| upper.contains(word));
    if says(&["AUTH", "PERMISSION", "PAYMENT", "CREDENTIAL"]) {
        Kind::Auth
    } else if says(&["RATE_LIMIT", "TOO_MANY", "CAPACITY"]) {
        Kind::RateLimited { retry_after: None }
    } else if says(&["TIMEOUT", "TIMED_OUT"]) {
        Kind::Timeout
    } else if says(&["INTERNAL", "UNAVAILABLE", "NET-", "NET0"]) {
        Kind::Unavailable
    } else {
        Kind::Rejected
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_turn_that_begins_with_words_is_a_start_and_an_interim() {
        let mut decoder = Decoder::new();
        let text = r#"{"type":"TurnInfo","event":"StartOfTurn","turn_index":3,"transcript":"Yes,","words":[
            {"word":"Yes,","confidence":0.5,"start":1.5,"end":1.75}],"end_of_turn_confidence":0.1}"#;
        let word = Word {
            text: "Yes,".into(),
            start: Duration::from_millis(1_500),
            end: Duration::from_millis(1_750),
            confidence: 0.5,
        };
        let decoded = decoder.decode(text).unwrap();
        assert_eq!(decoded.turn, Some(3));
        let interim = SttEvent::Interim { text: "Yes,".into(), words: vec![word] };
        assert_eq!(decoded.events, [SttEvent::SpeechStarted, interim]);
    }

    #[test]
    fn updates_without_news_say_nothing() {
        let mut decoder = Decoder::new();
        assert_eq!(events(&mut decoder, "Update", ""), []);
        assert_eq!(events(&mut decoder, "StartOfTurn", ""), [SttEvent::SpeechStarted]);
        assert_eq!(events(&mut decoder, "Update", "book"), [interim("book")]);
        assert_eq!(events(&mut decoder, "Update", "book"), []);
        assert_eq!(events(&mut decoder, "Update", "book a"), [interim("book a")]);
    }

    #[test]
    fn the_next_turn_may_begin_with_the_words_of_the_last() {
        let mut decoder = Decoder::new();
        events(&mut decoder, "StartOfTurn", "yes");
        assert_eq!(events(&mut decoder, "EndOfTurn", "yes"), [end("yes")]);
        assert_eq!(events(&mut decoder, "StartOfTurn", "yes"), [SttEvent::SpeechStarted, interim("yes")]);
    }

    #[test]
    fn a_turn_that_goes_on_after_its_eager_end_is_resumed_once() {
        let mut decoder = Decoder::new();
        events(&mut decoder, "StartOfTurn", "book");
        assert_eq!(events(&mut decoder, "EagerEndOfTurn", "book"), [eager("book")]);
        assert_eq!(events(&mut decoder, "TurnResumed", "book a"), [SttEvent::TurnResumed, interim("book a")]);
        assert_eq!(events(&mut decoder, "TurnResumed", "book a"), []);
        assert_eq!(events(&mut decoder, "EagerEndOfTurn", "book a table"), [eager("book a table")]);
        assert_eq!(events(&mut decoder, "EagerEndOfTurn", "book a table"), []);
        assert_eq!(events(&mut decoder, "EndOfTurn", "book a table"), [end("book a table")]);
    }

    #[test]
    fn other_words_after_an_eager_end_resume_the_turn_also_where_the_vendor_does_not_say_so() {
        for (event, last) in
            [("Update", interim("a b")), ("EagerEndOfTurn", eager("a b")), ("EndOfTurn", end("a b"))]
        {
            let mut decoder = Decoder::new();
            events(&mut decoder, "StartOfTurn", "a");
            events(&mut decoder, "EagerEndOfTurn", "a");
            assert_eq!(events(&mut decoder, event, "a b"), [SttEvent::TurnResumed, last], "{event}");
        }
    }

    #[test]
    fn noise_ends_as_a_turn_without_words_and_never_eagerly() {
        let mut decoder = Decoder::new();
        events(&mut decoder, "StartOfTurn", "");
        assert_eq!(events(&mut decoder, "EagerEndOfTurn", ""), []);
        assert_eq!(events(&mut decoder, "EndOfTurn", ""), [end("")]);
    }

    #[test]
    fn errors_keep_their_code_and_not_their_text() {
        let says = [
            ("INTERNAL_SERVER_ERROR", Kind::Unavailable),
            ("NET-0001", Kind::Unavailable),
            ("UNPARSABLE_CLIENT_MESSAGE", Kind::Rejected),
            ("INSUFFICIENT_PERMISSIONS", Kind::Auth),
            ("TOO_MANY_REQUESTS", Kind::RateLimited { retry_after: None }),
            ("CLIENT_TIMEOUT", Kind::Timeout),
            ("a code that quotes the caller", Kind::Rejected),
        ];
        for (code, kind) in says {
            for name in ["Error", "FatalError"] {
                let text =
                    format!(r#"{{"type":"{name}","sequence_id":9,"code":"{code}","description":"quotes"}}"#);
                let decoded = Decoder::new().decode(&text).unwrap();
                let [SttEvent::Failed(error)] = decoded.events.as_slice() else { panic!("{decoded:?}") };
                assert_eq!(error.kind(), &kind, "{code}");
                assert!(!format!("{error:?}").contains("quotes"));
            }
        }
    }

    #[test]
    fn a_warning_and_a_refused_configuration_do_not_end_the_stream() {
        for text in [
            r#"{"type":"Warning","code":"LOW_AUDIO","description":"quotes"}"#,
            r#"{"type":"ConfigureFailure","request_id":"r","error_code":"LOW_AUDIO","description":"quotes"}"#,
        ] {
            let decoded = Decoder::new().decode(text).unwrap();
            assert_eq!(decoded.events, []);
            let warning = decoded.warning.unwrap();
            assert_eq!((warning.kind(), warning.code()), (&Kind::Rejected, Some("LOW_AUDIO")));
            assert!(!format!("{warning:?}").contains("quotes"));
        }
    }

    #[test]
    fn unknown_messages_mean_nothing_and_garbage_is_refused() {
        for text in [
            r#"{"type":"Novelty","words":[]}"#,
            r#"{"type":"ConfigureSuccess","request_id":"r","thresholds":{}}"#,
            r#"{"type":"TurnInfo","event":"Novelty","transcript":"x"}"#,
            r#"{"type":"TurnInfo"}"#,
        ] {
            assert_eq!(Decoder::new().decode(text).unwrap(), Decoded::default(), "{text}");
        }
        for text in ["", "{", "[]", "7", r#"{"type":"TurnInfo","transcript":7}"#, r#"{"event":"Update"}"#] {
            assert_eq!(Decoder::new().decode(text).unwrap_err().kind(), &Kind::Protocol, "{text}");
        }
    }

    #[test]
    fn a_turn_of_a_megabyte_is_read() {
        let long = "word ".repeat(200_000);
        let mut decoder = Decoder::new();
        assert_eq!(events(&mut decoder, "Update", &long), [interim(&long)]);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,200}") {
            let _read = Decoder::new().decode(&text);
        }

        #[test]
        fn whatever_order_turn_events_come_in_an_eager_end_is_resumed_or_ended_with_its_words(
            turns in prop::collection::vec((0_usize..5, 0_usize..3), 0..40),
        ) {
            let names = ["Update", "StartOfTurn", "EagerEndOfTurn", "TurnResumed", "EndOfTurn"];
            let mut decoder = Decoder::new();
            let mut pending: Option<String> = None;
            for (name, text) in turns {
                let (name, text) = (names[name], ["", "a", "a b"][text]);
                for event in events(&mut decoder, name, text) {
                    match event {
                        SttEvent::EagerEndOfTurn { text } => {
                            prop_assert!(pending.is_none() && !text.is_empty());
                            pending = Some(text);
                        }
                        SttEvent::TurnResumed => prop_assert!(pending.take().is_some()),
                        SttEvent::EndOfTurn { text } => {
                            prop_assert!(pending.take().is_none_or(|eager| eager == text));
                        }
                        SttEvent::SpeechStarted | SttEvent::Interim { .. } => prop_assert!(pending.is_none()),
                        other => prop_assert!(false, "{other:?}"),
                    }
                }
            }
        }
    }

    fn events(decoder: &mut Decoder, event: &str, transcript: &str) -> Vec<SttEvent> {
        let text = format!(
            r#"{{"type":"TurnInfo","request_id":"r","sequence_id":1,"event":"{event}","turn_index":0,"transcript":"{transcript}","words":[],"end_of_turn_confidence":0.5}}"#
        );
        decoder.decode(&text).unwrap().events
    }

    fn interim(text: &str) -> SttEvent {
        SttEvent::Interim { text: text.into(), words: Vec::new() }
    }

    fn eager(text: &str) -> SttEvent {
        SttEvent::EagerEndOfTurn { text: text.into() }
    }

    fn end(text: &str) -> SttEvent {
        SttEvent::EndOfTurn { text: text.into() }
    }
}
