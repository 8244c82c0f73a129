//! Who asks, and how often.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use store::{Act, Admission, ApiKeyHash, NativeDb, Rate, Store, Tenant, TenantId, Timestamp};
use subtle::ConstantTimeEq as _;

use super::{Refused, ToolApi};

/// Longer keys are not looked up: none that is given out is.
const API_KEY_BYTES_MAX: usize = 256;

/// How often an address may change something or run a tool, counted before its key is looked up. It is much, for behind a proxy
/// all tenants have one address.
const ASKING: Limit = Limit { scope: "api-tools", policy: "address", count: 600 };

/// How often a tenant may change something.
const CHANGES: Limit = Limit { scope: "api-admin", policy: "admin", count: 20 };

/// How often a tenant may run a tool.
const RUNS: Limit = Limit { scope: "api-tool-runs", policy: "tool-runs", count: 60 };

/// The time in which a limit's count may come.
const WINDOW: Duration = Duration::from_secs(60);

struct Limit {
    scope: &'static str,
    policy: &'static str,
    count: u32,
}

/// A request that only reads, of a tenant's.
pub struct Reading {
    /// Who asks.
    pub tenant: TenantId,
    /// When.
    pub now: Timestamp,
}

/// A request that changes something, counted for the address that it comes from and for the tenant.
pub struct Changing {
    /// Who asks.
    pub tenant: TenantId,
    /// What the history knows whoever asks by.
    pub by: String,
    /// When.
    pub now: Timestamp,
}

/// A request to run a tool, counted for the address that it comes from and for the tenant.
pub struct Running {
    /// Who asks.
    pub tenant: Tenant,
}

impl FromRequestParts<Arc<ToolApi>> for Reading {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<ToolApi>) -> Result<Self, Refused> {
        let (tenant, _) = authenticate(&api.store, &parts.headers).await?;
        Ok(Self { tenant: tenant.id, now: Timestamp::now() })
    }
}

impl FromRequestParts<Arc<ToolApi>> for Changing {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<ToolApi>) -> Result<Self, Refused> {
        let now = Timestamp::now();
        let (tenant, key) = CHANGES.admit(&api.store, parts, now).await?;
        // Enough of the hash to tell which key it was, and far too little to find the key by.
        let by = format!("api key {}", key.as_str().get(..8).unwrap_or_default());
        Ok(Self { tenant: tenant.id, by, now })
    }
}

impl Changing {
    /// What the history keeps of it; `why` may be empty.
    pub fn act<'a>(&'a self, why: &'a str) -> Act<'a> {
        Act { by: &self.by, why, at: self.now }
    }
}

impl FromRequestParts<Arc<ToolApi>> for Running {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<ToolApi>) -> Result<Self, Refused> {
        let (tenant, _) = RUNS.admit(&api.store, parts, Timestamp::now()).await?;
        Ok(Self { tenant })
    }
}

impl Limit {
    /// Counts a request for its address, and then for the tenant whose key it carries.
    async fn admit(
        &self,
        store: &Store<NativeDb>,
        parts: &Parts,
        now: Timestamp,
    ) -> Result<(Tenant, ApiKeyHash), Refused> {
        let client = client(parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|connected| connected.0));
        ASKING.count(store, &client, now).await?;
        let (tenant, key) = authenticate(store, &parts.headers).await?;
        self.count(store, &counted_as(&tenant.id), now).await?;
        Ok((tenant, key))
    }

    async fn count(&self, store: &Store<NativeDb>, key: &str, now: Timestamp) -> Result<(), Refused> {
        match store.admit(self.scope, key, Rate { count: self.count, per: WINDOW }, now).await? {
            Admission::Admitted => Ok(()),
            Admission::Over { retry_after } => {
                Err(Refused::RateLimited { scope: self.policy, count: self.count, retry_after })
            }
        }
    }
}

/// Tells a client that it may come again in `seconds`. Of these headers see draft-ietf-httpapi-ratelimit-headers-10: quota
/// `q` in a window of `w` seconds; `r` left, `t` seconds until there is more.
pub fn exhausted(policy: &str, count: u32, seconds: u64) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let left = HeaderValue::from_str(&format!("\"{policy}\";r=0;t={seconds}"));
    let quota = HeaderValue::from_str(&format!("\"{policy}\";q={count};w={}", WINDOW.as_secs()));
    let named =
        |name, value: Result<HeaderValue, _>| value.ok().map(|value| (HeaderName::from_static(name), value));
    named("ratelimit", left).into_iter().chain(named("ratelimit-policy", quota))
}

/// The tenant that has the key which the request carries. The look-up goes by the key's hash, whose timing tells nothing of
/// the key; that the comparison is in constant time does not rest on how the database compares.
async fn authenticate(store: &Store<NativeDb>, headers: &HeaderMap) -> Result<(Tenant, ApiKeyHash), Refused> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (given.next(), given.next()) else { return Err(Refused::Unauthorized) };
    let (scheme, key) =
        value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(Refused::Unauthorized)?;
    if !scheme.eq_ignore_ascii_case("bearer") || !(1..=API_KEY_BYTES_MAX).contains(&key.len()) {
        return Err(Refused::Unauthorized);
    }
    let hash = ApiKeyHash::of(key);
    let tenant = store.tenant_by_api_key(&hash).await?.ok_or(Refused::Unauthorized)?;
    let stored = tenant.api_key.as_ref().ok_or(Refused::Unauthorized)?;
    if bool::from(stored.as_str().as_bytes().ct_eq(hash.as_str().as_bytes())) {
        Ok((tenant, hash))
    } else {
        Err(Refused::Unauthorized)
    }
}

/// The tenant as limits count it. The edge counts addresses within one of the scopes, and neither an address nor a tenant's id
/// has a space.
fn counted_as(tenant: &TenantId) -> String {
    format!("tenant {tenant}")
}

/// The address as limits count it, and as the edge does: itself; of an IPv6 address the first half, since whoever has one
/// has all that share it.
fn client(connected: Option<SocketAddr>) -> String {
    match connected.map(|address| address.ip().to_canonical()) {
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => format!("{}/64", Ipv6Addr::from(u128::from(address) >> 64 << 64)),
        None => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_counted_as_the_edge_counts_it() {
        for (connected, client_is) in [
            ("203.0.113.9:4711", "203.0.113.9"),
            ("[2001:db8:1:2:3:4:5:6]:443", "2001:db8:1:2::/64"),
            ("[::ffff:203.0.113.9]:443", "203.0.113.9"),
        ] {
            assert_eq!(client(Some(connected.parse().unwrap())), client_is);
        }
        assert_eq!(client(None), "unknown");
        let tenant: TenantId = "203.0.113.9".parse().unwrap();
        assert_eq!(counted_as(&tenant), "tenant 203.0.113.9", "no tenant's name is an address");
    }
}
