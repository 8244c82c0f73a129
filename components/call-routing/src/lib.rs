//! Decides what happens to a call from a tenant's routing table.
//!
//! The component behind `voicehive:platform/call-routing`: pure, the time comes
//! in with the call and the time zones are built in.

mod hours;
mod number;
mod table;

pub mod bindings {
    //! What the WIT world generates; also the types that the modules work on.
    #![allow(
        missing_docs,
        unsafe_code,
        unused,
        clippy::all,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used,
        reason = "generated code"
    )]
    wit_bindgen::generate!({
        path: "../../wit/platform",
        world: "call-routing-capability",
        additional_derives: [PartialEq, Eq],
    });
}

use bindings::exports::voicehive::platform::call_routing as contract;
use contract::{Answer, Call, Error, Guest, Table};

/// The component.
pub struct Component;

impl Guest for Component {
    fn route(call: Call, table: Table) -> Result<Answer, Error> {
        table::Checked::new(&table)?.decide(&call)
    }
}

#[cfg(target_family = "wasm")]
#[allow(unsafe_code, reason = "generated: the functions that the host calls")]
mod exported {
    use super::{Component, bindings};

    bindings::export!(Component with_types_in bindings);
}

#[cfg(test)]
mod tests;
