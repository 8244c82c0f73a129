use std::collections::BTreeSet;
use std::time::Duration;

use store::{Command, NewCommand, StoreError};

use crate::contract;
use crate::fixture::{Fixture, NOW, after, command};

contract! {
    a_command_is_leased_whole,
    the_commands_of_a_call_are_sent_in_their_order,
    calls_do_not_wait_for_each_other,
    a_lease_that_runs_out_is_taken_over,
    a_command_that_is_to_be_tried_again_holds_up_those_behind_it,
    a_command_that_had_to_wait_counts_no_attempt,
    a_command_that_has_expired_is_leased_once_more_before_those_behind_it,
    a_command_that_is_being_sent_does_not_expire,
    what_was_said_of_a_command_first_stands,
    a_command_is_written_once,
    commands_of_an_unknown_call_are_refused,
    two_workers_never_hold_the_same_command,
}

const LEASE: Duration = Duration::from_secs(10);

async fn lease(store: &Fixture, seconds: u64) -> Vec<Command> {
    store.lease_commands("worker", after(seconds), LEASE, 100).await.unwrap()
}

fn ids(commands: &[Command]) -> Vec<&str> {
    commands.iter().map(|command| command.id.as_str()).collect()
}

async fn a_command_is_leased_whole(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    let new = command("c");
    store.enqueue_commands(&store.tenant, &call, std::slice::from_ref(&new), NOW).await.unwrap();
    let NewCommand { id, carrier, carrier_call_id, action, body, expires_at } = new;
    let tenant = store.tenant.clone();
    let expected =
        Command { tenant, call, id, carrier, carrier_call_id, action, body, attempts: 1, expires_at };
    assert_eq!(lease(store, 0).await, [expected]);
}

async fn the_commands_of_a_call_are_sent_in_their_order(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    // Ids do not sort as they were written.
    store.enqueue_commands(&store.tenant, &call, &[command("z"), command("y")], NOW).await.unwrap();
    store.enqueue_commands(&store.tenant, &call, &[command("x")], NOW).await.unwrap();
    for (id, failed) in [("z", false), ("y", true), ("x", false)] {
        assert_eq!(ids(&lease(store, 0).await), [id]);
        assert!(lease(store, 0).await.is_empty());
        if failed {
            store.command_failed(&store.tenant, id, "the call is over", NOW).await.unwrap();
        } else {
            store.command_done(&store.tenant, id, NOW).await.unwrap();
        }
    }
    assert!(lease(store, 100).await.is_empty());
}

async fn calls_do_not_wait_for_each_other(store: &Fixture) {
    for leg in ["CA1", "CA2", "CA3"] {
        let call = store.stored_call(leg).await;
        let commands = [command(&format!("{leg}-1")), command(&format!("{leg}-2"))];
        store.enqueue_commands(&store.tenant, &call, &commands, NOW).await.unwrap();
    }
    let first = store.lease_commands("worker", NOW, LEASE, 2).await.unwrap();
    assert_eq!(first.len(), 2);
    let (first, rest) = (ids(&first).join(" "), lease(store, 0).await);
    assert_eq!(rest.len(), 1);
    assert!(!first.contains(&rest[0].id));
    assert!(ids(&rest).iter().chain(&first.split(' ').collect::<Vec<_>>()).all(|id| id.ends_with("-1")));
}

async fn a_lease_that_runs_out_is_taken_over(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    store.enqueue_commands(&store.tenant, &call, &[command("c")], NOW).await.unwrap();
    assert_eq!(lease(store, 0).await[0].attempts, 1);
    assert!(lease(store, 9).await.is_empty());
    assert_eq!(lease(store, 10).await[0].attempts, 2);
    // The first worker was only slow.
    store.command_done(&store.tenant, "c", after(11)).await.unwrap();
    store.command_again(&store.tenant, "c", after(12), "too late").await.unwrap();
    assert!(lease(store, 100).await.is_empty());
}

async fn a_command_that_is_to_be_tried_again_holds_up_those_behind_it(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    store.enqueue_commands(&store.tenant, &call, &[command("c"), command("d")], NOW).await.unwrap();
    lease(store, 0).await;
    store.command_again(&store.tenant, "c", after(5), "429").await.unwrap();
    assert!(lease(store, 4).await.is_empty());
    assert_eq!(ids(&lease(store, 5).await), ["c"]);
}

async fn a_command_that_had_to_wait_counts_no_attempt(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    store.enqueue_commands(&store.tenant, &call, &[command("c"), command("d")], NOW).await.unwrap();
    for seconds in [0, 5, 10] {
        let leased = lease(store, seconds).await;
        assert_eq!((ids(&leased), leased[0].attempts), (vec!["c"], 1));
        store.command_waits(&store.tenant, "c", after(seconds + 5), "no account").await.unwrap();
        assert!(lease(store, seconds + 4).await.is_empty());
    }
    lease(store, 15).await;
    store.command_again(&store.tenant, "c", after(20), "503").await.unwrap();
    assert_eq!(lease(store, 20).await[0].attempts, 2);
    // What was said of it first stands.
    store.command_done(&store.tenant, "c", after(21)).await.unwrap();
    store.command_waits(&store.tenant, "c", after(21), "no account").await.unwrap();
    assert_eq!(ids(&lease(store, 22).await), ["d"]);
}

async fn a_command_that_has_expired_is_leased_once_more_before_those_behind_it(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    let brief = NewCommand { expires_at: after(3), ..command("c") };
    store.enqueue_commands(&store.tenant, &call, &[brief, command("d")], NOW).await.unwrap();
    lease(store, 0).await;
    // It was to be tried again long after its end.
    store.command_again(&store.tenant, "c", after(50), "429").await.unwrap();
    assert!(lease(store, 2).await.is_empty());
    assert_eq!(ids(&lease(store, 3).await), ["c"]);
    store.command_failed(&store.tenant, "c", "expired", after(3)).await.unwrap();
    assert_eq!(ids(&lease(store, 3).await), ["d"]);
    store.command_done(&store.tenant, "d", after(4)).await.unwrap();
    assert!(lease(store, 100).await.is_empty());
}

async fn a_command_that_is_being_sent_does_not_expire(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    let brief = NewCommand { expires_at: after(3), ..command("c") };
    store.enqueue_commands(&store.tenant, &call, &[brief, command("d")], NOW).await.unwrap();
    assert_eq!(ids(&lease(store, 2).await), ["c"]);
    assert!(lease(store, 4).await.is_empty());
    store.command_done(&store.tenant, "c", after(5)).await.unwrap();
    assert_eq!(ids(&lease(store, 5).await), ["d"]);
}

async fn what_was_said_of_a_command_first_stands(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    store.enqueue_commands(&store.tenant, &call, &[command("c")], NOW).await.unwrap();
    for tenant in [&store.stranger, &store.tenant] {
        store.command_failed(tenant, "c", "no such call", NOW).await.unwrap();
        let due = lease(store, 0).await.len();
        assert_eq!(due, usize::from(tenant == &store.stranger));
    }
    store.command_done(&store.tenant, "c", NOW).await.unwrap();
    let sql = "SELECT state, error FROM carrier_commands";
    let rows = store::Db::query(store.db(), store::Statement::new(sql, [])).await.unwrap();
    let row = rows.first().unwrap();
    assert_eq!((row.text("state").unwrap(), row.text("error").unwrap()), ("failed", "no such call"));
}

async fn a_command_is_written_once(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    let changed = NewCommand { action: "hangup".into(), ..command("c") };
    for commands in [[command("c")], [changed]] {
        store.enqueue_commands(&store.tenant, &call, &commands, NOW).await.unwrap();
    }
    let leased = lease(store, 0).await;
    assert_eq!((leased.len(), leased[0].action.as_str()), (1, "answer"));
    // Another tenant's ids are its own.
    let theirs = store::NewCall { agent: None, ..store.new_call("CA1") };
    let id = theirs.id.clone();
    store.create_call(&store.stranger, theirs, &[], NOW).await.unwrap();
    store.enqueue_commands(&store.stranger, &id, &[command("c")], NOW).await.unwrap();
    assert_eq!(lease(store, 0).await[0].tenant, store.stranger);
}

async fn commands_of_an_unknown_call_are_refused(store: &Fixture) {
    let call = store.stored_call("CA1").await;
    let result = store.enqueue_commands(&store.stranger, &call, &[command("c")], NOW).await;
    assert!(matches!(result, Err(StoreError::NoSuchCall)), "{result:?}");
    assert!(lease(store, 0).await.is_empty());
}

async fn two_workers_never_hold_the_same_command(store: &Fixture) {
    const CALLS: usize = 30;
    for number in 0..CALLS {
        let call = store.stored_call(&format!("CA{number}")).await;
        let commands = [command(&format!("{number}-1")), command(&format!("{number}-2"))];
        store.enqueue_commands(&store.tenant, &call, &commands, NOW).await.unwrap();
    }
    let tasks = (0..4).map(|worker| {
        let (store, tenant) = (store.store.clone(), store.tenant.clone());
        tokio::spawn(async move {
            let (owner, mut held) = (format!("worker {worker}"), Vec::new());
            loop {
                let leased = store.lease_commands(&owner, NOW, LEASE, 5).await.unwrap();
                if leased.is_empty() {
                    return held;
                }
                for command in leased {
                    store.command_done(&tenant, &command.id, NOW).await.unwrap();
                    held.push(command.id);
                }
            }
        })
    });
    let mut held = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        held.extend(task.await.unwrap());
    }
    let distinct: BTreeSet<_> = held.iter().collect();
    assert_eq!((held.len(), distinct.len()), (2 * CALLS, 2 * CALLS));
}
