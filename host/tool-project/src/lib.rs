//! Makes and builds the projects that tenants' tools are written in.
//!
//! [`create`] writes a project that works at once: a tool, its tests, and the contract that it is written against.
//! [`build`] runs the language's own toolchain over it, has the gate look at what comes out, and stamps it. Nothing
//! here runs a tool: no engine is linked.

mod build;
mod create;
mod language;
mod name;
mod program;
mod templates;

pub use build::{BuildError, Built, build};
pub use create::{CreateError, create};
pub use language::{Language, UnknownLanguage};
pub use name::{InvalidName, ProjectName};
pub use program::ProgramError;
