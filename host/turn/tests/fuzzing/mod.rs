//! Calls from bytes: what the fuzzer, its corpus, the recordings and the soak share.
//!
//! Bytes are decoded into steps ([`decode`]), taken by a call ([`run`]), and whatever comes
//! out is held against the rules of every call ([`rules`]).

pub mod decode;
pub mod rules;
pub mod run;
