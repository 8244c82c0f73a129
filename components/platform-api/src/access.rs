//! Who asks.

use http::header::AUTHORIZATION;
use store::{ApiKeyHash, Db, Store, Tenant};
use subtle::ConstantTimeEq as _;

use crate::incoming::Incoming;
use crate::problem::Problem;

/// Longer keys are not looked up: none that we give out is.
const API_KEY_BYTES_MAX: usize = 256;

/// The API key that a request carries.
///
/// # Errors
/// When it carries none, more than one, or none that could be one.
pub(crate) fn bearer(request: &Incoming) -> Result<&str, Problem> {
    let value = request.header(AUTHORIZATION).ok_or(Problem::Unauthorized)?;
    let (scheme, key) = value.split_once(' ').ok_or(Problem::Unauthorized)?;
    let usable = scheme.eq_ignore_ascii_case("bearer") && (1..=API_KEY_BYTES_MAX).contains(&key.len());
    if usable { Ok(key) } else { Err(Problem::Unauthorized) }
}

/// The tenant that has this key.
///
/// The look-up goes by the key's hash, whose timing tells nothing of the key; the comparison is in
/// constant time all the same, so that this does not rest on how a database compares.
///
/// # Errors
/// When nobody has it or the database fails.
pub(crate) async fn authenticate<D: Db>(store: &Store<D>, key: &str) -> Result<Tenant, Problem> {
    let hash = ApiKeyHash::of(key);
    let tenant = store.tenant_by_api_key(&hash).await?.ok_or(Problem::Unauthorized)?;
    let stored = tenant.api_key.as_ref().ok_or(Problem::Unauthorized)?;
    if bool::from(stored.as_str().as_bytes().ct_eq(hash.as_str().as_bytes())) {
        Ok(tenant)
    } else {
        Err(Problem::Unauthorized)
    }
}
