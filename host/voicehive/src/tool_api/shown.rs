//! Tools as clients see them.

use serde_json::{Map, Value, json};
use store::{Aliased, RunError, Runs, Tool, ToolDigest, ToolEvent, ToolName, ToolRefusal, ToolVersion};

use crate::tool_secrets::KnownSecret;

/// A tool, with what its aliases name.
pub fn tool(tool: &Tool, aliases: &[Aliased]) -> Value {
    json!({ "tool": tool.name, "created_at": tool.created_at, "aliases": list(aliases, aliased) })
}

/// What an alias names.
pub fn aliased(named: &Aliased) -> Value {
    json!({ "alias": named.alias, "version": named.digest, "share": named.share })
}

/// A version without what the gate measured.
pub fn version(tool: &ToolName, version: &ToolVersion, aliases: &[Aliased]) -> Value {
    let named = aliases.iter().filter(|named| named.digest == version.digest).map(|named| named.alias);
    json!({
        "tool": tool,
        "version": version.digest,
        "state": version.state.as_str(),
        "tier": version.check.report.get("tier"),
        "bytes": version.bytes,
        "refusal": version.check.refusal,
        "aliases": named.collect::<Vec<_>>(),
        "uploaded_by": version.uploaded_by,
        "uploaded_at": version.uploaded_at,
        "checked_at": version.checked_at,
        "deleted_at": version.deleted_at,
    })
}

/// A version with all that is known of it.
pub fn whole_version(tool: &ToolName, kept: &ToolVersion, aliases: &[Aliased]) -> Value {
    let mut shown = version(tool, kept, aliases);
    if let Value::Object(members) = &mut shown {
        for name in ["definition", "report", "measured"] {
            members.insert(name.to_owned(), kept.check.report.get(name).cloned().unwrap_or_default());
        }
        let refusal = kept.check.refusal.as_ref().map(|code| refusal(code, &kept.check.report));
        members.insert("refusal".to_owned(), refusal.unwrap_or_default());
        members.insert("gate".to_owned(), kept.check.gate.as_str().into());
        members.insert("engine".to_owned(), kept.check.engine.as_str().into());
    }
    shown
}

fn refusal(code: &str, report: &Value) -> Value {
    let mut shown = Map::from_iter([("code".to_owned(), code.into())]);
    if let Some(Value::Object(more)) = report.get("refusal") {
        shown.extend(more.clone());
    }
    shown.into()
}

/// How a version's runs went.
pub fn runs(version: &ToolDigest, runs: &Runs) -> Value {
    // More than the longest bound is all that is known of some.
    let within = |percent| u64::try_from(runs.within(percent).as_millis()).ok();
    let most: Vec<_> = Runs::BOUNDS.iter().map(|bound| Some(bound.as_millis())).chain([None]).collect();
    let spread = most.iter().zip(runs.spread);
    json!({
        "version": version,
        "calls": runs.calls,
        "traps": runs.traps,
        "timeouts": runs.timeouts,
        "faults": runs.faults,
        "cpu_ms": runs.cpu.as_millis(),
        "took_ms": runs.took.as_millis(),
        "p50_ms": within(50),
        "p99_ms": within(99),
        "spread": spread.map(|(most, calls)| json!({ "up_to_ms": most, "calls": calls })).collect::<Vec<_>>(),
    })
}

/// A run that went wrong.
pub fn error(error: &RunError) -> Value {
    json!({
        "version": error.digest,
        "call": error.call,
        "at": error.at,
        "code": error.code,
        "detail": error.detail,
    })
}

/// An upload that was refused.
pub fn refused_upload(refusal: &ToolRefusal) -> Value {
    json!({
        "at": refusal.at,
        "by": refusal.by,
        "digest": refusal.digest,
        "bytes": refusal.bytes,
        "tier": refusal.tier,
        "code": refusal.code,
        "item": refusal.item,
        "mend": refusal.mend,
        "took_ms": refusal.took.as_millis(),
    })
}

/// Something that was done.
pub fn event(event: &ToolEvent) -> Value {
    json!({
        "seq": event.seq,
        "at": event.at,
        "by": event.by,
        "action": event.action,
        "alias": event.alias,
        "from": event.from,
        "to": event.to,
        "share": event.share,
        "tier": event.tier,
        "secret": event.secret,
        "host": event.host,
        "why": event.why,
    })
}

/// That there is a secret.
pub fn secret(secret: &KnownSecret) -> Value {
    json!({ "name": secret.name, "host": secret.host, "set_by": secret.set_by, "set_at": secret.set_at })
}

/// A list of what `show` makes of each.
pub fn list<T>(items: &[T], show: impl Fn(&T) -> Value) -> Value {
    items.iter().map(show).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_took_longer_than_is_counted_has_no_number() {
        let long = Runs::one(Duration::from_millis(2), Duration::from_secs(4));
        let shown = runs(&ToolDigest::of(b"1"), &long);
        assert_eq!((&shown["p50_ms"], &shown["cpu_ms"]), (&Value::Null, &json!(2)));
        assert_eq!(shown["spread"][6], json!({ "up_to_ms": null, "calls": 1 }));
        let quick = runs(&ToolDigest::of(b"1"), &Runs::one(Duration::ZERO, Duration::from_millis(20)));
        assert_eq!((&quick["p99_ms"], &quick["spread"][1]["calls"]), (&json!(30), &json!(1)));
    }
}
