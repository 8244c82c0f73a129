//! Vapi's words that have no reason of their own.

use super::EndReason;

/// Words, or parts of words, and what they mean. The first that fits decides, so who is at fault comes before what
/// failed: Vapi writes `vapifault` where the failure is its own.
const RULES: [(Part, EndReason); 42] = [
    (Part::Within("vapifault"), EndReason::PlatformError),
    (Part::Start("assistant-ended-call"), EndReason::AgentHangup),
    (Part::Start("customer-ended-call"), EndReason::CallerHangup),
    (Part::Start("assistant-request-returned-forwarding"), EndReason::Transferred),
    (Part::Start("assistant-request"), EndReason::AgentRequestFailed),
    (Part::Start("call-start-error-neither-assistant"), EndReason::AgentNotFound),
    (Part::Start("assistant-not"), EndReason::AgentNotFound),
    (Part::Within("hook-executed-transfer"), EndReason::Transferred),
    (Part::Within("hook-executed"), EndReason::AgentHangup),
    (Part::Within("completed"), EndReason::Completed),
    (Part::Within("call-deleted"), EndReason::Stopped),
    (Part::Start("call.start.error-vapi-number-international"), EndReason::InvalidDestination),
    (Part::Start("call.start.error-vapi-number-outbound-daily-limit"), EndReason::ConcurrencyLimit),
    (Part::Start("call.start.error-subscription"), EndReason::PaymentRequired),
    (Part::Start("call.start.error-enterprise-feature"), EndReason::PaymentRequired),
    (Part::Start("call.start.error-get-transport"), EndReason::PlatformError),
    (Part::Start("call.start.error-get"), EndReason::AgentNotFound),
    (Part::Start("call.start.error"), EndReason::PlatformError),
    (Part::Within("closed-websocket"), EndReason::CarrierLost),
    (Part::Within("misdialed"), EndReason::InvalidDestination),
    (Part::Start("vonage-rejected"), EndReason::CarrierRefused),
    (Part::Within("failed-to-connect"), EndReason::DialFailed),
    (Part::Within("transcriber"), EndReason::SttFailed),
    (Part::Within("-voice-"), EndReason::TtsFailed),
    (Part::Within("llm"), EndReason::LlmFailed),
    (Part::Within("eleven-labs"), EndReason::TtsFailed),
    (Part::Within("cartesia"), EndReason::TtsFailed),
    (Part::Within("playht"), EndReason::TtsFailed),
    (Part::Within("lmnt"), EndReason::TtsFailed),
    (Part::Within("rime-ai"), EndReason::TtsFailed),
    (Part::Within("smallest-ai"), EndReason::TtsFailed),
    (Part::Within("neuphonic"), EndReason::TtsFailed),
    (Part::Within("hume"), EndReason::TtsFailed),
    (Part::Within("tavus"), EndReason::TtsFailed),
    (Part::Within("deepgram"), EndReason::SttFailed),
    (Part::Within("gladia"), EndReason::SttFailed),
    (Part::Within("assembly-ai"), EndReason::SttFailed),
    (Part::Within("speechmatics"), EndReason::SttFailed),
    (Part::Within("soniox"), EndReason::SttFailed),
    (Part::Within("talkscriber"), EndReason::SttFailed),
    // The vendors that remain are those of language models.
    (Part::Start("pipeline-error"), EndReason::LlmFailed),
    (Part::Within("providerfault"), EndReason::LlmFailed),
];

enum Part {
    Start(&'static str),
    Within(&'static str),
}

/// The meaning of a word by its parts.
pub(super) fn vapi(word: &str) -> EndReason {
    if let Some(reason) = sip_status(word).and_then(EndReason::from_sip) {
        return reason;
    }
    let fits = |part: &Part| match part {
        Part::Start(text) => word.starts_with(text),
        Part::Within(text) => word.contains(text),
    };
    RULES.iter().find(|(part, _)| fits(part)).map_or(EndReason::Unknown, |(_, reason)| *reason)
}

/// The status in a word like `call.in-progress.error-providerfault-outbound-sip-480-temporarily-unavailable`.
fn sip_status(word: &str) -> Option<u16> {
    let (_, rest) = word.split_once("-sip-")?;
    rest.get(..3)?.parse().ok()
}
