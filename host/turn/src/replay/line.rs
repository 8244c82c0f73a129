//! The lines of a recording, as text.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::time::Duration;

use serde::de::{Error as _, IgnoredAny, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::{AgentConfig, CallContext, CallTime, CallerFrame, Input, Output};

/// The first line. Read in two steps, so that another version is told from another file.
#[derive(Serialize)]
pub(super) struct NewHeader<'a> {
    pub(super) format: &'a str,
    pub(super) version: u32,
    pub(super) core: &'a str,
    pub(super) t: u64,
    pub(super) ns: u32,
    pub(super) config: &'a AgentConfig,
    pub(super) context: &'a CallContext,
    pub(super) out: Vec<&'a Output>,
}

#[derive(Deserialize)]
pub(super) struct Kind {
    pub(super) format: String,
    pub(super) version: u32,
}

#[derive(Deserialize)]
pub(super) struct Header {
    pub(super) core: String,
    t: u64,
    #[serde(default)]
    ns: u32,
    pub(super) config: AgentConfig,
    pub(super) context: CallContext,
    pub(super) out: Vec<Value>,
}

impl Header {
    pub(super) fn began(&self) -> CallTime {
        time(self.t, self.ns)
    }
}

/// What a later line says.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    Step { at: CallTime, input: Option<Input> },
    Lost(u64),
}

impl Line {
    pub(super) fn read(text: &[u8]) -> Result<Self, serde_json::Error> {
        let raw: RawLine = serde_json::from_slice(text)?;
        match raw {
            RawLine { t: None, frame: None, input: None, lost: Some(n), .. } => Ok(Self::Lost(n)),
            RawLine {
                t: Some(t),
                ns,
                frame: Some((us, speech, level)),
                fns,
                input: None,
                lost: None,
                ..
            } => {
                let frame = CallerFrame { duration: time(us, fns), speech: speech.0, level: level.0 };
                Ok(Self::Step { at: time(t, ns), input: Some(Input::CallerAudio(frame)) })
            }
            RawLine { t: Some(t), ns, frame: None, input: Some(input), exact, lost: None, .. } => {
                Ok(Self::Step { at: time(t, ns), input: input.map(|input| exactly(input, exact)) })
            }
            _ => Err(serde_json::Error::custom("neither a step nor a gap")),
        }
    }
}

/// The outputs of a line.
#[derive(Deserialize)]
pub(super) struct Outputs {
    #[serde(default)]
    pub(super) out: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLine {
    t: Option<u64>,
    #[serde(default)]
    ns: u32,
    #[serde(rename = "f")]
    frame: Option<(u64, Exact, Exact)>,
    #[serde(default)]
    fns: u32,
    #[serde(rename = "in", default, deserialize_with = "present")]
    input: Option<Option<Input>>,
    #[serde(rename = "x")]
    exact: Option<(Exact, Exact)>,
    #[serde(rename = "out")]
    _out: Option<IgnoredAny>,
    lost: Option<u64>,
}

/// Tells `null` from nothing.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<Input>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// Begins the line of a step: when, and what went in. Frames allocate nothing.
pub(super) fn begin(line: &mut String, at: CallTime, input: Option<&Input>) -> Result<(), serde_json::Error> {
    line.clear();
    line.push('{');
    push_time(line, at);
    match input {
        None => line.push_str(",\"in\":null"),
        Some(Input::CallerAudio(frame)) => push_frame(line, frame),
        Some(input) => {
            let (input, exact) = numbers_apart(input);
            line.push_str(",\"in\":");
            line.push_str(&serde_json::to_string(&input)?);
            if let Some((score, confidence)) = exact {
                line.push_str(",\"x\":[");
                push_exact(line, score);
                line.push(',');
                push_exact(line, confidence);
                line.push(']');
            }
        }
    }
    Ok(())
}

/// Ends the line of a step: what came out.
pub(super) fn finish<'a>(
    line: &mut String,
    outputs: impl ExactSizeIterator<Item = &'a Output>,
) -> Result<(), serde_json::Error> {
    if outputs.len() > 0 {
        for (n, output) in outputs.enumerate() {
            line.push_str(if n == 0 { ",\"out\":[" } else { "," });
            line.push_str(&serde_json::to_string(output)?);
        }
        line.push(']');
    }
    line.push('}');
    Ok(())
}

/// The line that says how many are missing.
pub(super) fn gap(lost: u64) -> String {
    format!("{{\"lost\":{lost}}}")
}

/// A time as whole microseconds and the nanoseconds beyond.
pub(super) fn parts(at: Duration) -> (u64, u32) {
    (u64::try_from(at.as_micros()).unwrap_or(u64::MAX), at.subsec_nanos() % 1000)
}

fn time(micros: u64, nanos: u32) -> Duration {
    Duration::from_micros(micros).saturating_add(Duration::from_nanos(u64::from(nanos)))
}

fn push_time(line: &mut String, at: CallTime) {
    let (micros, nanos) = parts(at);
    // Writing into a string cannot fail.
    let _ = write!(line, "\"t\":{micros}");
    if nanos > 0 {
        let _ = write!(line, ",\"ns\":{nanos}");
    }
}

fn push_frame(line: &mut String, frame: &CallerFrame) {
    let (micros, nanos) = parts(frame.duration);
    let _ = write!(line, ",\"f\":[{micros},");
    push_exact(line, frame.speech);
    line.push(',');
    push_exact(line, frame.level);
    line.push(']');
    if nanos > 0 {
        let _ = write!(line, ",\"fns\":{nanos}");
    }
}

/// As a double, a number is so far from the middle between two of single precision that no
/// parser's last digit can change it.
fn push_exact(line: &mut String, number: f32) {
    let _ = if number.is_finite() {
        write!(line, "{:?}", f64::from(number))
    } else {
        write!(line, "\"{:08x}\"", number.to_bits())
    };
}

/// Takes the numbers that JSON may not hold out of an input.
fn numbers_apart(input: &Input) -> (Cow<'_, Input>, Option<(f32, f32)>) {
    let Input::Sentiment(turn, mood) = input else { return (Cow::Borrowed(input), None) };
    let mut plain = mood.clone();
    for number in [&mut plain.score, &mut plain.confidence] {
        if !number.is_finite() {
            *number = 0.0;
        }
    }
    (Cow::Owned(Input::Sentiment(*turn, plain)), Some((mood.score, mood.confidence)))
}

fn exactly(mut input: Input, exact: Option<(Exact, Exact)>) -> Input {
    if let (Input::Sentiment(_, mood), Some((score, confidence))) = (&mut input, exact) {
        (mood.score, mood.confidence) = (score.0, confidence.0);
    }
    input
}

/// A number of single precision, bit for bit.
struct Exact(f32);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ExactVisitor)
    }
}

struct ExactVisitor;

impl Visitor<'_> for ExactVisitor {
    type Value = Exact;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or the bits of one as eight hexadecimal digits")
    }

    fn visit_f64<E>(self, number: f64) -> Result<Exact, E> {
        Ok(Exact(number as f32))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Exact, E> {
        Ok(Exact(number as f32))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Exact, E> {
        Ok(Exact(number as f32))
    }

    fn visit_str<E: serde::de::Error>(self, bits: &str) -> Result<Exact, E> {
        u32::from_str_radix(bits, 16).map(|bits| Exact(f32::from_bits(bits))).map_err(E::custom)
    }
}
