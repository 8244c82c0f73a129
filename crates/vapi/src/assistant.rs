//! An assistant that is made for one call.

use std::time::Duration;

use serde_json::{Map, Value, json};

/// The longest name that Vapi takes for an assistant, in characters.
const NAME_MAX: usize = 40;

/// The longest name that Vapi takes for a function.
const FUNCTION_NAME_MAX: usize = 64;

/// The messages that a server of ours has a use for. Vapi's own choice adds every word that is spoken.
const MESSAGES: [&str; 4] =
    ["status-update", "end-of-call-report", "tool-calls", "transfer-destination-request"];

/// An assistant that is made for one call.
#[derive(Clone, Debug, PartialEq)]
pub struct Assistant {
    /// Its name.
    pub name: String,
    /// What it says first; where empty, it waits for the caller to speak.
    pub first_message: String,
    /// What it is told about itself.
    pub instructions: String,
    /// Who thinks for it.
    pub model: Model,
    /// Who speaks for it; Vapi's choice where absent.
    pub voice: Option<Voice>,
    /// What it can do.
    pub tools: Vec<FunctionTool>,
    /// Where its messages and its tool calls go. Where absent, they go where the request for the assistant came from:
    /// to the server of the telephone number or of the organisation, with that server's credential.
    pub server: Option<Server>,
}

/// A language model, in Vapi's words for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// For example `openai`.
    pub provider: String,
    /// For example `gpt-4o`.
    pub name: String,
}

/// A voice, in Vapi's words for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voice {
    /// For example `vapi`.
    pub provider: String,
    /// The provider's id of the voice.
    pub id: String,
}

/// A server of ours. Requests to it carry no proof of their origin unless a credential is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its address.
    pub url: String,
    /// The id, at Vapi, of the credential by which its requests are proven.
    pub credential_id: String,
    /// How long Vapi waits for a reply; it takes 1 to 300 s.
    pub timeout: Duration,
}

/// A tool that Vapi asks the server to run.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionTool {
    name: String,
    description: String,
    parameters: Value,
}

/// Why a tool cannot be offered to Vapi.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTool {
    /// The name has other characters than letters, digits, `_` and `-`, or more than 64.
    #[error("the name of the function is not one that Vapi takes")]
    Name,
    /// The parameters are not the JSON schema of an object.
    #[error("the parameters of the function are not the schema of an object")]
    Parameters,
}

impl FunctionTool {
    /// A tool with this name, a description for the model, and the JSON schema of its parameters.
    ///
    /// # Errors
    /// Where Vapi would refuse the assistant for it.
    pub fn new(name: &str, description: &str, parameters: Value) -> Result<Self, InvalidTool> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if !(1..=FUNCTION_NAME_MAX).contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(InvalidTool::Name);
        }
        let Value::Object(mut schema) = parameters else { return Err(InvalidTool::Parameters) };
        if schema.get("type").is_some_and(|kind| kind != "object") {
            return Err(InvalidTool::Parameters);
        }
        // Vapi requires both; a schema without them allows the same.
        schema.entry("type").or_insert_with(|| "object".into());
        if !schema.entry("properties").or_insert_with(|| Map::new().into()).is_object() {
            return Err(InvalidTool::Parameters);
        }
        Ok(Self { name: name.to_owned(), description: description.to_owned(), parameters: schema.into() })
    }

    fn to_json(&self, server: Option<&Value>) -> Value {
        let mut tool = json!({
            "type": "function",
            "function": { "name": self.name, "description": self.description, "parameters": self.parameters },
        });
        put(&mut tool, "server", server.cloned());
        tool
    }
}

impl Assistant {
    pub(crate) fn to_json(&self) -> Value {
        let server = self.server.as_ref().map(Server::to_json);
        let tools: Vec<_> = self.tools.iter().map(|tool| tool.to_json(server.as_ref())).collect();
        let mut assistant = json!({
            "name": self.name.chars().take(NAME_MAX).collect::<String>(),
            "model": {
                "provider": self.model.provider,
                "model": self.model.name,
                "messages": [{ "role": "system", "content": self.instructions }],
                "tools": tools,
            },
            "serverMessages": MESSAGES,
        });
        let (key, value) = match self.first_message.as_str() {
            "" => ("firstMessageMode", "assistant-waits-for-user"),
            words => ("firstMessage", words),
        };
        put(&mut assistant, key, Some(value.into()));
        let voice =
            self.voice.as_ref().map(|voice| json!({ "provider": voice.provider, "voiceId": voice.id }));
        put(&mut assistant, "voice", voice);
        put(&mut assistant, "server", server);
        assistant
    }
}

impl Server {
    fn to_json(&self) -> Value {
        let seconds = self.timeout.as_secs().clamp(1, 300);
        json!({ "url": self.url, "credentialId": self.credential_id, "timeoutSeconds": seconds })
    }
}

fn put(object: &mut Value, key: &str, value: Option<Value>) {
    if let (Some(object), Some(value)) = (object.as_object_mut(), value) {
        object.insert(key.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assistant_has_the_form_of_vapis_schema() {
        let schema =
            json!({ "type": "object", "properties": { "day": { "type": "string" } }, "required": ["day"] });
        let tool = FunctionTool::new("book_slot", "Books.", schema.clone()).unwrap();
        let server = json!({ "url": "https://a.example/vapi", "credentialId": "cred", "timeoutSeconds": 20 });
        let assistant = Assistant { tools: vec![tool], ..receptionist() };
        assert_eq!(
            assistant.to_json(),
            json!({
                "name": "Receptionist",
                "firstMessage": "Hello!",
                "model": {
                    "provider": "openai",
                    "model": "gpt-4o",
                    "messages": [{ "role": "system", "content": "Be kind." }],
                    "tools": [{
                        "type": "function",
                        "function": { "name": "book_slot", "description": "Books.", "parameters": schema },
                        "server": server,
                    }],
                },
                "serverMessages": MESSAGES,
                "server": server,
            })
        );
    }

    #[test]
    fn without_a_greeting_it_waits_and_without_a_server_none_is_named() {
        let quiet =
            Assistant { first_message: String::new(), server: None, name: "ä".repeat(50), ..receptionist() };
        let json = quiet.to_json();
        assert_eq!(json["firstMessageMode"], "assistant-waits-for-user");
        assert_eq!((json.get("firstMessage"), json.get("server")), (None, None));
        assert_eq!(json["name"].as_str().unwrap().chars().count(), 40);
    }

    #[test]
    fn a_tool_that_vapi_would_refuse_is_refused_here() {
        let tool = |name: &str, parameters| FunctionTool::new(name, "", parameters);
        for name in ["", "two words", "käse", "a.b", &"a".repeat(65)] {
            assert_eq!(tool(name, json!({})), Err(InvalidTool::Name), "{name}");
        }
        for parameters in [json!(null), json!([]), json!({ "type": "string" }), json!({ "properties": 7 })] {
            assert_eq!(tool("a", parameters.clone()), Err(InvalidTool::Parameters), "{parameters}");
        }
        let plain = tool("a", json!({})).unwrap();
        assert_eq!(plain.parameters, json!({ "type": "object", "properties": {} }));
    }

    fn receptionist() -> Assistant {
        Assistant {
            name: "Receptionist".into(),
            first_message: "Hello!".into(),
            instructions: "Be kind.".into(),
            model: Model { provider: "openai".into(), name: "gpt-4o".into() },
            voice: None,
            tools: Vec::new(),
            server: Some(Server {
                url: "https://a.example/vapi".into(),
                credential_id: "cred".into(),
                timeout: Duration::from_secs(20),
            }),
        }
    }
}
