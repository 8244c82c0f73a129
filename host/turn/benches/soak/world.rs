//! The caller, the carrier and the vendors of a soaked call, each with delays and faults.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::time::Duration;

use bytes::Bytes;
use events::EndReason;
use turn::{
    Attempt, CallTime, CallerFrame, CarrierInput, ClauseId, END_CALL, Input, LlmInput, MarkName,
    OperatorCommand, Output, Round, Sentiment, SpokenWord, SttInput, ToolCall, ToolResult, TtsInput, TurnId,
};

use crate::random::Random;

const FRAME: Duration = Duration::from_millis(20);

/// How often things go wrong in this call, 0 to 1 each.
pub struct Faults {
    vendor_fails: f64,
    vendor_silent: f64,
    frame_lost: f64,
    mark_lost: f64,
    doubled: f64,
    late: f64,
}

impl Faults {
    fn random(random: &mut Random) -> Self {
        // Half of the calls are healthy, and a tenth is a catastrophe.
        let scale = random.pick(&[0.0, 0.0, 0.0, 0.0, 0.0, 0.3, 1.0, 1.0, 2.0, 10.0]);
        Self {
            vendor_fails: 0.03 * scale,
            vendor_silent: 0.02 * scale,
            frame_lost: 0.01 * scale,
            mark_lost: 0.02 * scale,
            doubled: 0.02 * scale,
            late: 0.05 * scale,
        }
    }
}

struct Due {
    at: CallTime,
    order: u64,
    what: Event,
}

enum Event {
    Frame,
    /// The caller begins to speak, or stops.
    Voice(bool),
    Input(Input),
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// All that is outside the call.
pub struct World {
    random: Random,
    faults: Faults,
    due: BinaryHeap<Reverse<Due>>,
    n_due: u64,
    /// The caller speaks.
    speaks: bool,
    /// When the carrier has played all that it has.
    dry_at: CallTime,
    /// Marks that the carrier holds.
    marks: Vec<MarkName>,
    /// When the synthesiser is done with what it was given, and how far into its turn.
    synthesised: (TurnId, CallTime, Duration),
    /// What was cancelled; most of what still was to come of it does not.
    cancelled: BTreeSet<TurnId>,
    /// Whose first audio has gone out.
    handed: Option<TurnId>,
    /// The most events that waited at once.
    pub most_due: usize,
}

impl World {
    /// A world in which the caller hangs up at some time after `length`, if nobody does before.
    pub fn new(mut random: Random, length: Duration) -> Self {
        let faults = Faults::random(&mut random);
        let mut world = Self {
            random,
            faults,
            due: BinaryHeap::new(),
            n_due: 0,
            speaks: false,
            dry_at: Duration::ZERO,
            marks: Vec::new(),
            synthesised: (TurnId(0), Duration::ZERO, Duration::ZERO),
            cancelled: BTreeSet::new(),
            handed: None,
            most_due: 0,
        };
        if !world.random.chance(world.faults.vendor_silent) {
            let connect = world.random.ms(10, 900);
            world.give(connect, Input::Carrier(CarrierInput::Started { stream: "MZ1".into() }));
        }
        let begins = world.random.ms(500, 8000);
        world.put(begins, Event::Voice(true));
        world.put(FRAME, Event::Frame);
        let gone = if world.random.chance(0.8) { CarrierInput::Stopped } else { CarrierInput::Lost };
        world.give(length, Input::Carrier(gone));
        world
    }

    /// The next thing that happens, if before `limit`.
    pub fn next(&mut self, limit: Option<CallTime>) -> Option<(CallTime, Option<Input>)> {
        if let (Some(limit), Some(Reverse(first))) = (limit, self.due.peek())
            && first.at >= limit
        {
            return None;
        }
        let Reverse(Due { at, what, .. }) = self.due.pop()?;
        let input = match what {
            Event::Frame => self.frame(at),
            Event::Voice(speaks) => {
                self.voice(at, speaks);
                None
            }
            Event::Input(input) => self.arriving(input),
        };
        Some((at, input))
    }

    fn put(&mut self, at: CallTime, what: Event) {
        self.due.push(Reverse(Due { at, order: self.n_due, what }));
        self.n_due += 1;
        self.most_due = self.most_due.max(self.due.len());
    }

    fn give(&mut self, at: CallTime, input: Input) {
        if self.random.chance(self.faults.doubled) {
            let again = at + self.random.ms(0, 2000);
            self.put(again, Event::Input(input.clone()));
        }
        let late =
            if self.random.chance(self.faults.late) { self.random.ms(0, 5000) } else { Duration::ZERO };
        self.put(at + late, Event::Input(input));
    }

    /// A vendor that was told to stop sends a little more at most.
    fn arriving(&mut self, input: Input) -> Option<Input> {
        let turn = match &input {
            Input::Llm(turn, ..) | Input::Tts(turn, _) => *turn,
            _ => return Some(input),
        };
        (!self.cancelled.contains(&turn) || self.random.chance(0.1)).then_some(input)
    }

    fn frame(&mut self, at: CallTime) -> Option<Input> {
        let mut next = FRAME + self.random.ms(0, 3);
        if self.random.chance(self.faults.frame_lost / 50.0) {
            next += self.random.ms(200, 4000);
        }
        self.put(at + next, Event::Frame);
        if self.random.chance(self.faults.frame_lost) {
            return None;
        }
        let noise = self.random.share() as f32;
        let (speech, level) = if self.speaks { (0.7 + 0.3 * noise, 0.1) } else { (0.3 * noise, 0.003) };
        let speech = if self.random.chance(self.faults.late / 100.0) { f32::NAN } else { speech };
        Some(Input::CallerAudio(CallerFrame { duration: FRAME, speech, level }))
    }

    fn voice(&mut self, now: CallTime, speaks: bool) {
        self.speaks = speaks;
        if speaks {
            let length = self.random.ms(120, 5000);
            self.put(now + length, Event::Voice(false));
            self.recognise(now, length);
        } else {
            let silence = self.random.ms(100, 9000);
            self.put(now + silence, Event::Voice(true));
            if self.random.chance(0.02) {
                let key = self.random.pick(&['1', '2', '#', '0']);
                self.give(now, Input::Carrier(CarrierInput::Dtmf(key)));
            }
            if self.random.chance(0.01) {
                let command = self.command();
                self.give(now, Input::Operator(command));
            }
        }
    }

    fn command(&mut self) -> OperatorCommand {
        match self.random.below(12) {
            0..6 => OperatorCommand::Say("A colleague will join us. One moment.".into()),
            6..10 => OperatorCommand::Whisper("The caller is a member.".into()),
            10 => {
                OperatorCommand::Transfer { to: "+12025550143".into(), line: Some("I connect you.".into()) }
            }
            _ => OperatorCommand::End { farewell: None, reason: EndReason::Drained },
        }
    }

    fn recognise(&mut self, now: CallTime, length: Duration) {
        if self.random.chance(self.faults.vendor_silent) {
            return;
        }
        if self.random.chance(self.faults.vendor_fails / 3.0) {
            return self.give(now + length, Input::Stt(SttInput::Failed { message: "gone".into() }));
        }
        let text = self.random.pick(&[
            "Tell me a story.",
            "uh huh",
            "Stop!",
            "I would like to book a table for two tomorrow at eight.",
            "yes",
            "and then, um",
            "My number is 555",
            "What does it cost, and can I pay by card?",
            "",
        ]);
        let end = now + length;
        let flux = self.random.chance(0.5);
        let words = text.char_indices().filter(|(_, letter)| *letter == ' ');
        let n_words = text.split(' ').count() as u32;
        for (n, (place, _)) in (1u32..).zip(words) {
            let at = now + length * n / n_words + self.random.ms(50, 300);
            self.give(at, Input::Stt(SttInput::Interim { text: text[..place].into() }));
        }
        let after = end + self.random.ms(100, 700);
        if flux {
            self.give(end, Input::Stt(SttInput::EagerEndOfTurn { text: text.into() }));
            if self.random.chance(0.2) {
                return self.give(after, Input::Stt(SttInput::TurnResumed));
            }
            self.give(after, Input::Stt(SttInput::EndOfTurn { text: text.into() }));
        } else {
            self.give(after, Input::Stt(SttInput::Final { text: text.into(), speech_final: true }));
            self.give(after + Duration::from_secs(1), Input::Stt(SttInput::UtteranceEnd));
        }
    }

    /// Does what the call wants done at `now`.
    pub fn take(&mut self, now: CallTime, output: Output) {
        match output {
            Output::SendAudio { turn, payload } => {
                self.dry_at = self.dry_at.max(now) + Duration::from_millis(payload.len() as u64 / 8);
                if self.handed != Some(turn) {
                    self.handed = Some(turn);
                    self.give(now, Input::Handed(turn));
                }
            }
            Output::SendMark(name) => self.mark(now, name),
            Output::Clear => {
                self.dry_at = now;
                for name in std::mem::take(&mut self.marks) {
                    let back = now + self.random.ms(20, 120);
                    self.give(back, Input::Carrier(CarrierInput::Mark(name)));
                }
            }
            Output::StartLlm { turn, round, attempt, .. } => self.answer(now, turn, round, attempt),
            Output::Speak { turn, clause, text, .. } => self.speak(now, turn, clause, &text),
            Output::SpeechEnd { turn } if !self.random.chance(self.faults.vendor_silent) => {
                let at = self.synthesised.1.max(now) + Duration::from_millis(5);
                self.give(at, Input::Tts(turn, TtsInput::Done));
            }
            Output::Cancel { turn } => {
                self.cancelled.insert(turn);
            }
            Output::CallTool { turn, call } => self.run_tool(now, turn, call.id),
            Output::RecallMemory { turn, .. } if !self.random.chance(self.faults.vendor_silent) => {
                let at = now + self.random.ms(0, 80);
                self.give(at, Input::Memory(turn, vec!["Likes a table by the window.".into()]));
            }
            Output::AssessSentiment { turn, .. } if !self.random.chance(self.faults.vendor_silent) => {
                let at = now + self.random.ms(0, 80);
                let mood = self.mood();
                self.give(at, Input::Sentiment(turn, mood));
            }
            _ => {}
        }
    }

    fn mark(&mut self, now: CallTime, name: MarkName) {
        if self.random.chance(self.faults.mark_lost) {
            return;
        }
        let back = self.dry_at.max(now) + self.random.ms(20, 150);
        // Those already on their way come once more at a clear, as from a carrier that does
        // not know what it has sent.
        if self.marks.len() > 8 {
            self.marks.remove(0);
        }
        self.marks.push(name.clone());
        self.give(back, Input::Carrier(CarrierInput::Mark(name)));
    }

    fn answer(&mut self, now: CallTime, turn: TurnId, round: Round, attempt: Attempt) {
        let to = |llm| Input::Llm(turn, round, llm);
        // The second vendor is a better one.
        let faults = if attempt.0 == 0 { 1.0 } else { 0.5 };
        let mut at = now + self.random.ms(80, 2500);
        if self.random.chance(self.faults.vendor_silent * faults) {
            return;
        }
        if self.random.chance(self.faults.vendor_fails * faults) {
            return self.give(at, to(LlmInput::Failed { message: "overloaded".into() }));
        }
        for _ in 0..self.random.below(7) {
            let text = self.random.pick(&[
                "Of course. ",
                "Once upon a time there was a fox. ",
                "We have a table at eight, ",
                "and it costs 12.50 a head. ",
                "Is that right? ",
                "Dr. Smith says hello",
            ]);
            self.give(at, to(LlmInput::Delta(text.into())));
            at += self.random.ms(5, 300);
        }
        for n in 0..self.random.pick(&[0, 0, 0, 0, 1, 2]) {
            let name = self.random.pick(&["calendar", "crm", "calendar", "crm", "transfer_call", END_CALL]);
            let (id, name) = (format!("{turn}-{}-{n}", round.0), name.into());
            self.give(at, to(LlmInput::ToolCall(ToolCall { id, name, arguments: "{}".into() })));
        }
        if !self.random.chance(self.faults.vendor_silent * faults) {
            self.give(at + Duration::from_millis(5), to(LlmInput::Finished));
        }
    }

    fn speak(&mut self, now: CallTime, turn: TurnId, clause: ClauseId, text: &str) {
        let (of, free, position) = self.synthesised;
        let (mut at, mut position) = if of == turn {
            (free.max(now), position)
        } else {
            (now + self.random.ms(80, 600), Duration::ZERO)
        };
        if self.random.chance(self.faults.vendor_fails) {
            return self.give(at, Input::Tts(turn, TtsInput::Failed { message: "no voice".into() }));
        }
        if self.random.chance(self.faults.vendor_silent) {
            return;
        }
        let length = Duration::from_millis(60) * text.len() as u32;
        let word = text.split(' ').next().unwrap_or_default().to_owned();
        let spoken = SpokenWord { word, start: position, end: position + length / 3 };
        self.give(at, Input::Tts(turn, TtsInput::Words(vec![spoken])));
        let mut left = length.as_millis() as usize * 8;
        while left > 0 {
            let n = left.min(1 + self.random.below(6000));
            self.give(at, Input::Tts(turn, TtsInput::Audio(Bytes::from_static(&VOICE[..n]))));
            at += self.random.ms(1, 250);
            left -= n;
        }
        position += length;
        self.give(at, Input::Tts(turn, TtsInput::ClauseDone(clause)));
        self.synthesised = (turn, at, position);
    }

    fn run_tool(&mut self, now: CallTime, turn: TurnId, id: String) {
        if self.random.chance(self.faults.vendor_silent) {
            return;
        }
        let at = now + self.random.ms(20, 6000);
        let outcome =
            self.random.pick(&["success", "success", "success", "failure", "timeout", "fault"]).into();
        self.give(
            at,
            Input::Tool(ToolResult { turn, id, outcome, text: "A table at eight is free.".into() }),
        );
    }

    fn mood(&mut self) -> Sentiment {
        let score = (self.random.share() * 2.0 - 1.0) as f32;
        Sentiment {
            label: self.random.pick(&["negative", "neutral", "positive"]).into(),
            score,
            confidence: 0.8,
            tone: self.random.pick(&["even", "warm", "calm", "apologetic"]).into(),
            pace: self.random.pick(&["slower", "normal", "faster"]).into(),
            escalate: score < -0.9,
        }
    }
}

static VOICE: [u8; 6000] = [0x55; 6000];
