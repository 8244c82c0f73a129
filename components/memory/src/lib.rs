//! Embeds, ranks and extracts what is remembered of a customer.
//!
//! Pure and deterministic: nothing is kept between calls, and only arithmetic
//! that is exact on every machine decides an embedding.

mod appointments;
#[allow(missing_docs, unsafe_code, clippy::all, reason = "generated from wit/platform/memory.wit")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/platform",
        world: "memory-capability",
        additional_derives: [PartialEq],
    });
}
mod calendar;
pub mod embedding;
mod extraction;
pub mod ranking;
mod speech;
mod words;

use bindings::exports::voicehive::platform::memory::{
    Error, Extracted, FinishedCall, Guest, Query, Ranked, Snapshot,
};

/// The exported component.
#[derive(Debug)]
pub struct Component;

impl Guest for Component {
    fn embed(text: String) -> Vec<f32> {
        embedding::embed(&text)
    }

    fn rank(query: Query, candidates: Vec<Snapshot>) -> Result<Vec<Ranked>, Error> {
        ranking::rank(&query, &candidates)
    }

    fn extract(call: FinishedCall) -> Result<Vec<Extracted>, Error> {
        extraction::extract(&call)
    }
}

#[cfg(target_family = "wasm")]
#[allow(unsafe_code, reason = "generated: the functions that the host calls")]
mod exported {
    use super::{Component, bindings};

    bindings::export!(Component with_types_in bindings);
}
