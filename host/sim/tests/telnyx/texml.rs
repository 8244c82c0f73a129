//! A TeXML application: documents, forms, and the media socket of a document.

use carriers::telnyx::Message;
use sim::carrier::{Callee, End};
use sim::telnyx::{Telnyx, Texml};

use crate::platform::{DEADLINE, Form, Platform, Script, set_up_with};

async fn application(document: &'static str) -> (Platform, Telnyx) {
    set_up_with(Script::Texml(document), |config| {
        let at = |path: &str| config.webhook_url.join(path).unwrap();
        config.texml = Some(Texml { voice_url: at("/texml/voice"), status_url: Some(at("/texml/status")) });
    })
    .await
}

fn field<'a>(form: &'a Form, name: &str) -> &'a str {
    form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
}

fn forms(platform: &Platform, kind: &str) -> Vec<Form> {
    platform.seen().forms.into_iter().filter(|(found, _)| found == kind).map(|(_, form)| form).collect()
}

#[tokio::test]
async fn a_document_opens_a_stream_and_the_platform_is_told_of_the_call() {
    let (platform, telnyx) = application(
        r#"<Response><Say>One moment.</Say><Connect><Stream url="MEDIA" codec="PCMA" bidirectionalMode="rtp"
        bidirectionalCodec="PCMA"><Parameter name="call" value="c-1"/></Stream></Connect></Response>"#,
    )
    .await;
    let mut call = telnyx.place_call("+12025550143", "+12025550199");
    call.wait_for("both voices", |text| text == "One moment. Hello there.", DEADLINE).await.unwrap();
    call.say("Can you hear me?").await.unwrap();
    platform.until(|seen| seen.heard == "Can you hear me?").await;
    assert_eq!(call.parameters(), [("call".to_owned(), "c-1".to_owned())]);
    call.hang_up().await;
    let report = call.ended(DEADLINE).await.unwrap();
    assert_eq!((report.end, report.problems.len()), (End::CallerHungUp, 0));
    let asked = &forms(&platform, "voice")[0];
    for (name, value) in [
        ("CallSid", call.sid()),
        ("CallStatus", "ringing"),
        ("From", "+12025550143"),
        ("To", "+12025550199"),
        ("Direction", "inbound"),
    ] {
        assert_eq!(field(asked, name), value);
    }
    let told = forms(&platform, "status");
    let told: Vec<_> =
        told.iter().map(|form| (field(form, "CallStatus"), field(form, "SequenceNumber"))).collect();
    assert_eq!(told, [("initiated", "0"), ("in-progress", "1"), ("completed", "2")]);
    let seen = platform.seen();
    assert!(matches!(&seen.messages[1], Message::Start(start) if start.format.encoding == "PCMA"));
    assert_eq!((seen.bad_signatures, seen.webhooks.len()), (0, 0), "no event of Call Control");
}

#[tokio::test]
async fn a_message_is_recorded_and_its_address_told() {
    let (platform, telnyx) = application(
        r#"<Response><Say>Leave a message.</Say><Record action="next" recordingStatusCallback="recording"
        maxLength="20" timeout="1"/></Response>"#,
    )
    .await;
    let mut call = telnyx.place_call("+12025550143", "+12025550199");
    call.wait_for("the announcement", |text| text == "Leave a message.", DEADLINE).await.unwrap();
    call.say("Please call me back.").await.unwrap();
    assert_eq!(call.ended(DEADLINE).await.unwrap().end, End::PlatformHungUp);
    let (next, recording) = (forms(&platform, "next"), forms(&platform, "recording"));
    let url = field(&next[0], "RecordingUrl");
    assert_eq!(
        (field(&recording[0], "RecordingUrl"), field(&recording[0], "RecordingStatus")),
        (url, "completed")
    );
    assert_eq!(reqwest::get(url).await.unwrap().status().as_u16(), 200);
}

#[tokio::test]
async fn a_call_is_passed_on_and_the_platform_is_asked_what_then() {
    let (platform, telnyx) =
        application(r#"<Response><Dial action="next"><Number>+12025550111</Number></Dial></Response>"#).await;
    let caller = telnyx.place_call("+12025550143", "+12025550199");
    let mut other = telnyx.callee("+12025550111", DEADLINE).await.unwrap();
    other.answered(DEADLINE).await.unwrap();
    other.say("Byron speaking.").await.unwrap();
    caller.wait_for("the other", |text| text == "Byron speaking.", DEADLINE).await.unwrap();
    other.hang_up().await;
    assert_eq!(caller.ended(DEADLINE).await.unwrap().end, End::PlatformHungUp);
    assert_eq!(field(&forms(&platform, "next")[0], "DialCallStatus"), "completed");

    telnyx.set_callee("+12025550111", Callee::busy());
    let caller = telnyx.place_call("+12025550143", "+12025550199");
    caller.ended(DEADLINE).await.unwrap();
    assert_eq!(field(&forms(&platform, "next")[1], "DialCallStatus"), "busy");
    assert_eq!(platform.seen().webhooks.len(), 0);
}

#[tokio::test]
async fn a_document_turns_a_call_down_and_one_that_cannot_be_read_fails() {
    for (document, end, problems) in
        [("<Response><Reject reason=\"busy\"/></Response>", End::Rejected, 0), ("<nonsense", End::Failed, 1)]
    {
        let (platform, telnyx) = application(document).await;
        let report = telnyx.place_call("+12025550143", "+12025550199").ended(DEADLINE).await.unwrap();
        assert_eq!((report.end, report.problems.len()), (end, problems), "{:?}", report.problems);
        let last = forms(&platform, "status").pop().unwrap();
        assert_ne!(field(&last, "CallStatus"), "completed");
    }
}

#[tokio::test]
async fn keys_are_gathered_over_the_prompt_and_nothing_goes_on_with_the_document() {
    let (platform, telnyx) = application(
        r##"<Response><Gather action="next" input="dtmf" timeout="1" finishOnKey="#"><Say>Press your number, please.</Say>
        </Gather><Say>We have heard nothing.</Say></Response>"##,
    )
    .await;
    let call = telnyx.place_call("+12025550143", "+12025550199");
    call.wait_for("the prompt", |text| text.starts_with("Press"), DEADLINE).await.unwrap();
    for key in ['4', '2', '#'] {
        call.press(key).await.unwrap();
    }
    let report = call.ended(DEADLINE).await.unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!(field(&forms(&platform, "next")[0], "Digits"), "42");

    let call = telnyx.place_call("+12025550143", "+12025550199");
    call.wait_for("the rest", |text| text.ends_with("We have heard nothing."), DEADLINE).await.unwrap();
    call.ended(DEADLINE).await.unwrap();
    assert_eq!(forms(&platform, "next").len(), 1);
}
