//! What a configuration may be.

use std::time::Duration;

use super::AgentConfig;

/// What is wrong with an agent's configuration.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A text that must not be empty is.
    #[error("`{key}` must not be empty")]
    Empty {
        /// The key.
        key: &'static str,
    },
    /// A text is too long.
    #[error("`{key}` has {length} bytes, at most {limit} are allowed")]
    TooLong {
        /// The key.
        key: &'static str,
        /// Its length.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// A number is out of its range.
    #[error("`{key}` is {value}, it must be between {min} and {max}")]
    OutOfRange {
        /// The key.
        key: &'static str,
        /// Its value; milliseconds for durations.
        value: f64,
        /// The least allowed.
        min: f64,
        /// The most allowed.
        max: f64,
    },
    /// A telephone number is none.
    #[error("`{key}` must be a telephone number in the form +12025550143 (E.164)")]
    NotANumber {
        /// The key.
        key: &'static str,
    },
    /// Two settings contradict each other.
    #[error("`{first}` must not be more than `{second}`")]
    Order {
        /// The key that must not be more.
        first: &'static str,
        /// The key that must not be less.
        second: &'static str,
    },
}

impl AgentConfig {
    /// Checks every setting against its range and against the others.
    ///
    /// # Errors
    /// The first setting that is wrong, by its key.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.validate_texts()?;
        self.validate_turn_taking()?;
        self.validate_timers()?;
        self.validate_screening()?;
        number("speculation.max_per_turn", f64::from(self.speculation.max_per_turn), 0.0, 10.0)?;
        number("max_turns", f64::from(self.max_turns), 1.0, 10_000.0)?;
        number("max_tool_rounds", f64::from(self.max_tool_rounds), 0.0, 10.0)
    }

    fn validate_screening(&self) -> Result<(), ConfigError> {
        let screening = &self.screening;
        length("screening.voicemail_message", &screening.voicemail_message, MAX_LINE)?;
        for (key, value, min, max) in [
            ("screening.human_speech_ms", screening.human_speech, 500, 10_000),
            ("screening.human_silence_ms", screening.human_silence, 200, 3_000),
            ("screening.machine_silence_ms", screening.machine_silence, 500, 5_000),
            ("screening.no_speech_ms", screening.no_speech, 500, 30_000),
            ("screening.timeout_ms", screening.timeout, 2_000, 120_000),
        ] {
            duration(key, value, min, max)?;
        }
        if screening.no_speech > screening.timeout {
            let (first, second) = ("screening.no_speech_ms", "screening.timeout_ms");
            return Err(ConfigError::Order { first, second });
        }
        Ok(())
    }

    fn validate_texts(&self) -> Result<(), ConfigError> {
        for (key, text) in
            [("instructions", &self.instructions), ("apology", &self.apology), ("farewell", &self.farewell)]
        {
            if text.trim().is_empty() {
                return Err(ConfigError::Empty { key });
            }
        }
        length("instructions", &self.instructions, MAX_INSTRUCTIONS)?;
        for (key, text) in [
            ("greeting", &self.greeting),
            ("recovery", &self.recovery),
            ("reprompt", &self.reprompt),
            ("apology", &self.apology),
            ("farewell", &self.farewell),
        ] {
            length(key, text, MAX_LINE)?;
        }
        number("fillers", self.fillers.len() as f64, 0.0, MAX_FILLERS)?;
        for filler in &self.fillers {
            if filler.trim().is_empty() {
                return Err(ConfigError::Empty { key: "fillers" });
            }
            length("fillers", filler, MAX_LINE)?;
        }
        if let Some(briefing) = &self.transfer_briefing {
            if briefing.trim().is_empty() {
                return Err(ConfigError::Empty { key: "transfer_briefing" });
            }
            length("transfer_briefing", briefing, MAX_LINE)?;
        }
        match &self.transfer_to {
            Some(number) if !is_e164(number) => Err(ConfigError::NotANumber { key: "transfer_to" }),
            _ => Ok(()),
        }
    }

    fn validate_turn_taking(&self) -> Result<(), ConfigError> {
        let Self { barge_in, endpointing, playout, .. } = self;
        number("endpointing.speech_threshold", f64::from(endpointing.speech_threshold), 0.2, 0.95)?;
        number("endpointing.level_floor", f64::from(endpointing.level_floor), 0.0, 0.2)?;
        number("endpointing.echo_floor", f64::from(endpointing.echo_floor), 0.0, 0.5)?;
        number("endpointing.echo_margin", f64::from(endpointing.echo_margin), 0.0, 10.0)?;
        number("endpointing.learn_weight", f64::from(endpointing.learn_weight), 0.0, 1.0)?;
        number("barge_in.min_words", f64::from(barge_in.min_words), 1.0, 10.0)?;
        for (key, value, min, max) in [
            ("barge_in.pause_after_ms", barge_in.pause_after, 40, 5_000),
            ("barge_in.confirm_after_ms", barge_in.confirm_after, 40, 5_000),
            ("barge_in.decide_ms", barge_in.decide, 100, 5_000),
            ("barge_in.resume_ms", barge_in.resume, 100, 10_000),
            ("endpointing.vad_start_ms", endpointing.vad_start, 20, 1_000),
            ("endpointing.vad_window_ms", endpointing.vad_window, 40, 1_000),
            ("endpointing.vad_stop_ms", endpointing.vad_stop, 60, 2_000),
            ("endpointing.stt_wait_ms", endpointing.stt_wait, 0, 3_000),
            ("endpointing.complete_ms", endpointing.complete, 0, 3_000),
            ("endpointing.unfinished_ms", endpointing.unfinished, 0, 5_000),
            ("endpointing.trailing_ms", endpointing.trailing, 0, 5_000),
            ("endpointing.answer_ms", endpointing.answer, 0, 3_000),
            ("endpointing.learn_max_ms", endpointing.learn_max, 0, 3_000),
            ("endpointing.stalled_ms", endpointing.stalled, 100, 5_000),
            ("endpointing.max_wait_ms", endpointing.max_wait, 200, 10_000),
            ("endpointing.watchdog_ms", endpointing.watchdog, 200, 30_000),
            ("playout.lead_ms", playout.lead, 100, 2_000),
            ("playout.mark_every_ms", playout.mark_every, 100, 5_000),
        ] {
            duration(key, value, min, max)?;
        }
        for (first, second, holds) in [
            (
                "barge_in.pause_after_ms",
                "barge_in.confirm_after_ms",
                barge_in.pause_after <= barge_in.confirm_after,
            ),
            ("barge_in.decide_ms", "barge_in.resume_ms", barge_in.decide <= barge_in.resume),
            (
                "endpointing.vad_start_ms",
                "endpointing.vad_window_ms",
                endpointing.vad_start <= endpointing.vad_window,
            ),
            ("endpointing.answer_ms", "endpointing.complete_ms", endpointing.answer <= endpointing.complete),
            (
                "endpointing.complete_ms",
                "endpointing.learn_max_ms",
                !endpointing.learn || endpointing.complete <= endpointing.learn_max,
            ),
            (
                "endpointing.complete_ms",
                "endpointing.unfinished_ms",
                endpointing.complete <= endpointing.unfinished,
            ),
            (
                "endpointing.unfinished_ms",
                "endpointing.trailing_ms",
                endpointing.unfinished <= endpointing.trailing,
            ),
            (
                "endpointing.trailing_ms",
                "endpointing.max_wait_ms",
                endpointing.trailing <= endpointing.max_wait,
            ),
            (
                "endpointing.max_wait_ms",
                "endpointing.watchdog_ms",
                endpointing.max_wait <= endpointing.watchdog,
            ),
        ] {
            if !holds {
                return Err(ConfigError::Order { first, second });
            }
        }
        Ok(())
    }

    fn validate_timers(&self) -> Result<(), ConfigError> {
        let timers = &self.timers;
        for (key, value, min, max) in [
            ("timers.connect_ms", timers.connect, 500, 60_000),
            ("timers.first_token_ms", timers.first_token, 500, 60_000),
            ("timers.model_ms", timers.model, 500, 60_000),
            ("timers.filler_ms", timers.filler, 0, 60_000),
            ("timers.retry_ms", timers.retry, 0, 5_000),
            ("timers.speech_ms", timers.speech, 500, 60_000),
            ("timers.tool_ms", timers.tool, 100, 120_000),
            ("timers.context_ms", timers.context, 0, 2_000),
            ("timers.silence_ms", timers.silence, 2_000, 600_000),
            ("timers.caller_turn_ms", timers.caller_turn, 5_000, 600_000),
            ("timers.keypad_ms", timers.keypad, 500, 20_000),
            ("timers.playback_ms", timers.playback, 100, 10_000),
            ("timers.close_ms", timers.close, 1_000, 30_000),
            ("timers.max_duration_ms", timers.max_duration, 60_000, 14_400_000),
        ] {
            duration(key, value, min, max)?;
        }
        Ok(())
    }
}

/// Enough for a long prompt with examples, little enough for every request.
const MAX_INSTRUCTIONS: usize = 64 * 1024;
/// A minute of speech.
const MAX_LINE: usize = 1_000;
const MAX_FILLERS: f64 = 20.0;

/// Whether a text is a telephone number as ITU-T E.164 has it: a plus sign and up to 15
/// digits, the first not zero.
pub(crate) fn is_e164(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or_default();
    (5..=15).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0')
}

fn length(key: &'static str, text: &str, limit: usize) -> Result<(), ConfigError> {
    if text.len() > limit {
        return Err(ConfigError::TooLong { key, length: text.len(), limit });
    }
    Ok(())
}

fn duration(key: &'static str, value: Duration, min: u32, max: u32) -> Result<(), ConfigError> {
    number(key, value.as_secs_f64() * 1000.0, f64::from(min), f64::from(max))
}

fn number(key: &'static str, value: f64, min: f64, max: f64) -> Result<(), ConfigError> {
    if (min..=max).contains(&value) { Ok(()) } else { Err(ConfigError::OutOfRange { key, value, min, max }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::BargeIn;

    #[test]
    fn the_defaults_are_valid() {
        AgentConfig::default().validate().unwrap();
    }

    #[test]
    fn the_defaults_survive_json() {
        let json = serde_json::to_string(&AgentConfig::default()).unwrap();
        assert!(json.contains("\"lead_ms\":300"), "{json}");
        assert_eq!(serde_json::from_str::<AgentConfig>(&json).unwrap(), AgentConfig::default());
    }

    #[test]
    fn missing_keys_have_their_defaults() {
        let config: AgentConfig =
            serde_json::from_str(r#"{"instructions":"Be brief.","timers":{"silence_ms":4000}}"#).unwrap();
        assert_eq!(config.timers.silence, Duration::from_secs(4));
        assert_eq!(config.timers.model, Duration::from_secs(8));
        assert_eq!(config.barge_in, BargeIn::default());
    }

    #[test]
    fn unknown_keys_are_refused_at_every_level() {
        for json in [
            r#"{"greetings":"Hi"}"#,
            r#"{"barge_in":{"enabld":true}}"#,
            r#"{"endpointing":{"vad_stop":200}}"#,
            r#"{"playout":{"lead":300}}"#,
            r#"{"timers":{"model_s":8}}"#,
        ] {
            let error = serde_json::from_str::<AgentConfig>(json).unwrap_err();
            assert!(error.to_string().contains("unknown field"), "{error}");
        }
    }

    #[test]
    fn a_setting_out_of_range_is_named() {
        let mut config = AgentConfig::default();
        config.playout.lead = Duration::from_secs(60);
        assert_eq!(
            config.validate().unwrap_err().to_string(),
            "`playout.lead_ms` is 60000, it must be between 100 and 2000"
        );
    }

    #[test]
    fn contradicting_settings_are_named() {
        let mut config = AgentConfig::default();
        config.barge_in.pause_after = Duration::from_millis(600);
        assert_eq!(
            config.validate().unwrap_err().to_string(),
            "`barge_in.pause_after_ms` must not be more than `barge_in.confirm_after_ms`"
        );
    }

    #[test]
    fn a_number_that_is_none_is_out_of_range() {
        let mut config = AgentConfig::default();
        config.endpointing.speech_threshold = f32::NAN;
        assert!(matches!(config.validate(), Err(ConfigError::OutOfRange { .. })));
    }

    #[test]
    fn an_agent_needs_words_for_the_worst_case() {
        let config = AgentConfig { apology: "  ".into(), ..AgentConfig::default() };
        assert_eq!(config.validate(), Err(ConfigError::Empty { key: "apology" }));
    }
}
