//! The published Telnyx media-socket vectors, every entry.
#![cfg(test)]

use std::time::Duration;

use carriers::Track;
use carriers::reorder::{Chunk, Settings, Window};
use carriers::telnyx::{
    Message, Outbound, Session, encode_clear, encode_client_state, encode_mark, encode_media,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

#[test]
fn every_session_vector_holds() {
    let entries = entries("telnyx_media_session", include_str!("vectors/telnyx_media_session.json"), 2);
    for entry in &entries {
        let mut session = Session::new();
        let mut window = Window::new(Settings::default());
        let mut audio = Vec::new();
        let (mut digits, mut marks, mut problems, mut errors) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for text in entry["inputs"]["messages"].as_array().unwrap() {
            match session.handle(text.as_str().unwrap()) {
                Ok(Message::Media { track: Track::Inbound, chunk, timestamp, payload }) => {
                    let _ = window.push(Chunk { number: chunk, timestamp, payload }, Duration::ZERO);
                }
                Ok(Message::Dtmf { digit, occurred_at }) => digits.push((occurred_at, digit.to_string())),
                Ok(Message::Mark { name }) => marks.push(name),
                Ok(Message::Error { code, .. }) => problems.push(code),
                Ok(Message::Stop) => window.close(),
                Ok(_) => {}
                Err(error) => errors.push(error.code()),
            }
            while let Some(chunk) = window.pop(Duration::ZERO) {
                audio.extend_from_slice(&chunk.payload);
            }
        }
        digits.sort();
        let start = session.start().unwrap();
        let client_state =
            start.decode_client_state().unwrap().map(|state| String::from_utf8(state).unwrap());
        let found = json!({
            "stream_id": start.stream_id,
            "call_control_id": start.call_control_id,
            "call_session_id": start.call_session_id,
            "from": start.from,
            "to": start.to,
            "client_state_decoded": client_state,
            "custom_parameters": start.custom_parameters,
            "encoding": session.codec().unwrap().as_str(),
            "sample_rate": start.format.sample_rate,
            "inbound_audio_sha256": hex(&Sha256::digest(&audio)),
            "inbound_audio_len": audio.len(),
            "dtmf": digits.into_iter().map(|(_, digit)| digit).collect::<Vec<_>>(),
            "marks": marks,
            "provider_errors": problems,
            "stopped": session.stopped(),
            "errors": errors,
        });
        assert_eq!(found, entry["expected"], "{}", entry["id"]);
    }
}

#[test]
fn every_outbound_vector_holds() {
    for entry in &entries("telnyx_media_outbound", include_str!("vectors/telnyx_media_outbound.json"), 2) {
        let action = &entry["inputs"]["action"];
        let text = match action["kind"].as_str().unwrap() {
            "audio" => encode_media(&unhex(action["payload_hex"].as_str().unwrap())),
            "mark" => encode_mark(action["name"].as_str().unwrap()),
            "clear" => encode_clear(),
            other => panic!("unknown action {other}"),
        };
        let found: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(found, entry["expected"]["json"], "{}", entry["id"]);
        assert!(Outbound::decode(&text).is_ok());
    }
}

#[test]
fn every_client_state_vector_holds() {
    for entry in &entries("telnyx_client_state", include_str!("vectors/telnyx_client_state.json"), 2) {
        let state = entry["inputs"]["state_utf8"].as_str().unwrap();
        assert_eq!(
            encode_client_state(state.as_bytes()),
            entry["expected"]["client_state"],
            "{}",
            entry["id"]
        );
    }
}

/// The `count` vectors of a scheme; says how many ran.
fn entries(scheme: &str, text: &str, count: usize) -> Vec<Value> {
    let entries: Vec<Value> = serde_json::from_str(text).unwrap();
    assert_eq!(entries.len(), count);
    assert!(entries.iter().all(|entry| entry["scheme"] == scheme));
    println!("{scheme}: {count} vectors");
    entries
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
