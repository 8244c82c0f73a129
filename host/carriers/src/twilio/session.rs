//! The state of one media stream, from the order of its messages.

use super::inbound::decode_envelope;
use super::{Message, Start};
use crate::Error;

/// Follows one socket. Give it every text frame in order; a refused one changes nothing and need not end the call.
#[derive(Debug, Default)]
pub struct Session {
    start: Option<Start>,
    stopped: bool,
    last_sequence: Option<u64>,
    lost: u64,
    reordered: u64,
    spare: Vec<u8>,
}

impl Session {
    /// Creates the state of a socket on which nothing has arrived.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads one text frame and checks that it fits what came before. A missing `connected` is tolerated.
    ///
    /// # Errors
    /// As [`super::decode`], and for messages before `start`, after `stop`, of another stream, a second `start`, or a
    /// stream that is not 8 kHz mono mu-law.
    pub fn handle(&mut self, text: &str) -> Result<Message, Error> {
        let envelope = decode_envelope(text, std::mem::take(&mut self.spare))?;
        if let Some(sequence) = envelope.sequence {
            self.count(sequence);
        }
        match &envelope.message {
            Message::Start(start) => self.begin(start)?,
            Message::Stop => self.end(&envelope.stream_sid)?,
            Message::Connected | Message::Other(_) => {}
            message => self.check_stream(message, &envelope.stream_sid)?,
        }
        Ok(envelope.message)
    }

    /// Takes an audio buffer back, so that the next audio message need not allocate.
    pub fn recycle(&mut self, payload: Vec<u8>) {
        self.spare = payload;
    }

    /// The announced stream, once there is one.
    #[must_use]
    pub fn start(&self) -> Option<&Start> {
        self.start.as_ref()
    }

    /// Whether the carrier said that the stream is over. A socket that closes without it ended abnormally.
    #[must_use]
    pub fn stopped(&self) -> bool {
        self.stopped
    }

    /// Messages that never arrived, by the gaps in their sequence numbers.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Messages that arrived after one with a higher sequence number, or twice.
    #[must_use]
    pub fn reordered(&self) -> u64 {
        self.reordered
    }

    fn begin(&mut self, start: &Start) -> Result<(), Error> {
        if self.start.is_some() {
            return Err(Error::SecondStart);
        }
        let format = &start.format;
        if format.encoding != "audio/x-mulaw" || format.sample_rate != 8_000 || format.channels != 1 {
            return Err(Error::UnsupportedFormat {
                sample_rate: format.sample_rate,
                channels: format.channels,
            });
        }
        self.start = Some(start.clone());
        Ok(())
    }

    /// A `stop` that names no stream, or comes before any, ends the one that there is.
    fn end(&mut self, stream_sid: &str) -> Result<(), Error> {
        if !stream_sid.is_empty() && self.start.as_ref().is_some_and(|start| start.stream_sid != stream_sid) {
            return Err(Error::ForeignStream { event: "stop" });
        }
        self.stopped = true;
        Ok(())
    }

    fn check_stream(&self, message: &Message, stream_sid: &str) -> Result<(), Error> {
        let event = message.known_event().unwrap_or_default();
        let Some(start) = &self.start else {
            return Err(Error::EventBeforeStart { event });
        };
        if self.stopped {
            return Err(Error::EventAfterStop { event });
        }
        if start.stream_sid != stream_sid {
            return Err(Error::ForeignStream { event });
        }
        Ok(())
    }

    fn count(&mut self, sequence: u64) {
        let Some(last) = self.last_sequence else {
            self.last_sequence = Some(sequence);
            return;
        };
        if sequence > last {
            self.lost = self.lost.saturating_add(sequence - last - 1);
            self.last_sequence = Some(sequence);
        } else {
            self.reordered = self.reordered.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::super::{Format, Track};
    use super::*;

    #[test]
    fn gaps_and_late_messages_are_counted() {
        let mut session = started();
        for sequence in [2, 3, 7, 5, 8] {
            session.handle(&Message::Dtmf { digit: '1' }.encode(sequence, &start("MZ1"))).unwrap();
        }
        assert_eq!(session.lost(), 3);
        assert_eq!(session.reordered(), 1);
    }

    #[test]
    fn messages_of_another_stream_and_a_second_stream_are_refused() {
        let mut session = started();
        let other = start("MZ2");
        assert_eq!(
            session.handle(&Message::Mark { name: "m".into() }.encode(2, &other)),
            Err(Error::ForeignStream { event: "mark" })
        );
        assert_eq!(session.handle(&Message::Start(other.clone()).encode(3, &other)), Err(Error::SecondStart));
        assert_eq!(session.start().map(|start| start.stream_sid.as_str()), Some("MZ1"));
    }

    #[test]
    fn audio_after_the_stop_is_refused() {
        let mut session = started();
        session.handle(&Message::Stop.encode(2, &start("MZ1"))).unwrap();
        assert!(session.stopped());
        assert_eq!(session.handle(&audio(3)), Err(Error::EventAfterStop { event: "media" }));
    }

    #[test]
    fn the_stop_of_another_stream_ends_nothing() {
        let mut session = started();
        let refused = session.handle(&Message::Stop.encode(2, &start("MZ2")));
        assert_eq!(refused, Err(Error::ForeignStream { event: "stop" }));
        assert!(!session.stopped() && session.handle(&audio(3)).is_ok());
        assert_eq!(session.handle(r#"{"event":"stop"}"#), Ok(Message::Stop));
        assert!(session.stopped());
    }

    #[test]
    fn a_stream_in_another_coding_is_refused() {
        let mut wide = start("MZ1");
        wide.format.sample_rate = 16_000;
        let refused = Session::new().handle(&Message::Start(wide.clone()).encode(1, &wide));
        assert_eq!(refused, Err(Error::UnsupportedFormat { sample_rate: 16_000, channels: 1 }));
    }

    #[test]
    fn a_recycled_buffer_is_used_for_the_next_audio() {
        let mut session = started();
        let Ok(Message::Media { payload, .. }) = session.handle(&audio(2)) else { panic!("audio") };
        let address = payload.as_ptr();
        session.recycle(payload);
        let Ok(Message::Media { payload, .. }) = session.handle(&audio(3)) else { panic!("audio") };
        assert_eq!(payload.as_ptr(), address);
        assert_eq!(payload, [0xFF; 160]);
    }

    fn started() -> Session {
        let mut session = Session::new();
        let start = start("MZ1");
        session.handle(&Message::Start(start.clone()).encode(1, &start)).unwrap();
        session
    }

    fn audio(sequence: u64) -> String {
        Message::Media {
            track: Track::Inbound,
            chunk: sequence,
            timestamp: Duration::from_millis(20 * sequence),
            payload: vec![0xFF; 160],
        }
        .encode(sequence, &start("MZ1"))
    }

    fn start(stream_sid: &str) -> Start {
        Start {
            stream_sid: stream_sid.into(),
            call_sid: "CA1".into(),
            account_sid: "AC1".into(),
            tracks: vec![Track::Inbound],
            format: Format { encoding: "audio/x-mulaw".into(), sample_rate: 8_000, channels: 1 },
            custom_parameters: BTreeMap::new(),
        }
    }
}
