//! Whole lives of orders, against carriers and processes that fail in every way: never two calls.

use proptest::prelude::*;

use super::*;

/// What befalls one request to place a call.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Answered,
    ActedThenLost,
    LostBeforeActing,
    Refused,
    NotDone,
    /// Our process dies after the attempt was written down and before the request.
    DiesBefore,
    /// Our process dies after the carrier acted and before that was written down.
    DiesAfter,
}

const FATES: [Fate; 7] = [
    Fate::Answered,
    Fate::ActedThenLost,
    Fate::LostBeforeActing,
    Fate::Refused,
    Fate::NotDone,
    Fate::DiesBefore,
    Fate::DiesAfter,
];

/// One tick of the world: what befalls a request, whether a look-up succeeds, how long the process is away, and chance.
#[derive(Clone, Debug)]
struct Turn {
    fate: Fate,
    looks: bool,
    takes: u64,
    away: u64,
    share: f64,
}

fn turn() -> impl Strategy<Value = Turn> {
    (prop::sample::select(FATES.to_vec()), prop::bool::weighted(0.7), 0u64..10_000, 0u64..90_000, 0.0..1.0)
        .prop_map(|(fate, looks, takes, away, share)| Turn { fate, looks, takes, away, share })
}

struct World {
    order: Order,
    now: Timestamp,
    rules: Rules,
    /// The calls that the carrier placed: for which attempt, when, and until when they last.
    placed: Vec<(String, Timestamp, Timestamp)>,
    due_at: Timestamp,
}

impl World {
    fn pass(&mut self, millis: u64) {
        self.now = self.now.plus(Duration::from_millis(millis));
    }

    /// The carrier gets a request. One that knows it by its name does nothing.
    fn act(&mut self) {
        let name = self.order.attempt_id.clone().unwrap();
        let remembered =
            |(known, at, _): &(String, Timestamp, Timestamp)| *known == name && self.now.0 - at.0 < 60_000;
        if !(self.rules.is_idempotent && self.placed.iter().any(remembered)) {
            self.placed.push((name, self.now, self.now.plus(Duration::from_secs(45))));
        }
    }

    /// Asks once. `None`: the process died.
    fn ask(&mut self, turn: &Turn, is_first: bool) -> Option<Outcome> {
        let ids = Ids { leg: Some("leg".into()), ..Ids::default() };
        let faulty = |fault| Some(Outcome::Faulty { fault, is_first });
        match turn.fate {
            Fate::DiesBefore => return None,
            Fate::Answered | Fate::ActedThenLost | Fate::DiesAfter => self.act(),
            Fate::LostBeforeActing | Fate::Refused | Fate::NotDone => {}
        }
        self.pass(turn.takes);
        match turn.fate {
            Fate::Answered => Some(Outcome::Placed(ids)),
            Fate::ActedThenLost | Fate::LostBeforeActing => faulty(UNKNOWN),
            Fate::Refused => faulty(Fault::Refused { refusal: refusal() }),
            Fate::NotDone => faulty(not_done(None)),
            Fate::DiesBefore | Fate::DiesAfter => None,
        }
    }

    /// A list has what was placed a few seconds ago; that of Telnyx only what goes on.
    fn look(&self, turn: &Turn, refused: Option<Refusal>) -> Outcome {
        let listed = |(_, at, until): &(String, Timestamp, Timestamp)| {
            self.now.0 - at.0 >= 5_000 && (!self.rules.is_idempotent || self.now < *until)
        };
        match turn.looks {
            false => Outcome::NotLooked,
            true if self.placed.iter().any(listed) => Outcome::Found(Ids::default()),
            true => Outcome::Absent { refused },
        }
    }

    /// What the worker does with an order that is due, as `dispatch` does it.
    fn run(&mut self, turn: &Turn) {
        let mut outcome = due(self.now);
        loop {
            match next(&self.order, outcome, &self.rules, self.now, turn.share) {
                Step::Place => {
                    self.order.state = OrderState::Placing;
                    self.order.attempts += 1;
                    self.order.attempt_id = Some(format!("attempt {}", self.order.attempts));
                    self.order.attempted_at = Some(self.now);
                    let Some(told) = self.ask(turn, true) else { return };
                    outcome = told;
                }
                Step::PlaceAgain => {
                    let Some(told) = self.ask(turn, false) else { return };
                    outcome = told;
                }
                Step::LookUp { refused } => outcome = self.look(turn, refused),
                Step::Placed(_) => return self.order.state = OrderState::Placed,
                Step::Fail { .. } => return self.order.state = OrderState::Failed,
                Step::Again { at, .. } => {
                    self.order.state = OrderState::Queued;
                    self.order.attempt_id = None;
                    self.order.attempted_at = None;
                    return self.due_at = at;
                }
                Step::Uncertain { at, .. } => {
                    self.order.state = OrderState::Uncertain;
                    return self.due_at = at;
                }
                Step::Postpone { at } => return self.due_at = at,
                Step::Leave => return,
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_life_of_an_order_places_two_calls(
        idempotent: bool, turns in prop::collection::vec(turn(), 1..40),
    ) {
        let rules = if idempotent { Rules::telnyx() } else { Rules::twilio() };
        let mut world = World { order: order(OrderState::Queued, 0, None), now: T0, rules, placed: Vec::new(), due_at: T0 };
        for turn in turns.iter().cycle().take(2000) {
            world.now = world.now.max(world.due_at);
            world.run(turn);
            prop_assert!(world.placed.len() <= 1, "{:?} at {:?}", world.placed, world.order);
            if matches!(world.order.state, OrderState::Placed | OrderState::Failed) {
                break;
            }
            if matches!(turn.fate, Fate::DiesBefore | Fate::DiesAfter) {
                // The lease has to run out before anybody else is at it.
                world.pass(60_000 + turn.away);
            }
        }
        match world.order.state {
            OrderState::Placed => prop_assert_eq!(world.placed.len(), 1),
            OrderState::Failed => {}
            other => prop_assert!(turns.iter().all(|turn| !turn.looks), "still {other:?}"),
        }
    }
}
