//! When the caller's words are a turn.

use events::CallEvent;
use turn::{AgentConfig, CallContext, CarrierInput, Input, Message, Output, State, SttInput};

use crate::sim::{Sim, assert_near, ms, secs};

#[test]
fn a_noise_without_words_opens_no_turn() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.says(1.0, 1.4, "").run(6.0);
    assert_eq!(
        sim.path(),
        [State::Connecting, State::Listening, State::UserSpeaking, State::EndpointPending, State::Listening]
    );
    assert_near(sim.entered(State::Listening, 1), 4.4);
    assert_eq!(committed(&sim), []);
    assert_eq!(sim.count(|output| *output == Output::FinalizeStt), 1);
}

#[test]
fn the_wait_depends_on_how_complete_the_words_are() {
    for (text, expected) in [
        ("Tell me a story.", 2.25),
        ("yes please", 2.25),
        ("my number is 555", 3.5),
        ("I would like a table", 3.5),
        ("I want Tuesday and", 4.5),
    ] {
        let mut sim = Sim::new(AgentConfig::default());
        sim.says(1.0, 2.0, text).answers("Fine.").run(6.0);
        assert_near(committed(&sim)[0].0, expected);
    }
}

#[test]
fn a_caller_who_goes_on_after_a_pause_has_one_turn() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.says(1.0, 2.0, "I would like").says(2.8, 3.6, "a table for two.").answers("Fine.").run(8.0);
    let turns = committed(&sim);
    assert_eq!(turns.len(), 1);
    assert_eq!(turns[0].1, "I would like a table for two.");
    // A tenth of the way from 0.25 to the pause of 0.8 that is known of by then.
    assert_near(turns[0].0, 3.905);
}

#[test]
fn a_caller_who_begins_again_at_the_last_moment_is_waited_for() {
    let mut config = AgentConfig::default();
    config.endpointing.complete = ms(300);
    let mut sim = Sim::new(config);
    sim.stt.delay = ms(100);
    sim.says(1.0, 2.0, "Tell me a story.").says(2.2, 3.0, "About bees.").answers("Fine.").run(8.0);
    let turns = committed(&sim);
    assert_eq!(turns.len(), 1);
    assert_eq!(turns[0].1, "Tell me a story. About bees.");
}

#[test]
fn nothing_is_committed_while_the_caller_is_audible() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.voice(1.0, 5.0).answers("Fine.");
    sim.at(secs(2.0), finally("I would like a table.")).at(secs(2.1), Input::Stt(SttInput::UtteranceEnd));
    sim.at(secs(5.1), finally("And also a chair.")).run(4.9);
    assert_eq!(committed(&sim), []);
    sim.run(8.0);
    let turns = committed(&sim);
    assert_eq!(turns.len(), 1);
    assert_eq!(turns[0].1, "I would like a table. And also a chair.");
    assert_near(turns[0].0, 5.25);
}

#[test]
fn an_utterance_end_commits_at_once() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.says(1.0, 2.0, "I want Tuesday and").answers("Fine.");
    sim.at(secs(2.6), Input::Stt(SttInput::UtteranceEnd)).run(6.0);
    assert_near(committed(&sim)[0].0, 2.6);
}

#[test]
fn an_utterance_end_that_is_older_than_an_interim_commits_nothing() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.voice(1.0, 2.0).answers("Fine.");
    sim.at(secs(1.9), Input::Stt(SttInput::UtteranceEnd));
    sim.at(secs(2.1), interim("I want Tuesday and")).run(6.0);
    assert_near(committed(&sim)[0].0, 4.5);
}

#[test]
fn an_interim_is_committed_when_its_final_does_not_come() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.stt.interims = true;
    sim.stt.finals = false;
    sim.says(1.0, 2.0, "Tell me a story.").answers("Fine.").run(6.0);
    assert_near(committed(&sim)[0].0, 2.4);
    assert_eq!(committed(&sim)[0].1, "Tell me a story");
    let latency = latency(&sim);
    assert_near(latency.endpoint_wait / 1000.0, 0.25);
    assert_near(latency.stt_tail / 1000.0, 0.15);
}

#[test]
fn the_final_of_a_committed_interim_gets_no_second_answer() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.stt.interims = true;
    sim.stt.delay = ms(600);
    sim.says(1.0, 2.0, "Tell me a story.").answers("Once upon a time.").run(10.0);
    assert_eq!(committed(&sim).len(), 1);
    assert_eq!(sim.requests().len(), 1);
    assert!(!sim.finished(1).3);
}

#[test]
fn the_same_words_are_a_turn_again_when_the_final_never_came() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.stt.interims = true;
    sim.stt.finals = false;
    sim.says(1.0, 1.4, "Yes.").answers("Are you sure?").says(4.5, 4.9, "Yes.").answers("Done.").run(10.0);
    let texts: Vec<String> = committed(&sim).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["Yes", "Yes"]);
}

#[test]
fn the_same_words_with_a_voice_of_their_own_are_a_turn_at_once() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.stt.interims = true;
    sim.stt.finals = false;
    sim.tts.lengths = [ms(400)].into();
    sim.says(1.0, 1.4, "Yes.").answers("Sure?").answers("Done.").run(3.0);
    sim.voice(3.1, 3.5).at(secs(3.6), finally("Yes.")).run(8.0);
    let texts: Vec<String> = committed(&sim).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["Yes", "Yes."]);
}

#[test]
fn a_late_final_joins_the_turn_while_nothing_of_the_answer_was_heard() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.says(1.0, 2.0, "Tell me a story.").answers("Once upon a time.").answers("A bee lived here.");
    sim.at(secs(2.4), finally("About bees.")).run(10.0);
    assert_eq!(
        committed(&sim).into_iter().map(|(_, text)| text).collect::<Vec<_>>(),
        ["Tell me a story.", "About bees."]
    );
    assert_eq!(sim.requests()[1].3.last(), Some(&user("Tell me a story. About bees.")));
    let (_, _, heard, interrupted) = sim.finished(1);
    assert_eq!((heard.as_str(), interrupted), ("", true));
    assert_eq!(sim.finished(2).2, "A bee lived here.");
}

#[test]
fn a_late_okay_joins_the_turn_while_nothing_of_the_answer_was_heard() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.says(1.0, 2.0, "Book it for Monday.").answers("For Monday.").answers("It is booked.");
    sim.at(secs(2.5), finally("Okay?")).run(10.0);
    assert_eq!(sim.requests()[1].3.last(), Some(&user("Book it for Monday. Okay?")));
    assert_eq!(sim.finished(1).2, "");
    assert_eq!(sim.finished(2).2, "It is booked.");
}

#[test]
fn a_late_final_waits_for_its_own_turn_once_the_answer_is_heard() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.says(1.0, 2.0, "Tell me a story.").answers("Once upon a time.").answers("A bee lived here.");
    sim.at(secs(3.2), finally("About bees.")).run(10.0);
    let (finished, _, heard, interrupted) = sim.finished(1);
    assert_eq!((heard.as_str(), interrupted), ("Once upon a time.", false));
    assert!(committed(&sim)[1].0 >= finished);
    assert_eq!(sim.finished(2).2, "A bee lived here.");
}

#[test]
fn without_audio_frames_quiet_after_the_transcript_commits() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.frames_until = secs(1.0);
    sim.answers("Fine.").at(secs(4.0), interim("Tell me")).at(secs(4.2), interim("Tell me a story"));
    sim.run(8.0);
    assert_near(committed(&sim)[0].0, 4.8);
}

#[test]
fn a_voice_whose_frames_stop_coming_has_ended() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.frames_until = secs(2.0);
    sim.voice(1.0, 9.0).answers("Fine.").at(secs(1.9), finally("Tell me a story.")).run(8.0);
    assert_near(committed(&sim)[0].0, 3.0);
}

#[test]
fn a_caller_without_an_end_is_answered_and_cannot_interrupt_that() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.voice(1.0, 90.0).answers("Excuse me, let me stop you there.");
    sim.at(secs(50.0), finally("And then she said")).run(70.0);
    assert_near(committed(&sim)[0].0, 61.16);
    assert_eq!(sim.finished(1).2, "Excuse me, let me stop you there.");
}

#[test]
fn keys_are_a_turn_when_they_pause_or_end_with_a_hash() {
    for (last, expected) in [('3', 3.2), ('#', 1.4)] {
        let mut sim = Sim::new(AgentConfig::default());
        sim.answers("Thank you.");
        for (n, key) in [(0, '1'), (1, '2'), (2, last)] {
            sim.at(secs(1.0 + 0.1 * f64::from(n)), Input::Carrier(CarrierInput::Dtmf(key)));
        }
        sim.run(6.0);
        let turns = committed(&sim);
        assert_eq!(turns[0].1, format!("Keypad: 12{last}"));
        assert_near(turns[0].0, expected);
        let n = sim.events().filter(|(_, event)| matches!(event, CallEvent::DtmfReceived { .. })).count();
        assert_eq!(n, 3);
    }
}

#[test]
fn the_first_key_interrupts_the_agent() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.says(1.0, 2.0, "Menu, please.").answers("Press one for sales, two for help, three for more of this.");
    sim.at(secs(3.5), Input::Carrier(CarrierInput::Dtmf('2'))).answers("Help it is.").run(9.0);
    let (at, _, _, interrupted) = sim.finished(1);
    assert!(interrupted);
    assert_near(at, 3.5);
    assert_eq!(committed(&sim)[1].1, "Keypad: 2");
}

#[test]
fn words_over_a_protected_greeting_are_answered_after_it() {
    let mut sim = Sim::with(AgentConfig::default(), CallContext::mulaw("call"));
    sim.says(0.5, 1.2, "Is Tuesday free?").answers("Yes.").run(8.0);
    let (finished, _, heard, interrupted) = sim.finished(0);
    assert_eq!((heard.as_str(), interrupted), ("Hello, how can I help you?", false));
    assert_near(committed(&sim)[0].0, finished);
    assert_eq!(sim.count(|output| *output == Output::Clear), 0);
    assert!(latency(&sim).endpoint_wait < 1.0, "the agent's own speech is not the caller's wait");
}

fn latency(sim: &Sim) -> events::Latency {
    sim.event(|_, event| match event {
        CallEvent::TurnFinished { turn: 1, latency, .. } => *latency,
        _ => None,
    })
}

fn committed(sim: &Sim) -> Vec<(f64, String)> {
    let turns = sim.events().filter_map(|(at, event)| match event {
        CallEvent::TurnCommitted { text, .. } => Some((at, text.clone())),
        _ => None,
    });
    turns.collect()
}

fn finally(text: &str) -> Input {
    Input::Stt(SttInput::Final { text: text.into(), speech_final: true })
}

fn interim(text: &str) -> Input {
    Input::Stt(SttInput::Interim { text: text.into() })
}

fn user(content: &str) -> Message {
    Message::User { content: content.into() }
}
