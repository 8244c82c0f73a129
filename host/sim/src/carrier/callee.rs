//! Who is called: what each number does when it rings.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use audio::g711::ulaw_encode;

use super::caller::Call;
use super::faults::CarrierFaults;

/// How long the other side is silent before a scripted person goes on.
const POLITE: Duration = Duration::from_millis(800);

/// How long a scripted person waits for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a scripted person waits for a last word before hanging up.
const LAST_WORD: Duration = Duration::from_secs(5);

/// The tone after a greeting and before a recording.
const BEEP: Duration = Duration::from_millis(500);
const BEEP_FREQUENCY: f32 = 1_000.0;

/// What a fax machine answers with.
const FAX: Duration = Duration::from_secs(2);
const FAX_FREQUENCY: f32 = 2_100.0;

const AMPLITUDE: f32 = 8_000.0;

/// Whoever is at a number. The default is a person who picks up at once and says nothing unasked: see
/// [`Twilio::callee`](super::Twilio::callee).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Callee {
    rings: Duration,
    answer: Answer,
    line: CarrierFaults,
}

/// What comes of the ringing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Person {
        lines: Vec<String>,
        hangs_up: bool,
    },
    Voicemail {
        greeting: String,
        beeps: bool,
    },
    Fax,
    /// Not picked up, with the status of the network: RFC 3261, section 21.
    Refused(u16),
    Nobody,
}

impl Default for Answer {
    fn default() -> Self {
        Self::Person { lines: Vec::new(), hangs_up: false }
    }
}

impl Callee {
    /// A person who says the first line on picking up, and each other one when the agent has spoken and is silent again.
    pub fn person<T: Into<String>>(lines: impl IntoIterator<Item = T>) -> Self {
        let lines = lines.into_iter().map(Into::into).collect();
        Self { answer: Answer::Person { lines, hangs_up: false }, ..Self::default() }
    }

    /// A machine that plays a greeting, beeps, and listens.
    pub fn voicemail(greeting: &str) -> Self {
        Self { answer: Answer::Voicemail { greeting: greeting.into(), beeps: true }, ..Self::default() }
    }

    /// A machine that plays a greeting and listens, without a tone between.
    pub fn voicemail_without_beep(greeting: &str) -> Self {
        Self { answer: Answer::Voicemail { greeting: greeting.into(), beeps: false }, ..Self::default() }
    }

    /// A fax machine.
    pub fn fax() -> Self {
        Self { answer: Answer::Fax, ..Self::default() }
    }

    /// A line on which somebody talks already.
    pub fn busy() -> Self {
        Self { answer: Answer::Refused(486), ..Self::default() }
    }

    /// A person who presses the red button.
    pub fn declines() -> Self {
        Self { answer: Answer::Refused(603), ..Self::default() }
    }

    /// A telephone that nobody picks up.
    pub fn no_answer() -> Self {
        Self { answer: Answer::Nobody, ..Self::default() }
    }

    /// A number to which the network answers with this SIP status: 404 where there is none, 503 where the way is blocked.
    pub fn fails(sip_status: u16) -> Self {
        Self { answer: Answer::Refused(sip_status), ..Self::default() }
    }

    /// It rings for so long before that.
    #[must_use]
    pub fn rings(mut self, rings: Duration) -> Self {
        self.rings = rings;
        self
    }

    /// The person hangs up when all lines were said and the agent has answered the last, or has not for five seconds.
    #[must_use]
    pub fn hangs_up(mut self) -> Self {
        if let Answer::Person { hangs_up, .. } = &mut self.answer {
            *hangs_up = true;
        }
        self
    }

    /// The line has these faults.
    #[must_use]
    pub fn over(mut self, line: CarrierFaults) -> Self {
        self.line = line;
        self
    }

    pub(crate) fn line(&self) -> &CarrierFaults {
        &self.line
    }

    pub(crate) fn ringing(&self) -> Duration {
        self.rings
    }

    pub(crate) fn answer(&self) -> &Answer {
        &self.answer
    }
}

/// The numbers that can be called.
#[derive(Debug, Default)]
pub(crate) struct Directory(BTreeMap<String, VecDeque<Callee>>);

impl Directory {
    pub(crate) fn set(&mut self, number: &str, callees: VecDeque<Callee>) {
        self.0.insert(number.to_owned(), callees);
    }

    /// Whoever is there this time: each in turn, the last for ever.
    pub(crate) fn next(&mut self, number: &str) -> Callee {
        let Some(callees) = self.0.get_mut(number) else { return Callee::default() };
        match callees.len() {
            0 | 1 => callees.front().cloned().unwrap_or_default(),
            _ => callees.pop_front().unwrap_or_default(),
        }
    }
}

/// Does what whoever picked up does. Errors are the end of the call, and of the part.
pub(crate) async fn act(mut call: Call, answer: Answer) {
    if call.answered(PATIENCE).await.is_err() {
        return;
    }
    match answer {
        Answer::Person { lines, hangs_up } => {
            for (index, line) in lines.iter().enumerate() {
                let patient = index == 0 || call.listen(POLITE, PATIENCE).await.is_ok();
                if !patient || call.say(line).await.is_err() {
                    return;
                }
            }
            if hangs_up {
                // Whether or not anything was heard: there is nothing left to say.
                let _heard = call.listen(POLITE, LAST_WORD).await;
                call.hang_up().await;
            }
        }
        Answer::Voicemail { greeting, beeps } => {
            let greeted = call.say(&greeting).await.is_ok();
            if greeted && beeps {
                let _beeped = call.make_sound(beep()).await;
            }
        }
        Answer::Fax => {
            let _sounded = call.make_sound(fax()).await;
        }
        Answer::Refused(_) | Answer::Nobody => {}
    }
}

/// The tone of a voicemail.
pub(crate) fn beep() -> Vec<u8> {
    tone(BEEP_FREQUENCY, BEEP)
}

/// The tone of a fax machine.
pub(crate) fn fax() -> Vec<u8> {
    tone(FAX_FREQUENCY, FAX)
}

fn tone(frequency: f32, length: Duration) -> Vec<u8> {
    let rate = audio::SAMPLE_RATE as f32;
    let samples = (length.as_secs_f32() * rate) as usize;
    let phase = |index: usize| std::f32::consts::TAU * frequency * index as f32 / rate;
    (0..samples).map(|index| ulaw_encode((phase(index).sin() * AMPLITUDE) as i16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_answers_in_turn_and_then_always_as_last() {
        let mut directory = Directory::default();
        directory.set("+1", [Callee::busy(), Callee::no_answer()].into());
        let answers: Vec<Callee> = (0..3).map(|_| directory.next("+1")).collect();
        assert_eq!(answers, [Callee::busy(), Callee::no_answer(), Callee::no_answer()]);
        assert_eq!(directory.next("+2"), Callee::default());
    }
}
