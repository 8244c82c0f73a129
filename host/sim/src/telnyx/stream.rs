//! One media stream: the WebSocket between carrier and platform.

use std::collections::VecDeque;
use std::time::Duration;

use audio::g711::{alaw_decode, alaw_encode, ulaw_decode, ulaw_encode};
use call_state::Moment;
use carriers::telnyx::{Codec, Format, Message, Outbound, Start};
use carriers::{Error as Unread, Track};
use futures::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message as Frame};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use uuid::Uuid;

use super::card::Card;
use super::faults::TelnyxFaults;
use super::order::StreamOrder;
use super::shuffle::{Random, Shuffler};
use crate::carrier::line::{Frame as Step, Line};

/// How long the handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// How long a closing may take.
const CLOSING: Duration = Duration::from_secs(2);

/// Ten minutes of audio may wait to be played; no platform that listens needs more.
const MOST_WAITING: usize = 10 * 60 * 8_000;

/// The least that one message may bring: 20 ms.
const LEAST_PAYLOAD: usize = 160;

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What happens on a stream.
#[derive(Debug)]
pub(super) enum Happened {
    /// The platform sent something.
    Sent(Frame),
    /// Messages are due: see [`Stream::flush`].
    Due,
    /// The platform closed the socket.
    Closed,
    /// The socket broke.
    Broken,
}

/// Opens the socket that `order` asks for.
pub(super) async fn connect(order: StreamOrder) -> Result<Socket, String> {
    let mut request = order.url.as_str().into_client_request().map_err(|error| error.to_string())?;
    if let Some(token) = &order.token {
        let token = HeaderValue::from_str(token).map_err(|error| error.to_string())?;
        request.headers_mut().insert("x-telnyx-streaming-auth-token", token);
    }
    let config = WebSocketConfig::default().read_buffer_size(8 << 10);
    match timeout(HANDSHAKE, connect_async_with_config(request, Some(config), true)).await {
        Err(_) => Err(format!("no answer within {HANDSHAKE:?}")),
        Ok(Err(Error::Http(response))) => Err(format!("refused with {}", response.status())),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok((socket, _))) => Ok(socket),
    }
}

/// One side of the call on its way to the platform.
#[derive(Debug)]
struct Lane {
    track: Track,
    chunk: u64,
    shuffler: Shuffler<Message>,
}

/// An open stream.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) order: StreamOrder,
    start: Start,
    socket: Socket,
    faults: TelnyxFaults,
    /// Faults that break the socket strike the first stream only.
    first: bool,
    sequence: u64,
    frames: u32,
    began: Option<Duration>,
    lanes: Vec<Lane>,
    /// Messages to the platform, each with the time at which it may leave.
    waiting: VecDeque<(Instant, String)>,
    held: Vec<String>,
    delays: Random,
    errors: VecDeque<super::faults::StreamError>,
}

impl Stream {
    /// Announces the stream of `order` on the open `socket`.
    pub(super) fn open(
        order: StreamOrder,
        socket: Socket,
        card: &Card,
        faults: &TelnyxFaults,
        first: bool,
    ) -> Self {
        let start = Start {
            stream_id: Uuid::new_v4().to_string(),
            call_control_id: card.call_control_id.clone(),
            call_session_id: card.call_session_id.clone(),
            from: card.from.clone(),
            to: card.to.clone(),
            client_state: card.client_state(),
            custom_parameters: order.parameters.clone(),
            format: Format { encoding: order.codec.as_str().into(), sample_rate: 8_000, channels: 1 },
        };
        let lanes = [(Track::Inbound, order.inbound), (Track::Outbound, order.outbound)]
            .into_iter()
            .filter(|(_, ordered)| *ordered)
            .map(|(track, _)| Lane { track, chunk: 0, shuffler: Shuffler::new(faults.shuffle) })
            .collect();
        let mut errors: VecDeque<_> = faults.stream_errors.iter().copied().collect();
        errors.make_contiguous().sort_by_key(|error| error.at);
        let mut stream = Self {
            order,
            start: start.clone(),
            socket,
            faults: faults.clone(),
            first,
            sequence: 0,
            frames: 0,
            began: None,
            lanes,
            waiting: VecDeque::new(),
            held: Vec::new(),
            delays: Random(7),
            errors,
        };
        stream.waiting.push_back((Instant::now(), connected(stream.order.token.as_deref())));
        stream.queue(&Message::Start(start));
        stream
    }

    pub(super) fn id(&self) -> &str {
        &self.start.stream_id
    }

    /// Waits for what happens next. May be dropped and called again without losing anything.
    pub(super) async fn next(&mut self) -> Happened {
        let leaves = self.waiting.front().map(|(at, _)| *at);
        tokio::select! {
            message = self.socket.next() => match message {
                Some(Ok(Frame::Close(_))) => Happened::Closed,
                Some(Ok(message)) => Happened::Sent(message),
                Some(Err(_)) | None => Happened::Broken,
            },
            () = async { sleep_until(leaves.unwrap_or_else(Instant::now)).await }, if leaves.is_some() => Happened::Due,
        }
    }

    /// Whether the socket is to break now, and whether with a closing.
    pub(super) fn strikes(&self, now: Duration) -> Option<bool> {
        let due = |at: Option<Duration>| self.first && at.is_some_and(|at| now >= at);
        if due(self.faults.line.drop_connection_at) {
            Some(false)
        } else {
            due(self.faults.line.close_socket_at).then_some(true)
        }
    }

    /// Closes without a word about the stream.
    pub(super) async fn break_off(mut self, closing: bool) {
        if closing {
            // Whether the platform answers the closing makes no difference.
            let _closed = timeout(CLOSING, self.socket.close(None)).await;
        }
    }

    /// Queues 20 ms of both sides, and the marks that play-out has reached.
    pub(super) fn send(&mut self, step: &Step, now: Duration) {
        let began = *self.began.get_or_insert(now);
        self.frames += 1;
        while let Some(error) = self.errors.pop_front_if(|error| error.at <= now) {
            self.complain(error.code);
        }
        let lost = self.faults.line.drop_one_in.is_some_and(|n| n > 0 && self.frames.is_multiple_of(n));
        let codec = self.order.codec;
        let mut leaving = Vec::new();
        for lane in &mut self.lanes {
            lane.chunk += 1;
            let bytes = if lane.track == Track::Inbound { &step.sent } else { &step.heard };
            let message = Message::Media {
                track: lane.track,
                chunk: lane.chunk,
                timestamp: now.saturating_sub(began),
                payload: to_platform(codec, bytes),
            };
            // What the network loses has had its number, as it had when it left.
            if !(lost && lane.track == Track::Inbound) {
                leaving.extend(lane.shuffler.push(message));
            }
        }
        for message in &leaving {
            self.queue(message);
        }
        self.echo(step.marks.clone());
    }

    pub(super) fn key(&mut self, digit: char) {
        let now = jiff::Timestamp::now().as_microsecond();
        self.queue(&Message::Dtmf { digit, occurred_at: Some(Moment::from_micros(now)) });
    }

    /// Does what the platform sent. What the real carrier would not do is returned as a problem.
    pub(super) fn obey(&mut self, frame: &Frame, line: &mut Line) -> Result<(), String> {
        let text = match frame {
            Frame::Text(text) => text,
            Frame::Binary(_) => {
                self.complain(100_003);
                return Err("a binary message on a media stream".into());
            }
            Frame::Ping(_) | Frame::Pong(_) | Frame::Close(_) | Frame::Frame(_) => return Ok(()),
        };
        match Outbound::decode(text) {
            Ok(Outbound::Media { payload }) => self.play(&payload, line),
            Ok(Outbound::Mark { name }) => {
                let at_once = line.playback.add_mark(name);
                self.echo(at_once.into_iter().collect());
                Ok(())
            }
            Ok(Outbound::Clear) => {
                let marks = line.playback.clear();
                let now = line.now();
                line.shared.change(|state| state.clears.push(now));
                self.echo(marks);
                Ok(())
            }
            Err(error) => {
                let code = match error {
                    Unread::PayloadEncoding | Unread::PayloadTooLarge { .. } => 100_004,
                    _ => 100_003,
                };
                self.complain(code);
                Err(format!("error {code}: {error}"))
            }
        }
    }

    fn play(&mut self, payload: &[u8], line: &mut Line) -> Result<(), String> {
        let Some(codec) = self.order.back else {
            return Err("audio of a codec on a stream that was not ordered in rtp mode is dropped".into());
        };
        if line.playback.waiting() + payload.len() > MOST_WAITING {
            self.complain(100_005);
            return Err("error 100005: more than ten minutes of audio wait to be played".into());
        }
        line.playback.add_audio(&to_line(codec, payload));
        if payload.len() < LEAST_PAYLOAD {
            return Err(format!("a message brought {} bytes, less than 20 ms of audio", payload.len()));
        }
        Ok(())
    }

    fn complain(&mut self, code: u32) {
        let title = match code {
            100_003 => "malformed_frame",
            100_004 => "invalid_media",
            100_005 => "rate_limit_reached",
            _ => "unknown_error",
        };
        let message = Message::Error { code: code.into(), title: title.into() };
        self.push(message.encode(self.sequence, &self.start));
    }

    fn echo(&mut self, marks: Vec<String>) {
        if self.faults.line.lose_marks {
            return;
        }
        let times = if self.faults.line.duplicate_marks { 2 } else { 1 };
        for name in marks {
            for _ in 0..times {
                self.queue(&Message::Mark { name: name.clone() });
            }
        }
    }

    /// Queues a message with the next number.
    fn queue(&mut self, message: &Message) {
        self.sequence += 1;
        self.push(message.encode(self.sequence, &self.start));
    }

    fn push(&mut self, text: String) {
        let delay = self.faults.line.jitter.mul_f64(self.delays.share());
        let before = self.waiting.back().map_or_else(Instant::now, |(at, _)| *at);
        self.waiting.push_back((before.max(Instant::now() + delay), text));
    }

    /// Sends what may leave. In a burst, nothing may until enough has gathered.
    pub(super) async fn flush(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        while let Some((_, message)) = self.waiting.pop_front_if(|(at, _)| *at <= now) {
            self.held.push(message);
        }
        let enough = self.faults.line.burst.unwrap_or(1) as usize;
        if self.held.len() < enough && self.frames > 0 {
            return Ok(());
        }
        for message in std::mem::take(&mut self.held) {
            self.socket.feed(Frame::text(message)).await?;
        }
        self.socket.flush().await
    }

    /// Says that the stream is over, and closes it.
    pub(super) async fn stop(mut self) {
        let late: Vec<Message> = self.lanes.iter_mut().flat_map(|lane| lane.shuffler.flush()).collect();
        for message in &late {
            self.queue(message);
        }
        self.queue(&Message::Stop);
        let rest: Vec<String> = std::mem::take(&mut self.held)
            .into_iter()
            .chain(self.waiting.drain(..).map(|(_, message)| message))
            .collect();
        let closing = async {
            for message in rest {
                self.socket.send(Frame::text(message)).await?;
            }
            self.socket.close(None).await?;
            // Until the platform has closed its side too.
            while let Some(Ok(_)) = self.socket.next().await {}
            Ok::<(), Error>(())
        };
        // The platform may be gone; the stream is over all the same.
        let _closed = timeout(CLOSING, closing).await;
    }
}

/// The first message repeats the token that the handshake's header carried.
fn connected(token: Option<&str>) -> String {
    let mut message = serde_json::json!({ "event": "connected", "version": "1.0.0" });
    if let (Some(token), Some(message)) = (token, message.as_object_mut()) {
        message.insert("stream_auth_token".into(), token.into());
    }
    message.to_string()
}

fn to_platform(codec: Codec, mulaw: &[u8]) -> Vec<u8> {
    match codec {
        Codec::Pcmu => mulaw.to_vec(),
        Codec::Pcma => mulaw.iter().map(|byte| alaw_encode(ulaw_decode(*byte))).collect(),
    }
}

fn to_line(codec: Codec, bytes: &[u8]) -> Vec<u8> {
    match codec {
        Codec::Pcmu => bytes.to_vec(),
        Codec::Pcma => bytes.iter().map(|byte| ulaw_encode(alaw_decode(*byte))).collect(),
    }
}
