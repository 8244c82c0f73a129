use std::collections::BTreeSet;

use super::*;

const RETELL: [&str; 34] = [
    "user_hangup",
    "agent_hangup",
    "call_transfer",
    "voicemail_reached",
    "ivr_reached",
    "inactivity",
    "max_duration_reached",
    "concurrency_limit_reached",
    "no_concurrency_fallback",
    "no_valid_payment",
    "scam_detected",
    "dial_busy",
    "dial_failed",
    "dial_no_answer",
    "invalid_destination",
    "telephony_provider_permission_denied",
    "telephony_provider_unavailable",
    "sip_routing_error",
    "marked_as_spam",
    "user_declined",
    "error_llm_websocket_open",
    "error_llm_websocket_lost_connection",
    "error_llm_websocket_runtime",
    "error_llm_websocket_corrupt_payload",
    "error_no_audio_received",
    "error_asr",
    "error_retell",
    "error_unknown",
    "error_user_not_joined",
    "registered_call_timeout",
    "transfer_bridged",
    "transfer_cancelled",
    "manual_stopped",
    "call_take_over",
];

#[test]
fn every_word_of_retells_means_something_and_is_written_again() {
    let mut meanings = BTreeSet::new();
    for word in RETELL {
        for direction in [Direction::Inbound, Direction::Outbound] {
            let reason = EndReason::from_retell(word, direction).unwrap_or_else(|| panic!("{word}"));
            assert_eq!(reason.to_retell(), word);
            meanings.insert((reason, direction));
        }
    }
    assert_eq!(meanings.len(), 2 * RETELL.len(), "no two words mean the same");
    for reason in EndReason::ALL {
        assert!(RETELL.contains(&reason.to_retell()), "{reason:?}");
    }
    assert_eq!(EndReason::from_retell("hovering", Direction::Inbound), None);
}

#[test]
fn every_word_that_we_write_for_vapi_is_read_with_the_same_word() {
    for reason in EndReason::ALL {
        let read = EndReason::from_vapi(reason.to_vapi(), Direction::Inbound);
        assert_eq!(read.to_vapi(), reason.to_vapi());
        assert!(read <= reason, "{reason:?}: a word means the first reason that has it, not {read:?}");
    }
}

#[test]
fn vapis_words_are_read_with_who_is_at_fault() {
    use EndReason::*;
    for (word, reason, fault) in [
        ("customer-ended-call", CallerHangup, Fault::Caller),
        ("customer-ended-call-during-transfer", CallerHangup, Fault::Caller),
        ("customer-busy", Busy, Fault::Callee),
        ("assistant-ended-call", AgentHangup, Fault::Agent),
        ("assistant-ended-call-after-message-spoken", AgentHangup, Fault::Agent),
        ("assistant-forwarded-call", Transferred, Fault::Agent),
        ("call.ending.hook-executed-say", AgentHangup, Fault::Agent),
        ("call.in-progress.twilio-completed-call", Completed, Fault::Unknown),
        ("assistant-request-returned-invalid-assistant", AgentRequestFailed, Fault::Tenant),
        ("assistant-not-valid", AgentNotFound, Fault::Tenant),
        ("call.start.error-subscription-frozen", PaymentRequired, Fault::Tenant),
        ("call.start.error-subscription-concurrency-limit-reached", ConcurrencyLimit, Fault::Tenant),
        ("call.start.error-fraud-check-failed", ScamDetected, Fault::Tenant),
        ("call.start.error-vapifault-get-org", PlatformError, Fault::Platform),
        ("call.in-progress.error-vapifault-deepgram-transcriber-failed", PlatformError, Fault::Platform),
        ("call.in-progress.error-providerfault-openai-llm-failed", LlmFailed, Fault::Vendor),
        (
            "call.in-progress.error-providerfault-outbound-sip-480-temporarily-unavailable",
            NoAnswer,
            Fault::Callee,
        ),
        (
            "call.in-progress.error-providerfault-outbound-sip-407-proxy-authentication-required",
            CarrierRefused,
            Fault::Carrier,
        ),
        ("pipeline-error-deepgram-transcriber-failed", SttFailed, Fault::Vendor),
        ("pipeline-error-deepgram-voice-failed", TtsFailed, Fault::Vendor),
        ("pipeline-error-eleven-labs-quota-exceeded", TtsFailed, Fault::Vendor),
        ("pipeline-error-openai-429-exceeded-quota", LlmFailed, Fault::Vendor),
        ("vonage-failed-to-connect-call", DialFailed, Fault::Carrier),
        ("vonage-disconnected", Unknown, Fault::Unknown),
        ("", Unknown, Fault::Unknown),
    ] {
        let read = EndReason::from_vapi(word, Direction::Inbound);
        assert_eq!((read, read.fault(Direction::Inbound)), (reason, fault), "{word}");
    }
}

#[test]
fn the_person_at_the_other_end_of_an_outbound_call_is_the_called_one() {
    let outbound = Direction::Outbound;
    assert_eq!(EndReason::from_vapi("customer-ended-call", outbound), EndReason::CalleeHangup);
    assert_eq!(EndReason::from_retell("user_hangup", outbound), Some(EndReason::CalleeHangup));
    assert_eq!(EndReason::Silence.fault(outbound), Fault::Callee);
    assert_eq!(EndReason::Silence.fault(Direction::Inbound), Fault::Caller);
}

#[test]
fn a_carriers_word_for_our_side_is_the_agents_or_the_tenants_doing() {
    use Direction::*;
    for (said, direction, handed_over, meant) in [
        (EndReason::CalleeHangup, Inbound, false, EndReason::AgentHangup),
        (EndReason::CalleeHangup, Inbound, true, EndReason::CalleeHangup),
        (EndReason::CallerHangup, Inbound, false, EndReason::CallerHangup),
        (EndReason::Declined, Inbound, false, EndReason::Rejected),
        (EndReason::NoAnswer, Inbound, false, EndReason::AgentJoinTimedOut),
        (EndReason::CallerHangup, Outbound, false, EndReason::AgentHangup),
        (EndReason::CallerCancelled, Outbound, false, EndReason::Stopped),
        (EndReason::Declined, Outbound, false, EndReason::Declined),
    ] {
        assert_eq!(said.seen_from(direction, handed_over), meant, "{said:?} {direction:?}");
    }
}

#[test]
fn a_code_is_the_serialised_name_and_no_two_are_the_same() {
    let mut codes = BTreeSet::new();
    for reason in EndReason::ALL {
        assert_eq!(serde_json::to_value(reason).unwrap(), reason.code());
        assert!(codes.insert(reason.code()));
        assert_eq!(reason.to_string().parse(), Ok(reason));
    }
    assert!(EndReason::ALL.is_sorted(), "the order of declaration");
}

#[test]
fn every_reason_of_the_call_core_has_the_same_name_here() {
    use events::EndReason as Core;
    for core in [
        Core::AgentHangup,
        Core::CallerHangup,
        Core::Silence,
        Core::MaxDuration,
        Core::CarrierLost,
        Core::SttFailed,
        Core::LlmFailed,
        Core::TtsFailed,
        Core::PlatformError,
        Core::Drained,
        Core::Transferred,
        Core::VoicemailReached,
        Core::MaxTurns,
    ] {
        let code = serde_json::to_value(core).unwrap();
        assert!(code.as_str().unwrap().parse::<EndReason>().is_ok(), "{code}");
    }
}
