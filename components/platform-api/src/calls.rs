//! `/v1/calls`: what was called, said and done.

use events::CallEvent;
use events::Latency;
use events::latency::{Metrics, Summary};
use events::transcript::Transcript;
use serde::Serialize;
use serde_json::{Value, json};
use store::{
    Call, CallFilter, CallId, Cursor, Db, Recording, RecordingState, Store, StoredEvent, TenantId, Timestamp,
};

use crate::outbound;
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
    /// Of a call that we place.
    order: Option<outbound::Shown>,
    recordings: Vec<ShownRecording>,
    transcript: Transcript,
    latencies: Vec<TurnLatency>,
    latency: CallLatency,
    events: Vec<Event<'a>>,
}

#[derive(Serialize)]
struct TurnLatency {
    turn: u32,
    #[serde(flatten)]
    latency_ms: Latency,
    /// The same in seconds, by the names that LiveKit Agents uses.
    metrics: Metrics,
}

/// The call's latencies in milliseconds, each over all its turns, by the names that
/// Retell uses for them; absent where no turn has one.
#[derive(Serialize)]
struct CallLatency {
    /// From the caller's end of speech to the first audio on the carrier's socket.
    e2e: Option<Summary>,
    /// The wait for the transcript.
    asr: Option<Summary>,
    /// The model's first token.
    llm: Option<Summary>,
    /// The first byte of speech.
    tts: Option<Summary>,
    /// What was recalled, where it was waited for.
    knowledge_base: Option<Summary>,
    /// Our own work.
    host: Option<Summary>,
}

impl CallLatency {
    fn of(latencies: &[TurnLatency]) -> Self {
        let over =
            |stage: fn(&Latency) -> f64| Summary::of(latencies.iter().map(|turn| stage(&turn.latency_ms)));
        Self {
            e2e: over(|latency| latency.total),
            asr: over(|latency| latency.stt_tail),
            llm: over(|latency| latency.llm_first_token),
            tts: over(|latency| latency.tts_first_byte),
            knowledge_base: over(|latency| latency.context_wait),
            host: over(|latency| latency.host_overhead),
        }
    }
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
        turn.latency_ms.map(|latency_ms| TurnLatency {
            turn: turn.turn,
            latency_ms,
            metrics: latency_ms.metrics(),
        })
    };
    let latencies: Vec<TurnLatency> = transcript.turns.iter().filter_map(latency).collect();
    let latency = CallLatency::of(&latencies);
    let events = stored.iter().map(event).collect::<Result<_, _>>()?;
    let order = outbound::of(store, tenant, &id).await?;
    let recordings = shown_recordings(store, tenant, &id).await?;
    body(&CallDetail { call, order, recordings, transcript, latencies, latency, events })
}

/// `GET /v1/calls/{id}/recordings`, the one that was known first, first.
pub(crate) async fn recordings<D: Db>(
    store: &Store<D>,
    tenant: &TenantId,
    id: &str,
) -> Result<String, Problem> {
    let id: CallId = id.parse().map_err(|_| Problem::NotFound)?;
    store.call(tenant, &id).await?.ok_or(Problem::NotFound)?;
    body(&json!({ "items": shown_recordings(store, tenant, &id).await? }))
}

/// What a client sees of a recording. The carrier's address of it is not shown: whoever has such
/// an address may need nothing else.
#[derive(Serialize)]
struct ShownRecording {
    id: String,
    duration_ms: Option<u64>,
    state: RecordingState,
    bytes: Option<u64>,
    sha256: Option<String>,
    fetched_at: Option<Timestamp>,
}

async fn shown_recordings<D: Db>(
    store: &Store<D>,
    tenant: &TenantId,
    call: &CallId,
) -> Result<Vec<ShownRecording>, Problem> {
    let recordings = store.recordings(tenant, call).await?.into_iter();
    Ok(recordings.map(ShownRecording::from).collect())
}

impl From<Recording> for ShownRecording {
    fn from(recording: Recording) -> Self {
        let millis = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self {
            id: recording.id,
            duration_ms: recording.duration.map(millis),
            state: recording.state,
            bytes: recording.bytes,
            sha256: recording.sha256,
            fetched_at: recording.fetched_at,
        }
    }
}

fn event(stored: &StoredEvent) -> Result<Event<'_>, Problem> {
    let unreadable = |_| store::StoreError::Unreadable("an event's data is not JSON".to_owned());
    let data = serde_json::from_str(&stored.data).map_err(unreadable)?;
    Ok(Event { seq: stored.seq, at: stored.at, r#type: &stored.kind, data })
}
