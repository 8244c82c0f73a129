//! `POST /v1/embeddings`: texts that share words get vectors that lie close together.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::{Service, error};

/// Dimensions where the client asks for none: those of the small model.
const DIMENSIONS: usize = 1_536;

/// The most that may be asked for.
const MOST_DIMENSIONS: usize = 3_072;

pub(super) async fn embed(State(service): State<Service>, body: Bytes) -> Response {
    let bad = |message: &str, param: &str| error(StatusCode::BAD_REQUEST, message, Some(param), None);
    let Ok(request) = serde_json::from_slice::<Value>(&body) else {
        return bad("The body is not JSON.", "body");
    };
    let Some(model) = request.get("model").and_then(Value::as_str) else {
        return bad("you must provide a model parameter", "model");
    };
    let inputs: Vec<&str> = match request.get("input") {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if inputs.is_empty() || inputs.iter().any(|text| text.is_empty()) {
        return bad("'input' must be a text or a list of texts, none of them empty.", "input");
    }
    let dimensions =
        request.get("dimensions").and_then(Value::as_u64).map_or(DIMENSIONS, |count| count as usize);
    if !(1..=MOST_DIMENSIONS).contains(&dimensions) {
        return bad("'dimensions' must be 1 to 3072.", "dimensions");
    }
    let packed = request.get("encoding_format").and_then(Value::as_str) == Some("base64");
    let data: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let vector = vector(text, dimensions);
            let embedding = if packed {
                json!(STANDARD.encode(vector.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>()))
            } else {
                json!(vector)
            };
            json!({ "object": "embedding", "index": index, "embedding": embedding })
        })
        .collect();
    service.house.counters.count_work();
    let tokens: usize = inputs.iter().map(|text| text.len() / 4 + 1).sum();
    let usage = json!({ "prompt_tokens": tokens, "total_tokens": tokens });
    let body = json!({ "object": "list", "data": data, "model": model, "usage": usage });
    crate::server::json(StatusCode::OK, &body)
}

/// A unit vector: each word adds to three places, which its letters decide.
fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let mut vector = vec![0.0_f32; dimensions];
    for word in text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let mut hash = word.to_lowercase().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        for _ in 0..3 {
            if let Some(place) = vector.get_mut((hash >> 8) as usize % dimensions) {
                *place += if hash & 1 == 0 { 1.0 } else { -1.0 };
            }
            hash = hash.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        }
    }
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    } else if let Some(first) = vector.first_mut() {
        *first = 1.0;
    }
    vector
}
