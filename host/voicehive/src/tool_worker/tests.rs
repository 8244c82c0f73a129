//! The worker over a database in memory, at times of the tests' choosing.

use std::sync::Mutex;

use futures::future::BoxFuture;
use gate::{Code, Refusal};
use sandbox::{Finished, Tier};
use serde_json::{Value, json};
use store::{
    Act, GateCheck, NewVersion, RunError, Runs, TenantId, ToolAction, ToolAlias, ToolDigest, ToolName,
    ToolQuota, VersionState,
};

use super::*;
use crate::tool_api::{Found, Identity, Refused};
use crate::tools::{Rehearsal, UsedVersion};

/// The beginning of a window of runs.
const NOW: Timestamp = Timestamp(30_000_000 * 60_000);

/// A gate that refuses what it is told to, and breaks at what it is told to.
#[derive(Default)]
struct Paper {
    breaks: Mutex<Vec<u8>>,
    refuses: Mutex<Vec<Vec<u8>>>,
    asked: Mutex<u32>,
    forgotten: Mutex<Vec<String>>,
}

impl Workshop for Paper {
    fn identity(&self) -> Identity {
        Identity { gate: "2".into(), engine: "e2".into() }
    }

    fn is_built_in(&self, _: &str) -> bool {
        false
    }

    fn admit(&self, bytes: &[u8], _: Tier) -> Result<Found, Refusal> {
        *self.asked.lock().unwrap() += 1;
        let breaks = *self.breaks.lock().unwrap() == bytes;
        assert!(!breaks, "the gate breaks, as the test wants it");
        if self.refuses.lock().unwrap().iter().any(|refused| refused == bytes) {
            return Err(Refusal {
                code: Code::FeatureOff,
                item: "threads".into(),
                mend: "go without".into(),
            });
        }
        let (name, definition) = ("status".into(), json!({ "name": "status" }));
        Ok(Found { name, definition, report: Value::Null, measured: Value::Null })
    }

    fn forget(&self, digest: &str) {
        self.forgotten.lock().unwrap().push(digest.to_owned());
    }

    fn rehearse(&self, _: Rehearsal) -> BoxFuture<'_, Result<Finished, Refused>> {
        Box::pin(async { Err(Refused::Busy) })
    }
}

struct Setting {
    worker: ToolWorker,
    workshop: Arc<Paper>,
    tenant: TenantId,
    tool: ToolName,
    _folder: tempfile::TempDir,
}

impl Setting {
    async fn new() -> Self {
        let store = Store::new(NativeDb::in_memory(NOW).unwrap());
        let (tenant, tool): (TenantId, ToolName) = ("acme".parse().unwrap(), "status".parse().unwrap());
        store.put_tenant(&tenant, "Acme", "Europe/Madrid", NOW).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::open(folder.path()).unwrap();
        let workshop = Arc::new(Paper::default());
        let worker = ToolWorker {
            store,
            artifacts,
            usage: Arc::default(),
            workshop: workshop.clone(),
            keeping: Arc::default(),
        };
        Self { worker, workshop, tenant, tool, _folder: folder }
    }

    fn act(&self) -> Act<'static> {
        Act { by: "ana", why: "", at: NOW }
    }

    async fn publish(&self, bytes: &str, alias: ToolAlias) -> UsedVersion {
        let digest = self.worker.artifacts.put(bytes.as_bytes()).unwrap();
        let report = json!({ "tier": "large" });
        let check = GateCheck { gate: "1".into(), engine: "e1".into(), refusal: None, report };
        let new = NewVersion { digest: digest.clone(), bytes: 1, check };
        let (store, quota) = (&self.worker.store, ToolQuota::default());
        let named = (&new, (alias, 50));
        store.publish_tool_version(&self.tenant, &self.tool, named, &quota, &self.act()).await.unwrap();
        UsedVersion { tenant: self.tenant.clone(), tool: self.tool.clone(), digest }
    }

    async fn switch(&self, version: &UsedVersion) {
        let live = (ToolAlias::Live, 100);
        let store = &self.worker.store;
        store.switch_tool(&self.tenant, &self.tool, live, &version.digest, &self.act()).await.unwrap();
    }

    fn run(&self, version: &UsedVersion, well: u64, traps: u64) {
        for number in 0..well + traps {
            let run = Runs::one(Duration::ZERO, Duration::from_millis(5));
            let error = RunError {
                digest: version.digest.clone(),
                call: "call".parse().unwrap(),
                at: NOW,
                code: "trap".into(),
                detail: "unreachable".into(),
            };
            let (run, error) =
                if number < traps { (Runs { traps: 1, ..run }, Some(error)) } else { (run, None) };
            self.worker.usage.note(version, &run, error);
        }
    }

    /// What the worker does every second.
    async fn tick(&self, now: Timestamp) {
        let mut flushing = Flushing::new(self.worker.usage.clone());
        for version in flushing.flush(&self.worker.store, now).await {
            Judge::default().judge(&self.worker.store, &version, now).await.unwrap();
        }
    }

    async fn named(&self, alias: ToolAlias) -> Option<ToolDigest> {
        let aliases = self.worker.store.tool_aliases(&self.tenant, &self.tool).await.unwrap();
        aliases.into_iter().find(|named| named.alias == alias).map(|named| named.digest)
    }

    async fn last_event(&self) -> store::ToolEvent {
        let history = self.worker.store.tool_history(&self.tenant, &self.tool, None, 1).await.unwrap();
        history.into_iter().next().unwrap()
    }
}

fn minutes(minutes: u64) -> Timestamp {
    NOW.plus(Duration::from_mins(minutes))
}

#[tokio::test]
async fn a_version_that_traps_leaves_its_alias_and_what_went_wrong_is_kept() {
    let setting = Setting::new().await;
    let good = setting.publish("good", ToolAlias::Live).await;
    let bad = setting.publish("bad", ToolAlias::Live).await;
    setting.run(&bad, 0, 2);
    setting.tick(NOW).await;
    assert_eq!(setting.named(ToolAlias::Live).await, Some(bad.digest.clone()), "two are bad luck");
    setting.run(&bad, 0, 1);
    setting.tick(minutes(1)).await;
    assert_eq!(setting.named(ToolAlias::Live).await, Some(good.digest));
    let event = setting.last_event().await;
    assert_eq!(event.action, ToolAction::RolledBackAutomatically);
    assert_eq!((event.by.as_str(), event.why.as_str()), ("voicehive", "3 of 3 runs trapped"));
    let errors = setting.worker.store.tool_errors(&setting.tenant, &setting.tool).await.unwrap();
    assert_eq!((errors.len(), errors[0].detail.as_str()), (3, "unreachable"));
}

#[tokio::test]
async fn a_canary_that_fails_goes_away_and_the_live_version_stays() {
    let setting = Setting::new().await;
    let live = setting.publish("live", ToolAlias::Live).await;
    let canary = setting.publish("canary", ToolAlias::Canary).await;
    setting.run(&live, 40, 1);
    setting.run(&canary, 16, 4);
    setting.tick(NOW).await;
    assert_eq!(setting.named(ToolAlias::Canary).await, None);
    assert_eq!(setting.named(ToolAlias::Live).await, Some(live.digest));
}

#[tokio::test]
async fn a_failing_version_without_one_before_it_stays() {
    let setting = Setting::new().await;
    let only = setting.publish("only", ToolAlias::Live).await;
    setting.run(&only, 0, 30);
    setting.tick(NOW).await;
    assert_eq!(setting.named(ToolAlias::Live).await, Some(only.digest));
    assert_eq!(setting.last_event().await.action, ToolAction::Switched);
}

#[tokio::test]
async fn what_failed_long_ago_or_before_it_was_gone_back_from_does_not_count() {
    let setting = Setting::new().await;
    setting.publish("good", ToolAlias::Live).await;
    let bad = setting.publish("bad", ToolAlias::Live).await;
    setting.run(&bad, 0, 2);
    setting.tick(NOW).await;
    setting.run(&bad, 0, 1);
    setting.tick(minutes(11)).await;
    assert_eq!(setting.named(ToolAlias::Live).await, Some(bad.digest.clone()), "the first two are forgotten");
    setting.run(&bad, 0, 2);
    setting.tick(minutes(12)).await;
    assert_ne!(setting.named(ToolAlias::Live).await, Some(bad.digest.clone()));
    // Its tenant has mended what it depends on, and tries again.
    setting.switch(&bad).await;
    setting.run(&bad, 9, 1);
    setting.tick(minutes(13)).await;
    assert_eq!(setting.named(ToolAlias::Live).await, Some(bad.digest));
}

#[tokio::test]
async fn runs_of_a_tool_that_is_gone_are_dropped_and_do_not_stand_in_the_way() {
    let setting = Setting::new().await;
    let version = setting.publish("live", ToolAlias::Live).await;
    // Sorts before the other.
    let gone = UsedVersion { tool: "gone".parse().unwrap(), ..version.clone() };
    setting.run(&gone, 1, 0);
    setting.run(&version, 2, 0);
    setting.tick(NOW).await;
    let runs =
        setting.worker.store.tool_runs(&setting.tenant, &setting.tool, &version.digest, NOW).await.unwrap();
    assert_eq!(runs.calls, 2);
}

#[tokio::test(start_paused = true)]
async fn versions_of_another_release_go_through_the_gate_again() {
    let setting = Setting::new().await;
    let good = setting.publish("good", ToolAlias::Live).await;
    let bad = setting.publish("bad", ToolAlias::Live).await;
    let lost = setting.publish("lost", ToolAlias::Canary).await;
    setting.worker.artifacts.remove(&lost.digest).unwrap();
    setting.workshop.refuses.lock().unwrap().push(b"bad".to_vec());
    assert_eq!(revalidate::revalidate(&setting.worker).await.unwrap(), 2);
    assert_eq!(setting.named(ToolAlias::Live).await, Some(good.digest.clone()));
    let version = async |version: &UsedVersion| {
        let store = &setting.worker.store;
        store.tool_version(&setting.tenant, &setting.tool, &version.digest).await.unwrap().unwrap()
    };
    let (good, bad) = (version(&good).await, version(&bad).await);
    assert_eq!((good.check.gate.as_str(), &good.check.report["tier"]), ("2", &json!("large")));
    assert_eq!((bad.state, bad.check.refusal.as_deref()), (VersionState::Refused, Some("feature-off")));
    assert_eq!(bad.check.report["refusal"]["item"], "threads");
    assert_eq!(version(&lost).await.state, VersionState::Accepted, "a lost file is no verdict of the gate's");
    assert_eq!(*setting.workshop.asked.lock().unwrap(), 4, "a refusal counts when it comes three times");
}

#[tokio::test]
async fn a_version_that_breaks_the_gate_keeps_none_behind_it_from_being_looked_at() {
    let setting = Setting::new().await;
    let mut texts = ["one", "two", "three"];
    texts.sort_by_key(|text| ToolDigest::of(text.as_bytes()).to_string());
    let mut versions = Vec::new();
    for text in texts {
        versions.push(setting.publish(text, ToolAlias::Live).await);
    }
    // They are looked at in the order of their digests.
    *setting.workshop.breaks.lock().unwrap() = texts[0].as_bytes().to_vec();
    assert_eq!(revalidate::revalidate(&setting.worker).await.unwrap(), 2);
    let mut gates = Vec::new();
    for version in &versions {
        let kept = setting.worker.store.tool_version(&setting.tenant, &setting.tool, &version.digest).await;
        gates.push(kept.unwrap().unwrap().check.gate);
    }
    assert_eq!(gates, ["1", "2", "2"]);
}

#[tokio::test]
async fn bytes_go_when_no_version_needs_them() {
    let setting = Setting::new().await;
    let first = setting.publish("first", ToolAlias::Live).await;
    let second = setting.publish("second", ToolAlias::Live).await;
    let orphan = setting.worker.artifacts.put(b"orphan").unwrap();
    let later = SystemTime::now() + Duration::from_hours(2);
    let store = &setting.worker.store;
    store.delete_tool_version(&setting.tenant, &setting.tool, &first.digest, &setting.act()).await.unwrap();
    assert_eq!(sweep::sweep(&setting.worker, SystemTime::now()).await.unwrap(), 0, "they may be an upload's");
    assert_eq!(sweep::sweep(&setting.worker, later).await.unwrap(), 2);
    assert!(setting.worker.artifacts.read(&orphan, 99).is_err());
    let mut forgotten = setting.workshop.forgotten.lock().unwrap().clone();
    forgotten.sort();
    let mut gone = [orphan.to_string(), first.digest.to_string()];
    gone.sort();
    assert_eq!(forgotten, gone);
    assert!(setting.worker.artifacts.read(&first.digest, 99).is_err());
    assert_eq!(setting.worker.artifacts.read(&second.digest, 99).unwrap(), b"second");
}

#[tokio::test]
async fn results_of_tool_calls_go_after_a_day() {
    let setting = Setting::new().await;
    let store = &setting.worker.store;
    let claim = async |key: &str| store.claim(&setting.tenant, "tool-call", key, NOW).await.unwrap();
    for number in 0..1001 {
        claim(&format!("{number}")).await;
    }
    store.complete_claim(&setting.tenant, "tool-call", "0", "said by a caller").await.unwrap();
    let day_later = SystemTime::UNIX_EPOCH + Duration::from_mins(30_000_000) + Duration::from_hours(24);
    sweep::sweep(&setting.worker, day_later).await.unwrap();
    assert_eq!(claim("0").await, store::Claim::Seen(Some("said by a caller".into())));
    sweep::sweep(&setting.worker, day_later + Duration::from_millis(1)).await.unwrap();
    assert_eq!(claim("0").await, store::Claim::First);
    assert_eq!(claim("1000").await, store::Claim::First);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_stops_writes_down_what_was_counted_last() {
    let setting = Setting::new().await;
    let version = setting.publish("live", ToolAlias::Live).await;
    let running = setting.worker.clone().start();
    setting.run(&version, 5, 0);
    running.shut_down().await;
    let usage = setting.worker.store.tool_usage(&setting.tenant, &setting.tool, Timestamp(0)).await.unwrap();
    assert_eq!(usage.iter().map(|(_, runs)| runs.calls).sum::<u64>(), 5);
}
