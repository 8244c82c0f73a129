use super::*;

#[test]
fn a_call_with_recovery_is_read() {
    let xml = r#"<?xml version="1.0" encoding="UTF-8"?><Response>
        <Connect><Stream url="wss://m.example/media/a.b" name="s" statusCallback="/stream"><Parameter name="call" value="a &amp; b"/></Stream></Connect>
        <Redirect method="POST">https://v.example/voice?resume=1&amp;x=2</Redirect></Response>"#;
    let stream = Stream {
        url: "wss://m.example/media/a.b".into(),
        parameters: vec![("call".into(), "a & b".into())],
        name: Some("s".into()),
        status: Some(Link { url: "/stream".into(), method: Method::Post }),
    };
    let redirect = "https://v.example/voice?resume=1&x=2".into();
    assert_eq!(verbs(xml), [Verb::Connect(stream), Verb::Redirect(redirect)]);
}

#[test]
fn other_verbs_are_read() {
    let xml = "<Response><Say>Closed &lt;today&gt; &#38; tomorrow</Say><Pause length=\"3\"/>\
        <Play loop=\"2\">/hold.wav</Play><Play digits=\"1w2\"/><Enqueue/><Hangup/></Response>";
    assert_eq!(
        verbs(xml),
        [
            Verb::Say("Closed <today> & tomorrow".into()),
            Verb::Pause(Duration::from_secs(3)),
            Verb::Play(Play::File { url: "/hold.wav".into(), times: 2 }),
            Verb::Play(Play::Keys("1w2".into())),
            Verb::Other("Enqueue".into()),
            Verb::Hangup,
        ]
    );
}

#[test]
fn a_gather_has_its_defaults_and_its_prompts() {
    let gather = Gather {
        action: None,
        keys: true,
        speech: false,
        timeout: Duration::from_secs(5),
        speech_timeout: Duration::from_secs(5),
        finish_on_key: Some('#'),
        most_keys: None,
        action_on_empty_result: false,
        prompts: Vec::new(),
    };
    assert_eq!(verbs("<Response><Gather/></Response>"), [Verb::Gather(gather.clone())]);
    let xml = "<Response><Gather input=\"dtmf speech\" action=\"/keys\" method=\"GET\" timeout=\"3\" speechTimeout=\"auto\" \
        finishOnKey=\"\" numDigits=\"4\" actionOnEmptyResult=\"true\"><Say>Your code?</Say><Pause/></Gather></Response>";
    let asked = Gather {
        action: Some(Link { url: "/keys".into(), method: Method::Get }),
        speech: true,
        timeout: Duration::from_secs(3),
        speech_timeout: Duration::from_secs(1),
        finish_on_key: None,
        most_keys: Some(4),
        action_on_empty_result: true,
        prompts: vec![Verb::Say("Your code?".into()), Verb::Pause(Duration::from_secs(1))],
        ..gather
    };
    assert_eq!(verbs(xml), [Verb::Gather(asked)]);
}

#[test]
fn a_dial_names_people_or_a_conference() {
    let plain = Dial {
        to: Dialled::People(vec![Person {
            to: "+34910000001".into(),
            events: vec!["completed".into()],
            ..Person::default()
        }]),
        action: None,
        timeout: Duration::from_secs(30),
        time_limit: None,
        hang_up_on_star: false,
        caller_id: None,
        record: None,
        recorded: None,
        recorded_events: vec!["completed".into()],
    };
    assert_eq!(verbs("<Response><Dial>+34910000001</Dial></Response>"), [Verb::Dial(plain.clone())]);
    let xml = "<Response><Dial action=\"/dialled\" timeout=\"20\" record=\"record-from-answer-dual\" callerId=\"+34900000000\">\
        <Number statusCallback=\"/leg\" statusCallbackEvent=\"answered completed\">+34910000001</Number>\
        <Client>anna</Client></Dial></Response>";
    let people = vec![
        Person {
            to: "+34910000001".into(),
            status: Some(Link { url: "/leg".into(), method: Method::Post }),
            events: vec!["answered".into(), "completed".into()],
            ..Person::default()
        },
        Person { to: "client:anna".into(), events: vec!["completed".into()], ..Person::default() },
    ];
    let asked = Dial {
        to: Dialled::People(people),
        action: Some(Link { url: "/dialled".into(), method: Method::Post }),
        timeout: Duration::from_secs(20),
        caller_id: Some("+34900000000".into()),
        record: Some(2),
        ..plain.clone()
    };
    assert_eq!(verbs(xml), [Verb::Dial(asked)]);
    let xml = "<Response><Dial><Conference endConferenceOnExit=\"true\" statusCallback=\"/room\" \
        statusCallbackEvent=\"join leave\">room-1</Conference></Dial></Response>";
    let seat = Seat {
        name: "room-1".into(),
        muted: false,
        starts: true,
        ends: true,
        status: Some(Link { url: "/room".into(), method: Method::Post }),
        events: vec!["join".into(), "leave".into()],
    };
    assert_eq!(verbs(xml), [Verb::Dial(Dial { to: Dialled::Conference(seat), ..plain })]);
}

#[test]
fn a_record_has_its_defaults_and_its_callbacks() {
    let record = Record {
        action: None,
        max_length: Duration::from_secs(3_600),
        timeout: Duration::from_secs(5),
        finish_on_key: "1234567890*#".into(),
        play_beep: true,
        recorded: None,
        recorded_events: vec!["completed".into()],
    };
    assert_eq!(verbs("<Response><Record/></Response>"), [Verb::Record(record.clone())]);
    let xml = "<Response><Record action=\"/done\" maxLength=\"90\" playBeep=\"false\" finishOnKey=\"#\" \
        recordingStatusCallback=\"/saved\" recordingStatusCallbackEvent=\"completed absent\"/></Response>";
    let asked = Record {
        action: Some(Link { url: "/done".into(), method: Method::Post }),
        max_length: Duration::from_secs(90),
        finish_on_key: "#".into(),
        play_beep: false,
        recorded: Some(Link { url: "/saved".into(), method: Method::Post }),
        recorded_events: vec!["completed".into(), "absent".into()],
        ..record
    };
    assert_eq!(verbs(xml), [Verb::Record(asked)]);
}

#[test]
fn broken_documents_are_refused_with_a_reason() {
    for (xml, word) in [
        ("", "root"),
        ("<Response><Say>x</Response>", "Say"),
        ("<html/>", "html"),
        ("<Response><Say/></Response>", "Say"),
        ("<Response><Connect><Stream/></Connect></Response>", "url"),
        ("<Response><Say>&nbsp;</Say></Response>", "nbsp"),
        ("<Response/><Response/>", "root"),
        ("<Response><Gather><Hangup/></Gather></Response>", "Gather"),
        ("<Response><Gather finishOnKey=\"12\"/></Response>", "finishOnKey"),
        ("<Response><Dial/></Response>", "Dial"),
        ("<Response><Dial record=\"always\">+1</Dial></Response>", "always"),
        ("<Response><Record playBeep=\"yes\"/></Response>", "playBeep"),
        ("<Response><Reject reason=\"bored\"/></Response>", "bored"),
    ] {
        let error = Document::parse(xml).unwrap_err().to_string();
        assert!(error.contains(word), "{xml}: {error}");
    }
}

fn verbs(xml: &str) -> Vec<Verb> {
    Document::parse(xml).unwrap().verbs
}
