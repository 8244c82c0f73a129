//! Audio in JSON: base64, so that it survives byte for byte.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

pub(super) fn serialize<S: Serializer>(audio: &Bytes, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&STANDARD.encode(audio))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
    let text = String::deserialize(from)?;
    STANDARD.decode(text).map(Bytes::from).map_err(D::Error::custom)
}

/// The same for audio by key.
pub(crate) mod map {
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Audio(#[serde(with = "super")] Bytes);

    pub(crate) fn serialize<K, S>(map: &BTreeMap<K, Bytes>, to: S) -> Result<S::Ok, S::Error>
    where
        K: Serialize + Ord,
        S: Serializer,
    {
        to.collect_map(map.iter().map(|(key, audio)| (key, Audio(audio.clone()))))
    }

    pub(crate) fn deserialize<'de, K, D>(from: D) -> Result<BTreeMap<K, Bytes>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        D: Deserializer<'de>,
    {
        let map = BTreeMap::<K, Audio>::deserialize(from)?;
        Ok(map.into_iter().map(|(key, audio)| (key, audio.0)).collect())
    }
}
