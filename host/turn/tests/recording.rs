//! Recording a call must not slow it down: no allocation for a frame.
#![allow(unsafe_code, reason = "an allocator that counts is the only way to see allocations")]

#[path = "../benches/allocations.rs"]
mod allocations;

use std::time::Duration;

use turn::{AgentConfig, CallContext, CallerFrame, CarrierInput, Input, Recorder, State};

#[test]
fn a_recorded_frame_allocates_nothing() {
    let frame = Duration::from_millis(20);
    let mut n_bytes = 0;
    let sink = |line: &str| {
        n_bytes += line.len();
        true
    };
    let config = AgentConfig { greeting: String::new(), ..AgentConfig::default() };
    let mut call = Recorder::new(config, CallContext::mulaw("call"), Duration::ZERO, Some(sink));
    call.handle_input(Duration::ZERO, Input::Carrier(CarrierInput::Started { stream: "MZ1".into() }));
    while call.poll_output().is_some() {}

    let n = allocations::allocations(|| {
        for n in 1..=400u32 {
            let speech = 0.3 + 0.7 * (n as f32).sin().abs();
            let input = Input::CallerAudio(CallerFrame { duration: frame, speech, level: speech / 7.0 });
            call.handle_input(frame * n + Duration::from_nanos(u64::from(n)), input);
            while call.poll_output().is_some() {}
        }
    });
    assert_eq!(n, 0);
    assert_eq!(call.snapshot().state, State::UserSpeaking);
    drop(call);
    assert!(n_bytes > 400 * 40, "{n_bytes}");
}
