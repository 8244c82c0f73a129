//! Writes tools for VoiceHive agents in Rust.
//!
//! A tool is a component of the world `voicehive:tool/tool-component`. Implement
//! [`Tool`] and name the type in [`export_tool`]:
//!
//! ```
//! use std::time::Duration;
//! use tool_sdk::{Context, Definition, Effect, Failure, Reply, Tool};
//!
//! struct Echo;
//!
//! impl Tool for Echo {
//!     fn describe() -> Definition {
//!         Definition::new("echo", "Repeats what it is given.", r#"{"type":"object"}"#, Effect::Pure)
//!             .within(Duration::from_secs(1))
//!     }
//!
//!     fn call(_context: Context, arguments: String) -> Result<Reply, Failure> {
//!         Ok(Reply::text(arguments).speak("There you are."))
//!     }
//! }
//!
//! tool_sdk::export_tool!(Echo);
//! ```
//!
//! Keep the logic generic over [`records::Records`], [`secrets::Secrets`] and
//! [`http::Http`], and it is tested natively against [`records::InMemory`],
//! [`secrets::Stored`] and [`http::Scripted`].

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
        additional_derives: [PartialEq],
    });
}

pub mod arguments;
pub mod definition;
pub mod http;
pub mod records;
pub mod reply;
pub mod secrets;

pub use bindings::exports::voicehive::tool::tool::{
    Answer, Context, Definition, Effect, Failure, Guest as Tool, Reply,
};
pub use bindings::voicehive::tool::{clock, log};

/// Makes a type that implements [`Tool`] the component's tool.
#[macro_export]
macro_rules! export_tool {
    ($tool:ident) => {
        // Native builds, made for tests, have no component to export from.
        #[cfg(target_family = "wasm")]
        $crate::bindings::export!($tool);
    };
}
