//! What admits and runs components, as far as the routes need it.

use futures::future::BoxFuture;
use gate::Refusal;
use serde_json::{Value, json};
use store::{GateCheck, Tenant, ToolDigest, ToolName};

use super::Refused;

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

    /// Runs a version once, under the limits of a phone call's run. The answer is what the client gets.
    fn rehearse(&self, rehearsal: Rehearsal) -> BoxFuture<'_, Result<Value, Refused>>;
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
}

/// A run outside of any phone call.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// Whose tool it is.
    pub tenant: Tenant,
    /// The tool.
    pub tool: ToolName,
    /// The version that runs.
    pub version: ToolDigest,
    /// Its arguments, JSON.
    pub arguments: String,
    /// The tenant's IANA time zone, or the one to try.
    pub time_zone: String,
    /// The caller's number, or empty.
    pub caller: String,
    /// Whether the caller is said to have confirmed.
    pub confirmed: bool,
}

impl Found {
    /// As the store keeps it.
    pub fn check(self, tier: Tier, identity: Identity) -> GateCheck {
        let report = json!({
            "tier": tier.as_str(),
            "definition": self.definition,
            "report": self.report,
            "measured": self.measured,
        });
        GateCheck { gate: identity.gate, engine: identity.engine, refusal: None, report }
    }
}

/// The check of a version that is refused now, and was accepted with `before`.
pub fn refused_now(refusal: &Refusal, before: &Value, identity: Identity) -> GateCheck {
    let mut report = before.clone();
    if let Value::Object(members) = &mut report {
        members.insert("refusal".to_owned(), json!({ "item": refusal.item, "mend": refusal.mend }));
    }
    let refusal = Some(refusal.code.as_str().to_owned());
    GateCheck { gate: identity.gate, engine: identity.engine, refusal, report }
}

/// How large a component may be and how much it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    Standard,
    Large,
}

impl Tier {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Large => "large",
        }
    }

    pub fn gate(self) -> gate::Limits {
        match self {
            Self::Standard => gate::Limits::STANDARD,
            Self::Large => gate::Limits::LARGE,
        }
    }
}

impl std::str::FromStr for Tier {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Standard, Self::Large].into_iter().find(|tier| tier.as_str() == text).ok_or(())
    }
}
