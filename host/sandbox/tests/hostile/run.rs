//! Uploading a hostile tool and calling it, and the code that this ends with.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use sandbox::{Context, GateLimits, HotEngine, Reply, Tool, ToolLimits};

use crate::source::Source;
use crate::tenant::{TENANT, Tenant};

/// How often an admitted tool is called: what it leaves behind in one call must not be there in the next.
const CALLS: usize = 3;

/// How long a call may take.
const SOON: Duration = Duration::from_millis(300);

static ENGINE: LazyLock<HotEngine> = LazyLock::new(|| HotEngine::new().unwrap());

/// Uploads the tool `name` and, where it is admitted, calls it a few times. Each must end with `code`, which the tool's
/// source documents. Returns what stood behind the last call.
pub fn ends(name: &str, code: &str) -> Arc<Tenant> {
    ends_where_names_lead_to(name, code, &[])
}

/// As [`ends`], where every name that is resolved leads to `addresses`.
pub fn ends_where_names_lead_to(name: &str, code: &str, addresses: &[IpAddr]) -> Arc<Tenant> {
    let source = Source::read(name);
    assert_eq!(source.ends, code, "{name}: what its source documents");
    let mut tenant = Arc::new(Tenant::new(addresses));
    let tool = match admit(&source.bytes()) {
        Ok(tool) => tool,
        Err((refused, why)) => {
            assert_eq!(refused, code, "{name}: {why}");
            return tenant;
        }
    };
    for _ in 0..CALLS {
        tenant = Arc::new(Tenant::new(addresses));
        let (ended, why) = call(&tool, &tenant);
        assert_eq!(ended, code, "{name}: {why}");
        check_limits(&tenant);
    }
    tenant
}

/// The tool, or the code and words of its refusal.
pub fn admit(bytes: &[u8]) -> Result<Tool, (String, String)> {
    let limits = gate::Limits { stamp: gate::StampRule::Optional, ..gate::Limits::STANDARD };
    gate::check(bytes, &limits).map_err(|refusal| (refusal.code.to_string(), refusal.to_string()))?;
    Tool::load(&ENGINE, bytes, &GateLimits::default(), ToolLimits::default())
        .map_err(|refusal| (refusal.code.to_string(), refusal.to_string()))
}

fn call(tool: &Tool, tenant: &Arc<Tenant>) -> (String, String) {
    let context = Context {
        tenant: TENANT.into(),
        call_id: "call".into(),
        caller: "+34600000000".into(),
        idempotency_key: "key".into(),
        time_zone: "UTC".into(),
        confirmed: false,
        now_ms: 1_795_158_000_000,
    };
    match tool.call(&context, "{}", tenant.clone(), SOON) {
        Ok(Ok(Reply::Done(_))) => ("done".into(), String::new()),
        Ok(Ok(Reply::Confirm(question))) => ("confirm".into(), question),
        Ok(Err(failure)) => (failure.kind.into(), failure.message),
        Err(error) => (error.code().into(), error.to_string()),
    }
}

/// Whatever a tool did, what it used is within what `wit/tool` allows.
fn check_limits(tenant: &Tenant) {
    let kept: usize = tenant.lines.lock().unwrap().iter().map(String::len).sum();
    assert!(kept <= 16 << 10, "{kept} bytes of log were kept");
    assert!(*tenant.requests.lock().unwrap() <= 8);
}
