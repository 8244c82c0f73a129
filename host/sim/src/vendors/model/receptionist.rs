//! The receptionist's rules, first match first.

use serde_json::Value;

use super::errand;
use super::memory::{self, Known};
use super::read::{Request, Turn};
use super::slots::{Slot, day_beyond, is_exact, picked};
use super::tool::{self, Action, ask, diary};
use super::{Reply, ToolCall};

/// How many free times are read out: enough for a sentence that is worth interrupting.
const READ_OUT: usize = 4;

const ASK_NAME: &str = "What name may I put it under?";
const ASK_AGAIN: &str = "I am sorry, I did not understand that. Could you say it again?";
const FAREWELL: &str = "Thank you for calling. Goodbye.";

/// Answers a request.
pub fn reply(request: &Request) -> Reply {
    let desk = Desk::new(request);
    match request.turns.last() {
        None | Some(Turn::Assistant(_)) => desk.greet(),
        Some(Turn::User(text)) => desk.answer(text),
        Some(Turn::Ran { tool, arguments, result }) => desk.report(tool, arguments, result),
    }
}

/// The request, and what follows from all of it.
struct Desk<'a> {
    request: &'a Request,
    /// Free times of the last list, if nothing was booked since.
    slots: Vec<Slot>,
    known: Option<Known>,
    /// Whether the caller wants an appointment changed, not a new one.
    moving: bool,
}

impl<'a> Desk<'a> {
    fn new(request: &'a Request) -> Self {
        let mut slots = Vec::new();
        let mut known = memory::appointment(&request.system);
        let mut moving = false;
        for turn in &request.turns {
            match turn {
                Turn::User(text) => moving = (moving || wants_move(text)) && !wants_new(text),
                Turn::Assistant(_) => {}
                Turn::Ran { arguments, result, .. } => {
                    let result: Value = serde_json::from_str(result).unwrap_or(Value::Null);
                    if let Some(list) = result.get("slots").and_then(Value::as_array) {
                        slots = list.iter().filter_map(|slot| Slot::parse(slot.as_str()?)).collect();
                        known = known.or_else(|| listed(&result));
                    } else if let Some(done) = appointment(&result) {
                        slots.clear();
                        let cancelled = action(arguments) == "cancel";
                        known = (!cancelled).then_some(done);
                        moving = false;
                    }
                }
            }
        }
        Self { request, slots, known, moving }
    }

    fn greet(&self) -> Reply {
        Reply::say("Hello, how can I help you?")
    }

    fn answer(&self, text: &str) -> Reply {
        let lower = text.to_lowercase();
        if says_goodbye(&lower) {
            return self.farewell();
        }
        if let Some(slot) = self.chosen(text) {
            return self.take(&slot);
        }
        if let Some(reply) = errand::answer(self.request, text) {
            return reply;
        }
        if wants_cancel(&lower) && self.known.is_some() {
            return self.ask_diary(Action::Cancel { id: self.known_id() });
        }
        if !self.slots.is_empty() && has_word(&lower, &["repeat", "again", "which", "what"]) {
            return Reply::say(self.offer());
        }
        if wants_move(&lower) || wants_new(&lower) || mentions_diary(&lower) {
            return self.ask_diary(Action::List { date: None });
        }
        if let Some(name) = stated_name(text) {
            return Reply::say(format!("Thank you, {name}. How can I help you?"));
        }
        if has_word(&lower, &["hello", "hi", "hey", "morning", "afternoon"]) {
            return self.greet();
        }
        if has_word(&lower, &["thanks", "thank"]) {
            return Reply::say("You are welcome. Is there anything else I can do for you?");
        }
        Reply::say(ASK_AGAIN)
    }

    /// The time that the caller means: by these words or, after the question for the name, by those before.
    fn chosen(&self, text: &str) -> Option<Slot> {
        let asked_name = self
            .request
            .turns
            .iter()
            .rev()
            .nth(1)
            .is_some_and(|turn| matches!(turn, Turn::Assistant(said) if said.contains(ASK_NAME)));
        let earlier = self.request.user_texts().rev().nth(1).filter(|_| asked_name);
        picked(text, &self.slots).or_else(|| picked(earlier?, &self.slots)).cloned()
    }

    fn take(&self, slot: &Slot) -> Reply {
        if self.moving {
            return self.ask_diary(Action::Move { id: self.known_id(), start: slot.raw.clone() });
        }
        match self.name() {
            None => Reply::say(ASK_NAME),
            Some(name) => self.ask_diary(Action::Book { start: slot.raw.clone(), name }),
        }
    }

    /// What the caller is called: what they said last counts most.
    fn name(&self) -> Option<String> {
        let asked = self.request.turns.windows(2).rev().find_map(|pair| match pair {
            [Turn::Assistant(question), Turn::User(answer)] if question.contains(ASK_NAME) => {
                Some(answer.trim().trim_end_matches(['.', '!', ',']).to_owned())
            }
            _ => None,
        });
        self.request
            .user_texts()
            .rev()
            .find_map(stated_name)
            .or(asked)
            .or_else(|| memory::name(&self.request.system))
    }

    fn known_id(&self) -> Option<String> {
        self.known.as_ref().and_then(|known| known.id.clone())
    }

    fn ask_diary(&self, action: Action) -> Reply {
        match diary(self.request) {
            Some(tool) => Reply::call(ask(tool, action)),
            None => Reply::say("I am sorry, I cannot look into the diary at the moment."),
        }
    }

    fn farewell(&self) -> Reply {
        let tool_calls: Vec<ToolCall> = tool::end_call(self.request).into_iter().collect();
        Reply { text: FAREWELL.into(), tool_calls }
    }

    /// Says what came of a tool.
    fn report(&self, tool: &str, arguments: &Value, result: &str) -> Reply {
        if diary(self.request).is_none_or(|diary| diary.name != tool) {
            let farewell = || Reply::say(if result.trim().is_empty() { FAREWELL } else { "Goodbye." });
            return errand::report(tool, result).unwrap_or_else(farewell);
        }
        let Ok(result) = serde_json::from_str::<Value>(result) else {
            return Reply::say(format!(
                "I am sorry, that did not work: {result} Shall I look for another time?"
            ));
        };
        if result.get("slots").is_some() {
            return self.report_slots(arguments);
        }
        let when = result.get("start").and_then(Value::as_str).and_then(Slot::parse);
        let (Some(_), Some(when)) = (appointment(&result), when) else {
            return Reply::say("I am sorry, that did not work. Shall I look for another time?");
        };
        let when = when.spoken();
        Reply::say(match action(arguments) {
            "cancel" => format!("Your appointment on {when} is cancelled. Is there anything else?"),
            "move" | "reschedule" => {
                format!("Done, I have moved your appointment to {when}. Is there anything else?")
            }
            _ => format!("Done, you are booked for {when}. Is there anything else?"),
        })
    }

    fn report_slots(&self, arguments: &Value) -> Reply {
        let last = self.request.user_texts().next_back().unwrap_or_default();
        if arguments.get("date").is_none()
            && let Some(date) = day_beyond(last, &self.slots)
        {
            return self.ask_diary(Action::List { date: Some(date) });
        }
        if is_exact(last)
            && let Some(slot) = picked(last, &self.slots)
        {
            return self.take(slot);
        }
        Reply::say(self.offer())
    }

    /// One long sentence, so that there is something to interrupt.
    fn offer(&self) -> String {
        let memory = match self.known.as_ref().filter(|_| self.moving) {
            Some(Known { when: Some(when), .. }) => format!("I remember your appointment on {when}. "),
            Some(_) => "I remember your appointment. ".to_owned(),
            None => String::new(),
        };
        if self.slots.is_empty() {
            return format!("{memory}I am sorry, there is nothing free in the next days.");
        }
        let times: Vec<String> = self.slots.iter().take(READ_OUT).map(Slot::spoken).collect();
        let verb = if self.moving { "I can move it to" } else { "I can offer you" };
        format!("{memory}{verb} {}; which one would suit you best?", times.join(", or "))
    }
}

fn action(arguments: &Value) -> &str {
    arguments.get("action").and_then(Value::as_str).unwrap_or_default()
}

/// The appointment that a tool's result tells of.
fn appointment(result: &Value) -> Option<Known> {
    let id = result.get("id").or_else(|| result.get("reference"))?.as_str()?;
    let when = result.get("start").and_then(Value::as_str).and_then(Slot::parse).map(|slot| slot.spoken());
    Some(Known { id: Some(id.to_owned()), when })
}

/// The caller's own appointment, where a list tells of it.
fn listed(result: &Value) -> Option<Known> {
    appointment(result.get("appointments")?.as_array()?.first()?)
}

fn has_word(text: &str, wanted: &[&str]) -> bool {
    text.split(|character: char| !character.is_alphanumeric() && character != '\'')
        .any(|word| wanted.iter().any(|wanted| word.eq_ignore_ascii_case(wanted)))
}

fn says_goodbye(text: &str) -> bool {
    has_word(text, &["goodbye", "bye"]) || text.contains("that is all") || text.contains("that's all")
}

fn wants_move(text: &str) -> bool {
    has_word(text, &["move", "reschedule", "change", "postpone", "shift"])
}

fn wants_cancel(text: &str) -> bool {
    has_word(text, &["cancel"])
}

fn wants_new(text: &str) -> bool {
    let lower = text.to_lowercase();
    has_word(&lower, &["book"]) || lower.contains("new appointment") || lower.contains("an appointment")
}

fn mentions_diary(text: &str) -> bool {
    has_word(text, &["appointment", "appointments", "slot", "slots", "available", "free", "visit", "see"])
}

/// The name that the caller gives, in the usual words.
fn stated_name(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let start = ["my name is ", "this is ", "i am called ", "name's "]
        .iter()
        .find_map(|mark| Some(lower.find(mark)? + mark.len()))?;
    let name: Vec<&str> = text
        .get(start..)?
        .split([',', '.', ';', '!', '?'])
        .next()?
        .split_whitespace()
        .take_while(|word| word.chars().next().is_some_and(char::is_uppercase))
        .collect();
    (!name.is_empty()).then(|| name.join(" "))
}

#[cfg(test)]
mod tests;
