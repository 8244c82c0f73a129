//! What a component must be before it may run as a tool.

use std::time::Duration;

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::definition::{Definition, Effect};
use crate::engine::HotEngine;
use crate::finished::RunError;
use crate::inert;
use crate::reply::is_name;
use crate::tool_host::{HttpError, HttpRequest, HttpSent, Level, Record, RecordError, ToolHost};

/// The sizes that the gate lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateLimits {
    /// Bytes of the component.
    pub component_bytes: usize,
    /// Bytes of the JSON Schema.
    pub schema_bytes: usize,
    /// Bytes of the description.
    pub description_bytes: usize,
}

impl Default for GateLimits {
    /// The limits that `wit/tool` promises.
    fn default() -> Self {
        Self { component_bytes: 4 << 20, schema_bytes: 16 << 10, description_bytes: 1024 }
    }
}

/// Why a component may not run: what is wrong and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// A stable code.
    pub code: &'static str,
    /// What is wrong, with the offending item, and what to change.
    pub message: String,
}

/// What `describe` returned, not yet checked.
pub(crate) struct Described {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) parameters: String,
    pub(crate) effect: Effect,
    pub(crate) hosts: Vec<String>,
    pub(crate) timeout_ms: u32,
}

impl Refusal {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn wrong_world(error: &wasmtime::Error) -> Self {
        Self::new(
            "wrong-world",
            format!("the component does not fit the world `voicehive:tool/tool-component@0.1.0`: {error:#}"),
        )
    }

    pub(crate) fn describe_failed(error: RunError) -> Self {
        Self::new(
            "describe-failed",
            format!("`describe` must return at once and cannot use imports: {error}"),
        )
    }
}

/// SHA-256 of `bytes`, lower-case hex.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Checks the bytes, compiles them and checks what they import.
pub(crate) fn admit(engine: &HotEngine, bytes: &[u8], limits: &GateLimits) -> Result<Component, Refusal> {
    if bytes.len() > limits.component_bytes {
        let (size, limit) = (bytes.len(), limits.component_bytes);
        return Err(Refusal::new(
            "too-large",
            format!(
                "the component has {size} bytes, at most {limit} are allowed; strip it and optimise for size"
            ),
        ));
    }
    // Machine code made elsewhere must never be loaded: it could do anything.
    if Engine::detect_precompiled(bytes).is_some() {
        return Err(Refusal::new(
            "precompiled",
            "this is a compiled artefact; upload the `.wasm` component itself",
        ));
    }
    if !bytes.starts_with(b"\0asm") {
        return Err(Refusal::new("not-wasm", "this is no WebAssembly binary; upload a `.wasm` component"));
    }
    let component = engine.compile(bytes).map_err(|error| {
        Refusal::new(
            "invalid-component",
            format!("the component is malformed or uses a feature that is off: {error:#}"),
        )
    })?;
    check_imports(&component)?;
    Ok(component)
}

/// The interfaces of the world, without their version.
const INTERFACES: [&str; 5] = [
    "voicehive:tool/records",
    "voicehive:tool/clock",
    "voicehive:tool/log",
    "voicehive:tool/http",
    "voicehive:tool/secrets",
];

fn check_imports(component: &Component) -> Result<(), Refusal> {
    let mut seen: Vec<String> = Vec::new();
    for (import, _) in component.component_type().imports(component.engine()) {
        let (interface, version) = import.split_once('@').unwrap_or((import, ""));
        let ours = INTERFACES.contains(&interface) && version.starts_with("0.1.");
        if !ours && !inert::is_inert(import) {
            return Err(Refusal::new(
                "import-not-allowed",
                format!("the component imports `{import}`, which a tool does not get; remove what uses it"),
            ));
        }
        if ours && seen.iter().any(|other| other == interface) {
            return Err(Refusal::new(
                "import-twice",
                format!("the component imports `{interface}` in two versions; build it against one"),
            ));
        }
        seen.push(interface.to_owned());
    }
    Ok(())
}

/// Checks what `describe` returned.
pub(crate) fn check_definition(described: Described) -> Result<Definition, Refusal> {
    let limits = GateLimits::default();
    if !is_name(&described.name) {
        return Err(Refusal::new("bad-name", "a tool's name is 1 to 64 of a-z A-Z 0-9 _ -"));
    }
    if described.description.trim().is_empty() || described.description.len() > limits.description_bytes {
        let limit = limits.description_bytes;
        return Err(Refusal::new("bad-description", format!("a description has 1 to {limit} bytes")));
    }
    if described.parameters.len() > limits.schema_bytes {
        let limit = limits.schema_bytes;
        return Err(Refusal::new("schema-too-large", format!("the JSON Schema has at most {limit} bytes")));
    }
    let parameters: serde_json::Value = serde_json::from_str(&described.parameters)
        .map_err(|error| Refusal::new("bad-schema", format!("`parameters` is not JSON: {error}")))?;
    if parameters.get("type").and_then(serde_json::Value::as_str) != Some("object") {
        return Err(Refusal::new(
            "bad-schema",
            "`parameters` must be a JSON Schema with \"type\": \"object\"",
        ));
    }
    if !(1..=30_000).contains(&described.timeout_ms) {
        return Err(Refusal::new("bad-timeout", "`timeout-ms` is from 1 to 30000"));
    }
    Ok(Definition {
        name: described.name,
        description: described.description,
        parameters,
        effect: described.effect,
        hosts: described.hosts,
        timeout: Duration::from_millis(described.timeout_ms.into()),
    })
}

/// Stands behind the imports while a tool describes itself: nothing does.
pub(crate) struct NoHost;

impl ToolHost for NoHost {
    fn get(&self, _: &str) -> Result<Option<Record>, RecordError> {
        Err(RecordError::Unavailable)
    }

    fn insert(&self, _: &str, _: &[u8]) -> Result<u64, RecordError> {
        Err(RecordError::Unavailable)
    }

    fn replace(&self, _: &str, _: &[u8], _: u64) -> Result<u64, RecordError> {
        Err(RecordError::Unavailable)
    }

    fn remove(&self, _: &str, _: u64) -> Result<(), RecordError> {
        Err(RecordError::Unavailable)
    }

    fn list(&self, _: &str, _: Option<&str>, _: u32) -> Result<Vec<Record>, RecordError> {
        Err(RecordError::Unavailable)
    }

    fn send(&self, _: HttpRequest, _: Duration) -> HttpSent {
        HttpSent::nothing(HttpError::Denied("not while describing".into()))
    }

    fn secret(&self, _: &str) -> Option<String> {
        None
    }

    fn log(&self, _: Level, _: &str) {}
}
