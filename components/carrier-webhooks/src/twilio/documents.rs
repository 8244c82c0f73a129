//! What was decided on a call, in TwiML.

use std::time::Duration;

use twiml::{
    CallEvent, Connect, Dial, Gather, Input, Method, Number, Record, RecordingEvent, Redirect, Rejection,
    Response, Say, Sip, Stream,
};

use crate::bindings::voicehive::platform::call_routing::{self, Decision, Forwarding, Voicemail};
use crate::decision;
use crate::proof::Proven;

/// Where the call's further requests go.
pub(super) struct Places {
    voice: String,
    status: String,
    recording: String,
    dial: String,
    gather: String,
    media_url: String,
}

impl Places {
    /// Beside the webhook that was called.
    pub(super) fn of(proven: &Proven<'_>) -> Self {
        Self {
            voice: proven.beside("voice"),
            status: proven.beside("status"),
            recording: proven.beside("recording"),
            dial: proven.beside("dial"),
            gather: proven.beside("gather"),
            media_url: proven.media_url(),
        }
    }

    /// Where a call asks that has lost its agent's voice, or gets it back.
    pub(super) fn resumed(&self) -> String {
        format!("{}?resume=1", self.voice)
    }
}

/// Connects the call to a media socket, and asks again when the socket is lost.
pub(super) fn connect(places: &Places, token: &str, call: &str, answered_by: Option<&str>) -> Response {
    // Twilio drops a stream URL's query string, so the token stands in the path.
    let mut stream =
        Stream::new(format!("{}/media/twilio/{token}", places.media_url)).parameter("call", call);
    if let Some(who) = answered_by {
        stream = stream.parameter("answered_by", who);
    }
    Response::new().connect(Connect::new(stream)).redirect(again(places.resumed()))
}

/// Everything but a connection.
pub(super) fn without_agent(decision: &Decision, places: &Places) -> Response {
    match decision {
        // The caller of this function connects; without an agent there is only an apology.
        Decision::Connect(_) => apology(),
        Decision::Forward(forwarding) => forward(forwarding, places),
        Decision::Message(text) => said(text),
        Decision::Voicemail(voicemail) => take_message(voicemail, places),
        Decision::Reject(call_routing::Rejection::Busy) => Response::new().reject(Rejection::Busy),
        Decision::Reject(call_routing::Rejection::Declined) => Response::new().reject(Rejection::Rejected),
    }
}

/// Rings somebody else. Whether they answered, the action is told, and what follows is its answer.
pub(super) fn forward(forwarding: &Forwarding, places: &Places) -> Response {
    let dial = Dial::new()
        .action(&places.dial)
        .method(Method::Post)
        .timeout(Duration::from_secs(forwarding.ring_seconds.into()))
        .answer_on_bridge(true);
    let to = forwarding.to.as_str();
    let events = [CallEvent::Initiated, CallEvent::Ringing, CallEvent::Answered, CallEvent::Completed];
    let sip = to.starts_with("sip:") || to.starts_with("sips:");
    Response::new().dial(if sip {
        dial.sip(Sip::new(to).status(&places.status, Method::Post, events))
    } else {
        dial.number(Number::new(to).status(&places.status, Method::Post, events))
    })
}

/// Takes a message.
pub(super) fn take_message(voicemail: &Voicemail, places: &Places) -> Response {
    // Without an action of its own a recording would post here again, and never end.
    let record = Record::new()
        .action(format!("{}?recorded=1", places.voice))
        .method(Method::Post)
        .max_length(Duration::from_secs(voicemail.max_seconds.into()))
        .play_beep(true)
        .recording_status(
            &places.recording,
            Method::Post,
            [RecordingEvent::Completed, RecordingEvent::Absent],
        );
    Response::new().say(Say::new(&voicemail.greeting)).record(record).hangup()
}

/// Asks for one key; who presses none is asked again, `asked` times so far.
pub(super) fn menu(words: &str, asked: u32, places: &Places) -> Response {
    let answer = format!("{}?asked={asked}", places.gather);
    let gather = Gather::new()
        .input(Input::Keys)
        .digits(1)
        .timeout(MENU_TIMEOUT)
        .action(&answer)
        .method(Method::Post)
        .say(Say::new(words));
    Response::new().gather(gather).redirect(again(answer))
}

/// How long a key is waited for after the words: twice as long as people take who have listened.
const MENU_TIMEOUT: Duration = Duration::from_secs(6);

/// Goes on with what the agent's conversation was, if it still can be had.
pub(super) fn resume(places: &Places) -> Response {
    Response::new().redirect(again(places.resumed()))
}

/// Says one sentence and ends the call.
pub(super) fn said(text: &str) -> Response {
    Response::new().say(Say::new(text)).hangup()
}

/// Something failed that the caller cannot help.
pub(super) fn apology() -> Response {
    said(decision::APOLOGY)
}

/// The call is over.
pub(super) fn hangup() -> Response {
    Response::new().hangup()
}

/// The tenant has as many calls as it may: the caller hears what a line that is taken sounds like, and pays nothing.
pub(super) fn busy() -> Response {
    Response::new().reject(Rejection::Busy)
}

fn again(url: String) -> Redirect {
    Redirect::new(url).method(Method::Post)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_comes_back_when_the_socket_is_lost() {
        let xml = connect(&places(), "to.ken", "call-1", None).to_xml();
        assert!(
            xml.contains(
                "<Connect><Stream url=\"wss://media.example.com/media/twilio/to.ken\">\
                 <Parameter name=\"call\" value=\"call-1\"/></Stream></Connect>\
                 <Redirect method=\"POST\">https://voice.example.com/webhooks/twilio/voice?resume=1</Redirect>"
            ),
            "{xml}"
        );
        let xml = connect(&places(), "to.ken", "call-1", Some("human")).to_xml();
        assert!(xml.contains("<Parameter name=\"answered_by\" value=\"human\"/></Stream>"), "{xml}");
    }

    #[test]
    fn a_forwarded_call_rings_a_number_or_a_sip_address_and_its_outcome_is_asked_for() {
        let forward = |to: &str| {
            let forwarding = Forwarding { to: to.into(), ring_seconds: 20 };
            without_agent(&Decision::Forward(forwarding), &places()).to_xml()
        };
        let xml = forward("+34910000001");
        assert!(
            xml.contains(
                "<Dial action=\"https://voice.example.com/webhooks/twilio/dial\" method=\"POST\" timeout=\"20\" \
                 answerOnBridge=\"true\"><Number statusCallback=\"https://voice.example.com/webhooks/twilio/status\""
            ),
            "{xml}"
        );
        assert!(xml.contains(">+34910000001</Number></Dial></Response>"), "{xml}");
        let xml = forward("sip:desk@example.com");
        assert!(xml.contains("<Sip statusCallback=") && xml.contains(">sip:desk@example.com</Sip>"), "{xml}");
    }

    #[test]
    fn a_message_is_said_and_escaped() {
        let xml = without_agent(&Decision::Message("Closed <today> & tomorrow".into()), &places()).to_xml();
        assert!(xml.contains("<Say>Closed &lt;today&gt; &amp; tomorrow</Say><Hangup/>"), "{xml}");
    }

    #[test]
    fn a_recording_ends_elsewhere_than_where_it_began() {
        let voicemail = Voicemail { greeting: "Leave a message.".into(), max_seconds: 90 };
        let xml = without_agent(&Decision::Voicemail(voicemail), &places()).to_xml();
        assert!(xml.contains("<Say>Leave a message.</Say><Record "), "{xml}");
        assert!(
            xml.contains("action=\"https://voice.example.com/webhooks/twilio/voice?recorded=1\""),
            "{xml}"
        );
        let callback = "recordingStatusCallback=\"https://voice.example.com/webhooks/twilio/recording\"";
        assert!(xml.contains(callback) && xml.contains("\"completed absent\""), "{xml}");
        assert!(xml.contains("maxLength=\"90\"") && xml.ends_with("<Hangup/></Response>"), "{xml}");
    }

    #[test]
    fn a_rejection_is_the_first_and_only_verb() {
        for (rejection, attribute) in
            [(call_routing::Rejection::Busy, "busy"), (call_routing::Rejection::Declined, "rejected")]
        {
            let xml = without_agent(&Decision::Reject(rejection), &places()).to_xml();
            assert!(
                xml.ends_with(&format!("<Response><Reject reason=\"{attribute}\"/></Response>")),
                "{xml}"
            );
        }
    }

    fn places() -> Places {
        let at = |name: &str| format!("https://voice.example.com/webhooks/twilio/{name}");
        Places {
            voice: at("voice"),
            status: at("status"),
            recording: at("recording"),
            dial: at("dial"),
            gather: at("gather"),
            media_url: "wss://media.example.com".to_owned(),
        }
    }
}
