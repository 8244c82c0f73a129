use super::*;

use Who::{Human, Menu, Unknown, Unreachable, Voicemail};

/// What is said, with when it begins and ends in seconds.
type Said = (f64, f64, &'static str);

const PEOPLE: &[(&[Said], Who, f64)] = &[
    (&[(0.5, 1.0, "Hello?")], Human, 1.5),
    (&[(0.5, 0.9, "Yes?")], Human, 1.4),
    (&[(3.0, 3.5, "Hello?")], Human, 4.0),
    (&[(0.4, 1.9, "Yes, Smith speaking.")], Human, 2.4),
    (&[(0.5, 1.6, "Hi, this is Bob.")], Human, 2.1),
    (&[(0.5, 2.9, "Good morning, Miller and Sons.")], Human, 3.4),
    (&[(0.5, 4.2, "Acme Corporation, this is Jane, how may I help you?")], Human, 4.7),
    (&[(0.3, 4.0, "Thank you for calling Riverside Dental, how may I direct your call?")], Human, 4.5),
    (&[(0.3, 4.1, "You've reached the front desk, who's calling please?")], Human, 4.6),
    (&[(0.5, 4.0, "I'm sorry, John is not available, can I take a message?")], Human, 4.5),
    (&[(0.5, 4.5, "Hang on a second I am just getting out of the car okay go ahead")], Human, 5.0),
    (&[(0.5, 0.9, "Hello?"), (1.2, 1.6, "Hello?")], Human, 2.1),
    (&[(0.5, 1.5, "")], Human, 2.0),
    (&[(0.5, 1.4, "Hallo, Schmidt am Apparat.")], Human, 1.9),
    (&[(0.5, 1.2, "¿Diga?")], Human, 1.7),
    (&[(0.5, 1.2, "Allô oui?")], Human, 1.7),
    (&[(0.5, 1.8, "You've reached Bob.")], Human, 3.3),
];

const MACHINES: &[(&[Said], Who, f64)] = &[
    (&[(0.5, 5.0, "Hi, you've reached Ann. Please leave a message after the beep.")], Voicemail, 5.3),
    (&[(0.5, 4.0, "Your call has been forwarded to an automatic voice message system.")], Voicemail, 4.3),
    (&[(0.5, 4.0, "The person you are calling is unable to take your call.")], Voicemail, 4.3),
    (&[(0.5, 3.0, "The mailbox is full and cannot accept messages.")], Voicemail, 3.3),
    (&[(0.5, 4.5, "Hi it's Tom, I can't come to the phone, I'll call you back.")], Voicemail, 4.8),
    (&[(0.5, 4.0, "You have reached 555 0143. Nobody is home right now.")], Voicemail, 5.5),
    (&[(0.5, 1.8, "You've reached Bob."), (2.6, 4.5, "Leave your name and number.")], Voicemail, 4.8),
    (&[(0.5, 4.0, "At the tone, please record your message.")], Voicemail, 4.3),
    (
        &[(0.5, 4.0, "Google Voice. The subscriber is unavailable, they will get back to you.")],
        Voicemail,
        4.3,
    ),
    (&[(0.5, 4.0, "Bitte hinterlassen Sie eine Nachricht nach dem Signalton.")], Voicemail, 4.3),
    (&[(0.5, 3.0, "Dies ist die Mailbox von Erika Muster.")], Voicemail, 3.3),
    (&[(0.5, 4.0, "Por favor, deje su mensaje después del tono.")], Voicemail, 4.3),
    (&[(0.5, 4.0, "Bonjour, laissez un message après le bip.")], Voicemail, 4.3),
    (&[(0.5, 6.0, "To leave a message after the tone, stay on the line, or press 1.")], Voicemail, 6.3),
    (&[(0.5, 4.0, "The number you have dialed is not in service.")], Unreachable, 5.5),
    (&[(0.5, 4.0, "Kein Anschluss unter dieser Nummer.")], Unreachable, 5.5),
    (&[(0.5, 5.0, "The number you have dialed is busy. Leave a message after the tone.")], Voicemail, 5.3),
    (&[(0.5, 4.0, "For sales, press 1. For support, press 2.")], Menu, 4.5),
    (&[(0.5, 4.0, "Please listen carefully as our options have changed.")], Menu, 4.5),
    (&[(0.5, 3.5, "Para español, oprima el dos.")], Menu, 4.0),
    (&[(0.5, 4.0, "To leave a message, press 3.")], Menu, 4.5),
    (&[(0.5, 3.5, "Für Deutsch drücken Sie bitte die eins.")], Menu, 4.0),
];

const SOUNDS: &[(&[Said], Who, f64)] = &[
    (&[], Unknown, 4.0),
    (&[(1.0, 40.0, "")], Unknown, 20.0),
    // Nobody talks for so long to a telephone that is silent.
    (&[(1.0, 19.0, "and in the second place"), (19.1, 40.0, "")], Voicemail, 20.0),
    (&[(0.5, 5.0, "")], Human, 6.5),
];

#[test]
fn people_machines_and_sounds_are_told_apart_in_time() {
    for (said, who, at) in PEOPLE.iter().chain(MACHINES).chain(SOUNDS) {
        let mut timeline = Timeline::new(said);
        let (decided, found, reason) = timeline.decision();
        assert_eq!(found, *who, "{said:?}: {reason}");
        assert!((decided - at).abs() < 0.011, "{said:?} at {decided}, not {at}: {reason}");
    }
}

#[test]
fn a_voicemail_is_spoken_to_when_it_has_been_silent_for_long_enough() {
    let said: &[Said] = &[(0.5, 4.0, "Leave a message after the beep."), (4.8, 5.2, "")];
    let mut timeline = Timeline::new(said);
    assert_eq!(timeline.decision().1, Voicemail);
    assert!((timeline.speak() - 6.7).abs() < 0.011);
}

#[test]
fn a_voicemail_that_never_stops_is_spoken_to_all_the_same() {
    let mut timeline = Timeline::new(&[(0.5, 4.0, "Leave a message after the beep."), (4.1, 90.0, "")]);
    let (decided, ..) = timeline.decision();
    assert!((timeline.speak() - decided - 20.0).abs() < 0.011);
}

#[test]
fn interims_count() {
    let mut screen = Screen::new(&Screening::default(), Duration::ZERO);
    screen.voice(secs(0.5));
    screen.words(secs(2.0), "please leave a mess", false);
    assert_eq!(screen.poll(secs(2.0)), None);
    screen.words(secs(2.2), "please leave a message", false);
    assert!(matches!(screen.poll(secs(2.2)), Some(Step::Decided(Voicemail, _))));
}

#[test]
fn a_machine_that_was_taken_for_a_human_is_known_by_two_phrases_within_half_a_minute() {
    for (at, text, expected) in [
        (8.0, "I can't come to the phone. Leave a message.", true),
        (8.0, "Please leave a message.", false),
        (8.0, "I am unavailable on Monday, call you back as soon as possible.", false),
        (31.0, "Leave a message after the tone.", false),
    ] {
        let mut timeline = Timeline::new(&[(0.5, 1.0, "Hi, Bob.")]);
        assert_eq!(timeline.decision().1, Human);
        timeline.screen.words(secs(at), text, true);
        let step = timeline.screen.poll(secs(at));
        assert_eq!(matches!(step, Some(Step::Decided(Voicemail, _))), expected, "{text} at {at}");
    }
}

/// A call with voice edges as late as the detector's and words as late as a recogniser's.
struct Timeline {
    screen: Screen,
    said: &'static [Said],
    tick: u32,
    /// When the screen wanted to look again.
    due: Option<Duration>,
}

impl Timeline {
    fn new(said: &'static [Said]) -> Self {
        Self { screen: Screen::new(&Screening::default(), Duration::ZERO), said, tick: 0, due: None }
    }

    fn decision(&mut self) -> (f64, Who, &'static str) {
        match self.step() {
            (at, Step::Decided(who, reason)) => (at, who, reason),
            step => panic!("{step:?}"),
        }
    }

    fn speak(&mut self) -> f64 {
        match self.step() {
            (at, Step::Speak) => at,
            step => panic!("{step:?}"),
        }
    }

    /// Goes on, 10 ms at a time, until something is to be done.
    fn step(&mut self) -> (f64, Step) {
        let at = |ms: u32| Duration::from_millis(u64::from(ms));
        while self.tick < 60_000 {
            self.tick += 10;
            let now = at(self.tick);
            let mut text = String::new();
            let mut is_due = self.due.is_none_or(|due| due <= now);
            for (from, to, words) in self.said {
                text = format!("{text} {words}");
                if now == secs(*from) + at(100) {
                    is_due = true;
                    self.screen.voice(secs(*from));
                }
                if now == secs(*to) + at(200) {
                    is_due = true;
                    self.screen.silence(secs(*to));
                }
                if now == secs(*to) + at(300) && !words.is_empty() {
                    is_due = true;
                    self.screen.words(now, text.trim(), true);
                }
            }
            if let Some(step) = self.screen.poll(now) {
                assert!(is_due, "nobody would have looked at {now:?}");
                self.due = self.screen.next_poll(now);
                return (now.as_secs_f64(), step);
            }
            self.due = self.screen.next_poll(now);
            assert!(self.due.is_none_or(|due| due > now));
        }
        panic!("{:?} is never decided", self.said);
    }
}

fn secs(secs: f64) -> Duration {
    Duration::from_millis((secs * 1000.0).round() as u64)
}
