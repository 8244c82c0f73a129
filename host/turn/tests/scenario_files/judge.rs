//! Whether what happened is what was expected, and if not, what happened instead.

use std::fmt::Debug;

use events::Latency;
use serde_json::Value;
use turn::{Message, Output};

use crate::expectation::{End, Open, RequestExpectation, Stages, TurnExpectation};
use crate::parts::Spoken;
use crate::scenario::Scenario;
use crate::sim::Sim;
use crate::timeline::{Row, around, rows};
use crate::vocabulary::Kind;

/// What of the expectations does not hold; empty: all hold.
pub fn failures(scenario: &Scenario, sim: &Sim) -> Vec<String> {
    let rows = match rows(sim) {
        Ok(rows) => rows,
        Err(why) => return vec![why],
    };
    let expect = &scenario.expect;
    let mut failures = Vec::new();
    for (at, turn) in sim.unanswered.iter().flatten() {
        let around = around(&rows, at.as_secs_f64());
        failures.push(format!("the model has no answer left for turn {turn} at {at:?}:\n{around}"));
    }
    moments(scenario, &rows, &mut failures);
    if let Some(path) = &expect.path {
        equal(&mut failures, "the path", path, &sim.path());
    }
    for turn in &expect.turn {
        judge_turn(turn, sim, &rows, &mut failures);
    }
    for request in &expect.request {
        judge_request(request, sim, &mut failures);
    }
    let count = |name| rows.iter().filter(|row| row.kind != Kind::State && row.name == name).count();
    for (name, expected) in &expect.counts {
        equal(&mut failures, &format!("the count of {name}"), expected, &count(name.as_str()));
    }
    for (name, most) in expect.at_most.iter().filter(|(name, most)| count(name.as_str()) > **most) {
        failures.push(format!("{name} happens {} times, expected at most {most}", count(name.as_str())));
    }
    if let Some(history) = &expect.history {
        equal(&mut failures, "the history", &messages(history), &sim.call.history());
    }
    let ended = sim.call.snapshot().ended.map_or(End::Open(Open::Open), End::Ended);
    if let Some(end) = expect.end.filter(|end| *end != ended) {
        let last = rows.last().map_or(0.0, |row| row.at);
        failures.push(format!("the end is {ended:?}, expected {end:?}:\n{}", around(&rows, last)));
    }
    if let Some(most) = expect.lead_at_most.filter(|most| sim.greatest_lead > most.duration()) {
        failures
            .push(format!("the carrier held {:?} of audio, expected at most {most:?}", sim.greatest_lead));
    }
    failures
}

/// The timeline in its order, and what must not be in it.
fn moments(scenario: &Scenario, rows: &[Row], failures: &mut Vec<String>) {
    let mut from = 0;
    for moment in &scenario.expect.timeline {
        match rows[from..].iter().position(|row| moment.matches(row)) {
            Some(n) => from += n + 1,
            None => {
                let reached = from.checked_sub(1).map_or(0.0, |last| rows[last].at);
                let other = rows.iter().find(|row| moment.is(row));
                let other = other.map_or("it never happens".to_owned(), |row| format!("there is: {row}"));
                let around = around(rows, moment.at.unwrap_or(reached));
                failures
                    .push(format!("expected, in this place: {moment}\n{other}; what happened:\n{around}"));
            }
        }
    }
    for moment in &scenario.expect.not {
        if let Some(row) = rows.iter().find(|row| moment.matches(row)) {
            failures.push(format!("not expected: {moment}; what happened:\n{}", around(rows, row.at)));
        }
    }
}

fn judge_turn(expected: &TurnExpectation, sim: &Sim, rows: &[Row], failures: &mut Vec<String>) {
    let turn = expected.turn;
    let finished: Vec<&Row> = rows
        .iter()
        .filter(|row| row.name == "turn.finished" && row.fields.get("turn") == Some(&Value::from(turn)))
        .collect();
    let [row] = finished[..] else {
        let end = rows.last().map_or(0.0, |row| row.at);
        failures.push(format!("turn {turn} finished {} times:\n{}", finished.len(), around(rows, end)));
        return;
    };
    let before = failures.len();
    let text = |key: &str| row.fields.get(key).and_then(Value::as_str).unwrap_or_default();
    let (said, heard) = (text("said"), text("heard"));
    let what = |what: &str| format!("{what} of turn {turn}");
    for (name, wanted, is) in [("said", &expected.said, said), ("heard", &expected.heard, heard)] {
        if let Some(wanted) = wanted {
            equal(failures, &what(name), &wanted.as_str(), &is);
        }
    }
    if let Some(least) = expected.heard_at_least.as_ref().filter(|least| !heard.starts_with(*least)) {
        failures.push(format!("{}: {heard:?}, expected at least {least:?}", what("heard")));
    }
    if let Some(most) = expected.heard_at_most.as_ref().filter(|most| !most.starts_with(heard)) {
        failures.push(format!("{}: {heard:?}, expected at most {most:?}", what("heard")));
    }
    if let Some(interrupted) = expected.interrupted {
        let is = row.fields.get("interrupted").and_then(Value::as_bool);
        equal(failures, &what("interrupted"), &Some(interrupted), &is);
    }
    if let Some([least, most]) = expected.really_played {
        let played = sim.really_played(turn, sim.now.as_secs_f64());
        if !(least - 1e-6..=most + 1e-6).contains(&played) {
            failures.push(format!("{}: {played} s, expected {least} to {most}", what("really played")));
        }
    }
    if let Some(gaps) = expected.gaps {
        equal(failures, &what("gaps"), &gaps, &sim.gaps(turn));
    }
    if let Some(stages) = &expected.latency {
        judge_latency(stages, row, &what("latency"), failures);
    }
    if expected.no_latency && row.fields.get("latency").is_some_and(|latency| !latency.is_null()) {
        failures.push(format!("{} is {:?}, expected none", what("latency"), row.fields.get("latency")));
    }
    if failures.len() > before {
        failures.push(format!("the end of turn {turn}:\n{}", around(rows, row.at)));
    }
}

fn judge_latency(expected: &Stages, row: &Row, what: &str, failures: &mut Vec<String>) {
    let latency = row.fields.get("latency").cloned().unwrap_or_default();
    let Ok(latency) = serde_json::from_value::<Latency>(latency) else {
        failures.push(format!("{what}: there is none"));
        return;
    };
    for (stage, expected, is) in [
        ("endpoint_wait", expected.endpoint_wait, latency.endpoint_wait),
        ("stt_tail", expected.stt_tail, latency.stt_tail),
        ("context_wait", expected.context_wait, latency.context_wait),
        ("llm_first_token", expected.llm_first_token, latency.llm_first_token),
        ("tools", expected.tools, latency.tools),
        ("first_clause", expected.first_clause, latency.first_clause),
        ("tts_first_byte", expected.tts_first_byte, latency.tts_first_byte),
        ("host_overhead", expected.host_overhead, latency.host_overhead),
        ("total", expected.total, latency.total),
    ] {
        if let Some(expected) = expected.filter(|expected| (expected - is).abs() > 1.0) {
            failures.push(format!("{what}: {stage} is {is} ms, expected {expected}"));
        }
    }
    let heard = (expected.heard_start, latency.heard_start);
    let same = heard.0.is_none_or(|start| heard.1.is_some_and(|is| (start - is).abs() <= 1.0));
    if !same || (expected.unheard && heard.1.is_some()) {
        failures.push(format!("{what}: heard_start is {:?}, expected {:?}", heard.1, heard.0));
    }
    if !latency.closes() {
        failures.push(format!("{what}: the stages do not sum to the total: {latency:?}"));
    }
}

fn judge_request(expected: &RequestExpectation, sim: &Sim, failures: &mut Vec<String>) {
    let mut requests = sim.outputs.iter().filter_map(|(_, output)| match output {
        Output::StartLlm { messages, .. } => Some(messages),
        _ => None,
    });
    let what = format!("request {}", expected.n);
    let Some((Message::System { content }, told)) =
        requests.nth(expected.n).and_then(|all| all.split_first())
    else {
        failures.push(format!("{what} was never made"));
        return;
    };
    if let Some(expected) = &expected.messages {
        equal(failures, &format!("the messages of {what}"), &messages(expected), &told.to_vec());
    }
    if let Some(expected) = &expected.last {
        let last = told.last().cloned().into_iter().collect();
        equal(failures, &format!("the last message of {what}"), &messages([expected]), &last);
    }
    for (texts, holds) in [(&expected.system, true), (&expected.system_lacks, false)] {
        for text in texts.iter().filter(|text| content.contains(text.as_str()) != holds) {
            let verb = if holds { "lacks" } else { "holds" };
            failures.push(format!("the system message of {what} {verb} {text:?}: {content}"));
        }
    }
}

fn messages<'a>(spoken: impl IntoIterator<Item = &'a Spoken>) -> Vec<Message> {
    spoken.into_iter().map(|spoken| spoken.message().expect("checked when it was read")).collect()
}

fn equal<T: PartialEq + Debug>(failures: &mut Vec<String>, what: &str, expected: &T, is: &T) {
    if expected != is {
        failures.push(format!("{what} is {is:?}\n    expected {expected:?}"));
    }
}
