//! Random courses of tools: whatever is done to them in whatever order, calls get only what may run.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use store::native::NativeDb;
use store::{
    Aliased, CallId, NewVersion, Store, TenantId, ToolAlias, ToolDigest, ToolError, ToolEvent, ToolName,
    ToolQuota, VersionState,
};

use crate::contract;
use crate::fixture::Fixture;
use crate::tools::{act, bad, good};

contract! {
    calls_get_only_what_may_run_after_every_step,
    calls_get_only_what_may_run_when_all_is_done_at_once,
}

/// Each of up to 50 steps, after each of which everything is looked at.
const CASES: usize = 24;

#[derive(Clone, Copy, Debug)]
enum Step {
    Upload { refused: bool },
    Switch { canary: bool, share: u32 },
    RollBack { canary: bool, automatic: bool },
    Clear { canary: bool },
    Quarantine,
    Release,
    Revalidate { refused: bool },
    DeleteVersion,
    DeleteTool,
}

/// What is done, whose and which of their tools it is done to, and with which bytes.
type Done = (Step, bool, bool, usize);

fn course() -> impl Strategy<Value = Vec<Done>> {
    let step = prop_oneof![
        4 => prop::bool::weighted(0.1).prop_map(|refused| Step::Upload { refused }),
        8 => (any::<bool>(), 0_u32..=101).prop_map(|(canary, share)| Step::Switch { canary, share }),
        6 => any::<(bool, bool)>().prop_map(|(canary, automatic)| Step::RollBack { canary, automatic }),
        1 => any::<bool>().prop_map(|canary| Step::Clear { canary }),
        2 => Just(Step::Quarantine),
        2 => Just(Step::Release),
        2 => any::<bool>().prop_map(|refused| Step::Revalidate { refused }),
        3 => Just(Step::DeleteVersion),
        1 => prop::bool::weighted(0.3).prop_map(|all| if all { Step::DeleteTool } else { Step::DeleteVersion }),
    ];
    // Mostly the same tool, so that the steps have to do with each other.
    let seldom = || prop::bool::weighted(0.1);
    let steps = proptest::collection::vec((step, seldom(), seldom(), 0_usize..3), 15..50);
    steps.prop_map(|steps| {
        let uploads = [0, 1, 2].map(|digest| (Step::Upload { refused: false }, false, false, digest));
        uploads.into_iter().chain(steps).collect()
    })
}

/// The tools and bytes of one case; quarantine concerns all tenants, so no case shares bytes with another.
#[derive(Clone)]
struct Case {
    store: Store<NativeDb>,
    tenants: [TenantId; 2],
    tools: [ToolName; 2],
    digests: [ToolDigest; 3],
}

impl Case {
    fn new(store: &Fixture, number: usize) -> Self {
        Self {
            store: store.store.clone(),
            tenants: [store.tenant.clone(), store.stranger.clone()],
            tools: ["a", "b"].map(|name| format!("{name}{number}").parse().unwrap()),
            digests: [0, 1, 2].map(|bytes| ToolDigest::of(format!("{number} {bytes}").as_bytes())),
        }
    }

    /// Does it, if it can be done.
    async fn take(&self, (step, tenant, tool, digest): Done) {
        let (tenant, tool) = (&self.tenants[usize::from(tenant)], &self.tools[usize::from(tool)]);
        let digest = &self.digests[digest];
        let (store, act) = (&self.store, act("a step"));
        let alias = |canary| if canary { ToolAlias::Canary } else { ToolAlias::Live };
        let check = |refused| if refused { bad() } else { good() };
        let result = match step {
            Step::Upload { refused } => {
                let new =
                    NewVersion { digest: digest.clone(), bytes: 1, compiled_bytes: 0, check: check(refused) };
                store.put_tool_version(tenant, tool, &new, &ToolQuota::default(), &act).await.map(drop)
            }
            Step::Switch { canary, share } => {
                store.switch_tool(tenant, tool, (alias(canary), share), digest, &act).await
            }
            Step::RollBack { canary, automatic } => {
                let named = store.tool_aliases(tenant, tool).await.unwrap();
                let from = named.into_iter().find(|named| named.alias == alias(canary));
                let from = from.map_or(digest.clone(), |named| named.digest);
                store.roll_back_tool(tenant, tool, alias(canary), &from, automatic, &act).await.map(drop)
            }
            Step::Clear { canary } => {
                store.clear_tool_alias(tenant, tool, alias(canary), &act).await.map(drop)
            }
            Step::Quarantine => store.quarantine_tool(digest, &act).await.map(drop),
            Step::Release => store.release_tool(digest, &act).await.map(drop),
            Step::Revalidate { refused } => {
                store
                    .revalidate_tool_version(
                        tenant,
                        tool,
                        digest,
                        &check(refused),
                        &ToolQuota::default(),
                        &act,
                    )
                    .await
            }
            Step::DeleteVersion => store.delete_tool_version(tenant, tool, digest, &act).await,
            Step::DeleteTool => store.delete_tool(tenant, tool, &act).await,
        };
        if let Err(ToolError::Store(error)) = result {
            panic!("{step:?}: {error:?}");
        }
    }

    async fn look(&self) -> Vec<Seen> {
        let mut all = Vec::new();
        for tenant in &self.tenants {
            for tool in &self.tools {
                let mut history = self.store.tool_history(tenant, tool, None, 1000).await.unwrap();
                history.reverse();
                let aliases = self.store.tool_aliases(tenant, tool).await.unwrap();
                for named in &aliases {
                    let version =
                        self.store.tool_version(tenant, tool, &named.digest).await.unwrap().unwrap();
                    assert_eq!((version.state, version.deleted_at), (VersionState::Accepted, None));
                }
                let mut calls = Vec::new();
                for number in 0..4 {
                    let call: CallId = format!("call-{number}").parse().unwrap();
                    for alias in [ToolAlias::Live, ToolAlias::Canary] {
                        calls.push(self.store.tool_for_call(tenant, tool, alias, &call).await.unwrap());
                    }
                }
                all.push(Seen { history, aliases, calls });
            }
        }
        all
    }
}

#[derive(Default)]
struct Seen {
    history: Vec<ToolEvent>,
    aliases: Vec<Aliased>,
    calls: Vec<Option<Aliased>>,
}

impl Seen {
    fn check(&self) {
        assert!(self.history.iter().zip(1..).all(|(event, seq)| event.seq == seq));
        let replayed = [ToolAlias::Live, ToolAlias::Canary].into_iter().filter_map(|alias| {
            let last = self.history.iter().rev().find(|event| event.alias == Some(alias))?;
            Some(Aliased { alias, digest: last.to.clone()?, share: last.share.unwrap() })
        });
        assert_eq!(self.aliases, replayed.collect::<Vec<_>>(), "{:#?}", self.history);
        // Each event begins where the one before it left off.
        for alias in [ToolAlias::Live, ToolAlias::Canary] {
            let mut named = None;
            for event in self.history.iter().filter(|event| event.alias == Some(alias)) {
                assert_eq!(event.from, named, "{event:?}");
                named.clone_from(&event.to);
            }
        }
        assert!(self.calls.iter().flatten().all(|got| self.aliases.contains(got)));
    }

    fn check_after(&self, before: &Self) {
        assert!(self.history.starts_with(&before.history));
        if self.aliases == before.aliases {
            assert_eq!(self.calls, before.calls);
        }
    }
}

async fn calls_get_only_what_may_run_after_every_step(store: &Fixture) {
    let (mut runner, course) = (TestRunner::deterministic(), course());
    let mut events = 0;
    for number in 0..CASES {
        let case = Case::new(store, number);
        let mut before: Vec<Seen> =
            (0..4).map(|_| Seen { calls: vec![None; 8], ..Seen::default() }).collect();
        for done in course.new_tree(&mut runner).unwrap().current() {
            case.take(done).await;
            let seen = case.look().await;
            for (seen, before) in seen.iter().zip(&before) {
                seen.check();
                seen.check_after(before);
            }
            before = seen;
        }
        events += before.iter().map(|seen| seen.history.len()).sum::<usize>();
    }
    // Not everything was in vain.
    assert!(events > 5 * CASES, "{events}");
}

async fn calls_get_only_what_may_run_when_all_is_done_at_once(store: &Fixture) {
    let (mut runner, course) = (TestRunner::deterministic(), course());
    for number in 0..CASES {
        let case = Case::new(store, number);
        let steps = course.new_tree(&mut runner).unwrap().current().into_iter().map(|done| {
            let case = case.clone();
            tokio::spawn(async move { case.take(done).await })
        });
        for step in steps.collect::<Vec<_>>() {
            step.await.unwrap();
        }
        for seen in case.look().await {
            seen.check();
        }
    }
}
