//! What one tenant's tool leaves behind, no other finds.

use futures::join;

use super::*;

/// Two tenants' tools that look for traces and leave some, on an engine with room for `places` of them.
async fn alternate(places: usize, rounds: usize) {
    let engine = HotEngine::with_instances(u32::try_from(places).unwrap()).unwrap();
    // Different components: a slot that held another component's memory is prepared in another way.
    let admission = Admission::new(&engine, common::compiler());
    let [a, b] =
        ["Tests", "Tenth"].map(|description| with_time(&load(&admission, Effect::Reads, description)));
    assert_ne!(a.digest(), b.digest());
    let runtime = runtime(places, places);
    let host = Host::new();
    for round in 0..rounds {
        // Every other round they come in the other order, and with the other's tool.
        let (first, second) = if round % 2 == 0 { (&a, &b) } else { (&b, &a) };
        let (first, second) = join!(
            runtime.run(run(first, "amber", "isolation", &host)),
            runtime.run(run(second, "birch", "isolation", &host)),
        );
        assert_ok(&first);
        assert_ok(&second);
        assert_eq!(first.spent.memory_bytes, 20 << 16);
    }
}

#[tokio::test]
async fn ten_thousand_alternating_calls_in_one_slot_find_nothing_of_each_other() {
    alternate(1, 5000).await;
}

#[tokio::test]
async fn calls_that_share_two_slots_at_once_find_nothing_of_each_other() {
    alternate(2, 1000).await;
}

#[test]
fn what_is_left_behind_would_be_found() {
    // The same as in the tests above, twice in one instance.
    let finished = WORKER.call(&context("amber"), "{\"xisolation\":1}", Host::new(), LONG);
    assert_eq!(code(&finished), "trap");
}
