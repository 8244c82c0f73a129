//! `voicehive tool call`: one run on this machine, under the limits of a phone call's.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use gate::Misfit;
use sandbox::{Answer, Context, Failure, Finished, HotEngine, Reply, RunError, Spent, ToolHost};
use serde_json::{Value, json};
use store::{E164, Timestamp};

use super::arguments::CallArguments;
use super::check::{admit, milliseconds};
use super::local_host::LocalHost;
use super::local_secrets;
use super::records::Records;
use super::{note, print, text};

/// Whom the tool is told that it works for.
const TENANT: &str = "local";

/// The phone call that the tool is told of.
const CALL: &str = "local-call";

/// Runs the tool once.
///
/// # Errors
/// Where the component is refused, or the arguments or records cannot be read.
pub async fn call(arguments: CallArguments) -> anyhow::Result<ExitCode> {
    let given: Value = serde_json::from_str(&arguments.arguments)
        .context("`--arguments` is no JSON (hint: quote it: '{\"topic\": \"my invoice\"}')")?;
    anyhow::ensure!(given.is_object(), "`--arguments` must be an object, as in '{{}}'");
    check_caller(&arguments.caller)?;
    check_time_zone(&arguments.time_zone)?;
    let runtime = tokio::runtime::Handle::current();
    // Compiling and running block, and a thread that waits for others' answers must not be one that fetches them.
    let finished = tokio::task::spawn_blocking(move || run(&arguments, &given, runtime)).await;
    finished.context("running the tool")?
}

/// Whether a platform would name such a caller to a tool.
fn check_caller(caller: &str) -> anyhow::Result<()> {
    anyhow::ensure!(
        caller.is_empty() || caller.parse::<E164>().is_ok(),
        "`--caller` must be an E.164 number like +12025550143, or empty for one that is withheld"
    );
    Ok(())
}

/// Whether a platform would name such a time zone to a tool.
fn check_time_zone(time_zone: &str) -> anyhow::Result<()> {
    anyhow::ensure!(
        jiff::tz::TimeZone::get(time_zone).is_ok(),
        "`--time-zone` must be an IANA time zone like Europe/Madrid"
    );
    Ok(())
}

/// Whether a platform would hand such arguments to the tool.
fn check_arguments(parameters: &Value, given: &Value) -> anyhow::Result<()> {
    let misfits = gate::check_arguments(parameters, given)?;
    let told: Vec<String> = misfits
        .iter()
        .map(|Misfit { path, message }| match path.as_str() {
            "" => message.clone(),
            path => format!("`{path}`: {message}"),
        })
        .collect();
    anyhow::ensure!(
        told.is_empty(),
        "invalid-arguments: {} (hint: a model is told this, and the tool is not run)",
        told.join("; ")
    );
    Ok(())
}

fn run(
    arguments: &CallArguments,
    given: &Value,
    runtime: tokio::runtime::Handle,
) -> anyhow::Result<ExitCode> {
    let tool = admit(&HotEngine::metered()?, &arguments.file, arguments.tier)?.tool;
    let definition = tool.definition();
    check_arguments(&definition.parameters, given)?;
    let secrets = arguments.secrets.as_deref().map(local_secrets::load).transpose()?.unwrap_or_default();
    let records = arguments.records.as_deref().map(Records::load).transpose()?.unwrap_or_default();
    let hosts = arguments.allow_http.then_some(definition.hosts.as_slice());
    let host = Arc::new(LocalHost::new(records, hosts, secrets, runtime)?);
    let finished = tool.call(
        &context(arguments),
        &given.to_string(),
        host.clone() as Arc<dyn ToolHost>,
        definition.timeout,
    );
    if let Some(path) = &arguments.records {
        // Also where the run failed: what it stored before is stored, as on a platform.
        host.records().save(path)?;
    }
    tell(&finished, arguments.json)
}

fn context(arguments: &CallArguments) -> Context {
    let key = arguments.idempotency_key.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    Context {
        tenant: TENANT.into(),
        call_id: CALL.into(),
        caller: arguments.caller.clone(),
        idempotency_key: key,
        time_zone: arguments.time_zone.clone(),
        confirmed: arguments.confirmed,
        now_ms: u64::try_from(Timestamp::now().0).unwrap_or_default(),
    }
}

/// The answer to stdout, everything else to stderr.
fn tell(finished: &Finished, json: bool) -> anyhow::Result<ExitCode> {
    let shown = shown(finished);
    if !json {
        let told: &[(&str, &str)] = match &finished.outcome {
            Ok(Ok(Reply::Done(answer))) => &[
                ("said", answer.speech.as_deref().unwrap_or_default()),
                ("kept", answer.data.as_deref().unwrap_or_default()),
                ("next", answer.follow_up.as_deref().unwrap_or_default()),
            ],
            Ok(Ok(Reply::Confirm(_))) => &[("confirm", "the caller is asked this; `--confirmed` is a yes")],
            Ok(Err(_)) | Err(_) => &[],
        };
        for (name, value) in told.iter().filter(|(_, value)| !value.is_empty()) {
            note(&format!("{name:<9} {value}"));
        }
        note(&used(&finished.spent));
    }
    match &finished.outcome {
        Err(error) if !json => anyhow::bail!("{}: {error}", error.code()),
        Ok(Err(failure)) if !json => anyhow::bail!("{}: {failure}", failure.kind),
        _ => print(&shown, json, |shown| format!("{}\n", plain(shown)))?,
    }
    Ok(if matches!(finished.outcome, Ok(Ok(_))) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What became of the run, as a platform's dry run says it.
fn shown(finished: &Finished) -> Value {
    let mut shown = match &finished.outcome {
        Ok(Ok(Reply::Done(Answer { content, speech, data, follow_up }))) => json!({
            "outcome": "done",
            "answer": { "content": content, "speech": speech, "data": data, "follow_up": follow_up },
        }),
        Ok(Ok(Reply::Confirm(question))) => json!({ "outcome": "confirm", "question": question }),
        Ok(Err(Failure { kind, message })) => {
            json!({ "outcome": "failed", "error": { "code": kind, "message": message } })
        }
        Err(error) => {
            json!({ "outcome": "broken", "error": { "code": RunError::code(error), "message": error.to_string() } })
        }
    };
    if let Some(members) = shown.as_object_mut() {
        members.insert("spent".to_owned(), spent(&finished.spent));
    }
    shown
}

fn plain(shown: &Value) -> &str {
    match shown.get("answer") {
        Some(answer) => text(answer, "content"),
        None => text(shown, "question"),
    }
}

fn spent(spent: &Spent) -> Value {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    json!({
        "waited_us": micros(spent.waited),
        "guest_us": micros(spent.guest),
        "host_us": micros(spent.host),
        "memory_bytes": spent.memory_bytes,
        "fuel": spent.fuel,
        "http_requests": spent.http_requests,
        "egress_bytes": spent.egress_bytes,
        "log_bytes": spent.log_bytes,
    })
}

fn used(spent: &Spent) -> String {
    let fuel = spent.fuel.map_or_else(String::new, |fuel| format!(", {fuel} units of fuel"));
    format!(
        "used      {:.2} ms of processor time, {:.2} ms of waiting for the host, {} KiB of memory{fuel}",
        milliseconds(spent.guest),
        milliseconds(spent.host),
        spent.memory_bytes >> 10
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(outcome: Result<Result<Reply, Failure>, RunError>) -> Finished {
        let spent = Spent { guest: Duration::from_micros(1500), fuel: Some(7), ..Spent::default() };
        Finished { outcome, spent }
    }

    #[test]
    fn each_outcome_has_its_own_word() {
        let broken = shown(&finished(Err(RunError::Busy)));
        assert_eq!((&broken["outcome"], &broken["error"]["code"]), (&json!("broken"), &json!("busy")));
        let failed = finished(Ok(Err(Failure { kind: "not-found", message: "no such order".into() })));
        assert_eq!(shown(&failed)["error"], json!({"code": "not-found", "message": "no such order"}));
        let asked = shown(&finished(Ok(Ok(Reply::Confirm("Shall I?".into())))));
        assert_eq!((asked["outcome"].as_str(), plain(&asked)), (Some("confirm"), "Shall I?"));
        let done = shown(&finished(Ok(Ok(Reply::text("done it")))));
        assert_eq!((plain(&done), &done["spent"]["guest_us"]), ("done it", &json!(1500)));
    }

    #[test]
    fn a_tool_is_told_what_a_platform_would_tell_it() {
        assert!(check_caller("").is_ok() && check_caller("+12025550143").is_ok());
        assert!(check_caller("2025550143").is_err() && check_caller("anonymous").is_err());
        assert!(check_time_zone("UTC").is_ok() && check_time_zone("Mars/Olympus").is_err());
    }

    #[test]
    fn arguments_that_do_not_fit_are_refused_before_the_tool_runs() {
        let parameters = json!({ "type": "object", "properties": { "when": { "enum": ["morning"] } }, "required": ["when"] });
        assert!(check_arguments(&parameters, &json!({ "when": "morning" })).is_ok());
        let refused = |given: Value| check_arguments(&parameters, &given).unwrap_err().to_string();
        let noon = refused(json!({ "when": "noon" }));
        assert!(noon.starts_with("invalid-arguments: `/when`: \"noon\" is not one of"), "{noon}");
        let missing = refused(json!({}));
        assert!(missing.starts_with("invalid-arguments: \"when\" is a required property"), "{missing}");
    }

    #[test]
    fn what_a_run_used_is_one_line() {
        let line = used(&finished(Err(RunError::Busy)).spent);
        assert_eq!(
            line,
            "used      1.50 ms of processor time, 0.00 ms of waiting for the host, 0 KiB of memory, 7 units of fuel"
        );
    }
}
