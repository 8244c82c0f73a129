//! How many inbound webhooks a second are verified, routed, stored and answered, through our runner and, where it is
//! installed, through `spin up`: the same components, the same machine, one after the other.
//!
//! `cargo bench -p voicehive --bench webhooks` takes half a minute for each. Clients keep their connections, as a carrier does; each
//! request is a call that was never seen, from a number that calls once. The database is a new file on disk.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark stops at the first thing that is not as it should be"
)]

#[path = "../../../tests/harness/mod.rs"]
mod harness;

use std::sync::Arc;
use std::time::Duration;

use harness::{Server, Webhook, new_call_sid};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How many connections a carrier has open.
const CLIENTS: [usize; 3] = [1, 8, 32];

/// Before anything counts: components are instantiated, the database's pages are in memory.
const WARM_UP: Duration = Duration::from_secs(2);

/// How long is measured.
const MEASURED: Duration = Duration::from_secs(8);

#[tokio::main]
async fn main() {
    // `cargo test --benches` only asks whether it builds and begins.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    println!(
        "{:<14} {:>8} {:>10} {:>9} {:>9} {:>9}",
        "runner", "clients", "per second", "p50 ms", "p99 ms", "max ms"
    );
    measure(Server::voicehive(&[]).await).await;
    if let Some(spin) = Server::spin(&[]).await {
        measure(spin).await;
    }
}

async fn measure(server: Server) {
    let server = Arc::new(server);
    for clients in CLIENTS {
        load(&server, clients, WARM_UP).await;
        let began = Instant::now();
        let mut took = load(&server, clients, MEASURED).await;
        let elapsed = began.elapsed();
        took.sort_unstable();
        let at = |share: f64| ms(took[((took.len() - 1) as f64 * share) as usize]);
        println!(
            "{:<14} {clients:>8} {:>10.0} {:>9.2} {:>9.2} {:>9.2}",
            server.name(),
            took.len() as f64 / elapsed.as_secs_f64(),
            at(0.5),
            at(0.99),
            at(1.0),
        );
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// What each request took.
async fn load(server: &Arc<Server>, clients: usize, during: Duration) -> Vec<Duration> {
    let until = Instant::now() + during;
    let mut running = JoinSet::new();
    for _ in 0..clients {
        let server = Arc::clone(server);
        running.spawn(async move {
            let mut took = Vec::new();
            while Instant::now() < until {
                let sid = new_call_sid();
                let caller = format!("+1{:010}", uuid::Uuid::new_v4().as_u128() % 10_000_000_000);
                let webhook = Webhook::voice(&sid).with("From", &caller).with("Caller", &caller);
                let began = Instant::now();
                let answer = server.deliver(&webhook).await;
                took.push(began.elapsed());
                assert!(answer.status == 200 && answer.body.contains("<Stream"), "{answer:?}");
            }
            took
        });
    }
    let mut all = Vec::new();
    while let Some(took) = running.join_next().await {
        all.extend(took.unwrap());
    }
    all
}
