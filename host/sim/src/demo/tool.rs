//! A tenant's tool in the demonstration: uploaded, listed by the agent, and a bad version of it that the platform is to
//! go back from by itself.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::api::Api;

/// The tool's name.
pub(super) const NAME: &str = "orders";

/// The agent that is to use it, and what it uses besides.
const AGENT: &str = "receptionist";
const OTHER_TOOLS: [&str; 3] = ["appointments", "leads", "notifications"];

/// The gate compiles the component, on a machine that has calls to serve.
const UPLOAD: Duration = Duration::from_secs(60);
/// How long the platform may take to notice that a version is bad: it looks every few seconds.
const NOTICE: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);

/// A version that was uploaded.
#[derive(Clone, Debug)]
pub(super) struct Version {
    /// Its digest.
    pub(super) digest: String,
    /// From the first byte sent to the answer that it is live.
    pub(super) took: Duration,
}

/// What became of the tool.
#[derive(Clone, Debug)]
pub(super) struct Story {
    /// The version that calls get.
    pub(super) good: Version,
    /// The one that was bad.
    pub(super) bad: Version,
    /// Why the platform went back from it.
    pub(super) why: String,
}

impl Story {
    /// For machines.
    pub(super) fn json(&self) -> Value {
        json!({
            "name": NAME,
            "version": self.good.digest,
            "upload_ms": millis(self.good.took),
            "rolled_back": { "version": self.bad.digest, "upload_ms": millis(self.bad.took), "why": self.why },
        })
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The component of that name, which `cargo xtask build` makes.
fn component(name: &str) -> anyhow::Result<Vec<u8>> {
    let folder = std::env::var_os("VOICEHIVE_COMPONENTS").unwrap_or_else(|| "target/components".into());
    let path = PathBuf::from(folder).join(format!("{name}.wasm"));
    std::fs::read(&path).with_context(|| {
        format!("reading {} (hint: `cargo xtask build` makes the components)", path.display())
    })
}

/// Uploads the tool and lets the agent use it.
pub(super) async fn upload(api: &Api) -> anyhow::Result<Version> {
    let version = send(api, "demo-orders").await?;
    let tools: Vec<&str> = OTHER_TOOLS.into_iter().chain([NAME]).collect();
    api.put(&format!("/v1/agents/{AGENT}/tools"), &json!({ "tools": tools })).await?;
    Ok(version)
}

/// Uploads the bad version of it. The gate cannot tell: it breaks only when it is called.
pub(super) async fn upload_bad(api: &Api) -> anyhow::Result<Version> {
    send(api, "demo-orders-broken").await
}

async fn send(api: &Api, name: &str) -> anyhow::Result<Version> {
    let bytes = component(name)?;
    let began = Instant::now();
    let answer = api.upload("/v1/tools?alias=live", bytes, UPLOAD).await?;
    let took = began.elapsed();
    let digest =
        answer.get("version").and_then(Value::as_str).context("the upload's answer has no `version`")?;
    let live = live(api).await?;
    ensure!(live.as_deref() == Some(digest), "`live` names {live:?} after the upload of {digest}");
    Ok(Version { digest: digest.to_owned(), took })
}

/// The version that `live` names.
async fn live(api: &Api) -> anyhow::Result<Option<String>> {
    let tool = api.get(&format!("/v1/tools/{NAME}")).await?;
    let aliases = tool.get("aliases").and_then(Value::as_array).context("the tool has no `aliases`")?;
    let live = aliases.iter().find(|named| named.get("alias").is_some_and(|alias| alias == "live"));
    Ok(live.and_then(|live| live.get("version")?.as_str()).map(str::to_owned))
}

/// Waits until the platform has gone back from `bad` to `good` by itself, and says why it did.
pub(super) async fn rolled_back(api: &Api, good: &Version, bad: &Version) -> anyhow::Result<String> {
    let deadline = Instant::now() + NOTICE;
    while live(api).await?.as_ref() != Some(&good.digest) {
        if Instant::now() >= deadline {
            bail!("the platform did not go back from the bad version {} within {NOTICE:?}", bad.digest);
        }
        sleep(LOOK).await;
    }
    let history = api.get(&format!("/v1/tools/{NAME}/history")).await?;
    let events = history.get("items").and_then(Value::as_array).context("the history has no `items`")?;
    let is = |event: &Value, name: &str, value: &str| event.get(name).is_some_and(|found| found == value);
    let event = events
        .iter()
        .find(|event| is(event, "action", "rolled-back-automatically") && is(event, "from", &bad.digest))
        .context("the history does not say that the platform went back")?;
    Ok(event.get("why").and_then(Value::as_str).unwrap_or_default().to_owned())
}
