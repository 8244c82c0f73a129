//! Where the time of a turn went.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a turn is waiting for. At every moment of a turn it is exactly one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The silence that proves that the caller is done.
    EndpointWait,
    /// The rest of the transcript, after that silence.
    SttTail,
    /// Memory and sentiment that were not there yet.
    ContextWait,
    /// The model's first token, or its decision to call a tool.
    LlmFirstToken,
    /// Tools.
    Tools,
    /// Enough of the model's words to speak.
    FirstClause,
    /// The first byte of speech.
    TtsFirstByte,
    /// Our own work: from the first byte of speech until it is written to the carrier's
    /// socket.
    HostOverhead,
}

impl Stage {
    /// All stages, in the order of a plain turn.
    pub const ALL: [Self; 8] = [
        Self::EndpointWait,
        Self::SttTail,
        Self::ContextWait,
        Self::LlmFirstToken,
        Self::Tools,
        Self::FirstClause,
        Self::TtsFirstByte,
        Self::HostOverhead,
    ];
}

/// The latency of one turn in milliseconds, from the caller's true end of
/// speech to the first audio on the carrier's socket. The stages sum to the total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// See [`Stage::EndpointWait`].
    pub endpoint_wait: f64,
    /// See [`Stage::SttTail`].
    pub stt_tail: f64,
    /// See [`Stage::ContextWait`].
    pub context_wait: f64,
    /// See [`Stage::LlmFirstToken`].
    pub llm_first_token: f64,
    /// See [`Stage::Tools`].
    pub tools: f64,
    /// See [`Stage::FirstClause`].
    pub first_clause: f64,
    /// See [`Stage::TtsFirstByte`].
    pub tts_first_byte: f64,
    /// See [`Stage::HostOverhead`].
    pub host_overhead: f64,
    /// From the caller's end of speech to the first audio on the carrier's socket.
    pub total: f64,
    /// From the caller's end of speech to the moment when the caller began to hear the
    /// answer, by the first mark that came back: the way back of the mark is in it.
    /// Absent where no mark came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_start: Option<f64>,
}

/// A stopwatch that is always in exactly one stage, so that the stages sum to
/// the total by construction.
#[derive(Clone, Debug)]
pub struct LedgerClock {
    began: Duration,
    since: Duration,
    stage: Stage,
    spent_us: [u64; Stage::ALL.len()],
}

impl LedgerClock {
    /// Starts in [`Stage::EndpointWait`] at the caller's end of speech.
    pub fn new(end_of_speech: Duration) -> Self {
        Self {
            began: end_of_speech,
            since: end_of_speech,
            stage: Stage::EndpointWait,
            spent_us: [0; Stage::ALL.len()],
        }
    }

    /// When the caller's speech ended.
    pub fn began(&self) -> Duration {
        self.began
    }

    /// Goes over to `stage` at `now`. A time before the last one counts as the
    /// last one.
    pub fn enter(&mut self, stage: Stage, now: Duration) {
        let elapsed = micros(now).saturating_sub(micros(self.since));
        if let Some(spent) = self.spent_us.get_mut(self.stage as usize) {
            *spent += elapsed;
        }
        self.since = self.since.max(now);
        self.stage = stage;
    }

    /// Stops at `now`.
    pub fn finish(mut self, now: Duration) -> Latency {
        self.enter(self.stage, now);
        let ms =
            |stage: Stage| self.spent_us.get(stage as usize).copied().unwrap_or_default() as f64 / 1000.0;
        Latency {
            endpoint_wait: ms(Stage::EndpointWait),
            stt_tail: ms(Stage::SttTail),
            context_wait: ms(Stage::ContextWait),
            llm_first_token: ms(Stage::LlmFirstToken),
            tools: ms(Stage::Tools),
            first_clause: ms(Stage::FirstClause),
            tts_first_byte: ms(Stage::TtsFirstByte),
            host_overhead: ms(Stage::HostOverhead),
            total: self.spent_us.iter().sum::<u64>() as f64 / 1000.0,
            heard_start: None,
        }
    }
}

impl Latency {
    /// The stages in order, for tables.
    pub fn stages(&self) -> [(&'static str, f64); 8] {
        [
            ("endpoint_wait", self.endpoint_wait),
            ("stt_tail", self.stt_tail),
            ("context_wait", self.context_wait),
            ("llm_first_token", self.llm_first_token),
            ("tools", self.tools),
            ("first_clause", self.first_clause),
            ("tts_first_byte", self.tts_first_byte),
            ("host_overhead", self.host_overhead),
        ]
    }

    /// Whether the stages sum to the total, to the microsecond.
    pub fn closes(&self) -> bool {
        let micros = |ms: f64| (ms * 1000.0).round() as i64;
        self.stages().iter().map(|(_, ms)| micros(*ms)).sum::<i64>() == micros(self.total)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stages_sum_to_the_total() {
        let at = Duration::from_micros;
        let mut clock = LedgerClock::new(at(1_000_003));
        for (stage, time) in [
            (Stage::SttTail, 1_200_007),
            (Stage::ContextWait, 1_200_011),
            (Stage::LlmFirstToken, 1_200_012),
            (Stage::Tools, 1_400_000),
            (Stage::LlmFirstToken, 1_450_001),
            (Stage::TtsFirstByte, 1_600_000),
        ] {
            clock.enter(stage, at(time));
        }
        let latency = clock.finish(at(1_700_009));
        assert!(latency.closes(), "{latency:?}");
        assert_eq!(latency.total, 700.006);
        assert_eq!(latency.llm_first_token, 349.987);
    }

    #[test]
    fn a_clock_that_goes_back_costs_nothing() {
        let mut clock = LedgerClock::new(Duration::from_millis(10));
        clock.enter(Stage::SttTail, Duration::from_millis(5));
        let latency = clock.finish(Duration::from_millis(11));
        assert_eq!(latency.endpoint_wait, 0.0);
        assert_eq!(latency.total, 1.0);
    }
}
