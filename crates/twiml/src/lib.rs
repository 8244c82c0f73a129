//! Writes TwiML documents: what a carrier is told to do with a call.
//!
//! [`Response`] holds verbs in the order in which the carrier runs them; each
//! verb is a builder whose methods are the verb's attributes. Underneath is a
//! small tree of [`Element`]s that escapes all text, so nothing a caller or a
//! model says can become markup.
//!
//! ```
//! use twiml::{Response, Say, Stream};
//!
//! let answer = Response::new()
//!     .say(Say::new("One moment & I connect you").language("en-GB"))
//!     .connect(Stream::new("wss://media.example.com/calls/token").parameter("agent", "front-desk"))
//!     .redirect("https://voice.example.com/after");
//! assert!(answer.to_xml().contains("One moment &amp; I connect you"));
//! ```
//!
//! Values that Twilio would refuse, such as an unknown voice, are not checked:
//! which ones exist changes without notice.

mod attributes;
mod dial;
mod element;
mod gather;
mod speak;
mod stream;
mod verbs;

pub use attributes::{CallEvent, Method, RecordingEvent, Trim};
pub use dial::{Dial, DialRecording, Number, Sip};
pub use element::Element;
pub use gather::{Gather, Input, SpeechTimeout};
pub use speak::{Pause, Play, Say};
pub use stream::{Connect, Stream, StreamCodec, Track};
pub use verbs::{Record, Redirect, Rejection};

/// A whole document: the verbs run from first to last.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub struct Response(Element);

impl Default for Response {
    fn default() -> Self {
        Self::new()
    }
}

impl Response {
    /// A document without verbs; a carrier that gets it hangs up.
    pub fn new() -> Self {
        Self(Element::new("Response"))
    }

    /// Speaks a text.
    pub fn say(self, say: impl Into<Say>) -> Self {
        self.verb(say.into())
    }

    /// Plays a recording or keypad tones.
    pub fn play(self, play: impl Into<Play>) -> Self {
        self.verb(play.into())
    }

    /// Waits in silence.
    pub fn pause(self, pause: impl Into<Pause>) -> Self {
        self.verb(pause.into())
    }

    /// Listens for keys or speech.
    pub fn gather(self, gather: Gather) -> Self {
        self.verb(gather)
    }

    /// Calls another party and joins the two.
    pub fn dial(self, dial: Dial) -> Self {
        self.verb(dial)
    }

    /// Records what the caller says.
    pub fn record(self, record: Record) -> Self {
        self.verb(record)
    }

    /// Ends the call.
    pub fn hangup(self) -> Self {
        self.verb(Element::new("Hangup"))
    }

    /// Turns the call down unanswered. Twilio does so only when this is the first verb; after any
    /// other it has answered already.
    pub fn reject(self, reason: Rejection) -> Self {
        self.verb(reason)
    }

    /// Goes on with the document at another URL; verbs after this one never run.
    pub fn redirect(self, redirect: impl Into<Redirect>) -> Self {
        self.verb(redirect.into())
    }

    /// Hands the call's audio to a media socket, both ways. Verbs after this one run once the
    /// socket's server has closed it.
    pub fn connect(self, connect: impl Into<Connect>) -> Self {
        self.verb(connect.into())
    }

    /// The document as text, to be sent as `text/xml` in UTF-8.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut xml = String::from(r#"<?xml version="1.0" encoding="UTF-8"?>"#);
        self.0.write(&mut xml);
        xml
    }

    fn verb(mut self, verb: impl Into<Element>) -> Self {
        self.0 = self.0.child(verb);
        self
    }
}

impl From<Response> for Element {
    fn from(response: Response) -> Self {
        response.0
    }
}

#[cfg(test)]
mod tests;
