//! Memory and sentiment, off the critical path.

use events::CallEvent;
use turn::{AgentConfig, CallContext, Message, Output, Sentiment, TurnId};

use crate::sim::{Sim, assert_near, ms, neutral};

#[test]
fn memory_is_asked_for_before_anything_is_said_and_known_in_the_first_answer() {
    let mut sim = asked();
    sim.memory = Some((ms(700), vec!["Prefers mornings.".into()]));
    sim.answers("Fine.").run(6.0);
    assert_eq!(sim.outputs[0].1, Output::RecallMemory { turn: TurnId(0), text: String::new() });
    assert!(system(&sim, 0).contains("- Prefers mornings."));
}

#[test]
fn they_are_asked_for_while_the_caller_speaks_and_cost_nothing() {
    let mut sim = asked();
    sim.stt.interims = true;
    sim.memory = Some((ms(40), vec!["Prefers mornings.".into()]));
    sim.sentiment = Some((ms(5), neutral()));
    sim.answers("Fine.").run(6.0);
    let committed = sim.requests()[0].0;
    let asked_before = sim.outputs.iter().filter(|(at, output)| {
        matches!(output, Output::AssessSentiment { .. } | Output::RecallMemory { .. })
            && at.as_secs_f64() < committed
    });
    assert!(asked_before.count() >= 4);
    let latency = latency(&sim);
    assert_near(latency.context_wait, 0.0);
    assert!(latency.closes());
}

#[test]
fn they_are_waited_for_no_longer_than_fifty_milliseconds() {
    let mut sim = asked();
    sim.memory = None;
    sim.sentiment = None;
    sim.answers("Fine.").run(6.0);
    let latency = latency(&sim);
    assert!((latency.context_wait - 50.0).abs() < 1.0, "{latency:?}");
    assert!(latency.closes());
}

#[test]
fn a_mood_steers_the_answer() {
    let mut sim = asked();
    sim.sentiment = Some((ms(0), angry()));
    sim.answers("I am sorry.").run(6.0);
    let system = system(&sim, 0);
    assert!(
        system.contains("upset") && system.contains("short sentences") && system.contains("human"),
        "{system}"
    );
    let logged = sim.event(|_, event| match event {
        CallEvent::SentimentAssessed { turn, label, score, escalate, .. } => {
            Some((*turn, label.clone(), *score, *escalate))
        }
        _ => None,
    });
    assert_eq!(logged, (1, "negative".into(), -0.8, true));
}

#[test]
fn a_late_mood_is_logged_and_steers_the_next_answer() {
    let mut sim = asked();
    sim.sentiment = Some((ms(400), angry()));
    sim.answers("Fine.").says(6.0, 7.0, "So what now?").answers("I am sorry.").run(9.0);
    assert!(!system(&sim, 0).contains("upset"));
    assert!(system(&sim, 1).contains("upset"));
    let logged =
        sim.events().filter(|(_, event)| matches!(event, CallEvent::SentimentAssessed { turn: 1, .. }));
    assert_eq!(logged.count(), 1);
}

#[test]
fn the_scores_of_earlier_turns_are_passed_on() {
    let mut sim = asked();
    sim.sentiment = Some((ms(0), angry()));
    sim.answers("Fine.").says(6.0, 7.0, "So what now?").answers("I am sorry.").run(9.0);
    let trajectories: Vec<Vec<f32>> = sim
        .outputs
        .iter()
        .filter_map(|(_, output)| match output {
            Output::AssessSentiment { trajectory, .. } => Some(trajectory.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(trajectories, [vec![], vec![-0.8]]);
}

#[test]
fn words_are_assessed_again_only_when_they_changed() {
    let mut sim = asked();
    sim.answers("Fine.").run(6.0);
    let texts: Vec<String> = sim
        .outputs
        .iter()
        .filter_map(|(_, output)| match output {
            Output::AssessSentiment { text, .. } => Some(text.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(texts, ["This is the third time I call."]);
}

#[test]
fn what_was_known_before_the_call_is_known_in_it() {
    let mut context = CallContext::mulaw("call");
    context.memories = vec!["Name: Ada.".into()];
    context.caller_known = false;
    let mut sim = Sim::with(AgentConfig { greeting: String::new(), ..AgentConfig::default() }, context);
    sim.says(0.5, 2.5, "Hello.").answers("Hello.").run(6.0);
    let system = system(&sim, 0);
    assert!(system.contains("- Name: Ada.") && system.contains("withheld"), "{system}");
}

fn asked() -> Sim {
    let mut sim = Sim::new(AgentConfig::default());
    sim.says(0.5, 2.5, "This is the third time I call.");
    sim
}

fn angry() -> Sentiment {
    Sentiment {
        label: "negative".into(),
        score: -0.8,
        confidence: 0.9,
        tone: "apologetic".into(),
        pace: "slower".into(),
        escalate: true,
    }
}

fn latency(sim: &Sim) -> events::Latency {
    sim.event(|_, event| match event {
        CallEvent::TurnFinished { latency, .. } => *latency,
        _ => None,
    })
}

fn system(sim: &Sim, request: usize) -> String {
    match &sim.requests()[request].3[0] {
        Message::System { content } => content.clone(),
        other => panic!("{other:?}"),
    }
}
