//! A tenant's own accounts with carriers: set by the tenant, used by the host, shown to nobody.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use store::{KnownCarrierAccount, NewCarrierAccount};

use super::access::{Changing, Reading};
use super::query::Query;
use super::{Refused, ToolApi, body, done, found, shown};
use crate::carrier_accounts::Credentials;
use crate::config::Secret;

/// A carrier with which a tenant may have an account.
#[derive(Clone, Copy)]
pub enum Carrier {
    /// Twilio.
    Twilio,
    /// Telnyx.
    Telnyx,
}

/// What a path names that ends with a carrier.
impl<S: Send + Sync> FromRequestParts<S> for Carrier {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let name: Result<Path<String>, _> = Path::from_request_parts(parts, state).await;
        let Path(name) = name.map_err(|_| Refused::NotFound)?;
        match name.as_str() {
            "twilio" => Ok(Self::Twilio),
            "telnyx" => Ok(Self::Telnyx),
            _ => Err(Refused::NotFound),
        }
    }
}

/// Twilio's credentials as they are set.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfTwilio {
    account_sid: String,
    auth_token: String,
}

/// Telnyx's credentials as they are set.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfTelnyx {
    api_key: String,
    connection_id: String,
}

impl Carrier {
    /// The carrier, as the store calls it.
    fn name(self) -> &'static str {
        match self {
            Self::Twilio => "twilio",
            Self::Telnyx => "telnyx",
        }
    }

    async fn read(self, request: Request) -> Result<Credentials, Refused> {
        let given = match self {
            Self::Twilio => {
                let OfTwilio { account_sid, auth_token } = body::read(request).await?;
                Credentials::Twilio { account_sid, auth_token: Secret::new(auth_token) }
            }
            Self::Telnyx => {
                let OfTelnyx { api_key, connection_id } = body::read(request).await?;
                Credentials::Telnyx { connection_id, api_key: Secret::new(api_key) }
            }
        };
        given.check().map_err(|why| Refused::Invalid(why.to_owned()))?;
        Ok(given)
    }
}

/// `GET /v1/carrier-accounts`: without what opens them.
pub async fn list(
    State(api): State<Arc<ToolApi>>,
    asking: Reading,
    query: Query,
) -> Result<Response, Refused> {
    query.finish()?;
    let known = api.store.carrier_accounts(&asking.tenant).await?;
    Ok(found(&json!({ "items": shown::list(&known, account) })))
}

/// `PUT /v1/carrier-accounts/{carrier}` with `{account_sid, auth_token}` for `twilio`, `{api_key, connection_id}` for `telnyx`:
/// from now on calls through that carrier go by this account, save those that began by another.
pub async fn set(
    State(api): State<Arc<ToolApi>>,
    asking: Changing,
    carrier: Carrier,
    query: Query,
    request: Request,
) -> Result<Response, Refused> {
    query.finish()?;
    let given = carrier.read(request).await?;
    let sealed = given.seal(&api.keys, &asking.tenant)?;
    // Whoever is rung by such an account would hear that the call's webhooks are refused.
    if api.store.webhook_keys(&asking.tenant, carrier.name()).await?.is_empty() {
        let why =
            "this account's webhooks could not be proven: add its key with `POST /v1/webhook-keys` first";
        return Err(Refused::Invalid(why.to_owned()));
    }
    let new = NewCarrierAccount { carrier: given.carrier(), account: given.account(), sealed: &sealed };
    let set = api.store.set_carrier_account(&asking.tenant, &new, &asking.by, asking.now).await?;
    Ok(found(&account(&set)))
}

/// `DELETE /v1/carrier-accounts/{carrier}`
pub async fn remove(
    State(api): State<Arc<ToolApi>>,
    asking: Changing,
    carrier: Carrier,
    query: Query,
) -> Result<Response, Refused> {
    query.finish()?;
    match api.store.remove_carrier_account(&asking.tenant, carrier.name()).await? {
        true => Ok(done()),
        false => Err(Refused::NotFound),
    }
}

/// An account as clients see it, by the carrier's own name for what is not secret.
fn account(known: &KnownCarrierAccount) -> Value {
    let mut shown = json!({ "carrier": known.carrier, "set_by": known.set_by, "set_at": known.set_at });
    let name = if known.carrier == "telnyx" { "connection_id" } else { "account_sid" };
    if let Value::Object(members) = &mut shown {
        members.insert(name.to_owned(), known.account.as_str().into());
    }
    shown
}
