//! Those who are called: what they do when the telephone rings, and what the carrier makes of who answers.

use std::time::Duration;

use super::error::Refusal;
use super::fields::Fields;
use super::sound::{BEEP, beep};
use crate::voice::{Speaker, speak};

/// The voice of whoever is called.
pub(super) const VOICE: Speaker = Speaker::Low;

/// How long after the answer the carrier knows whether it hears a person.
const DETECTED: Duration = Duration::from_millis(1_000);

/// Someone who can be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callee {
    pub(super) rings: Duration,
    pub(super) then: Pickup,
}

/// What happens when the telephone has rung.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pickup {
    Person(String),
    Voicemail { greeting: String, beep: bool },
    Busy,
    Declines,
    NoAnswer,
    NotFound,
}

/// A person who says nothing unasked.
impl Default for Callee {
    fn default() -> Self {
        Self { rings: Duration::from_millis(200), then: Pickup::Person(String::new()) }
    }
}

impl Callee {
    /// A person who says this on picking up.
    pub fn person(says: &str) -> Self {
        Self::who(Pickup::Person(says.into()))
    }

    /// A machine that plays a greeting, beeps, and listens.
    pub fn voicemail(greeting: &str) -> Self {
        Self::who(Pickup::Voicemail { greeting: greeting.into(), beep: true })
    }

    /// A machine that plays a greeting and listens, without a tone between.
    pub fn voicemail_without_beep(greeting: &str) -> Self {
        Self::who(Pickup::Voicemail { greeting: greeting.into(), beep: false })
    }

    /// A line on which somebody talks already.
    pub fn busy() -> Self {
        Self::who(Pickup::Busy)
    }

    /// A person who presses the red button.
    pub fn declines() -> Self {
        Self::who(Pickup::Declines)
    }

    /// A telephone that nobody picks up.
    pub fn no_answer() -> Self {
        Self::who(Pickup::NoAnswer)
    }

    /// A number that does not exist.
    pub fn not_found() -> Self {
        Self::who(Pickup::NotFound)
    }

    /// It rings for so long before that.
    #[must_use]
    pub fn rings(self, rings: Duration) -> Self {
        Self { rings, ..self }
    }

    fn who(then: Pickup) -> Self {
        Self { then, ..Self::default() }
    }

    /// What is heard from the answer on, with the words it says: the greeting, and the tone behind it.
    pub(super) fn first_sounds(&self) -> Vec<(String, Vec<u8>)> {
        let words = |text: &str| (crate::voice::plain(text), speak(VOICE, text).mulaw());
        match &self.then {
            Pickup::Person(text) if !text.is_empty() => vec![words(text)],
            Pickup::Voicemail { greeting, beep: true } => vec![words(greeting), (String::new(), beep())],
            Pickup::Voicemail { greeting, beep: false } => vec![words(greeting)],
            _ => Vec::new(),
        }
    }

    /// The events of `detection`, each with the time from the answer and its result.
    pub(super) fn detected(&self, detection: Detection) -> Vec<(Duration, &'static str, &'static str)> {
        let (found, ended) = match detection {
            Detection::Off => return Vec::new(),
            Detection::Premium => {
                ("call.machine.premium.detection.ended", "call.machine.premium.greeting.ended")
            }
            _ => ("call.machine.detection.ended", "call.machine.greeting.ended"),
        };
        let Pickup::Voicemail { greeting, beep } = &self.then else {
            let who = if detection == Detection::Premium { "human_residence" } else { "human" };
            return vec![(DETECTED, found, who)];
        };
        let greeted = speak(VOICE, greeting).duration();
        let machine = (DETECTED, found, "machine");
        let over = match (detection, beep) {
            (Detection::Detect, _) | (Detection::Beep, false) => return vec![machine],
            (Detection::Beep | Detection::Premium, true) => (greeted + BEEP, ended, "beep_detected"),
            (Detection::Premium, false) => (greeted, ended, "prompt_ended"),
            (Detection::Words | Detection::Off, _) => (greeted, ended, "ended"),
        };
        // An early tone makes the other event needless.
        if detection == Detection::Premium && over.0 < DETECTED { vec![over] } else { vec![machine, over] }
    }
}

/// What is to be found out of who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detection {
    Off,
    /// Person or machine.
    Detect,
    /// Also the tone.
    Beep,
    /// Also the end of the greeting.
    Words,
    Premium,
}

impl Detection {
    pub(super) fn read(fields: Fields<'_>) -> Result<Self, Refusal> {
        let known = ["premium", "detect", "detect_beep", "detect_words", "greeting_end", "disabled"];
        Ok(match fields.one_of("answering_machine_detection", &known)? {
            Some("premium") => Self::Premium,
            Some("detect") => Self::Detect,
            Some("detect_beep") => Self::Beep,
            Some("detect_words" | "greeting_end") => Self::Words,
            _ => Self::Off,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_found_at_once_and_a_machine_with_the_end_of_its_greeting() {
        let results = |callee: &Callee, detection| {
            let events = callee.detected(detection).into_iter();
            events.map(|(_, event, result)| format!("{event} {result}")).collect::<Vec<_>>()
        };
        let person = Callee::default();
        assert_eq!(results(&person, Detection::Off), [""; 0]);
        assert_eq!(results(&person, Detection::Words), ["call.machine.detection.ended human"]);
        let machine = Callee::voicemail("You have reached a machine. Leave a message.");
        assert_eq!(results(&machine, Detection::Detect), ["call.machine.detection.ended machine"]);
        assert_eq!(
            results(&machine, Detection::Premium),
            [
                "call.machine.premium.detection.ended machine",
                "call.machine.premium.greeting.ended beep_detected"
            ]
        );
        let early = Callee::voicemail_without_beep("Hi");
        assert_eq!(results(&early, Detection::Premium), ["call.machine.premium.greeting.ended prompt_ended"]);
        assert_eq!(results(&early, Detection::Beep), ["call.machine.detection.ended machine"]);
    }
}
