//! The simulated vendors keep to their protocols, and fail as they are told to.
#![cfg(test)]

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use sim::faults::Faults;
use sim::vendors::{KEY, cartesia, deepgram, openai};
use sim::voice::{Decoder, Speaker, speak, speak_at};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const DEADLINE: Duration = Duration::from_secs(20);
const LISTEN: &str = "/v1/listen?model=nova-3&encoding=mulaw&sample_rate=8000&interim_results=true\
    &endpointing=300&utterance_end_ms=1000&vad_events=true&smart_format=true";

#[tokio::test]
async fn the_recogniser_hears_what_was_said_and_where_it_ended() {
    let vendor = deepgram::start(deepgram::Config::default(), Faults::default()).await.unwrap();
    let mut socket =
        connect(&vendor.ws_url(), LISTEN, &[("authorization", &format!("Token {KEY}"))]).await.unwrap();
    let said = speak(Speaker::Low, "Hello, I need help.");
    send_audio(&mut socket, &[vec![0xFF; 800], said.mulaw(), vec![0xFF; 16_000]].concat()).await;
    socket.send(Message::text(r#"{"type":"CloseStream"}"#)).await.unwrap();
    let (messages, code) = collect(&mut socket).await;
    assert_eq!(code, Some(CloseCode::Normal));

    let interims: Vec<&str> = messages.iter().filter(|m| m["is_final"] == false).map(transcript).collect();
    assert_eq!(interims, ["Hello,", "Hello, I", "Hello, I need", "Hello, I need help."]);
    let ended = messages.iter().find(|m| m["speech_final"] == true).unwrap();
    assert_eq!((transcript(ended), &ended["is_final"]), ("Hello, I need help.", &json!(true)));
    let words = ended["channel"]["alternatives"][0]["words"].as_array().unwrap();
    for (word, span) in words.iter().zip(&said.words) {
        let start = (span.start + 800) as f64 / 8000.0;
        assert!((word["start"].as_f64().unwrap() - start).abs() < 0.01, "{word}");
    }
    assert_eq!(
        (words[0]["word"].as_str(), words[0]["punctuated_word"].as_str()),
        (Some("hello"), Some("Hello,"))
    );
    let types: Vec<&str> = messages.iter().map(|m| m["type"].as_str().unwrap()).collect();
    assert_eq!(types.first(), Some(&"SpeechStarted"));
    assert_eq!(types.iter().filter(|kind| **kind == "UtteranceEnd").count(), 1);
    assert_eq!(types.last(), Some(&"Metadata"));
    assert_eq!(vendor.counters().work(), 4);
}

#[tokio::test]
async fn finalize_gives_what_is_there_at_once() {
    let vendor = deepgram::start(deepgram::Config::default(), Faults::default()).await.unwrap();
    let mut socket =
        connect(&vendor.ws_url(), LISTEN, &[("authorization", &format!("Token {KEY}"))]).await.unwrap();
    send_audio(&mut socket, &[speak(Speaker::High, "one two").mulaw(), vec![0xFF; 400]].concat()).await;
    socket.send(Message::text(r#"{"type":"Finalize"}"#)).await.unwrap();
    let result = loop {
        let message = next(&mut socket).await;
        if message["is_final"] == true {
            break message;
        }
    };
    assert_eq!((transcript(&result), &result["from_finalize"]), ("one two", &json!(true)));
}

#[tokio::test]
async fn a_wrong_key_and_a_wrong_query_are_refused_with_a_reason() {
    let vendor = deepgram::start(deepgram::Config::default(), Faults::default()).await.unwrap();
    let refused = connect(&vendor.ws_url(), LISTEN, &[("authorization", "Token wrong")]).await.unwrap_err();
    assert_eq!(refused.status(), 401);
    assert!(refused.headers().contains_key("dg-request-id"));
    let body: Value = serde_json::from_slice(refused.body().as_deref().unwrap()).unwrap();
    assert_eq!(body["err_code"], "INVALID_AUTH");
    let key = format!("Token {KEY}");
    let refused =
        connect(&vendor.ws_url(), "/v1/listen?model=x", &[("authorization", &key)]).await.unwrap_err();
    assert_eq!(refused.status(), 400);
    assert_eq!(vendor.counters().refused(), 2);
}

#[tokio::test]
async fn a_silent_client_is_cut_off_after_ten_seconds() {
    let vendor = deepgram::start(deepgram::Config::default(), Faults::default()).await.unwrap();
    let mut socket =
        connect(&vendor.ws_url(), LISTEN, &[("authorization", &format!("Token {KEY}"))]).await.unwrap();
    let (messages, code) = collect(&mut socket).await;
    assert_eq!((messages.len(), code), (0, Some(CloseCode::Error)));
}

#[tokio::test]
async fn a_kill_drops_open_sockets_without_a_word_and_refuses_new_ones() {
    let vendor = deepgram::start(deepgram::Config::default(), Faults::default()).await.unwrap();
    let key = format!("Token {KEY}");
    let mut socket = connect(&vendor.ws_url(), LISTEN, &[("authorization", &key)]).await.unwrap();
    vendor.kill();
    let (_, code) = collect(&mut socket).await;
    assert_eq!(code, None);
    let addr = vendor.addr();
    vendor.shutdown().await;
    assert!(TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn the_synthesiser_streams_audio_words_and_an_end() {
    let vendor = cartesia::start(cartesia::Config::default(), Faults::default()).await.unwrap();
    let mut socket = connect_cartesia(&vendor.ws_url()).await.unwrap();
    for (text, more) in [("Good mor", true), ("ning. How ", true), ("are you?", false)] {
        socket.send(Message::text(speak_request("c1", text, more).to_string())).await.unwrap();
    }
    let (audio, words) = listen_to(&mut socket, "c1").await;
    let mut decoder = Decoder::new();
    let mut heard = decoder.push(&audio);
    heard.extend(decoder.finish());
    let texts: Vec<&str> = heard.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(texts, ["Good", "morning.", "How", "are", "you?"]);
    assert!(heard.iter().all(|word| word.is_intact()));
    for (word, (text, start, end)) in heard.iter().zip(&words) {
        assert_eq!(&word.text, text);
        assert!((word.start as f64 / 8000.0 - start).abs() < 0.003, "{text} at {start}");
        assert!((word.end as f64 / 8000.0 - end).abs() < 0.01, "{text} until {end}");
    }
}

#[tokio::test]
async fn text_that_ends_in_the_middle_waits_for_more() {
    let vendor = cartesia::start(cartesia::Config::default(), Faults::default()).await.unwrap();
    let mut socket = connect_cartesia(&vendor.ws_url()).await.unwrap();
    let mut request = speak_request("c1", "one moment", true);
    request["max_buffer_delay_ms"] = json!(400);
    let began = Instant::now();
    socket.send(Message::text(request.to_string())).await.unwrap();
    let first = next(&mut socket).await;
    assert_eq!(first["type"], "chunk");
    assert!(began.elapsed() >= Duration::from_millis(400));
}

#[tokio::test]
async fn cancel_stops_what_has_not_begun_and_lets_the_rest_finish() {
    let vendor = cartesia::start(cartesia::Config::default(), Faults::default()).await.unwrap();
    let mut socket = connect_cartesia(&vendor.ws_url()).await.unwrap();
    for text in ["This is being made. ", "This is not."] {
        socket.send(Message::text(speak_request("c1", text, true).to_string())).await.unwrap();
    }
    assert_eq!(next(&mut socket).await["type"], "chunk");
    socket.send(Message::text(r#"{"context_id":"c1","cancel":true}"#)).await.unwrap();
    let (_, words) = listen_to(&mut socket, "c1").await;
    let texts: Vec<&str> = words.iter().map(|(text, _, _)| text.as_str()).collect();
    assert_eq!(texts.join(" "), "This is being made.");
    socket.send(Message::text(speak_request("c1", "Again.", false).to_string())).await.unwrap();
    let error = next(&mut socket).await;
    assert_eq!((error["type"].as_str(), error["context_id"].as_str()), (Some("error"), Some("c1")));
}

#[tokio::test]
async fn mistakes_in_requests_are_errors_of_their_context() {
    let vendor = cartesia::start(cartesia::Config::default(), Faults::default()).await.unwrap();
    let mut socket = connect_cartesia(&vendor.ws_url()).await.unwrap();
    let mut request = speak_request("c1", "x", true);
    request["output_format"]["encoding"] = json!("mp3");
    socket.send(Message::text(request.to_string())).await.unwrap();
    let error = next(&mut socket).await;
    assert!(error["message"].as_str().unwrap().contains("mp3"));
    assert_eq!(error["status_code"], 400);
    socket.send(Message::text("{}")).await.unwrap();
    assert!(next(&mut socket).await["message"].as_str().unwrap().contains("model_id"));
    let refused = connect(&vendor.ws_url(), "/tts/websocket", &[("x-api-key", KEY)]).await.unwrap_err();
    assert_eq!(refused.status(), 400);
    let refused = connect(&vendor.ws_url(), "/tts/websocket", &[("x-api-key", "wrong")]).await.unwrap_err();
    assert_eq!(refused.status(), 401);
}

#[tokio::test]
async fn faults_strike_streams_when_they_are_told_to() {
    let closing = Faults { close_after: Some(Duration::from_millis(200)), ..Faults::default() };
    let vendor = cartesia::start(cartesia::Config::default(), closing).await.unwrap();
    let mut socket = connect_cartesia(&vendor.ws_url()).await.unwrap();
    assert_eq!(collect(&mut socket).await.1, None);

    vendor.set_faults(Faults { refuse: Some(503), ..Faults::default() });
    assert_eq!(connect_cartesia(&vendor.ws_url()).await.unwrap_err().status(), 503);

    vendor.set_faults(Faults { first_byte_delay: Duration::from_millis(700), ..Faults::default() });
    let mut socket = connect_cartesia(&vendor.ws_url()).await.unwrap();
    let began = Instant::now();
    socket.send(Message::text(speak_request("c1", "Late.", false).to_string())).await.unwrap();
    next(&mut socket).await;
    assert!(began.elapsed() >= Duration::from_millis(700));

    vendor.set_faults(Faults { stall_after: Some(Duration::ZERO), ..Faults::default() });
    let mut socket = connect_cartesia(&vendor.ws_url()).await.unwrap();
    socket.send(Message::text(speak_request("c1", "Never.", false).to_string())).await.unwrap();
    assert!(timeout(Duration::from_millis(600), socket.next()).await.is_err());
}

#[tokio::test]
async fn the_model_streams_tokens_usage_and_an_end() {
    let vendor = openai::start(openai::Config::default(), Faults::default()).await.unwrap();
    let request = json!({ "model": openai::MODEL, "stream": true, "stream_options": { "include_usage": true },
        "messages": [{ "role": "user", "content": "Hello" }] });
    let response = post(&vendor.http_url(), "/v1/chat/completions", KEY, &request).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    let body = response.text().await.unwrap();
    let mut events: Vec<&str> = body.split("\n\n").filter(|event| !event.is_empty()).collect();
    assert_eq!(events.pop(), Some("data: [DONE]"));
    let chunks: Vec<Value> =
        events.iter().map(|e| serde_json::from_str(e.strip_prefix("data: ").unwrap()).unwrap()).collect();
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let text: String = chunks.iter().filter_map(|c| c["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, "Hello, how can I help you?");
    let last = chunks.last().unwrap();
    assert_eq!((&last["choices"], last["usage"]["total_tokens"].is_u64()), (&json!([]), true));
    assert_eq!(chunks[chunks.len() - 2]["choices"][0]["finish_reason"], "stop");
    assert!(chunks[0]["obfuscation"].is_string());
}

#[tokio::test]
async fn tool_calls_come_in_pieces_that_join_to_json() {
    let vendor = openai::start(openai::Config::default(), Faults::default()).await.unwrap();
    let tool = json!({ "type": "function", "function": { "name": "appointments", "parameters": { "type": "object",
        "properties": { "action": { "type": "string", "enum": ["list", "book"] } } } } });
    let mut request = json!({ "model": openai::MODEL, "stream": true, "tools": [tool],
        "messages": [{ "role": "user", "content": "I want an appointment" }] });
    let body = post(&vendor.http_url(), "/v1/chat/completions", KEY, &request).await.text().await.unwrap();
    let chunks: Vec<Value> = body
        .split("\n\n")
        .filter_map(|event| serde_json::from_str(event.strip_prefix("data: ")?).ok())
        .collect();
    let calls: Vec<&Value> =
        chunks.iter().map(|c| &c["choices"][0]["delta"]["tool_calls"][0]).filter(|c| !c.is_null()).collect();
    assert_eq!(calls[0]["function"]["name"], "appointments");
    assert!(calls.len() > 3 && calls[1..].iter().all(|call| call["id"].is_null()));
    let arguments: String = calls.iter().filter_map(|call| call["function"]["arguments"].as_str()).collect();
    assert_eq!(serde_json::from_str::<Value>(&arguments).unwrap(), json!({ "action": "list" }));

    request["stream"] = json!(false);
    let whole: Value = read(post(&vendor.http_url(), "/v1/chat/completions", KEY, &request).await).await;
    assert_eq!(whole["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(
        whole["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"],
        r#"{"action":"list"}"#
    );
}

#[tokio::test]
async fn openai_errors_are_worded_as_the_service_words_them() {
    let vendor = openai::start(openai::Config::default(), Faults::default()).await.unwrap();
    let request = json!({ "model": "gpt-0", "messages": [{ "role": "user", "content": "x" }] });
    let refused = post(&vendor.http_url(), "/v1/chat/completions", "wrong", &request).await;
    assert_eq!(refused.status(), 401);
    assert_eq!(read(refused).await["error"]["code"], "invalid_api_key");
    let refused = post(&vendor.http_url(), "/v1/chat/completions", KEY, &request).await;
    assert_eq!(refused.status(), 404);
    assert_eq!(read(refused).await["error"]["code"], "model_not_found");
}

#[tokio::test]
async fn what_the_speech_interface_says_the_transcription_interface_hears() {
    let vendor = openai::start(openai::Config::default(), Faults::default()).await.unwrap();
    let request =
        json!({ "model": "tts", "input": "The words survive.", "voice": "nova", "response_format": "wav" });
    let wav = post(&vendor.http_url(), "/v1/audio/speech", KEY, &request).await.bytes().await.unwrap();
    let boundary = "boundary7";
    let mut body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--{boundary}\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n"
    )
    .into_bytes();
    body.extend(&wav);
    body.extend(format!("\r\n--{boundary}--\r\n").as_bytes());
    let response = client()
        .post(format!("{}/v1/audio/transcriptions", vendor.http_url()))
        .bearer_auth(KEY)
        .header("content-type", format!("multipart/form-data; boundary={boundary}"))
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(read(response).await["text"], "The words survive.");

    let request = json!({ "model": "tts", "input": "Raw.", "voice": "onyx", "response_format": "pcm" });
    let pcm = post(&vendor.http_url(), "/v1/audio/speech", KEY, &request).await.bytes().await.unwrap();
    let expected = speak_at(Speaker::Low, "Raw.", 3).samples;
    assert_eq!(pcm.len(), expected.len() * 2);
}

fn client() -> reqwest::Client {
    let _installed = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

async fn post(base: &str, path: &str, key: &str, body: &Value) -> reqwest::Response {
    client().post(format!("{base}{path}")).bearer_auth(key).json(body).send().await.unwrap()
}

async fn read(response: reqwest::Response) -> Value {
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

async fn connect(
    base: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<Socket, Box<http::Response<Option<Vec<u8>>>>> {
    let mut request = format!("{base}{path}").into_client_request().unwrap();
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    match connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response),
        Err(error) => panic!("{error}"),
    }
}

async fn connect_cartesia(base: &str) -> Result<Socket, Box<http::Response<Option<Vec<u8>>>>> {
    connect(base, "/tts/websocket", &[("x-api-key", KEY), ("cartesia-version", "2026-03-01")]).await
}

fn speak_request(context: &str, text: &str, more: bool) -> Value {
    json!({ "model_id": "sonic-3", "transcript": text, "voice": { "mode": "id", "id": cartesia::VOICE },
        "language": "en", "context_id": context, "continue": more, "add_timestamps": true,
        "output_format": { "container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8000 } })
}

/// The audio and the timed words of a context, up to its end.
async fn listen_to(socket: &mut Socket, context: &str) -> (Vec<u8>, Vec<(String, f64, f64)>) {
    let (mut audio, mut words) = (Vec::new(), Vec::new());
    loop {
        let message = next(socket).await;
        assert_eq!(message["context_id"], context);
        match message["type"].as_str().unwrap() {
            "chunk" => audio.extend(STANDARD.decode(message["data"].as_str().unwrap()).unwrap()),
            "timestamps" => {
                let times = &message["word_timestamps"];
                for (index, word) in times["words"].as_array().unwrap().iter().enumerate() {
                    let at = |name: &str| times[name][index].as_f64().unwrap();
                    words.push((word.as_str().unwrap().to_owned(), at("start"), at("end")));
                }
            }
            "done" => return (audio, words),
            other => panic!("{other}: {message}"),
        }
    }
}

async fn send_audio(socket: &mut Socket, mulaw: &[u8]) {
    for frame in mulaw.chunks(160) {
        socket.send(Message::binary(frame.to_vec())).await.unwrap();
    }
}

fn transcript(message: &Value) -> &str {
    message["channel"]["alternatives"][0]["transcript"].as_str().unwrap()
}

async fn next(socket: &mut Socket) -> Value {
    let message = timeout(DEADLINE, socket.next()).await.expect("in time").expect("open").expect("sound");
    serde_json::from_str(message.to_text().unwrap()).unwrap()
}

/// All JSON messages up to the end, and the close code, where the other side said one.
async fn collect(socket: &mut Socket) -> (Vec<Value>, Option<CloseCode>) {
    let mut messages = Vec::new();
    loop {
        match timeout(DEADLINE, socket.next()).await.expect("in time") {
            Some(Ok(Message::Text(text))) => messages.push(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Close(frame))) => return (messages, frame.map(|frame| frame.code)),
            Some(Ok(_)) => {}
            None | Some(Err(_)) => return (messages, None),
        }
    }
}
