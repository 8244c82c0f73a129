//! What a call is shown as when its log and its carrier say different things.

use call_state::{EndReason, EventKind};
use events::CallEvent;
use store::{Call, CallStatus};

use crate::contract;
use crate::fixture::{Fixture, after, ended, said};

contract! {
    of_two_reasons_the_one_that_says_more_stands,
    of_two_reasons_that_say_as_much_ours_stands,
    a_call_that_is_recovered_forgets_only_our_own_end,
    the_carrier_says_when_the_line_went_dead,
    a_call_with_audio_has_not_failed_for_want_of_an_answer,
    a_live_call_never_goes_back,
    a_call_whose_socket_comes_back_was_answered_before,
}

async fn of_two_reasons_the_one_that_says_more_stands(store: &Fixture) {
    for (leg, ours, theirs, reason, fault) in [
        ("CA1", events::EndReason::Silence, EndReason::CallerHangup, "silence", "caller"),
        ("CA2", events::EndReason::CallerHangup, EndReason::SipRoutingError, "sip-routing-error", "carrier"),
        ("CA3", events::EndReason::CarrierLost, EndReason::Completed, "carrier-lost", "carrier"),
    ] {
        for ours_first in [true, false] {
            let leg = format!("{leg}{ours_first}");
            let call = both_ended(store, &leg, ours, theirs, ours_first).await;
            assert_eq!(call.end_reason.as_deref(), Some(reason), "{leg}");
            assert_eq!(call.end_fault.as_deref(), Some(fault), "{leg}");
        }
    }
}

async fn of_two_reasons_that_say_as_much_ours_stands(store: &Fixture) {
    for ours_first in [true, false] {
        let leg = format!("CA{ours_first}");
        let call =
            both_ended(store, &leg, events::EndReason::MaxTurns, EndReason::SipRoutingError, ours_first)
                .await;
        assert_eq!(call.end_reason.as_deref(), Some("max-turns"));
        assert_eq!(call.end_fault.as_deref(), Some("tenant"));
    }
}

async fn both_ended(
    store: &Fixture,
    leg: &str,
    ours: events::EndReason,
    theirs: EndReason,
    ours_first: bool,
) -> Call {
    let call = store.stored_call(leg).await;
    for of_log in [ours_first, !ours_first] {
        if of_log {
            let event = CallEvent::Ended { reason: ours };
            store.append_event(&store.tenant, &call, event, after(5)).await.unwrap();
        } else {
            store.hear(&call, &said(leg, "end", ended(theirs), 6)).await;
        }
    }
    store.seen(&call).await
}

async fn a_call_that_is_recovered_forgets_only_our_own_end(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    let lost = CallEvent::Ended { reason: events::EndReason::CarrierLost };
    store.append_event(&store.tenant, &call, lost, after(1)).await.unwrap();
    store.hear(&call, &said("CA1", "1", ended(EndReason::Completed), 2)).await;
    assert!(store.recover_call(&store.tenant, &call, 3, after(3)).await.unwrap());
    let seen = store.seen(&call).await;
    assert_eq!((seen.status, seen.end_reason.as_deref()), (CallStatus::Completed, Some("completed")));
    assert_eq!(seen.end_fault.as_deref(), Some("unknown"));
}

async fn the_carrier_says_when_the_line_went_dead(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    let over = CallEvent::Ended { reason: events::EndReason::AgentHangup };
    store.append_event(&store.tenant, &call, over, after(5)).await.unwrap();
    assert_eq!(store.seen(&call).await.ended_at, Some(after(5)));
    store.hear(&call, &said("CA1", "1", ended(EndReason::Completed), 7)).await;
    let seen = store.seen(&call).await;
    assert_eq!((seen.ended_at, seen.end_reason.as_deref()), (Some(after(7)), Some("agent-hangup")));
}

/// The carrier's word of the answer was lost, and then something broke.
async fn a_call_with_audio_has_not_failed_for_want_of_an_answer(store: &Fixture) {
    let connected = || CallEvent::MediaConnected { stream: "MZ1".into() };
    for (leg, reason, status) in [
        ("CA1", EndReason::CarrierUnavailable, CallStatus::Completed),
        ("CA2", EndReason::DialFailed, CallStatus::Failed),
    ] {
        let call = store.stored_call(leg).await;
        let told = store.hear(&call, &said(leg, "1", ended(reason), 2)).await;
        assert_eq!(told.call.status, CallStatus::Failed);
        store.append_event(&store.tenant, &call, connected(), after(1)).await.unwrap();
        assert_eq!(store.seen(&call).await.status, status, "{reason}");
    }
}

async fn a_live_call_never_goes_back(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    assert_eq!(store.seen(&call).await.status, CallStatus::Ringing);
    let told = store.hear(&call, &said("CA1", "0", EventKind::Initiated, 0)).await;
    assert_eq!(told.call.status, CallStatus::Ringing);
    let connected = CallEvent::MediaConnected { stream: "MZ1".into() };
    store.append_event(&store.tenant, &call, connected, after(2)).await.unwrap();
    let told = store.hear(&call, &said("CA1", "1", EventKind::Ringing, 1)).await;
    assert_eq!((told.call.status, told.call.answered_at), (CallStatus::InProgress, Some(after(2))));
    // By the carrier's clock the telephone was answered before audio flowed.
    let told = store.hear(&call, &said("CA1", "2", EventKind::Answered { by: None }, 1)).await;
    assert_eq!((told.call.status, told.call.answered_at), (CallStatus::InProgress, Some(after(1))));
}

async fn a_call_whose_socket_comes_back_was_answered_before(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    for seconds in [2, 9] {
        let connected = CallEvent::MediaConnected { stream: format!("MZ{seconds}") };
        store.append_event(&store.tenant, &call, connected, after(seconds)).await.unwrap();
    }
    assert_eq!(store.seen(&call).await.answered_at, Some(after(2)));
}
