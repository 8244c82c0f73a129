//! A media stream as a command orders it.

use std::collections::BTreeMap;

use carriers::telnyx::Codec;
use url::Url;

use super::error::Refusal;
use super::fields::Fields;

/// The codecs that Telnyx streams; the names are case sensitive.
const CODECS: [&str; 6] = ["PCMU", "PCMA", "G722", "OPUS", "AMR-WB", "L16"];

/// The longest token for the platform's door.
const LONGEST_TOKEN: usize = 4_000;

/// What a stream is to carry and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StreamOrder {
    pub(super) url: Url,
    pub(super) inbound: bool,
    pub(super) outbound: bool,
    /// Of what is sent to the platform.
    pub(super) codec: Codec,
    /// Of what the platform sends; `None` in mp3 mode, where frames of a codec are dropped silently.
    pub(super) back: Option<Codec>,
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) token: Option<String>,
}

impl StreamOrder {
    /// The stream that `answer` orders, if it does. It has fewer fields than the other commands.
    pub(super) fn of_answer(fields: Fields<'_>) -> Result<Option<Self>, Refusal> {
        Self::common(fields)
    }

    /// The stream of `streaming_start` and of dialling.
    pub(super) fn of_streaming(fields: Fields<'_>) -> Result<Option<Self>, Refusal> {
        let Some(order) = Self::common(fields)? else { return Ok(None) };
        let token = fields.text("stream_auth_token")?;
        if token.is_some_and(|token| token.chars().count() > LONGEST_TOKEN) {
            return Err(Refusal::invalid("stream_auth_token", "At most 4000 characters."));
        }
        if fields.has("stream_bidirectional_sampling_rate") && rate(fields) != Some(8_000) {
            let detail = "Both codecs that this simulator speaks have 8000 samples a second.";
            return Err(Refusal::invalid("stream_bidirectional_sampling_rate", detail));
        }
        let parameters = fields.parameters("custom_parameters")?.into_iter().collect();
        Ok(Some(Self { token: token.map(str::to_owned), parameters, ..order }))
    }

    fn common(fields: Fields<'_>) -> Result<Option<Self>, Refusal> {
        let Some(url) = fields.url("stream_url")? else { return Ok(None) };
        let local = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        if url.scheme() != "wss" && !(url.scheme() == "ws" && local) {
            return Err(Refusal::invalid("stream_url", "The scheme must be wss."));
        }
        let tracks = ["inbound_track", "outbound_track", "both_tracks"];
        let track = fields.one_of("stream_track", &tracks)?.unwrap_or("inbound_track");
        let names = [CODECS.as_slice(), &["default"]].concat();
        let codec = fields.one_of("stream_codec", &names)?.unwrap_or("default");
        let mode = fields.one_of("stream_bidirectional_mode", &["mp3", "rtp"])?.unwrap_or("mp3");
        let back = fields.one_of("stream_bidirectional_codec", &CODECS)?;
        if back.is_some() && mode == "mp3" {
            return Err(Refusal::invalid("stream_bidirectional_codec", "Only with rtp mode."));
        }
        fields.one_of("stream_bidirectional_target_legs", &["self", "opposite", "both"])?;
        let back = (mode == "rtp").then(|| simulated("stream_bidirectional_codec", back.unwrap_or("PCMU")));
        Ok(Some(Self {
            url,
            inbound: track != "outbound_track",
            outbound: track != "inbound_track",
            codec: simulated("stream_codec", codec)?,
            back: back.transpose()?,
            parameters: BTreeMap::new(),
            token: None,
        }))
    }
}

fn rate(fields: Fields<'_>) -> Option<u64> {
    fields.0.get("stream_bidirectional_sampling_rate")?.as_u64()
}

fn simulated(field: &str, name: &str) -> Result<Codec, Refusal> {
    match name {
        "PCMU" | "default" => Ok(Codec::Pcmu),
        "PCMA" => Ok(Codec::Pcma),
        _ => Err(Refusal::invalid(field, "This simulator speaks PCMU and PCMA only.")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_stream_is_ordered_with_the_carriers_defaults() {
        let order = read(json!({ "stream_url": "wss://m.example.test/a?b=c" })).unwrap().unwrap();
        assert_eq!(
            (order.inbound, order.outbound, order.codec, order.back),
            (true, false, Codec::Pcmu, None)
        );
        assert_eq!(order.url.query(), Some("b=c"), "the query string is kept");
        let order = read(json!({
            "stream_url": "ws://127.0.0.1/a",
            "stream_track": "both_tracks",
            "stream_codec": "PCMA",
            "stream_bidirectional_mode": "rtp",
            "stream_bidirectional_codec": "PCMA",
            "custom_parameters": [{ "name": "call", "value": "c-1" }],
        }));
        let order = order.unwrap().unwrap();
        assert_eq!((order.inbound, order.outbound), (true, true));
        assert_eq!((order.codec, order.back), (Codec::Pcma, Some(Codec::Pcma)));
        assert_eq!(order.parameters["call"], "c-1");
        assert_eq!(read(json!({})), Ok(None));
    }

    #[test]
    fn a_stream_that_would_not_work_is_refused() {
        for (field, value) in [
            ("stream_url", json!("ws://m.example.test/a")),
            ("stream_track", json!("both")),
            ("stream_codec", json!("pcmu")),
            ("stream_bidirectional_codec", json!("PCMU")),
            ("stream_bidirectional_mode", json!("RTP")),
            ("stream_bidirectional_sampling_rate", json!(16_000)),
            ("custom_parameters", json!({ "name": "value" })),
        ] {
            let mut body = json!({ "stream_url": "wss://m.example.test/a" });
            body[field] = value;
            assert!(read(body).is_err(), "{field}");
        }
    }

    fn read(body: Value) -> Result<Option<StreamOrder>, Refusal> {
        StreamOrder::of_streaming(Fields(body.as_object().unwrap()))
    }
}
