//! Deepgram's messages, as events. Pure.

use std::time::Duration;

use serde::Deserialize;

use super::NAME;
use super::word::WireWord;
use crate::{Error, Kind, Stage, SttEvent, Utterance, Word};

/// Turns the text frames of one stream into events, and drops what says nothing new.
#[derive(Debug, Default)]
pub struct Decoder {
    utterance: Utterance,
    /// Whether words were heard that no final has confirmed yet.
    unconfirmed: bool,
}

/// What one text frame meant.
#[derive(Debug, Default, PartialEq)]
pub struct Decoded {
    /// The event to pass on, if the frame says something new.
    pub event: Option<SttEvent>,
    /// The utterance that the frame completed.
    pub utterance: Option<String>,
    /// The vendor's id of the stream, from the summary that ends it.
    pub request_id: Option<String>,
}

impl Decoder {
    /// Creates a decoder at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Finals that no end of speech has followed yet.
    #[must_use]
    pub fn pending(&self) -> &str {
        self.utterance.pending()
    }

    /// Reads one text frame. Messages of unknown types mean nothing.
    ///
    /// # Errors
    /// When the frame is not JSON of this protocol.
    pub fn decode(&mut self, text: &str) -> Result<Decoded, Error> {
        let malformed = || Error::new(NAME, Stage::Receive, Kind::Protocol).with_code("malformed_message");
        let message: Message = serde_json::from_str(text).map_err(|_| malformed())?;
        let event = match message.kind.as_str() {
            "Results" => self.results(message),
            "UtteranceEnd" => self.utterance_end(message.last_word_end),
            "SpeechStarted" => Some(SttEvent::SpeechStarted),
            "Error" => {
                let error = Error::new(NAME, Stage::Receive, Kind::Rejected);
                Some(SttEvent::Failed(error.with_code(message.variant.as_deref().unwrap_or_default())))
            }
            "Metadata" => return Ok(Decoded { request_id: message.request_id, ..Decoded::default() }),
            _ => None,
        };
        let utterance = event.as_ref().and_then(|event| self.utterance.push(event));
        Ok(Decoded { event, utterance, request_id: None })
    }

    fn results(&mut self, message: Message) -> Option<SttEvent> {
        let best = message.channel.and_then(Channel::best).unwrap_or_default();
        let text = best.transcript;
        let words = best.words.into_iter().map(Word::from).collect();
        if !message.is_final {
            if text.is_empty() {
                return None;
            }
            self.unconfirmed = true;
            return Some(SttEvent::Interim { text, words });
        }
        self.unconfirmed = false;
        let from_finalize = message.from_finalize;
        // The vendor has said all it has to say of the audio before our finalize, whether it found an end there or not.
        let speech_final = message.speech_final || from_finalize;
        let ends_something = speech_final && !self.utterance.pending().is_empty();
        if text.is_empty() && !ends_something && !from_finalize {
            return None;
        }
        Some(SttEvent::Final { text, speech_final, from_finalize, words })
    }

    fn utterance_end(&mut self, last_word_end: Option<f64>) -> Option<SttEvent> {
        let unheard = self.utterance.pending().is_empty() && !self.unconfirmed;
        self.unconfirmed = false;
        // -1 stands for no word at all.
        let last_word_end = last_word_end.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        (!unheard).then_some(SttEvent::UtteranceEnd { last_word_end })
    }
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    is_final: bool,
    #[serde(default)]
    speech_final: bool,
    #[serde(default)]
    from_finalize: bool,
    channel: Option<Channel>,
    last_word_end: Option<f64>,
    request_id: Option<String>,
    variant: Option<String>,
}

/// Results carry an object, the other messages the pair of channel index and count.
#[derive(Deserialize)]
#[serde(untagged)]
enum Channel {
    Heard { alternatives: Vec<Alternative> },
    Index(serde::de::IgnoredAny),
}

impl Channel {
    fn best(self) -> Option<Alternative> {
        match self {
            Self::Heard { alternatives } => alternatives.into_iter().next(),
            Self::Index(_) => None,
        }
    }
}

#[derive(Deserialize, Default)]
struct Alternative {
    #[serde(default)]
    transcript: String,
    #[serde(default)]
    words: Vec<WireWord>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_end_of_speech_still_ends_what_was_said() {
        let mut decoder = Decoder::new();
        decoder.decode(&results("hello", "")).unwrap();
        let decoded = decoder.decode(&results("", r#","speech_final":true"#)).unwrap();
        assert_eq!(decoded.utterance.as_deref(), Some("hello"));
        assert!(matches!(decoded.event, Some(SttEvent::Final { speech_final: true, .. })));
    }

    #[test]
    fn an_empty_answer_to_a_finalize_is_passed_on() {
        let decoded = Decoder::new().decode(&results("", r#","from_finalize":true"#)).unwrap();
        assert!(matches!(decoded.event, Some(SttEvent::Final { from_finalize: true, .. })));
    }

    #[test]
    fn the_answer_to_a_finalize_ends_the_speech_before_it() {
        for flags in [r#","from_finalize":true"#, r#","speech_final":false,"from_finalize":true"#] {
            let mut decoder = Decoder::new();
            decoder.decode(&results("book a", "")).unwrap();
            let decoded = decoder.decode(&results("table", flags)).unwrap();
            let Some(SttEvent::Final { speech_final, from_finalize, .. }) = decoded.event else {
                panic!("final")
            };
            assert!(speech_final && from_finalize);
            assert_eq!(decoded.utterance.as_deref(), Some("book a table"));
            assert_eq!(decoder.pending(), "");
        }
    }

    #[test]
    fn the_end_of_words_known_from_interims_only_is_passed_on_once() {
        let mut decoder = Decoder::new();
        decoder
            .decode(
                r#"{"type":"Results","is_final":false,"channel":{"alternatives":[{"transcript":"yes"}]}}"#,
            )
            .unwrap();
        let end = r#"{"type":"UtteranceEnd","channel":[0,1],"last_word_end":-1}"#;
        assert_eq!(decoder.decode(end).unwrap().event, Some(SttEvent::UtteranceEnd { last_word_end: None }));
        assert_eq!(decoder.decode(end).unwrap().event, None);
    }

    #[test]
    fn words_carry_punctuation_and_times() {
        let text = r#"{"type":"Results","is_final":true,"channel":{"alternatives":[{"transcript":"Yes.","words":[
            {"word":"yes","punctuated_word":"Yes.","start":1.5,"end":1.75,"confidence":0.5}]}]}}"#;
        let Some(SttEvent::Final { words, .. }) = Decoder::new().decode(text).unwrap().event else {
            panic!("final")
        };
        let expected = Word {
            text: "Yes.".into(),
            start: Duration::from_millis(1_500),
            end: Duration::from_millis(1_750),
            confidence: 0.5,
        };
        assert_eq!(words, [expected]);
    }

    #[test]
    fn an_error_message_keeps_its_variant_and_not_its_text() {
        let text =
            r#"{"type":"Error","variant":"SchemaError","description":"d","message":"what the caller said"}"#;
        let Some(SttEvent::Failed(error)) = Decoder::new().decode(text).unwrap().event else {
            panic!("error")
        };
        assert_eq!(error.code(), Some("SchemaError"));
        assert!(!format!("{error:?}").contains("caller said"));
    }

    #[test]
    fn unknown_messages_mean_nothing_and_garbage_is_refused() {
        assert_eq!(Decoder::new().decode(r#"{"type":"Novelty","channel":7}"#).unwrap(), Decoded::default());
        for text in ["", "{", "[]", r#"{"type":"Results","is_final":"maybe"}"#] {
            assert_eq!(Decoder::new().decode(text).unwrap_err().kind(), &Kind::Protocol, "{text}");
        }
    }

    fn results(transcript: &str, more: &str) -> String {
        format!(
            r#"{{"type":"Results","is_final":true{more},"channel":{{"alternatives":[{{"transcript":"{transcript}"}}]}}}}"#
        )
    }
}
