//! The table of the vocabulary.
//!
//! Retell's words are the 34 values of `disconnection_reason` in its SDK, Vapi's are values of `endedReason` in its SDK.

use super::Detail::{How, That, Who, Why};
use super::Fault::{Agent, Callee, Caller, Carrier, Platform, Tenant, Unknown, Vendor};
use super::{Detail, EndReason, Fault};

/// What there is to say of one reason.
pub(super) struct Words {
    pub(super) code: &'static str,
    pub(super) fault: Fault,
    pub(super) detail: Detail,
    pub(super) retell: &'static str,
    pub(super) vapi: &'static str,
}

impl EndReason {
    /// All reasons, in the order of their declaration.
    pub const ALL: [Self; 47] = [
        Self::Unknown,
        Self::CallerHangup,
        Self::CalleeHangup,
        Self::Completed,
        Self::CallerCancelled,
        Self::Busy,
        Self::NoAnswer,
        Self::Declined,
        Self::NeverJoined,
        Self::Silence,
        Self::VoicemailReached,
        Self::MenuReached,
        Self::AgentHangup,
        Self::EndPhraseSaid,
        Self::Transferred,
        Self::TransferBridged,
        Self::TransferCancelled,
        Self::AgentError,
        Self::MaxDuration,
        Self::MaxTurns,
        Self::ConcurrencyLimit,
        Self::NoConcurrencyFallback,
        Self::PaymentRequired,
        Self::ScamDetected,
        Self::InvalidDestination,
        Self::AgentNotFound,
        Self::AgentRequestFailed,
        Self::RegistrationExpired,
        Self::Stopped,
        Self::Rejected,
        Self::TakenOver,
        Self::DialFailed,
        Self::CarrierRefused,
        Self::CarrierUnavailable,
        Self::SipRoutingError,
        Self::MarkedAsSpam,
        Self::CarrierLost,
        Self::NoAudio,
        Self::SttFailed,
        Self::LlmFailed,
        Self::LlmUnreachable,
        Self::LlmLost,
        Self::LlmCorrupt,
        Self::TtsFailed,
        Self::PlatformError,
        Self::Drained,
        Self::AgentJoinTimedOut,
    ];

    #[rustfmt::skip]
    pub(super) fn words(self) -> Words {
        match self {
            Self::Unknown => words("unknown", Unknown, That, "error_unknown", "unknown-error"),
            Self::CallerHangup => words("caller-hangup", Caller, Who, "user_hangup", "customer-ended-call"),
            Self::CalleeHangup => words("callee-hangup", Callee, Who, "user_hangup", "customer-ended-call"),
            Self::Completed => words("completed", Unknown, How, "user_hangup", "call.in-progress.sip-completed-call"),
            Self::CallerCancelled => words("caller-cancelled", Caller, Who, "user_hangup", "call.ringing.sip-inbound-caller-hungup-before-call-connect"),
            Self::Busy => words("busy", Callee, Who, "dial_busy", "customer-busy"),
            Self::NoAnswer => words("no-answer", Callee, Who, "dial_no_answer", "customer-did-not-answer"),
            Self::Declined => words("declined", Callee, Who, "user_declined", "customer-did-not-answer"),
            Self::NeverJoined => words("never-joined", Caller, Why, "error_user_not_joined", "customer-did-not-give-microphone-permission"),
            Self::Silence => words("silence", Caller, Why, "inactivity", "silence-timed-out"),
            Self::VoicemailReached => words("voicemail-reached", Callee, Why, "voicemail_reached", "voicemail"),
            Self::MenuReached => words("menu-reached", Callee, Why, "ivr_reached", "voicemail"),
            Self::AgentHangup => words("agent-hangup", Agent, Why, "agent_hangup", "assistant-ended-call"),
            Self::EndPhraseSaid => words("end-phrase-said", Agent, Why, "agent_hangup", "assistant-said-end-call-phrase"),
            Self::Transferred => words("transferred", Agent, Why, "call_transfer", "assistant-forwarded-call"),
            Self::TransferBridged => words("transfer-bridged", Agent, Why, "transfer_bridged", "assistant-forwarded-call"),
            Self::TransferCancelled => words("transfer-cancelled", Agent, Why, "transfer_cancelled", "assistant-ended-call"),
            Self::AgentError => words("agent-error", Agent, Why, "error_unknown", "assistant-error"),
            Self::MaxDuration => words("max-duration", Tenant, Why, "max_duration_reached", "exceeded-max-duration"),
            Self::MaxTurns => words("max-turns", Tenant, Why, "max_duration_reached", "exceeded-max-duration"),
            Self::ConcurrencyLimit => words("concurrency-limit", Tenant, Why, "concurrency_limit_reached", "call.start.error-subscription-concurrency-limit-reached"),
            Self::NoConcurrencyFallback => words("no-concurrency-fallback", Tenant, Why, "no_concurrency_fallback", "call.start.error-subscription-concurrency-limit-reached"),
            Self::PaymentRequired => words("payment-required", Tenant, Why, "no_valid_payment", "call.start.error-subscription-insufficient-credits"),
            Self::ScamDetected => words("scam-detected", Tenant, Why, "scam_detected", "call.start.error-fraud-check-failed"),
            Self::InvalidDestination => words("invalid-destination", Tenant, Why, "invalid_destination", "twilio-reported-customer-misdialed"),
            Self::AgentNotFound => words("agent-not-found", Tenant, Why, "error_unknown", "assistant-not-found"),
            Self::AgentRequestFailed => words("agent-request-failed", Tenant, Why, "error_unknown", "assistant-request-failed"),
            Self::RegistrationExpired => words("registration-expired", Tenant, Why, "registered_call_timeout", "unknown-error"),
            Self::Stopped => words("stopped", Tenant, Why, "manual_stopped", "manually-canceled"),
            Self::Rejected => words("rejected", Tenant, Why, "manual_stopped", "manually-canceled"),
            Self::TakenOver => words("taken-over", Tenant, Why, "call_take_over", "assistant-forwarded-call"),
            Self::DialFailed => words("dial-failed", Carrier, How, "dial_failed", "twilio-failed-to-connect-call"),
            Self::CarrierRefused => words("carrier-refused", Carrier, Why, "telephony_provider_permission_denied", "call.in-progress.error-providerfault-outbound-sip-403-forbidden"),
            Self::CarrierUnavailable => words("carrier-unavailable", Carrier, Why, "telephony_provider_unavailable", "call.in-progress.error-providerfault-outbound-sip-503-service-unavailable"),
            Self::SipRoutingError => words("sip-routing-error", Carrier, Why, "sip_routing_error", "call.in-progress.error-sip-outbound-call-failed-to-connect"),
            Self::MarkedAsSpam => words("marked-as-spam", Carrier, Why, "marked_as_spam", "call.in-progress.error-providerfault-outbound-sip-403-forbidden"),
            Self::CarrierLost => words("carrier-lost", Carrier, Why, "telephony_provider_unavailable", "phone-call-provider-closed-websocket"),
            Self::NoAudio => words("no-audio", Carrier, Why, "error_no_audio_received", "phone-call-provider-closed-websocket"),
            Self::SttFailed => words("stt-failed", Vendor, Why, "error_asr", "pipeline-error-custom-transcriber-failed"),
            Self::LlmFailed => words("llm-failed", Vendor, Why, "error_llm_websocket_runtime", "pipeline-error-custom-llm-llm-failed"),
            Self::LlmUnreachable => words("llm-unreachable", Vendor, Why, "error_llm_websocket_open", "pipeline-error-custom-llm-llm-failed"),
            Self::LlmLost => words("llm-lost", Vendor, Why, "error_llm_websocket_lost_connection", "pipeline-error-custom-llm-llm-failed"),
            Self::LlmCorrupt => words("llm-corrupt", Vendor, Why, "error_llm_websocket_corrupt_payload", "pipeline-error-custom-llm-llm-failed"),
            Self::TtsFailed => words("tts-failed", Vendor, Why, "error_unknown", "pipeline-error-custom-voice-failed"),
            Self::PlatformError => words("platform-error", Platform, Why, "error_retell", "call.in-progress.error-vapifault-worker-died"),
            Self::Drained => words("drained", Platform, Why, "error_retell", "worker-shutdown"),
            Self::AgentJoinTimedOut => words("agent-join-timed-out", Platform, Why, "error_retell", "assistant-join-timed-out"),
        }
    }
}

fn words(
    code: &'static str,
    fault: Fault,
    detail: Detail,
    retell: &'static str,
    vapi: &'static str,
) -> Words {
    Words { code, fault, detail, retell, vapi }
}
