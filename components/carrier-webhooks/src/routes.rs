//! Which webhooks there are: who sends each, what its sender makes of the answer, and who handles it.

use std::future::Future;
use std::pin::Pin;

use http::Response;
use store::Timestamp;

use crate::proof::{Proven, Sender};
use crate::service::Platform;
use crate::twilio;

/// What a webhook's sender makes of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    /// It follows it as a document, so a call hangs on it: refusals are spoken, and who asks again, because the first
    /// answer was lost, is answered again.
    Document,
    /// A machine takes note: refusals are problems in JSON, and a copy is told that all is well.
    Receipt,
}

/// A handler's answer in the making.
type Answering<'a> = Pin<Box<dyn Future<Output = Response<String>> + 'a>>;

/// What handles a proven webhook.
pub(crate) type Handler<P> = for<'a> fn(&'a P, &'a Proven<'a>, Timestamp) -> Answering<'a>;

/// One webhook.
pub(crate) struct Route<P> {
    /// Who sends it.
    pub(crate) sender: Sender,
    /// What the sender makes of the answer.
    pub(crate) answers: Answers,
    /// What handles it.
    pub(crate) handler: Handler<P>,
}

impl<P> Route<P> {
    fn new(sender: Sender, answers: Answers, handler: Handler<P>) -> Self {
        Self { sender, answers, handler }
    }
}

/// The webhook at `path`, and the tenant whose own it is.
pub(crate) fn find<P: Platform>(path: &str) -> Option<(Option<&str>, Route<P>)> {
    use Answers::{Document, Receipt};
    use Sender::Twilio;

    let (tenant, place) = split(path)?;
    let route = match place {
        "twilio/voice" => {
            Route::new(Twilio, Document, |p, w, now| Box::pin(twilio::voice::handle(p, w, now)))
        }
        "twilio/dial" => Route::new(Twilio, Document, |p, w, now| Box::pin(twilio::dial::handle(p, w, now))),
        "twilio/gather" => {
            Route::new(Twilio, Document, |p, w, now| Box::pin(twilio::menu::handle(p, w, now)))
        }
        "twilio/status" | "twilio/recording" | "twilio/answered-by" => {
            Route::new(Twilio, Receipt, |p, w, now| Box::pin(twilio::report::handle(p, w, now)))
        }
        "twilio/conference" => {
            Route::new(Twilio, Receipt, |p, w, now| Box::pin(twilio::conference::handle(p, w, now)))
        }
        _ => return None,
    };
    Some((tenant, route))
}

/// The largest body that the webhook at `path` may have. Twilio's and Telnyx's have one or two KiB, and every byte is
/// signed over; Vapi's reports hold whole conversations.
pub(crate) fn body_bytes_max(path: &str) -> usize {
    match split(path) {
        Some((_, "vapi")) => 1024 * 1024,
        _ => 64 * 1024,
    }
}

/// The tenant and the rest of `/webhooks/…` or `/webhooks/tenants/{tenant}/…`.
fn split(path: &str) -> Option<(Option<&str>, &str)> {
    let place = path.strip_prefix("/webhooks/")?;
    match place.strip_prefix("tenants/") {
        None => Some((None, place)),
        Some(rest) => rest.split_once('/').map(|(tenant, place)| (Some(tenant), place)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_its_tenant_or_none() {
        assert_eq!(split("/webhooks/twilio/voice"), Some((None, "twilio/voice")));
        assert_eq!(split("/webhooks/tenants/acme/vapi"), Some((Some("acme"), "vapi")));
        for odd in ["/webhooks", "/twilio/voice", "/webhooks/tenants/acme", "webhooks/twilio/voice"] {
            assert_eq!(split(odd), None, "{odd}");
        }
    }

    #[test]
    fn only_reports_of_conversations_may_be_large() {
        assert_eq!(body_bytes_max("/webhooks/tenants/acme/vapi"), 1024 * 1024);
        for small in ["/webhooks/twilio/voice", "/webhooks/vapi/", "/vapi"] {
            assert_eq!(body_bytes_max(small), 64 * 1024, "{small}");
        }
    }
}
