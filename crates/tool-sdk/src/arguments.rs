//! What the model asks for.

use serde::de::DeserializeOwned;

use crate::Failure;

/// The arguments of a call as `T`.
///
/// # Errors
/// A [`Failure`] that tells the model what does not fit. The host has checked
/// the arguments against the schema, so this happens where `T` is narrower.
pub fn parse<T: DeserializeOwned>(arguments: &str) -> Result<T, Failure> {
    serde_json::from_str(arguments)
        .map_err(|error| Failure::Invalid(format!("the arguments do not fit: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_said() {
        assert_eq!(parse::<[u8; 2]>("[1,2]"), Ok([1, 2]));
        let failure = parse::<[u8; 2]>("[1,\"x\"]");
        assert!(matches!(failure, Err(Failure::Invalid(why)) if why.contains("line 1 column 6")));
    }
}
