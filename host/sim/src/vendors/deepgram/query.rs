//! What a client asks of the recogniser in the URL.

use std::time::Duration;

/// Endpointing where the client says nothing: 10 ms, the service's default.
const DEFAULT_ENDPOINTING: Duration = Duration::from_millis(10);

/// The least `utterance_end_ms` that the service accepts.
const LEAST_UTTERANCE_END: u64 = 1_000;

/// How the audio arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Mulaw,
    Linear16,
}

/// The options of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) model: String,
    pub(super) encoding: Encoding,
    pub(super) interim_results: bool,
    pub(super) vad_events: bool,
    pub(super) punctuate: bool,
    /// `None` when switched off.
    pub(super) endpointing: Option<Duration>,
    pub(super) utterance_end: Option<Duration>,
}

/// Reads the query string, or says what is wrong with it.
pub(super) fn parse(query: &str) -> Result<Options, String> {
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let get = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let flag = |name: &str| match get(name) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(format!("`{name}` must be true or false, not `{other}`.")),
    };
    let number = |name: &str| {
        get(name)
            .map(|value| {
                value.parse::<u64>().map_err(|_| format!("`{name}` must be a number, not `{value}`."))
            })
            .transpose()
    };

    let model = get("model").filter(|model| !model.is_empty()).ok_or("`model` is required.")?.to_owned();
    let encoding = encoding(get("encoding"), get("sample_rate"))?;
    if number("channels")?.is_some_and(|channels| channels != 1) {
        return Err("`channels` must be 1.".into());
    }
    let interim_results = flag("interim_results")?;
    let endpointing = match get("endpointing") {
        Some("false") => None,
        Some("true") | None => Some(DEFAULT_ENDPOINTING),
        Some(_) => number("endpointing")?.map(Duration::from_millis),
    };
    let utterance_end = number("utterance_end_ms")?;
    if utterance_end.is_some_and(|ms| ms < LEAST_UTTERANCE_END) {
        return Err("`utterance_end_ms` must be at least 1000.".into());
    }
    if utterance_end.is_some() && !interim_results {
        return Err("`utterance_end_ms` needs interim_results=true.".into());
    }
    Ok(Options {
        model,
        encoding,
        interim_results,
        vad_events: flag("vad_events")?,
        punctuate: flag("punctuate")? || flag("smart_format")?,
        endpointing,
        utterance_end: utterance_end.map(Duration::from_millis),
    })
}

/// Reads how the audio arrives, in either version.
pub(super) fn encoding(encoding: Option<&str>, sample_rate: Option<&str>) -> Result<Encoding, String> {
    if sample_rate.and_then(|rate| rate.parse().ok()) != Some(crate::voice::SAMPLE_RATE) {
        return Err("`sample_rate` must be 8000: the simulated voice is a telephone's.".into());
    }
    match encoding {
        Some("mulaw") => Ok(Encoding::Mulaw),
        Some("linear16") => Ok(Encoding::Linear16),
        Some(other) => Err(format!("Encoding `{other}` is not served here: use mulaw or linear16.")),
        None => Err("Raw audio needs `encoding`.".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "model=nova-3&encoding=mulaw&sample_rate=8000&channels=1&interim_results=true\
        &endpointing=300&utterance_end_ms=1000&vad_events=true&smart_format=true&keyterm=a&keyterm=b";

    #[test]
    fn a_telephone_stream_is_accepted() {
        let options = parse(GOOD).unwrap();
        assert_eq!(options.endpointing, Some(Duration::from_millis(300)));
        assert_eq!(options.utterance_end, Some(Duration::from_secs(1)));
        assert!(options.punctuate && options.vad_events && options.interim_results);
    }

    #[test]
    fn mistakes_are_named() {
        for (from, to, word) in [
            ("model=nova-3", "", "model"),
            ("encoding=mulaw", "encoding=opus", "opus"),
            ("sample_rate=8000", "sample_rate=16000", "8000"),
            ("utterance_end_ms=1000", "utterance_end_ms=500", "1000"),
            ("interim_results=true", "interim_results=false", "interim_results"),
            ("endpointing=300", "endpointing=soon", "soon"),
        ] {
            let message = parse(&GOOD.replace(from, to)).unwrap_err();
            assert!(message.contains(word), "{message}");
        }
    }

    #[test]
    fn endpointing_has_the_services_default_and_can_be_switched_off() {
        let with = |value: &str| parse(&GOOD.replace("&endpointing=300", value)).unwrap().endpointing;
        assert_eq!(with(""), Some(Duration::from_millis(10)));
        assert_eq!(with("&endpointing=false"), None);
    }
}
