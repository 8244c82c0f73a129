//! The media socket of a leg.

use crate::OutOfLimits;
use crate::body::Body;

/// How sound is coded. L16 is missing on purpose: Telnyx does not say in which order its bytes come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// Mu-law at 8 kHz.
    Pcmu,
    /// A-law at 8 kHz.
    Pcma,
}

impl Codec {
    /// Telnyx's word, whose case matters.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }
}

/// Which side's sound the socket is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Track {
    /// Both sides.
    Both,
    /// What the leg's party says; Telnyx's default.
    Inbound,
    /// What the leg's party hears.
    Outbound,
}

impl Track {
    fn as_str(self) -> &'static str {
        match self {
            Self::Both => "both_tracks",
            Self::Inbound => "inbound_track",
            Self::Outbound => "outbound_track",
        }
    }
}

/// A media socket, as [`Answer`](crate::Answer), [`StreamingStart`](crate::StreamingStart) and [`Dial`](crate::Dial)
/// take it. A leg has one at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Stream(Body);

impl Stream {
    /// Sends the socket at `url` what the leg's party says, in the leg's own codec, and takes nothing from it.
    ///
    /// # Errors
    /// Where the URL is not one of a web socket.
    pub fn new(url: impl Into<String>) -> Result<Self, OutOfLimits> {
        let url = url.into();
        if url.starts_with("wss://") || url.starts_with("ws://") {
            return Ok(Self(Body::default().with("stream_url", url)));
        }
        Err(OutOfLimits { field: "stream_url", needs: "a URL that begins with wss:// or ws://" })
    }

    /// Talks both ways in this codec. What the socket sends is then RTP payloads: the default is whole MP3 files, one a
    /// second. The leg's own party hears it: the default is whoever is at the other end of a bridge, where a leg without
    /// one has nobody.
    pub fn talk(self, codec: Codec) -> Self {
        let name = codec.as_str();
        Self(
            self.0
                .with("stream_codec", name)
                .with("stream_bidirectional_mode", "rtp")
                .with("stream_bidirectional_codec", name)
                .with("stream_bidirectional_target_legs", "self"),
        )
    }

    /// Which side's sound the socket is sent.
    pub fn track(self, track: Track) -> Self {
        Self(self.0.with("stream_track", track.as_str()))
    }

    pub(crate) fn into_body(self) -> Body {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_conversation_is_rtp_in_one_codec_both_ways_and_heard_by_the_leg_itself() {
        let stream = Stream::new("wss://m.example/t").unwrap().track(Track::Inbound).talk(Codec::Pcma);
        let expected = json!({
            "stream_url": "wss://m.example/t",
            "stream_track": "inbound_track",
            "stream_codec": "PCMA",
            "stream_bidirectional_mode": "rtp",
            "stream_bidirectional_codec": "PCMA",
            "stream_bidirectional_target_legs": "self",
        });
        assert_eq!(stream.into_body().into_value(), expected);
    }

    #[test]
    fn a_listener_is_sent_sound_and_no_more() {
        let stream = Stream::new("ws://127.0.0.1:9/t").unwrap().track(Track::Both);
        let expected = json!({ "stream_url": "ws://127.0.0.1:9/t", "stream_track": "both_tracks" });
        assert_eq!(stream.into_body().into_value(), expected);
        assert_eq!(Stream::new("https://m.example").unwrap_err().field, "stream_url");
    }
}
