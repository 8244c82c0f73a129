//! The state of one media stream, from its messages.

use super::inbound::decode_envelope;
use super::{Codec, Message, Start};
use crate::Error;
use crate::sequence::Sequence;

/// Buffers kept for the next audio: those that a reordering window of the default size can hold, and one more.
const SPARE: usize = 6;

/// Follows one socket. Give it every text frame as it arrives; a refused one changes nothing and need not end the call.
///
/// The messages come back in the order in which they arrived, which need not be the one in which they were sent.
#[derive(Debug, Default)]
pub struct Session {
    stream: Option<(Start, Codec)>,
    stopped: bool,
    sequence: Sequence,
    spare: Vec<Vec<u8>>,
}

impl Session {
    /// Creates the state of a socket on which nothing has arrived.
    #[must_use]
    pub fn new() -> Self {
        Self { spare: Vec::with_capacity(SPARE), ..Self::default() }
    }

    /// Reads one text frame and checks that it fits what came before. A missing `connected` is tolerated.
    ///
    /// # Errors
    /// As [`super::decode`], and for messages before `start`, after `stop`, of another stream, a second `start`, or a
    /// stream that is not 8 kHz mono PCMU or PCMA.
    pub fn handle(&mut self, text: &str) -> Result<Message, Error> {
        let envelope = decode_envelope(text, self.spare.pop().unwrap_or_default())?;
        if let Some(sequence) = envelope.sequence {
            self.sequence.arrive(sequence);
        }
        match &envelope.message {
            Message::Start(start) => self.begin(start)?,
            Message::Stop => self.end(envelope.stream_id.as_deref().unwrap_or_default())?,
            Message::Connected | Message::Error { .. } | Message::Other(_) => {}
            message => self.check_stream(message, envelope.stream_id.as_deref())?,
        }
        Ok(envelope.message)
    }

    /// Takes an audio buffer back, so that a later audio message need not allocate. Keeps as many as a reordering window
    /// of the default size holds.
    pub fn recycle(&mut self, payload: Vec<u8>) {
        if self.spare.len() < SPARE {
            self.spare.push(payload);
        }
    }

    /// The announced stream, once there is one.
    #[must_use]
    pub fn start(&self) -> Option<&Start> {
        self.stream.as_ref().map(|(start, _)| start)
    }

    /// The codec of the announced stream, once there is one.
    #[must_use]
    pub fn codec(&self) -> Option<Codec> {
        self.stream.as_ref().map(|(_, codec)| *codec)
    }

    /// Whether the carrier said that the stream is over. A socket that closes without it ended abnormally.
    #[must_use]
    pub fn stopped(&self) -> bool {
        self.stopped
    }

    /// Messages that never arrived, by the gaps in their sequence numbers. One that comes late is lost no longer.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.sequence.missing()
    }

    /// Messages that arrived after one with a higher sequence number, or twice.
    #[must_use]
    pub fn reordered(&self) -> u64 {
        self.sequence.reordered()
    }

    fn begin(&mut self, start: &Start) -> Result<(), Error> {
        if self.stream.is_some() {
            return Err(Error::SecondStart);
        }
        let codec = start.format.codec()?;
        self.stream = Some((start.clone(), codec));
        Ok(())
    }

    /// A `stop` that names no stream, or comes before any, ends the one that there is.
    fn end(&mut self, stream_id: &str) -> Result<(), Error> {
        if !stream_id.is_empty() && self.start().is_some_and(|start| start.stream_id != stream_id) {
            return Err(Error::ForeignStream { event: "stop" });
        }
        self.stopped = true;
        Ok(())
    }

    fn check_stream(&self, message: &Message, stream_id: Option<&str>) -> Result<(), Error> {
        let event = message.known_event().unwrap_or_default();
        let Some((start, _)) = &self.stream else {
            return Err(Error::EventBeforeStart { event });
        };
        if self.stopped {
            return Err(Error::EventAfterStop { event });
        }
        if stream_id != Some(start.stream_id.as_str()) {
            return Err(Error::ForeignStream { event });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::super::Format;
    use super::*;
    use crate::Track;

    #[test]
    fn a_message_that_was_overtaken_is_not_lost() {
        let mut session = started("PCMU");
        for sequence in [2, 3, 7, 5, 8] {
            session.handle(&key().encode(sequence, &start("S-1", "PCMU"))).unwrap();
        }
        assert_eq!((session.lost(), session.reordered()), (2, 1));
    }

    #[test]
    fn messages_of_another_stream_and_a_second_stream_are_refused() {
        let mut session = started("PCMU");
        let other = start("S-2", "PCMU");
        assert_eq!(session.handle(&key().encode(2, &other)), Err(Error::ForeignStream { event: "dtmf" }));
        assert_eq!(session.handle(&Message::Start(other.clone()).encode(3, &other)), Err(Error::SecondStart));
        assert_eq!(session.start().map(|start| start.stream_id.as_str()), Some("S-1"));
    }

    #[test]
    fn audio_before_the_start_and_after_the_stop_is_refused() {
        assert_eq!(Session::new().handle(&audio(1)), Err(Error::EventBeforeStart { event: "media" }));
        let mut session = started("PCMU");
        session.handle(&Message::Stop.encode(2, &start("S-1", "PCMU"))).unwrap();
        assert!(session.stopped());
        assert_eq!(session.handle(&audio(3)), Err(Error::EventAfterStop { event: "media" }));
    }

    #[test]
    fn the_stop_of_another_stream_ends_nothing() {
        let mut session = started("PCMU");
        let refused = session.handle(&Message::Stop.encode(2, &start("S-2", "PCMU")));
        assert_eq!(refused, Err(Error::ForeignStream { event: "stop" }));
        assert!(!session.stopped() && session.handle(&audio(3)).is_ok());
        assert_eq!(session.handle(r#"{"event":"stop"}"#), Ok(Message::Stop));
        assert!(session.stopped());
    }

    #[test]
    fn a_stream_says_its_codec_and_one_in_another_coding_is_refused() {
        assert_eq!(started("PCMA").codec(), Some(Codec::Pcma));
        let wide = start("S-1", "OPUS");
        let mut session = Session::new();
        let refused = session.handle(&Message::Start(wide.clone()).encode(1, &wide));
        assert_eq!(refused, Err(Error::UnsupportedCodec { codec: "OPUS", sample_rate: 8_000, channels: 1 }));
        assert_eq!(session.start(), None);
    }

    #[test]
    fn a_complaint_of_the_carriers_ends_nothing() {
        let mut session = started("PCMU");
        let complaint = Message::Error { code: 100_005, title: "rate_limit_reached".into() };
        assert_eq!(session.handle(&complaint.encode(0, &start("S-1", "PCMU"))), Ok(complaint));
        assert!(session.handle(&audio(2)).is_ok());
    }

    #[test]
    fn recycled_buffers_are_used_for_the_next_audio_and_are_bounded() {
        let mut session = started("PCMU");
        let Ok(Message::Media { payload, .. }) = session.handle(&audio(2)) else { panic!("audio") };
        let address = payload.as_ptr();
        session.recycle(payload);
        let Ok(Message::Media { payload, .. }) = session.handle(&audio(3)) else { panic!("audio") };
        assert_eq!(payload.as_ptr(), address);
        (0..100).for_each(|_| session.recycle(Vec::new()));
        assert_eq!(session.spare.len(), SPARE);
    }

    fn started(encoding: &str) -> Session {
        let mut session = Session::new();
        let start = start("S-1", encoding);
        session.handle(&Message::Start(start.clone()).encode(1, &start)).unwrap();
        session
    }

    fn key() -> Message {
        Message::Dtmf { digit: '1', occurred_at: None }
    }

    fn audio(sequence: u64) -> String {
        Message::Media {
            track: Track::Inbound,
            chunk: sequence,
            timestamp: Duration::from_millis(20 * sequence),
            payload: vec![0xFF; 160],
        }
        .encode(sequence, &start("S-1", "PCMU"))
    }

    fn start(stream_id: &str, encoding: &str) -> Start {
        Start {
            stream_id: stream_id.into(),
            call_control_id: "v3:a".into(),
            call_session_id: String::new(),
            from: String::new(),
            to: String::new(),
            client_state: None,
            custom_parameters: BTreeMap::new(),
            format: Format { encoding: encoding.into(), sample_rate: 8_000, channels: 1 },
        }
    }
}
