//! One media stream: the WebSocket between carrier and platform.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::{SinkExt as _, StreamExt as _};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use url::Url;

use super::Config;
use super::courier::Parcel;
use super::faults::{CarrierFaults, Chance};
use super::leg::Leg;
use super::line::{Event, Frame, Instructions, Line};
use super::signature::sign;
use super::twiml::Stream;
use super::verbs::fields;
use super::webhook::Callback;
use super::webhook_faults::Webhook;

/// How long the handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// How long a closing may take.
const CLOSING: Duration = Duration::from_secs(2);

/// More than ten minutes of audio waiting is warning 31931 at the real carrier.
const MOST_WAITING: usize = 10 * 60 * 8_000;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why a stream is over.
#[derive(Debug)]
pub(super) enum Over {
    /// The platform closed the socket, or it broke: the document goes on.
    Closed,
    HungUp,
    Completed,
    Run(Instructions),
}

/// A stream that is to be opened.
pub(super) struct Opening<'a> {
    pub(super) config: &'a Config,
    pub(super) call_sid: &'a str,
    pub(super) stream: &'a Stream,
    pub(super) faults: &'a CarrierFaults,
    /// Faults that break the socket strike the first stream only.
    pub(super) first: bool,
    /// `MZ` and 32 hexadecimal digits.
    pub(super) stream_sid: &'a str,
    /// Who is told that it starts, stops, or fails.
    pub(super) news: Option<News>,
}

/// Where a stream's news go.
pub(super) struct News {
    pub(super) leg: Arc<Leg>,
    pub(super) to: Callback,
}

impl Opening<'_> {
    async fn tell(&self, event: &str, error: &str) {
        let Some(News { leg, to }) = &self.news else { return };
        let mut form = fields([
            ("AccountSid", leg.account_sid.clone()),
            ("CallSid", leg.sid.clone()),
            ("StreamSid", self.stream_sid.to_owned()),
            ("StreamName", self.stream.name.clone().unwrap_or_else(|| self.stream_sid.to_owned())),
            ("StreamEvent", event.to_owned()),
            ("Timestamp", Timestamp::now().to_string()),
        ]);
        if !error.is_empty() {
            form.extend(fields([("StreamError", error.to_owned())]));
        }
        leg.courier.send(Parcel { kind: Webhook::Stream, to: to.clone(), form }).await;
    }

    async fn fail(&self, line: &Line, problem: String) -> Over {
        self.tell("stream-error", &problem).await;
        line.shared.problem(problem);
        Over::Closed
    }
}

/// Runs a stream until it is over.
pub(super) async fn run(opening: Opening<'_>, line: &mut Line) -> Over {
    let url = match check_url(&opening.stream.url) {
        Ok((url, None)) => url,
        Ok((url, Some(warning))) => {
            line.shared.problem(warning);
            url
        }
        Err(problem) => return opening.fail(line, problem).await,
    };
    let socket = match connect(&opening, &url).await {
        Ok(socket) => socket,
        Err(error) => {
            let problem = format!("error 31920: the media socket was not opened: {error}");
            return opening.fail(line, problem).await;
        }
    };
    line.shared.change(|state| {
        state.streams += 1;
        state.streaming = true;
        state.parameters = opening.stream.parameters.clone();
    });
    opening.tell("stream-started", "").await;
    let over = Session::new(&opening, socket).run(line).await;
    opening.tell("stream-stopped", "").await;
    line.playback.clear();
    line.shared.change(|state| state.streaming = false);
    over
}

/// The URL as the carrier uses it, and what it warns of.
fn check_url(text: &str) -> Result<(Url, Option<String>), String> {
    let mut url =
        Url::parse(text).map_err(|error| format!("error 31920: the stream URL `{text}`: {error}"))?;
    let local = url.host_str().is_some_and(|host| matches!(host, "127.0.0.1" | "localhost" | "[::1]"));
    if url.scheme() != "wss" && !(url.scheme() == "ws" && local) {
        return Err(format!("error 31920: the stream URL must be wss, not {}", url.scheme()));
    }
    let warning =
        url.query().map(|_| "the stream URL's query string was dropped, as the carrier does".to_owned());
    url.set_query(None);
    Ok((url, warning))
}

async fn connect(opening: &Opening<'_>, url: &Url) -> Result<Socket, String> {
    let mut request = url.as_str().into_client_request().map_err(|error| error.to_string())?;
    let signature = sign(&opening.config.auth_token, url.as_str(), &[]);
    let signature = HeaderValue::from_str(&signature).map_err(|error| error.to_string())?;
    request.headers_mut().insert("x-twilio-signature", signature);
    let config = WebSocketConfig::default().read_buffer_size(8 << 10);
    match timeout(HANDSHAKE, connect_async_with_config(request, Some(config), true)).await {
        Err(_) => Err(format!("no answer within {HANDSHAKE:?}")),
        Ok(Err(Error::Http(response))) => Err(format!("refused with {}", response.status())),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok((socket, _))) => Ok(socket),
    }
}

#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum FromPlatform {
    #[serde(rename_all = "camelCase")]
    Media { stream_sid: String, media: Media },
    #[serde(rename_all = "camelCase")]
    Mark { stream_sid: String, mark: Mark },
    #[serde(rename_all = "camelCase")]
    Clear { stream_sid: String },
}

#[derive(Deserialize)]
struct Media {
    payload: String,
}

#[derive(Deserialize)]
struct Mark {
    name: String,
}

struct Session<'a> {
    opening: &'a Opening<'a>,
    socket: Socket,
    sid: String,
    sequence: u64,
    chunk: u64,
    began: Option<Duration>,
    /// Messages to the platform, each with the time at which it may leave.
    waiting: VecDeque<(Instant, String)>,
    held: Vec<String>,
    frames: u32,
    chance: Chance,
}

impl<'a> Session<'a> {
    fn new(opening: &'a Opening<'a>, socket: Socket) -> Self {
        Self {
            opening,
            socket,
            sid: opening.stream_sid.to_owned(),
            sequence: 0,
            chunk: 0,
            began: None,
            waiting: VecDeque::new(),
            held: Vec::new(),
            frames: 0,
            chance: Chance::new(7),
        }
    }

    async fn run(mut self, line: &mut Line) -> Over {
        self.open();
        loop {
            if let Some(over) = self.strike(line).await {
                return over;
            }
            let leaving = self.waiting.front().map(|(at, _)| *at);
            tokio::select! {
                event = line.event() => match event {
                    Event::Step => {
                        let frame = line.step();
                        self.send_frame(frame, line);
                    }
                    Event::Key(digit) => self.queue(json!({ "event": "dtmf",
                        "dtmf": { "track": "inbound_track", "digit": digit.to_string() } })),
                    Event::HangUp => return self.stop(Over::HungUp).await,
                    Event::Complete => return self.stop(Over::Completed).await,
                    Event::Run(instructions) => return self.stop(Over::Run(instructions)).await,
                },
                message = self.socket.next() => match message {
                    Some(Ok(message)) => {
                        if let Some(over) = self.handle(message, line) {
                            return over;
                        }
                    }
                    Some(Err(_)) | None => return Over::Closed,
                },
                () = async { sleep_until(leaving.unwrap_or_else(Instant::now)).await }, if leaving.is_some() => {
                    if self.flush().await.is_err() {
                        return Over::Closed;
                    }
                }
            }
        }
    }

    fn open(&mut self) {
        let connected = json!({ "event": "connected", "protocol": "Call", "version": "1.0.0" });
        self.waiting.push_back((Instant::now(), connected.to_string()));
        let parameters: serde_json::Map<String, Value> = self
            .opening
            .stream
            .parameters
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().into()))
            .collect();
        self.queue(json!({ "event": "start", "start": {
            "accountSid": self.opening.config.account_sid,
            "streamSid": self.sid,
            "callSid": self.opening.call_sid,
            "tracks": ["inbound"],
            "mediaFormat": { "encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1 },
            "customParameters": parameters,
        } }));
    }

    /// Breaks the socket when its time has come.
    async fn strike(&mut self, line: &Line) -> Option<Over> {
        let due = |at: Option<Duration>| self.opening.first && at.is_some_and(|at| line.now() >= at);
        if due(self.opening.faults.drop_connection_at) {
            return Some(Over::Closed);
        }
        if due(self.opening.faults.close_socket_at) {
            // Whether the platform answers the closing makes no difference.
            let _closed = timeout(CLOSING, self.socket.close(None)).await;
            return Some(Over::Closed);
        }
        None
    }

    /// Queues a message with its number and stream.
    fn queue(&mut self, mut message: Value) {
        self.sequence += 1;
        if let Some(fields) = message.as_object_mut() {
            fields.insert("sequenceNumber".into(), self.sequence.to_string().into());
            fields.insert("streamSid".into(), self.sid.clone().into());
        }
        let delay = self.opening.faults.jitter.mul_f64(self.chance.share());
        let at =
            self.waiting.back().map_or_else(Instant::now, |(before, _)| *before).max(Instant::now() + delay);
        self.waiting.push_back((at, message.to_string()));
    }

    fn send_frame(&mut self, frame: Frame, line: &Line) {
        let began = *self.began.get_or_insert_with(|| line.now());
        self.frames += 1;
        let lost = self.opening.faults.drop_one_in.is_some_and(|n| n > 0 && self.frames.is_multiple_of(n));
        if !lost {
            self.chunk += 1;
            self.queue(json!({ "event": "media", "media": {
                "track": "inbound",
                "chunk": self.chunk.to_string(),
                "timestamp": (line.now() - began).as_millis().to_string(),
                "payload": STANDARD.encode(&frame.sent),
            } }));
        }
        self.echo(frame.marks);
    }

    fn echo(&mut self, marks: Vec<String>) {
        if self.opening.faults.lose_marks {
            return;
        }
        let times = if self.opening.faults.duplicate_marks { 2 } else { 1 };
        for name in marks {
            for _ in 0..times {
                self.queue(json!({ "event": "mark", "mark": { "name": name } }));
            }
        }
    }

    /// Sends what may leave. In a burst, nothing may until enough has gathered.
    async fn flush(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        while self.waiting.front().is_some_and(|(at, _)| *at <= now) {
            self.held.extend(self.waiting.pop_front().map(|(_, message)| message));
        }
        let enough = self.opening.faults.burst.unwrap_or(1) as usize;
        if self.held.len() < enough && self.frames > 0 {
            return Ok(());
        }
        for message in std::mem::take(&mut self.held) {
            self.socket.feed(Message::text(message)).await?;
        }
        self.socket.flush().await
    }

    fn handle(&mut self, message: Message, line: &mut Line) -> Option<Over> {
        let text = match message {
            Message::Text(text) => text,
            Message::Close(_) => return Some(Over::Closed),
            Message::Binary(_) => {
                line.shared.problem("warning 31950: a binary message on a media stream");
                return None;
            }
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return None,
        };
        if let Err(problem) = self.obey(&text, line) {
            line.shared.problem(problem);
        }
        None
    }

    fn obey(&mut self, text: &str, line: &mut Line) -> Result<(), String> {
        let message: FromPlatform = serde_json::from_str(text)
            .map_err(|error| format!("error 31951: a message is not understood: {error}"))?;
        let (FromPlatform::Media { stream_sid, .. }
        | FromPlatform::Mark { stream_sid, .. }
        | FromPlatform::Clear { stream_sid }) = &message;
        if *stream_sid != self.sid {
            return Err(format!(
                "error 31951: a message for the stream `{stream_sid}`, which is not this one"
            ));
        }
        match message {
            FromPlatform::Media { media, .. } => {
                let audio = STANDARD
                    .decode(media.payload)
                    .map_err(|error| format!("error 31951: a payload is not base64: {error}"))?;
                line.playback.add_audio(&audio);
                if line.playback.waiting() > MOST_WAITING {
                    return Err("warning 31931: more than ten minutes of audio wait to be played".into());
                }
            }
            FromPlatform::Mark { mark, .. } => {
                let at_once = line.playback.add_mark(mark.name);
                self.echo(at_once.into_iter().collect());
            }
            FromPlatform::Clear { .. } => {
                let marks = line.playback.clear();
                let now = line.now();
                line.shared.change(|state| state.clears.push(now));
                self.echo(marks);
            }
        }
        Ok(())
    }

    /// Says that the stream is over, and closes it.
    async fn stop(mut self, over: Over) -> Over {
        self.queue(json!({ "event": "stop",
            "stop": { "accountSid": self.opening.config.account_sid, "callSid": self.opening.call_sid } }));
        let rest: Vec<String> = std::mem::take(&mut self.held)
            .into_iter()
            .chain(self.waiting.drain(..).map(|(_, message)| message))
            .collect();
        let closing = async {
            for message in rest {
                self.socket.send(Message::text(message)).await?;
            }
            self.socket.close(None).await?;
            // Until the platform has closed its side too.
            while let Some(Ok(_)) = self.socket.next().await {}
            Ok::<(), Error>(())
        };
        // The platform may be gone; the call is over all the same.
        let _closed = timeout(CLOSING, closing).await;
        over
    }
}
