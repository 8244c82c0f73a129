//! What goes on in a leg while it is open.

use std::collections::VecDeque;
use std::sync::Arc;

use audio::FRAME_SAMPLES;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message as Frame;

use super::action::{Action, Dial, Source};
use super::card::Direction;
use super::desk::{Desk, Order};
use super::error::{Answer, Refusal};
use super::joint::Joint;
use super::leg::{Leg, Opening, Over};
use super::order::StreamOrder;
use super::recorder::Recorder;
use super::sound::{Announcement, from_wav};
use super::stream::{Happened, Socket, Stream, connect};
use crate::carrier::End;
use crate::carrier::line::Event;

/// The longest sound file that is fetched to be played: ten minutes.
const LONGEST_SOUND: usize = 10 << 20;

impl Leg {
    /// Until someone ends the call.
    pub(super) async fn talk(&mut self) -> Over {
        loop {
            if let Some(over) = self.turn().await {
                return over;
            }
        }
    }

    /// The next thing that happens; what ends the call, if it does.
    pub(super) async fn turn(&mut self) -> Option<Over> {
        tokio::select! {
            event = self.line.event() => match event {
                Event::Step => self.step().await,
                Event::Key(digit) => self.key(digit).await,
                Event::HangUp => Some(self.person_hung_up()),
                Event::Complete | Event::Run(_) => None,
            },
            Some(order) = self.orders.recv() => self.obey(order).await,
            opened = opened(&mut self.opening) => {
                self.opened(opened).await;
                None
            },
            happened = happened(&mut self.stream) => {
                self.heard_of_stream(happened).await;
                None
            }
        }
    }

    /// 20 ms pass.
    pub(super) async fn step(&mut self) -> Option<Over> {
        if self.line.now() >= self.time_limit {
            return Some(Over::new("time_limit", "unknown", "unspecified", End::PlatformHungUp));
        }
        if let Some(over) = self.hear_other_leg() {
            return Some(over);
        }
        self.announce().await;
        let frame = self.line.step();
        if let Some(joint) = &self.joint {
            joint.say(&frame.sent);
        }
        let now = self.line.now();
        if let Some(stream) = &mut self.stream {
            stream.send(&frame, now);
        }
        let full = self.recorder.as_mut().is_some_and(|recorder| recorder.push(&frame.sent, &frame.heard));
        if full && let Some(recorder) = self.recorder.take() {
            self.save(recorder).await;
        }
        self.detect(&frame.sent).await;
        if let Some(closing) = self.stream.as_ref().and_then(|stream| stream.strikes(now)) {
            self.break_stream(closing).await;
        }
        None
    }

    /// Tells what is known of who answered.
    async fn detect(&mut self, sent: &[u8]) {
        let found = self.detection.as_mut().map(|detection| detection.push(sent)).unwrap_or_default();
        for (event, result) in found {
            self.shared.change(|state| state.answered_by = state.answered_by.or(Some(result)));
            self.tell(event, json!({ "result": result })).await;
        }
    }

    fn hear_other_leg(&mut self) -> Option<Over> {
        match self.joint.as_mut()?.hear() {
            Ok(frame) => {
                if let Some(frame) = frame {
                    self.line.playback.add_audio(&frame);
                }
                None
            }
            Err(_gone) => {
                let parked = self.joint.take().is_some_and(|joint| joint.park);
                let source = self.far_side();
                (!parked).then(|| Over::new("normal_clearing", source, "200", End::PlatformHungUp))
            }
        }
    }

    /// Puts the next 20 ms of an announcement on the line, unless the media stream is speaking.
    async fn announce(&mut self) {
        while self.line.playback.waiting() < FRAME_SAMPLES {
            let Some(announcement) = self.announcements.front_mut() else { return };
            let told = announcement.begin();
            let frame = announcement.next();
            let ended = if frame.is_none() { announcement.end("completed") } else { None };
            if frame.is_none() {
                self.announcements.pop_front();
            }
            for (event, told) in told.into_iter().chain(ended) {
                self.tell(event, told).await;
            }
            if let Some(frame) = frame {
                self.line.playback.add_audio(&frame);
                return;
            }
        }
    }

    /// The platform hears of a key twice: on the socket, and by webhook.
    async fn key(&mut self, digit: char) -> Option<Over> {
        if let Some(stream) = &mut self.stream {
            stream.key(digit);
        }
        self.tell("call.dtmf.received", json!({ "digit": digit.to_string() })).await;
        None
    }

    pub(super) fn person_hung_up(&self) -> Over {
        let source = if self.card.direction == Direction::Incoming { "caller" } else { "callee" };
        Over::new("normal_clearing", source, "200", End::CallerHungUp)
    }

    /// The side on which the platform is.
    pub(super) fn far_side(&self) -> &'static str {
        if self.card.direction == Direction::Incoming { "callee" } else { "caller" }
    }

    async fn obey(&mut self, order: Order) -> Option<Over> {
        match order {
            Order::Join(joint) => {
                self.join(joint).await;
                None
            }
            Order::Fetched(url, sound) => {
                self.fetched(url, sound).await;
                None
            }
            Order::Act(asked, reply) => {
                self.take_note(asked.client_state, asked.webhook_url);
                let hangs_up = matches!(asked.action, Action::Hangup);
                let answer = self.act(asked.action).await;
                // Whoever asked may be gone.
                let _answered = reply.send(answer);
                hangs_up.then(|| Over::new("normal_clearing", self.far_side(), "200", End::PlatformHungUp))
            }
        }
    }

    async fn act(&mut self, action: Action) -> Answer {
        match action {
            Action::Answer { .. } => return Err(Refusal::conflict("The call was answered already.")),
            Action::Reject(_) => return Err(Refusal::conflict("The call was answered already.")),
            Action::Hangup | Action::ClientStateUpdate => {}
            Action::Speak { text } => self.announcements.push_back(Announcement::speech(&text)),
            Action::Playback(source) => self.fetch(source),
            Action::PlaybackStop => self.stop_playback().await,
            Action::StreamingStart(order) => {
                if self.stream.is_some() || self.opening.is_some() {
                    return Err(Refusal::conflict("The call is being streamed already."));
                }
                self.open(order);
            }
            Action::StreamingStop => self.stop_streaming().await,
            Action::RecordStart(record) => {
                if self.recorder.is_some() {
                    return Err(Refusal::conflict("The call is being recorded already."));
                }
                if record.beep {
                    self.announcements.push_back(Announcement::beep());
                }
                self.recorder = Some(Recorder::new(record));
            }
            Action::RecordStop => match self.recorder.take() {
                Some(recorder) => self.save(recorder).await,
                None => return Err(Refusal::conflict("The call is not being recorded.")),
            },
            Action::RecordPause => self.pause(true)?,
            Action::RecordResume => self.pause(false)?,
            Action::SendDtmf { digits } => self.announcements.push_back(Announcement::keys(&digits)),
            Action::Transfer(dial) => self.transfer(dial),
            Action::Bridge { other, park } => {
                let other = self.desk.find(&other).ok_or_else(Refusal::unknown)?;
                if other.card.hangup.get().is_some() {
                    return Err(Refusal::ended());
                }
                self.meet(&other.orders, (park, false)).await;
            }
        }
        Ok(json!({ "result": "ok" }))
    }

    fn pause(&mut self, paused: bool) -> Result<(), Refusal> {
        let recorder = self.recorder.as_mut();
        recorder.ok_or_else(|| Refusal::conflict("The call is not being recorded."))?.pause(paused);
        Ok(())
    }

    /// Ends a recording, and tells where it is.
    pub(super) async fn save(&self, recorder: Recorder) {
        match recorder.finish() {
            Ok(mut made) => {
                let mut told = std::mem::take(&mut made.told);
                let url = self.desk.keep(made);
                if let Some(told) = told.as_object_mut() {
                    told.insert("recording_urls".into(), json!({ "wav": url }));
                    told.insert("public_recording_urls".into(), json!({}));
                }
                if self.texml.is_none() {
                    let payload = self.card.payload_of_recording(told);
                    self.courier.tell(&self.card, "call.recording.saved", payload).await;
                }
            }
            Err(_) => self.tell("call.recording.error", json!({ "reason": "Internal server error" })).await,
        }
    }

    /// Calls someone else, who is to take this leg over.
    pub(super) fn transfer(&self, dial: Dial) {
        self.shared.change(|state| state.dialled = Some(dial.to.clone()));
        if let Some(this) = self.desk.find(&self.card.call_control_id) {
            Desk::place(&self.desk, dial, Some(&this));
        }
    }

    /// Joins this leg with another; `park` says of each, this one first, whether it stays when the other is over.
    pub(super) async fn meet(&mut self, other: &mpsc::Sender<Order>, park: (bool, bool)) {
        let (mine, theirs) = Joint::pair(park);
        if other.try_send(Order::Join(theirs)).is_ok() {
            self.join(mine).await;
        }
    }

    pub(super) async fn join(&mut self, joint: Joint) {
        self.joint = Some(joint);
        self.tell("call.bridged", json!({})).await;
    }

    /// Begins to open a media socket; the line goes on meanwhile.
    pub(super) fn open(&mut self, order: StreamOrder) {
        self.opening = Some((order.clone(), tokio::spawn(connect(order))));
    }

    async fn opened(&mut self, (order, socket): (StreamOrder, Result<Socket, String>)) {
        match socket {
            Ok(socket) => {
                let first = self.shared.lock().streams == 0;
                let stream = Stream::open(order.clone(), socket, &self.card, &self.faults, first);
                let told = json!({ "stream_url": order.url.as_str(), "stream_id": stream.id() });
                self.stream = Some(stream);
                self.shared.change(|state| {
                    state.streams += 1;
                    state.streaming = true;
                    state.parameters = order.parameters.into_iter().collect();
                });
                self.tell("streaming.started", told).await;
            }
            Err(error) => {
                self.shared.problem(format!("the media socket was not opened: {error}"));
                self.tell("streaming.failed", failed(&order, "connection_failed", None)).await;
            }
        }
    }

    async fn heard_of_stream(&mut self, happened: Happened) {
        match happened {
            Happened::Sent(frame) => self.obey_stream(&frame),
            Happened::Due => {
                let flushed = match &mut self.stream {
                    Some(stream) => stream.flush().await.is_ok(),
                    None => true,
                };
                if !flushed {
                    self.lose_stream().await;
                }
            }
            // The call goes on without it.
            Happened::Closed => self.stop_streaming().await,
            Happened::Broken => self.lose_stream().await,
        }
    }

    fn obey_stream(&mut self, frame: &Frame) {
        let Some(stream) = &mut self.stream else { return };
        if let Err(problem) = stream.obey(frame, &mut self.line) {
            self.shared.problem(problem);
        }
    }

    /// Ends the stream as the platform wanted.
    pub(super) async fn stop_streaming(&mut self) {
        let Some(stream) = self.take_stream() else { return };
        let told = json!({ "stream_url": stream.order.url.as_str(), "stream_id": stream.id() });
        stream.stop().await;
        self.tell("streaming.stopped", told).await;
    }

    /// The socket broke, or a fault breaks it.
    async fn lose_stream(&mut self) {
        self.break_stream(false).await;
    }

    async fn break_stream(&mut self, closing: bool) {
        let Some(stream) = self.take_stream() else { return };
        let told = failed(&stream.order, "connection_lost", Some(stream.id()));
        stream.break_off(closing).await;
        self.tell("streaming.failed", told).await;
    }

    fn take_stream(&mut self) -> Option<Stream> {
        let stream = self.stream.take()?;
        self.line.playback.clear();
        self.shared.change(|state| state.streaming = false);
        Some(stream)
    }

    fn fetch(&self, source: Source) {
        let Some(this) = self.desk.find(&self.card.call_control_id) else { return };
        let desk = Arc::clone(&self.desk);
        tokio::spawn(async move {
            let (url, sound) = match source {
                Source::Content(content) => (None, STANDARD.decode(content).ok()),
                Source::Url(url) => {
                    let sound = fetch(&desk, url.clone()).await;
                    (Some(url.to_string()), sound)
                }
            };
            let sound = sound.as_deref().and_then(from_wav);
            // The call may be over by now.
            let _told = this.orders.send(Order::Fetched(url, sound)).await;
        });
    }

    async fn fetched(&mut self, url: Option<String>, sound: Option<Vec<u8>>) {
        match sound {
            Some(mulaw) => self.announcements.push_back(Announcement::playback(url, mulaw)),
            None => {
                self.shared.problem("what was to be played is no WAV file of 16 bits and 8000 Hz");
                let told = json!({ "media_url": url, "overlay": false, "status": "failed" });
                self.tell("call.playback.ended", told).await;
            }
        }
    }

    async fn stop_playback(&mut self) {
        let (stopped, kept): (VecDeque<_>, _) =
            std::mem::take(&mut self.announcements).into_iter().partition(Announcement::is_playback);
        self.announcements = kept;
        for (event, told) in stopped.iter().filter_map(|announcement| announcement.end("completed")) {
            self.tell(event, told).await;
        }
    }
}

async fn fetch(desk: &Desk, url: url::Url) -> Option<Vec<u8>> {
    let request = desk.client.get(url).timeout(desk.config.webhook_timeout);
    let response = request.send().await.ok()?.error_for_status().ok()?;
    let bytes = response.bytes().await.ok()?;
    (bytes.len() <= LONGEST_SOUND).then(|| bytes.to_vec())
}

fn failed(order: &StreamOrder, reason: &str, stream_id: Option<&str>) -> Value {
    let track = match (order.inbound, order.outbound) {
        (true, true) => "both_tracks",
        (false, _) => "outbound_track",
        (true, false) => "inbound_track",
    };
    json!({
        "failure_reason": reason,
        "stream_id": stream_id,
        "stream_type": "websocket",
        "stream_params": { "stream_url": order.url.as_str(), "track": track },
    })
}

/// What came of opening a socket. May be dropped and called again without losing anything.
async fn opened(opening: &mut Option<Opening>) -> (StreamOrder, Result<Socket, String>) {
    let socket = match opening {
        Some((_, task)) => task.await.unwrap_or_else(|error| Err(error.to_string())),
        None => std::future::pending().await,
    };
    match opening.take() {
        Some((order, _)) => (order, socket),
        None => std::future::pending().await,
    }
}

async fn happened(stream: &mut Option<Stream>) -> Happened {
    match stream {
        Some(stream) => stream.next().await,
        None => std::future::pending().await,
    }
}
