use std::time::Duration;

use call_state::{AnsweredBy, Applied, CallState, Cost, EndReason, Ending, EventKind, Ids, Recording};
use events::CallEvent;
use store::native::NativeDb;
use store::{CallStatus, Db, Statement, Store, StoreError};

use crate::contract;
use crate::fixture::{Fixture, NOW, after, command, ended, said};

contract! {
    a_call_is_what_the_carrier_said_of_it,
    an_event_that_comes_twice_has_one_effect,
    what_is_said_of_another_call_is_not_kept,
    a_call_that_is_unknown_hears_nothing,
    the_log_tells_where_the_call_went_and_no_more,
    the_first_leg_teaches_the_call_its_session,
    an_outbound_call_needs_no_carrier_to_say_that_it_is_one,
    many_writers_at_once_lose_nothing,
    of_the_same_event_at_once_one_has_an_effect,
    of_two_events_at_once_one_decides_after_the_other,
}

async fn a_call_is_what_the_carrier_said_of_it(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    let ending = Ending {
        duration: Some(Duration::from_secs(42)),
        cost: Cost::from_decimal("0.0085", Some("USD")),
        ..Ending::new(EndReason::CallerHangup)
    };
    store.hear(&call, &said("CA1", "1", EventKind::Answered { by: Some(AnsweredBy::Human) }, 3)).await;
    let told = store.hear(&call, &said("CA1", "2", EventKind::Ended(ending), 45)).await;
    assert_eq!(told.applied, Applied::Changed);
    assert_eq!(told.call, store.seen(&call).await);
    let seen = told.call;
    assert_eq!((seen.status, seen.answered_at), (CallStatus::Completed, Some(after(3))));
    assert_eq!((seen.ended_at, seen.duration_s), (Some(after(45)), Some(42)));
    assert_eq!(seen.end_reason.as_deref(), Some("caller-hangup"));
    assert_eq!(seen.end_fault.as_deref(), Some("caller"));
    assert_eq!(seen.cost, Some(Cost { micros: 8_500, currency: Some("USD".into()) }));
    assert_eq!(seen.answered_by.as_deref(), Some("human"));
}

async fn an_event_that_comes_twice_has_one_effect(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    let answered = said("CA1", "1", EventKind::Answered { by: None }, 1);
    let hear = async || {
        let commands = [command(store::CallId::generate(NOW).as_str())];
        store.hear_carrier(&store.tenant, &call, &answered, &commands, NOW).await.unwrap().unwrap()
    };
    let first = hear().await;
    let second = hear().await;
    assert_eq!((first.applied, second.applied), (Applied::Changed, Applied::Duplicate));
    assert_eq!((&second.call, &second.state), (&first.call, &first.state));
    assert_eq!(store.events(&store.tenant, &call, 0).await.unwrap().len(), 1);
    assert_eq!(store.lease_commands("w", NOW, Duration::from_secs(1), 10).await.unwrap().len(), 1);
    assert!(store.lease_commands("v", NOW, Duration::from_secs(1), 10).await.unwrap().is_empty());
}

async fn what_is_said_of_another_call_is_not_kept(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    let before = store.seen(&call).await;
    let foreign = said("CA2", "1", ended(EndReason::Busy), 1);
    let commands = [command("c")];
    let told = store.hear_carrier(&store.tenant, &call, &foreign, &commands, NOW).await.unwrap().unwrap();
    assert_eq!((told.applied, &told.call), (Applied::Foreign, &before));
    assert_eq!(store.seen(&call).await, before);
    assert!(store.carrier_state(&store.tenant, &call).await.unwrap().record().is_empty());
    assert!(store.lease_commands("w", NOW, Duration::from_secs(1), 10).await.unwrap().is_empty());
}

async fn a_call_that_is_unknown_hears_nothing(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    let event = said("CA1", "1", EventKind::Ringing, 1);
    let nobody = "nobody".parse().unwrap();
    for (tenant, id) in [(&store.stranger, &call), (&store.tenant, &nobody)] {
        assert_eq!(store.hear_carrier(tenant, id, &event, &[], NOW).await.unwrap(), None);
        let state = store.carrier_state(tenant, id).await;
        assert!(matches!(state, Err(StoreError::NoSuchCall)), "{state:?}");
    }
}

async fn the_log_tells_where_the_call_went_and_no_more(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    for (id, kind) in [
        ("0", EventKind::Initiated),
        ("2", EventKind::Answered { by: None }),
        ("1", EventKind::Ringing),
        ("key", EventKind::Key { digit: '1' }),
        ("3", ended(EndReason::Completed)),
        ("4", ended(EndReason::CallerHangup)),
    ] {
        let mut event = said("CA1", id, kind, 1);
        event.sequence = id.parse().ok();
        store.hear(&call, &event).await;
    }
    let logged = store.events(&store.tenant, &call, 0).await.unwrap();
    let told: Vec<_> = logged.iter().filter_map(store::StoredEvent::event).collect();
    let status =
        |status: &str, sequence| CallEvent::Status { status: status.into(), sequence: Some(sequence) };
    assert_eq!(told, [status("initiated", 0), status("in-progress", 2), status("completed", 3)]);
    assert_eq!(store.carrier_state(&store.tenant, &call).await.unwrap().record().len(), 6);
}

async fn the_first_leg_teaches_the_call_its_session(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    let session = Ids { session: Some("s".into()), ..Ids::default() };
    let alias = Ids { alias: Some("l".into()), ..Ids::default() };
    let saved = |id: &str, ids: &Ids| {
        let recording = Recording { id: id.into(), url: None, duration: None };
        let mut event = said("CA1", id, EventKind::RecordingSaved(recording), 9);
        event.ids = ids.clone();
        event
    };
    assert_eq!(store.hear(&call, &saved("r1", &session)).await.applied, Applied::Foreign);
    let mut answered = said("CA1", "1", EventKind::Answered { by: None }, 1);
    (answered.ids.session, answered.ids.alias) = (session.session.clone(), alias.alias.clone());
    assert_eq!(store.hear(&call, &answered).await.call.carrier_session_id.as_deref(), Some("s"));
    assert_eq!(store.hear(&call, &saved("r1", &session)).await.applied, Applied::Changed);
    assert_eq!(store.hear(&call, &saved("r2", &alias)).await.applied, Applied::Changed);
    // Another session does not replace the first.
    answered.id = "2".into();
    answered.ids.session = Some("t".into());
    let told = store.hear(&call, &answered).await;
    assert_eq!(told.call.carrier_session_id.as_deref(), Some("s"));
    assert_eq!(store.carrier_state(&store.tenant, &call).await.unwrap(), told.state);
}

async fn an_outbound_call_needs_no_carrier_to_say_that_it_is_one(store: &Fixture) {
    let mut new = store.new_call("CA1");
    new.direction = store::Direction::Outbound;
    let call = new.id.clone();
    store.create_call(&store.tenant, new, &[], NOW).await.unwrap();
    let told = store.hear(&call, &said("CA1", "1", ended(EndReason::CalleeHangup), 9)).await;
    assert_eq!(told.call.end_reason.as_deref(), Some("callee-hangup"));
    assert_eq!(told.call.end_fault.as_deref(), Some("callee"));
}

async fn many_writers_at_once_lose_nothing(store: &Fixture) {
    const WRITERS: u32 = 12;
    let call = store.stored_call("CA1").await;
    let tasks = (0..WRITERS).map(|number| {
        let (store, tenant, call) = (store.store.clone(), store.tenant.clone(), call.clone());
        // Each is told twice, and all at once.
        let kind = if number == 0 { ended(EndReason::Busy) } else { EventKind::Key { digit: '1' } };
        let event = said("CA1", &(number / 2).to_string(), kind, 1);
        tokio::spawn(
            async move { store.hear_carrier(&tenant, &call, &event, &[], NOW).await.unwrap().unwrap() },
        )
    });
    let mut kept = 0;
    for task in tasks.collect::<Vec<_>>() {
        kept += u32::from(task.await.unwrap().applied.is_kept());
    }
    assert_eq!(kept, WRITERS / 2);
    let state = store.carrier_state(&store.tenant, &call).await.unwrap();
    let mut ids: Vec<_> = state.record().iter().map(|recorded| recorded.event.id.as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["0", "1", "2", "3", "4", "5"]);
}

async fn of_the_same_event_at_once_one_has_an_effect(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    let tasks = (0..10).map(|number| {
        let (store, tenant, call) = (store.store.clone(), store.tenant.clone(), call.clone());
        let event = said("CA1", "1", EventKind::Answered { by: None }, 1);
        let commands = [command(&format!("c{number}"))];
        tokio::spawn(async move { store.hear_carrier(&tenant, &call, &event, &commands, NOW).await.unwrap() })
    });
    let mut kept = Vec::new();
    for (number, task) in tasks.collect::<Vec<_>>().into_iter().enumerate() {
        if task.await.unwrap().unwrap().applied.is_kept() {
            kept.push(format!("c{number}"));
        }
    }
    let leased = store.lease_commands("w", NOW, Duration::from_secs(1), 100).await.unwrap();
    assert_eq!((kept.len(), leased.iter().map(|command| command.id.clone()).collect()), (1, kept));
    assert_eq!(store.events(&store.tenant, &call, 0).await.unwrap().len(), 1);
}

/// Each enqueues a command only if it is the first to answer: between them they enqueue one.
async fn of_two_events_at_once_one_decides_after_the_other(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    let tasks = (0..8).map(|number| {
        let (store, tenant, call) = (store.store.clone(), store.tenant.clone(), call.clone());
        let event = said("CA1", &number.to_string(), EventKind::Answered { by: None }, 1);
        tokio::spawn(async move {
            let decide = |_: &store::Call, before: &CallState| {
                let answered = before.facts().first_leg().was_answered();
                if answered { Vec::new() } else { vec![command(&format!("c{number}"))] }
            };
            store.hear_carrier_deciding(&tenant, &call, &event, decide, NOW).await.unwrap().unwrap().applied
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        assert!(task.await.unwrap().is_kept());
    }
    let rows = store.db().query(Statement::new("SELECT id FROM carrier_commands", [])).await.unwrap();
    assert_eq!(rows.iter().count(), 1);
}

/// As two processes do that share a file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_that_hear_the_same_agree() {
    let first = Fixture::on_file().await;
    let path = first.directory.as_ref().unwrap().path().join("store.db");
    let second = Store::new(NativeDb::open(&path).unwrap());
    let call = first.stored_call("CA1").await;
    let hear = |store: Store<NativeDb>| {
        let (tenant, call) = (first.tenant.clone(), call.clone());
        tokio::spawn(async move {
            let mut kept = 0;
            for number in 0..40 {
                let event = said("CA1", &number.to_string(), EventKind::Key { digit: '#' }, number);
                let told = store.hear_carrier(&tenant, &call, &event, &[], NOW).await.unwrap().unwrap();
                kept += usize::from(told.applied.is_kept());
            }
            kept
        })
    };
    let (one, two) = (hear(first.store.clone()), hear(second.clone()));
    assert_eq!(one.await.unwrap() + two.await.unwrap(), 40);
    assert_eq!(second.carrier_state(&first.tenant, &call).await.unwrap().record().len(), 40);
}
