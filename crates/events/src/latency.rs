//! Latencies as others name them and sum them up.

use serde::{Deserialize, Serialize};

use crate::Latency;

/// The latency of one turn under the names of LiveKit Agents' histograms
/// (`lk.agents.turn.*`), in seconds as there. See [`Latency::metrics`].
///
/// What has no name there, the tools and the wait for the first clause, is in
/// `e2e_latency` only.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// From the caller's end of speech to the agent's first audio: our `total`. There it
    /// ends with the first frame given to the room, here with the first on the carrier's
    /// socket.
    pub e2e_latency: f64,
    /// From the last request to the model to its first token: our `llm_first_token`. With
    /// tools it is the sum over the requests.
    pub llm_ttft: f64,
    /// From the first clause handed to the synthesiser to the first byte of its speech: our
    /// `tts_first_byte`.
    pub tts_ttfb: f64,
    /// From the end of speech to the final transcript: our `endpoint_wait` and `stt_tail`.
    /// Absent without a tail: then the transcript was there before the silence had proved
    /// that the caller was done, and the ledger does not say how long before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcription_delay: Option<f64>,
    /// From the end of speech to the decision that the turn is over: our `endpoint_wait` and
    /// `stt_tail`.
    pub end_of_turn_delay: f64,
    /// What happens between that decision and the request to the model: our `context_wait`,
    /// for memory and sentiment.
    pub on_user_turn_completed_delay: f64,
}

impl Latency {
    /// The same under the names, and in the unit, that dashboards of the field know.
    pub fn metrics(&self) -> Metrics {
        let seconds = |ms: f64| ms / 1000.0;
        let end_of_turn = seconds(self.endpoint_wait + self.stt_tail);
        Metrics {
            e2e_latency: seconds(self.total),
            llm_ttft: seconds(self.llm_first_token),
            tts_ttfb: seconds(self.tts_first_byte),
            transcription_delay: (self.stt_tail > 0.0).then_some(end_of_turn),
            end_of_turn_delay: end_of_turn,
            on_user_turn_completed_delay: seconds(self.context_wait),
        }
    }
}

/// The distribution of one latency over the turns of a call, in milliseconds, with the
/// fields of Retell's `latency` objects. Percentiles are nearest-rank: each is a value that
/// was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The median.
    pub p50: f64,
    /// The 90th percentile.
    pub p90: f64,
    /// The 95th percentile.
    pub p95: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// How many values there are.
    pub num: usize,
    /// The values in the order of the turns.
    pub values: Vec<f64>,
}

impl Summary {
    /// Sums up values in the order of the turns; `None` where there are none. What is no
    /// number is left out.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = |percent: usize| sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1));
        Some(Self {
            p50: *rank(50)?,
            p90: *rank(90)?,
            p95: *rank(95)?,
            p99: *rank(99)?,
            min: *sorted.first()?,
            max: *sorted.last()?,
            num: values.len(),
            values,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_others_follow_from_our_stages() {
        let latency = Latency {
            endpoint_wait: 300.0,
            stt_tail: 50.0,
            context_wait: 10.0,
            llm_first_token: 400.0,
            tools: 0.0,
            first_clause: 40.0,
            tts_first_byte: 150.0,
            host_overhead: 5.0,
            total: 955.0,
            heard_start: Some(1010.0),
        };
        let json = serde_json::to_value(latency.metrics()).unwrap();
        let expected = serde_json::json!({
            "e2e_latency": 0.955,
            "llm_ttft": 0.4,
            "tts_ttfb": 0.15,
            "transcription_delay": 0.35,
            "end_of_turn_delay": 0.35,
            "on_user_turn_completed_delay": 0.01,
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn a_transcript_that_was_there_in_time_has_no_delay_that_is_known() {
        let latency = Latency { endpoint_wait: 300.0, total: 300.0, ..Latency::default() };
        let json = serde_json::to_value(latency.metrics()).unwrap();
        assert_eq!(json.get("transcription_delay"), None);
        assert_eq!(json["end_of_turn_delay"], 0.3);
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values: Vec<f64> = (1..=20).rev().map(f64::from).collect();
        let summary = Summary::of(values.clone()).unwrap();
        assert_eq!((summary.p50, summary.p90, summary.p95, summary.p99), (10.0, 18.0, 19.0, 20.0));
        assert_eq!((summary.min, summary.max, summary.num), (1.0, 20.0, 20));
        assert_eq!(summary.values, values);
    }

    #[test]
    fn one_value_is_every_percentile_and_none_is_no_summary() {
        let summary = Summary::of([f64::NAN, 7.0, f64::INFINITY]).unwrap();
        assert_eq!((summary.p50, summary.p99, summary.num), (7.0, 7.0, 1));
        assert_eq!(Summary::of([f64::NAN]), None);
    }
}
