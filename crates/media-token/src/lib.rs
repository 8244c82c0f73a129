//! The signed, expiring, single-use token in a media socket's path.
//!
//! The edge answers a verified webhook with the URL of a media socket. Whoever
//! opens that socket proves by this token that the URL came from the edge, for
//! which call, and not long ago. It stands in the path because Twilio drops
//! query strings from stream URLs, so its text needs no escaping there.
//!
//! ```text
//! base64url( version byte, JSON claims ) "." base64url( HMAC-SHA256 )
//! ```
//!
//! The signature covers a domain string and the first part as written, so
//! nothing of a token is decoded before the signature holds. Single use is the
//! verifier's part: it remembers each [`Claims::nonce`] until
//! [`Claims::expires_at`].

mod signature;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a token could not be minted or is not accepted.
///
/// No variant carries any part of a token or a secret, so every one may be logged.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A secret is shorter than [`SECRET_BYTES_MIN`].
    #[error("the media token secret must have at least {SECRET_BYTES_MIN} bytes")]
    WeakSecret,
    /// No secret was given to verify with, so no token can pass.
    #[error("no media token secret is configured")]
    NoSecret,
    /// The tenant, the agent or the call is empty.
    #[error("a media token needs a tenant, an agent and a call")]
    EmptyClaim,
    /// The nonce is not 128 bits in lower-case hex.
    #[error("the nonce of a media token must be {NONCE_CHARS} lower-case hex digits")]
    MalformedNonce,
    /// The token would be, or is, longer than [`TOKEN_BYTES_MAX`].
    #[error("the media token is longer than {TOKEN_BYTES_MAX} bytes")]
    TooLong,
    /// The token is not two base64url parts around a dot.
    #[error("the media token is malformed")]
    Malformed,
    /// No secret yields the token's signature.
    #[error("the media token's signature does not match")]
    SignatureMismatch,
    /// The token is signed, but by a version of the format that this one does not know.
    #[error("the media token has an unknown version")]
    UnknownVersion,
    /// The token is signed, but what it says cannot be read as claims.
    #[error("the media token's claims are malformed")]
    MalformedClaims,
    /// The token was good once.
    #[error("the media token has expired")]
    Expired,
}

/// A key that signs tokens.
#[derive(Clone)]
pub struct Secret(signature::Key);

impl Secret {
    /// Takes `bytes` as the key.
    ///
    /// # Errors
    ///
    /// [`Error::WeakSecret`] for fewer than [`SECRET_BYTES_MIN`] bytes.
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, Error> {
        let bytes = bytes.as_ref();
        if bytes.len() < SECRET_BYTES_MIN {
            return Err(Error::WeakSecret);
        }
        signature::Key::new(bytes).map(Self).ok_or(Error::WeakSecret)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

/// What a token says: which call its bearer may stream, and until when.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// The tenant that the call belongs to.
    #[serde(rename = "t")]
    pub tenant: String,
    /// The agent that is to answer.
    #[serde(rename = "a")]
    pub agent: String,
    /// The call.
    #[serde(rename = "c")]
    pub call: String,
    /// 128 random bits as 32 lower-case hex digits; what makes the token single-use.
    #[serde(rename = "n")]
    pub nonce: String,
    /// When the token stops being accepted, seconds since the Unix epoch. That second is too late.
    #[serde(rename = "e")]
    pub expires_at: u64,
}

impl Claims {
    fn check(&self) -> Result<(), Error> {
        if self.tenant.is_empty() || self.agent.is_empty() || self.call.is_empty() {
            return Err(Error::EmptyClaim);
        }
        let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if self.nonce.len() != NONCE_CHARS || !self.nonce.bytes().all(hex) {
            return Err(Error::MalformedNonce);
        }
        Ok(())
    }
}

/// Signs `claims`. The result is safe as one segment of a URL's path.
///
/// # Errors
///
/// [`Error::EmptyClaim`], [`Error::MalformedNonce`], and [`Error::TooLong`] when
/// the ids are so long that [`verify`] would refuse the token.
pub fn mint(secret: &Secret, claims: &Claims) -> Result<String, Error> {
    claims.check()?;
    let json = serde_json::to_vec(claims).map_err(|_| Error::MalformedClaims)?;
    let payload = URL_SAFE_NO_PAD.encode([&[VERSION], json.as_slice()].concat());
    let signature = URL_SAFE_NO_PAD.encode(secret.0.sign(&payload));
    let token = format!("{payload}.{signature}");
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Error::TooLong);
    }
    Ok(token)
}

/// The claims of `token`, if one of `secrets` signed it and `now` (seconds since
/// the Unix epoch) is before its expiry. Several secrets are for the time of a
/// rotation.
///
/// # Errors
///
/// Every fault has its own [`Error`]; nothing of the token may be used then.
pub fn verify(secrets: &[Secret], token: &str, now: u64) -> Result<Claims, Error> {
    if secrets.is_empty() {
        return Err(Error::NoSecret);
    }
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Error::TooLong);
    }
    let (payload, signature) = token.split_once('.').ok_or(Error::Malformed)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Error::Malformed)?;
    let signature = <[u8; signature::BYTES]>::try_from(signature).map_err(|_| Error::Malformed)?;
    if !secrets.iter().any(|secret| secret.0.matches(payload, &signature)) {
        return Err(Error::SignatureMismatch);
    }
    let claims = read(payload)?;
    if now >= claims.expires_at {
        return Err(Error::Expired);
    }
    Ok(claims)
}

fn read(payload: &str) -> Result<Claims, Error> {
    let bytes = URL_SAFE_NO_PAD.decode(payload).map_err(|_| Error::Malformed)?;
    let (version, json) = bytes.split_first().ok_or(Error::UnknownVersion)?;
    if *version != VERSION {
        return Err(Error::UnknownVersion);
    }
    let claims: Claims = serde_json::from_slice(json).map_err(|_| Error::MalformedClaims)?;
    claims.check().map_err(|_| Error::MalformedClaims)?;
    Ok(claims)
}

/// The shortest secret, in bytes: 128 bits cannot be guessed.
pub const SECRET_BYTES_MIN: usize = 16;

/// The longest token, in bytes: bounds the work done for a stranger, and is
/// several times what our own ids need (about 300).
pub const TOKEN_BYTES_MAX: usize = 1024;

/// The length of a nonce in hex digits: 128 bits.
pub const NONCE_CHARS: usize = 32;

/// The version of the claims' form.
const VERSION: u8 = 1;

#[cfg(test)]
mod tests;
