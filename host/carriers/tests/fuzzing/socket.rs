//! Both carriers' sessions, given the same frames.

use std::time::Duration;

use carriers::reorder::{Chunk, MAX_CHUNKS, Settings, Window};
use carriers::{Track, dtmf, telnyx, twilio};

use super::rules;

/// Time from one frame to the next. An empty line is a pause of five.
const FRAME: Duration = Duration::from_millis(20);

/// More frames show nothing that these do not, and only take time.
const LINES_MAX: usize = 500;

/// What came of some frames, coarsely, so that samples can be told apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen(pub Vec<String>);

impl Seen {
    fn note(&mut self, what: String) {
        self.0.push(what);
    }
}

/// Gives these lines to both codecs, in both directions.
///
/// # Panics
/// When a codec breaks a promise.
pub fn run(data: &[u8]) -> Seen {
    let text = String::from_utf8_lossy(data);
    let chunks = data.first().map_or(1, |byte| usize::from(*byte) % (MAX_CHUNKS + 2));
    let settings = Settings { chunks, ..Settings::default() };
    let mut socket = Socket {
        twilio: twilio::Session::new(),
        telnyx: telnyx::Session::new(),
        tracks: [Ordered::new(settings), Ordered::new(Settings::default())],
        keys: dtmf::Deduplicator::default(),
        now: Duration::ZERO,
        seen: Seen::default(),
    };
    for line in text.split('\n').take(LINES_MAX) {
        socket.now = socket.now.saturating_add(if line.is_empty() { FRAME * 5 } else { FRAME });
        socket.take(line);
    }
    socket.end()
}

struct Socket {
    twilio: twilio::Session,
    telnyx: telnyx::Session,
    tracks: [Ordered; 2],
    keys: dtmf::Deduplicator,
    now: Duration,
    seen: Seen,
}

impl Socket {
    fn take(&mut self, line: &str) {
        self.twilio_sends(line);
        self.telnyx_sends(line);
        rules::written_marks_are_read(line);
        self.seen.note(format!("to twilio {}", rules::read_by_twilio(line)));
        self.seen.note(format!("to telnyx {}", rules::read_by_telnyx(line)));
        for track in &mut self.tracks {
            track.take_due(self.now);
        }
    }

    fn twilio_sends(&mut self, line: &str) {
        let before = rules::of_twilio(&self.twilio);
        match self.twilio.handle(line) {
            Ok(message) => {
                rules::twilio_says_it_again(&message, self.twilio.start());
                self.seen.note(format!(
                    "twilio {}",
                    kind(message.event(), matches!(message, twilio::Message::Other(_)))
                ));
                if let twilio::Message::Media { payload, .. } = message {
                    self.twilio.recycle(payload);
                }
            }
            Err(error) => {
                assert_eq!(
                    rules::of_twilio(&self.twilio),
                    before,
                    "a refused frame changed something: {line}"
                );
                self.seen.note(format!("twilio {}", error.code()));
            }
        }
    }

    fn telnyx_sends(&mut self, line: &str) {
        let before = rules::of_telnyx(&self.telnyx);
        let message = match self.telnyx.handle(line) {
            Ok(message) => message,
            Err(error) => {
                assert_eq!(
                    rules::of_telnyx(&self.telnyx),
                    before,
                    "a refused frame changed something: {line}"
                );
                return self.seen.note(format!("telnyx {}", error.code()));
            }
        };
        rules::telnyx_says_it_again(&message, self.telnyx.start());
        self.seen
            .note(format!("telnyx {}", kind(message.event(), matches!(message, telnyx::Message::Other(_)))));
        match message {
            telnyx::Message::Media { track, chunk, timestamp, payload } => {
                let place = usize::from(track == Track::Outbound);
                let chunk = Chunk { number: chunk, timestamp, payload };
                if let Some(rejected) = self.tracks[place].push(chunk, self.now) {
                    self.seen.note(format!("window {:?}", rejected.reason));
                    self.telnyx.recycle(rejected.chunk.payload);
                }
            }
            telnyx::Message::Dtmf { digit, .. } => {
                let counted = self.keys.report(digit, dtmf::Path::Stream, self.now);
                let again = self.keys.report(digit, dtmf::Path::Webhook, self.now);
                assert!(!(counted && again), "one press of {digit} counts twice");
            }
            telnyx::Message::Stop => self.tracks.iter_mut().for_each(|track| track.window.close()),
            _ => {}
        }
    }

    fn end(mut self) -> Seen {
        for track in &mut self.tracks {
            track.window.close();
            track.take_due(self.now);
            assert!(
                track.held == 0 && track.window.deadline().is_none(),
                "{} chunks are kept for ever",
                track.held
            );
        }
        self.seen
    }
}

/// An unknown event's name is the sender's own.
fn kind(event: &str, unknown: bool) -> &str {
    if unknown { "other" } else { event }
}

/// A window, and what it may hold.
struct Ordered {
    window: Window,
    held: usize,
    most: usize,
    last: Option<u64>,
}

impl Ordered {
    fn new(settings: Settings) -> Self {
        let most = settings.chunks.clamp(1, MAX_CHUNKS);
        Self { window: Window::new(settings), held: 0, most, last: None }
    }

    fn push(&mut self, chunk: Chunk, now: Duration) -> Option<carriers::reorder::Rejected> {
        let number = chunk.number;
        if let Err(rejected) = self.window.push(chunk, now) {
            return Some(rejected);
        }
        if self.last.is_some_and(|last| number <= last) {
            // The carrier counts anew, and what was held is given up.
            (self.held, self.last) = (0, None);
        }
        self.held += 1;
        assert!(self.held <= self.most, "{} chunks are held", self.held);
        None
    }

    fn take_due(&mut self, now: Duration) {
        while let Some(chunk) = self.window.pop(now) {
            assert!(
                self.last.is_none_or(|last| last < chunk.number),
                "{} comes after {:?}",
                chunk.number,
                self.last
            );
            self.last = Some(chunk.number);
            self.held -= 1;
        }
        assert!(self.window.deadline().is_none_or(|deadline| deadline > now), "what was due is still held");
    }
}
