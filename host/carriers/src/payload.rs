//! Limits and base64, the same for every carrier.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Error;

/// Refuses a text frame of more than `limit` bytes before anything looks into it.
pub(crate) fn check_length(text: &str, limit: usize) -> Result<(), Error> {
    if text.len() > limit {
        return Err(Error::TooLong { length: text.len(), limit });
    }
    Ok(())
}

/// Decodes audio of at most `limit` bytes into `buffer`.
pub(crate) fn decode(text: &str, mut buffer: Vec<u8>, limit: usize) -> Result<Vec<u8>, Error> {
    let length = text.len() / 4 * 3;
    if length > limit {
        return Err(Error::PayloadTooLarge { length, limit });
    }
    buffer.clear();
    STANDARD.decode_vec(text, &mut buffer).map_err(|_| Error::PayloadEncoding)?;
    Ok(buffer)
}
