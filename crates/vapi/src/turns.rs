//! A conversation, from the messages that a call has left.

use std::time::Duration;

use serde_json::Value;

use crate::reading::{list, millis, text};

/// Turns that are read of one call. Vapi ends calls after twelve hours at the latest; people take turns every few
/// seconds, and only machines that talk to each other come further.
const TURNS_MAX: u32 = 1000;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The agent: `assistant`, or `bot` in a call's messages.
    Assistant,
    /// The person at the other end.
    User,
}

/// What one side said in a turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// The words.
    pub text: String,
    /// When they began, in milliseconds since 1970.
    pub began: Option<u64>,
    /// When they ended, likewise.
    pub ended: Option<u64>,
}

/// One exchange: what the caller said, and what the agent said until the caller spoke again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Its position. 0 is what the agent says unasked at the beginning; the caller's first words begin turn 1.
    pub number: u32,
    /// The caller's words.
    pub caller: Option<Words>,
    /// The agent's words as they were spoken.
    pub agent: Option<Words>,
    /// How long the answer took, where the report says.
    pub latency: Option<TurnLatency>,
}

/// How long an answer took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TurnLatency {
    /// Until the silence had proved that the caller was done.
    pub endpointing: Duration,
    /// For the transcript.
    pub transcriber: Duration,
    /// To the model's first token.
    pub model: Duration,
    /// To the first speech.
    pub voice: Duration,
    /// All of it. Not less than the parts together, whatever the report says.
    pub total: Duration,
}

/// The turns of a finished call. Vapi does not say to which turn a latency belongs; both are in order, so the answered
/// turns are given the latencies in order.
pub(crate) fn of_report(message: &Value) -> Vec<Turn> {
    let artifact = message.get("artifact").unwrap_or(&Value::Null);
    let lists = [(artifact, "messages"), (message, "messages"), (artifact, "messagesOpenAIFormatted")];
    let mut turns = lists
        .into_iter()
        .map(|(place, key)| fold(list(place, key).iter().filter_map(spoken)))
        .find(|turns| !turns.is_empty())
        .unwrap_or_else(|| fold(lines(&text(artifact, "transcript").unwrap_or_default())));
    let metrics = artifact.get("performanceMetrics").unwrap_or(&Value::Null);
    let answered = turns.iter_mut().filter(|turn| turn.caller.is_some() && turn.agent.is_some());
    for (turn, latency) in answered.zip(list(metrics, "turnLatencies")) {
        turn.latency = Some(TurnLatency::read(latency));
    }
    turns
}

/// The number of the turn in which a call is, by the messages so far; 0 where there are none.
pub(crate) fn current(message: &Value) -> u32 {
    let artifact = message.get("artifact").unwrap_or(&Value::Null);
    let turns = fold(list(artifact, "messages").iter().filter_map(spoken));
    turns.last().map_or(0, |turn| turn.number)
}

impl TurnLatency {
    fn read(value: &Value) -> Self {
        let part = |key: &str| {
            let millis = value.get(key).and_then(Value::as_f64).unwrap_or_default();
            Duration::try_from_secs_f64(millis / 1000.0).unwrap_or_default().min(LATENCY_MAX)
        };
        let [endpointing, transcriber, model, voice] =
            ["endpointingLatency", "transcriberLatency", "modelLatency", "voiceLatency"].map(part);
        let total = part("turnLatency").max(endpointing + transcriber + model + voice);
        Self { endpointing, transcriber, model, voice, total }
    }
}

/// Nobody waits longer for an answer; what says so is wrong.
const LATENCY_MAX: Duration = Duration::from_secs(3600);

/// Joins what each side said in a row.
fn fold(spoken: impl Iterator<Item = (Role, Words)>) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    for (role, words) in spoken {
        let last = turns.last().map(|turn| (turn.number, turn.agent.is_some()));
        let number = match (role, last) {
            (Role::Assistant, None) => 0,
            (Role::User, None) => 1,
            (Role::User, Some((number, true))) => number + 1,
            (_, Some((number, _))) => number,
        };
        if last.is_none_or(|(last, _)| last != number) {
            if number > TURNS_MAX {
                break;
            }
            turns.push(Turn { number, ..Turn::default() });
        }
        if let Some(turn) = turns.last_mut() {
            let side = match role {
                Role::Assistant => &mut turn.agent,
                Role::User => &mut turn.caller,
            };
            side.get_or_insert_default().join(words);
        }
    }
    turns
}

impl Words {
    fn join(&mut self, more: Self) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(more.text.trim());
        self.began = self.began.or(more.began);
        self.ended = more.ended.or(self.ended);
    }
}

pub(crate) fn role(word: &str) -> Option<Role> {
    match word {
        "assistant" | "bot" => Some(Role::Assistant),
        "user" => Some(Role::User),
        _ => None,
    }
}

fn spoken(item: &Value) -> Option<(Role, Words)> {
    let role = role(item.get("role")?.as_str()?)?;
    let text = text(item, "message").or_else(|| text(item, "content"))?;
    let began = millis(item, "time");
    let words = Words { text, began, ended: millis(item, "endTime").or(began) };
    (!words.text.trim().is_empty()).then_some((role, words))
}

/// The turns of a plain transcript: `AI: ..` and `User: ..`, one line each. A line without a speaker goes on with the
/// words before it.
fn lines(transcript: &str) -> impl Iterator<Item = (Role, Words)> {
    let mut speaker = None;
    transcript.lines().filter_map(move |line| {
        let named = [("AI: ", Role::Assistant), ("User: ", Role::User)]
            .into_iter()
            .find_map(|(name, role)| Some((role, line.strip_prefix(name)?)));
        let (role, text) = match named {
            Some(named) => named,
            None => (speaker?, line),
        };
        speaker = Some(role);
        let text = text.trim();
        (!text.is_empty()).then(|| (role, Words { text: text.to_owned(), ..Words::default() }))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_in_a_row_are_one_side_of_a_turn() {
        let turns = of_report(&json!({ "artifact": { "messages": [
            { "role": "system", "message": "Be kind.", "time": 1 },
            { "role": "bot", "message": "Hello.", "time": 1000, "endTime": 1900.5 },
            { "role": "user", "message": "Hi, I want", "time": 2000, "endTime": 2500 },
            { "role": "user", "message": "a haircut.", "time": 2600, "endTime": 3000 },
            { "role": "tool_calls", "message": "", "toolCalls": [], "time": 3100 },
            { "role": "tool_call_result", "result": "free at four", "toolCallId": "t", "time": 3200 },
            { "role": "assistant", "message": "At four?", "time": 4000, "endTime": 4500 },
            { "role": "bot", "message": "Or five?" },
            { "role": "user", "message": "Four." },
        ] } }));
        let said = |words: &Option<Words>| words.as_ref().map(|words| words.text.clone()).unwrap_or_default();
        let said: Vec<_> =
            turns.iter().map(|turn| (turn.number, said(&turn.caller), said(&turn.agent))).collect();
        assert_eq!(
            said,
            [
                (0, String::new(), "Hello.".to_owned()),
                (1, "Hi, I want a haircut.".to_owned(), "At four? Or five?".to_owned()),
                (2, "Four.".to_owned(), String::new()),
            ]
        );
        let caller = turns[1].caller.as_ref().unwrap();
        assert_eq!((caller.began, caller.ended), (Some(2000), Some(3000)));
        assert_eq!(turns[1].agent.as_ref().unwrap().ended, Some(4500));
    }

    #[test]
    fn latencies_go_to_the_answered_turns_and_never_fall_short_of_their_parts() {
        let turns = of_report(&json!({ "artifact": {
            "messages": [
                { "role": "bot", "message": "Hello." },
                { "role": "user", "message": "Yes?" },
                { "role": "bot", "message": "Yes." },
                { "role": "user", "message": "And?" },
                { "role": "bot", "message": "And." },
                { "role": "user", "message": "Bye." },
            ],
            "performanceMetrics": { "turnLatencies": [
                { "modelLatency": 400.5, "voiceLatency": 150, "transcriberLatency": 90, "endpointingLatency": 300, "turnLatency": 1000 },
                { "modelLatency": 400, "voiceLatency": 200, "turnLatency": -5 },
            ] },
        } }));
        assert_eq!(turns[0].latency, None);
        let first = turns[1].latency.unwrap();
        assert_eq!((first.model, first.total), (Duration::from_micros(400_500), Duration::from_secs(1)));
        assert_eq!(turns[2].latency.unwrap().total, Duration::from_millis(600));
        assert_eq!(turns[3].latency, None);
    }

    #[test]
    fn a_plain_transcript_will_do() {
        let turns = of_report(&json!({ "artifact": {
            "transcript": "AI: Hello.\nHow can I help?\nUser: A haircut.\n\nAI: Four.",
        } }));
        assert_eq!(turns.len(), 2);
        assert_eq!(turns[0].agent.as_ref().unwrap().text, "Hello. How can I help?");
        assert_eq!(turns[1].caller.as_ref().unwrap().text, "A haircut.");
    }

    #[test]
    fn a_tool_is_called_in_the_turn_of_the_last_words() {
        let message = |roles: &[&str]| {
            let messages: Vec<_> = roles.iter().map(|role| json!({ "role": role, "message": "x" })).collect();
            current(&json!({ "artifact": { "messages": messages } }))
        };
        assert_eq!(message(&[]), 0);
        assert_eq!(message(&["bot", "user"]), 1);
        assert_eq!(message(&["system", "bot", "user", "bot", "user", "tool_calls"]), 2);
    }

    #[test]
    fn machines_that_talk_for_ever_are_cut() {
        let messages: Vec<_> = (0..5000)
            .map(|n| json!({ "role": if n % 2 == 0 { "bot" } else { "user" }, "message": "x" }))
            .collect();
        let turns = of_report(&json!({ "artifact": { "messages": messages } }));
        assert_eq!(turns.last().unwrap().number, TURNS_MAX);
    }
}
