//! Uploading a hostile tool and calling it, and the code that this ends with.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use sandbox::{Context, Finished, Reply, Spent, Tier, Tool, ToolLimits};

use crate::common::ADMISSION;
use crate::source::Source;
use crate::tenant::{TENANT, Tenant};

/// How often an admitted tool is called: what it leaves behind in one call must not be there in the next.
const CALLS: usize = 3;

/// How long a call may take: so long that whatever runs without end is ended for its processor time.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// The limits of the tier, save that loops end sooner.
pub fn limits(tier: Tier) -> ToolLimits {
    ToolLimits { cpu: Duration::from_millis(200), ..tier.tool() }
}

/// Uploads the tool `name` and, where it is admitted, calls it a few times. Each must end with `expected`, which the tool's
/// source documents. Returns what stood behind the last call.
pub fn ends(name: &str, expected: &str) -> Arc<Tenant> {
    ends_where_names_lead_to(name, expected, &[])
}

/// As [`ends`], where every name that is resolved leads to `addresses`.
pub fn ends_where_names_lead_to(name: &str, expected: &str, addresses: &[IpAddr]) -> Arc<Tenant> {
    let source = Source::read(name);
    assert_eq!(source.ends, expected, "{name}: what its source documents");
    let mut tenant = Arc::new(Tenant::new(addresses));
    let tool = match ADMISSION.admit(&source.bytes(), Tier::Standard) {
        Ok(admitted) => admitted.tool.with_limits(limits(Tier::Standard)),
        Err(refusal) => {
            assert_eq!(refusal.code.as_str(), expected, "{name}: {refusal}");
            return tenant;
        }
    };
    for _ in 0..CALLS {
        tenant = Arc::new(Tenant::new(addresses));
        let finished = tool.call(&context(), "{}", tenant.clone(), TIMEOUT);
        let (ended, why) = code(&finished);
        assert_eq!(ended, expected, "{name}: {why}");
        check_limits(&tool, &tenant, &finished.spent);
    }
    tenant
}

/// The call on whose behalf the tools run.
pub fn context() -> Context {
    Context {
        tenant: TENANT.into(),
        call_id: "call".into(),
        caller: "+34600000000".into(),
        idempotency_key: "key".into(),
        time_zone: "UTC".into(),
        confirmed: false,
        now_ms: 1_795_158_000_000,
    }
}

/// The code of what came of a call, and why.
pub fn code(finished: &Finished) -> (String, String) {
    match &finished.outcome {
        Ok(Ok(Reply::Done(_))) => ("done".into(), String::new()),
        Ok(Ok(Reply::Confirm(question))) => ("confirm".into(), question.clone()),
        Ok(Err(failure)) => (failure.kind.into(), failure.message.clone()),
        Err(error) => (error.code().into(), error.to_string()),
    }
}

/// Whatever a tool did, what it used is within what it may.
fn check_limits(tool: &Tool, tenant: &Tenant, spent: &Spent) {
    let limits = tool.limits();
    let kept: usize = tenant.lines.lock().unwrap().iter().map(String::len).sum();
    assert!(kept <= limits.log_bytes && spent.log_bytes == kept, "{kept} bytes of log, {spent:?}");
    let sent = *tenant.requests.lock().unwrap();
    assert!(sent <= limits.http_requests && spent.http_requests == sent, "{sent} requests, {spent:?}");
    assert!(spent.memory_bytes <= limits.memory_bytes, "{spent:?}");
    assert!(spent.egress_bytes <= limits.egress_bytes, "{spent:?}");
}
