//! What one tenant has at once and per second, and that others do not notice.

use std::sync::Arc;

use tokio::time::{Duration, Instant};

use super::server::{Answers, LOOPBACK, Server, get, say, stall, unlimited};
use crate::turns::Turns;
use crate::{Answer, Egress, Error, Limits, Policy, Resolver, Response, Tenant};

fn limits(concurrent: usize, waiting: usize) -> Limits {
    Limits { concurrent, waiting, ..Limits::default() }
}

fn is_failure(result: &Result<impl Sized, Error>, words: &str) -> bool {
    matches!(result, Err(Error::Failed(why)) if why.contains(words))
}

#[tokio::test(start_paused = true)]
async fn so_many_run_so_many_wait_and_the_rest_is_refused() {
    let turns = Turns::new(&limits(2, 1));
    let (a, b) = (Tenant::new("a"), Tenant::new("b"));
    let now = Instant::now();
    let later = now + Duration::from_secs(5);
    let first = turns.wait(&a, now, later).await.unwrap();
    let _second = turns.wait(&a, now, later).await.unwrap();
    let mut third = Box::pin(turns.wait(&a, now, later));
    assert!(tokio::time::timeout(Duration::from_secs(1), &mut third).await.is_err(), "it waits");

    assert!(is_failure(&turns.wait(&a, now, later).await, "waiting"));
    assert!(turns.wait(&b, now, later).await.is_ok(), "another tenant does not notice");

    drop(first);
    assert!(third.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_at_its_deadline_and_leaves_its_place() {
    let turns = Turns::new(&limits(1, 1));
    let a = Tenant::new("a");
    let now = Instant::now();
    let _first = turns.wait(&a, now, now).await.unwrap();
    for _ in 0..3 {
        let waited = turns.wait(&a, now, Instant::now() + Duration::from_secs(1)).await;
        assert!(is_failure(&waited, "not done"));
    }
    assert_eq!(now.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_followed_by_an_even_rate() {
    let interval = Duration::from_millis(100);
    let turns = Turns::new(&Limits { burst: 3, interval, ..limits(100, 0) });
    let a = Tenant::new("a");
    let now = Instant::now();
    let at = |millis| now + Duration::from_millis(millis);
    let expected =
        [(0, true), (0, true), (0, true), (0, false), (99, false), (100, true), (100, false), (150, false)]
            .into_iter()
            .chain([(200, true), (10_000, true), (10_000, true), (10_000, true), (10_000, false)]);
    for (millis, allowed) in expected {
        let turn = turns.wait(&a, at(millis), at(millis) + interval).await;
        assert_eq!(turn.is_ok(), allowed, "after {millis} ms");
    }
}

#[tokio::test]
async fn tenants_without_requests_are_forgotten() {
    let turns = Turns::new(&limits(1, 0));
    let now = Instant::now();
    for number in 0..10_000u32 {
        let at = now + number * Duration::from_millis(50);
        let _turn = turns.wait(&Tenant::new(number.to_string()), at, at).await.unwrap();
    }
    assert!(turns.known() <= 1024, "{}", turns.known());
}

/// Answers nothing, ever.
struct Silence;

impl Resolver for Silence {
    fn resolve(&self, _: String) -> Answer {
        Box::pin(std::future::pending())
    }
}

async fn ask(egress: &Egress, tenant: &str, policy: &Policy, url: &str) -> Result<Response, Error> {
    let now = Instant::now();
    let deadline = now + Duration::from_secs(60);
    egress.send(&Tenant::new(tenant), policy, get(url), &mut unlimited(), now, deadline).await
}

#[tokio::test(start_paused = true)]
async fn lookups_that_were_given_up_keep_their_turns() {
    let server = Server::start(say("")).await;
    let egress = server.egress(limits(2, 0), Arc::new(Silence));
    let policy = server.policy(Vec::new());
    for _ in 0..2 {
        assert!(is_failure(&ask(&egress, "a", &policy, &server.url()).await, "resolving"));
    }
    assert!(is_failure(&ask(&egress, "a", &policy, &server.url()).await, "waiting"));
    assert!(is_failure(&ask(&egress, "b", &policy, &server.url()).await, "resolving"));
}

#[tokio::test]
async fn a_tenant_whose_requests_hang_does_not_hold_up_another() {
    let slow = Server::start(stall("")).await;
    let egress = slow.egress(limits(1, 0), Answers::new(&[&[LOOPBACK]]));
    let policy = slow.policy(Vec::new());
    let url = slow.url();
    let hanging = ask(&egress, "a", &policy, &url);
    let others = async {
        while slow.heard().is_empty() {
            tokio::task::yield_now().await;
        }
        let refused = ask(&egress, "a", &policy, &url).await;
        assert!(is_failure(&refused, "waiting"), "{refused:?}");
        let mut other = Box::pin(ask(&egress, "b", &policy, &url));
        while slow.heard().len() < 2 {
            tokio::select! {
                biased;
                answer = &mut other => panic!("{answer:?}"),
                () = tokio::task::yield_now() => {}
            }
        }
    };
    tokio::select! {
        answer = hanging => panic!("{answer:?}"),
        () = others => {}
    }
}

#[tokio::test]
async fn no_connection_and_no_session_is_kept_for_the_next_tenant() {
    let server =
        Server::start(say("HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n")).await;
    let egress = server.egress(Limits::default(), Answers::new(&[&[LOOPBACK]]));
    for tenant in ["a", "b", "a"] {
        assert!(ask(&egress, tenant, &server.policy(Vec::new()), &server.url()).await.is_ok());
    }
    assert_eq!((server.connections(), *server.resumptions.lock().unwrap()), (3, 0));
}

#[tokio::test]
async fn a_tenant_is_not_forgotten_before_its_burst_is() {
    let turns = Turns::new(&Limits { burst: 1, ..limits(1, 0) });
    let a = Tenant::new("a");
    let now = Instant::now();
    assert!(turns.wait(&a, now, now).await.is_ok());
    for number in 0..2_000u32 {
        assert!(turns.wait(&Tenant::new(number.to_string()), now, now).await.is_ok());
    }
    assert!(is_failure(&turns.wait(&a, now, now).await, "too fast"));
}
