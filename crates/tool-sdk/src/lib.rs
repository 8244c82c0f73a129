//! Writes tools for VoiceHive agents in Rust.
//!
//! A tool is a component of the world `voicehive:tool/tool-component`. Implement
//! [`Tool`] and name the type in [`export_tool`]:
//!
//! ```
//! use tool_sdk::{Context, Definition, Failure, Tool};
//!
//! struct Echo;
//!
//! impl Tool for Echo {
//!     fn describe() -> Definition {
//!         Definition {
//!             name: "echo".into(),
//!             description: "Repeats what it is given.".into(),
//!             parameters: r#"{"type":"object"}"#.into(),
//!             side_effect: false,
//!             timeout_ms: 1000,
//!         }
//!     }
//!
//!     fn call(_context: Context, arguments: String) -> Result<String, Failure> {
//!         Ok(arguments)
//!     }
//! }
//!
//! tool_sdk::export_tool!(Echo);
//! ```
//!
//! Keep the logic generic over [`records::Records`], and it is tested natively
//! against [`records::InMemory`].

/// What is generated from `wit/tool`.
#[allow(
    missing_docs,
    unsafe_code,
    clippy::all,
    clippy::restriction,
    reason = "generated; the WIT holds the prose"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/tool",
        world: "tool-component",
        pub_export_macro: true,
        default_bindings_module: "tool_sdk::bindings",
    });
}

pub mod records;

pub use bindings::exports::voicehive::tool::tool::{Context, Definition, Failure, Guest as Tool};
pub use bindings::voicehive::tool::{clock, http, log};

/// Makes a type that implements [`Tool`] the component's tool.
#[macro_export]
macro_rules! export_tool {
    ($tool:ident) => {
        // Native builds, made for tests, have no component to export from.
        #[cfg(target_family = "wasm")]
        $crate::bindings::export!($tool);
    };
}
