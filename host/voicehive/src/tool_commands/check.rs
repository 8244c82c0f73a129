//! `voicehive tool check`: what an upload goes through, on this machine.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use sandbox::{Admission, Admitted, Compiler, Definition, HotEngine, Refusal};
use serde_json::{Value, json};

use super::arguments::{CheckArguments, Tier};
use super::{note_compiling, print};

/// Puts a component through everything that a platform puts it through, and says what was measured.
///
/// # Errors
/// The first thing that keeps it from being a tool, with the mend.
pub fn check(arguments: &CheckArguments) -> anyhow::Result<()> {
    let admitted = admit(&HotEngine::new()?, &arguments.file, arguments.tier)?;
    print(&measured(&admitted, arguments.tier), arguments.json, |_| shown(&admitted, arguments.tier))
}

/// Reads and admits a component. Nothing of it is kept.
pub(super) fn admit(engine: &HotEngine, file: &Path, tier: Tier) -> anyhow::Result<Admitted> {
    let bytes = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    note_compiling(tier);
    let admission = Admission::new(engine, Compiler::this_program());
    let refused = |refusal: Refusal| {
        let larger = tier == Tier::Standard && gate::check(&bytes, &gate::Limits::LARGE).is_ok();
        let smaller = gate::check(&bytes, &gate::Limits::STANDARD).is_ok();
        let hint = if larger && !smaller { " (hint: `--tier large` takes it)" } else { "" };
        anyhow::anyhow!("{}: {refusal}{hint}", file.display())
    };
    admission.admit(&bytes, tier.into()).map_err(refused)
}

impl From<Tier> for sandbox::Tier {
    fn from(tier: Tier) -> Self {
        match tier {
            Tier::Standard => Self::Standard,
            Tier::Large => Self::Large,
        }
    }
}

fn measured(admitted: &Admitted, tier: Tier) -> Value {
    let (report, measured) = (&admitted.report, &admitted.measured);
    let definition = admitted.tool.definition();
    json!({
        "version": report.digest,
        "tier": sandbox::Tier::from(tier).as_str(),
        "definition": {
            "name": definition.name,
            "description": definition.description,
            "parameters": definition.parameters,
            "effect": definition.effect.as_str(),
            "hosts": definition.hosts,
            "timeout_ms": definition.timeout.as_millis(),
        },
        "report": {
            "bytes": report.bytes,
            "contract": report.contract.to_string(),
            "imports": report.imports,
            "sdk": report.stamp.as_ref().map(|stamp| &stamp.sdk),
            "work": report.work,
        },
        "measured": {
            "compile_ms": measured.compile.map(milliseconds),
            "artefact_bytes": measured.artefact_bytes,
            "describe_memory_bytes": measured.describe_memory_bytes,
            "describe_cpu_ms": milliseconds(measured.describe_cpu),
        },
    })
}

fn shown(admitted: &Admitted, tier: Tier) -> String {
    let (report, measured) = (&admitted.report, &admitted.measured);
    let Definition { name, effect, hosts, timeout, .. } = admitted.tool.definition();
    let hosts = if hosts.is_empty() { "none".to_owned() } else { hosts.join(", ") };
    let sdk = report.stamp.as_ref().map_or("not stamped", |stamp| stamp.sdk.as_str());
    let compile = measured.compile.map(milliseconds).unwrap_or_default();
    let lines = [
        ("tool", name.clone()),
        ("version", report.digest.clone()),
        ("size", format!("{} bytes, tier {}", report.bytes, sandbox::Tier::from(tier).as_str())),
        ("contract", format!("{}, built with {sdk}", report.contract)),
        ("effect", effect.as_str().to_owned()),
        ("hosts", hosts),
        ("timeout", format!("{} ms", timeout.as_millis())),
        ("compiled", format!("in {compile:.0} ms to {} bytes", measured.artefact_bytes)),
        (
            "describe",
            format!(
                "{:.1} ms of processor time, {} KiB of memory",
                milliseconds(measured.describe_cpu),
                measured.describe_memory_bytes >> 10
            ),
        ),
    ];
    lines.iter().map(|(name, value)| format!("{name:<9} {value}\n")).collect()
}

/// A duration in milliseconds, with thousandths.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
