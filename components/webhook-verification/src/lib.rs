//! Proves that a webhook came from the carrier it claims.
