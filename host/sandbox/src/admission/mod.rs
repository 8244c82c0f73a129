//! How a component becomes a tool: every one, the platform's own too.
//!
//! The order is that of cost and of trust. The gate reads the bytes and runs nothing. The compiler reads what the gate
//! let through, in a process that can be lost. Only then does this process load the code that came of it, link it to
//! what tools get, and ask it twice what it is, within limits. What was admitted and is still at hand is not asked again.
//!
//! Reading a tenant's bytes and running what came of them takes the processor for as long as the tenant likes, within
//! limits; so all of it is done behind calls in progress, the compiler by its process and the rest by threads of its own
//! (`aside`).

mod aside;
mod child;
mod compiler;
mod definition;
mod describe;
mod exchange;
mod jail;
mod no_host;
mod slots;
mod tier;

use std::io;
use std::time::{Duration, Instant, SystemTime};

use compile_cache::{Cache, Found};
use gate::{Code, Quantity, Refusal};
use sha2::{Digest as _, Sha256};
use wasmtime::component::Component;

pub use child::compile_child;
pub use compiler::Compiler;
pub use jail::{Confined, confined};
pub use tier::{CompileLimits, Tier, UnknownTier};

use crate::definition::Definition;
use crate::engine::HotEngine;
use crate::finished::is_hosts_lack;
use crate::tool::Tool;
use aside::aside;
use definition::Described;

/// The two times at which a tool is asked what it is: what depends on the time shows. Milliseconds since the Unix epoch,
/// 2001-09-09 and 2033-05-18.
const ASKED_AT_MS: [u64; 2] = [1_000_000_000_000, 2_000_000_000_000];

/// Admits tools to an engine. Cheap to clone.
#[derive(Clone)]
pub struct Admission {
    engine: HotEngine,
    compiler: Compiler,
    cache: Cache,
}

/// A component that is a tool.
pub struct Admitted {
    /// The tool, ready to be called.
    pub tool: Tool,
    /// What the gate measured.
    pub report: gate::Report,
    /// What admitting it took.
    pub measured: Measured,
}

/// The version of all rules by which a component becomes a tool: the gate's, and those for what the tool says of itself. What was
/// accepted by others is put through these before it runs.
pub const GATE_VERSION: &str = match std::str::from_utf8(&GATE_VERSION_TEXT) {
    Ok(text) => text,
    Err(_) => "",
};

const GATE_VERSION_TEXT: [u8; 16] =
    gate::version(&[include_str!("definition.rs"), include_str!("describe.rs"), include_str!("tier.rs")]);

/// What admitting a component took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// How long compiling took, or nothing where it had been compiled before.
    pub compile: Option<Duration>,
    /// Bytes of the compiled component.
    pub artefact_bytes: usize,
    /// The most bytes of linear memory that `describe` had.
    pub describe_memory_bytes: usize,
    /// The processor time of the slower of two `describe`s, starting the instance included.
    pub describe_cpu: Duration,
}

/// Why a component was not compiled, or not loaded.
enum NotLoaded {
    Refused(Refusal),
    Unfit(wasmtime::Error),
}

impl From<Refusal> for NotLoaded {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<wasmtime::Error> for NotLoaded {
    fn from(error: wasmtime::Error) -> Self {
        Self::Unfit(error)
    }
}

impl Admission {
    /// Admits tools to `engine`, in whose cache compiled ones are kept.
    pub fn new(engine: &HotEngine, compiler: Compiler) -> Self {
        let cache = engine.cache().cloned().unwrap_or_else(Cache::none);
        Self { engine: engine.clone(), compiler, cache }
    }

    /// The engine that tools are admitted to.
    pub fn engine(&self) -> &HotEngine {
        &self.engine
    }

    /// Puts `bytes` through everything. Blocks for as long as compiling takes, [`Tier::compile`] at most and as much
    /// again for others' turn, so never call it from an I/O thread.
    ///
    /// # Errors
    /// The first thing that keeps the component from being a tool. Where [`Code::is_platform_fault`], try again later:
    /// it is no verdict.
    pub fn admit(&self, bytes: &[u8], tier: Tier) -> Result<Admitted, Refusal> {
        self.admit_as(bytes, tier, false)
    }

    /// `is_load` where it was admitted before: then a place among those that compile is kept for it.
    fn admit_as(&self, bytes: &[u8], tier: Tier, is_load: bool) -> Result<Admitted, Refusal> {
        let report = self.check(bytes, tier)?;
        let (component, compile) = self.compile(bytes, tier, is_load)?;
        let (tool, measured) = self.tool(&component, &report.digest, tier, compile)?;
        Ok(Admitted { tool, report, measured })
    }

    /// The first step of [`Admission::admit`] alone: the gate, which reads the bytes and runs nothing. Never call it from an
    /// I/O thread.
    ///
    /// # Errors
    /// Why the gate refuses the component, or [`Code::HostUnavailable`].
    pub fn check(&self, bytes: &[u8], tier: Tier) -> Result<gate::Report, Refusal> {
        aside(|| gate::check(bytes, &tier.gate()))
    }

    /// Loads a component again that was admitted before, known by its SHA-256 in lower-case hex. Takes milliseconds where
    /// its compiled form is still at hand and fits; else as long as [`Admission::admit`]. Never call it from an I/O thread.
    ///
    /// # Errors
    /// As [`Admission::admit`], and where the bytes are not those of `digest`.
    pub fn reload(&self, bytes: &[u8], digest: &str, tier: Tier) -> Result<Tool, Refusal> {
        self.reload_with(bytes, digest, tier, None)
    }

    /// Bytes that loading a component takes, where its compiled form is at hand, known by its SHA-256 in lower-case hex: those
    /// of [`Tool::image_bytes`], before it is loaded.
    pub fn compiled_bytes(&self, digest: &str) -> Option<usize> {
        self.cache.artefact_bytes(self.engine.wasmtime(), digest)
    }

    /// Keeps the compiled form of a component on disk for as long as this process lives, whatever others take there, from when
    /// it is there. For the platform's own.
    pub fn pin(&self, bytes: &[u8]) {
        self.cache.pin(self.engine.wasmtime(), bytes);
    }

    /// Notes that the compiled form of a component, known by its SHA-256 in lower-case hex, is in use at `now`, as one is that
    /// stays in memory: where the disk has no room, what was not used for longest goes first. Where it is not there, nothing
    /// happens.
    ///
    /// # Errors
    /// Where the disk does not take it.
    pub fn note_use(&self, digest: &str, now: SystemTime) -> io::Result<()> {
        self.cache.note_use(self.engine.wasmtime(), digest, now)
    }

    /// Removes what is kept of a component that is needed no more, known by its SHA-256 in lower-case hex.
    pub fn forget(&self, digest: &str) {
        self.cache.forget(digest);
    }

    /// As [`Admission::reload`], of a tool that is known to be what `definition` says, as the gate of this release found when
    /// it admitted it. Where the compiled form is at hand, nothing of the tool runs.
    ///
    /// # Errors
    /// As [`Admission::reload`].
    pub fn reload_as(
        &self,
        bytes: &[u8],
        digest: &str,
        tier: Tier,
        definition: Definition,
    ) -> Result<Tool, Refusal> {
        self.reload_with(bytes, digest, tier, Some(definition))
    }

    fn reload_with(
        &self,
        bytes: &[u8],
        digest: &str,
        tier: Tier,
        known: Option<Definition>,
    ) -> Result<Tool, Refusal> {
        let found = hex(&Sha256::digest(bytes));
        if found != digest {
            let item = format!("the stored bytes of `{digest}` are those of `{found}`");
            return Err(Refusal::new(Code::DigestMismatch, item, "upload the component again"));
        }
        // Nothing parses the component where what came of it is there: that is all that is needed.
        match (self.cache.find(self.engine.wasmtime(), bytes), known) {
            (Some(component), Some(definition)) => {
                let pre = describe::link(&component)?;
                Ok(Tool::new(&self.engine, pre, definition, tier.tool(), digest))
            }
            (Some(component), None) => self.tool(&component, digest, tier, None).map(|(tool, _)| tool),
            (None, _) => self.admit_as(bytes, tier, true).map(|admitted| admitted.tool),
        }
    }

    fn compile(
        &self,
        bytes: &[u8],
        tier: Tier,
        is_load: bool,
    ) -> Result<(Component, Option<Duration>), Refusal> {
        let began = Instant::now();
        let compile = || Ok(self.compiler.compile(&self.engine, bytes, tier.compile(), is_load)?);
        match self.cache.load_with(self.engine.wasmtime(), bytes, compile) {
            Ok((component, Found::Cached)) => Ok((component, None)),
            Ok((component, Found::Compiled)) => Ok((component, Some(began.elapsed()))),
            Err(NotLoaded::Refused(refusal)) => Err(refusal),
            Err(NotLoaded::Unfit(error)) if is_hosts_lack(&error) => {
                Err(host_unavailable(format_args!("the compiled component cannot be loaded: {error:#}")))
            }
            Err(NotLoaded::Unfit(error)) if is_of_too_many_instances(&format!("{error:#}")) => {
                Err(too_many_instances())
            }
            Err(NotLoaded::Unfit(error)) => {
                let mend = "build it with the platform's tools and without experimental features";
                Err(Refusal::new(
                    Code::CompileFailed,
                    format!("the engine does not take it: {error:#}"),
                    mend,
                ))
            }
        }
    }

    fn tool(
        &self,
        component: &Component,
        digest: &str,
        tier: Tier,
        compile: Option<Duration>,
    ) -> Result<(Tool, Measured), Refusal> {
        aside(|| self.described(component, digest, tier, compile))
    }

    fn described(
        &self,
        component: &Component,
        digest: &str,
        tier: Tier,
        compile: Option<Duration>,
    ) -> Result<(Tool, Measured), Refusal> {
        let pre = describe::link(component)?;
        let ask = |now_ms| describe::ask(&self.engine, &pre, tier, now_ms);
        let [first, second] = ASKED_AT_MS;
        let (first, second) = (ask(first)?, ask(second)?);
        if let Some(part) = Described::difference(&first.described, &second.described) {
            let mend = "let `describe` return constants: it must not depend on time or chance";
            return Err(Refusal::new(
                Code::DescribeUnstable,
                format!("`{part}` was different the second time"),
                mend,
            ));
        }
        let measured = Measured {
            compile,
            artefact_bytes: image_bytes(component),
            describe_memory_bytes: first.memory_bytes.max(second.memory_bytes),
            describe_cpu: first.cpu.max(second.cpu),
        };
        let definition = first.described.check(tier)?;
        Ok((Tool::new(&self.engine, pre, definition, tier.tool(), digest), measured))
    }
}

/// Whether the engine says so of a component that the gate let through. It makes a module of its own for calls between the
/// components in a component, which shows only when it is compiled, and keeps the type of this error to itself.
fn is_of_too_many_instances(error: &str) -> bool {
    error.contains("core module instances, which exceeds") || error.contains("instance count too high")
}

fn too_many_instances() -> Refusal {
    let item = "calls between the components in the component, each of which takes a module, make more instances than there may be";
    let mend = "let fewer of its components call one another, or compose them into one";
    Refusal::new(Code::TooMany(Quantity::Modules), item, mend)
}

/// No verdict on a component, because the host is short of something.
fn host_unavailable(why: impl std::fmt::Display) -> Refusal {
    tracing::error!(%why, "the host is short of what admitting a component takes");
    let mend = "nothing is wrong with the component; try again later";
    Refusal::new(Code::HostUnavailable, format!("the platform's host: {why}"), mend)
}

/// Bytes of a compiled component in memory.
pub(crate) fn image_bytes(component: &Component) -> usize {
    let image = component.image_range();
    (image.end as usize).saturating_sub(image.start as usize)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
