use serde_json::{Value, json};

use super::*;

const SLOTS: &str =
    r#"{"slots":["2026-11-24T10:00","2026-11-24T15:00","2026-11-25T09:00"],"appointments":[]}"#;

#[test]
fn a_request_for_an_appointment_lists_offers_and_books() {
    let mut talk = Talk::new("You are a receptionist.");
    let call = talk.user("Hello, this is Ada Byron. I would like an appointment.").tool_calls.remove(0);
    assert_eq!(arguments(&call), json!({ "action": "list" }));
    let offer = talk.ran(&call, SLOTS);
    assert!(offer.text.contains("Tuesday 24 November at 15:00"), "{}", offer.text);
    assert!(offer.text.len() > 80, "long enough to interrupt");
    talk.assistant("I can offer you Tuesday");
    let call = talk.user("The second one, please.").tool_calls.remove(0);
    assert_eq!(
        arguments(&call),
        json!({ "action": "book", "start": "2026-11-24T15:00", "name": "Ada Byron" })
    );
    let done = talk.ran(&call, r#"{"id":"A-1","start":"2026-11-24T15:00","status":"booked"}"#);
    assert!(done.text.contains("booked for Tuesday 24 November at 15:00"));
    talk.assistant(&done.text);
    let farewell = talk.user("No, that is all. Goodbye.");
    assert!(farewell.text.contains("Goodbye"));
    assert_eq!(farewell.tool_calls[0].name, "end_call");
}

#[test]
fn a_day_that_was_not_offered_is_asked_for_and_an_exact_time_is_taken() {
    let mut talk = Talk::new("You are a receptionist.");
    let call = talk.user("My name is Grace Hopper. Is Friday at nine free?").tool_calls.remove(0);
    assert_eq!(arguments(&call), json!({ "action": "list" }));
    let call = talk.ran(&call, SLOTS).tool_calls.remove(0);
    assert_eq!(arguments(&call), json!({ "action": "list", "date": "2026-11-27" }));
    let call = talk.ran(&call, r#"{"slots":["2026-11-27T09:00","2026-11-27T10:00"]}"#).tool_calls.remove(0);
    assert_eq!(
        arguments(&call),
        json!({ "action": "book", "start": "2026-11-27T09:00", "name": "Grace Hopper" })
    );
}

#[test]
fn without_a_name_it_asks_for_one_and_then_books() {
    let mut talk = Talk::new("You are a receptionist.");
    let call = talk.user("Can I book a visit?").tool_calls.remove(0);
    let offer = talk.ran(&call, SLOTS);
    talk.assistant(&offer.text);
    let question = talk.user("Tuesday at three");
    assert_eq!(question.text, ASK_NAME);
    talk.assistant(&question.text);
    let call = talk.user("Grace Hopper.").tool_calls.remove(0);
    assert_eq!(
        arguments(&call),
        json!({ "action": "book", "start": "2026-11-24T15:00", "name": "Grace Hopper" })
    );
}

#[test]
fn a_remembered_appointment_is_moved() {
    let mut talk = Talk::new(
        "You are a receptionist.\n\nWhat you remember of this caller:\n- Booked: Tuesday 24 November 2026 at 15:00, reference A-1\n",
    );
    let call = talk.user("I need to move my appointment.").tool_calls.remove(0);
    assert_eq!(arguments(&call), json!({ "action": "list" }));
    let offer = talk.ran(&call, SLOTS);
    assert!(offer.text.starts_with("I remember your appointment on Tuesday 24 November 2026 at 15:00."));
    talk.assistant(&offer.text);
    let call = talk.user("Wednesday at nine, please.").tool_calls.remove(0);
    assert_eq!(arguments(&call), json!({ "action": "move", "id": "A-1", "start": "2026-11-25T09:00" }));
    let done = talk.ran(&call, r#"{"id":"A-1","start":"2026-11-25T09:00","status":"booked"}"#);
    assert!(done.text.contains("moved your appointment to Wednesday 25 November at 09:00"));
}

#[test]
fn without_memory_nothing_is_remembered() {
    let mut talk = Talk::new("You are a receptionist.");
    let call = talk.user("I need to move my appointment.").tool_calls.remove(0);
    let offer = talk.ran(&call, SLOTS);
    assert!(!offer.text.contains("remember"));
}

#[test]
fn a_failed_tool_is_owned_up_to() {
    let mut talk = Talk::new("You are a receptionist.");
    let call = talk.user("An appointment, please.").tool_calls.remove(0);
    let sorry = talk.ran(&call, "The diary is not available.");
    assert!(sorry.text.contains("did not work"));
}

#[test]
fn without_tools_it_says_so_and_what_it_does_not_understand_it_asks_again() {
    let request = json!({ "messages": [{ "role": "user", "content": "An appointment please" }] });
    assert!(reply(&Request::read(&request)).text.contains("cannot look into the diary"));
    let mut talk = Talk::new("");
    assert_eq!(talk.user("Purple monkey dishwasher.").text, ASK_AGAIN);
}

struct Talk {
    messages: Vec<Value>,
}

impl Talk {
    fn new(system: &str) -> Self {
        Self { messages: vec![json!({ "role": "system", "content": system })] }
    }

    fn user(&mut self, text: &str) -> Reply {
        self.messages.push(json!({ "role": "user", "content": text }));
        self.reply()
    }

    fn assistant(&mut self, text: &str) {
        self.messages.push(json!({ "role": "assistant", "content": text }));
    }

    fn ran(&mut self, call: &ToolCall, result: &str) -> Reply {
        self.messages.push(json!({ "role": "assistant", "content": null, "tool_calls": [{
            "id": call.id, "type": "function",
            "function": { "name": call.name, "arguments": call.arguments } }] }));
        self.messages.push(json!({ "role": "tool", "tool_call_id": call.id, "content": result }));
        self.reply()
    }

    fn reply(&self) -> Reply {
        let field = |kind: &str| json!({ "type": kind });
        let properties = json!({
            "action": { "type": "string", "enum": ["list", "book", "move", "cancel"] },
            "date": field("string"), "start": field("string"), "name": field("string"),
            "notes": field("string"), "id": field("string"),
        });
        let tools = json!([
            { "type": "function", "function": { "name": "appointments", "description": "The diary",
              "parameters": { "type": "object", "properties": properties, "required": ["action"] } } },
            { "type": "function", "function": { "name": "end_call", "description": "Hang up",
              "parameters": { "type": "object", "properties": {} } } },
        ]);
        reply(&Request::read(&json!({ "messages": self.messages, "tools": tools })))
    }
}

fn arguments(call: &ToolCall) -> Value {
    serde_json::from_str(&call.arguments).unwrap()
}
