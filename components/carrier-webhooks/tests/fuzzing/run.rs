//! What the service promises of every request.

use carrier_webhooks::service;
use http::Response;

use super::delivery::{self, Delivery};
use super::platform::{NOW, SECRETS, World};

/// Bytes of the longest answer that has nothing of the request in it.
const ANSWER_BYTES: usize = 16 * 1024;

/// How much longer what is answered or stored may be than what it is made of: escapes, and copies for those who read it.
const GROWTH: usize = 16;

/// Bytes that the database may grow by whatever came: pages of tables and indices that were empty.
const ROOM: usize = 512 * 1024;

/// Questions to the host and lines of the log that one request may cause: sixteen tools, and what is said of each.
const NOISE_MAX: usize = 40;

/// Gives these bytes to the service, one request after the other. Says what was answered, coarsely.
///
/// # Panics
/// When the service breaks a promise.
pub fn run(data: &[u8]) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let world = World::new().await;
        let mut seen = Vec::new();
        for delivery in delivery::deliveries(data) {
            for _ in 0..=usize::from(delivery.twice) {
                seen.push(deliver(&world, &delivery).await);
            }
        }
        seen
    })
}

async fn deliver(world: &World, delivery: &Delivery) -> String {
    world.log.borrow_mut().clear();
    world.asked.borrow_mut().clear();
    world.database_is_down.set(delivery.database_is_down);
    world.host_fails.set(delivery.host_fails);
    let before = world.weight().await;
    let answer = service::handle(world, &delivery.request, NOW).await;
    let after = world.weight().await;
    let log = world.log.borrow().join("\n");

    check_status(delivery, &answer, &log);
    assert!(answer.headers().contains_key("x-request-id"));
    let most = ANSWER_BYTES + GROWTH * delivery.length;
    assert!(answer.body().len() <= most, "an answer of {} bytes to {}", answer.body().len(), delivery.length);
    assert!(log.len() <= most, "{} bytes of log of {}", log.len(), delivery.length);
    let grown = after.1.saturating_sub(before.1);
    assert!(grown <= ROOM + GROWTH * delivery.length, "{grown} bytes are stored of {}", delivery.length);
    assert!(delivery.proven || after.0 == before.0, "something was written of what nobody proved: {log}");
    check_noise(world, delivery);
    for secret in SECRETS {
        assert!(!answer.body().contains(secret) && !log.contains(secret), "{secret} is told");
    }
    let path = delivery.request.target.split('?').next().unwrap_or_default();
    format!("{path} {}", answer.status().as_u16())
}

/// Nothing is our fault unless the database is down, and nobody gets on without proof.
fn check_status(delivery: &Delivery, answer: &Response<String>, log: &str) {
    let status = answer.status().as_u16();
    if delivery.database_is_down {
        assert!(status < 500 || status == 503, "{status} {log}");
    } else {
        assert!(status < 500, "{status} {log}");
    }
    if !delivery.proven {
        let keys_are_out_of_reach = delivery.database_is_down && status == 503;
        assert!((400..500).contains(&status) || keys_are_out_of_reach, "{status} without proof {log}");
    }
    assert!(!answer.body().contains("the disk has secrets"), "{}", answer.body());
}

fn check_noise(world: &World, delivery: &Delivery) {
    let (lines, asked) = (world.log.borrow(), world.asked.borrow());
    assert!(
        lines.len() <= NOISE_MAX && asked.len() <= NOISE_MAX,
        "{} lines, {} questions",
        lines.len(),
        asked.len()
    );
    let bytes: usize = asked.iter().sum();
    assert!(
        bytes <= ANSWER_BYTES + GROWTH * delivery.length,
        "{bytes} bytes are asked of {}",
        delivery.length
    );
}
