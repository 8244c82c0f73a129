//! Who answered, by what is heard: the carrier's answering-machine detection in its several kinds.

use tokio::sync::oneshot::Receiver;

use super::error::Refusal;
use super::fields::Fields;
use crate::carrier::machine::{Aim, Detector, Finding, Settings};

/// What is to be found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Person or machine.
    Detect,
    /// Also the tone.
    Beep,
    /// Also the end of the greeting.
    Greeting,
    /// All of it, in its own events and words.
    Premium,
}

/// An event, and its result.
pub(super) type Found = (&'static str, &'static str);

/// Listens to whoever answered.
#[derive(Debug)]
pub(super) struct Detection {
    kind: Kind,
    who: (Detector, Receiver<Finding>),
    end: (Detector, Receiver<Finding>),
    heard_machine: bool,
}

impl Kind {
    /// The kind that a command asks for, if it does.
    pub(super) fn read(fields: Fields<'_>) -> Result<Option<Self>, Refusal> {
        let known = ["premium", "detect", "detect_beep", "detect_words", "greeting_end", "disabled"];
        Ok(match fields.one_of("answering_machine_detection", &known)? {
            Some("premium") => Some(Self::Premium),
            Some("detect") => Some(Self::Detect),
            Some("detect_beep") => Some(Self::Beep),
            Some("detect_words" | "greeting_end") => Some(Self::Greeting),
            _ => None,
        })
    }

    fn person_or_machine(self, finding: &str) -> Found {
        let premium = self == Self::Premium;
        let event =
            if premium { "call.machine.premium.detection.ended" } else { "call.machine.detection.ended" };
        let result = match (finding, premium) {
            ("human", false) => "human",
            ("human", true) => "human_residence",
            ("fax", true) => "fax_detected",
            ("fax", false) => "machine",
            (machine, _) if machine.starts_with("machine") => "machine",
            (_, true) => "silence",
            (_, false) => "not_sure",
        };
        (event, result)
    }

    /// The end of a machine's greeting; `None` where that was not asked for.
    fn greeting_over(self, finding: &str) -> Option<Found> {
        let beep = finding == "machine_end_beep";
        match self {
            Self::Detect => None,
            Self::Beep => beep.then_some(("call.machine.greeting.ended", "beep_detected")),
            Self::Greeting => Some(("call.machine.greeting.ended", "ended")),
            Self::Premium => {
                let result = if beep { "beep_detected" } else { "prompt_ended" };
                Some(("call.machine.premium.greeting.ended", result))
            }
        }
    }
}

impl Detection {
    pub(super) fn new(kind: Kind) -> Self {
        let [who, end] = [Aim::Who, Aim::MessageEnd].map(|aim| Detector::new(Settings::new(aim)));
        Self { kind, who, end, heard_machine: false }
    }

    /// Hears 20 ms, and tells what is known with them.
    pub(super) fn push(&mut self, mulaw: &[u8]) -> Vec<Found> {
        self.who.0.push(mulaw);
        self.end.0.push(mulaw);
        let who = self.who.1.try_recv().ok().map(|finding| finding.answered_by);
        let end = self.end.1.try_recv().ok().map(|finding| finding.answered_by);
        self.heard_machine |= who.is_some_and(|who| who.starts_with("machine"));
        let who = who.map(|who| self.kind.person_or_machine(who));
        let end = end.filter(|end| self.heard_machine && end.starts_with("machine_end"));
        let end = end.and_then(|end| self.kind.greeting_over(end));
        match (who, end) {
            // An early tone makes the other event needless.
            (Some(_), Some(end)) if self.kind == Kind::Premium => vec![end],
            (who, end) => who.into_iter().chain(end).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::callee::{beep, fax};
    use crate::voice::{Speaker, speak};

    const GREETING: &str = "You have reached the office of Byron and company. Leave a message.";

    #[test]
    fn a_person_is_found_by_the_silence_behind_a_short_greeting() {
        assert_eq!(found(Kind::Greeting, "Hello?", &[]), ["call.machine.detection.ended human"]);
        assert_eq!(
            found(Kind::Premium, "Hello?", &[]),
            ["call.machine.premium.detection.ended human_residence"]
        );
    }

    #[test]
    fn a_machine_is_found_and_the_end_of_its_greeting_as_it_was_asked_for() {
        let machine = "call.machine.detection.ended machine";
        assert_eq!(found(Kind::Detect, GREETING, &beep()), [machine]);
        assert_eq!(
            found(Kind::Beep, GREETING, &beep()),
            [machine, "call.machine.greeting.ended beep_detected"]
        );
        assert_eq!(found(Kind::Beep, GREETING, &[]), [machine], "there was no tone");
        assert_eq!(found(Kind::Greeting, GREETING, &[]), [machine, "call.machine.greeting.ended ended"]);
        assert_eq!(
            found(Kind::Premium, GREETING, &[]),
            [
                "call.machine.premium.detection.ended machine",
                "call.machine.premium.greeting.ended prompt_ended"
            ]
        );
    }

    #[test]
    fn an_early_tone_comes_instead_of_the_other_event() {
        assert_eq!(
            found(Kind::Premium, "Hi", &beep()),
            ["call.machine.premium.greeting.ended beep_detected"]
        );
    }

    #[test]
    fn nothing_and_a_fax_are_told_apart_by_premium_only() {
        assert_eq!(found(Kind::Premium, "", &[]), ["call.machine.premium.detection.ended silence"]);
        assert_eq!(found(Kind::Detect, "", &[]), ["call.machine.detection.ended not_sure"]);
        assert_eq!(found(Kind::Premium, "", &fax()), ["call.machine.premium.detection.ended fax_detected"]);
    }

    fn found(kind: Kind, greeting: &str, tone: &[u8]) -> Vec<String> {
        let mut sound = if greeting.is_empty() { Vec::new() } else { speak(Speaker::Low, greeting).mulaw() };
        sound.extend_from_slice(tone);
        sound.resize(sound.len() + 6 * 8_000, 0xFF);
        let mut detection = Detection::new(kind);
        let found = sound.chunks(160).flat_map(|frame| detection.push(frame));
        found.map(|(event, result)| format!("{event} {result}")).collect()
    }
}
