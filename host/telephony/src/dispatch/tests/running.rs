//! The worker as a process runs it: begun, woken, and shut down while it is at work.

use std::future::pending;
use std::path::Path;

use call_state::Ids;
use store::{Command, DueRecording, NewOrder, Order, OrderState, Ordered, Seed};
use tokio::sync::{Notify, mpsc};

use super::super::*;
use super::world::{NOON, leg};
use crate::order::Rules;
use crate::{Fault, FetchError, Fetched};

/// Says when it is asked, and answers when it is told to.
struct Slow {
    asked: mpsc::UnboundedSender<()>,
    answer: Arc<Notify>,
}

impl Carrier for Slow {
    fn rules(&self) -> Rules {
        Rules::twilio()
    }

    fn place<'a>(&'a self, _: &'a Order, _: &'a str) -> BoxFuture<'a, Result<Ids, Fault>> {
        self.asked.send(()).unwrap();
        Box::pin(async {
            self.answer.notified().await;
            Ok(leg("CA1"))
        })
    }

    fn find<'a>(&'a self, _: &'a Order, _: Timestamp) -> BoxFuture<'a, Result<Vec<Ids>, Fault>> {
        Box::pin(pending())
    }

    fn command<'a>(&'a self, _: &'a Command) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(pending())
    }

    fn fetch<'a>(
        &'a self,
        _: &'a DueRecording,
        _: &'a Path,
        _: u64,
    ) -> BoxFuture<'a, Result<Fetched, FetchError>> {
        Box::pin(pending())
    }
}

struct Begun {
    store: Store<NativeDb>,
    running: Running,
    asked: mpsc::UnboundedReceiver<()>,
    answer: Arc<Notify>,
}

/// A worker that looks once an hour, unless woken.
async fn begin() -> Begun {
    let store = Store::new(NativeDb::in_memory(NOON).unwrap());
    let (say, asked) = mpsc::unbounded_channel();
    let answer = Arc::new(Notify::new());
    let environment = Environment { now: Box::new(|| NOON), ..Environment::system() };
    let settings = Settings { poll: Duration::from_secs(3600), ..Settings::new("test") };
    let carrier = Slow { asked: say, answer: answer.clone() };
    let running =
        Dispatcher::new(store.clone(), settings, environment).carrier("twilio", carrier, USUAL_RATE).start();
    Begun { store, running, asked, answer }
}

async fn order(store: &Store<NativeDb>) -> Order {
    let seed = Seed { number: Some("+34910000000".parse().unwrap()), ..Seed::default() };
    let (tenant, agent) = store.seed(&seed, NOON).await.unwrap();
    let new = NewOrder {
        call: store::CallId::generate(NOON),
        key: "one".into(),
        fingerprint: "one".into(),
        carrier: "twilio".into(),
        agent,
        from: "+34910000000".parse().unwrap(),
        to: "+34600000000".parse().unwrap(),
        variables: serde_json::Map::new(),
        not_before: NOON,
        not_after: NOON.plus(Duration::from_secs(60)),
        hours: None,
        detect_machine: false,
        record: false,
        ring: Duration::from_secs(30),
        max_live: None,
    };
    let Ordered::New(call) = store.order_call(&tenant, new, NOON).await.unwrap() else { panic!("not new") };
    store.order(&tenant, &call.id).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_worker_that_is_woken_places_the_call_and_shut_down_it_finishes() {
    let Begun { store, running, mut asked, answer } = begin().await;
    let ordered = order(&store).await;
    running.bell().ring();
    asked.recv().await.unwrap();
    let shutting_down = tokio::spawn(running.shut_down(Duration::from_secs(3600)));
    answer.notify_one();
    assert!(shutting_down.await.unwrap());
    let placed = store.order(&ordered.tenant, &ordered.call).await.unwrap().unwrap();
    assert_eq!(placed.state, OrderState::Placed);
}

#[tokio::test]
async fn patience_has_an_end_and_what_was_broken_off_is_known_to_be_uncertain() {
    let Begun { store, running, mut asked, .. } = begin().await;
    let ordered = order(&store).await;
    running.wake();
    asked.recv().await.unwrap();
    assert!(!running.shut_down(Duration::from_millis(1)).await);
    let placing = store.order(&ordered.tenant, &ordered.call).await.unwrap().unwrap();
    assert_eq!((placing.state, placing.attempts), (OrderState::Placing, 1));
}

#[test]
fn chance_is_a_share() {
    let environment = Environment::system();
    let shares: Vec<f64> = (0..1000).map(|_| (environment.share)()).collect();
    assert!(shares.iter().all(|share| (0.0..1.0).contains(share)));
    let mean = shares.iter().sum::<f64>() / 1000.0;
    // Nine standard deviations of the mean.
    assert!((mean - 0.5).abs() < 0.082, "{mean}");
}
