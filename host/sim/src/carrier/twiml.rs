//! TwiML, as the carrier reads it.

pub(crate) mod read;
mod verbs;

use std::time::Duration;

use super::webhook::Method;

/// What the carrier is to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Speak a text.
    Say(String),
    /// Play a file, or press keys.
    Play(Play),
    /// Wait.
    Pause(Duration),
    /// Listen for keys or speech.
    Gather(Gather),
    /// Open a two-way media stream.
    Connect(Stream),
    /// Go on with another document.
    Redirect(String),
    /// End the call.
    Hangup,
    /// Turn the call down. `busy` or `rejected`.
    Reject(String),
    /// Call somebody and join the two, or join a conference.
    Dial(Dial),
    /// Record the caller.
    Record(Record),
    /// A verb that this carrier knows by name only.
    Other(String),
}

/// An address in a document, and how it is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Absolute, or relative to the document's own.
    pub url: String,
    /// How.
    pub method: Method,
}

/// Sound to play.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Play {
    /// A file.
    File {
        /// Where.
        url: String,
        /// How often.
        times: u32,
    },
    /// Keys to press: digits, `*`, `#`, and `w` for half a second.
    Keys(String),
}

/// What to listen for, and how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gather {
    /// Where to ask what comes next; the document's own address where absent.
    pub action: Option<Link>,
    /// Whether keys count.
    pub keys: bool,
    /// Whether speech counts.
    pub speech: bool,
    /// Silence that ends it, after the prompts and after each key.
    pub timeout: Duration,
    /// Silence that ends speech.
    pub speech_timeout: Duration,
    /// The key that ends it, which is no part of the result.
    pub finish_on_key: Option<char>,
    /// How many keys end it.
    pub most_keys: Option<usize>,
    /// Whether the action is asked even where nothing came.
    pub action_on_empty_result: bool,
    /// `Say`, `Play` and `Pause`.
    pub prompts: Vec<Verb>,
}

/// What to record, and how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where to ask what comes next; the document's own address where absent.
    pub action: Option<Link>,
    /// The longest recording.
    pub max_length: Duration,
    /// Silence that ends it.
    pub timeout: Duration,
    /// The keys that end it.
    pub finish_on_key: String,
    /// Whether a tone comes first.
    pub play_beep: bool,
    /// Who is told when it can be had.
    pub recorded: Option<Link>,
    /// What is told: `in-progress`, `completed`, `absent`.
    pub recorded_events: Vec<String>,
}

/// Whom to call, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dial {
    /// Whom.
    pub to: Dialled,
    /// Where to ask what comes next; the next verb where absent.
    pub action: Option<Link>,
    /// How long it may ring.
    pub timeout: Duration,
    /// How long the two may talk.
    pub time_limit: Option<Duration>,
    /// Whether the caller leaves with the star key.
    pub hang_up_on_star: bool,
    /// The number that is shown; the caller's where absent.
    pub caller_id: Option<String>,
    /// Whether it is recorded, and with how many channels.
    pub record: Option<u16>,
    /// Who is told when the recording can be had.
    pub recorded: Option<Link>,
    /// What is told: `in-progress`, `completed`, `absent`.
    pub recorded_events: Vec<String>,
}

/// Whom a `Dial` calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialled {
    /// All of these; who answers first is joined.
    People(Vec<Person>),
    /// Nobody: the caller goes into this conference.
    Conference(Seat),
}

/// Somebody to call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// A number, or a SIP or client address.
    pub to: String,
    /// A document for them alone, before the two are joined.
    pub document: Option<Link>,
    /// Keys to press once they answer.
    pub send_digits: Option<String>,
    /// Who is told of the leg's progress.
    pub status: Option<Link>,
    /// What is told: `initiated`, `ringing`, `answered`, `completed`.
    pub events: Vec<String>,
}

/// A seat in a conference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The conference's name.
    pub name: String,
    /// Whether the others hear this one.
    pub muted: bool,
    /// Whether the conference waits for such a one.
    pub starts: bool,
    /// Whether it is over when this one leaves.
    pub ends: bool,
    /// Who is told of what happens in it.
    pub status: Option<Link>,
    /// What is told: `start`, `end`, `join`, `leave`, `mute`, `hold`.
    pub events: Vec<String>,
}

/// A media stream to open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// Where.
    pub url: String,
    /// What goes with it.
    pub parameters: Vec<(String, String)>,
    /// Its name in its news; its id where absent.
    pub name: Option<String>,
    /// Who is told that it starts, stops or fails.
    pub status: Option<Link>,
}

/// A document: its verbs in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The verbs.
    pub verbs: Vec<Verb>,
}

/// Why a document cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum TwimlError {
    /// It is no XML.
    #[error("error 12100: the document cannot be parsed: {0}")]
    Xml(String),
    /// Its root is not `Response`.
    #[error("error 12100: the root element is `{0}`, not `Response`")]
    Root(String),
    /// A verb lacks what it needs.
    #[error("error 12200: {0}")]
    Verb(String),
}

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    /// Where it is not well-formed, is no `Response`, or a verb lacks what it needs.
    pub fn parse(xml: &str) -> Result<Self, TwimlError> {
        let root = read::read(xml)?;
        if root.name != "Response" {
            return Err(TwimlError::Root(root.name));
        }
        Ok(Self { verbs: root.children.iter().map(verbs::verb).collect::<Result<_, _>>()? })
    }
}

#[cfg(test)]
mod tests;
