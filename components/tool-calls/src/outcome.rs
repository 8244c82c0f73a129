//! How a run ended, in words for whoever reads them.

use std::time::Duration;

use crate::bindings::exports::voicehive::platform::tool_calls::{
    Answer, Audience, Outcome, Problem, Refusal,
};
use crate::plan::is_name;

/// The longest outcome, in bytes.
pub const MAX_SHAPED: usize = 8192;

/// Stands at the end of an outcome that was cut.
const CUT_MARKER: &str = " [cut here: the result is too long]";

/// The outcome as text for `audience`.
pub fn shape(outcome: Outcome, audience: Audience) -> String {
    let advice = advice(&outcome);
    let text = for_audience(&words(outcome), audience);
    let Some(advice) = advice else { return limit(text, MAX_SHAPED) };
    let advice = for_audience(&advice, audience);
    let separator = match audience {
        Audience::Model => "\n",
        Audience::Vapi => " ",
    };
    // Advice that comes after what was cut would be lost with it.
    let room = MAX_SHAPED.saturating_sub(separator.len() + advice.len());
    [limit(text, room).as_str(), separator, &advice].concat()
}

/// What else the model is told of an outcome, after its words.
fn advice(outcome: &Outcome) -> Option<String> {
    let Outcome::Success(Answer { follow_up: Some(tool), .. }) = outcome else { return None };
    is_name(tool).then(|| format!("[The tool advises you to call `{tool}` next, if it serves the caller.]"))
}

fn for_audience(text: &str, audience: Audience) -> String {
    match audience {
        Audience::Model => text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect(),
        Audience::Vapi => one_line(text),
    }
}

fn words(outcome: Outcome) -> String {
    match outcome {
        Outcome::Success(answer) if answer.content.trim().is_empty() => {
            "Done. The tool gave no details.".to_owned()
        }
        Outcome::Success(answer) => answer.content,
        Outcome::Confirm(question) if question.trim().is_empty() => {
            "Nothing was done yet. Ask the caller whether you shall go ahead. If they agree, call the tool again with \
             the same arguments; otherwise leave it."
                .to_owned()
        }
        Outcome::Confirm(question) => format!(
            "Nothing was done yet. Ask the caller exactly this, and wait for the answer: {question}\nIf they agree, call \
             the tool again with the same arguments; otherwise leave it, and do not claim that it is done."
        ),
        Outcome::Failure(reason) if reason.trim().is_empty() => {
            "The tool could not do it and gave no reason. Tell the caller and offer something else."
                .to_owned()
        }
        Outcome::Failure(reason) => format!("The tool could not do it: {reason}"),
        Outcome::Timeout(ms) => format!(
            "The tool did not answer within {}. It is not known whether it acted. Tell the caller that this takes \
             longer than expected; do not claim that it is done, and do not try again unasked.",
            seconds(Duration::from_millis(ms.into()))
        ),
        Outcome::Fault => {
            "The tool failed for a technical reason. Tell the caller that this is not possible at the \
                           moment and offer something else; do not claim that it is done."
                .to_owned()
        }
        Outcome::Refused(refusal) => refused(refusal),
    }
}

fn refused(refusal: Refusal) -> String {
    match refusal {
        Refusal::UnknownTool(known) if known.is_empty() => {
            "There is no such tool, and no other either. Go on without.".to_owned()
        }
        Refusal::UnknownTool(known) => {
            format!("There is no such tool. These exist: {}.", known.join(", "))
        }
        Refusal::MalformedArguments(place) => format!(
            "The tool was not run, because the arguments are not a JSON object: {place}. Call it again with the \
             arguments mended."
        ),
        Refusal::InvalidArguments(problems) => format!(
            "The tool was not run, because the arguments do not fit. Mend them and call it again; ask the caller for \
             what you do not know.{}",
            problems.iter().map(problem).collect::<String>()
        ),
        // What is wrong with it is for the tenant, not for the caller.
        Refusal::InvalidDefinition(_) => "This tool is out of order and was not run. Do not call it again; tell the \
                                          caller that this is not possible at the moment and offer something else."
            .to_owned(),
    }
}

fn problem(problem: &Problem) -> String {
    let place = if problem.path.is_empty() { "the arguments" } else { problem.path.as_str() };
    format!("\n- {place}: {}.", problem.message.trim_end_matches('.'))
}

fn seconds(time: Duration) -> String {
    match time.as_millis() {
        1000 => "1 second".to_owned(),
        ms if ms % 1000 == 0 => format!("{} seconds", ms / 1000),
        ms => format!("{ms} milliseconds"),
    }
}

/// `text` with every line break and the indentation after it turned into one
/// space. In JSON a bare line break stands between tokens only, so this does not
/// change what it means.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut after_break = false;
    for c in text.trim().chars() {
        if is_line_break(c) {
            after_break = true;
            continue;
        }
        if after_break && c.is_whitespace() {
            continue;
        }
        if after_break && !line.ends_with(' ') {
            line.push(' ');
        }
        after_break = false;
        match c {
            '\t' => line.push(' '),
            c if c.is_control() => {}
            c => line.push(c),
        }
    }
    line
}

/// What Unicode says begins a new line (UAX #14, classes BK, CR, LF, NL).
fn is_line_break(c: char) -> bool {
    matches!(c, '\n' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn limit(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes.saturating_sub(CUT_MARKER.len())));
        text.push_str(CUT_MARKER);
    }
    text
}
