//! What the platform's REST interface says of the calls.

use std::time::Duration;

use anyhow::{Context as _, bail};
use events::transcript::Transcript;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, sleep};

/// How long a log may take to be complete after the call's end.
const COMPLETE: Duration = Duration::from_secs(10);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(150);

/// One answer may take this long.
const ANSWER: Duration = Duration::from_secs(5);

/// A call as it was logged.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct CallLog {
    pub(super) call: Value,
    pub(super) transcript: Transcript,
    pub(super) events: Vec<Logged>,
}

/// One event of the log.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Logged {
    pub(super) r#type: String,
    pub(super) data: Value,
}

/// An appointment in the diary.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Appointment {
    pub(super) id: String,
    pub(super) start: String,
    #[serde(default)]
    pub(super) status: String,
    /// The rest of it.
    #[serde(flatten)]
    pub(super) more: serde_json::Map<String, Value>,
}

#[derive(Debug)]
pub(super) struct Api {
    base: String,
    key: String,
    client: reqwest::Client,
}

impl CallLog {
    /// The platform's id of the call.
    pub(super) fn id(&self) -> &str {
        self.call.get("id").and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn status(&self) -> &str {
        self.call.get("status").and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn events(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.events.iter().filter(move |event| event.r#type == kind).map(|event| &event.data)
    }

    /// Whether everything that happens at the end of a call has been logged.
    fn is_complete(&self) -> bool {
        let used_diary = self.transcript.turns.iter().flat_map(|turn| &turn.tools).any(|tool| {
            tool.name.contains("appointment")
                && tool.outcome.as_deref() == Some("success")
                && tool.text.contains("booked")
        });
        let remembered = !used_diary || self.events("memory.stored").next().is_some();
        self.transcript.ended.is_some() && self.status() == "completed" && remembered
    }
}

impl Api {
    pub(super) fn new(base: &str, key: &str) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().no_proxy().timeout(ANSWER).build()?;
        Ok(Self { base: base.into(), key: key.into(), client })
    }

    /// The log of a call that is over, once it is complete; or as it is when it does not become so.
    pub(super) async fn finished_call(&self, id: &str) -> anyhow::Result<CallLog> {
        let deadline = Instant::now() + COMPLETE;
        loop {
            let value = self.get(&format!("/v1/calls/{id}")).await?;
            let log: CallLog =
                serde_json::from_value(value).context("GET /v1/calls/{id} has another form")?;
            if log.is_complete() || Instant::now() >= deadline {
                return Ok(log);
            }
            sleep(LOOK).await;
        }
    }

    /// The diary.
    pub(super) async fn appointments(&self) -> anyhow::Result<Vec<Appointment>> {
        let mut page = self.get("/v1/appointments").await?;
        let items = page.get_mut("items").and_then(Value::as_array_mut).map(std::mem::take);
        let items = items.context("GET /v1/appointments has no `items`")?;
        items
            .into_iter()
            .map(|mut item| {
                // What the tool keeps stands under `data`.
                let kept = item.get_mut("data").map_or(Value::Null, Value::take);
                let appointment = if kept.is_null() { item } else { kept };
                serde_json::from_value(appointment)
                    .context("an item of GET /v1/appointments has another form")
            })
            .collect()
    }

    /// What there is at `path`.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.ask("GET", path, self.client.get(self.url(path))).await
    }

    /// Replaces what there is at `path`.
    pub(super) async fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.ask("PUT", path, self.client.put(self.url(path)).json(body)).await
    }

    /// Sends a component to `path`.
    pub(super) async fn upload(&self, path: &str, bytes: Vec<u8>, within: Duration) -> anyhow::Result<Value> {
        let request = self.client.post(self.url(path)).header("content-type", "application/wasm");
        self.ask("POST", path, request.body(bytes).timeout(within)).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn ask(&self, method: &str, path: &str, request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
        let response = request.bearer_auth(&self.key).send().await?;
        let status = response.status();
        let body = response.text().await?;
        if !status.is_success() {
            bail!("{method} {path} answered {status}: {body}");
        }
        serde_json::from_str(&body).with_context(|| format!("{method} {path} did not answer JSON"))
    }
}
