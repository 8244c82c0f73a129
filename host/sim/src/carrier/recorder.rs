//! Recordings while calls live: the verb, and those that run beside.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::call::{Moment, Next, Run, moment};
use super::callee::beep;
use super::courier::Parcel;
use super::desk::Desk;
use super::leg::Leg;
use super::recordings::{Order, Recording, Source, Stage, Track};
use super::twiml::Record;
use super::verbs::fields;
use super::webhook::rfc2822;
use super::webhook_faults::Webhook;
use crate::voice::Decoder;

impl Desk {
    /// Where a recording can be fetched; with `.wav` behind it, as sound.
    pub(super) fn recording_url(&self, recording: &Recording) -> String {
        self.resource_url(&format!("Recordings/{}", recording.sid))
    }

    /// Begins to record a leg.
    pub(super) async fn start_recording(&self, leg: &Leg, order: Order) -> Arc<Recording> {
        let recording = Arc::new(Recording::new(&leg.sid, order));
        self.add_recording(&recording);
        leg.shared.change(|state| state.recordings.push(Arc::clone(&recording)));
        self.tell_recording(leg, &recording, "in-progress").await;
        recording
    }

    /// Ends a recording, where it has not ended. It can be had after the carrier's delay; then the platform is told.
    pub(super) async fn stop_recording(self: &Arc<Self>, leg: &Arc<Leg>, recording: &Arc<Recording>) -> bool {
        if !recording.turn(&[Stage::InProgress, Stage::Paused], Stage::Processing) {
            return false;
        }
        leg.shared.change(|state| state.recordings.retain(|each| each.sid != recording.sid));
        let delay = self.config.recording_delay;
        if delay.is_zero() {
            self.complete_recording(leg, recording).await;
        } else {
            let (desk, leg, recording) = (Arc::clone(self), Arc::clone(leg), Arc::clone(recording));
            self.spawn(async move {
                sleep(delay).await;
                desk.complete_recording(&leg, &recording).await;
            });
        }
        true
    }

    async fn complete_recording(&self, leg: &Leg, recording: &Recording) {
        let stage = if recording.length().is_zero() { Stage::Absent } else { Stage::Completed };
        if recording.turn(&[Stage::Processing], stage) {
            self.tell_recording(leg, recording, stage.wire()).await;
        }
    }

    async fn tell_recording(&self, leg: &Leg, recording: &Recording, status: &str) {
        let Some(to) = recording.order.callback.clone() else { return };
        if !recording.order.events.iter().any(|event| event == status) {
            return;
        }
        let form = fields([
            ("AccountSid", leg.account_sid.clone()),
            ("CallSid", recording.call_sid.clone()),
            ("RecordingSid", recording.sid.clone()),
            ("RecordingUrl", self.recording_url(recording)),
            ("RecordingStatus", status.to_owned()),
            ("RecordingDuration", recording.length().as_secs().to_string()),
            ("RecordingChannels", recording.channels().to_string()),
            ("RecordingStartTime", rfc2822(recording.began_at)),
            ("RecordingSource", recording.order.source.wire().to_owned()),
            ("RecordingTrack", recording.order.track.wire().to_owned()),
        ]);
        leg.courier.send(Parcel { kind: Webhook::Recording, to, form }).await;
    }
}

impl Run {
    /// Begins to record this leg.
    pub(super) async fn start_recording(&self, order: Order) -> Arc<Recording> {
        self.desk.start_recording(&self.leg, order).await
    }

    /// Ends a recording of this leg.
    pub(super) async fn finish_recording(&self, recording: &Arc<Recording>) {
        let desk = Arc::clone(&self.desk);
        desk.stop_recording(&self.leg, recording).await;
    }

    /// `<Record>`: the person is recorded until silence, a key, or the longest time.
    pub(super) async fn record(&mut self, record: Record) -> Next {
        if record.play_beep {
            self.line.playback.add_audio(&beep());
            match self.play_out().await {
                Next::Verb => {}
                other => return other,
            }
        }
        let order = Order {
            track: Track::Inbound,
            callback: self.callback(record.recorded.as_ref()),
            events: record.recorded_events.clone(),
            ..Order::new(Source::RecordVerb)
        };
        let recording = self.start_recording(order).await;
        let (ended, digits, spoke) = self.take_down(&record).await;
        if !spoke {
            recording.erase();
        }
        let length = recording.length();
        self.finish_recording(&recording).await;
        if !spoke {
            // Of an empty recording the action is not told.
            return ended.unwrap_or(Next::Verb);
        }
        let more = fields([
            ("RecordingSid", recording.sid.clone()),
            ("RecordingUrl", self.desk.recording_url(&recording)),
            ("RecordingDuration", length.as_secs().to_string()),
            ("Digits", digits),
        ]);
        let ask = self.action(record.action, more);
        match ended {
            Some(Next::End(end)) => {
                self.tell_action(ask).await;
                Next::End(end)
            }
            Some(next) => next,
            None => Next::Fetch(ask),
        }
    }

    /// Records until its end: what ended it from outside, the key that did, and whether anything was said.
    async fn take_down(&mut self, record: &Record) -> (Option<Next>, String, bool) {
        let began = self.line.now();
        let mut ear = Decoder::new();
        let mut last_voice = began;
        let mut spoke = false;
        loop {
            let silence: Duration = self.line.now() - last_voice;
            if self.line.now() - began >= record.max_length || silence >= record.timeout {
                return (None, String::new(), spoke);
            }
            match moment(&mut self.line).await {
                Moment::Over(next) => return (Some(next), "hangup".into(), spoke),
                Moment::Key(key) if record.finish_on_key.contains(key) => {
                    return (None, key.to_string(), spoke);
                }
                Moment::Key(_) => {}
                Moment::Step(frame) => {
                    if !ear.push(&frame.sent).is_empty() || ear.in_word() {
                        last_voice = self.line.now();
                        spoke = true;
                    }
                }
            }
        }
    }
}
