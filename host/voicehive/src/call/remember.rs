//! What is kept of a finished call.

use anyhow::Context as _;
use events::CallEvent;
use events::transcript::Transcript;
use sandbox::platform::memory::{FinishedCall, Line, Speaker, ToolUse};
use store::{Call, NewMemory, TenantId, Timestamp};

use super::context::{LEXICAL_MODEL, kind_name};
use crate::platform::Platform;

/// How many of a customer's memories are compared with, so that nothing is kept twice.
const KNOWN: u32 = 500;

/// Extracts memories from the call's log and stores those that are new.
///
/// # Errors
/// Where the database or the component fails.
pub async fn after_call(platform: &Platform, tenant: &TenantId, call: &Call) -> anyhow::Result<()> {
    let person = super::person(call);
    if person.is_empty() {
        return Ok(());
    }
    let log = platform.store.events(tenant, &call.id, 0).await.context("reading the call's log")?;
    let events: Vec<CallEvent> = log.iter().filter_map(store::StoredEvent::event).collect();
    let finished = finished_call(&Transcript::project(&events));
    if finished.lines.is_empty() {
        return Ok(());
    }
    let extracted = platform.capabilities.extract_memories(&finished)?;
    let extracted = extracted.map_err(|error| anyhow::anyhow!("the call cannot be remembered: {error:?}"))?;
    let now = Timestamp::now();
    let customer =
        platform.store.customer_by_phone(tenant, person, now).await.context("finding the customer")?;
    let known = platform.store.memories_of(tenant, &customer.id, KNOWN).await.context("reading memories")?;
    let new: Vec<NewMemory> = extracted
        .into_iter()
        .filter(|extracted| !known.iter().any(|known| known.text == extracted.text))
        .map(|extracted| NewMemory {
            kind: kind_name(extracted.kind).into(),
            text: extracted.text,
            embedding: extracted.embedding,
            model: LEXICAL_MODEL.into(),
            at: Timestamp(i64::try_from(extracted.at).unwrap_or(i64::MAX)),
        })
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    platform.store.insert_memories(tenant, &customer.id, &new).await.context("storing memories")?;
    let stored = |memory: NewMemory| (now, CallEvent::MemoryStored { kind: memory.kind, text: memory.text });
    let stored: Vec<_> = new.into_iter().map(stored).collect();
    platform.store.append_events(tenant, &call.id, &stored, None).await.context("logging memories")?;
    Ok(())
}

fn finished_call(transcript: &Transcript) -> FinishedCall {
    let mut call = FinishedCall {
        ended_at: u64::try_from(Timestamp::now().0).unwrap_or_default(),
        lines: Vec::new(),
        tools: Vec::new(),
    };
    let mut say = |speaker, text: &str| {
        if !text.trim().is_empty() {
            call.lines.push(Line { speaker, text: text.to_owned() });
        }
    };
    for turn in &transcript.turns {
        say(Speaker::Caller, &turn.caller);
        say(Speaker::Agent, &turn.heard);
    }
    let succeeded = transcript.turns.iter().flat_map(|turn| &turn.tools);
    call.tools = succeeded
        .filter(|tool| tool.outcome.as_deref() == Some("success"))
        .map(|tool| ToolUse {
            tool: tool.name.clone(),
            arguments: tool.arguments.clone(),
            outcome: tool.text.clone(),
        })
        .collect();
    call
}
