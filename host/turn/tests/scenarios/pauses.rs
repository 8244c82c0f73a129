//! What a call learns of its caller's pauses.

use events::CallEvent;
use turn::AgentConfig;

use crate::sim::{Sim, assert_near, secs};

#[test]
fn a_caller_who_pauses_within_turns_is_waited_for_longer() {
    let mut sim = Sim::new(AgentConfig::default());
    slow_turn(&mut sim);
    sim.says(12.0, 13.0, "Tell me a story.").answers("Fine.").run(20.0);
    let turns = committed(&sim);
    assert_eq!(turns.len(), 2, "{turns:?}");
    // Two pauses of 0.8: 0.25, 0.305, 0.3545.
    assert_near(turns[0] - 5.4, 0.3545);
    assert_near(turns[1] - 13.0, 0.3545);
}

#[test]
fn a_call_that_does_not_learn_waits_as_ever() {
    let mut config = AgentConfig::default();
    config.endpointing.learn = false;
    let mut sim = Sim::new(config);
    slow_turn(&mut sim);
    sim.says(12.0, 13.0, "Tell me a story.").answers("Fine.").run(20.0);
    assert_near(committed(&sim)[1] - 13.0, 0.25);
}

#[test]
fn a_cough_after_the_words_teaches_nothing() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.says(1.0, 2.0, "I would like a table").voice(2.8, 3.1).answers("Fine.");
    sim.says(10.0, 11.0, "Tell me a story.").answers("Fine.").run(16.0);
    assert_near(committed(&sim)[1] - 11.0, 0.25);
}

#[test]
fn a_caller_who_goes_on_right_after_the_commit_teaches_and_a_later_one_does_not() {
    // The pause of 0.9 was taken for an end at 2.25; interruptions of the answer do not count.
    for (again, expected) in [(2.9, 0.315), (5.0, 0.25)] {
        let mut sim = Sim::new(AgentConfig::default());
        sim.tts.lengths = [secs(5.0)].into();
        sim.says(1.0, 2.0, "Tell me a story.").answers("Once upon a time there was a bee by the sea");
        sim.says(again, again + 1.0, "About a bee.").answers("Fine.");
        sim.says(12.0, 13.0, "Thank you.").answers("Fine.").run(18.0);
        let turns = committed(&sim);
        assert_eq!(turns.len(), 3, "{turns:?}");
        assert!((turns[2] - 13.0 - expected).abs() < 0.021, "{again}: {turns:?}");
    }
}

#[test]
fn a_learned_wait_never_exceeds_its_limit() {
    let mut config = AgentConfig::default();
    config.endpointing.learn_weight = 0.0;
    let mut sim = Sim::new(config);
    sim.says(1.0, 2.0, "I would like a table and").says(4.3, 5.0, "two chairs.").answers("Fine.").run(10.0);
    assert_near(committed(&sim)[0] - 5.0, 1.0);
}

/// A turn with two pauses of 0.8, over at 5.4.
fn slow_turn(sim: &mut Sim) {
    sim.says(1.0, 2.0, "I would like").says(2.8, 3.6, "a table and").says(4.4, 5.4, "two chairs.");
    sim.answers("Fine.");
}

fn committed(sim: &Sim) -> Vec<f64> {
    let turns =
        sim.events().filter_map(|(at, event)| matches!(event, CallEvent::TurnCommitted { .. }).then_some(at));
    turns.collect()
}
