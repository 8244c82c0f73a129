//! Tenants with accounts of their own: what is theirs goes by theirs, and by no other.

use call_state::{CarrierEvent, EventKind, Moment, Recording};
use serde_json::json;
use store::{
    CallAccount, CallId, CallStatus, Direction, NewCall, NewCommand, OfferedBy, OrderState, Receipt,
    Received, RecordingState,
};

use super::super::*;
use super::world::{NOON, Script, UNKNOWN, World, leg, not_done};
use crate::Fetched;
use crate::order::Rules;

const SECOND: Duration = Duration::from_secs(1);
const OFTEN: Rate = Rate { count: 1000, per: SECOND };

struct Stage {
    world: World,
    orders: Orders,
    own: Arc<std::sync::Mutex<Script>>,
}

impl Stage {
    async fn set(rules: Rules, rate: Rate) -> Self {
        let (world, own) = World::with_own(rules, Settings::new("test"), rate).await;
        let orders = Orders::new(world.shared.clone());
        Self { world, orders, own }
    }

    fn own(&self) -> std::sync::MutexGuard<'_, Script> {
        self.own.lock().unwrap()
    }

    async fn order(&self, key: &str) -> CallId {
        self.world.order(self.world.new_order(key)).await
    }

    async fn error(&self, call: &CallId) -> String {
        self.world.stored(call).await.error.unwrap_or_default()
    }

    async fn account(&self, call: &CallId) -> Option<CallAccount> {
        self.world.shared.store.call(&self.world.tenant, call).await.unwrap().unwrap().carrier_account
    }

    async fn recording(&self, call: &CallId) -> RecordingState {
        self.world.shared.store.recordings(&self.world.tenant, call).await.unwrap()[0].state
    }

    /// A call that came in by this account.
    async fn received(&self, by: OfferedBy) -> CallId {
        self.received_through("twilio", by).await
    }

    async fn received_through(&self, carrier: &str, by: OfferedBy) -> CallId {
        let new = NewCall {
            id: CallId::generate(NOON),
            carrier: carrier.into(),
            carrier_call_id: "CA1".into(),
            from: "+15551230000".into(),
            to: "+34910000000".into(),
            direction: Direction::Inbound,
            agent: Some(self.world.agent.clone()),
            status: CallStatus::InProgress,
        };
        let receipt = Receipt { offered_by: Some(by), ..Receipt::default() };
        let store = &self.world.shared.store;
        match store.receive_call(&self.world.tenant, new, receipt, NOON).await.unwrap() {
            Received::New(call) => call.id,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_order_of_a_tenant_with_an_account_of_its_own_is_placed_by_that() {
    let stage = Stage::set(Rules::twilio(), OFTEN).await;
    stage.world.set_account("AC1", "sealed").await;
    let call = stage.order("one").await;
    stage.own().places.push_back(Ok(leg("CA1")));
    assert_eq!(stage.world.work(&stage.orders).await, 1);
    assert_eq!(stage.world.state(&call).await, OrderState::Placed);
    assert_eq!(stage.account(&call).await, Some(CallAccount::Own("AC1".into())));
    assert!(stage.world.script().attempts.is_empty());
}

#[tokio::test]
async fn an_order_waits_for_an_account_that_cannot_be_opened_and_says_so() {
    let stage = Stage::set(Rules::twilio(), OFTEN).await;
    stage.world.set_account("AC1", "broken").await;
    let call = stage.order("one").await;
    assert_eq!((stage.world.work(&stage.orders).await, stage.world.work(&stage.orders).await), (1, 0));
    assert_eq!(stage.world.state(&call).await, OrderState::Queued);
    assert_eq!(
        stage.error(&call).await,
        "the tenant's own account with twilio cannot be opened: it is broken"
    );
    assert!(stage.world.script().attempts.is_empty() && stage.own().attempts.is_empty());
    stage.world.set_account("AC1", "sealed").await;
    stage.world.pass(SECOND * 15);
    stage.own().places.push_back(Ok(leg("CA1")));
    assert_eq!(stage.world.work(&stage.orders).await, 1);
    assert_eq!(
        (stage.world.state(&call).await, stage.world.stored(&call).await.attempts),
        (OrderState::Placed, 1)
    );
}

#[tokio::test]
async fn an_order_whose_account_is_not_mended_in_time_fails_for_that() {
    let stage = Stage::set(Rules::twilio(), OFTEN).await;
    stage.world.set_account("AC1", "broken").await;
    let mut new = stage.world.new_order("one");
    new.not_after = NOON.plus(SECOND * 20);
    let call = stage.world.order(new).await;
    stage.world.work(&stage.orders).await;
    assert_eq!(stage.world.state(&call).await, OrderState::Queued);
    stage.world.pass(SECOND * 15);
    stage.world.work(&stage.orders).await;
    assert_eq!(stage.world.state(&call).await, OrderState::Failed);
    let error = stage.error(&call).await;
    assert!(error.contains("cannot be opened"), "{error}");
}

#[tokio::test]
async fn a_call_that_may_have_been_placed_is_looked_for_by_the_account_that_asked_for_it() {
    let stage = Stage::set(Rules::twilio(), OFTEN).await;
    let call = stage.order("one").await;
    stage.world.script().places.push_back(Err(UNKNOWN));
    stage.world.work(&stage.orders).await;
    assert_eq!(stage.account(&call).await, Some(CallAccount::Platform));
    stage.world.set_account("AC1", "sealed").await;
    stage.world.pass(SECOND * 15);
    stage.world.script().finds.push_back(Ok(vec![leg("CA1")]));
    assert_eq!(stage.world.work(&stage.orders).await, 1);
    assert_eq!((stage.world.state(&call).await, stage.own().looked), (OrderState::Placed, 0));
}

#[tokio::test]
async fn a_call_that_may_have_been_placed_is_asked_for_again_by_no_other_account() {
    for rules in [Rules::twilio(), Rules::telnyx()] {
        let stage = Stage::set(rules, OFTEN).await;
        stage.world.set_account("AC1", "sealed").await;
        let call = stage.order("one").await;
        stage.own().places.push_back(Err(UNKNOWN));
        stage.world.work(&stage.orders).await;
        stage.world.set_account("AC2", "sealed").await;
        // Without a script to follow, whoever is asked panics.
        for _ in 0..70 {
            stage.world.pass(SECOND * 15);
            stage.world.work(&stage.orders).await;
            if stage.world.state(&call).await == OrderState::Failed {
                break;
            }
            let error = stage.error(&call).await;
            assert!(error.contains("not set any more"), "{error}");
        }
        assert_eq!(stage.world.state(&call).await, OrderState::Failed);
        assert_eq!(stage.own().attempts.len(), 1);
    }
}

#[tokio::test]
async fn an_account_of_ones_own_is_asked_at_its_own_rate() {
    let stage = Stage::set(Rules::twilio(), Rate { count: 1, per: SECOND * 3600 }).await;
    let by_platform = stage.order("one").await;
    stage.world.script().places.push_back(Ok(leg("CA1")));
    stage.world.work(&stage.orders).await;
    stage.world.set_account("AC1", "sealed").await;
    let by_own = stage.order("two").await;
    stage.own().places.push_back(Ok(leg("CA2")));
    stage.world.work(&stage.orders).await;
    for call in [&by_platform, &by_own] {
        assert_eq!(stage.world.state(call).await, OrderState::Placed);
    }
}

#[tokio::test]
async fn a_command_goes_by_the_account_of_its_call() {
    for (by, is_own) in [(OfferedBy::Platform, false), (OfferedBy::Tenant, true)] {
        let stage = Stage::set(Rules::twilio(), OFTEN).await;
        stage.world.set_account("AC1", "sealed").await;
        let call = stage.received(by).await;
        command(&stage, &call).await;
        let script = if is_own { &stage.own } else { &stage.world.script };
        script.lock().unwrap().commands.push_back(Ok(()));
        assert_eq!(stage.world.work(&Commands::new(stage.world.shared.clone())).await, 1);
        assert_eq!(script.lock().unwrap().told, ["hangup hangup-id"]);
    }
}

/// A command to a call whose account cannot be opened.
async fn waiting_for_its_account() -> (Stage, Commands) {
    let stage = Stage::set(Rules::twilio(), OFTEN).await;
    stage.world.set_account("AC1", "broken").await;
    let call = stage.received(OfferedBy::Tenant).await;
    command(&stage, &call).await;
    let lane = Commands::new(stage.world.shared.clone());
    (stage, lane)
}

#[tokio::test]
async fn a_command_waits_for_an_account_that_cannot_be_opened() {
    let (stage, lane) = waiting_for_its_account().await;
    for _ in 0..5 {
        assert_eq!((stage.world.work(&lane).await, stage.world.work(&lane).await), (1, 0));
        stage.world.pass(SECOND * 5);
    }
    assert!(stage.world.script().told.is_empty());
    stage.world.set_account("AC1", "sealed").await;
    stage.own().commands.push_back(Ok(()));
    assert_eq!((stage.world.work(&lane).await, stage.world.work(&lane).await), (1, 0));
    assert_eq!(stage.own().told, ["hangup hangup-id"]);
}

#[tokio::test]
async fn a_command_that_waited_for_its_account_has_all_its_tries_left() {
    let (stage, lane) = waiting_for_its_account().await;
    for _ in 0..5 {
        assert_eq!(stage.world.work(&lane).await, 1);
        stage.world.pass(SECOND * 5);
    }
    stage.world.set_account("AC1", "sealed").await;
    stage.own().commands.extend([Err(not_done(1)), Err(not_done(1)), Err(not_done(1)), Ok(())]);
    for _ in 0..4 {
        assert_eq!(stage.world.work(&lane).await, 1);
        stage.world.pass(SECOND * 5);
    }
    assert_eq!(stage.own().told.len(), 4);
}

#[tokio::test]
async fn what_came_by_an_account_is_told_nothing_by_another_that_is_set_later() {
    let stage = Stage::set(Rules::twilio(), OFTEN).await;
    stage.world.set_account("AC1", "sealed").await;
    let call = stage.received(OfferedBy::Tenant).await;
    command(&stage, &call).await;
    let (store, tenant) = (&stage.world.shared.store, &stage.world.tenant);
    let lane = Commands::new(stage.world.shared.clone());
    store.remove_carrier_account(tenant, "twilio").await.unwrap();
    // Without a script to follow, whoever is asked panics.
    assert_eq!(stage.world.work(&lane).await, 1);
    stage.world.pass(SECOND * 5);
    stage.world.set_account("AC2", "sealed").await;
    assert_eq!(stage.world.work(&lane).await, 1);
    stage.world.pass(SECOND * 5);
    stage.world.set_account("AC1", "sealed").await;
    stage.own().commands.push_back(Ok(()));
    assert_eq!(stage.world.work(&lane).await, 1);
    assert_eq!(stage.own().told, ["hangup hangup-id"]);
}

#[tokio::test]
async fn what_came_while_no_account_was_set_is_told_nothing_and_does_not_wait() {
    let stage = Stage::set(Rules::twilio(), OFTEN).await;
    let call = stage.received(OfferedBy::Tenant).await;
    assert_eq!(stage.account(&call).await, Some(CallAccount::Nobody));
    command(&stage, &call).await;
    stage.world.set_account("AC1", "sealed").await;
    let lane = Commands::new(stage.world.shared.clone());
    assert_eq!(stage.world.work(&lane).await, 1);
    stage.world.pass(SECOND * 30);
    assert_eq!(stage.world.work(&lane).await, 0);
    assert!(stage.world.script().told.is_empty() && stage.own().told.is_empty());
}

#[tokio::test]
async fn a_caller_is_not_left_waiting_for_an_account_where_the_platform_has_none_with_the_carrier() {
    let stage = Stage::set(Rules::telnyx(), OFTEN).await;
    stage.world.set_account_with("telnyx", "149", "broken").await;
    let call = stage.received_through("telnyx", OfferedBy::Tenant).await;
    order(&stage, &call, "telnyx", "speak").await;
    let lane = Commands::new(stage.world.shared.clone());
    for _ in 0..12 {
        stage.world.work(&lane).await;
        stage.world.pass(SECOND * 5);
    }
    stage.world.set_account_with("telnyx", "149", "sealed").await;
    stage.own().commands.push_back(Ok(()));
    assert_eq!(stage.world.work(&lane).await, 1);
    assert_eq!(stage.own().told, ["hangup speak-id-hangup"]);
}

#[tokio::test]
async fn a_command_that_waits_in_vain_is_given_up() {
    let (stage, lane) = waiting_for_its_account().await;
    for _ in 0..12 {
        stage.world.work(&lane).await;
        stage.world.pass(SECOND * 5);
    }
    stage.world.set_account("AC1", "sealed").await;
    assert_eq!(stage.world.work(&lane).await, 0);
    assert!(stage.own().told.is_empty());
}

#[tokio::test]
async fn a_recording_is_fetched_by_the_account_of_its_call() {
    let (stage, call, lane) = recorded().await;
    assert_eq!((stage.world.work(&lane).await, stage.world.work(&lane).await), (1, 0));
    stage.world.set_account("AC1", "sealed").await;
    stage.world.pass(SECOND * 2);
    stage.own().fetches.push_back(Ok(Fetched { bytes: 44, sha256: "ab".into() }));
    assert_eq!(stage.world.work(&lane).await, 1);
    assert_eq!(stage.recording(&call).await, RecordingState::Fetched);
    assert!(stage.world.script().files.is_empty());
}

#[tokio::test]
async fn a_recording_that_its_carrier_keeps_waits_a_day_for_its_account() {
    let (stage, call, lane) = recorded().await;
    for _ in 0..20 {
        assert_eq!(stage.world.work(&lane).await, 1);
        stage.world.pass(SECOND * 90);
    }
    assert_eq!(stage.recording(&call).await, RecordingState::Known);
    stage.world.pass(SECOND * 24 * 3600);
    for _ in 0..10 {
        assert_eq!(stage.recording(&call).await, RecordingState::Known);
        assert_eq!(stage.world.work(&lane).await, 1);
        stage.world.pass(SECOND * 90);
    }
    assert_eq!(stage.recording(&call).await, RecordingState::Failed);
    assert!(stage.own().files.is_empty() && stage.world.script().files.is_empty());
}

/// A call that came in by an account that cannot be opened, with a recording that is to be fetched.
async fn recorded() -> (Stage, CallId, Recordings) {
    let settings = Settings { recordings_folder: Some("/records".into()), ..Settings::new("test") };
    let (world, own) = World::with_own(Rules::twilio(), settings, OFTEN).await;
    let orders = Orders::new(world.shared.clone());
    let stage = Stage { world, orders, own };
    stage.world.set_account("AC1", "broken").await;
    let call = stage.received(OfferedBy::Tenant).await;
    let event = CarrierEvent {
        carrier: call_state::Carrier::Twilio,
        id: "saved".into(),
        ids: leg("CA1"),
        direction: None,
        kind: EventKind::RecordingSaved(Recording { id: "RE1".into(), url: None, duration: None }),
        sequence: None,
        occurred_at: None,
        received_at: Moment::from_millis(NOON.0),
    };
    let store = &stage.world.shared.store;
    store.hear_carrier(&stage.world.tenant, &call, &event, &[], NOON).await.unwrap().unwrap();
    let lane = Recordings::new(stage.world.shared.clone());
    (stage, call, lane)
}

/// Orders the end of a call, which is of use for a minute.
async fn command(stage: &Stage, call: &CallId) {
    order(stage, call, "twilio", "hangup").await;
}

/// Orders something that is of use for a minute.
async fn order(stage: &Stage, call: &CallId, carrier: &str, action: &str) {
    let command = NewCommand {
        id: format!("{action}-id"),
        carrier: carrier.into(),
        carrier_call_id: "CA1".into(),
        action: action.into(),
        body: json!({}),
        expires_at: NOON.plus(SECOND * 60),
    };
    let store = &stage.world.shared.store;
    store.enqueue_commands(&stage.world.tenant, call, &[command], NOON).await.unwrap();
}
