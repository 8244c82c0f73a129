//! The platform of the tests: documents by path, and everything that was asked of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::Value;
use sim::carrier::{Config, Twilio, sign};
use sim::voice::{Decoder, Speaker, speak};
use tokio::sync::watch;

pub const SID: &str = "AC0123456789abcdef0123456789abcdef";
pub const TOKEN: &str = "a token";
pub const DEADLINE: Duration = Duration::from_secs(30);

/// The platform's number, and a person's.
pub const US: &str = "+15550002222";
pub const THEM: &str = "+15550001111";

pub type Form = Vec<(String, String)>;

#[derive(Clone)]
pub struct Platform {
    pub base: String,
    documents: Arc<Mutex<BTreeMap<String, String>>>,
    seen: Arc<Mutex<Vec<(String, Form)>>>,
    changes: watch::Sender<()>,
}

impl Platform {
    /// A platform and its carrier.
    pub async fn start() -> (Self, Twilio) {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(adapt: impl FnOnce(&mut Config)) -> (Self, Twilio) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let platform =
            Self { base, documents: Arc::default(), seen: Arc::default(), changes: watch::Sender::new(()) };
        let router =
            Router::new().route("/socket", get(socket)).fallback(answer).with_state(platform.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut config = Config::new(SID, TOKEN, &platform.base).unwrap();
        adapt(&mut config);
        (platform, Twilio::start(config).await.unwrap())
    }

    /// From now on this is what is at a path, in a `Response`.
    pub fn answer(&self, path: &str, verbs: &str) {
        let xml = format!("<Response>{verbs}</Response>");
        self.documents.lock().unwrap().insert(path.into(), xml);
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The forms that came to a path.
    pub fn seen(&self, path: &str) -> Vec<Form> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|(at, _)| at == path).map(|(_, form)| form.clone()).collect()
    }

    /// One field of all forms that came to a path.
    pub fn fields(&self, path: &str, name: &str) -> Vec<String> {
        self.seen(path).iter().map(|form| field(form, name).to_owned()).collect()
    }

    /// Waits until so many forms came to a path; the last of them.
    pub async fn until(&self, path: &str, count: usize) -> Form {
        let mut changes = self.changes.subscribe();
        let waiting = async {
            loop {
                if let Some(form) = self.seen(path).get(count - 1) {
                    return form.clone();
                }
                changes.changed().await.unwrap();
            }
        };
        match tokio::time::timeout(DEADLINE, waiting).await {
            Ok(form) => form,
            Err(_) => panic!("{path} was asked {} times only", self.seen(path).len()),
        }
    }
}

async fn answer(State(platform): State<Platform>, request: Request) -> Response {
    let (path, query) = (request.uri().path().to_owned(), request.uri().query().map(str::to_owned));
    let url = format!("{}{}", platform.base, request.uri());
    let given = request.headers().get("x-twilio-signature").map(|given| given.to_str().unwrap().to_owned());
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let mut form: Form = url::form_urlencoded::parse(&body).into_owned().collect();
    if path == "/hold.wav" {
        return wav("please hold").into_response();
    }
    assert_eq!(given, Some(sign(TOKEN, &url, &form)), "a bad signature at {url}");
    form.extend(url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned());
    platform.seen.lock().unwrap().push((path.clone(), form));
    platform.changes.send_replace(());
    match platform.documents.lock().unwrap().get(&path) {
        Some(xml) => ([("content-type", "text/xml")], xml.clone()).into_response(),
        None => "".into_response(),
    }
}

/// A media socket that is closed as soon as it is open.
async fn socket(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async |socket| drop(socket))
}

/// The REST interface as a client sees it.
pub struct Rest {
    base: String,
    client: reqwest::Client,
}

impl Rest {
    pub fn new(twilio: &Twilio) -> Self {
        let base = format!("{}/2010-04-01/Accounts/{SID}", twilio.api_url());
        Self { base, client: reqwest::Client::new() }
    }

    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { client: reqwest::Client::builder().timeout(timeout).build().unwrap(), ..self }
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> (u16, Value) {
        let response = self.try_post(path, fields).await.unwrap();
        (response.status().as_u16(), read(response).await)
    }

    pub async fn try_post(
        &self,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Result<reqwest::Response, reqwest::Error> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.client.post(format!("{}/{path}", self.base)).basic_auth(SID, Some(TOKEN));
        request.header("content-type", "application/x-www-form-urlencoded").body(body).send().await
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        let response = self.fetch(&format!("{}/{path}", self.base)).await;
        (response.status().as_u16(), read(response).await)
    }

    pub async fn fetch(&self, url: &str) -> reqwest::Response {
        self.client.get(url).basic_auth(SID, Some(TOKEN)).send().await.unwrap()
    }

    pub async fn delete(&self, path: &str) -> u16 {
        let request = self.client.delete(format!("{}/{path}", self.base)).basic_auth(SID, Some(TOKEN));
        request.send().await.unwrap().status().as_u16()
    }

    /// Calls THEM with these fields beside the usual ones; the call's id.
    pub async fn call(&self, fields: &[(&str, &str)]) -> String {
        let usual = [("To", THEM), ("From", US)];
        let (status, call) = self.post("Calls.json", &[&usual, fields].concat()).await;
        assert_eq!((status, &call["status"]), (201, &Value::from("queued")), "{call}");
        call["sid"].as_str().unwrap().to_owned()
    }
}

async fn read(response: reqwest::Response) -> Value {
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

pub fn field<'a>(form: &'a [(String, String)], name: &str) -> &'a str {
    form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
}

/// The words in a channel of a WAV file.
pub fn words(wav: &[u8], channel: usize) -> String {
    let mut wav = hound::WavReader::new(std::io::Cursor::new(wav)).unwrap();
    let channels = usize::from(wav.spec().channels);
    let samples = wav.samples::<i16>().map(Result::unwrap).skip(channel).step_by(channels);
    let mulaw: Vec<u8> = samples.map(audio::g711::ulaw_encode).collect();
    let mut ear = Decoder::new();
    let mut heard = ear.push(&mulaw);
    heard.extend(ear.finish());
    heard.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
}

fn wav(text: &str) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
    for byte in speak(Speaker::Middle, text).mulaw() {
        writer.write_sample(audio::g711::ulaw_decode(byte)).unwrap();
    }
    writer.finalize().unwrap();
    file.into_inner()
}
