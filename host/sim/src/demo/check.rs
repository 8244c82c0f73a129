//! Whether everything was as it should be.

use events::Latency;
use events::transcript::{ToolUse, Turn};
use jiff::civil::DateTime;
use serde_json::Value;

use super::Played;
use super::api::{Api, Appointment, CallLog};
use super::compare::{difference, heard, words};
use crate::carrier::Report;
use crate::voice::{DAMAGED, Ending};

/// How far the stages of a turn may be from their total, in milliseconds: rounding.
const ROUNDING: f64 = 1.0;

/// What was not as it should be.
#[derive(Debug, Default)]
pub(super) struct Findings {
    call: u32,
    problems: Vec<String>,
}

impl Findings {
    /// What follows concerns this call.
    pub(super) fn enter(&mut self, call: u32) {
        self.call = call;
    }

    pub(super) fn add(&mut self, problem: impl AsRef<str>) {
        self.problems.push(format!("call {}: {}", self.call, problem.as_ref()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    pub(super) fn into_problems(self) -> Vec<String> {
        self.problems
    }
}

/// What must hold of any call.
pub(super) fn call(number: u32, played: &Played, findings: &mut Findings) {
    if let Some(report) = &played.report {
        carrier(report, findings);
    }
    let Some(log) = &played.log else { return };
    if log.status() != "completed" {
        findings.add(format!("its status is `{}`, not `completed`", log.status()));
    }
    if log.transcript.ended.is_none() {
        findings.add("its log has no end (`call.ended`)");
    }
    for failure in log.events("vendor.failed") {
        let text = |name: &str| failure.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        findings.add(format!("a vendor failed ({}): {}", text("stage"), text("message")));
    }
    if let Some(report) = &played.report {
        both_ends(report, log, findings);
    }
    latencies(&log.transcript.turns, findings);
    let interrupting = number == 1 && played.report.as_ref().is_some_and(|report| report.said.len() > 1);
    if interrupting && !log.transcript.turns.iter().any(|turn| turn.interrupted) {
        findings.add("the caller interrupted the agent, but no turn of the log is interrupted");
    }
}

/// What the carrier noticed.
fn carrier(report: &Report, findings: &mut Findings) {
    for problem in &report.problems {
        findings.add(format!("the carrier complains: {problem}"));
    }
    let damaged: Vec<&str> = report
        .heard
        .iter()
        .filter(|word| word.ending == Ending::Damaged)
        .map(|word| word.text.as_str())
        .collect();
    if !damaged.is_empty() {
        findings.add(format!("the caller heard damaged words: {}", damaged.join(" ")));
    }
    let cut = report.heard.iter().filter(|word| word.ending == Ending::Cut).count();
    if cut > report.clears.len() {
        findings
            .add(format!("{cut} words broke off, but playback was cleared {} times", report.clears.len()));
    }
}

/// The caller's account of the call against the platform's.
fn both_ends(report: &Report, log: &CallLog, findings: &mut Findings) {
    let turns = &log.transcript.turns;
    let said: Vec<String> = report.said.iter().flat_map(|said| words(&said.text)).collect();
    let understood: Vec<String> = turns.iter().flat_map(|turn| words(&turn.caller)).collect();
    if understood.iter().any(|word| word.contains(DAMAGED)) {
        findings.add(format!(
            "the caller's words were damaged on their way to the agent, who heard \"{}\": audio was lost",
            understood.join(" ")
        ));
    } else if let Some(difference) = difference(&said, &understood) {
        findings.add(format!("the agent understood other words than the caller said, {difference}"));
    }
    if let Some(difference) = heard(turns, &report.heard) {
        findings.add(format!("the log's `heard` is not what the caller heard, {difference}"));
    }
    for turn in turns.iter().filter(|turn| !turn.interrupted && words(&turn.heard) != words(&turn.said)) {
        findings.add(format!(
            "turn {} was not interrupted, yet of \"{}\" only \"{}\" was heard",
            turn.turn, turn.said, turn.heard
        ));
    }
}

/// Every answer to the caller has a ledger, and it closes.
fn latencies(turns: &[Turn], findings: &mut Findings) {
    for turn in turns.iter().filter(|turn| !turn.caller.is_empty() && !turn.said.is_empty()) {
        match &turn.latency_ms {
            None => findings.add(format!("turn {} has no latency ledger", turn.turn)),
            Some(latency) => {
                let sum = sum(latency);
                if (sum - latency.total).abs() > ROUNDING {
                    findings.add(format!(
                        "the latency ledger of turn {} does not close: the stages sum to {sum:.1} ms, the total is {:.1} ms",
                        turn.turn, latency.total
                    ));
                }
            }
        }
    }
}

fn sum(latency: &Latency) -> f64 {
    latency.stages().iter().map(|(_, spent)| spent).sum()
}

/// The appointment was booked in the first call, and is in the diary.
pub(super) async fn booking(played: &Played, api: &Api, findings: &mut Findings) -> Option<Appointment> {
    let booked = tool_result(played, "book");
    let Some(booked) = booked else {
        findings.add("no appointment was booked: no successful `book` among the tools of the log");
        return None;
    };
    in_diary(&booked, api, findings).await
}

/// The same appointment is at another time after the second call.
pub(super) async fn moving(
    played: &Played,
    booked: Option<&Appointment>,
    api: &Api,
    findings: &mut Findings,
) {
    let Some(booked) = booked else { return };
    let Some(moved) = tool_result(played, "move") else {
        findings.add("the appointment was not moved: no successful `move` among the tools of the log");
        return;
    };
    if moved.id != booked.id {
        findings.add(format!("the appointment {} was moved, not {}", moved.id, booked.id));
    }
    if moved.start == booked.start {
        findings.add(format!("the appointment was moved to where it was, {}", booked.start));
    }
    in_diary(&moved, api, findings).await;
}

/// The second call knew of the first.
pub(super) fn memory(played: &Played, booked: Option<&Appointment>, findings: &mut Findings) {
    let (Some(log), Some(booked)) = (&played.log, booked) else { return };
    let recalled = recalled(log);
    if !recalled.iter().any(|memory| memory.contains(&booked.id)) {
        findings.add(format!(
            "the appointment {} was not recalled: `memory.recalled` has {recalled:?}",
            booked.id
        ));
    }
    let Ok(start) = booked.start.parse::<DateTime>() else {
        findings.add(format!("the appointment's start `{}` is no local time", booked.start));
        return;
    };
    let (day, clock) = (
        start.strftime("remember your appointment on %A %-d %B").to_string(),
        start.strftime("at %H:%M").to_string(),
    );
    let mentioned = log.transcript.turns.iter().any(|turn| {
        turn.heard.split('.').any(|sentence| sentence.contains(&day) && sentence.contains(&clock))
    });
    if !mentioned {
        findings.add(format!("the agent did not say that it remembers the appointment of {}", booked.start));
    }
}

/// The third call had answers from the uploaded tool to all it asked, whatever else went live in the middle.
pub(super) fn orders(played: &Played, findings: &mut Findings) {
    let Some(log) = &played.log else { return };
    let turns = log.transcript.turns.iter();
    let runs: Vec<&ToolUse> =
        turns.flat_map(|turn| &turn.tools).filter(|run| run.name == super::tool::NAME).collect();
    for run in runs.iter().filter(|run| run.outcome.as_deref() != Some("success")) {
        findings.add(format!("the tool `{}` ended as {:?}: {}", run.name, run.outcome, run.text));
    }
    if runs.len() < 2 {
        findings.add(format!("the uploaded tool ran {} times, not twice", runs.len()));
    }
}

/// Everything that was recalled in a call.
pub(super) fn recalled(log: &CallLog) -> Vec<String> {
    let mut all: Vec<String> = log
        .events("memory.recalled")
        .filter_map(|data| data.get("memories")?.as_array())
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    all.sort();
    all.dedup();
    all
}

async fn in_diary(expected: &Appointment, api: &Api, findings: &mut Findings) -> Option<Appointment> {
    let diary = match api.appointments().await {
        Ok(diary) => diary,
        Err(error) => {
            findings.add(format!("the diary cannot be read: {error:#}"));
            return None;
        }
    };
    let found = diary.into_iter().find(|appointment| appointment.id == expected.id);
    match found {
        None => findings.add(format!("the appointment {} is not in the diary", expected.id)),
        Some(found) if !same_time(&found.start, &expected.start) => {
            findings.add(format!(
                "the appointment {} is in the diary at {}, but the agent was told {}",
                found.id, found.start, expected.start
            ));
        }
        Some(found) => return Some(found),
    }
    None
}

/// Seconds may be written or not.
fn same_time(one: &str, other: &str) -> bool {
    let minute = |time: &str| time.get(..16).map(str::to_owned);
    minute(one) == minute(other)
}

/// What the diary's tool answered to the last successful `action`.
fn tool_result(played: &Played, action: &str) -> Option<Appointment> {
    let turns = &played.log.as_ref()?.transcript.turns;
    let tools: Vec<&ToolUse> = turns.iter().flat_map(|turn| &turn.tools).collect();
    tools
        .iter()
        .rev()
        .find(|tool| {
            let arguments: Value = serde_json::from_str(&tool.arguments).unwrap_or_default();
            tool.outcome.as_deref() == Some("success")
                && arguments.get("action").and_then(Value::as_str) == Some(action)
        })
        .and_then(|tool| serde_json::from_str(&tool.text).ok())
}
