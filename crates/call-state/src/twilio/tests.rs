use proptest::prelude::*;

use super::*;

const NOW: Moment = Moment::from_millis(1_795_179_900_500);

#[test]
fn a_status_callback_is_read_with_its_number_and_time() {
    let said = read_form(&[
        ("CallSid", "CA1"),
        ("CallStatus", "completed"),
        ("Direction", "outbound-api"),
        ("SequenceNumber", "3"),
        ("CallDuration", "42"),
        ("SipResponseCode", "200"),
        ("Timestamp", "Fri, 20 Nov 2026 13:05:00 +0000"),
    ]);
    let ending = Ending {
        sip_status: Some(200),
        cause: Some("completed".into()),
        duration: Some(Duration::from_secs(42)),
        ..Ending::new(EndReason::Completed)
    };
    assert_eq!(
        said,
        CarrierEvent {
            carrier: Carrier::Twilio,
            id: "CA1/completed/3".into(),
            ids: Ids { leg: Some("CA1".into()), ..Ids::default() },
            direction: Some(Direction::Outbound),
            kind: EventKind::Ended(ending),
            sequence: Some(3),
            occurred_at: Some(Moment::from_millis(1_795_179_900_000)),
            received_at: NOW,
        }
    );
}

#[test]
fn every_status_has_its_meaning() {
    for (word, sip, kind) in [
        ("queued", "", Ok(EventKind::Queued)),
        ("initiated", "", Ok(EventKind::Initiated)),
        ("ringing", "", Ok(EventKind::Ringing)),
        ("in-progress", "", Ok(EventKind::Answered { by: None })),
        ("completed", "", Err(EndReason::Completed)),
        ("busy", "486", Err(EndReason::Busy)),
        ("busy", "603", Err(EndReason::Declined)),
        ("no-answer", "487", Err(EndReason::NoAnswer)),
        ("canceled", "487", Err(EndReason::CallerCancelled)),
        ("failed", "", Err(EndReason::DialFailed)),
        ("failed", "404", Err(EndReason::InvalidDestination)),
        ("failed", "503", Err(EndReason::CarrierUnavailable)),
    ] {
        let said = read_form(&[("CallSid", "CA1"), ("CallStatus", word), ("SipResponseCode", sip)]).kind;
        match (&said, kind) {
            (EventKind::Ended(ending), Err(reason)) => assert_eq!(ending.reason, reason, "{word} {sip}"),
            (said, kind) => assert_eq!(Ok(said.clone()), kind, "{word}"),
        }
    }
}

#[test]
fn a_leg_that_was_dialled_names_its_parent() {
    let callback = read_form(&[
        ("CallSid", "CA2"),
        ("ParentCallSid", "CA1"),
        ("CallStatus", "ringing"),
        ("Direction", "outbound-dial"),
    ]);
    let action = read_form(&[
        ("CallSid", "CA1"),
        ("CallStatus", "in-progress"),
        ("DialCallSid", "CA2"),
        ("DialCallStatus", "no-answer"),
        ("DialCallDuration", "0"),
    ]);
    for said in [&callback, &action] {
        assert_eq!((said.ids.leg.as_deref(), said.ids.parent.as_deref()), (Some("CA2"), Some("CA1")));
        assert_eq!(said.direction, Some(Direction::Outbound));
    }
    assert!(matches!(action.kind, EventKind::Ended(Ending { reason: EndReason::NoAnswer, .. })));
}

#[test]
fn recordings_streams_and_detections_are_facts_of_the_call() {
    let recording = Recording {
        id: "RE1".into(),
        url: Some("https://api.twilio.com/RE1".into()),
        duration: Some(Duration::from_secs(9)),
    };
    for (fields, id, kind) in [
        (
            &[
                ("RecordingSid", "RE1"),
                ("RecordingStatus", "completed"),
                ("RecordingUrl", "https://api.twilio.com/RE1"),
                ("RecordingDuration", "9"),
            ][..],
            "RE1/completed",
            EventKind::RecordingSaved(recording),
        ),
        (
            &[("RecordingSid", "RE1"), ("RecordingStatus", "absent")],
            "RE1/absent",
            EventKind::RecordingFailed { cause: Some("absent".into()) },
        ),
        (
            &[("StreamSid", "MZ1"), ("StreamEvent", "stream-error"), ("StreamError", "31920")],
            "CA1/MZ1/stream-error",
            EventKind::StreamFailed { cause: Some("31920".into()) },
        ),
        (
            &[("AnsweredBy", "machine_end_beep"), ("MachineDetectionDuration", "4000")],
            "CA1/answered-by",
            EventKind::AnsweredBy { who: AnsweredBy::Machine },
        ),
    ] {
        let said = read_form(&[&[("CallSid", "CA1")], fields].concat());
        assert_eq!((said.id.as_str(), said.kind), (id, kind));
    }
}

#[test]
fn a_form_that_cannot_be_used_is_refused_by_the_fields_name() {
    assert_eq!(event(&form(&[("CallStatus", "ringing")]), NOW), Err(Unreadable::Missing("CallSid")));
    let fields = [("CallSid", "CA1"), ("CallStatus", "ringing"), ("SequenceNumber", "first")];
    assert_eq!(event(&form(&fields), NOW), Err(Unreadable::Malformed("SequenceNumber")));
    assert_eq!(event(&form(&[("CallSid", "CA1"), ("CallStatus", "hovering")]), NOW), Ok(None));
}

proptest! {
    #[test]
    fn no_form_panics(
        names in proptest::collection::vec(prop::sample::select(vec![
            "CallSid", "CallStatus", "DialCallSid", "DialCallStatus", "RecordingSid", "RecordingStatus", "StreamEvent",
            "AnsweredBy", "SequenceNumber", "CallDuration", "SipResponseCode", "Timestamp",
        ]), 0..8),
        values in proptest::collection::vec("[a-z0-9-]{0,12}|completed|failed|.{0,8}", 8),
    ) {
        let form: Vec<_> = names.into_iter().map(str::to_owned).zip(values).collect();
        let _ = event(&form, NOW);
    }
}

fn read_form(fields: &[(&str, &str)]) -> CarrierEvent {
    event(&form(fields), NOW).unwrap().unwrap()
}

fn form(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
