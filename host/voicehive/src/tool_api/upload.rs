//! `POST /v1/tools`: a component becomes a version, and calls get it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use sandbox::Tier;
use store::{
    Act, NewVersion, ParseToolError, TenantId, ToolAlias, ToolDigest, ToolName, ToolQuota, ToolRefusal,
    Uploaded,
};
use tokio::sync::Semaphore;

use super::access::Changing;
use super::effort::{Clock, GateTurn, GateTurns};
use super::leftovers::to_its_end;
use super::query::Query;
use super::receive::{self, Received};
use super::workshop::{Found, Workshop};
use super::{Refused, ToolApi, body, found, shown};

/// How long a component may take to arrive: 32 MiB at a quarter of a megabyte a second.
const PATIENCE: Duration = Duration::from_secs(130);

/// How many uploads arrive at once; each has one file.
const ARRIVING_MAX: usize = 16;

/// What a canary gets unless it is said, in percent.
pub const CANARY_SHARE: u32 = 10;

/// The uploads that are under way.
pub struct Uploads {
    tenants: Arc<Mutex<BTreeSet<TenantId>>>,
    arriving: Arc<Semaphore>,
    at_the_gate: GateTurns,
}

impl Default for Uploads {
    fn default() -> Self {
        Self::measured_by(Arc::new(Instant::now))
    }
}

/// A tenant's turn to upload, until it is dropped.
struct Turn {
    tenants: Arc<Mutex<BTreeSet<TenantId>>>,
    tenant: TenantId,
}

impl Uploads {
    /// None yet; how long they are at the gate is measured by `clock`.
    pub fn measured_by(clock: Clock) -> Self {
        Self {
            tenants: Arc::default(),
            arriving: Arc::new(Semaphore::new(ARRIVING_MAX)),
            at_the_gate: GateTurns::measured_by(clock),
        }
    }

    fn begin(&self, tenant: &TenantId) -> Result<Turn, Refused> {
        let is_only = self.tenants.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant.clone());
        if !is_only {
            return Err(Refused::UploadInProgress);
        }
        let turn = Turn { tenants: self.tenants.clone(), tenant: tenant.clone() };
        // Nothing of the tenant's is at the gate now: all the time that it used there is counted.
        self.at_the_gate.permit(tenant)?;
        Ok(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.tenant);
    }
}

/// What the client wants of an upload.
struct Wanted {
    tier: Tier,
    /// The alias that is to name the version, with its share.
    named: Option<(ToolAlias, u32)>,
}

/// Takes a component: 201 with the version, or 200 where the tool has these bytes already; then they have the tier that they
/// were sent for now.
pub async fn upload(
    State(api): State<Arc<ToolApi>>,
    asking: Result<Changing, Refused>,
    query: Query,
    request: Request,
) -> Result<Response, Refused> {
    let (head, body) = request.into_parts();
    let begun = asking.and_then(|asking| {
        let wanted = Wanted::read(query, &head.headers)?;
        let room = api.uploads.arriving.clone().try_acquire_owned().map_err(|_| Refused::Busy)?;
        Ok((api.uploads.begin(&asking.tenant)?, room, wanted, asking))
    });
    let (turn, room, wanted, asking) = match begun {
        Ok(begun) => begun,
        Err(refused) => {
            receive::forget(body).await;
            return Err(refused);
        }
    };
    let folder = api.artifacts.folder().to_owned();
    let most = wanted.tier.gate().component_bytes;
    let received =
        receive::receive(body, &folder, most, PATIENCE).await.map_err(|refused| match refused {
            Refused::BodyTooLarge(most) if wanted.tier == Tier::Standard => Refused::LargerTier(most),
            refused => refused,
        })?;
    drop(room);
    let is_quarantined = api.store.is_quarantined(&received.digest).await?;
    let (digest, bytes) = (received.digest.clone(), received.bytes);
    let upload = Upload { api, asking, digest, bytes, tier: wanted.tier };
    if is_quarantined {
        return to_its_end(upload.finish_quarantined()).await;
    }
    let at_the_gate = upload.api.uploads.at_the_gate.next(&upload.asking.tenant).await?;
    to_its_end(upload.finish(received, turn, at_the_gate, wanted.named)).await
}

impl Wanted {
    fn read(mut query: Query, headers: &HeaderMap) -> Result<Self, Refused> {
        let tier = query.take("tier", "`standard` or `large`")?.unwrap_or(Tier::Standard);
        let alias: Option<String> = query.take("alias", "`live`, `canary` or `none`")?;
        let share = query.take("share", "a whole number from 0 to 100")?;
        query.finish()?;
        let named = match alias.as_deref().unwrap_or("live") {
            "none" => None,
            alias => {
                let expected =
                    |_| Refused::Parameter("`alias` must be `live`, `canary` or `none`".to_owned());
                Some(alias.parse::<ToolAlias>().map_err(expected)?)
            }
        };
        let named = match (named, share) {
            (Some(ToolAlias::Canary), share) => Some((ToolAlias::Canary, share.unwrap_or(CANARY_SHARE))),
            (named, None) => named.map(|alias| (alias, 100)),
            (_, Some(_)) => return Err(Refused::Parameter("only a canary has a `share`".to_owned())),
        };
        if named.is_some_and(|(_, share)| share > 100) {
            return Err(Refused::Parameter("`share` must be a whole number from 0 to 100".to_owned()));
        }
        body::is(headers, "application/wasm")?;
        Ok(Self { tier, named })
    }
}

/// What was admitted, with what it takes to keep it.
struct Admitted {
    found: Found,
    name: ToolName,
    bytes: Vec<u8>,
    /// One upload of a tenant's at a time, until its row is written.
    turn: Turn,
}

/// Puts a component through the gate, on a thread that may block. Says, too, how long the gate took.
async fn admit(
    api: &ToolApi,
    tier: Tier,
    received: Received,
    turn: Turn,
    at_the_gate: GateTurn,
) -> (Result<Admitted, Refused>, Duration) {
    let workshop = api.workshop.clone();
    let work = move || {
        let bytes = match received.read() {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::error!(%error, "an upload cannot be read from its file");
                return (Err(Refused::Internal), Duration::ZERO);
            }
        };
        let stay = at_the_gate.stay();
        let found = workshop.admit(&bytes, tier);
        let took = stay.end();
        let named = found.map_err(Refused::Gate).and_then(|found| Ok((name_of(&*workshop, &found)?, found)));
        (named.map(|(name, found)| Admitted { found, name, bytes, turn }), took)
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "the gate broke");
        (Err(Refused::Internal), Duration::ZERO)
    })
}

/// The name that a component gives itself, if a tenant's tool may have it.
fn name_of(workshop: &dyn Workshop, found: &Found) -> Result<ToolName, Refused> {
    if workshop.is_built_in(&found.name) {
        return Err(Refused::NameReserved(found.name.clone()));
    }
    found.name.parse().map_err(|error: ParseToolError| Refused::Invalid(error.to_string()))
}

/// An upload that has arrived.
struct Upload {
    api: Arc<ToolApi>,
    asking: Changing,
    digest: ToolDigest,
    bytes: usize,
    tier: Tier,
}

impl Upload {
    /// Puts it through the gate and keeps it. Of what is refused, by whichever of the two, no bytes stay on the disk, unless a
    /// version needs them.
    async fn finish(
        self,
        received: Received,
        turn: Turn,
        at_the_gate: GateTurn,
        named: Option<(ToolAlias, u32)>,
    ) -> Result<Response, Refused> {
        let (admitted, took) = admit(&self.api, self.tier, received, turn, at_the_gate).await;
        let finished = match admitted {
            Ok(admitted) => self.keep(admitted, named).await,
            Err(refused) => Err(refused),
        };
        let refused = match finished {
            Ok(response) => return Ok(response),
            Err(refused) => refused,
        };
        self.note(&refused, took).await;
        self.api.forget_unless_needed(&self.digest, self.asking.now).await;
        Err(refused)
    }

    /// Refuses it without a look at it.
    async fn finish_quarantined(self) -> Result<Response, Refused> {
        self.note(&Refused::Quarantined, Duration::ZERO).await;
        Err(Refused::Quarantined)
    }

    /// Logs that it was refused, and keeps a verdict on the component. Where that cannot be kept, the answer is the same.
    async fn note(&self, refused: &Refused, took: Duration) {
        let (tenant, code) = (self.asking.tenant.as_str(), refused.code().0);
        tracing::info!(tenant, digest = %self.digest, code, by = self.asking.by, "an upload was refused");
        let Some((item, mend)) = refused.verdict() else { return };
        let refusal = ToolRefusal {
            at: self.asking.now,
            by: self.asking.by.clone(),
            digest: self.digest.clone(),
            bytes: self.size(),
            tier: self.tier.as_str().to_owned(),
            code: code.to_owned(),
            item: item.to_owned(),
            mend: mend.to_owned(),
            took,
        };
        if let Err(error) = self.api.store.add_tool_refusal(&self.asking.tenant, &refusal).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                tenant,
                "that an upload was refused cannot be kept"
            );
        }
    }

    fn size(&self) -> u64 {
        u64::try_from(self.bytes).unwrap_or(u64::MAX)
    }

    /// Keeps the bytes, then the version and its alias.
    async fn keep(&self, admitted: Admitted, named: Option<(ToolAlias, u32)>) -> Result<Response, Refused> {
        let Admitted { found, name, bytes, turn: _turn } = admitted;
        let (store, tenant) = (&self.api.store, &self.asking.tenant);
        let act = Act { by: &self.asking.by, why: "uploaded", at: self.asking.now };
        let version = NewVersion {
            digest: self.digest.clone(),
            bytes: self.size(),
            compiled_bytes: found.compiled_bytes,
            check: found.check(self.tier, self.api.workshop.identity()),
        };
        // Nobody removes the bytes as needless between here and the row that needs them.
        let keeping = self.api.keeping.read().await;
        self.api.put_bytes(bytes).await?;
        let quota = ToolQuota::default();
        let kept = match named {
            Some(named) => store.publish_tool_version(tenant, &name, (&version, named), &quota, &act).await?,
            None => store.put_tool_version(tenant, &name, &version, &quota, &act).await?,
        };
        drop(keeping);
        if let (Uploaded::Known | Uploaded::TierChanged, Some(named)) = (kept, named) {
            self.name_known(&name, named, &version.digest, &act).await?;
        }
        self.answer(&name, &version.digest, kept).await
    }

    /// Lets an alias name what was there already, unless it does.
    async fn name_known(
        &self,
        tool: &ToolName,
        (alias, share): (ToolAlias, u32),
        digest: &ToolDigest,
        act: &Act<'_>,
    ) -> Result<(), Refused> {
        let (store, tenant) = (&self.api.store, &self.asking.tenant);
        let aliases = store.tool_aliases(tenant, tool).await?;
        let is_named =
            |named: &store::Aliased| (named.alias, named.share) == (alias, share) && named.digest == *digest;
        if !aliases.iter().any(is_named) {
            store.switch_tool(tenant, tool, (alias, share), digest, act).await?;
        }
        Ok(())
    }

    async fn answer(
        &self,
        tool: &ToolName,
        digest: &ToolDigest,
        kept: Uploaded,
    ) -> Result<Response, Refused> {
        let (store, tenant) = (&self.api.store, &self.asking.tenant);
        let version = store.tool_version(tenant, tool, digest).await?.ok_or(Refused::Internal)?;
        let aliases = store.tool_aliases(tenant, tool).await?;
        tracing::info!(tenant = tenant.as_str(), tool = tool.as_str(), %digest, ?kept, "a tool was uploaded");
        let mut response = found(&shown::whole_version(tool, &version, &aliases));
        if kept == Uploaded::New {
            *response.status_mut() = StatusCode::CREATED;
            let location = HeaderValue::from_str(&format!("/v1/tools/{tool}/versions/{digest}"));
            response.headers_mut().extend(location.map(|location| (header::LOCATION, location)));
        }
        Ok(response.into_response())
    }
}

impl ToolApi {
    /// Keeps bytes so that they survive a power cut.
    async fn put_bytes(&self, bytes: Vec<u8>) -> Result<(), Refused> {
        let artifacts = self.artifacts.clone();
        let put = tokio::task::spawn_blocking(move || artifacts.put(&bytes)).await;
        match put {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => {
                tracing::error!(%error, "a version's bytes cannot be kept");
                Err(Refused::Internal)
            }
            Err(error) => {
                tracing::error!(%error, "keeping a version's bytes broke");
                Err(Refused::Internal)
            }
        }
    }
}
