//! Runs capability components and tenants' tools in process, under limits.
//!
//! Both run on the *hot engine*: component-model async off, synchronous calls,
//! pooled instances, an epoch deadline on every call. Trusted capabilities keep
//! an instance and are called in place ([`Capabilities`]); a tenant's tool gets
//! a fresh instance for every call ([`Tool`]), which only ever sees the imports
//! that its world names, and takes its turn among all tenants' ([`Runtime`]).
//!
//! Invariant: no WASI is linked here. Interfaces that compilers' standard
//! libraries import unasked are inert: calling one ends the call.

mod admission;
mod bindings;
mod capabilities;
mod capability;
mod definition;
mod engine;
mod finished;
mod imports;
mod inert;
mod instance;
mod limits;
mod reply;
mod runtime;
mod tool;
mod tool_host;

pub use admission::{
    Admission, Admitted, CompileLimits, Compiler, Confined, GATE_VERSION, Measured, Tier, UnknownTier,
    compile_child, confined,
};
pub use bindings::platform;
pub use capabilities::{Capabilities, CapabilityPaths};
pub use capability::CallError;
pub use definition::{Context, Definition, Effect};
pub use engine::{EngineError, HotEngine};
pub use finished::{Finished, RunError, Spent};
pub use gate::{Code, Refusal};
pub use limits::ToolLimits;
pub use reply::{Answer, Failure, Reply};
pub use runtime::{Run, Runtime, RuntimeLimits};
pub use tool::Tool;
pub use tool_host::{
    HttpError, HttpRequest, HttpResponse, HttpSent, Level, Record, RecordError, SecretError, ToolHost,
};
