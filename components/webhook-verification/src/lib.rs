//! Proves that a webhook came from the service it claims.
//!
//! The component behind `voicehive:webhooks/webhook-verification`: pure, with
//! one module per signature scheme. Everything that is not proven is refused.

mod bearer;
mod configured_hmac;
mod content_type;
mod encoding;
mod form;
mod freshness;
mod headers;
mod hubspot;
mod keys;
mod mac;
mod payload;
mod proof;
mod public_url;
mod signed_url;
mod standard_webhooks;
mod stripe;
mod telnyx;
mod twilio;

pub mod bindings {
    //! What the WIT world generates; also the types that the modules work on.
    #![allow(
        missing_docs,
        unsafe_code,
        unused,
        clippy::all,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used,
        reason = "generated code"
    )]
    wit_bindgen::generate!({
        path: "../../wit/webhooks",
        world: "webhook-verification-capability",
        additional_derives: [PartialEq, Eq],
    });
}

use bindings::exports::voicehive::webhooks::webhook_verification as contract;
use contract::{Guest, Refusal, Request, Scheme, UrlSource, Verified};

/// The component.
pub struct Component;

impl Guest for Component {
    fn verify(request: Request, scheme: Scheme) -> Result<Verified, Refusal> {
        let proof = match &scheme {
            Scheme::Twilio(keys) => twilio::verify(&request, keys),
            Scheme::Telnyx(keys) => telnyx::verify(&request, keys),
            Scheme::Bearer(keys) => bearer::verify(&request, keys),
            Scheme::Hmac(keys) => configured_hmac::verify(&request, keys),
            Scheme::Stripe(keys) => stripe::verify(&request, keys),
            Scheme::Hubspot(keys) => hubspot::verify(&request, keys),
            Scheme::StandardWebhooks(keys) => standard_webhooks::verify(&request, keys),
        }?;
        Ok(proof.release(request.body))
    }

    fn public_url(
        target: String,
        headers: Vec<(String, String)>,
        source: UrlSource,
    ) -> Result<String, String> {
        public_url::build(&target, &headers, &source)
    }
}

#[cfg(target_family = "wasm")]
#[allow(unsafe_code, reason = "generated: the functions that the host calls")]
mod exported {
    use super::{Component, bindings};

    bindings::export!(Component with_types_in bindings);
}

#[cfg(test)]
mod tests;
