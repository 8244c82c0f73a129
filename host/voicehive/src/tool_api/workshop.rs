//! What admits and runs components, as far as the routes need it: this process's gate, engines and runtime.

use std::time::SystemTime;

use futures::future::BoxFuture;
use gate::{Code, Refusal};
use sandbox::{Admitted, Definition, Finished, Tier};
use serde_json::{Map, Value, json};
use store::native::ArtifactError;
use store::{GateCheck, StoreError, ToolDigest};

use super::Refused;
use crate::tools::{NotRun, Rehearsal, Tools};

/// The gate and the engines behind it.
pub trait Workshop: Send + Sync {
    /// Which gate and engine these are.
    fn identity(&self) -> Identity;

    /// Whether a tool of this name is built in.
    fn is_built_in(&self, name: &str) -> bool;

    /// Puts a component through the whole gate. Blocks for as long as that takes, which is bounded.
    ///
    /// # Errors
    /// Why it may not run.
    fn admit(&self, bytes: &[u8], tier: Tier) -> Result<Found, Refusal>;

    /// Forgets what was compiled of bytes that no tenant needs; of a built-in tool's nothing.
    fn forget(&self, digest: &str);

    /// Notes that what was compiled of these is in use at `now`, so that it is not what goes first where the disk has no room.
    /// Blocks for as long as that takes. What cannot be noted is logged.
    fn note_use(&self, digests: &[ToolDigest], now: SystemTime);

    /// Runs a version once, under the limits of a phone call's run. One that the gate refuses by now is refused as an upload
    /// of it would be.
    fn rehearse(&self, rehearsal: Rehearsal) -> BoxFuture<'_, Result<Finished, Refused>>;
}

/// Which gate looked at a version, and which engines can load what was compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The gate's version.
    pub gate: String,
    /// The engine's compatibility.
    pub engine: String,
}

/// What the gate found in a component that it accepted, as it is kept and shown.
#[derive(Clone, Debug)]
pub struct Found {
    /// What the tool calls itself.
    pub name: String,
    /// All that it says of itself.
    pub definition: Value,
    /// What it has, counted.
    pub report: Value,
    /// What admitting it took.
    pub measured: Value,
    /// Bytes of the compiled component, also where the report has no room for what was measured.
    pub compiled_bytes: u64,
}

/// The most bytes of a report that the store keeps.
const REPORT_BYTES_MAX: usize = 64 << 10;

impl Found {
    /// As the store keeps it: without the parts that it has no room for.
    pub fn check(self, tier: Tier, identity: Identity) -> GateCheck {
        let report = json!({
            "tier": tier.as_str(),
            "definition": self.definition,
            "report": self.report,
            "measured": self.measured,
        });
        let report = fitting(report, &["measured", "report", "definition"]);
        GateCheck { gate: identity.gate, engine: identity.engine, refusal: None, report }
    }
}

/// The report without the first of these `parts`, as far as it is too large with them. What a version may do does not
/// depend on whether there is room to say why.
fn fitting(mut report: Value, parts: &[&str]) -> Value {
    for part in parts {
        if report.to_string().len() <= REPORT_BYTES_MAX {
            break;
        }
        if let Value::Object(members) = &mut report {
            members.remove(*part);
        }
    }
    report
}

/// The check of a version that is refused now, and was accepted with `before`. Where there is not room for all, why it is
/// refused comes first.
pub fn refused_now(refusal: &Refusal, before: &Value, identity: Identity) -> GateCheck {
    let mut report = before.clone();
    if let Value::Object(members) = &mut report {
        members.insert("refusal".to_owned(), json!({ "item": refusal.item, "mend": refusal.mend }));
    }
    let report = fitting(report, &["measured", "report", "definition", "refusal"]);
    let refusal = Some(refusal.code.as_str().to_owned());
    GateCheck { gate: identity.gate, engine: identity.engine, refusal, report }
}

impl Workshop for Tools {
    fn identity(&self) -> Identity {
        let engine = self.library.admission().engine().compatibility();
        Identity { gate: sandbox::GATE_VERSION.to_owned(), engine }
    }

    fn is_built_in(&self, name: &str) -> bool {
        self.library.is_built_in(name)
    }

    fn admit(&self, bytes: &[u8], tier: Tier) -> Result<Found, Refusal> {
        let admitted = self.library.admission().admit(bytes, tier)?;
        let definition = admitted.tool.definition();
        Ok(Found {
            name: definition.name.clone(),
            definition: defined(definition),
            report: report(&admitted.report),
            measured: measured(&admitted),
            compiled_bytes: u64::try_from(admitted.measured.artefact_bytes).unwrap_or(u64::MAX),
        })
    }

    fn forget(&self, digest: &str) {
        // A tenant who uploads a built-in tool is refused, and must not make the next start compile it.
        if !self.library.has_built_in(digest) {
            self.library.admission().forget(digest);
        }
    }

    fn note_use(&self, digests: &[ToolDigest], now: SystemTime) {
        let admission = self.library.admission();
        let mut failed = None;
        for digest in digests {
            if let Err(error) = admission.note_use(digest.as_str(), now) {
                failed = Some((digest, error));
            }
        }
        if let Some((digest, error)) = failed {
            tracing::warn!(%digest, %error, "that compiled tools are in use could not be noted");
        }
    }

    fn rehearse(&self, rehearsal: Rehearsal) -> BoxFuture<'_, Result<Finished, Refused>> {
        Box::pin(async move {
            Tools::rehearse(self, &rehearsal).await.map_err(|not_run| match not_run {
                NotRun::Arguments(why) => Refused::Arguments(why),
                NotRun::NoRoom(full) => {
                    tracing::warn!(%full, "a version cannot be tried out");
                    Refused::NoRoom(full)
                }
                NotRun::Version(error) => not_loaded(error),
                NotRun::Planning(error) => {
                    tracing::error!(%error, "a version cannot be tried out");
                    Refused::Internal
                }
            })
        })
    }
}

/// Why a version cannot be loaded, as whoever uploads it would be told.
fn not_loaded(error: anyhow::Error) -> Refused {
    let told = format!("{error:#}");
    let refused = match error.downcast::<Refusal>() {
        Ok(refusal) => Refused::Gate(refusal),
        Err(error) => match error.downcast_ref() {
            // Whoever uploads them again mends it.
            Some(ArtifactError::Missing | ArtifactError::Damaged) => Refused::Gate(without_its_bytes(&error)),
            _ => error.downcast::<StoreError>().map_or(Refused::Internal, Refused::from),
        },
    };
    if refused.verdict().is_some() {
        tracing::warn!(error = told, "a version that was accepted is refused now");
    } else {
        tracing::error!(error = told, "a version cannot be tried out");
    }
    refused
}

/// The refusal of a version whose bytes are not there, or are others.
fn without_its_bytes(error: &anyhow::Error) -> Refusal {
    Refusal::new(Code::DigestMismatch, error.root_cause().to_string(), "upload the component again")
}

fn defined(definition: &Definition) -> Value {
    json!({
        "name": definition.name,
        "description": definition.description,
        "parameters": definition.parameters,
        "effect": definition.effect.as_str(),
        "hosts": definition.hosts,
        "timeout_ms": millis(definition.timeout),
    })
}

fn report(report: &gate::Report) -> Value {
    let counts = report.counts.iter().filter(|(_, number)| *number > 0);
    let stamp = report.stamp.as_ref().map(|stamp| {
        json!({ "contract": stamp.contract.to_string(), "host": stamp.host.to_string(), "sdk": stamp.sdk })
    });
    json!({
        "contract": report.contract.to_string(),
        "imports": report.imports,
        "stamp": stamp,
        "counts": counts.map(|(of, number)| (of.name().to_owned(), number.into())).collect::<Map<_, _>>(),
    })
}

fn measured(admitted: &Admitted) -> Value {
    let measured = &admitted.measured;
    json!({
        "compile_ms": measured.compile.map(millis),
        "compiled_bytes": measured.artefact_bytes,
        "describe_memory_bytes": measured.describe_memory_bytes,
        "describe_cpu_us": u64::try_from(measured.describe_cpu.as_micros()).unwrap_or(u64::MAX),
    })
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;
    use store::DbError;

    use super::*;

    fn identity() -> Identity {
        Identity { gate: "1".into(), engine: "e1".into() }
    }

    #[test]
    fn a_report_is_kept_without_what_it_has_no_room_for() {
        let found = |definition: usize, report: usize| Found {
            name: "status".into(),
            definition: json!("d".repeat(definition)),
            report: json!("r".repeat(report)),
            measured: json!({ "compile_ms": 1 }),
            compiled_bytes: 1,
        };
        let parts = |found: Found| {
            let report = found.check(Tier::Large, identity()).report;
            assert!(report.to_string().len() <= REPORT_BYTES_MAX);
            report.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(parts(found(1, 1)), ["definition", "measured", "report", "tier"]);
        assert_eq!(parts(found(1, 65_536)), ["definition", "tier"]);
        assert_eq!(parts(found(65_536, 1)), ["tier"]);
    }

    #[test]
    fn what_cannot_be_loaded_is_told_with_the_gates_own_code() {
        let wrapped = |result: Result<(), anyhow::Error>| {
            not_loaded(result.context("version 1").context("loading a tool").unwrap_err())
        };
        let refusal = |code| Refusal { code, item: "an item".into(), mend: "mend it".into() };
        for code in [Code::FeatureOff, Code::CompilerUnavailable, Code::DigestMismatch] {
            let refused = wrapped(Err(refusal(code)).context("the gate refuses version 1 now"));
            assert!(matches!(&refused, Refused::Gate(told) if *told == refusal(code)), "{refused:?}");
        }
        for (error, says) in [(ArtifactError::Missing, "missing"), (ArtifactError::Damaged, "damaged")] {
            let refused = wrapped(Err(error.into()));
            assert!(
                matches!(&refused, Refused::Gate(told) if told.code == Code::DigestMismatch
                    && told.item.contains(says) && told.mend.contains("again")),
                "{refused:?}"
            );
        }
        let busy = wrapped(Err(StoreError::Db(DbError::Busy).into()));
        assert!(matches!(busy, Refused::Busy), "{busy:?}");
        let unreadable = ArtifactError::Io(std::io::Error::other("a disk"));
        let ours: [anyhow::Error; 3] =
            [unreadable.into(), StoreError::Unreadable("a row".into()).into(), anyhow::anyhow!("else")];
        for ours in ours {
            let refused = wrapped(Err(ours));
            assert!(matches!(refused, Refused::Internal), "{refused:?}");
        }
    }

    #[test]
    fn a_refusal_is_kept_rather_than_what_was_found_before() {
        let before = json!({ "definition": "d".repeat(65_000), "tier": "large" });
        let refusal =
            |item: usize| Refusal { code: Code::FeatureOff, item: "i".repeat(item), mend: "mend it".into() };
        let kept = refused_now(&refusal(600), &before, identity());
        assert_eq!(kept.refusal.as_deref(), Some("feature-off"));
        assert_eq!(kept.report["refusal"]["mend"], "mend it");
        assert_eq!((&kept.report["definition"], &kept.report["tier"]), (&Value::Null, &json!("large")));
        let kept = refused_now(&refusal(65_536), &before, identity());
        assert_eq!((kept.refusal.as_deref(), kept.report), (Some("feature-off"), json!({ "tier": "large" })));
    }
}
