//! How Telnyx announces a stream.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Error;
use crate::json::Count;

/// The announcement of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// Id of the stream.
    pub stream_id: String,
    /// Id of the call, by which it is commanded: `v2:...` or `v3:...`.
    pub call_control_id: String,
    /// Id that all legs of the call share. Empty when it was left out.
    pub call_session_id: String,
    /// The calling number. Empty when it was left out.
    pub from: String,
    /// The called number. Empty when it was left out.
    pub to: String,
    /// What the last command on this leg gave Telnyx to remember, in base64. See [`Start::decode_client_state`].
    pub client_state: Option<String>,
    /// The parameters that were given when the stream was ordered.
    pub custom_parameters: BTreeMap<String, String>,
    /// How the audio is coded.
    pub format: Format,
}

/// The coding of a stream's audio, as announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// Name of the codec, `PCMU`; `audio/x-mulaw` in older documents.
    pub encoding: String,
    /// Samples per second.
    pub sample_rate: u32,
    /// Channels in one stream.
    pub channels: u8,
}

/// A codec that calls are held in: one byte a sample, 8000 samples a second, one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// G.711 mu-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
}

impl Codec {
    /// Telnyx's name of it, in commands and announcements.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }

    /// The byte that is silent in it, or in A-law, which has no zero, nearly so.
    #[must_use]
    pub fn silence(self) -> u8 {
        match self {
            Self::Pcmu => 0xFF,
            Self::Pcma => 0xD5,
        }
    }
}

impl Format {
    /// The codec, where it is one that calls are held in.
    ///
    /// # Errors
    /// [`Error::UnsupportedCodec`] for every other codec, rate or number of channels.
    pub fn codec(&self) -> Result<Codec, Error> {
        let codec = match self.known_name() {
            "PCMU" => Some(Codec::Pcmu),
            "PCMA" => Some(Codec::Pcma),
            _ => None,
        };
        codec.filter(|_| self.sample_rate == 8_000 && self.channels == 1).ok_or(Error::UnsupportedCodec {
            codec: self.known_name(),
            sample_rate: self.sample_rate,
            channels: self.channels,
        })
    }

    /// The name among those that Telnyx documents, so that an error never quotes a message.
    fn known_name(&self) -> &'static str {
        const NAMES: [(&str, &str); 8] = [
            ("PCMU", "PCMU"),
            ("audio/x-mulaw", "PCMU"),
            ("PCMA", "PCMA"),
            ("audio/x-alaw", "PCMA"),
            ("G722", "G722"),
            ("OPUS", "OPUS"),
            ("AMR-WB", "AMR-WB"),
            ("L16", "L16"),
        ];
        let known = NAMES.iter().find(|(name, _)| self.encoding.eq_ignore_ascii_case(name));
        known.map_or("unknown", |(_, known)| known)
    }
}

impl Start {
    /// What the last command on this leg gave Telnyx to remember; `None` where none gave anything.
    ///
    /// # Errors
    /// [`Error::ClientStateEncoding`] where it is not base64.
    pub fn decode_client_state(&self) -> Result<Option<Vec<u8>>, Error> {
        let Some(text) = self.client_state.as_deref().filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        STANDARD.decode(text).map(Some).map_err(|_| Error::ClientStateEncoding)
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "call_control_id": self.call_control_id,
            "call_session_id": self.call_session_id,
            "from": self.from,
            "to": self.to,
            "client_state": self.client_state,
            "custom_parameters": self.custom_parameters,
            "media_format": {
                "encoding": self.format.encoding,
                "sample_rate": self.format.sample_rate,
                "channels": self.format.channels,
            },
        })
    }
}

/// Writes `state` as the `client_state` of a command: Telnyx gives it back with the leg's later webhooks and streams.
#[must_use]
pub fn encode_client_state(state: &[u8]) -> String {
    STANDARD.encode(state)
}

/// The part of a `start` message under its own name. Absent and null are the same.
#[derive(Deserialize)]
pub(super) struct Body<'a> {
    #[serde(borrow, default)]
    call_control_id: Option<Cow<'a, str>>,
    #[serde(default)]
    call_session_id: Option<String>,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    client_state: Option<String>,
    #[serde(default)]
    custom_parameters: Option<BTreeMap<String, String>>,
    #[serde(borrow, default)]
    media_format: Option<FormatBody<'a>>,
}

#[derive(Deserialize)]
struct FormatBody<'a> {
    #[serde(borrow)]
    encoding: Cow<'a, str>,
    sample_rate: Count,
    #[serde(default)]
    channels: Option<Count>,
}

impl Body<'_> {
    pub(super) fn announce(self, stream_id: Option<Cow<'_, str>>) -> Result<Start, Error> {
        let missing = |field| Error::MissingField { event: "start", field };
        let present = |text: Option<Cow<'_, str>>| text.filter(|text| !text.is_empty()).map(Cow::into_owned);
        let format = self.media_format.ok_or_else(|| missing("media_format"))?;
        Ok(Start {
            stream_id: present(stream_id).ok_or_else(|| missing("stream_id"))?,
            call_control_id: present(self.call_control_id).ok_or_else(|| missing("call_control_id"))?,
            call_session_id: self.call_session_id.unwrap_or_default(),
            from: self.from.unwrap_or_default(),
            to: self.to.unwrap_or_default(),
            client_state: self.client_state,
            custom_parameters: self.custom_parameters.unwrap_or_default(),
            format: Format {
                encoding: format.encoding.into_owned(),
                // What does not fit is no rate and no number of channels that would be accepted.
                sample_rate: u32::try_from(format.sample_rate.0).unwrap_or(u32::MAX),
                channels: format.channels.map_or(1, |count| u8::try_from(count.0).unwrap_or(u8::MAX)),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_names_of_mu_law_and_a_law_are_accepted() {
        for (encoding, codec) in [
            ("PCMU", Codec::Pcmu),
            ("audio/x-mulaw", Codec::Pcmu),
            ("PCMA", Codec::Pcma),
            ("pcma", Codec::Pcma),
        ] {
            assert_eq!(format(encoding, 8_000, 1).codec(), Ok(codec), "{encoding}");
        }
    }

    #[test]
    fn every_other_coding_is_refused_by_its_name() {
        for (refused, codec) in [
            (format("L16", 16_000, 1), "L16"),
            (format("amr-wb", 16_000, 1), "AMR-WB"),
            (format("PCMU", 16_000, 1), "PCMU"),
            (format("PCMA", 8_000, 2), "PCMA"),
            (format("<secret>", 8_000, 1), "unknown"),
        ] {
            let Format { sample_rate, channels, .. } = refused;
            assert_eq!(refused.codec(), Err(Error::UnsupportedCodec { codec, sample_rate, channels }));
        }
    }

    fn format(encoding: &str, sample_rate: u32, channels: u8) -> Format {
        Format { encoding: encoding.into(), sample_rate, channels }
    }
}
