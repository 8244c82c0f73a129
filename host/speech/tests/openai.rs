//! Chat, speech, transcription and embeddings against servers on real sockets.
#![cfg(test)]
#![allow(dead_code, reason = "each test file uses a part of the support module")]

mod support;

use std::io::Cursor;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use audio::g711;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures::channel::mpsc::{UnboundedSender, unbounded};
use serde_json::{Value, json};
use speech::openai::{Chat, Config, Embeddings, Speech, Transcription};
use speech::{
    ChatEvent, ChatMessage, ChatRequest, ChatStream, Embedder, Endpoint, FinishReason, Kind, LanguageModel,
    Purpose, Secret, SpeechToText, Stage, SttCommand, SttEvent, SttOptions, TextToSpeech, ToolCall,
    ToolDefinition, TtsCommand, TtsEvent, TtsOptions, gemini,
};
use support::{bored, impatient, soon, transport};
use tokio::sync::Notify;

const KEY: &str = "sk-secret-key";

#[tokio::test]
async fn a_conversation_with_tools_is_asked_as_the_api_wants_it_and_streamed_back() {
    let server = Server::start(|_, _| sse(&[
        r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"Let me "}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"content":"look. ☎"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c2","type":"function","function":{"name":"find","arguments":"{\"day\":1}"}}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13}}"#,
        "[DONE]",
    ])).await;
    let request = ChatRequest {
        messages: vec![
            ChatMessage::System("Be brief.".into()),
            ChatMessage::User("A table, please.".into()),
            ChatMessage::Assistant {
                content: String::new(),
                tool_calls: vec![ToolCall { id: "c1".into(), name: "find".into(), arguments: "{}".into() }],
            },
            ChatMessage::Tool { tool_call_id: "c1".into(), content: "none".into() },
        ],
        tools: vec![ToolDefinition {
            name: "find".into(),
            description: "Finds a table.".into(),
            parameters: json!({ "type": "object" }),
        }],
        temperature: Some(0.5),
        max_tokens: Some(200),
    };
    let mut stream = soon(server.chat().chat(request)).await.unwrap();
    let events = all(&mut stream).await;
    let expected = [
        ChatEvent::Delta("Let me ".into()),
        ChatEvent::Delta("look. ☎".into()),
        ChatEvent::ToolCall { id: "c2".into(), name: "find".into(), arguments: r#"{"day":1}"#.into() },
    ];
    assert_eq!(events[..3], expected);
    let ChatEvent::Finished { reason: FinishReason::ToolCalls, usage: Some(usage) } = &events[3] else {
        panic!("the end")
    };
    assert_eq!(usage.total_tokens, 13);

    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].path, "/v1/chat/completions");
    assert_eq!(seen[0].authorization, format!("Bearer {KEY}"));
    let body: Value = serde_json::from_slice(&seen[0].body).unwrap();
    let asked = json!({
        "model": "m", "stream": true, "stream_options": { "include_usage": true }, "temperature": 0.5, "max_tokens": 200,
        "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": "A table, please." },
            { "role": "assistant", "content": null, "tool_calls": [
                { "id": "c1", "type": "function", "function": { "name": "find", "arguments": "{}" } }] },
            { "role": "tool", "tool_call_id": "c1", "content": "none" },
        ],
        "tools": [{ "type": "function", "function": {
            "name": "find", "description": "Finds a table.", "parameters": { "type": "object" } } }],
    });
    assert_eq!(body, asked);
}

#[tokio::test]
async fn a_busy_server_is_tried_again_before_the_first_byte() {
    let server = Server::start(|number, _| match number {
        0 => refusal(
            429,
            &[("retry-after-ms", "5")],
            r#"{"error":{"message":"m","code":"rate_limit_exceeded"}}"#,
        ),
        1 => refusal(500, &[], "oops"),
        _ => sse(&[r#"{"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}"#, "[DONE]"]),
    })
    .await;
    let mut stream = soon(server.chat().chat(ChatRequest::default())).await.unwrap();
    assert_eq!(all(&mut stream).await.len(), 2);
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn refusals_that_will_not_change_are_not_tried_again() {
    let wrong_key = r#"{"error":{"message":"Incorrect API key provided: sk-secret-key","type":"t","code":"invalid_api_key"}}"#;
    type Case = (u16, &'static [(&'static str, &'static str)], &'static str, Kind, &'static str, usize);
    let cases: [Case; 5] = [
        (401, &[], wrong_key, Kind::Auth, "invalid_api_key", 1),
        (400, &[], "{}", Kind::Rejected, "400", 1),
        (503, &[("x-should-retry", "false")], "", Kind::Unavailable, "503", 1),
        (
            429,
            &[("retry-after", "60")],
            "",
            Kind::RateLimited { retry_after: Some(Duration::from_secs(60)) },
            "429",
            1,
        ),
        (502, &[], "", Kind::Unavailable, "502", 3),
    ];
    for (status, headers, body, kind, code, requests) in cases {
        let server = Server::start(move |_, _| refusal(status, headers, body)).await;
        let error = soon(server.chat().chat(ChatRequest::default())).await.unwrap_err();
        assert_eq!((error.kind(), error.code(), error.stage()), (&kind, Some(code), Stage::Open));
        assert!(!format!("{error} {error:?}").contains(KEY));
        assert_eq!(server.seen().len(), requests, "{status}");
    }
}

#[tokio::test]
async fn after_the_first_byte_nothing_is_tried_again() {
    for tail in [Tail::Ends, Tail::Breaks, Tail::Stalls] {
        let heard = Arc::new(Notify::new());
        let wait = heard.clone();
        let server = Server::start(move |_, _| {
            let first = r#"data: {"choices":[{"delta":{"content":"Hel"}}]}"#;
            tail_after(&format!("{first}\n\n"), tail, wait.clone())
        })
        .await;
        let transport = if matches!(tail, Tail::Stalls) { bored() } else { transport() };
        let chat = Chat::new(server.config(), transport);
        let mut stream = soon(chat.chat(ChatRequest::default())).await.unwrap();
        assert_eq!(soon(stream.events.recv()).await, Some(ChatEvent::Delta("Hel".into())));
        heard.notify_one();
        let events = all(&mut stream).await;
        let [ChatEvent::Failed(error)] = events.as_slice() else { panic!("{tail:?}: {events:?}") };
        let expected = if matches!(tail, Tail::Stalls) { Kind::Timeout } else { Kind::Unavailable };
        assert_eq!(error.kind(), &expected, "{tail:?}");
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_server_that_never_begins_to_answer_is_a_timeout() {
    let (address, _server) = support::listen(|_, stream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let chat = Chat::new(config(&format!("http://{address}")), impatient());
    let error = soon(chat.chat(ChatRequest::default())).await.unwrap_err();
    assert_eq!((error.kind(), error.stage()), (&Kind::Timeout, Stage::Open));
}

#[tokio::test]
async fn a_body_that_is_not_an_event_stream_is_a_protocol_error_or_an_incomplete_answer() {
    for body in ["<html>hello</html>", "data: {oops\n\n", "data: 7\n\n", "\u{0}\u{1}\n\n"] {
        let server = Server::start(move |_, _| body.into_response()).await;
        let mut stream = soon(server.chat().chat(ChatRequest::default())).await.unwrap();
        let events = all(&mut stream).await;
        assert!(matches!(events.as_slice(), [ChatEvent::Failed(_)]), "{body}: {events:?}");
    }
}

#[tokio::test]
async fn dropping_the_answer_hangs_up() {
    let (sender, body) = unbounded::<Result<Bytes, std::io::Error>>();
    let body = Mutex::new(Some(Body::from_stream(body)));
    let server = Server::start(move |_, _| body.lock().unwrap().take().unwrap().into_response()).await;
    let piece = Bytes::from_static(b"data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n");
    sender.unbounded_send(Ok(piece)).unwrap();
    let mut stream = soon(server.chat().chat(ChatRequest::default())).await.unwrap();
    assert_eq!(soon(stream.events.recv()).await, Some(ChatEvent::Delta("Hel".into())));
    drop(stream);
    soon(hung_up(&sender)).await;
}

#[tokio::test]
async fn speech_is_requested_text_by_text_and_comes_as_telephone_audio() {
    let server = Server::start(|number, _| {
        let samples = tone(if number == 0 { 4_800 } else { 2_400 });
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        // Cut inside samples.
        let pieces: Vec<Result<Bytes, std::io::Error>> =
            bytes.chunks(333).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        Body::from_stream(futures::stream::iter(pieces)).into_response()
    })
    .await;
    let speech = Speech::new(server.config(), "alloy", transport()).with_instructions("Calmly.");
    let mut session = soon(speech.open(TtsOptions::default())).await.unwrap();
    speak(&session.commands, "t1", "One. ", false).await;
    speak(&session.commands, "t1", "Two.", false).await;
    speak(&session.commands, "t1", "", true).await;
    let mut coded = Vec::new();
    loop {
        match soon(session.events.recv()).await.unwrap() {
            TtsEvent::Audio { context, payload } => {
                assert_eq!(context, "t1");
                coded.extend_from_slice(&payload);
            }
            TtsEvent::Done { context } => break assert_eq!(context, "t1"),
            other => panic!("{other:?}"),
        }
    }
    // 4800 and 2400 samples at 24 kHz, and half a filter after each.
    assert_eq!(coded.len(), 1_600 + 800 + 2 * 12);
    let mut linear = Vec::new();
    g711::ulaw_decode_into(&coded[100..1_500], &mut linear);
    let level = audio::level::rms(&linear);
    assert!((level - 0.2158).abs() < 0.01, "a 10000-high sine has an RMS of 0.2158, not {level}");

    let seen = server.seen();
    let bodies: Vec<Value> =
        seen.iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect();
    assert_eq!(seen[0].path, "/v1/audio/speech");
    let asked = |text: &str| json!({ "model": "m", "input": text, "voice": "alloy", "instructions": "Calmly.", "response_format": "pcm" });
    assert_eq!(bodies, [asked("One. "), asked("Two.")]);
}

#[tokio::test]
async fn a_cancelled_text_is_hung_up_on_and_the_next_is_spoken() {
    let (sender, body) = unbounded::<Result<Bytes, std::io::Error>>();
    let endless = Mutex::new(Some(Body::from_stream(body)));
    let server = Server::start(move |number, _| match number {
        0 => endless.lock().unwrap().take().unwrap().into_response(),
        _ => vec![0_u8; 480].into_response(),
    })
    .await;
    sender.unbounded_send(Ok(vec![0; 4_800].into())).unwrap();
    let speech = Speech::new(server.config(), "alloy", transport());
    let mut session = soon(speech.open(TtsOptions::default())).await.unwrap();
    speak(&session.commands, "old", "A long story.", false).await;
    speak(&session.commands, "old", "Without end.", true).await;
    let TtsEvent::Audio { context, .. } = soon(session.events.recv()).await.unwrap() else { panic!("audio") };
    assert_eq!(context, "old");
    soon(session.commands.send(TtsCommand::Cancel { context: "old".into() })).await.unwrap();
    speak(&session.commands, "old", "Late.", true).await;
    speak(&session.commands, "new", "Yes?", true).await;
    soon(hung_up(&sender)).await;
    loop {
        match soon(session.events.recv()).await.unwrap() {
            TtsEvent::Audio { context, .. } => assert_eq!(context, "new"),
            TtsEvent::Done { context } => break assert_eq!(context, "new"),
            other => panic!("{other:?}"),
        }
    }
    let texts: Vec<Value> = server
        .seen()
        .iter()
        .map(|request| serde_json::from_slice::<Value>(&request.body).unwrap()["input"].clone())
        .collect();
    assert_eq!(texts, ["A long story.", "Yes?"]);
}

#[tokio::test]
async fn a_refused_text_fails_its_context_and_not_the_next() {
    let server = Server::start(|number, _| match number {
        0 => refusal(400, &[], r#"{"error":{"code":"content_policy"}}"#),
        _ => vec![0_u8; 480].into_response(),
    })
    .await;
    let speech = Speech::new(server.config(), "alloy", transport());
    let mut session = soon(speech.open(TtsOptions::default())).await.unwrap();
    speak(&session.commands, "a", "One.", false).await;
    speak(&session.commands, "a", "Two.", true).await;
    speak(&session.commands, "b", "Three.", true).await;
    let TtsEvent::Failed { context, error } = soon(session.events.recv()).await.unwrap() else {
        panic!("a failure")
    };
    assert_eq!((context.as_deref(), error.code()), (Some("a"), Some("content_policy")));
    let TtsEvent::Audio { context, .. } = soon(session.events.recv()).await.unwrap() else { panic!("audio") };
    assert_eq!(context, "b");
}

#[tokio::test]
async fn what_was_said_until_the_finalize_is_sent_as_a_wave_file() {
    let server = Server::start(|_, _| r#"{"text":" Hello there. "}"#.into_response()).await;
    let recogniser = Transcription::new(server.config(), transport());
    let options = SttOptions {
        language: Some("en-GB".into()),
        keyterms: vec!["VoiceHive".into()],
        ..SttOptions::default()
    };
    let mut session = soon(recogniser.open(options)).await.unwrap();
    hear(&session.commands, &vec![0; 40_000]).await;
    let spoken = syllables(16_000);
    hear(&session.commands, &spoken).await;
    assert_eq!(soon(session.events.recv()).await, Some(SttEvent::SpeechStarted));
    soon(session.commands.send(SttCommand::Finalize)).await.unwrap();
    let SttEvent::Final { text, speech_final: true, from_finalize: true, .. } =
        soon(session.events.recv()).await.unwrap()
    else {
        panic!("a final")
    };
    assert_eq!(text, "Hello there.");

    let seen = server.seen();
    assert_eq!((seen.len(), seen[0].path.as_str()), (1, "/v1/audio/transcriptions"));
    for field in [
        "name=\"model\"\r\n\r\nm\r\n",
        "name=\"language\"\r\n\r\nen\r\n",
        "name=\"prompt\"\r\n\r\nVoiceHive\r\n",
    ] {
        assert!(find(&seen[0].body, field.as_bytes()).is_some(), "{field}");
    }
    let begin = find(&seen[0].body, b"RIFF").unwrap();
    let mut wave = hound::WavReader::new(Cursor::new(&seen[0].body[begin..])).unwrap();
    assert_eq!((wave.spec().sample_rate, wave.spec().channels, wave.spec().bits_per_sample), (8_000, 1, 16));
    let sent: Vec<i16> = wave.samples::<i16>().map(Result::unwrap).collect();
    let lead = sent.len() - spoken.len();
    assert!((4_000..10_000).contains(&lead), "some silence before the speech, not all of it: {lead} samples");
    assert_eq!(sent[lead..], spoken);
}

#[tokio::test]
async fn a_finalize_after_silence_is_answered_without_a_request() {
    let server = Server::start(|_, _| "unexpected".into_response()).await;
    let recogniser = Transcription::new(server.config(), transport());
    let mut session = soon(recogniser.open(SttOptions::default())).await.unwrap();
    hear(&session.commands, &vec![0; 16_000]).await;
    soon(session.commands.send(SttCommand::Finalize)).await.unwrap();
    let answer = soon(session.events.recv()).await;
    assert!(matches!(answer, Some(SttEvent::Final { text, from_finalize: true, .. }) if text.is_empty()));
    soon(session.commands.send(SttCommand::Close)).await.unwrap();
    assert_eq!(soon(session.events.recv()).await, Some(SttEvent::Closed));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_recogniser_that_refuses_fails_the_stream() {
    let server = Server::start(|_, _| refusal(401, &[], "{}")).await;
    let recogniser = Transcription::new(server.config(), transport());
    let mut session = soon(recogniser.open(SttOptions::default())).await.unwrap();
    hear(&session.commands, &syllables(16_000)).await;
    soon(session.commands.send(SttCommand::Close)).await.unwrap();
    assert_eq!(soon(session.events.recv()).await, Some(SttEvent::SpeechStarted));
    let Some(SttEvent::Failed(error)) = soon(session.events.recv()).await else { panic!("a failure") };
    assert_eq!(error.kind(), &Kind::Auth);
}

#[tokio::test]
async fn embeddings_come_in_the_order_of_the_texts_and_with_unit_length() {
    let server = Server::start(|_, _| {
        r#"{"data":[{"index":1,"embedding":[0.0,2.0]},{"index":0,"embedding":[3.0,4.0]}]}"#.into_response()
    })
    .await;
    let embedder = Embeddings::new(server.config(), 2, transport());
    let vectors = soon(embedder.embed(vec!["a".into(), "b".into()], Purpose::Query)).await.unwrap();
    assert_eq!(vectors, [[0.6, 0.8], [0.0, 1.0]]);
    let body: Value = serde_json::from_slice(&server.seen()[0].body).unwrap();
    assert_eq!((&body["input"], &body["dimensions"]), (&json!(["a", "b"]), &json!(2)));

    let error = soon(embedder.embed(vec!["a".into()], Purpose::Query)).await.unwrap_err();
    assert_eq!(error.code(), Some("wrong_number_of_vectors"));
    let longer = Embeddings::new(server.config(), 3, transport());
    let error = soon(longer.embed(vec!["a".into(), "b".into()], Purpose::Query)).await.unwrap_err();
    assert_eq!(error.code(), Some("wrong_dimensions"));
}

#[tokio::test]
async fn gemini_gets_the_model_in_every_inner_request_and_its_vectors_are_normalised() {
    let server =
        Server::start(|_, _| r#"{"embeddings":[{"values":[0.0,0.0]},{"values":[3.0,4.0]}]}"#.into_response())
            .await;
    let mut config = gemini::Config::new(Secret::new(KEY)).unwrap();
    config.endpoint = Endpoint::parse(&server.base).unwrap();
    config.dimensions = 2;
    let embedder = gemini::Gemini::new(config, transport());
    let vectors = soon(embedder.embed(vec!["a".into(), "b".into()], Purpose::Document)).await.unwrap();
    assert_eq!(vectors, [[0.0, 0.0], [0.6, 0.8]]);
    let seen = server.seen();
    assert_eq!(seen[0].path, "/v1beta/models/gemini-embedding-001:batchEmbedContents");
    assert_eq!(seen[0].google_key, KEY);
    let body: Value = serde_json::from_slice(&seen[0].body).unwrap();
    for request in body["requests"].as_array().unwrap() {
        assert_eq!(request["model"], "models/gemini-embedding-001");
        assert_eq!(
            (&request["taskType"], &request["outputDimensionality"]),
            (&json!("RETRIEVAL_DOCUMENT"), &json!(2))
        );
    }
}

#[derive(Clone, Copy, Debug)]
enum Tail {
    Ends,
    Breaks,
    Stalls,
}

fn tail_after(first: &str, tail: Tail, heard: Arc<Notify>) -> Response {
    let first = futures::stream::iter([Ok(Bytes::copy_from_slice(first.as_bytes()))]);
    let rest = futures::stream::once(async move {
        heard.notified().await;
        match tail {
            Tail::Ends => Ok(Bytes::new()),
            Tail::Breaks => Err(std::io::Error::other("broken")),
            Tail::Stalls => std::future::pending().await,
        }
    });
    Body::from_stream(futures::StreamExt::chain(first, rest)).into_response()
}

struct Seen {
    path: String,
    authorization: String,
    google_key: String,
    body: Bytes,
}

type Answer = Arc<dyn Fn(usize, &Bytes) -> Response + Send + Sync>;

/// An HTTP server that keeps what it was asked.
#[derive(Clone)]
struct Server {
    base: String,
    answer: Answer,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    async fn start(answer: impl Fn(usize, &Bytes) -> Response + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let server = Self {
            base: format!("http://{address}"),
            answer: Arc::new(answer),
            seen: Arc::new(Mutex::new(Vec::new())),
        };
        let router = Router::new().fallback(serve).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        server
    }

    fn config(&self) -> Config {
        config(&self.base)
    }

    fn chat(&self) -> Chat {
        Chat::new(self.config(), transport())
    }

    fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

async fn serve(State(server): State<Server>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    let number = {
        let mut seen = server.seen.lock().unwrap();
        seen.push(Seen {
            path: uri.path().to_owned(),
            authorization: header("authorization"),
            google_key: header("x-goog-api-key"),
            body: body.clone(),
        });
        seen.len() - 1
    };
    (server.answer)(number, &body)
}

fn config(base: &str) -> Config {
    let endpoint = Endpoint::parse(base).unwrap();
    Config { endpoint, api_key: Some(Secret::new(KEY)), model: "m".into() }
}

fn refusal(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let mut response = (StatusCode::from_u16(status).unwrap(), body.to_owned()).into_response();
    for (name, value) in headers {
        let name = axum::http::HeaderName::from_bytes(name.as_bytes()).unwrap();
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

fn sse(events: &[&str]) -> Response {
    let body: String = events.iter().map(|event| format!("data: {event}\r\n\r\n")).collect();
    let pieces: Vec<Result<Bytes, std::io::Error>> =
        body.as_bytes().chunks(11).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    Body::from_stream(futures::stream::iter(pieces)).into_response()
}

async fn all(stream: &mut ChatStream) -> Vec<ChatEvent> {
    let mut events = Vec::new();
    while let Some(event) = soon(stream.events.recv()).await {
        events.push(event);
    }
    events
}

/// The server drops the body when the client is gone, and looks whether it is whenever it writes.
async fn hung_up(body: &UnboundedSender<Result<Bytes, std::io::Error>>) {
    while body.unbounded_send(Ok(Bytes::from_static(b": still there\n"))).is_ok() {
        tokio::task::yield_now().await;
    }
}

async fn speak(commands: &tokio::sync::mpsc::Sender<TtsCommand>, context: &str, text: &str, last: bool) {
    let command = TtsCommand::Speak { context: context.into(), text: text.into(), last };
    soon(commands.send(command)).await.unwrap();
}

async fn hear(commands: &tokio::sync::mpsc::Sender<SttCommand>, samples: &[i16]) {
    for frame in samples.chunks(160) {
        let mut coded = Vec::new();
        g711::ulaw_encode_into(frame, &mut coded);
        soon(commands.send(SttCommand::Audio(coded.into()))).await.unwrap();
    }
}

fn tone(samples: usize) -> Vec<i16> {
    (0..samples)
        .map(|n| (10_000.0 * (std::f64::consts::TAU * 500.0 * n as f64 / 24_000.0).sin()) as i16)
        .collect()
}

/// Vowel-like sound in syllables, rounded to what mu-law can carry.
fn syllables(samples: usize) -> Vec<i16> {
    let formants = [(650.0_f64, 80.0_f64), (1_150.0, 100.0), (2_450.0, 140.0)];
    let mut states = [[0.0_f64; 2]; 3];
    let mut phase = 0.0_f64;
    (0..samples)
        .map(|n| {
            let seconds = n as f64 / 8_000.0;
            phase += (120.0 + 18.0 * (std::f64::consts::TAU * 2.0 * seconds).sin()) / 8_000.0;
            let pulse = if phase >= 1.0 { 8.0 } else { 0.0 };
            phase -= phase.floor();
            let mut sum = 0.0;
            for ((frequency, bandwidth), state) in formants.iter().zip(&mut states) {
                let radius = (-std::f64::consts::PI * bandwidth / 8_000.0).exp();
                let angle = std::f64::consts::TAU * frequency / 8_000.0;
                let output = (1.0 - radius) * pulse + 2.0 * radius * angle.cos() * state[0]
                    - radius * radius * state[1];
                *state = [output, state[0]];
                sum += output;
            }
            let envelope = (std::f64::consts::PI * 5.0 * seconds).sin().powi(2);
            g711::ulaw_decode(g711::ulaw_encode((sum * envelope * 9_000.0) as i16))
        })
        .collect()
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes.windows(pattern.len()).position(|window| window == pattern)
}
