//! The tools that agents may use: the built-in ones, and the versions of tenants' own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures::future::join_all;
use sandbox::{Admission, Definition, GATE_VERSION, Tier, Tool};
use store::native::Artifacts;
use store::{
    CallId, NativeDb, Store, TenantId, ToolAlias, ToolDigest, ToolName, ToolReference, ToolVersion,
    VersionState,
};
use tokio::sync::Semaphore;

use super::shelf::{self, Full, Place, Shelf};
use crate::one_at_a_time::OneAtATime;

/// The tools that every tenant has.
const BUILT_IN: [&str; 3] = ["appointments", "leads", "notifications"];

/// What the call core does itself. A tool of such a name would be offered twice, and vendors refuse that.
const OF_THE_CORE: [&str; 3] = [turn::END_CALL, turn::PRESS_KEYS, turn::TRANSFER_CALL];

/// How many versions are loaded at once, one of each tenant's: what was never compiled here takes a processor for seconds.
const LOADING: usize = 2;

/// How long a call waits for its tools before it begins without those that are late. They are loaded all the same.
const PATIENCE: Duration = Duration::from_secs(2);

/// All tools.
pub struct ToolLibrary {
    built_in: BTreeMap<String, Tool>,
    shelves: Arc<Shelves>,
}

/// A tool that a call's agent may use.
#[derive(Clone)]
pub struct ChosenTool {
    /// The tool.
    pub tool: Tool,
    /// Where it is from.
    pub source: Source,
}

/// Where a tool is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Everybody has it.
    BuiltIn,
    /// The tenant uploaded it.
    Version {
        /// Its name.
        tool: ToolName,
        /// The version.
        digest: ToolDigest,
        /// The alias that chose it.
        alias: ToolAlias,
    },
}

/// Versions of tenants' tools. What the database says of a version is asked each time; what was loaded is the same for all
/// tenants that have the bytes, for a tool keeps nothing from one run to the next.
struct Shelves {
    store: Store<NativeDb>,
    admission: Admission,
    artifacts: Artifacts,
    loaded: Arc<Mutex<Shelf<Tool>>>,
    one_of_a_tenant: OneAtATime,
    one_of_a_digest: OneAtATime,
    loading: Semaphore,
}

impl ToolLibrary {
    /// Puts the built-in tools of `folder` through the gate, as a tenant's are.
    ///
    /// # Errors
    /// Where one is absent or refused.
    pub fn load_built_in(
        admission: Admission,
        folder: &Path,
        store: Store<NativeDb>,
        artifacts: Artifacts,
    ) -> anyhow::Result<Self> {
        let mut built_in = BTreeMap::new();
        for name in BUILT_IN {
            let path = folder.join(format!("{name}.wasm"));
            let bytes = std::fs::read(&path).with_context(|| {
                format!("reading {} (hint: `cargo xtask build` makes the components)", path.display())
            })?;
            let digest = ToolDigest::of(&bytes);
            admission.pin(&bytes);
            let tool = admission
                .reload(&bytes, digest.as_str(), Tier::Standard)
                .with_context(|| format!("the built-in tool `{name}` was refused"))?;
            built_in.insert(tool.definition().name.clone(), tool);
        }
        let shelves = Shelves {
            store,
            admission,
            artifacts,
            loaded: Arc::new(Mutex::new(Shelf::new())),
            one_of_a_tenant: OneAtATime::default(),
            one_of_a_digest: OneAtATime::default(),
            loading: Semaphore::new(LOADING),
        };
        Ok(Self { built_in, shelves: Arc::new(shelves) })
    }

    /// Whether a tool of this name is the platform's own; no tenant's can have it.
    pub fn is_built_in(&self, name: &str) -> bool {
        self.built_in.contains_key(name) || OF_THE_CORE.contains(&name)
    }

    /// Whether these are the bytes of a built-in tool.
    pub fn has_built_in(&self, digest: &str) -> bool {
        self.built_in.values().any(|tool| tool.digest() == digest)
    }

    /// What admits tools.
    pub fn admission(&self) -> &Admission {
        &self.shelves.admission
    }

    /// Where the bytes of tenants' tools are.
    pub fn artifacts(&self) -> &Artifacts {
        &self.shelves.artifacts
    }

    /// The tools that an agent lists as `name`, `name@live` or `name@canary`, by name, in the versions that the call gets.
    /// What is not there, or cannot be loaded in time, or has no room in memory, is left out with a warning: a call with one
    /// tool less is better than none.
    pub async fn for_call(
        &self,
        tenant: &TenantId,
        call: &CallId,
        names: &[String],
    ) -> BTreeMap<String, ChosenTool> {
        let mut chosen = BTreeMap::new();
        let mut versions = BTreeMap::new();
        for text in names {
            let ToolReference { name, alias } = match text.parse() {
                Ok(reference) => reference,
                Err(why) => {
                    tracing::warn!(tool = text, %why, "what an agent lists is no tool");
                    continue;
                }
            };
            match self.built_in.get(name.as_str()) {
                Some(tool) => {
                    let built_in = ChosenTool { tool: tool.clone(), source: Source::BuiltIn };
                    chosen.insert(name.to_string(), built_in);
                }
                None if OF_THE_CORE.contains(&name.as_str()) => {}
                None => drop(versions.insert(name, alias)),
            }
        }
        let choose = async |(name, alias)| {
            let found = tokio::time::timeout(PATIENCE, self.choose(tenant, call, &name, alias)).await;
            match found.unwrap_or_else(|_| bail!("it was not loaded within {PATIENCE:?}")) {
                Ok(tool) => Some((String::from(name), tool)),
                Err(error) => {
                    tracing::warn!(tool = %name, error = format!("{error:#}"), "a call goes without a tool");
                    None
                }
            }
        };
        chosen.extend(join_all(versions.into_iter().map(choose)).await.into_iter().flatten());
        chosen
    }

    async fn choose(
        &self,
        tenant: &TenantId,
        call: &CallId,
        name: &ToolName,
        alias: ToolAlias,
    ) -> anyhow::Result<ChosenTool> {
        let aliased = self.shelves.store.tool_for_call(tenant, name, alias, call).await?;
        let aliased = aliased.context("there is no such tool, or no version of it is live")?;
        let tool = self.version(tenant, name, &aliased.digest).await?;
        let source = Source::Version { tool: name.clone(), digest: aliased.digest, alias: aliased.alias };
        Ok(ChosenTool { tool, source })
    }

    /// A version of a tenant's tool, ready to be run.
    ///
    /// # Errors
    /// Where there is none, or it may not run, or its bytes do not pass the gate any more; and [`Full`] where the tools in use
    /// leave no memory for it.
    pub async fn version(
        &self,
        tenant: &TenantId,
        tool: &ToolName,
        digest: &ToolDigest,
    ) -> anyhow::Result<Tool> {
        let found = self.shelves.store.tool_version(tenant, tool, digest).await?;
        let found = found.filter(|version| version.deleted_at.is_none());
        let version = found.with_context(|| format!("the tool has no version {digest}"))?;
        let tier = tier_that_may_run(&version)?;
        let loaded = match self.shelves.loaded(tenant, digest, tier)? {
            Some(loaded) => loaded,
            None => self.shelves.clone().load_in_background(tenant.clone(), version, tier).await?,
        };
        if loaded.definition().name != tool.as_str() {
            bail!("the version {digest} calls itself `{}`", loaded.definition().name);
        }
        Ok(loaded)
    }
}

/// The tier of a version.
fn tier_that_may_run(version: &ToolVersion) -> anyhow::Result<Tier> {
    let digest = &version.digest;
    match version.state {
        VersionState::Accepted => {}
        VersionState::Refused => bail!("the version {digest} was refused by the gate"),
        VersionState::Quarantined => bail!("the version {digest} is quarantined"),
    }
    let tier = version.check.report.get("tier").and_then(serde_json::Value::as_str);
    tier.with_context(|| format!("the report of version {digest} names no tier"))?
        .parse()
        .map_err(|error| anyhow::anyhow!("the report of version {digest}: {error}"))
}

/// What a version is known to be. Another release's gate may have let through what this one does not: then it is asked.
fn known_definition(version: &ToolVersion) -> Option<Definition> {
    if version.check.gate != GATE_VERSION {
        return None;
    }
    Definition::from_stored(version.check.report.get("definition")?)
}

/// How large the compiled form was when the gate let the version through. Another engine may make another of it.
fn measured_bytes(version: &ToolVersion) -> Option<usize> {
    let bytes = version.check.report.get("measured")?.get("compiled_bytes")?.as_u64()?;
    usize::try_from(bytes).ok()
}

impl Shelves {
    fn loaded(&self, tenant: &TenantId, digest: &ToolDigest, tier: Tier) -> Result<Option<Tool>, Full> {
        shelf::lock(&self.loaded).get(tenant, &(digest.clone(), tier))
    }

    /// Loads a version, also where whoever asked stops waiting: the next call will have it.
    async fn load_in_background(
        self: Arc<Self>,
        tenant: TenantId,
        version: ToolVersion,
        tier: Tier,
    ) -> anyhow::Result<Tool> {
        let loading = tokio::spawn(async move {
            let digest = version.digest.clone();
            // The tenant's turn comes first: who waits for it holds up nobody else who has the same bytes.
            let load = self.one_of_a_digest.alone(digest.as_str(), self.load(&tenant, version, tier));
            self.one_of_a_tenant.alone(tenant.as_str(), load).await
        });
        loading.await.context("loading a tool")?
    }

    async fn load(
        self: &Arc<Self>,
        tenant: &TenantId,
        version: ToolVersion,
        tier: Tier,
    ) -> anyhow::Result<Tool> {
        if let Some(tool) = self.loaded(tenant, &version.digest, tier)? {
            return Ok(tool);
        }
        let _turn = self.loading.acquire().await?;
        let (shelves, tenant) = (self.clone(), tenant.clone());
        tokio::task::spawn_blocking(move || shelves.load_now(&tenant, &version, tier)).await?
    }

    /// Loads a version where there is room for it. Blocks.
    fn load_now(&self, tenant: &TenantId, version: &ToolVersion, tier: Tier) -> anyhow::Result<Tool> {
        let which = (version.digest.clone(), tier);
        let place = Place::reserve(&self.loaded, tenant, which, self.weight(version, tier))?;
        let tool = self.reload(&version.digest, tier, known_definition(version))?;
        Ok(place.fill(&tool)?)
    }

    /// What a version will weigh in memory: what is compiled of it, what it was when the gate let it through, or the most that
    /// it can be.
    fn weight(&self, version: &ToolVersion, tier: Tier) -> usize {
        let compiled = self.admission.compiled_bytes(version.digest.as_str());
        compiled.or_else(|| measured_bytes(version)).unwrap_or(tier.compile().artefact_bytes)
    }

    fn reload(&self, digest: &ToolDigest, tier: Tier, known: Option<Definition>) -> anyhow::Result<Tool> {
        let most = u64::try_from(tier.gate().component_bytes).unwrap_or(u64::MAX);
        let bytes = self.artifacts.read(digest, most).with_context(|| format!("version {digest}"))?;
        let refused = || format!("the gate refuses version {digest} now");
        let tool = match known {
            Some(known) => self.admission.reload_as(&bytes, digest.as_str(), tier, known),
            None => {
                // Another gate let it pass, and what it compiled may be cached.
                self.admission.check(&bytes, tier).with_context(refused)?;
                self.admission.reload(&bytes, digest.as_str(), tier)
            }
        };
        tool.with_context(refused)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use store::{GateCheck, Timestamp};

    use super::*;

    #[test]
    fn only_an_accepted_version_runs_and_under_its_own_tier() {
        let tier = |state, report| tier_that_may_run(&version(state, report));
        for known in [Tier::Standard, Tier::Large] {
            let found = tier(VersionState::Accepted, json!({ "tier": known.as_str() }));
            assert_eq!(found.unwrap(), known);
        }
        for report in [json!({}), json!({ "tier": "huge" }), json!({ "tier": 1 }), json!("standard")] {
            assert!(tier(VersionState::Accepted, report.clone()).is_err(), "{report}");
        }
        for state in [VersionState::Refused, VersionState::Quarantined] {
            assert!(tier(state, json!({ "tier": "standard" })).is_err(), "{state:?}");
        }
    }

    #[test]
    fn what_a_version_is_is_known_by_this_releases_gate_alone() {
        let definition = json!({
            "name": "order_status",
            "description": "Says where an order is.",
            "parameters": { "type": "object" },
            "effect": "reads",
            "hosts": [],
            "timeout_ms": 2_000,
        });
        let report = json!({ "tier": "standard", "definition": definition });
        let mut found = version(VersionState::Accepted, report);
        found.check.gate = GATE_VERSION.into();
        assert_eq!(known_definition(&found).unwrap().name, "order_status");
        found.check.gate = format!("{GATE_VERSION}-before");
        assert_eq!(known_definition(&found), None);
        let mut without = version(VersionState::Accepted, json!({ "tier": "standard" }));
        without.check.gate = GATE_VERSION.into();
        assert_eq!(known_definition(&without), None);
    }

    #[test]
    fn what_a_version_weighed_at_the_gate_is_in_its_report() {
        let measured = |report| measured_bytes(&version(VersionState::Accepted, report));
        assert_eq!(measured(json!({ "measured": { "compiled_bytes": 1_700_000 } })), Some(1_700_000));
        for report in [json!({}), json!({ "measured": {} }), json!({ "measured": { "compiled_bytes": -1 } })]
        {
            assert_eq!(measured(report.clone()), None, "{report}");
        }
    }

    fn version(state: VersionState, report: serde_json::Value) -> ToolVersion {
        ToolVersion {
            digest: ToolDigest::of(b""),
            bytes: 0,
            state,
            check: GateCheck { gate: "1".into(), engine: "1".into(), refusal: None, report },
            uploaded_by: "somebody".into(),
            uploaded_at: Timestamp(0),
            checked_at: Timestamp(0),
            deleted_at: None,
        }
    }
}
