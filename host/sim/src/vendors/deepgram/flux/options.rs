//! What a client asks of Flux, in the URL and while it runs.

use std::time::Duration;

use serde_json::{Value, json};

use crate::vendors::deepgram::query::{self, Encoding};

/// The options of one stream.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::vendors::deepgram) struct Options {
    pub(super) encoding: Encoding,
    pub(super) thresholds: Thresholds,
    /// Whether languages are told, and which are expected.
    pub(super) hints: Option<Vec<String>>,
}

/// When a turn is over.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Thresholds {
    pub(super) end: f64,
    pub(super) eager: Option<f64>,
    pub(super) timeout: Duration,
}

impl Thresholds {
    /// What is wrong with them, if anything.
    fn checked(self) -> Result<Self, String> {
        let ms = self.timeout.as_millis();
        match self.eager {
            _ if !(0.5..=1.0).contains(&self.end) => Err("`eot_threshold` must be 0.5 to 1.0.".into()),
            Some(eager) if !(0.3..=0.9).contains(&eager) => {
                Err("`eager_eot_threshold` must be 0.3 to 0.9.".into())
            }
            Some(eager) if eager > self.end => {
                Err("`eager_eot_threshold` must not be above `eot_threshold`.".into())
            }
            _ if !(500..=60_000).contains(&ms) => Err("`eot_timeout_ms` must be 500 to 60000.".into()),
            _ => Ok(self),
        }
    }

    /// Changes what a `Configure` message names; a null takes the eager one away.
    pub(super) fn changed(&self, message: &Value) -> Result<Self, String> {
        let mut changed = self.clone();
        if let Some(end) = message.get("eot_threshold") {
            changed.end = end.as_f64().ok_or("`eot_threshold` must be a number.")?;
        }
        if let Some(eager) = message.get("eager_eot_threshold") {
            changed.eager = eager.as_f64();
        }
        if let Some(timeout) = message.get("eot_timeout_ms") {
            let ms = timeout.as_u64().ok_or("`eot_timeout_ms` must be a whole number.")?;
            changed.timeout = Duration::from_millis(ms);
        }
        changed.checked()
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "eot_threshold": self.end,
            "eager_eot_threshold": self.eager,
            "eot_timeout_ms": self.timeout.as_millis() as u64,
        })
    }
}

/// Reads the query string, or says what is wrong with it.
pub(in crate::vendors::deepgram) fn parse(query: &str) -> Result<Options, String> {
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let get = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let number = |name: &str| {
        get(name)
            .map(|value| {
                value.parse::<f64>().map_err(|_| format!("`{name}` must be a number, not `{value}`."))
            })
            .transpose()
    };
    for foreign in ["interim_results", "endpointing", "utterance_end_ms", "vad_events", "language"] {
        if get(foreign).is_some() {
            return Err(format!("`{foreign}` is unknown to /v2/listen."));
        }
    }
    let multilingual = match get("model") {
        Some("flux-general-en") => false,
        Some("flux-general-multi") => true,
        _ => return Err("`model` must be flux-general-en or flux-general-multi.".into()),
    };
    let hints: Vec<String> =
        pairs.iter().filter(|(key, _)| key == "language_hint").map(|(_, value)| value.clone()).collect();
    if !multilingual && !hints.is_empty() {
        return Err("`language_hint` needs flux-general-multi.".into());
    }
    let timeout = number("eot_timeout_ms")?.unwrap_or(5_000.0);
    let thresholds = Thresholds {
        end: number("eot_threshold")?.unwrap_or(0.7),
        eager: number("eager_eot_threshold")?,
        timeout: Duration::try_from_secs_f64(timeout / 1_000.0).unwrap_or_default(),
    };
    Ok(Options {
        encoding: query::encoding(get("encoding"), get("sample_rate"))?,
        thresholds: thresholds.checked()?,
        hints: multilingual.then_some(hints),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "model=flux-general-en&encoding=mulaw&sample_rate=8000&eot_threshold=0.8\
        &eager_eot_threshold=0.4&eot_timeout_ms=3000&keyterm=a";

    #[test]
    fn a_telephone_stream_is_accepted() {
        let options = parse(GOOD).unwrap();
        let thresholds = Thresholds { end: 0.8, eager: Some(0.4), timeout: Duration::from_secs(3) };
        assert_eq!((options.thresholds, options.hints), (thresholds, None));
    }

    #[test]
    fn mistakes_are_named() {
        for (from, to, word) in [
            ("flux-general-en", "nova-3", "flux-general-multi"),
            ("encoding=mulaw", "encoding=opus", "opus"),
            ("sample_rate=8000", "sample_rate=16000", "8000"),
            ("eot_threshold=0.8", "eot_threshold=1.1", "eot_threshold"),
            ("eager_eot_threshold=0.4", "eager_eot_threshold=0.2", "0.3"),
            ("eager_eot_threshold=0.4", "eager_eot_threshold=0.9", "above"),
            ("eot_timeout_ms=3000", "eot_timeout_ms=499", "eot_timeout_ms"),
            ("keyterm=a", "interim_results=true", "interim_results"),
            ("keyterm=a", "language_hint=de", "language_hint"),
        ] {
            let message = parse(&GOOD.replace(from, to)).unwrap_err();
            assert!(message.contains(word), "{message}");
        }
    }

    #[test]
    fn a_configuration_changes_what_it_names_and_nothing_else() {
        let thresholds = parse(GOOD).unwrap().thresholds;
        let changed = thresholds.changed(&json!({ "eot_timeout_ms": 900 })).unwrap();
        assert_eq!(changed, Thresholds { timeout: Duration::from_millis(900), ..thresholds.clone() });
        assert_eq!(thresholds.changed(&json!({ "eager_eot_threshold": null })).unwrap().eager, None);
        assert!(thresholds.changed(&json!({ "eot_threshold": 2 })).is_err());
    }
}
