//! A platform that answers calls, greets, and writes down what it is told.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::{Message as Frame, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carriers::Track;
use carriers::reorder::{Chunk, Settings, Window};
use carriers::telnyx::{Codec, Message, Session, encode_clear, encode_mark, encode_media};
use ed25519_dalek::{Signature, VerifyingKey};
use futures::StreamExt as _;
use serde_json::{Value, json};
use sim::telnyx::{Config, Telnyx};
use sim::voice::{Decoder, Speaker, speak};
use tokio::time::Instant;

pub const KEY: &str = "KEY_test";
pub const APP: &str = "1234567890";
pub const DEADLINE: Duration = Duration::from_secs(30);

/// What the platform does unasked.
#[derive(Clone, Debug)]
pub enum Script {
    /// Nothing: the test sends the commands.
    Wait,
    /// Answers with these fields and a stream, greets on it, and listens.
    Answer(Value),
    /// As above; talks in four pieces with a mark each, and clears when it hears a word.
    LongSpeech,
    /// As above; sends these frames instead of a greeting.
    Send(Vec<String>),
    /// A TeXML application with this first document; every other one hangs up. `MEDIA` is the address of the media
    /// socket.
    Texml(&'static str),
    /// Answers every webhook with this status for as many times, and does nothing.
    Refuse(u16, u32),
}

pub type Form = Vec<(String, String)>;

#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub webhooks: Vec<Value>,
    pub bad_signatures: u32,
    pub messages: Vec<Message>,
    pub heard: String,
    pub tokens: Vec<String>,
    /// The forms of TeXML, each with the last part of its path.
    pub forms: Vec<(String, Form)>,
    refused: u32,
}

#[derive(Clone, Debug)]
pub struct Platform {
    pub base: String,
    script: Script,
    seen: Arc<Mutex<Seen>>,
    carrier: Arc<OnceLock<(String, VerifyingKey)>>,
}

/// A platform and its carrier.
pub async fn set_up(script: Script) -> (Platform, Telnyx) {
    set_up_with(script, |_| {}).await
}

pub async fn set_up_with(script: Script, change: impl FnOnce(&mut Config)) -> (Platform, Telnyx) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
    let platform = Platform { base, script, seen: Arc::default(), carrier: Arc::default() };
    let router = Router::new()
        .route("/webhooks/telnyx/call", post(webhook))
        .route("/failover", post(webhook))
        .route("/texml/{kind}", post(texml))
        .route("/media", get(media))
        .with_state(platform.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut config = Config::new(KEY, APP, &format!("http://{}", platform.base)).unwrap();
    config.retries = vec![Duration::from_millis(20), Duration::from_millis(20)];
    change(&mut config);
    let telnyx = Telnyx::start(config).await.unwrap();
    let key: [u8; 32] = STANDARD.decode(telnyx.public_key()).unwrap().try_into().unwrap();
    let key = VerifyingKey::from_bytes(&key).unwrap();
    platform.carrier.set((telnyx.api_url(), key)).unwrap();
    (platform, telnyx)
}

impl Platform {
    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    pub async fn until(&self, fits: impl Fn(&Seen) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !fits(&self.seen()) {
            assert!(Instant::now() < deadline, "{:?} heard {:?}", self.events(), self.seen().heard);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The types of the events told, in order.
    pub fn events(&self) -> Vec<String> {
        let kind = |webhook: &Value| webhook["data"]["event_type"].as_str().unwrap().to_owned();
        self.seen().webhooks.iter().map(kind).collect()
    }

    /// Waits for an event of this type, and returns its payload.
    pub async fn told(&self, event: &str) -> Value {
        let is = |webhook: &Value| webhook["data"]["event_type"] == event;
        self.until(|seen| seen.webhooks.iter().any(is)).await;
        self.seen().webhooks.iter().find(|webhook| is(webhook)).unwrap()["data"]["payload"].clone()
    }

    pub fn stream_url(&self) -> String {
        format!("ws://{}/media?kept=1", self.base)
    }

    /// The fields that order a stream in rtp mode.
    pub fn stream(&self, codec: &str) -> Value {
        json!({
            "stream_url": self.stream_url(),
            "stream_codec": codec,
            "stream_bidirectional_mode": "rtp",
            "stream_bidirectional_codec": codec,
        })
    }

    /// Sends a command; the status and the body of the answer.
    pub async fn act(&self, call: &str, action: &str, body: Value) -> (u16, Value) {
        let call = call.replace(':', "%3A");
        let url = format!("{}/v2/calls/{call}/actions/{action}", self.api());
        request(reqwest::Client::new().post(url).bearer_auth(KEY), body).await.unwrap()
    }

    pub async fn dial(&self, to: &str, more: Value) -> (u16, Value) {
        self.try_dial(to, more).await.unwrap()
    }

    pub async fn try_dial(&self, to: &str, more: Value) -> reqwest::Result<(u16, Value)> {
        let mut body = json!({ "connection_id": APP, "from": "+12025550199", "to": to });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request(reqwest::Client::new().post(format!("{}/v2/calls", self.api())).bearer_auth(KEY), body).await
    }

    pub fn api(&self) -> &str {
        &self.carrier.get().unwrap().0
    }
}

pub async fn request(request: reqwest::RequestBuilder, body: Value) -> reqwest::Result<(u16, Value)> {
    let response = request.header("content-type", "application/json").body(body.to_string()).send().await?;
    let status = response.status().as_u16();
    Ok((status, serde_json::from_slice(&response.bytes().await?).unwrap_or_default()))
}

async fn webhook(State(platform): State<Platform>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let good = verify(&platform.carrier.get().unwrap().1, &headers, &body);
    let told: Value = serde_json::from_slice(&body).unwrap();
    {
        let mut seen = platform.seen.lock().unwrap();
        seen.bad_signatures += u32::from(!good);
        seen.webhooks.push(told.clone());
        if let Script::Refuse(status, times) = platform.script {
            seen.refused += 1;
            if seen.refused <= times {
                return StatusCode::from_u16(status).unwrap();
            }
        }
    }
    let data = &told["data"];
    let offered = data["event_type"] == "call.initiated" && data["payload"]["direction"] == "incoming";
    if offered && !matches!(platform.script, Script::Wait | Script::Refuse(..)) {
        let mut body = platform.stream("PCMU");
        if let Script::Answer(more) = &platform.script {
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        }
        let call = data["payload"]["call_control_id"].as_str().unwrap().to_owned();
        // Beside the answer: a webhook is acknowledged at once.
        tokio::spawn(async move { platform.act(&call, "answer", body).await });
    }
    StatusCode::OK
}

async fn texml(
    State(platform): State<Platform>,
    Path(kind): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> String {
    let good = verify(&platform.carrier.get().unwrap().1, &headers, &body);
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    let form = url::form_urlencoded::parse(&body).into_owned().collect();
    let mut seen = platform.seen.lock().unwrap();
    seen.bad_signatures += u32::from(!good);
    seen.forms.push((kind.clone(), form));
    match platform.script {
        Script::Texml(document) if kind == "voice" => document.replace("MEDIA", &platform.stream_url()),
        _ => "<Response><Hangup/></Response>".to_owned(),
    }
}

fn verify(key: &VerifyingKey, headers: &HeaderMap, body: &[u8]) -> bool {
    let timestamp = headers["telnyx-timestamp"].to_str().unwrap();
    let signature = STANDARD.decode(&headers["telnyx-signature-ed25519"]).unwrap();
    let message = [timestamp.as_bytes(), b"|", body].concat();
    let now = jiff::Timestamp::now().as_second();
    let fresh = timestamp.parse::<i64>().unwrap().abs_diff(now) <= 300;
    fresh && key.verify_strict(&message, &Signature::from_slice(&signature).unwrap()).is_ok()
}

async fn media(State(platform): State<Platform>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    if let Some(token) = headers.get("x-telnyx-streaming-auth-token") {
        platform.seen.lock().unwrap().tokens.push(token.to_str().unwrap().to_owned());
    }
    upgrade.on_upgrade(move |socket| serve(platform, socket))
}

async fn serve(platform: Platform, mut socket: WebSocket) {
    let mut session = Session::new();
    let mut window = Window::new(Settings::default());
    let mut ear = Decoder::new();
    let began = Instant::now();
    let mut cleared = false;
    while let Some(Ok(message)) = socket.next().await {
        let Frame::Text(text) = message else { continue };
        let message = session.handle(&text).unwrap();
        platform.seen.lock().unwrap().messages.push(message.clone());
        match message {
            Message::Start(_) => greet(&platform, &mut socket, session.codec().unwrap()).await,
            Message::Media { track: Track::Inbound, chunk, timestamp, payload } => {
                let _ = window.push(Chunk { number: chunk, timestamp, payload }, began.elapsed());
            }
            Message::Stop => window.close(),
            _ => {}
        }
        while let Some(chunk) = window.pop(began.elapsed()) {
            listen(&platform, &mut ear, &mulaw(session.codec().unwrap(), &chunk.payload));
        }
        if matches!(platform.script, Script::LongSpeech) && !cleared && ear.in_word() {
            cleared = true;
            send(&mut socket, encode_clear()).await;
        }
    }
}

fn listen(platform: &Platform, ear: &mut Decoder, audio: &[u8]) {
    for word in ear.push(audio) {
        let heard = &mut platform.seen.lock().unwrap().heard;
        if !heard.is_empty() {
            heard.push(' ');
        }
        heard.push_str(&word.text);
    }
}

async fn greet(platform: &Platform, socket: &mut WebSocket, codec: Codec) {
    let pieces: &[(&str, &str)] = match &platform.script {
        Script::LongSpeech => &[
            ("one", "one"),
            ("two", "two"),
            ("three is a much longer piece of speech", "three"),
            ("and so is number four", "four"),
        ],
        Script::Send(frames) => {
            for frame in frames {
                send(socket, frame.clone()).await;
            }
            &[]
        }
        _ => &[("Hello there.", "greeting")],
    };
    for (text, mark) in pieces {
        let speech = speak(Speaker::High, text).mulaw();
        let payload = if codec == Codec::Pcma { alaw(&speech) } else { speech };
        send(socket, encode_media(&payload)).await;
        send(socket, encode_mark(mark)).await;
    }
}

async fn send(socket: &mut WebSocket, text: String) {
    socket.send(Frame::Text(text.into())).await.unwrap();
}

fn mulaw(codec: Codec, bytes: &[u8]) -> Vec<u8> {
    let convert = |byte: &u8| audio::g711::ulaw_encode(audio::g711::alaw_decode(*byte));
    if codec == Codec::Pcma { bytes.iter().map(convert).collect() } else { bytes.to_vec() }
}

fn alaw(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| audio::g711::alaw_encode(audio::g711::ulaw_decode(*byte))).collect()
}

/// The marks that came back.
pub fn marks(seen: &Seen) -> Vec<String> {
    let name = |message: &Message| match message {
        Message::Mark { name } => Some(name.clone()),
        _ => None,
    };
    seen.messages.iter().filter_map(name).collect()
}
