//! What the database is asked of tools: portable, and found by an index.

use store::{
    Act, CallId, Db, GateCheck, NewVersion, RunError, Runs, Statement, Store, ToolAlias, ToolDigest,
    ToolError, ToolQuota,
};

use crate::fixture::{Fixture, NOW, after};
use crate::plans::{Watched, assert_portable};
use crate::tool_refusals::refusal;
use crate::tools::{LIVE, act, bad, good, tool, version};

/// The one statement that reads all versions: it is asked when a release begins to serve, and every hour.
const WIDE: &str = "SELECT DISTINCT v.tenant";

#[tokio::test]
async fn statements_about_tools_are_portable_and_read_no_other_tenants_rows() {
    let fixture = Fixture::in_memory().await;
    let watched = Watched::new(fixture.db().clone());
    do_everything(&fixture, &Store::new(watched.clone())).await.unwrap();
    let asked = watched.asked();
    assert!(asked.len() > 50, "{}", asked.len());
    for (sql, params) in asked {
        assert_portable(sql);
        if sql.contains(WIDE) {
            continue;
        }
        let explain: &'static str = Box::leak(format!("EXPLAIN QUERY PLAN {sql}").into_boxed_str());
        let plan = fixture.db().query(Statement::new(explain, params)).await.unwrap();
        for step in plan.iter() {
            let step = step.text("detail").unwrap();
            assert!(!step.starts_with("SCAN") || step == "SCAN CONSTANT ROW", "{step}: {sql}");
        }
    }
}

async fn do_everything(fixture: &Fixture, store: &Store<Watched>) -> Result<(), ToolError> {
    let (tenant, tool, quota, act) = (&fixture.tenant, &tool(), ToolQuota::default(), act("x"));
    let canary = (ToolAlias::Canary, 9);
    let digests: Vec<ToolDigest> = ["a", "b", "c", "d"].map(|bytes| ToolDigest::of(bytes.as_bytes())).into();
    let [a, b, c, d] = &digests[..] else { panic!("{digests:?}") };
    for bytes in ["a", "b", "c"] {
        let new: NewVersion = version(bytes, good());
        store.put_tool_version(tenant, tool, &new, &quota, &act).await?;
    }
    store.put_tool_version(tenant, tool, &version("d", bad()), &quota, &act).await?;
    let large = GateCheck { report: serde_json::json!({ "tier": "large" }), ..good() };
    store.put_tool_version(tenant, tool, &version("a", large), &quota, &act).await?;
    for digest in [a, b, c] {
        store.switch_tool(tenant, tool, LIVE, digest, &act).await?;
    }
    store.switch_tool(tenant, tool, LIVE, d, &act).await.unwrap_err();
    for _ in 0..2 {
        store.switch_tool(tenant, tool, canary, b, &act).await?;
        store.roll_back_tool(tenant, tool, ToolAlias::Canary, b, true, &act).await?;
    }
    store.roll_back_tool(tenant, tool, ToolAlias::Live, c, false, &act).await?;
    store.clear_tool_alias(tenant, tool, ToolAlias::Canary, &act).await?;
    store.quarantine_tool(b, &act).await?;
    store.is_quarantined(b).await?;
    store.release_tool(b, &act).await?;
    store.tool_quarantines(b, 9).await?;
    let later = Act { at: after(1), ..act };
    store.revalidate_tool_version(tenant, tool, b, &bad(), &quota, &later).await?;
    store.revalidate_tool_version(tenant, tool, b, &good(), &quota, &later).await?;
    store.outdated_tool_tenants("g", "e", NOW, None, 9).await?;
    store.outdated_tool_versions(tenant, ("g", "e"), NOW, None, 9).await?;
    store.tool_versions(tenant, tool, 9).await?;
    store.tools(tenant).await?;
    store.needs_tool_bytes(a, NOW).await?;
    store.aliased_tool_digests(Some(a), 9).await?;
    store.tool_history(tenant, tool, None, 9).await?;
    let call: CallId = "c".parse().unwrap();
    store.tool_for_call(tenant, tool, ToolAlias::Live, &call).await?;
    store.add_tool_runs(tenant, tool, a, &Runs::default(), NOW).await?;
    store.tool_runs(tenant, tool, a, NOW).await?;
    store.tool_usage(tenant, tool, NOW).await?;
    store.forget_tool_runs(NOW, 9).await?;
    let error = RunError { digest: a.clone(), call, at: NOW, code: "x".into(), detail: "x".into() };
    store.add_tool_error(tenant, tool, &error).await?;
    store.tool_errors(tenant, tool).await?;
    store.add_tool_refusal(tenant, &refusal(1)).await?;
    store.tool_refusals(tenant).await?;
    store.set_tool_secret(tenant, tool, ("h", "example.com", "v"), &quota, &act).await?;
    store.tool_secret(tenant, tool, "h").await?;
    store.tool_secret_handles(tenant, tool).await?;
    store.tool_secrets(tenant, tool).await?;
    store.remove_tool_secret(tenant, tool, "h", &act).await?;
    store.delete_tool_version(tenant, tool, c, &act).await?;
    store.delete_tool(tenant, tool, &act).await
}
