//! The carriers' media messages in the words of the call's driver, which speaks mu-law only.

use std::sync::LazyLock;
use std::time::Duration;

use audio::g711;
use carriers::reorder::{Chunk, Settings, Window};
use carriers::telnyx::Codec;
use carriers::{Error, telnyx, twilio};

/// Whose media socket it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Twilio's.
    Twilio,
    /// Telnyx's.
    Telnyx,
}

impl Dialect {
    /// The carrier's name in the store and in the socket's path.
    pub fn carrier(self) -> &'static str {
        match self {
            Self::Twilio => "twilio",
            Self::Telnyx => "telnyx",
        }
    }

    /// The dialect of a carrier.
    pub fn of(carrier: &str) -> Option<Self> {
        [Self::Twilio, Self::Telnyx].into_iter().find(|dialect| dialect.carrier() == carrier)
    }
}

/// What a carrier says on its media socket.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    /// The stream begins.
    Started {
        /// The carrier's id of the stream.
        stream: String,
        /// The carrier's id of the call.
        call: String,
    },
    /// The caller's audio, 8 kHz mu-law, in order.
    Audio(Vec<u8>),
    /// The caller pressed a key.
    Key(char),
    /// A mark came back.
    Mark(String),
    /// The stream is over.
    Stopped,
}

/// Reads what a carrier says. Give it every text frame; then take what is due until there is nothing.
pub enum Hearing {
    /// Everything comes in order.
    Twilio(Box<TwilioHearing>),
    /// Audio is put in order.
    Telnyx(Box<TelnyxHearing>),
}

/// What Twilio said last.
pub struct TwilioHearing {
    session: twilio::Session,
    said: Option<Said>,
}

/// Telnyx's audio, put in order.
pub struct TelnyxHearing {
    session: telnyx::Session,
    window: Window,
    said: Option<Said>,
    stopped: bool,
}

impl Hearing {
    /// Nothing was heard yet.
    pub fn new(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Twilio => {
                Self::Twilio(Box::new(TwilioHearing { session: twilio::Session::new(), said: None }))
            }
            Dialect::Telnyx => Self::Telnyx(Box::new(TelnyxHearing {
                session: telnyx::Session::new(),
                window: Window::new(Settings::default()),
                said: None,
                stopped: false,
            })),
        }
    }

    /// Reads a text frame that arrived at `now`, counted from the opening of the socket.
    ///
    /// # Errors
    /// Where it is not one that the carrier may send now.
    pub fn hear(&mut self, frame: &str, now: Duration) -> Result<(), Error> {
        match self {
            Self::Twilio(hearing) => hearing.said = from_twilio(hearing.session.handle(frame)?),
            Self::Telnyx(hearing) => hearing.hear(frame, now)?,
        }
        Ok(())
    }

    /// The next that is due at `now`.
    pub fn due(&mut self, now: Duration) -> Option<Said> {
        match self {
            Self::Twilio(hearing) => hearing.said.take(),
            Self::Telnyx(hearing) => hearing.due(now),
        }
    }

    /// When something may be due without another frame.
    pub fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Twilio(_) => None,
            Self::Telnyx(hearing) => hearing.window.deadline(),
        }
    }

    /// How many messages never arrived in time.
    pub fn lost(&self) -> u64 {
        match self {
            Self::Twilio(hearing) => hearing.session.lost(),
            Self::Telnyx(hearing) => hearing.window.lost(),
        }
    }

    /// How the announced stream is coded.
    pub fn codec(&self) -> Codec {
        match self {
            Self::Twilio(_) => Codec::Pcmu,
            Self::Telnyx(hearing) => hearing.session.codec().unwrap_or(Codec::Pcmu),
        }
    }
}

fn from_twilio(message: twilio::Message) -> Option<Said> {
    match message {
        twilio::Message::Start(start) => {
            Some(Said::Started { stream: start.stream_sid, call: start.call_sid })
        }
        twilio::Message::Media { track: twilio::Track::Inbound, payload, .. } => Some(Said::Audio(payload)),
        twilio::Message::Dtmf { digit } => Some(Said::Key(digit)),
        twilio::Message::Mark { name } => Some(Said::Mark(name)),
        twilio::Message::Stop => Some(Said::Stopped),
        _ => None,
    }
}

impl TelnyxHearing {
    fn hear(&mut self, frame: &str, now: Duration) -> Result<(), Error> {
        match self.session.handle(frame)? {
            telnyx::Message::Start(start) => {
                self.said = Some(Said::Started { stream: start.stream_id, call: start.call_control_id });
            }
            telnyx::Message::Media { track: carriers::Track::Inbound, chunk, timestamp, payload } => {
                let chunk = Chunk { number: chunk, timestamp, payload };
                if let Err(rejected) = self.window.push(chunk, now) {
                    self.session.recycle(rejected.chunk.payload);
                }
            }
            telnyx::Message::Dtmf { digit, .. } => self.said = Some(Said::Key(digit)),
            telnyx::Message::Mark { name } => self.said = Some(Said::Mark(name)),
            telnyx::Message::Error { code, title } => {
                tracing::warn!(code, title, "the carrier complains of what it was sent");
            }
            telnyx::Message::Stop => {
                self.window.close();
                self.stopped = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn due(&mut self, now: Duration) -> Option<Said> {
        if let Some(said) = self.said.take() {
            return Some(said);
        }
        if let Some(chunk) = self.window.pop(now) {
            let mut audio = chunk.payload;
            if self.session.codec() == Some(Codec::Pcma) {
                recode(&mut audio, &ALAW_TO_ULAW);
            }
            return Some(Said::Audio(audio));
        }
        std::mem::take(&mut self.stopped).then_some(Said::Stopped)
    }
}

type Table = [u8; 256];

static ALAW_TO_ULAW: LazyLock<Table> =
    LazyLock::new(|| table(|byte| g711::ulaw_encode(g711::alaw_decode(byte))));
static ULAW_TO_ALAW: LazyLock<Table> =
    LazyLock::new(|| table(|byte| g711::alaw_encode(g711::ulaw_decode(byte))));

fn table(recode: impl Fn(u8) -> u8) -> Table {
    let mut table = [0; 256];
    for (byte, place) in (0_u8..=255).zip(&mut table) {
        *place = recode(byte);
    }
    table
}

fn recode(audio: &mut [u8], table: &Table) {
    for byte in audio {
        // Every byte has a place in the table.
        *byte = table.get(usize::from(*byte)).copied().unwrap_or(*byte);
    }
}

/// Telnyx takes 20 ms or more in one message; the last piece of an utterance is filled up with silence.
const TELNYX_BYTES_MIN: usize = 160;

/// Writes what the carrier is told.
pub struct Speaking {
    dialect: Dialect,
    stream: String,
    codec: Codec,
    recoded: Vec<u8>,
}

impl Speaking {
    /// Speaks a carrier's dialect.
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, stream: String::new(), codec: Codec::Pcmu, recoded: Vec::new() }
    }

    /// Names the stream, without which Twilio takes nothing, and its coding.
    pub fn start(&mut self, stream: &str, codec: Codec) {
        stream.clone_into(&mut self.stream);
        self.codec = codec;
    }

    /// Mu-law audio as the carrier takes it.
    pub fn audio(&mut self, ulaw: &[u8]) -> String {
        match (self.dialect, self.codec) {
            (Dialect::Twilio, _) => twilio::encode_media(&self.stream, ulaw),
            (Dialect::Telnyx, Codec::Pcmu) if ulaw.len() >= TELNYX_BYTES_MIN => telnyx::encode_media(ulaw),
            (Dialect::Telnyx, codec) => {
                self.recoded.clear();
                self.recoded.extend_from_slice(ulaw);
                self.recoded.resize(ulaw.len().max(TELNYX_BYTES_MIN), g711::ULAW_SILENCE);
                if codec == Codec::Pcma {
                    recode(&mut self.recoded, &ULAW_TO_ALAW);
                }
                telnyx::encode_media(&self.recoded)
            }
        }
    }

    /// A mark.
    pub fn mark(&self, name: &str) -> String {
        match self.dialect {
            Dialect::Twilio => twilio::encode_mark(&self.stream, name),
            Dialect::Telnyx => telnyx::encode_mark(name),
        }
    }

    /// The wish that what was not played be forgotten.
    pub fn clear(&self) -> String {
        match self.dialect {
            Dialect::Twilio => twilio::encode_clear(&self.stream),
            Dialect::Telnyx => telnyx::encode_clear(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const TICK: Duration = Duration::from_millis(20);

    #[test]
    fn telnyx_audio_is_heard_in_order_whatever_order_it_comes_in() {
        let mut hearing = started("PCMU");
        let mut heard = Vec::new();
        for (now, chunk) in (0_u32..).zip([1_u64, 4, 2, 3, 5, 7, 6]) {
            hearing.hear(&media(chunk, chunk as u8), TICK * now).unwrap();
            heard.extend(all(&mut hearing, TICK * now));
        }
        assert_eq!(heard, (1..=7).map(|byte| Said::Audio(vec![byte; 160])).collect::<Vec<_>>());
        assert_eq!(hearing.lost(), 0);
    }

    #[test]
    fn what_does_not_come_is_given_up_when_its_time_is_over() {
        let mut hearing = started("PCMU");
        hearing.hear(&media(1, 1), TICK).unwrap();
        hearing.hear(&media(3, 3), TICK * 2).unwrap();
        assert_eq!(all(&mut hearing, TICK * 2), [Said::Audio(vec![1; 160])]);
        let deadline = hearing.deadline().unwrap();
        assert_eq!(all(&mut hearing, deadline), [Said::Audio(vec![3; 160])]);
        assert_eq!((hearing.lost(), hearing.deadline()), (1, None));
    }

    #[test]
    fn the_end_of_a_telnyx_stream_comes_after_its_last_audio() {
        let mut hearing = started("PCMU");
        hearing.hear(&media(1, 1), TICK).unwrap();
        assert_eq!(all(&mut hearing, TICK).len(), 1);
        hearing.hear(&media(3, 3), TICK).unwrap();
        hearing.hear(&telnyx::Message::Stop.encode(9, &start("PCMU")), TICK).unwrap();
        assert_eq!(all(&mut hearing, TICK), [Said::Audio(vec![3; 160]), Said::Stopped]);
    }

    #[test]
    fn a_law_is_recoded_both_ways_and_silence_stays_silence() {
        let mut hearing = started("PCMA");
        hearing.hear(&media(1, g711::ALAW_SILENCE), TICK).unwrap();
        let [Said::Audio(audio)] = <[Said; 1]>::try_from(all(&mut hearing, TICK)).unwrap() else {
            panic!("audio")
        };
        assert!(audio.iter().all(|byte| g711::ulaw_decode(*byte).abs() <= 8), "{audio:?}");
        let mut speaking = Speaking::new(Dialect::Telnyx);
        speaking.start("S-1", Codec::Pcma);
        let telnyx::Outbound::Media { payload } =
            telnyx::Outbound::decode(&speaking.audio(&[g711::ULAW_SILENCE; 160])).unwrap()
        else {
            panic!("audio")
        };
        assert!(payload.iter().all(|byte| g711::alaw_decode(*byte).abs() <= 8), "{payload:?}");
    }

    #[test]
    fn a_short_last_piece_is_filled_up_for_telnyx() {
        let mut speaking = Speaking::new(Dialect::Telnyx);
        let text = speaking.audio(&[0x10; 3]);
        let telnyx::Outbound::Media { payload } = telnyx::Outbound::decode(&text).unwrap() else {
            panic!("audio")
        };
        assert_eq!((payload.len(), &payload[..4]), (160, &[0x10, 0x10, 0x10, g711::ULAW_SILENCE][..]));
    }

    #[test]
    fn recoding_keeps_every_sound_within_a_step_of_its_loudness() {
        for byte in 0..=255_u8 {
            let mut recoded = [byte];
            recode(&mut recoded, &ALAW_TO_ULAW);
            let (before, after) = (g711::alaw_decode(byte), g711::ulaw_decode(recoded[0]));
            let step = (i32::from(before).abs() / 16).max(16);
            assert!((i32::from(before) - i32::from(after)).abs() <= step, "{byte}: {before} {after}");
        }
    }

    #[test]
    fn twilio_is_heard_as_it_comes() {
        let mut hearing = Hearing::new(Dialect::Twilio);
        let frame = r#"{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"accountSid":"AC1","streamSid":"MZ1","callSid":"CA1","tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},"customParameters":{}}}"#;
        hearing.hear(frame, TICK).unwrap();
        assert_eq!(all(&mut hearing, TICK), [Said::Started { stream: "MZ1".into(), call: "CA1".into() }]);
        assert!(hearing.hear("{", TICK).is_err());
        assert_eq!(all(&mut hearing, TICK), []);
    }

    fn started(encoding: &str) -> Hearing {
        let mut hearing = Hearing::new(Dialect::Telnyx);
        let start = start(encoding);
        hearing.hear(&telnyx::Message::Start(start.clone()).encode(1, &start), Duration::ZERO).unwrap();
        assert!(
            matches!(&all(&mut hearing, Duration::ZERO)[..], [Said::Started { call, .. }] if call == "v3:a")
        );
        hearing
    }

    fn all(hearing: &mut Hearing, now: Duration) -> Vec<Said> {
        std::iter::from_fn(|| hearing.due(now)).collect()
    }

    fn media(chunk: u64, byte: u8) -> String {
        telnyx::Message::Media {
            track: carriers::Track::Inbound,
            chunk,
            timestamp: TICK * u32::try_from(chunk).unwrap(),
            payload: vec![byte; 160],
        }
        .encode(chunk + 1, &start("PCMU"))
    }

    fn start(encoding: &str) -> telnyx::Start {
        telnyx::Start {
            stream_id: "S-1".into(),
            call_control_id: "v3:a".into(),
            call_session_id: String::new(),
            from: String::new(),
            to: String::new(),
            client_state: None,
            custom_parameters: BTreeMap::new(),
            format: telnyx::Format { encoding: encoding.into(), sample_rate: 8_000, channels: 1 },
        }
    }
}
