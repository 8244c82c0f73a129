//! Media sockets from bytes: what the fuzzer and its corpus share.
//!
//! Bytes are text frames, one a line, that both carriers' codecs are given ([`socket`]); whatever comes out is held
//! against what a codec promises ([`rules`]). [`mutation`] makes other bytes of known ones.

#[allow(dead_code, reason = "the fuzzer mutates by itself")]
pub mod mutation;
pub mod rules;
pub mod socket;
