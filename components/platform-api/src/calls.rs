//! `/v1/calls`: what was called, said and done.

use events::CallEvent;
use events::Latency;
use events::transcript::Transcript;
use serde::Serialize;
use serde_json::{Value, json};
use store::{Call, CallFilter, CallId, Cursor, Db, Store, StoredEvent, TenantId, Timestamp};

use crate::problem::Problem;
use crate::query::Query;
use crate::service::body;

/// `GET /v1/calls?limit&cursor&status&from`
pub(crate) async fn list<D: Db>(
    store: &Store<D>,
    tenant: &TenantId,
    mut query: Query,
) -> Result<String, Problem> {
    let limit = query.limit()?;
    let cursor: Option<Cursor> = query.value("cursor", "the `next_cursor` of the page before")?;
    let filter = CallFilter {
        status: query.value("status", "a call status, for example `completed`")?,
        from: query.text("from")?,
    };
    query.finish()?;
    let page = store.calls(tenant, &filter, cursor.as_ref(), limit).await?;
    body(&json!({ "items": page.calls, "next_cursor": page.next.map(|cursor| cursor.to_string()) }))
}

#[derive(Serialize)]
struct CallDetail<'a> {
    call: Call,
    transcript: Transcript,
    latencies: Vec<TurnLatency>,
    events: Vec<Event<'a>>,
}

#[derive(Serialize)]
struct TurnLatency {
    turn: u32,
    #[serde(flatten)]
    latency_ms: Latency,
}

#[derive(Serialize)]
struct Event<'a> {
    seq: u64,
    at: Timestamp,
    r#type: &'a str,
    data: Value,
}

/// `GET /v1/calls/{id}`
pub(crate) async fn one<D: Db>(store: &Store<D>, tenant: &TenantId, id: &str) -> Result<String, Problem> {
    let id: CallId = id.parse().map_err(|_| Problem::NotFound)?;
    let call = store.call(tenant, &id).await?.ok_or(Problem::NotFound)?;
    let stored = store.events(tenant, &id, 0).await?;
    // Events that newer code logged are shown as they are, and mean nothing to the transcript.
    let known: Vec<CallEvent> = stored.iter().filter_map(StoredEvent::event).collect();
    let transcript = Transcript::project(&known);
    let latency = |turn: &events::transcript::Turn| {
        turn.latency_ms.map(|latency_ms| TurnLatency { turn: turn.turn, latency_ms })
    };
    let latencies = transcript.turns.iter().filter_map(latency).collect();
    let events = stored.iter().map(event).collect::<Result<_, _>>()?;
    body(&CallDetail { call, transcript, latencies, events })
}

fn event(stored: &StoredEvent) -> Result<Event<'_>, Problem> {
    let unreadable = |_| store::StoreError::Unreadable("an event's data is not JSON".to_owned());
    let data = serde_json::from_str(&stored.data).map_err(unreadable)?;
    Ok(Event { seq: stored.seq, at: stored.at, r#type: &stored.kind, data })
}
