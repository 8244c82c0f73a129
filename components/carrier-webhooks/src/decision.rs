//! What was decided on a call, in TwiML and in the words of its log.

use std::time::Duration;

use twiml::{Connect, Dial, Method, Record, Redirect, Rejection, Say, Stream};

use crate::bindings::voicehive::platform::call_routing::{self, Decision, Reason};

/// Where the call's further requests go.
pub(crate) struct Places<'a> {
    /// The base of this service.
    pub(crate) public_url: &'a str,
    /// The base of the media sockets.
    pub(crate) media_url: &'a str,
}

/// The path of the voice webhook.
pub(crate) const VOICE_PATH: &str = "/webhooks/twilio/voice";

/// In the query of a voice webhook: the media socket is gone, what now?
pub(crate) const RESUMED: &str = "resume=1";

/// In the query of a voice webhook: the caller has left a message.
pub(crate) const RECORDED: &str = "recorded=1";

/// Connects the call to a media socket, and asks again when the socket is lost.
pub(crate) fn connect(places: &Places<'_>, token: &str, call: &str) -> twiml::Response {
    // Twilio drops a stream URL's query string, so the token stands in the path.
    let stream = Stream::new(format!("{}/media/twilio/{token}", places.media_url)).parameter("call", call);
    let again = format!("{}{VOICE_PATH}?{RESUMED}", places.public_url);
    twiml::Response::new().connect(Connect::new(stream)).redirect(Redirect::new(again).method(Method::Post))
}

/// Everything but a connection.
pub(crate) fn without_agent(decision: &Decision, places: &Places<'_>) -> twiml::Response {
    let response = twiml::Response::new();
    match decision {
        // The caller of this function connects; without an agent there is only an apology.
        Decision::Connect(_) => apology(),
        Decision::Forward(forwarding) => {
            let dial = Dial::new().timeout(Duration::from_secs(forwarding.ring_seconds.into()));
            let to = forwarding.to.as_str();
            let sip = to.starts_with("sip:") || to.starts_with("sips:");
            response.dial(if sip { dial.sip(to) } else { dial.number(to) }).hangup()
        }
        Decision::Message(text) => response.say(Say::new(text)).hangup(),
        Decision::Voicemail(voicemail) => {
            // Without an action of its own a recording would post here again, and never end.
            let record = Record::new()
                .action(format!("{}{VOICE_PATH}?{RECORDED}", places.public_url))
                .method(Method::Post)
                .max_length(Duration::from_secs(voicemail.max_seconds.into()))
                .play_beep(true);
            response.say(Say::new(&voicemail.greeting)).record(record).hangup()
        }
        Decision::Reject(call_routing::Rejection::Busy) => response.reject(Rejection::Busy),
        Decision::Reject(call_routing::Rejection::Declined) => response.reject(Rejection::Rejected),
    }
}

/// Something failed that the caller cannot help.
pub(crate) fn apology() -> twiml::Response {
    let text = "We are sorry, something went wrong on our side. Please call again in a few minutes.";
    twiml::Response::new().say(Say::new(text)).hangup()
}

/// Nobody has the number that was called.
pub(crate) fn unknown_number() -> twiml::Response {
    twiml::Response::new().say(Say::new("This number is not in service. Goodbye.")).hangup()
}

/// The caller has left a message.
pub(crate) fn thanks() -> twiml::Response {
    twiml::Response::new().say(Say::new("Thank you for your message. Goodbye.")).hangup()
}

/// The word for a decision.
pub(crate) fn name(decision: &Decision) -> &'static str {
    match decision {
        Decision::Connect(_) => "connect",
        Decision::Forward(_) => "forward",
        Decision::Message(_) => "message",
        Decision::Voicemail(_) => "voicemail",
        Decision::Reject(_) => "reject",
    }
}

/// Why it was decided.
pub(crate) fn reason(reason: &Reason) -> String {
    match reason {
        Reason::Rule(id) => format!("rule {id}"),
        Reason::Blocked(pattern) => format!("blocked by {pattern}"),
        Reason::Fallback => "fallback".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::voicehive::platform::call_routing::{Forwarding, Voicemail};

    const PLACES: Places<'_> =
        Places { public_url: "https://voice.example.com", media_url: "wss://media.example.com" };

    #[test]
    fn a_connection_comes_back_when_the_socket_is_lost() {
        let xml = connect(&PLACES, "to.ken", "call-1").to_xml();
        assert!(
            xml.contains(
                "<Connect><Stream url=\"wss://media.example.com/media/twilio/to.ken\">\
                 <Parameter name=\"call\" value=\"call-1\"/></Stream></Connect>\
                 <Redirect method=\"POST\">https://voice.example.com/webhooks/twilio/voice?resume=1</Redirect>"
            ),
            "{xml}"
        );
    }

    #[test]
    fn a_forwarded_call_rings_a_number_or_a_sip_address() {
        let forward = |to: &str| {
            let forwarding = Forwarding { to: to.into(), ring_seconds: 20 };
            without_agent(&Decision::Forward(forwarding), &PLACES).to_xml()
        };
        let xml = forward("+34910000001");
        assert!(xml.contains("<Dial timeout=\"20\"><Number>+34910000001</Number></Dial><Hangup/>"), "{xml}");
        let xml = forward("sip:desk@example.com");
        assert!(xml.contains("<Sip>sip:desk@example.com</Sip>"), "{xml}");
    }

    #[test]
    fn a_message_is_said_and_escaped() {
        let xml = without_agent(&Decision::Message("Closed <today> & tomorrow".into()), &PLACES).to_xml();
        assert!(xml.contains("<Say>Closed &lt;today&gt; &amp; tomorrow</Say><Hangup/>"), "{xml}");
    }

    #[test]
    fn a_recording_ends_elsewhere_than_where_it_began() {
        let voicemail = Voicemail { greeting: "Leave a message.".into(), max_seconds: 90 };
        let xml = without_agent(&Decision::Voicemail(voicemail), &PLACES).to_xml();
        assert!(xml.contains("<Say>Leave a message.</Say><Record "), "{xml}");
        assert!(
            xml.contains("action=\"https://voice.example.com/webhooks/twilio/voice?recorded=1\""),
            "{xml}"
        );
        assert!(xml.contains("maxLength=\"90\"") && xml.ends_with("<Hangup/></Response>"), "{xml}");
    }

    #[test]
    fn a_rejection_is_the_first_and_only_verb() {
        for (rejection, attribute) in
            [(call_routing::Rejection::Busy, "busy"), (call_routing::Rejection::Declined, "rejected")]
        {
            let xml = without_agent(&Decision::Reject(rejection), &PLACES).to_xml();
            assert!(
                xml.ends_with(&format!("<Response><Reject reason=\"{attribute}\"/></Response>")),
                "{xml}"
            );
        }
    }
}
