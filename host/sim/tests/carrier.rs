//! The simulated carrier keeps to Twilio's protocols against a small platform made here.
#![cfg(test)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt as _;
use serde_json::{Value, json};
use sim::carrier::{Call, CarrierFaults, Config, End, Twilio, sign};
use sim::voice::{Decoder, Ending, Speaker, speak};

const SID: &str = "AC0123456789abcdef0123456789abcdef";
const TOKEN: &str = "a token";
const DEADLINE: Duration = Duration::from_secs(30);

/// Every vector of the scheme: what the signer makes is what the SDKs expect, with the port they expect.
#[test]
fn signatures_are_those_of_the_published_vectors() {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("vectors/twilio_signature.json")).unwrap();
    assert_eq!(vectors.len(), 24);
    println!("twilio_signature: {} vectors", vectors.len());
    for vector in &vectors {
        let inputs = &vector["inputs"];
        let fields: Vec<(String, String)> = serde_json::from_value(inputs["params"].clone()).unwrap();
        let url = inputs["url"].as_str().unwrap();
        let expected = inputs["headers"].as_object().unwrap().values().next().and_then(Value::as_str);
        let made: Vec<String> = candidates(url)
            .iter()
            .map(|url| sign(inputs["auth_token"].as_str().unwrap(), url, &fields))
            .collect();
        let matches = expected.is_some_and(|expected| made.iter().any(|made| made == expected));
        let reason = vector["expected"]["reason"].as_str();
        // A signature may be good and the request still be refused, for its body.
        let body_refused = matches!(reason, Some("body_hash_mismatch" | "missing_body_hash"));
        if !body_refused {
            assert_eq!(matches, vector["expected"]["valid"].as_bool().unwrap(), "{}", vector["id"]);
        }
    }
}

#[tokio::test]
async fn a_call_is_offered_signed_answered_and_its_audio_flows_both_ways() {
    let platform = Platform::start(Script::Echo).await;
    let twilio = twilio(&platform).await;
    let mut call = twilio.place_call("+15550001111", "+15550002222");
    call.connected(DEADLINE).await.unwrap();
    assert_eq!(call.parameters(), [("call".to_owned(), "c-1".to_owned())]);
    let heard = call.wait_for("the greeting", |text| text == "Hello there.", DEADLINE).await.unwrap();
    assert_eq!(heard, "Hello there.");
    call.say("Can you hear me?").await.unwrap();
    platform.until(|seen| seen.heard == "Can you hear me?").await;
    call.press('5').await.unwrap();
    platform
        .until(|seen| seen.events.iter().any(|e| e["event"] == "dtmf" && e["dtmf"]["digit"] == "5"))
        .await;
    call.hang_up().await;
    let report = call.ended(DEADLINE).await.unwrap();
    assert_eq!((report.end, report.streams), (End::CallerHungUp, 1));
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!(report.sent_audio.len(), report.heard_audio.len());

    let seen = platform.seen();
    assert_eq!(seen.bad_signatures, 0);
    let offered = &seen.voice[0];
    for (name, value) in
        [("From", "+15550001111"), ("To", "+15550002222"), ("CallStatus", "ringing"), ("AccountSid", SID)]
    {
        assert_eq!(field(offered, name), value);
    }
    let statuses: Vec<(&str, &str)> =
        seen.status.iter().map(|form| (field(form, "CallStatus"), field(form, "SequenceNumber"))).collect();
    assert_eq!(statuses, [("initiated", "0"), ("ringing", "1"), ("in-progress", "2"), ("completed", "3")]);
    assert!(!field(seen.status.last().unwrap(), "CallDuration").is_empty());
    check_stream(&seen.events);
}

#[tokio::test]
async fn a_call_that_the_platform_places_streams_as_one_that_comes_in() {
    let platform = Platform::start(Script::Echo).await;
    let twilio = twilio(&platform).await;
    let url = format!("{}/2010-04-01/Accounts/{SID}/Calls.json", twilio.api_url());
    let voice = format!("http://{}/webhooks/twilio/voice", platform.base);
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("To", "+15550001111"), ("From", "+15550002222"), ("Url", &voice)])
        .finish();
    let (status, created) = post(&url, TOKEN, body).await;
    assert_eq!((status, &created["status"]), (201, &json!("queued")));
    let mut callee = twilio.callee("+15550001111", DEADLINE).await.unwrap();
    assert_eq!(created["sid"], callee.sid());
    callee.wait_for("the greeting", |text| text == "Hello there.", DEADLINE).await.unwrap();
    callee.say("Who is calling?").await.unwrap();
    platform.until(|seen| seen.heard == "Who is calling?").await;
    callee.hang_up().await;
    let report = callee.ended(DEADLINE).await.unwrap();
    assert_eq!((report.end, report.streams, report.status), (End::CallerHungUp, 1, "completed"));
    let seen = platform.seen();
    assert_eq!((field(&seen.voice[0], "Direction"), seen.bad_signatures), ("outbound-api", 0));
    check_stream(&seen.events);
}

#[tokio::test]
async fn marks_come_back_when_they_are_reached_and_clear_returns_the_rest() {
    let platform = Platform::start(Script::LongSpeech).await;
    let twilio = twilio(&platform).await;
    let mut call = twilio.place_call("+15550001111", "+15550002222");
    call.interrupt_after_words(2, "Stop!", DEADLINE).await.unwrap();
    platform.until(|seen| seen.marks.len() == 4).await;
    call.hang_up().await;
    let report = call.ended(DEADLINE).await.unwrap();
    assert_eq!(platform.seen().marks, ["one", "two", "three", "four"]);
    assert_eq!(report.clears.len(), 1);
    let heard: Vec<&str> = report.heard.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(heard[..2], ["one", "two"]);
    assert!(!heard.contains(&"four"), "{heard:?}");
    assert!(report.heard.iter().all(|word| word.ending != Ending::Damaged));
}

#[tokio::test]
async fn lost_and_doubled_marks_are_as_asked() {
    for (faults, expected) in [
        (CarrierFaults { lose_marks: true, ..CarrierFaults::default() }, vec![]),
        (CarrierFaults { duplicate_marks: true, ..CarrierFaults::default() }, vec!["greeting", "greeting"]),
    ] {
        let platform = Platform::start(Script::Echo).await;
        let twilio = twilio(&platform).await;
        let call = twilio.place_call_with("+1", "+2", faults);
        call.wait_for("the greeting", |text| text == "Hello there.", DEADLINE).await.unwrap();
        call.hang_up().await;
        call.ended(DEADLINE).await.unwrap();
        platform.until(|seen| seen.events.iter().any(|event| event["event"] == "stop")).await;
        assert_eq!(platform.seen().marks, expected);
    }
}

#[tokio::test]
async fn lost_frames_are_audible_and_bursts_and_jitter_are_not() {
    for (faults, intact) in [
        (CarrierFaults { drop_one_in: Some(8), ..CarrierFaults::default() }, false),
        (
            CarrierFaults { burst: Some(5), jitter: Duration::from_millis(60), ..CarrierFaults::default() },
            true,
        ),
    ] {
        let platform = Platform::start(Script::Echo).await;
        let twilio = twilio(&platform).await;
        let mut call = twilio.place_call_with("+1", "+2", faults);
        call.wait_for("the greeting", |text| text == "Hello there.", DEADLINE).await.unwrap();
        let text = "Every single word of this counts.";
        call.say(text).await.unwrap();
        call.say("Over.").await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        call.hang_up().await;
        call.ended(DEADLINE).await.unwrap();
        platform.until(|seen| seen.events.iter().any(|event| event["event"] == "stop")).await;
        assert_eq!(platform.seen().heard.starts_with(text), intact, "{}", platform.seen().heard);
    }
}

#[tokio::test]
async fn a_lost_socket_goes_on_with_the_document() {
    for faults in [
        CarrierFaults { drop_connection_at: Some(Duration::from_millis(1_600)), ..CarrierFaults::default() },
        CarrierFaults { close_socket_at: Some(Duration::from_millis(1_600)), ..CarrierFaults::default() },
    ] {
        let platform = Platform::start(Script::Echo).await;
        let twilio = twilio(&platform).await;
        let call = twilio.place_call_with("+1", "+2", faults);
        platform.until(|seen| seen.voice.len() == 2).await;
        call.wait_for("the second greeting", |text| text == "Hello there. Hello there.", DEADLINE)
            .await
            .unwrap();
        assert_eq!(call.streams(), 2);
        assert_eq!(field(&platform.seen().voice[1], "CallStatus"), "in-progress");
    }
}

#[tokio::test]
async fn the_platform_ends_a_call_by_rest_once() {
    let platform = Platform::start(Script::Echo).await;
    let twilio = twilio(&platform).await;
    let call = twilio.place_call("+1", "+2");
    call.connected(DEADLINE).await.unwrap();
    let url = format!("{}/2010-04-01/Accounts/{SID}/Calls/{}.json", twilio.api_url(), call.sid());
    let (status, body) = complete(&url, "wrong").await;
    assert_eq!((status, &body["code"]), (401, &json!(20003)));
    let (status, body) = complete(&url, TOKEN).await;
    assert_eq!((status, &body["sid"]), (200, &json!(call.sid())));
    let report = call.ended(DEADLINE).await.unwrap();
    assert_eq!(report.end, End::PlatformHungUp);
    platform.until(|seen| seen.events.iter().any(|event| event["event"] == "stop")).await;
    let (status, body) = complete(&url, TOKEN).await;
    assert_eq!((status, &body["code"]), (404, &json!(20404)));
}

#[tokio::test]
async fn documents_without_a_stream_are_performed() {
    let platform = Platform::start(Script::Document(
        "<Response><Say>Closed today.</Say><Record action=\"/webhooks/twilio/voice?recorded=1\" maxLength=\"20\" timeout=\"1\"/></Response>",
    ))
    .await;
    let twilio = twilio(&platform).await;
    let mut call = twilio.place_call("+1", "+2");
    call.wait_for("the announcement", |text| text == "Closed today.", DEADLINE).await.unwrap();
    call.say("Please call me back.").await.unwrap();
    platform.until(|seen| seen.voice.len() == 2).await;
    let report = call.ended(DEADLINE).await.unwrap();
    assert_eq!(report.end, End::PlatformHungUp);
    let recorded = &platform.seen().voice[1];
    assert!(field(recorded, "RecordingUrl").contains("/Recordings/RE"));
    assert!(field(recorded, "RecordingDuration").parse::<u32>().unwrap() >= 1);

    for (document, end) in [
        ("<Response><Reject reason=\"busy\"/></Response>", End::Rejected),
        ("<Response/>", End::PlatformHungUp),
        ("<nonsense", End::Failed),
    ] {
        let platform = Platform::start(Script::Document(document)).await;
        let twilio = self::twilio(&platform).await;
        let report = twilio.place_call("+1", "+2").ended(DEADLINE).await.unwrap();
        assert_eq!(report.end, end, "{document}");
    }
}

#[tokio::test]
async fn what_the_platform_does_wrong_is_noted() {
    let platform = Platform::start(Script::Wrong).await;
    let twilio = twilio(&platform).await;
    let call = twilio.place_call("+1", "+2");
    call.connected(DEADLINE).await.unwrap();
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while call.problems().len() < 4 {
        assert!(tokio::time::Instant::now() < deadline, "{:?}", call.problems());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let problems = call.problems().join("\n");
    for word in ["query string", "31950", "not understood", "which is not this one"] {
        assert!(problems.contains(word), "{problems}");
    }
}

#[tokio::test]
async fn the_line_keeps_its_pace() {
    let platform = Platform::start(Script::Echo).await;
    let twilio = twilio(&platform).await;
    let mut call = twilio.place_call("+1", "+2");
    call.connected(DEADLINE).await.unwrap();
    let said =
        call.say("The quick brown fox jumps over the lazy dog, and then does it again.").await.unwrap();
    let length = speak(Speaker::Low, &said.text).duration();
    let took = said.end - said.start;
    assert!(took.abs_diff(length) <= Duration::from_millis(20), "{took:?} for {length:?}");
    // Silence or speech, a frame goes every 20 ms. The last may still be under way.
    let media = |seen: &Seen| seen.events.iter().filter(|event| event["event"] == "media").count();
    platform.until(|seen| media(seen) >= (length.as_millis() / 20) as usize).await;
}

/// What the platform does on its media socket.
#[derive(Clone, Copy)]
enum Script {
    /// Greets, and listens.
    Echo,
    /// Talks in four pieces with a mark each; clears when it hears anything.
    LongSpeech,
    /// Sends what it must not.
    Wrong,
    /// No socket: this document; for a recording, the end.
    Document(&'static str),
}

#[derive(Clone, Default)]
struct Seen {
    voice: Vec<Vec<(String, String)>>,
    status: Vec<Vec<(String, String)>>,
    bad_signatures: u32,
    events: Vec<Value>,
    marks: Vec<String>,
    heard: String,
}

#[derive(Clone)]
struct Platform {
    base: String,
    script: Script,
    seen: Arc<Mutex<Seen>>,
}

impl Platform {
    async fn start(script: Script) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
        let platform = Self { base, script, seen: Arc::default() };
        let router = Router::new()
            .route("/webhooks/twilio/{kind}", any(webhook))
            .route("/media/{token}", get(media))
            .with_state(platform.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        platform
    }

    fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    async fn until(&self, fits: impl Fn(&Seen) -> bool) {
        let deadline = tokio::time::Instant::now() + DEADLINE;
        while !fits(&self.seen()) {
            assert!(tokio::time::Instant::now() < deadline, "heard {:?}", self.seen().heard);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn webhook(State(platform): State<Platform>, headers: HeaderMap, request: Request) -> Response {
    let url = format!("http://{}{}", platform.base, request.uri());
    let is_status = request.uri().path().ends_with("/status");
    let recorded = request.uri().query() == Some("recorded=1");
    let body: Bytes = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&body).into_owned().collect();
    let good = headers["x-twilio-signature"] == sign(TOKEN, &url, &form).as_str();
    let mut seen = platform.seen.lock().unwrap();
    seen.bad_signatures += u32::from(!good);
    if is_status {
        seen.status.push(form);
        return "".into_response();
    }
    seen.voice.push(form);
    let base = &platform.base;
    let xml = match platform.script {
        Script::Document(_) if recorded => "<Response><Hangup/></Response>".to_owned(),
        Script::Document(document) => document.to_owned(),
        Script::Echo | Script::LongSpeech | Script::Wrong => {
            let query = if matches!(platform.script, Script::Wrong) { "?secret=1" } else { "" };
            format!(
                "<Response><Connect><Stream url=\"ws://{base}/media/token{query}\"><Parameter name=\"call\" value=\"c-1\"/>\
                 </Stream></Connect><Redirect method=\"POST\">/webhooks/twilio/voice?resume=1</Redirect></Response>"
            )
        }
    };
    ([("content-type", "text/xml; charset=utf-8")], xml).into_response()
}

async fn media(State(platform): State<Platform>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    let url = format!("ws://{}/media/token", platform.base);
    let good = headers["x-twilio-signature"] == sign(TOKEN, &url, &[]).as_str();
    platform.seen.lock().unwrap().bad_signatures += u32::from(!good);
    upgrade.on_upgrade(move |socket| serve(platform, socket))
}

async fn serve(platform: Platform, mut socket: WebSocket) {
    let mut ear = Decoder::new();
    let mut cleared = false;
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        let event: Value = serde_json::from_str(&text).unwrap();
        match event["event"].as_str().unwrap() {
            "start" => greet(&platform, &mut socket, event["streamSid"].as_str().unwrap()).await,
            "media" => {
                let words = ear.push(&STANDARD.decode(event["media"]["payload"].as_str().unwrap()).unwrap());
                let heard = &mut platform.seen.lock().unwrap().heard;
                for word in words {
                    if !heard.is_empty() {
                        heard.push(' ');
                    }
                    heard.push_str(&word.text);
                }
            }
            "mark" => {
                platform.seen.lock().unwrap().marks.push(event["mark"]["name"].as_str().unwrap().into())
            }
            _ => {}
        }
        let stop = matches!(platform.script, Script::LongSpeech) && !cleared && ear.in_word();
        if stop {
            cleared = true;
            send(&mut socket, json!({ "event": "clear", "streamSid": event["streamSid"] })).await;
        }
        platform.seen.lock().unwrap().events.push(event);
    }
}

async fn greet(platform: &Platform, socket: &mut WebSocket, sid: &str) {
    let pieces: &[(&str, &str)] = match platform.script {
        Script::Echo => &[("Hello there.", "greeting")],
        Script::LongSpeech => &[
            ("one", "one"),
            ("two", "two"),
            ("three is a much longer piece of speech", "three"),
            ("and so is number four", "four"),
        ],
        Script::Wrong => {
            socket.send(Message::Binary(Bytes::from_static(b"x"))).await.unwrap();
            send(socket, json!({ "event": "hello", "streamSid": sid })).await;
            send(socket, json!({ "event": "clear", "streamSid": "MZ0" })).await;
            &[]
        }
        Script::Document(_) => &[],
    };
    for (text, mark) in pieces {
        let payload = STANDARD.encode(speak(Speaker::High, text).mulaw());
        send(socket, json!({ "event": "media", "streamSid": sid, "media": { "payload": payload } })).await;
        send(socket, json!({ "event": "mark", "streamSid": sid, "mark": { "name": mark } })).await;
    }
}

async fn send(socket: &mut WebSocket, message: Value) {
    socket.send(Message::Text(message.to_string().into())).await.unwrap();
}

async fn twilio(platform: &Platform) -> Twilio {
    Twilio::start(Config::new(SID, TOKEN, &format!("http://{}", platform.base)).unwrap()).await.unwrap()
}

async fn complete(url: &str, token: &str) -> (u16, Value) {
    post(url, token, "Status=completed".into()).await
}

async fn post(url: &str, token: &str, body: String) -> (u16, Value) {
    let response = reqwest::Client::new()
        .post(url)
        .basic_auth(SID, Some(token))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
        .send()
        .await
        .unwrap();
    (response.status().as_u16(), serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
}

fn field<'a>(form: &'a [(String, String)], name: &str) -> &'a str {
    form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
}

/// Numbers, order and times of a stream's messages.
fn check_stream(events: &[Value]) {
    assert_eq!((&events[0]["event"], &events[1]["event"]), (&json!("connected"), &json!("start")));
    assert_eq!(events.last().unwrap()["event"], "stop");
    let sid = events[1]["streamSid"].as_str().unwrap();
    for (index, event) in events.iter().enumerate().skip(1) {
        assert_eq!(event["sequenceNumber"], index.to_string());
        assert_eq!(event["streamSid"], sid);
    }
    let media: Vec<&Value> = events.iter().filter(|event| event["event"] == "media").collect();
    for (index, event) in media.iter().enumerate() {
        assert_eq!(event["media"]["chunk"], (index + 1).to_string());
        assert_eq!(event["media"]["timestamp"], (index * 20).to_string());
    }
}

/// The forms of a URL that a verifier tries: without a port, and with the default one; a socket also with a slash.
fn candidates(url: &str) -> Vec<String> {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (authority, path) = rest.split_at(rest.find('/').unwrap());
    let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(user, host)| (user, host));
    let at = if user.is_empty() { "" } else { "@" };
    let bare = host.split(':').next().unwrap();
    let default = if matches!(scheme, "https" | "wss") { 443 } else { 80 };
    let mut urls = vec![url.to_owned()];
    for host in [bare.to_owned(), format!("{bare}:{default}")] {
        urls.push(format!("{scheme}://{user}{at}{host}{path}"));
    }
    if scheme == "wss" {
        urls.extend(urls.clone().iter().map(|url| format!("{url}/")));
    }
    urls
}

/// The type is what the end-to-end tests hold.
#[allow(dead_code, reason = "checked by the compiler only")]
fn a_call_can_be_sent_to_another_task(call: Call) -> impl Send {
    call
}
