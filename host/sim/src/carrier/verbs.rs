//! What each TwiML verb does to the line.

use std::sync::Arc;
use std::time::Duration;

use audio::g711::ULAW_SILENCE;

use super::call::{Ask, Moment, Next, Run, moment};
use super::leg::new_sid;
use super::media::{self, News, Opening, Over};
use super::shared::End;
use super::twiml::{Link, Play, Stream, Verb};
use super::webhook::Method;
use super::webhook_faults::Webhook;
use crate::voice::{Speaker, speak};

/// The pause after a text, in samples: 200 ms.
const AFTER_SPEECH: usize = 1_600;

impl Run {
    /// Does what a verb says.
    pub(super) async fn perform(&mut self, verb: Verb) -> Next {
        match verb {
            Verb::Say(text) => {
                self.line.playback.add_audio(&said(&text));
                self.play_out().await
            }
            Verb::Play(play) => {
                let sound = self.sound(&play).await;
                self.line.playback.add_audio(&sound);
                self.play_out().await
            }
            Verb::Pause(length) => self.wait(length).await,
            Verb::Gather(gather) => self.gather(gather).await,
            Verb::Connect(stream) => self.connect(&stream).await,
            Verb::Redirect(url) => Next::voice(Link { url, method: Method::Post }),
            Verb::Hangup => Next::End(End::PlatformHungUp),
            Verb::Reject(_) => {
                self.shared.problem("<Reject> after another verb: the call was answered already");
                Next::End(End::PlatformHungUp)
            }
            Verb::Dial(dial) => self.dial(dial).await,
            Verb::Record(record) => self.record(record).await,
            Verb::Other(name) => {
                self.shared.problem(format!("<{name}> is not simulated; the document goes on"));
                Next::Verb
            }
        }
    }

    async fn connect(&mut self, stream: &Stream) -> Next {
        let first = self.shared.lock().streams == 0;
        let news = self.callback(stream.status.as_ref());
        let stream_sid = new_sid("MZ");
        let opening = Opening {
            config: &self.desk.config,
            call_sid: &self.leg.sid,
            stream,
            faults: &self.faults,
            first,
            stream_sid: &stream_sid,
            news: news.map(|to| News { leg: Arc::clone(&self.leg), to }),
        };
        match media::run(opening, &mut self.line).await {
            Over::Closed => Next::Verb,
            Over::HungUp => Next::End(End::CallerHungUp),
            Over::Completed => Next::End(End::PlatformHungUp),
            Over::Run(instructions) => instructions.into(),
        }
    }

    /// What a prompt sounds like.
    pub(super) async fn prompt(&mut self, verb: &Verb) -> Vec<u8> {
        match verb {
            Verb::Say(text) => said(text),
            Verb::Pause(length) => vec![ULAW_SILENCE; length.as_millis() as usize * 8],
            Verb::Play(play) => self.sound(play).await,
            _ => Vec::new(),
        }
    }

    async fn sound(&mut self, play: &Play) -> Vec<u8> {
        match play {
            Play::Keys(digits) => super::play::keys(digits),
            Play::File { url, times } => match self.file(url).await {
                Ok(sound) => super::play::repeat(&sound, *times),
                Err(problem) => {
                    self.shared.problem(problem);
                    Vec::new()
                }
            },
        }
    }

    /// Lets the line run until what was put into it has been heard.
    pub(super) async fn play_out(&mut self) -> Next {
        while self.line.playback.waiting() > 0 {
            if let Moment::Over(next) = moment(&mut self.line).await {
                self.line.playback.clear();
                return next;
            }
        }
        Next::Verb
    }

    async fn wait(&mut self, length: Duration) -> Next {
        let until = self.line.now() + length;
        while self.line.now() < until {
            if let Moment::Over(next) = moment(&mut self.line).await {
                return next;
            }
        }
        Next::Verb
    }

    /// What the action of a verb is asked; the document that the verb stands in, where it has none.
    pub(super) fn action(&self, action: Option<Link>, more: Vec<(String, String)>) -> Ask {
        let link = action.unwrap_or_else(|| Link { url: self.at.to_string(), method: Method::Post });
        Ask { kind: Webhook::Action, link, more }
    }

    /// Tells the platform how a verb ended when nothing it answers can matter any more.
    pub(super) async fn tell_action(&self, ask: Ask) {
        let Some(to) = self.callback(Some(&ask.link)) else { return };
        let mut form = self.leg.fields();
        form.extend(ask.more);
        self.leg.courier.send(super::courier::Parcel { kind: ask.kind, to, form }).await;
    }
}

/// A list of fields.
pub(super) fn fields<const N: usize>(fields: [(&str, String); N]) -> Vec<(String, String)> {
    fields.map(|(name, value)| (name.to_owned(), value)).into()
}

fn said(text: &str) -> Vec<u8> {
    let mut sound = speak(Speaker::Middle, text).mulaw();
    sound.extend([ULAW_SILENCE; AFTER_SPEECH]);
    sound
}
