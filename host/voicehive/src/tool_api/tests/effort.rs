//! Tenants whose uploads keep the gate busy.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;

use super::setting::{STRANGERS_KEY, Setting};

#[tokio::test]
async fn whoever_kept_the_gate_busy_waits_and_nobody_else_does() {
    let setting = Setting::new().await;
    // Four minutes each, whatever comes of them; while the later ones are there, what was used before drains.
    assert_eq!(setting.upload("", "status: 1 takes 240").await.status, 201);
    assert_eq!(setting.upload("", "refuse: 2 takes 240").await.problem(), (422, "precompiled"));
    assert_eq!(setting.upload("", "break: 3 takes 240").await.problem(), (500, "internal"));
    let refused = setting.upload("", "status: 4").await;
    assert_eq!(refused.problem(), (429, "gate-budget"));
    // Of 640 seconds 540 are to be left, and a hundred drain in six times as many.
    assert_eq!(refused.headers["retry-after"], "600");
    assert_eq!(setting.workshop.admitted.load(Ordering::Relaxed), 3, "it did not get to the gate");
    let theirs = setting.upload_as(STRANGERS_KEY, "", Body::from("status: 4")).await;
    assert_eq!(theirs.status, 201, "{theirs:?}");
    *setting.workshop.passed.lock().unwrap() += Duration::from_secs(600);
    assert_eq!(setting.upload("", "status: 4").await.status, 201);
}
