//! Taking a call, and connecting it with a media socket.

use crate::body::{Body, OutOfLimits, present};
use crate::{Action, Command, Stream};

/// Takes an incoming call. `call.answered` follows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Answer(Body);

impl Answer {
    /// Takes the call, and does nothing with it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Connects it with a media socket at once. While the socket sends nothing the caller is sent silence, so that no
    /// network on the way takes the call for dead.
    pub fn stream(self, stream: Stream) -> Self {
        Self(self.0.merged(stream.into_body()).with("send_silence_when_idle", true))
    }
}

impl From<Answer> for Command {
    fn from(answer: Answer) -> Self {
        Self::new(Action::Answer, answer.0)
    }
}

/// Connects an answered leg with a media socket; one that it has already is replaced. `streaming.started` or
/// `streaming.failed` follows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct StreamingStart(Body);

impl StreamingStart {
    /// Connects the leg with this socket.
    pub fn new(stream: Stream) -> Self {
        Self(stream.into_body())
    }

    /// What Telnyx shows the socket in `x-telnyx-streaming-auth-token`. [`Answer`] has no such field, so the sockets'
    /// URLs carry a token all the same.
    ///
    /// # Errors
    /// For an empty token, or one of more than 4000 characters.
    pub fn auth_token(self, token: &str) -> Result<Self, OutOfLimits> {
        const FIELD: &str = "stream_auth_token";
        if present(FIELD, token)?.chars().count() > 4000 {
            return Err(OutOfLimits { field: FIELD, needs: "at most 4000 characters" });
        }
        Ok(Self(self.0.with(FIELD, token)))
    }
}

impl From<StreamingStart> for Command {
    fn from(start: StreamingStart) -> Self {
        Self::new(Action::StreamingStart, start.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Codec, Track};

    fn stream() -> Stream {
        Stream::new("wss://m.example/t").unwrap().track(Track::Inbound).talk(Codec::Pcmu)
    }

    #[test]
    fn an_answer_brings_its_socket_along() {
        let expected = json!({
            "stream_url": "wss://m.example/t",
            "stream_track": "inbound_track",
            "stream_codec": "PCMU",
            "stream_bidirectional_mode": "rtp",
            "stream_bidirectional_codec": "PCMU",
            "stream_bidirectional_target_legs": "self",
            "send_silence_when_idle": true,
        });
        let command = Command::from(Answer::new().stream(stream()));
        assert_eq!((command.action(), command.into_body()), (Action::Answer, expected));
        assert_eq!(Command::from(Answer::new()).into_body(), json!({}));
    }

    #[test]
    fn a_socket_can_be_had_later_and_be_shown_a_token() {
        let command = Command::from(StreamingStart::new(stream()).auth_token("secret").unwrap());
        assert_eq!(command.action(), Action::StreamingStart);
        assert_eq!(command.body()["stream_auth_token"], "secret");
        assert_eq!(command.body().get("send_silence_when_idle"), None);
        assert!(StreamingStart::new(stream()).auth_token("").is_err());
        assert!(StreamingStart::new(stream()).auth_token(&"x".repeat(4001)).is_err());
        assert!(StreamingStart::new(stream()).auth_token(&"é".repeat(4000)).is_ok());
    }
}
