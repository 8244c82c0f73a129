//! The demo, as a newcomer runs it, and with faults that it must notice.
//!
//! Real processes, real sockets, real time: each run takes about a minute, so they run at once.

#![cfg(test)]

use std::process::{Command, Output, Stdio};
use std::thread;

use serde_json::Value;

#[test]
fn three_calls_end_as_they_should_and_faults_are_noticed() {
    thread::scope(|scope| {
        let sound = scope.spawn(|| demo(&["--json"]));
        let over_telnyx = scope.spawn(|| demo(&["--json", "--carrier", "telnyx"]));
        let killed = scope.spawn(|| demo(&["--json", "--fault", "kill-recogniser"]));
        let lossy = scope.spawn(|| demo(&["--json", "--fault", "drop-inbound=10"]));
        check_sound(&sound.join().unwrap());
        check_sound(&over_telnyx.join().unwrap());
        check_noticed("kill-recogniser", &killed.join().unwrap());
        check_noticed("drop-inbound", &lossy.join().unwrap());
    });
}

fn check_sound(output: &Output) {
    let account = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the demo failed:\n{account}");
    let told: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    let calls = told["calls"].as_array().expect("calls");
    assert_eq!(calls.len(), 3);
    let turns = |call: usize| calls[call]["turns"].as_array().expect("turns").clone();
    assert!(turns(0).iter().any(|turn| turn["interrupted"] == true), "nobody was interrupted: {told}");
    for turn in turns(0).iter().chain(&turns(1)) {
        let latency = &turn["latency_ms"];
        if latency.is_null() {
            continue;
        }
        let all = latency.as_object().expect("stages").iter();
        let stages = all.filter(|(name, _)| !["total", "heard_start"].contains(&name.as_str()));
        let sum: f64 = stages.map(|(_, ms)| ms.as_f64().expect("milliseconds")).sum();
        let total = latency["total"].as_f64().expect("a total");
        assert!((sum - total).abs() < 0.01, "the ledger does not close: {latency}");
    }
    assert!(told["appointment"]["start"].is_string(), "{told}");
    let tool = &told["tool"];
    assert!(tool["version"].is_string() && tool["version"] != tool["rolled_back"]["version"], "{tool}");
    assert!(tool["rolled_back"]["why"].as_str().expect("why").contains("trapped"), "{tool}");
    assert!(!told["recalled"].as_array().expect("recalled").is_empty(), "{told}");
}

fn check_noticed(fault: &str, output: &Output) {
    let account = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{fault} was not noticed:\n{account}");
    assert!(account.contains("not as it should be"), "{fault} is not explained:\n{account}");
}

fn demo(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_voicehive-sim"))
        .arg("demo")
        .args(arguments)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .stdin(Stdio::null())
        .output()
        .expect("the demo runs")
}
