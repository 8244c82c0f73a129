//! Settings of the carriers.

use std::str::FromStr;

/// The codec of Telnyx's media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TelnyxCodec {
    /// Mu-law, as the rest of the platform speaks.
    Pcmu,
    /// A-law, for networks that have no other.
    Pcma,
}

impl TelnyxCodec {
    /// Telnyx's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }
}

impl FromStr for TelnyxCodec {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "PCMU" => Ok(Self::Pcmu),
            "PCMA" => Ok(Self::Pcma),
            _ => Err(()),
        }
    }
}
