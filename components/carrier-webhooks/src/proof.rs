//! Proof of where a webhook comes from: the only way to what it says.

mod keys;

use http::{Method, StatusCode};
use store::{Call, CallAccount, CallId, Db, OfferedBy, Store, StoreError, TenantId, Timestamp};

use crate::bindings::webhook_verification::{Refusal, ReplayGuard, Request, UrlSource, Verified};
use crate::journal;
use crate::message::{Body, Incoming};
use crate::refusal::{NO_PUBLIC_URL, Refused};
use crate::service::Platform;
use crate::settings::Settings;
use keys::Keys;

/// Who sends a webhook, and so how it is proven. The route says so, never the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// Twilio.
    Twilio,
    /// Telnyx, Call Control and TeXML alike.
    Telnyx,
    /// Vapi.
    Vapi,
}

impl Sender {
    /// The carrier's name in the store.
    pub(crate) fn carrier(self) -> &'static str {
        match self {
            Self::Twilio => "twilio",
            Self::Telnyx => "telnyx",
            Self::Vapi => "vapi",
        }
    }

    /// Who says what it sends of a call's course.
    pub(crate) fn speaker(self) -> call_state::Carrier {
        match self {
            Self::Twilio => call_state::Carrier::Twilio,
            Self::Telnyx => call_state::Carrier::Telnyx,
            Self::Vapi => call_state::Carrier::Vapi,
        }
    }
}

/// A request whose origin is certain. Only [`prove`] makes one, and what a request says is to be had from here alone.
pub(crate) struct Proven<'a> {
    settings: &'a Settings,
    request: &'a Incoming,
    sender: Sender,
    tenant: Option<TenantId>,
    public_url: String,
    scheme: &'static str,
    verified: Verified,
}

impl<'a> Proven<'a> {
    /// The configuration.
    pub(crate) fn settings(&self) -> &'a Settings {
        self.settings
    }

    /// Who sent it.
    pub(crate) fn sender(&self) -> Sender {
        self.sender
    }

    /// The decoded form; empty where something else was sent.
    pub(crate) fn form(&self) -> &[(String, String)] {
        &self.verified.form
    }

    /// The body as it was signed; empty where a form was sent.
    pub(crate) fn body(&self) -> &[u8] {
        &self.verified.body
    }

    /// The value of this parameter of the URL, as it stands there. The senders that sign URLs sign it too.
    pub(crate) fn query(&self, name: &str) -> Option<&'a str> {
        self.request.query(name)
    }

    /// Whether this tenant may be concerned: any, unless a tenant's own key proved the request. Of a call that is known, ask
    /// [`Self::concerns_call`].
    pub(crate) fn concerns(&self, tenant: &TenantId) -> bool {
        self.tenant.as_ref().is_none_or(|own| own == tenant)
    }

    /// The tenant whose own key proved it; `None`: one of the platform's did.
    pub(crate) fn tenant(&self) -> Option<&TenantId> {
        self.tenant.as_ref()
    }

    /// Whether this may be said of the call. A tenant can sign whatever it likes with a key of its own, so that is heard
    /// neither of other tenants' calls nor of its own that go by the platform's account, or that no carrier was asked for:
    /// the platform's credentials must not act upon it. With Vapi nobody has an account here.
    pub(crate) fn concerns_call(&self, call: &Call) -> bool {
        let Some(tenant) = &self.tenant else { return true };
        let theirs = matches!(call.carrier_account, Some(CallAccount::Own(_) | CallAccount::Nobody));
        *tenant == call.tenant && (theirs || self.sender == Sender::Vapi)
    }

    /// Whether this may give an order of the tenant's the carrier's name.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn may_name<D: Db>(
        &self,
        store: &Store<D>,
        tenant: &TenantId,
        ordered: &CallId,
    ) -> Result<bool, StoreError> {
        if self.tenant.is_none() {
            return Ok(true);
        }
        let call = store.call(tenant, ordered).await?;
        Ok(call.is_some_and(|call| self.concerns_call(&call)))
    }

    /// Whose account a call came by that this offers: whose key proves it says so.
    pub(crate) fn offered_by(&self) -> OfferedBy {
        if self.tenant.is_some() { OfferedBy::Tenant } else { OfferedBy::Platform }
    }

    /// The URL of a webhook beside the one that was called: `…/voice` becomes `…/status`, for the same tenant and sender.
    pub(crate) fn beside(&self, name: &str) -> String {
        let (folder, _) = self.request.path().rsplit_once('/').unwrap_or_default();
        format!("{}{folder}/{name}", self.public_url)
    }

    /// The base of the media sockets, `ws://` or `wss://`.
    pub(crate) fn media_url(&self) -> String {
        self.settings.media_base(&self.public_url)
    }

    /// By what its copies are known, where the scheme can tell, and the name of the set that holds it.
    pub(crate) fn replay(&self) -> Option<(String, &ReplayGuard)> {
        let guard = self.verified.replay.as_ref()?;
        let set = match &self.tenant {
            Some(tenant) => format!("{}/{tenant}", self.scheme),
            None => self.scheme.to_owned(),
        };
        Some((set, guard))
    }

    /// The id under which it is logged.
    pub(crate) fn request_id(&self) -> &'a str {
        &self.request.request_id
    }

    /// Logs that it is refused although its origin is certain.
    pub(crate) fn refuse<'r, P: Platform>(&self, platform: &P, refused: &'r Refused) -> &'r Refused {
        self.log(platform, "warn", refused.code, &refused.message);
        refused
    }

    /// Writes a line about this request to the log.
    pub(crate) fn log<P: Platform>(&self, platform: &P, level: &str, code: &str, message: &str) {
        journal::log(platform, self.request, level, code, message);
    }
}

/// Proves that `request` comes from `sender`: by the platform's keys, or by those of the tenant in whose part of the
/// paths it came.
pub(crate) async fn prove<'a, P: Platform>(
    platform: &'a P,
    request: &'a Incoming,
    sender: Sender,
    tenant: Option<&str>,
    now: Timestamp,
) -> Result<Proven<'a>, Refused> {
    let body = body(request)?;
    let settings = platform.settings().map_err(|fault| {
        Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "misconfigured", fault.to_string())
    })?;
    let (tenant, keys) = match tenant {
        None => (None, Keys::of_platform(settings)),
        Some(text) => {
            let (tenant, keys) = keys_of_tenant(platform, text, sender).await?;
            (Some(tenant), keys)
        }
    };
    let source = UrlSource {
        public_base_url: settings.public_url.clone(),
        trust_forwarded: settings.trust_forwarded,
        encrypted: request.is_encrypted(),
    };
    let url = platform
        .public_url(&request.target, &request.headers, &source)
        .map_err(|fault| Refused::new(StatusCode::BAD_REQUEST, "unknown-public-url", fault))?;
    // What precedes the target is where we are, configured or not.
    let public_url = url.strip_suffix(request.target.as_str()).unwrap_or(&url).to_owned();
    let signed = Request { method: "POST".to_owned(), url, headers: request.headers.clone(), body };
    let (scheme, verified) = verify(platform, &signed, sender, &keys, now)?;
    // Telnyx signs no URL, so what its request calls us, as in `Host`, may be anybody's word.
    if sender == Sender::Telnyx && settings.public_url.is_none() && settings.media_url.is_none() {
        let message =
            "neither `public_url` nor `media_url` is set, so Telnyx cannot be told where media goes";
        return Err(Refused::new(StatusCode::SERVICE_UNAVAILABLE, NO_PUBLIC_URL, message));
    }
    let proven = Proven { settings, request, sender, tenant, public_url, scheme, verified };
    if proven.verified.key_index > 0 {
        proven.log(platform, "info", "older-key", "proven by a key that is being replaced");
    }
    Ok(proven)
}

fn body(request: &Incoming) -> Result<Vec<u8>, Refused> {
    if request.method != Method::POST {
        return Err(Refused::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "webhooks are POSTed",
        ));
    }
    match &request.body {
        Body::Whole(bytes) => Ok(bytes.clone()),
        Body::TooLarge => Err(Refused::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-large",
            "no webhook at this address has so large a body",
        )),
        Body::Broken => Err(Refused::new(StatusCode::BAD_REQUEST, "broken-body", "the body ended early")),
    }
}

/// A tenant without a key for this sender has no webhooks of its own, just as one that does not exist. One with a key is
/// told from these by its refusals; tenants' ids are no secrets.
async fn keys_of_tenant<P: Platform>(
    platform: &P,
    tenant: &str,
    sender: Sender,
) -> Result<(TenantId, Keys), Refused> {
    let unavailable = |_| {
        Refused::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "keys-unavailable",
            "the keys cannot be read; try again",
        )
    };
    let none = || Refused::new(StatusCode::NOT_FOUND, "not-found", "no such webhook");
    let tenant: TenantId = tenant.parse().map_err(|_| none())?;
    let store = platform.open_store().await.map_err(store::StoreError::from).map_err(unavailable)?;
    let keys = Keys::of_tenant(&store, &tenant, sender).await.map_err(unavailable)?;
    if keys.are_empty() { Err(none()) } else { Ok((tenant, keys)) }
}

/// Tries every scheme that the operator gave keys for. Where none holds, the refusal that says most is the answer.
fn verify<P: Platform>(
    platform: &P,
    signed: &Request,
    sender: Sender,
    keys: &Keys,
    now: Timestamp,
) -> Result<(&'static str, Verified), Refused> {
    let mut refusal = Refusal::NoKey;
    for (name, scheme) in keys.schemes(sender, now) {
        match platform.verify(signed, &scheme) {
            Ok(verified) => return Ok((name, verified)),
            Err(Refusal::MissingSignature) if refusal != Refusal::NoKey => {}
            Err(reason) => refusal = reason,
        }
    }
    Err(Refused::unproven(refusal, sender))
}
