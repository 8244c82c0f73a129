//! Handing a call's audio to a media socket.

use crate::Element;
use crate::attributes::Method;

/// Which side's audio a stream carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Track {
    /// Both sides.
    Both,
    /// What the carrier receives; Twilio's default, and all that a connected stream has.
    Inbound,
    /// What the carrier sends.
    Outbound,
}

/// How a stream's sound is coded, where the carrier lets one choose: Telnyx does, Twilio does not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StreamCodec {
    /// A-law at 8 kHz.
    Pcma,
    /// Mu-law at 8 kHz.
    Pcmu,
}

/// A media socket.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub struct Stream(Element);

impl Stream {
    /// Streams to `url`, which must begin with `wss://`. Twilio drops a query string, so what the
    /// socket's server needs stands in the path or in [`parameter`](Self::parameter).
    pub fn new(url: impl Into<String>) -> Self {
        Self(Element::new("Stream").attribute("url", url))
    }

    /// The stream's name, unique within the call, as its status events carry it.
    pub fn name(self, name: impl Into<String>) -> Self {
        Self(self.0.attribute("name", name))
    }

    /// Which side's audio it carries.
    pub fn track(self, track: Track) -> Self {
        Self(self.0.attribute(
            "track",
            match track {
                Track::Both => "both_tracks",
                Track::Inbound => "inbound_track",
                Track::Outbound => "outbound_track",
            },
        ))
    }

    /// Telnyx: talks both ways in this codec, in RTP payloads. Without it Telnyx takes nothing but whole MP3 files.
    pub fn talk(self, codec: StreamCodec) -> Self {
        let codec = match codec {
            StreamCodec::Pcma => "PCMA",
            StreamCodec::Pcmu => "PCMU",
        };
        Self(
            self.0
                .attribute("codec", codec)
                .attribute("bidirectionalMode", "rtp")
                .attribute("bidirectionalCodec", codec),
        )
    }

    /// Where the stream's start, stop and errors are reported.
    pub fn status(self, url: impl Into<String>, method: Method) -> Self {
        Self(self.0.attribute("statusCallback", url).attribute("statusCallbackMethod", method.wire()))
    }

    /// A value that arrives in the stream's start message. Twilio wants name and value together
    /// under 500 characters.
    pub fn parameter(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        Self(self.0.child(Element::new("Parameter").attribute("name", name).attribute("value", value)))
    }
}

impl From<Stream> for Element {
    fn from(stream: Stream) -> Self {
        stream.0
    }
}

/// Hands the call over until the other side lets go of it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub struct Connect(Element);

impl Connect {
    /// Hands the call's audio to `stream`, both ways.
    pub fn new(stream: Stream) -> Self {
        Self(Element::new("Connect").child(stream))
    }

    /// Where the call goes on afterwards. Without it the next verb runs.
    pub fn action(self, url: impl Into<String>, method: Method) -> Self {
        Self(self.0.attribute("action", url).attribute("method", method.wire()))
    }
}

impl From<Stream> for Connect {
    fn from(stream: Stream) -> Self {
        Self::new(stream)
    }
}

impl From<Connect> for Element {
    fn from(connect: Connect) -> Self {
        connect.0
    }
}
