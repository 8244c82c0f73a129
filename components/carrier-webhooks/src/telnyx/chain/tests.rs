use call_state::{AnsweredBy, Carrier, EndReason, Ending, Ids, Moment, Recording};
use proptest::prelude::*;

use super::*;
use crate::bindings::voicehive::platform::call_routing::Voicemail;

#[test]
fn an_agents_call_is_answered_with_its_socket_and_left_alone() {
    let told =
        [event("1", EventKind::Initiated), event("2", answered()), event("3", EventKind::StreamStarted)];
    assert_eq!(steps(&Course::Agent, Direction::Inbound, &told), [Step::AnswerForAgent]);
}

#[test]
fn a_call_that_we_placed_gets_its_socket_once_somebody_answers() {
    let told = [event("1", EventKind::Initiated), event("2", answered()), event("3", machine())];
    assert_eq!(steps(&Course::Agent, Direction::Outbound, &told), [Step::Stream { failed: 0 }]);
    assert_eq!(steps(&Course::Agent, Direction::Outbound, &told[1..]), [Step::Stream { failed: 0 }]);
}

#[test]
fn a_fax_that_we_called_is_hung_up_on_and_one_that_calls_is_the_agents() {
    let fax = |id: &str| event(id, EventKind::AnsweredBy { who: AnsweredBy::Fax });
    let picked_up = event("2", answered());
    let late = [picked_up.clone(), fax("3"), fax("4")];
    let expected = [Step::Stream { failed: 0 }, Step::HangUp];
    assert_eq!(steps(&Course::Agent, Direction::Outbound, &late), expected);
    let early = [event("1", EventKind::Initiated), fax("3"), picked_up, fax("4")];
    assert_eq!(steps(&Course::Agent, Direction::Outbound, &early), [Step::HangUp]);
    assert_eq!(steps(&Course::Agent, Direction::Inbound, &early), [Step::AnswerForAgent]);
}

#[test]
fn a_call_that_answered_itself_goes_on_where_it_is() {
    for (course, step) in [
        (Course::Agent, Step::Stream { failed: 0 }),
        (message(), Step::Say("We are closed.".into())),
        (voicemail(), Step::Say("Leave a message.".into())),
        (forwarding(), Step::Forward { to: "+34600000000".into(), ring_seconds: 25 }),
        (Course::Decided(Decision::Reject(Rejection::Busy)), Step::HangUp),
    ] {
        let told = [event("2", answered()), event("1", EventKind::Initiated)];
        assert_eq!(steps(&course, Direction::Inbound, &told), [step]);
    }
}

#[test]
fn a_message_is_said_once_answered_and_ends_the_call() {
    let told = [event("1", EventKind::Initiated), event("2", answered()), event("3", spoken())];
    let expected = [Step::Answer, Step::Say("We are closed.".into()), Step::HangUp];
    assert_eq!(steps(&message(), Direction::Inbound, &told), expected);
}

#[test]
fn a_message_of_the_callers_is_asked_for_recorded_and_thanked() {
    let greeting = [Step::Answer, Step::Say("Leave a message.".into()), Step::Record { max_seconds: 90 }];
    for (left, words) in
        [(saved(), Step::Thank), (EventKind::RecordingFailed { cause: None }, Step::Apologise)]
    {
        let told = [
            event("1", EventKind::Initiated),
            event("2", answered()),
            event("3", spoken()),
            event("4", left),
            event("5", spoken()),
        ];
        let expected: Vec<Step> = greeting.iter().cloned().chain([words, Step::HangUp]).collect();
        assert_eq!(steps(&voicemail(), Direction::Inbound, &told), expected);
    }
}

#[test]
fn a_call_is_turned_down_as_it_was_decided() {
    for (rejection, busy) in [(Rejection::Busy, true), (Rejection::Declined, false)] {
        let course = Course::Decided(Decision::Reject(rejection));
        let told = [event("1", EventKind::Initiated), event("2", ended())];
        assert_eq!(steps(&course, Direction::Inbound, &told), [Step::TurnDown { busy }]);
    }
}

#[test]
fn who_is_handed_over_to_nobody_may_leave_a_message() {
    let first = event("1", EventKind::Initiated);
    let handed = Step::Forward { to: "+34600000000".into(), ring_seconds: 25 };
    let unanswered = [first.clone(), further("2", EventKind::Initiated), further("3", ended())];
    assert_eq!(steps(&forwarding(), Direction::Inbound, &unanswered), [handed.clone(), Step::Answer]);
    let plain = decision::plain_voicemail();
    let say = Step::Say(plain.greeting);
    let record = Step::Record { max_seconds: plain.max_seconds };
    let answers_then = [&unanswered[..], &[event("5", answered()), event("6", spoken())]].concat();
    let expected = [handed.clone(), Step::Answer, say.clone(), record];
    assert_eq!(steps(&forwarding(), Direction::Inbound, &answers_then), expected);
    // Whom the carrier answered to hand over is spoken to at once.
    let [first_event, rings, gone] = unanswered.clone();
    let answered_before = [first_event, event("5", answered()), rings, gone];
    assert_eq!(steps(&forwarding(), Direction::Inbound, &answered_before), [handed.clone(), say]);
    let talked = [first, further("2", answered()), event("3", EventKind::Bridged), further("4", ended())];
    assert_eq!(steps(&forwarding(), Direction::Inbound, &talked), [handed]);
}

#[test]
fn whom_an_agent_hands_over_to_nobody_hears_so_once_and_is_hung_up_on() {
    let nobody = Step::Say(decision::NOBODY_ANSWERED.to_owned());
    let expected = [Step::AnswerForAgent, nobody.clone(), Step::HangUp];
    for reason in [EndReason::NoAnswer, EndReason::Busy, EndReason::Unknown] {
        let gone = |id: &str| further(id, EventKind::Ended(Ending::new(reason)));
        let told = [
            event("1", EventKind::Initiated),
            event("2", answered()),
            further("3", EventKind::Initiated),
            gone("4"),
            gone("4"),
            gone("5"),
            event("6", EventKind::StreamFailed { cause: None }),
            event("7", spoken()),
            event("7", spoken()),
            event("8", spoken()),
        ];
        assert_eq!(steps(&Course::Agent, Direction::Inbound, &told), expected);
        // The new leg's end may overtake its beginning, and the answer of the first.
        let reordered = [0, 3, 2, 1, 4, 7, 5].map(|index| told[index].clone());
        assert_eq!(steps(&Course::Agent, Direction::Inbound, &reordered), expected);
    }
    let placed = [event("2", answered()), further("4", ended()), event("1", EventKind::Initiated)];
    assert_eq!(steps(&Course::Agent, Direction::Outbound, &placed), [Step::Stream { failed: 0 }, nobody]);
}

#[test]
fn whom_an_agent_hands_over_to_somebody_is_told_nothing_more() {
    let first = [event("1", EventKind::Initiated), event("2", answered())];
    for last in [further("4", ended()), event("4", ended())] {
        let talked = [further("3", answered()), event("5", EventKind::Bridged), last];
        let told = [&first[..], &talked[..]].concat();
        assert_eq!(steps(&Course::Agent, Direction::Inbound, &told), [Step::AnswerForAgent]);
    }
    let gone_first = [&first[..], &[event("4", ended()), further("5", ended())]].concat();
    assert_eq!(steps(&Course::Agent, Direction::Inbound, &gone_first), [Step::AnswerForAgent]);
}

#[test]
fn a_socket_that_fails_is_tried_again_and_then_apologised_for() {
    let failed = |id: &str| event(id, EventKind::StreamFailed { cause: None });
    let told = [
        event("1", EventKind::Initiated),
        event("2", answered()),
        failed("3"),
        failed("4"),
        failed("5"),
        failed("6"),
        event("7", spoken()),
    ];
    let expected = [
        Step::AnswerForAgent,
        Step::Stream { failed: 1 },
        Step::Stream { failed: 2 },
        Step::Apologise,
        Step::HangUp,
    ];
    assert_eq!(steps(&Course::Agent, Direction::Inbound, &told), expected);
}

#[test]
fn a_socket_that_stops_is_replaced_as_one_that_fails_and_one_loss_told_twice_is_one() {
    let stopped = |id: &str| event(id, EventKind::StreamStopped);
    let started = |id: &str| event(id, EventKind::StreamStarted);
    let told = [
        event("1", EventKind::Initiated),
        event("2", answered()),
        started("3"),
        stopped("4"),
        stopped("4"),
        stopped("5"),
        started("6"),
        event("7", EventKind::StreamFailed { cause: None }),
        stopped("8"),
        started("9"),
        stopped("10"),
        event("11", spoken()),
    ];
    let expected = [
        Step::AnswerForAgent,
        Step::Stream { failed: 1 },
        Step::Stream { failed: 2 },
        Step::Apologise,
        Step::HangUp,
    ];
    assert_eq!(steps(&Course::Agent, Direction::Inbound, &told), expected);
    for course in [message(), voicemail(), forwarding()] {
        let once = [event("1", EventKind::Initiated), stopped("4")];
        assert_eq!(steps(&course, Direction::Inbound, &once).len(), 1);
    }
    let handed_over = [event("1", EventKind::Initiated), further("2", EventKind::Initiated), stopped("4")];
    assert_eq!(steps(&Course::Agent, Direction::Inbound, &handed_over), [Step::AnswerForAgent]);
}

#[test]
fn a_late_word_about_the_first_socket_does_not_keep_the_second_from_being_replaced() {
    let failed = || EventKind::StreamFailed { cause: None };
    for names in [[Some("one"), Some("two")], [None, None]] {
        let [first, second] = names;
        let told = [
            event("1", EventKind::Initiated),
            at(of_socket(first, event("2", EventKind::StreamStarted)), 10),
            at(of_socket(first, event("3", failed())), 20),
            at(of_socket(second, event("4", EventKind::StreamStarted)), 30),
            at(of_socket(first, event("5", EventKind::StreamStopped)), 21),
            at(of_socket(second, event("6", EventKind::StreamStopped)), 40),
        ];
        let expected = [Step::AnswerForAgent, Step::Stream { failed: 1 }, Step::Stream { failed: 2 }];
        assert_eq!(steps(&Course::Agent, Direction::Inbound, &told), expected, "{names:?}");
        // A start that is told late brings no socket back.
        let late = [0, 2, 1, 3, 5].map(|index| told[index].clone());
        assert_eq!(steps(&Course::Agent, Direction::Inbound, &late), expected, "{names:?}");
    }
}

#[test]
fn a_socket_that_is_told_to_have_stopped_and_to_have_failed_is_lost_once() {
    let failed = || EventKind::StreamFailed { cause: None };
    let stopped = || EventKind::StreamStopped;
    for (one, other) in [(stopped(), failed()), (failed(), stopped())] {
        let lost = |socket, id: &str, kind: &EventKind, millis| {
            at(of_socket(Some(socket), event(id, kind.clone())), millis)
        };
        let told = [
            event("1", EventKind::Initiated),
            lost("a", "2", &one, 20),
            lost("a", "3", &other, 21),
            lost("b", "4", &other, 30),
            lost("b", "5", &one, 31),
            lost("a", "6", &one, 32),
            lost("c", "7", &one, 40),
            lost("c", "8", &other, 41),
            event("9", spoken()),
        ];
        let expected = [
            Step::AnswerForAgent,
            Step::Stream { failed: 1 },
            Step::Stream { failed: 2 },
            Step::Apologise,
            Step::HangUp,
        ];
        assert_eq!(steps(&Course::Agent, Direction::Inbound, &told), expected);
    }
}

#[test]
fn a_socket_that_works_since_is_not_replaced() {
    let told = [
        event("1", EventKind::Initiated),
        at(event("3", EventKind::StreamStarted), 20),
        at(event("2", EventKind::StreamFailed { cause: None }), 10),
    ];
    assert_eq!(steps(&Course::Agent, Direction::Inbound, &told), [Step::AnswerForAgent]);
}

#[test]
fn nobody_who_has_hung_up_is_told_anything() {
    for course in [Course::Agent, message(), voicemail(), forwarding()] {
        let told = [
            event("9", ended()),
            event("1", EventKind::Initiated),
            event("2", answered()),
            event("4", saved()),
        ];
        assert_eq!(steps(&course, Direction::Inbound, &told), []);
    }
}

proptest! {
    // Orders that lead to two commands where a rule is missing are rare.
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn whatever_order_a_calls_webhooks_come_in_no_step_is_taken_twice(
        course in courses(),
        inbound in any::<bool>(),
        picks in proptest::collection::vec(any::<prop::sample::Index>(), 1..60),
    ) {
        let told = lively();
        let arrivals: Vec<CarrierEvent> = picks.iter().map(|pick| pick.get(&told).clone()).collect();
        let direction = if inbound { Direction::Inbound } else { Direction::Outbound };
        let steps = steps(&course, direction, &arrivals);
        for (index, step) in steps.iter().enumerate() {
            prop_assert!(!steps[..index].contains(step), "{:?}", steps);
        }
        let end = arrivals.iter().position(|event| event.id == "20").unwrap_or(arrivals.len());
        prop_assert_eq!(&steps[..], &super::tests::steps(&course, direction, &arrivals[..end])[..]);
    }
}

/// More than any one call is told.
fn lively() -> Vec<CarrierEvent> {
    let failed = || EventKind::StreamFailed { cause: None };
    vec![
        event("1", EventKind::Initiated),
        event("2", answered()),
        event("3", EventKind::StreamStarted),
        event("4", failed()),
        event("5", failed()),
        event("6", failed()),
        event("7", failed()),
        event("8", spoken()),
        event("9", spoken()),
        event("10", saved()),
        event("11", EventKind::RecordingFailed { cause: None }),
        event("12", machine()),
        event("18", EventKind::AnsweredBy { who: AnsweredBy::Fax }),
        event("13", EventKind::Key { digit: '1' }),
        further("14", EventKind::Initiated),
        further("15", answered()),
        further("16", ended()),
        event("17", EventKind::Bridged),
        event("19", EventKind::StreamStopped),
        event("21", EventKind::StreamStopped),
        of_socket(Some("one"), event("22", failed())),
        of_socket(Some("one"), event("23", EventKind::StreamStopped)),
        of_socket(Some("two"), event("24", EventKind::StreamStopped)),
        event("20", ended()),
    ]
}

fn courses() -> impl Strategy<Value = Course> {
    let rejection = Course::Decided(Decision::Reject(Rejection::Declined));
    prop::sample::select(vec![Course::Agent, message(), voicemail(), forwarding(), rejection])
}

fn steps(course: &Course, direction: Direction, told: &[CarrierEvent]) -> Vec<Step> {
    let ids = Ids { leg: Some("v3:a".into()), session: Some("s".into()), ..Ids::default() };
    let mut state = CallState::new(Carrier::Telnyx, ids).running(direction);
    let mut steps = Vec::new();
    for event in told {
        steps.extend(next(course, &state, event));
        state.apply(event);
    }
    steps
}

fn event(id: &str, kind: EventKind) -> CarrierEvent {
    let leg = if matches!(kind, EventKind::RecordingSaved(_)) { None } else { Some("v3:a".to_owned()) };
    CarrierEvent {
        carrier: Carrier::Telnyx,
        id: id.into(),
        ids: Ids { leg, session: Some("s".into()), ..Ids::default() },
        direction: None,
        kind,
        sequence: None,
        occurred_at: None,
        received_at: Moment::from_millis(0),
    }
}

/// The event, of a media socket with this name.
fn of_socket(name: Option<&str>, event: CarrierEvent) -> CarrierEvent {
    let ids = Ids { stream: name.map(str::to_owned), ..event.ids };
    CarrierEvent { ids, ..event }
}

/// The event, at this time by the carrier's clock.
fn at(event: CarrierEvent, millis: i64) -> CarrierEvent {
    CarrierEvent { occurred_at: Some(Moment::from_millis(millis)), ..event }
}

fn further(id: &str, kind: EventKind) -> CarrierEvent {
    let ids = Ids { leg: Some("v3:b".into()), session: Some("s".into()), ..Ids::default() };
    CarrierEvent { ids, ..event(id, kind) }
}

fn answered() -> EventKind {
    EventKind::Answered { by: None }
}

fn spoken() -> EventKind {
    EventKind::Spoken { whole: true }
}

fn machine() -> EventKind {
    EventKind::AnsweredBy { who: AnsweredBy::Machine }
}

fn saved() -> EventKind {
    EventKind::RecordingSaved(Recording { id: "r".into(), url: None, duration: None })
}

fn ended() -> EventKind {
    EventKind::Ended(Ending::new(EndReason::NoAnswer))
}

fn message() -> Course {
    Course::Decided(Decision::Message("We are closed.".into()))
}

fn voicemail() -> Course {
    Course::Decided(Decision::Voicemail(Voicemail { greeting: "Leave a message.".into(), max_seconds: 90 }))
}

fn forwarding() -> Course {
    Course::Decided(Decision::Forward(Forwarding { to: "+34600000000".into(), ring_seconds: 25 }))
}
