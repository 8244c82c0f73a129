//! What happened in a simulated call.

use events::CallEvent;
use turn::{Message, Output, Round, State, TurnId};

use super::Sim;

impl Sim {
    /// When the state was entered, in order, from the first time on.
    pub fn path(&self) -> Vec<State> {
        self.states.iter().map(|(_, state)| *state).collect()
    }

    /// When the call came into `state` for the n-th time, in seconds.
    pub fn entered(&self, state: State, n: usize) -> f64 {
        let mut times = self.states.iter().filter(|(_, entered)| *entered == state);
        times
            .nth(n)
            .unwrap_or_else(|| panic!("{state:?} not entered {n} times: {:?}", self.states))
            .0
            .as_secs_f64()
    }

    pub fn events(&self) -> impl DoubleEndedIterator<Item = (f64, &CallEvent)> {
        self.outputs.iter().filter_map(|(at, output)| match output {
            Output::Emit(event) => Some((at.as_secs_f64(), event)),
            _ => None,
        })
    }

    /// The one event that `select` wants.
    pub fn event<T>(&self, select: impl Fn(f64, &CallEvent) -> Option<T>) -> T {
        let mut found: Vec<T> = self.events().filter_map(|(at, event)| select(at, event)).collect();
        assert_eq!(found.len(), 1, "{:#?}", self.events().collect::<Vec<_>>());
        found.pop().unwrap()
    }

    /// The finished turn: when, what was said, what was heard, whether it was cut.
    pub fn finished(&self, wanted: u32) -> (f64, String, String, bool) {
        self.event(|at, event| match event {
            CallEvent::TurnFinished { turn, said, heard, interrupted, .. } if *turn == wanted => {
                Some((at, said.clone(), heard.clone(), *interrupted))
            }
            _ => None,
        })
    }

    /// All requests to the model: when, for what turn and round, with what messages.
    pub fn requests(&self) -> Vec<(f64, TurnId, Round, Vec<Message>)> {
        let requests = self.outputs.iter().filter_map(|(at, output)| match output {
            Output::StartLlm { turn, round, messages, .. } => {
                Some((at.as_secs_f64(), *turn, *round, messages.clone()))
            }
            _ => None,
        });
        requests.collect()
    }

    pub fn count(&self, wanted: impl Fn(&Output) -> bool) -> usize {
        self.outputs.iter().filter(|(_, output)| wanted(output)).count()
    }

    /// When the n-th output that `wanted` picks was made, in seconds.
    pub fn output_at(&self, n: usize, wanted: impl Fn(&Output) -> bool) -> f64 {
        let mut found = self.outputs.iter().filter(|(_, output)| wanted(output));
        found.nth(n).unwrap_or_else(|| panic!("no such output: {:#?}", self.outputs)).0.as_secs_f64()
    }
}

/// Equal within a frame.
#[track_caller]
pub fn assert_near(actual: f64, expected: f64) {
    assert!((actual - expected).abs() <= 0.0201, "{actual} is not {expected}");
}
