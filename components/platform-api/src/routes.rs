//! What there is, and what can be done with it.

use http::Method;
use store::projections::Projection;
use store::{Store, Tenant, Timestamp};

use crate::answer::Answer;
use crate::configuration::{admission, agents, limits, routing, webhook_keys};
use crate::incoming::Incoming;
use crate::problem::Problem;
use crate::query::{Query, decode};
use crate::service::Platform;
use crate::{access, calls, health, outbound, people, projected};

/// Does what a request asks for.
pub(crate) async fn serve<P: Platform>(
    platform: &P,
    request: &Incoming,
    now: Timestamp,
) -> Result<Answer, Problem> {
    match request.path() {
        "/health/live" => {
            only(request, "GET")?;
            health::live().map(Answer::ok)
        }
        "/health" | "/health/ready" => {
            only(request, "GET")?;
            health::ready(platform, request).await.map(Answer::ok)
        }
        path => match path.strip_prefix("/v1/") {
            Some(resource) => versioned(platform, request, resource, now).await,
            None => Err(Problem::NotFound),
        },
    }
}

/// Everything under `/v1/`. Who has no key learns nothing, not even what exists.
async fn versioned<P: Platform>(
    platform: &P,
    request: &Incoming,
    path: &str,
    now: Timestamp,
) -> Result<Answer, Problem> {
    let key = access::bearer(request)?;
    let store = platform.open_store().await?;
    let tenant = access::authenticate(&store, key).await?;
    let segments: Vec<String> =
        path.split('/').map(decode).collect::<Option<_>>().ok_or(Problem::NotFound)?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let resource = Resource::at(&segments).ok_or(Problem::NotFound)?;
    only(request, resource.methods())?;
    let query = Query::parse(request.query())?;
    let asked = Asked { platform, request, store: &store, tenant: &tenant, now };
    match *request.method() {
        Method::GET => resource.read(&asked, query).await.map(Answer::ok),
        _ => {
            query.finish()?;
            resource.change(&asked).await
        }
    }
}

/// A request of a tenant's, with all that it takes to serve it.
pub(crate) struct Asked<'a, P: Platform> {
    /// What surrounds us.
    pub(crate) platform: &'a P,
    /// The request.
    pub(crate) request: &'a Incoming,
    /// The records.
    pub(crate) store: &'a Store<P::Db>,
    /// Who asks.
    pub(crate) tenant: &'a Tenant,
    /// When.
    pub(crate) now: Timestamp,
}

/// What can be asked for.
enum Resource<'a> {
    Calls,
    Call(&'a str),
    Cancel(&'a str),
    Recordings(&'a str),
    Kept(Projection),
    MemoriesOf(&'a str),
    WebhookKeys,
    WebhookKey(&'a str),
    Routing,
    Limits,
    Agents,
    Agent(&'a str),
    AgentTools(&'a str),
}

impl<'a> Resource<'a> {
    fn at(segments: &[&'a str]) -> Option<Self> {
        match segments {
            ["calls"] => Some(Self::Calls),
            ["calls", id] => Some(Self::Call(id)),
            ["calls", id, "cancel"] => Some(Self::Cancel(id)),
            ["calls", id, "recordings"] => Some(Self::Recordings(id)),
            ["appointments"] => Some(Self::Kept(Projection::Appointments)),
            ["leads"] => Some(Self::Kept(Projection::Leads)),
            ["notifications"] => Some(Self::Kept(Projection::Notifications)),
            ["customers", who, "memories"] => Some(Self::MemoriesOf(who)),
            ["webhook-keys"] => Some(Self::WebhookKeys),
            ["webhook-keys", id] => Some(Self::WebhookKey(id)),
            ["routing"] => Some(Self::Routing),
            ["limits"] => Some(Self::Limits),
            ["agents"] => Some(Self::Agents),
            ["agents", id] => Some(Self::Agent(id)),
            ["agents", id, "tools"] => Some(Self::AgentTools(id)),
            _ => None,
        }
    }

    /// The methods that it is for, as the `Allow` header lists them.
    fn methods(&self) -> &'static str {
        match self {
            Self::Call(_)
            | Self::Recordings(_)
            | Self::Kept(_)
            | Self::MemoriesOf(_)
            | Self::Agents
            | Self::Agent(_) => "GET",
            Self::Calls | Self::WebhookKeys => "GET, POST",
            Self::Cancel(_) => "POST",
            Self::WebhookKey(_) => "DELETE",
            Self::Routing => "GET, PUT, DELETE",
            Self::Limits => "GET, PUT",
            Self::AgentTools(_) => "PUT",
        }
    }

    async fn read<P: Platform>(&self, asked: &Asked<'_, P>, query: Query) -> Result<String, Problem> {
        let (store, tenant) = (asked.store, &asked.tenant.id);
        match self {
            Self::Calls => return calls::list(store, tenant, query).await,
            Self::Kept(projection) => return projected::list(store, tenant, *projection, query).await,
            Self::MemoriesOf(who) => return people::memories(store, tenant, who, query).await,
            _ => query.finish()?,
        }
        match self {
            Self::Call(id) => calls::one(store, tenant, id).await,
            Self::Recordings(id) => calls::recordings(store, tenant, id).await,
            Self::WebhookKeys => webhook_keys::list(store, tenant).await,
            Self::Routing => routing::read(store, tenant).await,
            Self::Limits => limits::read(asked.tenant),
            Self::Agents => agents::list(store, tenant).await,
            Self::Agent(id) => agents::one(store, tenant, id).await,
            _ => Err(Problem::NotFound),
        }
    }

    async fn change<P: Platform>(&self, asked: &Asked<'_, P>) -> Result<Answer, Problem> {
        match self {
            Self::Calls => return outbound::order(asked).await,
            Self::Cancel(id) => return outbound::cancel(asked, id).await,
            _ => admission::admit(asked).await?,
        }
        let removes = asked.request.method() == Method::DELETE;
        let done = match self {
            Self::WebhookKeys => webhook_keys::add(asked).await,
            Self::WebhookKey(id) => webhook_keys::remove(asked, id).await,
            Self::Routing if removes => routing::remove(asked).await,
            Self::Routing => routing::replace(asked).await,
            Self::Limits => limits::replace(asked).await,
            Self::AgentTools(id) => agents::replace_tools(asked, id).await,
            _ => Err(Problem::NotFound),
        };
        done.map(admission::tell)
    }
}

/// Whether the request's method is among `methods`, a list as in the `Allow` header.
fn only(request: &Incoming, methods: &'static str) -> Result<(), Problem> {
    let is_allowed = methods.split(", ").any(|method| request.method() == method);
    if is_allowed { Ok(()) } else { Err(Problem::MethodNotAllowed(methods)) }
}
