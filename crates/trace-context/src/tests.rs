//! The published vectors, every entry, and what must hold whatever arrives.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

const FRESH: Fresh = Fresh { trace_id: [0xaa; 16], span_id: [0xbb; 8] };

#[test]
fn every_traceparent_vector_is_judged_as_expected() {
    for vector in read("w3c_traceparent", include_str!("../tests/vectors/w3c_traceparent.json"), 15) {
        let values = header_values(&vector);
        let parent = Parent::parse(values.iter().map(String::as_bytes));
        let expected = &vector["expected"];
        assert_eq!(parent.is_some(), expected["valid"], "{vector}");
        let trace = Trace::of(values.iter().map(String::as_bytes), [], FRESH);
        assert_eq!(trace.parent_id().is_some(), expected["valid"], "{vector}");
        if expected["valid"] == true {
            assert_eq!(trace.trace_id().to_string(), expected["trace_id"], "{vector}");
            assert_eq!(trace.parent_id().unwrap().to_string(), expected["parent_id"], "{vector}");
            assert_eq!(trace.is_sampled(), expected["sampled"], "{vector}");
        } else {
            assert_eq!(trace.trace_id(), TraceId(FRESH.trace_id), "{vector}");
        }
        assert_eq!(trace.span_id(), SpanId(FRESH.span_id));
    }
}

#[test]
fn every_tracestate_vector_is_judged_as_expected() {
    for vector in read("w3c_tracestate", include_str!("../tests/vectors/w3c_tracestate.json"), 7) {
        let values = header_values(&vector);
        let state = State::parse(values.iter().map(String::as_bytes));
        let expected = &vector["expected"];
        assert_eq!(state.is_some(), expected["valid"], "{vector}");
        if let Some(state) = state {
            let members: Vec<_> = state.members().iter().map(|(key, value)| vec![key, value]).collect();
            assert_eq!(serde_json::json!(members), expected["members"], "{vector}");
        }
    }
}

#[test]
fn a_trace_goes_on_with_our_span_and_the_state_as_it_came() {
    let trace = of(&[GOOD], &["foo=1 , bar=2", "", "tenant@sys=a b"]);
    assert_eq!(trace.traceparent(), "00-12345678901234567890123456789012-bbbbbbbbbbbbbbbb-01");
    assert_eq!(trace.tracestate().as_deref(), Some("foo=1,bar=2,tenant@sys=a b"));
}

#[test]
fn state_without_a_valid_parent_is_dropped() {
    for parents in [&[][..], &["junk"], &[GOOD, GOOD]] {
        let trace = of(parents, &["foo=1"]);
        assert_eq!(trace.traceparent(), format!("00-{}-{}-01", "aa".repeat(16), "bb".repeat(8)));
        assert_eq!(trace.tracestate(), None, "{parents:?}");
    }
}

#[test]
fn a_bad_state_does_not_cost_the_trace() {
    let trace = of(&[GOOD], &["foo=1,foo=2"]);
    assert_eq!((trace.parent_id().is_some(), trace.tracestate()), (true, None));
}

#[test]
fn what_is_nearly_a_parent_is_none() {
    for value in [
        "ff-12345678901234567890123456789012-1234567890123456-01",
        "00-12345678901234567890123456789012-1234567890123456-01-",
        "00-12345678901234567890123456789012-1234567890123456-01-more",
        "00-1234567890123456789012345678901A-1234567890123456-01",
        "00-12345678901234567890123456789012-123456789012345A-01",
        "00-12345678901234567890123456789012-1234567890123456-0F",
        "00-12345678901234567890123456789012-1234567890123456",
        "00_12345678901234567890123456789012-1234567890123456-01",
        "+0-12345678901234567890123456789012-1234567890123456-01",
        "00-12345678901234567890123456789\u{e9}2-1234567890123456-01",
    ] {
        assert_eq!(of(&[value], &[]).parent_id(), None, "{value}");
    }
    assert_eq!(Parent::parse([&b"00-\xff"[..]]), None);
}

#[test]
fn a_later_version_may_say_more() {
    let trace = of(&["01-12345678901234567890123456789012-1234567890123456-03-more"], &[]);
    assert_eq!(trace.traceparent(), "00-12345678901234567890123456789012-bbbbbbbbbbbbbbbb-01");
}

#[test]
fn a_list_is_as_long_as_the_recommendation_allows() {
    let members = |count: usize| (0..count).map(|at| format!("k{at}=v")).collect::<Vec<_>>().join(",");
    for (text, valid) in [
        (members(32), true),
        (members(33), false),
        (format!("{}=v", "k".repeat(256)), true),
        (format!("{}=v", "k".repeat(257)), false),
        (format!("{}@{}=v", "t".repeat(241), "s".repeat(14)), true),
        (format!("{}@s=v", "t".repeat(242)), false),
        (format!("t@{}=v", "s".repeat(15)), false),
        (format!("k={}", "v".repeat(256)), true),
        (format!("k={}", "v".repeat(257)), false),
        ("1k=v".to_owned(), true),
        ("t@1s=v".to_owned(), false),
        ("k".to_owned(), false),
        ("k=".to_owned(), false),
        ("k=a=b".to_owned(), false),
        ("k =v".to_owned(), false),
        ("k=\u{7f}".to_owned(), false),
        (",,k=v,".to_owned(), true),
    ] {
        assert_eq!(State::parse([text.as_bytes()]).is_some(), valid, "{text}");
    }
}

#[test]
fn a_state_too_long_to_pass_on_loses_its_oldest_members() {
    let member = |key: &str| format!("{key}={}", "v".repeat(250));
    let list = ["a", "b", "c", "d", "e"].map(member).join(",");
    let passed = of(&[GOOD], &[&list]).tracestate().unwrap();
    assert!(passed.len() <= 1024 && list.starts_with(&passed), "{passed}");
    assert_eq!(passed.split(',').count(), 4);
}

proptest! {
    #[test]
    fn what_goes_out_is_read_back(trace in any::<[u8; 16]>(), span in any::<[u8; 8]>(), sampled in any::<bool>()) {
        prop_assume!(trace != [0; 16] && span != [0; 8]);
        let ours = Trace {
            trace_id: TraceId(trace), parent_id: None, span_id: SpanId(span), sampled, state: State::default(),
        };
        let text = ours.traceparent();
        prop_assert_eq!(text.len(), 55);
        let read = Parent::parse([text.as_bytes()]);
        prop_assert_eq!(read, Some(Parent { trace_id: TraceId(trace), parent_id: SpanId(span), sampled }));
    }

    #[test]
    fn one_changed_byte_never_yields_another_id_of_the_same_text(at in 0usize..55, byte in any::<u8>()) {
        let mut bytes = GOOD.as_bytes().to_vec();
        bytes[at] = byte;
        if let Some(parent) = Parent::parse([&bytes[..]]) {
            // What was accepted is what was written, byte for byte.
            let text = std::str::from_utf8(&bytes).unwrap();
            prop_assert_eq!(&text[3..52], format!("{}-{}", parent.trace_id, parent.parent_id));
        }
    }

    #[test]
    fn what_is_passed_on_is_valid_again(values in proptest::collection::vec("[a-c@=, \tA0-9*/_-]{0,60}", 0..4)) {
        if let Some(state) = State::parse(values.iter().map(String::as_bytes))
            && let Some(text) = state.to_text()
        {
            prop_assert_eq!(State::parse([text.as_bytes()]), Some(state));
        }
    }

    #[test]
    fn no_header_is_too_strange(parent in any::<Vec<u8>>(), state in any::<Vec<u8>>()) {
        let trace = Trace::of([&parent[..]], [&state[..]], FRESH);
        prop_assert_eq!(trace.traceparent().len(), 55);
    }
}

/// The example of the published vectors.
const GOOD: &str = "00-12345678901234567890123456789012-1234567890123456-01";

fn of(parents: &[&str], states: &[&str]) -> Trace {
    let bytes = |values: &[&str]| values.iter().map(|value| value.as_bytes().to_vec()).collect::<Vec<_>>();
    let (parents, states) = (bytes(parents), bytes(states));
    Trace::of(parents.iter().map(Vec::as_slice), states.iter().map(Vec::as_slice), FRESH)
}

fn header_values(vector: &Value) -> Vec<String> {
    let values = vector["inputs"]["header_values"].as_array().unwrap();
    values.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

/// The `count` vectors of a file; says how many ran.
fn read(scheme: &str, file: &str, count: usize) -> Vec<Value> {
    let vectors: Vec<Value> = serde_json::from_str(file).unwrap();
    assert_eq!(vectors.len(), count);
    assert!(vectors.iter().all(|vector| vector["scheme"] == scheme));
    println!("{scheme}: {count} vectors");
    vectors
}
