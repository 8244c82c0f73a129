//! Serves the components of a Spin manifest (`spin.toml`, version 2) from inside this process.
//!
//! What runs under `spin up` (Spin 4.1) is meant to run the same here, from the same `.wasm` files: routes, `spin-*` headers,
//! variables, key-value and SQLite stores, outbound HTTP, service chaining, and dependencies composed into components.
//! What Spin knows and this runner does not is refused when the application is loaded, by name. It is not a place for code
//! that tenants upload: that belongs to the sandbox and its other engine.
//!
//! ```text
//!  spin.toml ─► manifest ─► compose ─► cache ─► engine          (Edge::load, once)
//!  request ─► routes ─► headers, body ─► ProxyHandler ─► guest   (Edge::handle, per request)
//!                                            guest ─► sqlite · key_value · variables · outbound
//! ```
//!
//! [`Edge`] is the entry point; [`serve`] puts it behind a plain HTTP/1 listener.

mod addresses;
mod app;
mod body;
mod compose;
mod engine;
mod error;
mod guest;
mod handler;
mod headers;
mod host;
mod hosts;
mod limiter;
mod manifest;
mod outbound;
mod routes;
mod serve;
mod settings;
mod stdio;
mod template;
mod ticker;
mod variables;

pub use app::{Edge, RouteInfo};
pub use body::{BoxBody, BoxError};
pub use compose::Error as ComposeError;
pub use error::LoadError;
pub use hosts::Error as HostsError;
pub use manifest::Error as ManifestError;
pub use routes::Error as RoutesError;
pub use serve::serve;
pub use settings::{InstanceReuse, Limits, Origin, Scheme, Settings};
pub use variables::Error as VariablesError;
