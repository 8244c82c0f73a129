//! The account of the demonstration, for people and for machines.

use events::transcript::Turn;
use serde_json::{Value, json};

use super::Played;
use super::api::Appointment;
use super::check::recalled;
use super::tool::Story;
use crate::carrier::{HeardWord, Report, Said};
use crate::timeline::Timeline;

/// One object with everything.
pub(super) fn json(played: &[Played], diary: &[Appointment], story: Option<&Story>) -> Value {
    let calls: Vec<Value> = played.iter().map(call).collect();
    let appointment = diary.iter().find(|appointment| appointment.status != "cancelled").map(|appointment| {
        let mut fields = appointment.more.clone();
        fields.insert("id".into(), appointment.id.clone().into());
        fields.insert("start".into(), appointment.start.clone().into());
        fields.insert("status".into(), appointment.status.clone().into());
        Value::Object(fields)
    });
    let recalled: Vec<String> =
        played.iter().filter_map(|played| played.log.as_ref()).flat_map(recalled).collect();
    json!({ "calls": calls, "appointment": appointment, "recalled": recalled, "tool": story.map(Story::json) })
}

fn call(played: &Played) -> Value {
    let turns = played.log.as_ref().map(|log| log.transcript.turns.as_slice()).unwrap_or_default();
    let ends = played.report.as_ref().map(|report| split(turns, report));
    let turns: Vec<Value> = turns
        .iter()
        .enumerate()
        .map(|(index, turn)| {
            let (said, heard) = ends.as_ref().and_then(|ends| ends.get(index)).cloned().unwrap_or_default();
            json!({
                "caller_said": said,
                "agent_heard": turn.caller,
                "agent_said": turn.said,
                "caller_heard": heard,
                "interrupted": turn.interrupted,
                "sentiment": turn.sentiment,
                "tools": turn.tools,
                "latency_ms": turn.latency_ms,
            })
        })
        .collect();
    json!({
        "id": played.log.as_ref().map(super::api::CallLog::id),
        "turns": turns,
        "wav": played.wav.as_ref().map(|path| path.display().to_string()),
    })
}

/// What the caller said and heard, by turn: each turn of the caller's words takes as many utterances as it has words,
/// and the caller heard the agent's answer between its own utterances.
fn split(turns: &[Turn], report: &Report) -> Vec<(String, String)> {
    let mut said = report.said.iter().peekable();
    let mut groups: Vec<Vec<&Said>> = Vec::new();
    for turn in turns {
        let mut group = Vec::new();
        let mut words = turn.caller.split_whitespace().count();
        while let Some(next) = said.next_if(|_| words > 0) {
            words = words.saturating_sub(next.text.split_whitespace().count());
            group.push(next);
        }
        groups.push(group);
    }
    // What the agent says in answer is heard from the end of the caller's words to the end of their next ones.
    let ends: Vec<_> = groups.iter().map(|group| group.last().map(|said| said.end)).collect();
    groups
        .iter()
        .enumerate()
        .map(|(index, group)| {
            let text: Vec<&str> = group.iter().map(|said| said.text.as_str()).collect();
            let from = ends.get(index).copied().flatten();
            let to = ends.iter().skip(index + 1).flatten().next().copied();
            let in_turn = |word: &&HeardWord| {
                from.is_none_or(|from| word.end > from) && to.is_none_or(|to| word.end <= to)
            };
            let heard: Vec<&str> =
                report.heard.iter().filter(in_turn).map(|word| word.text.as_str()).collect();
            (text.join(" "), heard.join(" "))
        })
        .collect()
}

/// The summary.
pub(super) fn print(timeline: &Timeline, played: &[Played], story: Option<&Story>, problems: &[String]) {
    for (index, played) in played.iter().enumerate() {
        timeline.line(&format!("\nCall {}, read back from the platform", index + 1));
        if let Some(log) = &played.log {
            timeline.line(&format!("  id        {} ({})", log.id(), log.status()));
            for turn in &log.transcript.turns {
                print_turn(timeline, turn);
            }
            for memory in recalled(log) {
                timeline.line(&format!("  recalled  {memory}"));
            }
        }
        if let Some(wav) = &played.wav {
            timeline.line(&format!("  recording {}", wav.display()));
        }
    }
    if let Some(story) = story {
        timeline.line(&format!(
            "\nThe uploaded tool: live {} ms after it was sent; its bad version was taken back because {}",
            story.good.took.as_millis(),
            story.why
        ));
    }
    timeline.line("");
    if problems.is_empty() {
        timeline.outcome(true, "Everything was as it should be.");
    }
    for problem in problems {
        timeline.outcome(false, &format!("not as it should be: {problem}"));
    }
}

fn print_turn(timeline: &Timeline, turn: &Turn) {
    timeline.line(&format!("  turn {}", turn.turn));
    if !turn.caller.is_empty() {
        let mood = turn.sentiment.as_ref().map(|mood| format!("  [{} {:+.2}]", mood.label, mood.score));
        timeline.line(&format!("    caller  {}{}", turn.caller, mood.unwrap_or_default()));
    }
    for tool in &turn.tools {
        let outcome = tool.outcome.as_deref().unwrap_or("unfinished");
        timeline.line(&format!(
            "    tool    {} {} -> {outcome}, {} ms",
            tool.name, tool.arguments, tool.duration_ms
        ));
    }
    let cut = if turn.interrupted { "  [interrupted]" } else { "" };
    timeline.line(&format!("    heard   {}{cut}", turn.heard));
    if let Some(latency) = &turn.latency_ms {
        let stages: Vec<String> = latency
            .stages()
            .iter()
            .filter(|(_, spent)| *spent >= 0.05)
            .map(|(name, spent)| format!("{name} {spent:.1}"))
            .collect();
        timeline.line(&format!("    latency {:.1} ms = {}", latency.total, stages.join(" + ")));
    }
}
