//! Documents compared with the vectors, and escaping by property.

mod canonical;

use super::*;
use canonical::Node;
use proptest::prelude::*;
use serde_json::Value;
use std::time::Duration;

#[test]
fn every_vector_renders_from_the_element_tree() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 9);
    println!("twiml_render: {} vectors", vectors.len());
    for vector in &vectors {
        let document = Response(element(&vector["inputs"]["tree"])).to_xml();
        assert_eq!(Node::parse(&document), expected(vector), "{}: {document}", vector["id"]);
    }
}

#[test]
fn every_vector_renders_from_typed_verbs() {
    for vector in &vectors() {
        let id = vector["id"].as_str().unwrap();
        let document = typed(id).to_xml();
        assert_eq!(Node::parse(&document), expected(vector), "{id}: {document}");
    }
}

#[test]
fn a_conference_is_written_with_every_attribute() {
    let room = Conference::new("a & b")
        .beep(false)
        .start_on_enter(true)
        .end_on_exit(false)
        .wait_url("", Method::Get)
        .max_participants(2)
        .status("/room", Method::Post, "start end join leave");
    let response = Response::new().dial(Dial::new().action("/after").conference(room));
    assert_eq!(
        response.to_xml(),
        r#"<?xml version="1.0" encoding="UTF-8"?><Response><Dial action="/after"><Conference beep="false" "#
            .to_owned()
            + r#"startConferenceOnEnter="true" endConferenceOnExit="false" waitUrl="" waitMethod="GET" "#
            + r#"maxParticipants="2" statusCallback="/room" statusCallbackMethod="POST" "#
            + r#"statusCallbackEvent="start end join leave">a &amp; b</Conference></Dial></Response>"#
    );
}

#[test]
fn a_transfer_is_written_with_every_attribute() {
    let response = Response::new().dial(
        Dial::new()
            .number(
                Number::new("+15551230000")
                    .send_digits("ww1")
                    .whisper("https://v.example.test/whisper", Method::Get)
                    .status(
                        "https://v.example.test/leg",
                        Method::Post,
                        [CallEvent::Initiated, CallEvent::Ringing],
                    ),
            )
            .sip(Sip::new("sip:desk@example.test").credentials("a\"b", "<c>"))
            .action("/after?a=1&b=2")
            .method(Method::Post)
            .timeout(Duration::from_millis(1_500))
            .time_limit(Duration::from_secs(3_600))
            .caller_id("+15559870000")
            .answer_on_bridge(true)
            .hangup_on_star(false)
            .sequential(true)
            .ring_tone("es")
            .record(DialRecording::FromAnswerDual)
            .trim(Trim::Silence)
            .recording_status(
                "/recorded",
                Method::Post,
                [RecordingEvent::InProgress, RecordingEvent::Completed],
            ),
    );
    assert_eq!(
        response.to_xml(),
        r#"<?xml version="1.0" encoding="UTF-8"?><Response><Dial action="/after?a=1&amp;b=2" method="POST" "#
            .to_owned()
            + r#"timeout="2" timeLimit="3600" callerId="+15559870000" answerOnBridge="true" hangupOnStar="false" "#
            + r#"sequential="true" ringTone="es" record="record-from-answer-dual" trim="trim-silence" "#
            + r#"recordingStatusCallback="/recorded" recordingStatusCallbackMethod="POST" "#
            + r#"recordingStatusCallbackEvent="in-progress completed">"#
            + r#"<Number sendDigits="ww1" url="https://v.example.test/whisper" method="GET" "#
            + r#"statusCallback="https://v.example.test/leg" statusCallbackMethod="POST" "#
            + r#"statusCallbackEvent="initiated ringing">+15551230000</Number>"#
            + r#"<Sip username="a&quot;b" password="&lt;c&gt;">sip:desk@example.test</Sip></Dial></Response>"#
    );
}

#[test]
fn a_stream_that_talks_names_its_codec_in_the_carriers_case() {
    for (codec, name) in [(StreamCodec::Pcmu, "PCMU"), (StreamCodec::Pcma, "PCMA")] {
        let xml = Response::new().connect(Stream::new("wss://media.example.test/t").talk(codec)).to_xml();
        let expected = format!(
            r#"<Connect><Stream url="wss://media.example.test/t" codec="{name}" bidirectionalMode="rtp" bidirectionalCodec="{name}"/></Connect>"#
        );
        assert!(xml.contains(&expected), "{xml}");
    }
}

#[test]
fn a_media_socket_is_followed_by_what_comes_after_it() {
    let stream = Stream::new("wss://media.example.test/calls/abc")
        .name("audio")
        .track(Track::Inbound)
        .status("https://v.example.test/stream", Method::Post)
        .parameter("k", "v");
    let response = Response::new()
        .say("hello")
        .pause(Duration::ZERO)
        .connect(Connect::new(stream).action("/closed", Method::Get))
        .redirect(Redirect::new("/next").method(Method::Get));
    assert_eq!(
        response.to_xml(),
        r#"<?xml version="1.0" encoding="UTF-8"?><Response><Say>hello</Say><Pause length="0"/>"#.to_owned()
            + r#"<Connect action="/closed" method="GET"><Stream url="wss://media.example.test/calls/abc" "#
            + r#"name="audio" track="inbound_track" statusCallback="https://v.example.test/stream" "#
            + r#"statusCallbackMethod="POST"><Parameter name="k" value="v"/></Stream></Connect>"#
            + r#"<Redirect method="GET">/next</Redirect></Response>"#
    );
}

#[test]
fn an_attribute_set_twice_is_written_once() {
    let document = Response::new().say(Say::new("x").voice("alice").voice("Polly.Joanna")).to_xml();
    assert!(document.contains(r#"<Say voice="Polly.Joanna">"#), "{document}");
}

#[test]
fn characters_that_xml_cannot_carry_are_left_out() {
    let document = Response::new().say("a\u{0}b\u{8}\u{b}\u{1f}c\u{fffe}\u{ffff}d\u{7f}").to_xml();
    assert!(document.contains("<Say>abcd\u{7f}</Say>"), "{document}");
}

#[test]
fn text_cannot_become_markup() {
    let document = Response::new().say("</Say><Dial>+1900</Dial>]]><![CDATA[").to_xml();
    let tree = Node::parse(&document);
    assert_eq!(tree.names(), ["Response", "Say"]);
}

proptest! {
    #[test]
    fn any_text_survives_an_xml_reader(text: String) {
        let document = Response::new().say(text.as_str()).to_xml();
        let tree = Node::parse(&document);
        prop_assert_eq!(tree.children[0].text.as_str(), carried(&text));
    }

    #[test]
    fn any_attribute_survives_an_xml_reader(name: String, value: String) {
        let stream = Stream::new("wss://m.example.test/").parameter(name.as_str(), value.as_str());
        let document = Response::new().connect(stream).to_xml();
        let tree = Node::parse(&document);
        let parameter = &tree.children[0].children[0].children[0];
        prop_assert_eq!(parameter.attributes["name"].as_str(), carried(&name));
        prop_assert_eq!(parameter.attributes["value"].as_str(), carried(&value));
    }

    #[test]
    fn control_characters_and_white_space_survive_or_vanish(text in "[\u{0}-\u{20}<>&\"'\u{85}\u{2028}\u{fffd}-\u{ffff}]{0,20}") {
        let document = Response::new().gather(Gather::new().hints(text.as_str()).say(text.as_str())).to_xml();
        let tree = Node::parse(&document);
        prop_assert_eq!(tree.children[0].attributes["hints"].as_str(), carried(&text));
        prop_assert_eq!(tree.children[0].children[0].text.as_str(), carried(&text));
    }
}

fn typed(id: &str) -> Response {
    let response = Response::new();
    match id {
        "twiml-001" => response,
        "twiml-002" => response.say(Say::new("Hello Monkey").voice("man").repeat(3).language("fr")),
        "twiml-004" => response.play(Play::new("http://hellomonkey.mp3").repeat(3)),
        "twiml-006" => response.record(
            Record::new()
                .max_length(Duration::from_secs(30))
                .timeout(Duration::from_secs(4))
                .finish_on_key("#"),
        ),
        "twiml-008" => response.hangup(),
        "twiml-011" => response.gather(Gather::new().say("Hey").play("hey.mp3").pause(Pause::new())),
        "twiml-101" => response.connect(
            Stream::new("wss://media.example.test/twilio")
                .parameter("agent", "front-desk")
                .parameter("note", "a & b <c> \"d\""),
        ),
        "twiml-103" => response.say(Say::new("Fish & chips <now> \"quoted\"").voice("Polly.Joanna")).gather(
            Gather::new()
                .input(Input::KeysOrSpeech)
                .digits(1)
                .timeout(Duration::from_secs(5))
                .speech_timeout(SpeechTimeout::Auto)
                .action("https://v.example.test/g?a=1&b=2")
                .action_on_empty_result(true)
                .say("Press 1"),
        ),
        "twiml-106" => response.reject(Rejection::Busy),
        unknown => panic!("vector {unknown} has no typed twin: add it"),
    }
}

/// What of a text XML 1.0 can carry, written independently of the product's own rule.
fn carried(text: &str) -> String {
    text.chars()
        .filter(|c| ("\t\n\r".contains(*c) || *c >= ' ') && !['\u{fffe}', '\u{ffff}'].contains(c))
        .collect()
}

fn vectors() -> Vec<Value> {
    serde_json::from_str(include_str!("../tests/vectors/twiml_render.json")).unwrap()
}

fn expected(vector: &Value) -> Node {
    Node::parse(vector["expected"]["xml"].as_str().unwrap())
}

fn element(tree: &Value) -> Element {
    let mut element = Element::new(name(&tree["name"]));
    for (key, value) in tree["attrs"].as_object().into_iter().flatten() {
        element = element.attribute(name(&Value::from(key.as_str())), value.as_str().unwrap());
    }
    if let Some(text) = tree["text"].as_str() {
        element = element.text(text);
    }
    tree["children"]
        .as_array()
        .into_iter()
        .flatten()
        .fold(element, |parent, child| parent.child(self::element(child)))
}

/// Names are `'static` in the product; the few of the vectors may leak.
fn name(value: &Value) -> &'static str {
    value.as_str().unwrap().to_owned().leak()
}
