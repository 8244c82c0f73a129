//! What a call's core is told before it begins.

use anyhow::Context as _;
use events::CallEvent;
use events::transcript::Transcript;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use turn::{AgentConfig, CallContext, Message, ToolCall};

use super::{Admitted, tones};

/// What other platforms are told of an agent, and the call core is not, begins so.
const FOREIGN: &str = "vapi_";

/// The agent's configuration as stored.
///
/// # Errors
/// Where it does not fit; names the setting.
pub fn agent_config(agent: &store::Agent) -> Result<AgentConfig, serde_json::Error> {
    let mut stored = agent.config.clone();
    if let Some(settings) = stored.as_object_mut() {
        settings.retain(|name, _| !name.starts_with(FOREIGN));
    }
    serde_json::from_value(stored)
}

/// The agent's configuration, with what it must know of here and now.
///
/// # Errors
/// Where the stored configuration does not fit; names the setting.
pub fn config_of_call(admitted: &Admitted, now: Timestamp) -> anyhow::Result<AgentConfig> {
    let mut config = agent_config(&admitted.agent)
        .with_context(|| format!("the configuration of agent {}", admitted.agent.id))?;
    let zone = TimeZone::get(&admitted.tenant.time_zone)
        .with_context(|| format!("the time zone of tenant {}", admitted.tenant.id))?;
    let local = now.to_zoned(zone);
    let variables = &admitted.call.variables;
    config.instructions = filled(&config.instructions, variables);
    config.greeting = filled(&config.greeting, variables);
    config.transfer_briefing = config.transfer_briefing.map(|briefing| filled(&briefing, variables));
    let number = if admitted.person().is_empty() { "withheld" } else { admitted.person() };
    let whose = match admitted.call.direction {
        store::Direction::Inbound => "The caller's number",
        store::Direction::Outbound => "You placed this call. The number you called",
    };
    config.instructions.push_str(&format!(
        "\n\nNow: {} ({}).\n{whose}: {number}.",
        local.strftime("%A %-d %B %Y, %H:%M, %Y-%m-%dT%H:%M"),
        admitted.tenant.time_zone,
    ));
    config.validate().with_context(|| format!("the configuration of agent {}", admitted.agent.id))?;
    Ok(config)
}

/// `text` with each `{{name}}` replaced by the call's variable of that name. One that the call does not have is left out: an
/// agent must not say it. Braces around anything else are text.
fn filled(text: &str, variables: &serde_json::Map<String, serde_json::Value>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let named = after.split_once("}}").filter(|(name, _)| is_name(name.trim()));
        let Some((name, behind)) = named else {
            filled.push_str("{{");
            rest = after;
            continue;
        };
        match variables.get(name.trim()) {
            Some(serde_json::Value::String(value)) => filled.push_str(value),
            Some(value) if !value.is_null() => filled.push_str(&value.to_string()),
            _ => tracing::debug!(name = name.trim(), "a call has no such variable"),
        }
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

/// What the core knows of the call: for one that goes on after its media socket
/// was lost, the conversation so far.
pub fn call_context(admitted: &Admitted, log: &[CallEvent], memories: Vec<String>) -> CallContext {
    let mut context = CallContext::mulaw(admitted.call.id.to_string());
    context.direction = match admitted.call.direction {
        store::Direction::Inbound => turn::Direction::Inbound,
        store::Direction::Outbound => turn::Direction::Outbound,
    };
    context.tones = tones::mulaw();
    context.caller_known = !admitted.person().is_empty();
    context.memories = memories;
    if log.iter().any(|event| matches!(event, CallEvent::MediaConnected { .. })) {
        let transcript = Transcript::project(log);
        context.first_turn = transcript.turns.last().map_or(0, |turn| turn.turn + 1);
        context.history = history(&transcript);
    }
    context
}

fn history(transcript: &Transcript) -> Vec<Message> {
    let mut messages = Vec::new();
    for turn in &transcript.turns {
        if !turn.caller.is_empty() {
            messages.push(Message::User { content: turn.caller.clone() });
        }
        // A tool that was called and left no result may have acted; the model must know.
        let tool_calls: Vec<ToolCall> = turn
            .tools
            .iter()
            .map(|tool| ToolCall {
                id: tool.id.clone(),
                name: tool.name.clone(),
                arguments: tool.arguments.clone(),
            })
            .collect();
        if !tool_calls.is_empty() {
            messages.push(Message::Assistant { content: String::new(), tool_calls });
        }
        messages.extend(turn.tools.iter().map(|tool| Message::Tool {
            tool_call_id: tool.id.clone(),
            content: match &tool.outcome {
                Some(_) => tool.text.clone(),
                None => "It is not known whether this was done. Check before doing it again.".into(),
            },
        }));
        if !turn.heard.is_empty() {
            messages.push(Message::Assistant { content: turn.heard.clone(), tool_calls: Vec::new() });
        }
    }
    messages
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn variables_are_filled_in_and_what_is_absent_is_left_out() {
        let variables = json!({ "name": "Ada", "visits": 3, "braces": "{{name}}" });
        let variables = variables.as_object().unwrap();
        for (text, expected) in [
            ("Hello {{name}}, this is your visit {{ visits }}.", "Hello Ada, this is your visit 3."),
            ("Hello {{nobody}}!", "Hello !"),
            ("{{braces}}", "{{name}}"),
            ("A lone {{ stays, and {so} does this}}", "A lone {{ stays, and {so} does this}}"),
            ("{{{{name}}}}", "{{Ada}}"),
            ("open {{", "open {{"),
            ("", ""),
        ] {
            assert_eq!(filled(text, variables), expected, "{text}");
        }
    }

    #[test]
    fn the_conversation_so_far_is_told_with_what_was_heard() {
        let log = [
            CallEvent::TurnFinished {
                turn: 0,
                said: "Hello, how can I help?".into(),
                heard: "Hello, how".into(),
                interrupted: true,
                latency: None,
            },
            CallEvent::TurnCommitted { turn: 1, text: "Book me in".into() },
            CallEvent::ToolCalled {
                turn: 1,
                id: "x".into(),
                name: "appointments".into(),
                arguments: "{}".into(),
            },
        ];
        let messages = history(&Transcript::project(&log));
        assert_eq!(messages[0], Message::Assistant { content: "Hello, how".into(), tool_calls: vec![] });
        assert_eq!(messages[1], Message::User { content: "Book me in".into() });
        assert!(matches!(&messages[3], Message::Tool { content, .. } if content.contains("not known")));
    }
}
