//! Who answered an outbound call: judged by the first words and the silence after them.
//!
//! People say little and wait; machines go on, and say what machines say. So a short first
//! utterance is a human's, and of a long one its words decide. Nothing here acts; see
//! `answered.rs` for what the call does.

mod phrases;

use std::time::Duration;

use crate::CallTime;
use crate::config::Screening;

pub(crate) use phrases::is_hello;
use phrases::{Sign, Signs};

/// Who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Human,
    Voicemail,
    Menu,
    /// The carrier says that the number leads nowhere.
    Unreachable,
    /// Nobody has said anything that tells.
    Unknown,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is known who answered, and by what.
    Decided(Who, &'static str),
    /// The machine listens.
    Speak,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It is not known who answered.
    Asking,
    /// A voicemail, which has not finished its own words.
    Waiting { until: CallTime },
    /// Decided, but a machine may have been taken for a human.
    Watching,
}

/// The judgement of one call.
#[derive(Clone, Debug)]
pub(crate) struct Screen {
    settings: Screening,
    began: CallTime,
    phase: Phase,
    /// When the utterance began that is judged.
    from: Option<CallTime>,
    /// When the voice was last heard to end; `None` while it is heard.
    until: Option<CallTime>,
    has_voice: bool,
    /// Whether words of the utterance are final.
    is_final: bool,
    signs: Signs,
    n_words: usize,
}

impl Screen {
    /// The call was answered at `now`.
    pub(crate) fn new(settings: &Screening, now: CallTime) -> Self {
        Self {
            settings: settings.clone(),
            began: now,
            phase: Phase::Asking,
            from: None,
            until: None,
            has_voice: false,
            is_final: false,
            signs: Signs::default(),
            n_words: 0,
        }
    }

    /// The voice is heard since `since`.
    pub(crate) fn voice(&mut self, since: CallTime) {
        self.has_voice = true;
        self.from.get_or_insert(since);
        self.until = None;
        self.is_final = false;
    }

    /// The voice ended at `at`.
    pub(crate) fn silence(&mut self, at: CallTime) {
        if self.from.is_some() {
            self.until = Some(at);
        }
    }

    /// Words were understood: all since the last turn.
    pub(crate) fn words(&mut self, now: CallTime, text: &str, is_final: bool) {
        self.signs.add(Signs::of(text));
        self.n_words = self.n_words.max(text.split_whitespace().count());
        self.is_final |= is_final;
        if !self.has_voice {
            // Words without a voice: too quiet for us, or no audio comes in.
            self.from.get_or_insert(now);
            self.until = Some(now);
        }
    }

    /// Whether it is decided and only watched for a mistake.
    pub(crate) fn is_watching(&self) -> bool {
        self.phase == Phase::Watching
    }

    /// Whether a mistake could still show at `now`.
    pub(crate) fn is_over(&self, now: CallTime) -> bool {
        self.phase == Phase::Watching && now >= self.began + WATCHED
    }

    /// What is to be done at `now`. A decision is made once, or twice where a voicemail
    /// was taken for a human.
    pub(crate) fn poll(&mut self, now: CallTime) -> Option<Step> {
        match self.phase {
            Phase::Asking => {
                let (who, reason) = self.judge(now)?;
                self.phase = match who {
                    Who::Voicemail => Phase::Waiting { until: now + self.settings.timeout },
                    _ => Phase::Watching,
                };
                Some(Step::Decided(who, reason))
            }
            Phase::Waiting { until } => {
                let silent =
                    self.silent_for(now).is_some_and(|silence| silence >= self.settings.machine_silence);
                (silent || now >= until).then_some(Step::Speak)
            }
            Phase::Watching => {
                // People speak of messages, too: one phrase is no proof in a conversation.
                let n = self.signs.n(Sign::Voicemail);
                let machine = n > self.signs.n(Sign::Menu).min(1) && n + self.signs.n(Sign::Absence) >= 2;
                if !machine || now >= self.began + WATCHED {
                    return None;
                }
                self.phase = Phase::Waiting { until: now + self.settings.timeout };
                Some(Step::Decided(Who::Voicemail, "a voicemail's words after the agent had begun"))
            }
        }
    }

    /// When to look again, if nothing happens before.
    pub(crate) fn next_poll(&self, now: CallTime) -> Option<CallTime> {
        let Screening { human_silence, machine_silence, no_speech, timeout, .. } = self.settings;
        let after = |silence| self.until.map(|until| until + silence);
        let times = match self.phase {
            Phase::Asking => {
                let nobody = self.from.is_none().then_some(self.began + no_speech);
                [Some(self.began + timeout), nobody, after(human_silence), after(machine_silence)]
            }
            Phase::Waiting { until } => [Some(until), after(machine_silence), None, None],
            Phase::Watching => [None; 4],
        };
        times.into_iter().flatten().filter(|at| *at > now).min()
    }

    fn judge(&self, now: CallTime) -> Option<(Who, &'static str)> {
        let settings = &self.settings;
        let over = now >= self.began + settings.timeout;
        let silence = self.silent_for(now).unwrap_or_default();
        let [voicemail, absence, menu, unreachable, person] =
            [Sign::Voicemail, Sign::Absence, Sign::Menu, Sign::Unreachable, Sign::Person]
                .map(|sign| self.signs.n(sign));
        // A menu may offer to leave a message.
        if voicemail > menu.min(1) || (absence > 1 && person == 0) {
            return Some((Who::Voicemail, "the words of a voicemail"));
        }
        if self.from.is_none() {
            return (now >= self.began + settings.no_speech).then_some((Who::Unknown, "nobody spoke"));
        }
        if unreachable > 0 {
            let done = over || silence >= settings.machine_silence;
            return done.then_some((Who::Unreachable, "the announcement of a carrier"));
        }
        if menu > 0 {
            let done = over || silence >= settings.human_silence;
            return done.then_some((Who::Menu, "keys to press were offered"));
        }
        let long = self.length(now) > settings.human_speech;
        let certain =
            silence >= settings.machine_silence || (self.is_final && silence >= settings.human_silence);
        if absence > 0 && person == 0 {
            // "You've reached Bob" may be followed by a request for a message.
            let done = over || silence >= settings.machine_silence;
            let who = if long { Who::Voicemail } else { Who::Human };
            return done.then_some((who, "somebody is absent"));
        }
        if !long && silence >= settings.human_silence {
            return Some((Who::Human, "a few words and a silence"));
        }
        if long && certain {
            return Some((Who::Human, "many words, but none of a machine"));
        }
        if over && self.n_words > 0 {
            return Some((Who::Voicemail, "words without a pause until the time was up"));
        }
        over.then_some((Who::Unknown, "sounds without words until the time was up"))
    }

    fn silent_for(&self, now: CallTime) -> Option<Duration> {
        self.until.map(|until| now.saturating_sub(until))
    }

    /// How long the first utterance is, its short pauses included.
    fn length(&self, now: CallTime) -> Duration {
        self.from.map_or(Duration::ZERO, |from| self.until.unwrap_or(now).saturating_sub(from))
    }
}

/// After half a minute a machine would have had its beep.
const WATCHED: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
