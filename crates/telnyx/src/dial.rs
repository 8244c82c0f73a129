//! Placing a call.

use std::time::Duration;

use serde_json::Value;

use crate::body::{Body, OutOfLimits, destination, present, ring, time_limit, web_url};
use crate::{ClientState, Stream};

/// Whether Telnyx finds out who answered, and what it then says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MachineDetection {
    /// Person or machine: `call.machine.detection.ended`.
    Detect,
    /// The same, and for a machine when its beep is over: `call.machine.greeting.ended`.
    DetectBeep,
    /// The same, and for a machine when its greeting is over, with or without a beep.
    GreetingEnd,
    /// The paid detection, with its own events (`call.machine.premium.…`), which also knows fax machines and silence.
    Premium,
}

impl MachineDetection {
    fn as_str(self) -> &'static str {
        match self {
            Self::Detect => "detect",
            Self::DetectBeep => "detect_beep",
            Self::GreetingEnd => "greeting_end",
            Self::Premium => "premium",
        }
    }
}

/// Places a call: `POST` [`DIAL_PATH`](crate::DIAL_PATH). Its answer is [`Dialled`](crate::Dialled); `call.initiated`
/// follows, and may come first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Dial(Body);

impl Dial {
    /// Calls `to`, a number or a SIP address, from a number of the account, through a Call Control application.
    ///
    /// # Errors
    /// Where `to` is no destination, or one of the others is empty.
    pub fn new(connection_id: &str, from: &str, to: &str) -> Result<Self, OutOfLimits> {
        let body = Body::default()
            .with("connection_id", present("connection_id", connection_id)?)
            .with("from", present("from", from)?)
            .with("to", destination(to)?);
        Ok(Self(body))
    }

    /// Names the request, so that one whose answer was lost is sent again without ringing twice: Telnyx ignores a second
    /// one with the same id within 60 s.
    pub fn command_id(self, id: &str) -> Self {
        Self(self.0.with("command_id", id))
    }

    /// What every webhook of the leg shall carry.
    pub fn client_state(self, state: &ClientState) -> Self {
        Self(self.0.with("client_state", state.encoded()))
    }

    /// How long it may ring, 5 to 600 s, in whole seconds, rounded up; 30 s otherwise.
    ///
    /// # Errors
    /// Outside these limits.
    pub fn ring(self, duration: Duration) -> Result<Self, OutOfLimits> {
        Ok(Self(self.0.with("timeout_secs", ring(duration)?)))
    }

    /// How long the call may last, up to four hours, which is also what it may otherwise.
    ///
    /// # Errors
    /// For no time at all, or more than four hours.
    pub fn time_limit(self, duration: Duration) -> Result<Self, OutOfLimits> {
        Ok(Self(self.0.with("time_limit_secs", time_limit(duration)?)))
    }

    /// Lets Telnyx find out who answered.
    pub fn machine_detection(self, detection: MachineDetection) -> Self {
        Self(self.0.with("answering_machine_detection", detection.as_str()))
    }

    /// Connects the call with a media socket once it is answered.
    pub fn stream(self, stream: Stream) -> Self {
        Self(self.0.merged(stream.into_body()).with("send_silence_when_idle", true))
    }

    /// Records both sides from the answer on, each in its own channel, as WAV.
    pub fn record(self) -> Self {
        Self(
            self.0
                .with("record", "record-from-answer")
                .with("record_channels", "dual")
                .with("record_format", "wav"),
        )
    }

    /// Where the call's webhooks go; the application's own address otherwise.
    ///
    /// # Errors
    /// Where it is not a URL of the web.
    pub fn webhook_url(self, url: impl Into<String>) -> Result<Self, OutOfLimits> {
        const FIELD: &str = "webhook_url";
        Ok(Self(self.0.with(FIELD, web_url(FIELD, url.into())?).with("webhook_url_method", "POST")))
    }

    /// The request's body.
    #[must_use]
    pub fn into_body(self) -> Value {
        self.0.into_value()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Codec;

    #[test]
    fn a_call_is_placed_with_its_name_its_state_and_its_ears() {
        let state = ClientState::of_call("c1").unwrap();
        let dial = Dial::new("1494404757140276705", "+34910000000", "+15551230000")
            .unwrap()
            .command_id("4c0f4f3a-6d24-4a04-8c54-5a29f6f4a5c6")
            .client_state(&state)
            .ring(Duration::from_secs(30))
            .unwrap()
            .time_limit(Duration::from_secs(1800))
            .unwrap()
            .machine_detection(MachineDetection::GreetingEnd)
            .record()
            .webhook_url("https://voice.example.com/webhooks/telnyx/call")
            .unwrap();
        let expected = json!({
            "connection_id": "1494404757140276705",
            "from": "+34910000000",
            "to": "+15551230000",
            "command_id": "4c0f4f3a-6d24-4a04-8c54-5a29f6f4a5c6",
            "client_state": state.encoded(),
            "timeout_secs": 30,
            "time_limit_secs": 1800,
            "answering_machine_detection": "greeting_end",
            "record": "record-from-answer",
            "record_channels": "dual",
            "record_format": "wav",
            "webhook_url": "https://voice.example.com/webhooks/telnyx/call",
            "webhook_url_method": "POST",
        });
        assert_eq!(dial.into_body(), expected);
    }

    #[test]
    fn every_detection_has_its_word() {
        for (detection, word) in [
            (MachineDetection::Detect, "detect"),
            (MachineDetection::DetectBeep, "detect_beep"),
            (MachineDetection::GreetingEnd, "greeting_end"),
            (MachineDetection::Premium, "premium"),
        ] {
            let dial = Dial::new("1", "+34910000000", "+15551230000").unwrap().machine_detection(detection);
            assert_eq!(dial.into_body()["answering_machine_detection"], word);
        }
    }

    #[test]
    fn a_socket_can_wait_for_the_answer() {
        let stream = Stream::new("wss://m.example/t").unwrap().talk(Codec::Pcmu);
        let body = Dial::new("1", "+34910000000", "sip:a@example.com").unwrap().stream(stream).into_body();
        assert_eq!(
            (&body["stream_url"], &body["send_silence_when_idle"]),
            (&json!("wss://m.example/t"), &json!(true))
        );
    }

    #[test]
    fn what_telnyx_would_refuse_is_refused_here() {
        let dial = || Dial::new("1", "+34910000000", "+15551230000").unwrap();
        assert_eq!(Dial::new("", "+34910000000", "+15551230000").unwrap_err().field, "connection_id");
        assert_eq!(Dial::new("1", "", "+15551230000").unwrap_err().field, "from");
        assert_eq!(Dial::new("1", "+34910000000", "+1555,1").unwrap_err().field, "to");
        assert_eq!(dial().ring(Duration::from_secs(4)).unwrap_err().field, "timeout_secs");
        assert_eq!(dial().time_limit(Duration::ZERO).unwrap_err().field, "time_limit_secs");
        assert_eq!(dial().webhook_url("voice.example.com").unwrap_err().field, "webhook_url");
    }
}
