//! Vapi, over the real capabilities, a real database, and a host that is played.

mod answers;
mod course;
mod hostile;
mod tools;

use std::future::ready;

use serde_json::{Map, Value, json};
use store::{Agent, Call};

use super::senders::{VAPI_HMAC_SECRET, VAPI_SECRET, vapi};
use super::setting::{CALLER, HostScript, NOW, NUMBER, Setting};
use crate::service::{HostAnswer, HostFault};

pub const PATH: &str = "/webhooks/vapi";
pub const CALL: &str = "2f1c2d0e-0000-4000-8000-000000000001";

/// A tenant with a number and a receptionist, Vapi's keys, and a host that answers.
async fn setting() -> Setting {
    let mut setting = Setting::new().await;
    let settings = setting.settings.as_mut().unwrap();
    settings.vapi_secrets = vec![VAPI_SECRET.to_owned()];
    settings.vapi_hmac_secrets = vec![VAPI_HMAC_SECRET.to_owned()];
    setting.host_script = Some(script(host));
    setting
}

async fn with_routing(table: &Value) -> Setting {
    let setting = setting().await;
    setting.store.set_routing(&setting.tenant, Some(&table.to_string())).await.unwrap();
    setting
}

/// Gives the receptionist these keys beside its own.
async fn configure(setting: &Setting, keys: Value) {
    let agent =
        setting.store.agent(&setting.tenant, &"receptionist".parse().unwrap()).await.unwrap().unwrap();
    let mut config = agent.config.as_object().unwrap().clone();
    config.extend(keys.as_object().unwrap().clone());
    let agent = Agent { config: config.into(), ..agent };
    setting.store.put_agent(&setting.tenant, &agent, NOW).await.unwrap();
}

/// A host as it should be.
fn host(path: &str, body: &str) -> Result<HostAnswer, HostFault> {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let answer = match path {
        "/internal/v1/assistant" => json!({
            "name": "Receptionist",
            "greeting": "Hello!",
            "instructions": "Be kind.",
            "tools": [
                { "name": "appointments", "description": "Books.", "parameters": { "type": "object" } },
                { "name": "no name", "description": "", "parameters": {} },
            ],
        }),
        "/internal/v1/tools" => json!({
            "outcome": "success",
            "text": format!("{} ran\nwith {}", body["name"].as_str().unwrap(), body["arguments"].as_str().unwrap()),
        }),
        _ => return Ok(HostAnswer { status: 204, body: Vec::new() }),
    };
    Ok(answered(200, &answer))
}

/// A host that answers at once.
fn script(host: impl Fn(&str, &str) -> Result<HostAnswer, HostFault> + 'static) -> HostScript {
    Box::new(move |path, body| Box::pin(ready(host(path, body))))
}

fn answered(status: u16, body: &Value) -> HostAnswer {
    HostAnswer { status, body: body.to_string().into_bytes() }
}

/// A message on the inbound call [`CALL`] with these fields.
fn message(kind: &str, fields: Value) -> String {
    let mut message = json!({
        "type": kind,
        "timestamp": 1_795_179_851_000_u64,
        "call": { "id": CALL, "type": "inboundPhoneCall" },
        "phoneNumber": { "number": NUMBER },
        "customer": { "number": CALLER },
    });
    message.as_object_mut().unwrap().extend(fields.as_object().cloned().unwrap_or_else(Map::new));
    json!({ "message": message }).to_string()
}

/// What a message is answered with, which must be with 200.
async fn send(setting: &Setting, kind: &str, fields: Value) -> Value {
    send_to(setting, PATH, &message(kind, fields)).await
}

async fn send_to(setting: &Setting, path: &str, body: &str) -> Value {
    let response = setting.send(&vapi(path, "authorization", &format!("Bearer {VAPI_SECRET}"), body)).await;
    assert_eq!(response.status(), 200, "{} {:?}", response.body(), setting.log.borrow());
    assert_eq!(response.headers()["content-type"], "application/json");
    serde_json::from_str(response.body()).unwrap()
}

/// The questions that the host was asked on this route.
fn asked(setting: &Setting, path: &str) -> Vec<Value> {
    let asked = setting.asked.borrow();
    asked
        .iter()
        .filter(|(route, _)| route == path)
        .map(|(_, body)| serde_json::from_str(body).unwrap())
        .collect()
}

async fn only_call(setting: &Setting) -> Call {
    let calls = setting.calls().await;
    let [call] = calls.as_slice() else { panic!("{calls:?}") };
    call.clone()
}
