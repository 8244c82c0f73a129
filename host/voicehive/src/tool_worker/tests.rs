//! The worker over a database in memory, at times of the tests' choosing.

mod revalidation;

use std::sync::Mutex;

use futures::future::BoxFuture;
use gate::{Code, Refusal};
use sandbox::{Finished, Tier};
use serde_json::{Value, json};
use store::{
    Act, GateCheck, NewVersion, REFUSED_KEPT, RunError, Runs, TenantId, ToolAction, ToolAlias, ToolDigest,
    ToolName, ToolQuota, ToolVersion, VersionState,
};

use super::*;
use crate::tool_api::{Found, Identity, Refused};
use crate::tools::{Rehearsal, UsedVersion};

/// The beginning of a window of runs.
const NOW: Timestamp = Timestamp(30_000_000 * 60_000);

/// A gate that refuses what it is told to, breaks at what it is told to, and is as short of memory as it is told to be.
#[derive(Default)]
struct Paper {
    breaks: Mutex<Vec<u8>>,
    refuses: Mutex<Vec<Vec<u8>>>,
    /// Why, where it is not that a feature is off.
    code: Mutex<Option<Code>>,
    /// After as many refusals it accepts.
    relents_after: Mutex<Option<usize>>,
    is_short: Mutex<bool>,
    /// The first that it is asked waits until the other end is dropped.
    holds: Mutex<Option<std::sync::mpsc::Receiver<()>>>,
    /// Its version, where it is not `2`.
    gate: Mutex<Option<&'static str>>,
    asked: Mutex<Vec<Vec<u8>>>,
    forgotten: Mutex<Vec<String>>,
    /// What was in use, a page at a time.
    used: Mutex<Vec<Vec<ToolDigest>>>,
}

impl Workshop for Paper {
    fn identity(&self) -> Identity {
        Identity { gate: self.gate.lock().unwrap().unwrap_or("2").into(), engine: "e2".into() }
    }

    fn is_built_in(&self, _: &str) -> bool {
        false
    }

    fn admit(&self, bytes: &[u8], _: Tier) -> Result<Found, Refusal> {
        let times = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(bytes.to_vec());
            asked.iter().filter(|asked| *asked == bytes).count()
        };
        let held = self.holds.lock().unwrap().take();
        if let Some(held) = held {
            let _ = held.recv();
        }
        let breaks = *self.breaks.lock().unwrap() == bytes;
        assert!(!breaks, "the gate breaks, as the test wants it");
        if *self.is_short.lock().unwrap() {
            return Err(Refusal::new(Code::HostUnavailable, "memory", "try again later"));
        }
        let relents = self.relents_after.lock().unwrap().is_some_and(|most| times > most);
        if !relents && self.refuses.lock().unwrap().iter().any(|refused| refused == bytes) {
            return Err(Refusal {
                code: self.code.lock().unwrap().unwrap_or(Code::FeatureOff),
                item: "threads".into(),
                mend: "go without".into(),
            });
        }
        let (name, definition) = ("status".into(), json!({ "name": "status" }));
        Ok(Found { name, definition, report: Value::Null, measured: Value::Null, compiled_bytes: 1 })
    }

    fn forget(&self, digest: &str) {
        self.forgotten.lock().unwrap().push(digest.to_owned());
    }

    fn note_use(&self, digests: &[ToolDigest], _: SystemTime) {
        self.used.lock().unwrap().push(digests.to_vec());
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
    folder: tempfile::TempDir,
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
        Self { worker, workshop, tenant, tool, folder }
    }

    fn act(&self) -> Act<'static> {
        Act { by: "ana", why: "", at: NOW }
    }

    async fn publish(&self, bytes: &str, alias: ToolAlias) -> UsedVersion {
        self.publish_for(&self.tenant, bytes, alias).await
    }

    async fn publish_for(&self, tenant: &TenantId, bytes: &str, alias: ToolAlias) -> UsedVersion {
        let digest = self.worker.artifacts.put(bytes.as_bytes()).unwrap();
        let report = json!({ "tier": "large" });
        let check = GateCheck { gate: "1".into(), engine: "e1".into(), refusal: None, report };
        let new = NewVersion { digest: digest.clone(), bytes: 1, compiled_bytes: 0, check };
        let (store, quota) = (&self.worker.store, ToolQuota::default());
        let named = (&new, (alias, 50));
        store.publish_tool_version(tenant, &self.tool, named, &quota, &self.act()).await.unwrap();
        UsedVersion { tenant: tenant.clone(), tool: self.tool.clone(), digest }
    }

    /// Puts what needs it through the gate at `now`, in a pass of its own; says how many versions got a verdict.
    async fn revalidate(&self, now: Timestamp) -> usize {
        self.go_on(&mut Revalidation::default(), now).await.verdicts
    }

    async fn go_on(&self, revalidation: &mut Revalidation, now: Timestamp) -> Went {
        revalidation.go_on(&self.worker, &|| now).await.unwrap()
    }

    fn asked(&self) -> Vec<String> {
        let asked = self.workshop.asked.lock().unwrap();
        asked.iter().map(|bytes| String::from_utf8(bytes.clone()).unwrap()).collect()
    }

    async fn put_tenant(&self, id: &str) -> TenantId {
        let tenant = id.parse().unwrap();
        self.worker.store.put_tenant(&tenant, "Another", "Europe/Madrid", NOW).await.unwrap();
        tenant
    }

    async fn kept(&self, version: &UsedVersion) -> ToolVersion {
        let UsedVersion { tenant, tool, digest } = version;
        self.worker.store.tool_version(tenant, tool, digest).await.unwrap().unwrap()
    }

    /// Makes the file of a version old, and sweeps at `now`; says how many files went.
    async fn sweep_old(&self, version: &UsedVersion, now: Timestamp) -> usize {
        let file =
            std::fs::File::options().append(true).open(self.folder.path().join(version.digest.as_str()));
        file.unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now.0).unwrap());
        sweep::sweep(&self.worker, now).await.unwrap()
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

#[tokio::test]
async fn callers_words_go_also_while_the_gate_takes_its_time() {
    let setting = Setting::new().await;
    setting.publish("slow", ToolAlias::Live).await;
    let (release, held) = std::sync::mpsc::channel();
    *setting.workshop.holds.lock().unwrap() = Some(held);
    let store = &setting.worker.store;
    let claim = async || store.claim(&setting.tenant, "tool-call", "old", Timestamp(0)).await.unwrap();
    assert_eq!(claim().await, store::Claim::First);
    store.complete_claim(&setting.tenant, "tool-call", "old", "said by a caller").await.unwrap();
    let running = setting.worker.clone().start();
    let both = async {
        let mut is_gone = false;
        while !is_gone || setting.workshop.asked.lock().unwrap().is_empty() {
            is_gone |= claim().await == store::Claim::First;
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), both).await.expect("the sweep waits for the gate");
    drop(release);
    running.shut_down().await;
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
async fn what_aliases_name_is_noted_as_used_by_every_sweep() {
    let setting = Setting::new().await;
    sweep::sweep(&setting.worker, SystemTime::now()).await.unwrap();
    assert!(setting.workshop.used.lock().unwrap().is_empty(), "no alias names anything");
    setting.publish("before", ToolAlias::Live).await;
    let named =
        [setting.publish("live", ToolAlias::Live).await, setting.publish("canary", ToolAlias::Canary).await];
    let mut named = named.map(|version| version.digest);
    named.sort();
    for _ in 0..2 {
        sweep::sweep(&setting.worker, SystemTime::now()).await.unwrap();
        assert_eq!(std::mem::take(&mut *setting.workshop.used.lock().unwrap()), [named.to_vec()]);
    }
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

// In real time: a clock that jumps ahead while the database is waited for would end the wait for the last flush.
#[tokio::test]
async fn a_worker_that_stops_writes_down_what_was_counted_last() {
    let setting = Setting::new().await;
    let version = setting.publish("live", ToolAlias::Live).await;
    let running = setting.worker.clone().start();
    setting.run(&version, 5, 0);
    running.shut_down().await;
    let usage = setting.worker.store.tool_usage(&setting.tenant, &setting.tool, Timestamp(0)).await.unwrap();
    assert_eq!(usage.iter().map(|(_, runs)| runs.calls).sum::<u64>(), 5);
    assert_eq!(Arc::strong_count(&setting.worker.keeping), 1, "nothing of it goes on");
}
