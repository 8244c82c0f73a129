//! `POST /v1/audio/speech` and `/v1/audio/transcriptions`.

use std::io::Cursor;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::{Service, error, form};
use crate::server::Schedule;
use crate::voice::{Decoder, Speaker, speak_at};

/// The longest text, in characters.
const LONGEST_INPUT: usize = 4_096;

/// `pcm` is 24 kHz: three times the telephone's rate.
const FACTOR: usize = 3;

/// Bytes in one piece of the answer: 100 ms of audio less one byte, so that pieces split samples, as real ones do.
const PIECE: usize = 4_799;

#[derive(Deserialize)]
struct SpeechRequest {
    model: String,
    input: String,
    voice: String,
    #[serde(default)]
    response_format: Option<String>,
}

pub(super) async fn speak(State(service): State<Service>, body: Bytes) -> Response {
    let request: SpeechRequest = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(mistake) => return bad(&format!("Invalid request: {mistake}"), "body"),
    };
    if request.model.is_empty() {
        return bad("you must provide a model parameter", "model");
    }
    if request.input.is_empty() || request.input.chars().count() > LONGEST_INPUT {
        return bad("'input' must have 1 to 4096 characters.", "input");
    }
    let speaker = match request.voice.as_str() {
        "onyx" | "echo" | "ash" => Speaker::Low,
        "alloy" | "fable" | "sage" => Speaker::Middle,
        _ => Speaker::High,
    };
    let said = speak_at(speaker, &request.input, FACTOR);
    let pcm: Vec<u8> = said.samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let (kind, bytes) = match request.response_format.as_deref() {
        Some("pcm") => ("audio/pcm", pcm),
        Some("wav") => match wav(&said.samples, said.sample_rate) {
            Ok(wav) => ("audio/wav", wav),
            Err(mistake) => {
                return error(StatusCode::INTERNAL_SERVER_ERROR, &mistake.to_string(), None, None);
            }
        },
        other => {
            let message =
                format!("response_format `{}` is not served here: use pcm or wav.", other.unwrap_or("mp3"));
            return bad(&message, "response_format");
        }
    };
    service.house.counters.count_work();
    let schedule = Schedule::new(service.house.faults());
    tokio::time::sleep(service.config.first_token + schedule.first_byte_delay()).await;
    let pieces: Vec<std::io::Result<Bytes>> =
        bytes.chunks(PIECE).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    ([(header::CONTENT_TYPE, kind)], Body::from_stream(futures::stream::iter(pieces))).into_response()
}

pub(super) async fn transcribe(State(service): State<Service>, headers: HeaderMap, body: Bytes) -> Response {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(fields) = form::parse(content_type, &body) else {
        return bad("Could not parse multipart form.", "body");
    };
    let field = |name: &str| fields.iter().find(|field| field.name == name);
    let text_field =
        |name: &str| field(name).map(|field| String::from_utf8_lossy(field.content).into_owned());
    let (Some(file), Some(_)) = (field("file"), field("model")) else {
        return bad("'file' and 'model' are required.", "file");
    };
    if !file.file_name.as_ref().is_some_and(|name| name.to_lowercase().ends_with(".wav")) {
        return bad("Unrecognized file format: this service reads .wav files.", "file");
    }
    let text = match listen(file.content) {
        Ok(text) => text,
        Err(mistake) => {
            return bad(&format!("Audio file might be corrupted or unsupported: {mistake}"), "file");
        }
    };
    service.house.counters.count_work();
    let schedule = Schedule::new(service.house.faults());
    tokio::time::sleep(service.config.first_token + schedule.first_byte_delay()).await;
    match text_field("response_format").as_deref() {
        Some("text") => format!("{text}\n").into_response(),
        None | Some("json") => crate::server::json(StatusCode::OK, &json!({ "text": text })),
        Some(_) => bad("response_format must be json or text.", "response_format"),
    }
}

/// What is said in a WAV file.
fn listen(file: &[u8]) -> Result<String, String> {
    let mut reader = hound::WavReader::new(Cursor::new(file)).map_err(|mistake| mistake.to_string())?;
    let spec = reader.spec();
    if spec.channels != 1 || spec.bits_per_sample != 16 {
        return Err("only mono, 16 bit".into());
    }
    let samples: Vec<i16> =
        reader.samples::<i16>().collect::<Result<_, _>>().map_err(|mistake| mistake.to_string())?;
    let mut narrow = Vec::new();
    match spec.sample_rate {
        8_000 => narrow = samples,
        16_000 => audio::resample::halver().process(&samples, &mut narrow),
        24_000 => audio::resample::third().process(&samples, &mut narrow),
        other => return Err(format!("{other} Hz; use 8000, 16000 or 24000")),
    }
    let mulaw: Vec<u8> = narrow.iter().map(|sample| audio::g711::ulaw_encode(*sample)).collect();
    let mut decoder = Decoder::new();
    let mut heard = decoder.push(&mulaw);
    heard.extend(decoder.finish());
    Ok(heard.into_iter().map(|word| word.text).collect::<Vec<_>>().join(" "))
}

fn wav(samples: &[i16], sample_rate: u32) -> Result<Vec<u8>, hound::Error> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut file, spec)?;
    samples.iter().try_for_each(|sample| writer.write_sample(*sample))?;
    writer.finalize()?;
    Ok(file.into_inner())
}

fn bad(message: &str, param: &str) -> Response {
    error(StatusCode::BAD_REQUEST, message, Some(param), None)
}
