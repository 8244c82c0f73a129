//! `POST /webhooks/twilio/voice`: what to do with a call.

use http::Response;
use store::{Direction, Timestamp};

use super::desk::Desk;
use super::fault::{self, Fault};
use super::{documents, form, inbound, known, outbound, voicemail};
use crate::decision;
use crate::proof::Proven;
use crate::service::Platform;

/// Answers a proven voice webhook.
pub(crate) async fn handle<P: Platform>(
    platform: &P,
    proven: &Proven<'_>,
    now: Timestamp,
) -> Response<String> {
    let document = answer(platform, proven, now).await;
    fault::document(platform, proven, document)
}

async fn answer<P: Platform>(
    platform: &P,
    proven: &Proven<'_>,
    now: Timestamp,
) -> Result<twiml::Response, Fault> {
    if let Some(code) = form::failed_before(proven.form()) {
        let told = format!("the carrier could not follow an earlier answer: its error {code}");
        proven.log(platform, "error", "carrier-fell-back", &told);
    }
    let Some(desk) = Desk::open(platform, proven, now).await? else {
        return Ok(documents::said(decision::UNKNOWN_NUMBER));
    };
    if proven.query("recorded").is_some() {
        return voicemail::recorded(&desk).await;
    }
    if let (Some(ordered), Direction::Outbound) = (proven.query("call"), desk.fields.direction) {
        return outbound::answered(&desk, ordered).await;
    }
    match desk.call().await? {
        Some(call) => known::again(&desk, call, proven.query("resume").is_some()).await,
        None => inbound::first(&desk).await,
    }
}
