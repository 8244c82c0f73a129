//! What happened in a call, in order, by name.

use std::fmt;

use serde_json::{Map, Value, json};
use turn::Output;

use crate::play::{RECORDED, TONE};
use crate::sim::Sim;
use crate::vocabulary::Kind;

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Row {
    /// In seconds.
    pub at: f64,
    pub kind: Kind,
    pub name: String,
    pub fields: Map<String, Value>,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:8.3}  {} {}", self.at, self.kind.name(), self.name)?;
        self.fields
            .iter()
            .filter(|(key, _)| *key != "latency")
            .try_for_each(|(key, value)| write!(f, " {key}={value}"))
    }
}

/// All that happened; fails where something has another form than the vocabulary says.
pub fn rows(sim: &Sim) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    let mut states = sim.states.iter().zip(&sim.outputs_before).peekable();
    for n in 0..=sim.outputs.len() {
        while let Some(((at, state), _)) = states.next_if(|(_, before)| **before <= n) {
            let name = text_of(&json!(state))?;
            rows.push(Row { at: at.as_secs_f64(), kind: Kind::State, name, fields: Map::new() });
        }
        let Some((at, output)) = sim.outputs.get(n) else { break };
        rows.push(row(at.as_secs_f64(), output)?);
    }
    for row in &rows {
        let known = row.kind.fields(&row.name).ok_or_else(|| format!("the vocabulary lacks {row}"))?;
        let same = row.fields.len() == known.len() && known.iter().all(|key| row.fields.contains_key(*key));
        if !same {
            return Err(format!("the vocabulary has {known:?} for {row}"));
        }
    }
    Ok(rows)
}

fn row(at: f64, output: &Output) -> Result<Row, String> {
    if let Output::Emit(event) = output {
        let data = serde_json::to_value(event).map_err(|error| error.to_string())?;
        let fields = data.get("data").and_then(Value::as_object).cloned().unwrap_or_default();
        return Ok(Row { at, kind: Kind::Event, name: event.kind().to_owned(), fields });
    }
    let (name, fields) = match serde_json::to_value(output).map_err(|error| error.to_string())? {
        Value::Object(output) => output.into_iter().next().ok_or("an output without a name")?,
        name => (text_of(&name)?, Value::Null),
    };
    let mut fields = match fields {
        Value::Object(fields) => fields,
        Value::Null => Map::new(),
        // The one output that is a name and nothing else.
        mark => Map::from_iter([("name".to_owned(), mark)]),
    };
    fields.remove("messages");
    if let Some(Value::Object(call)) = fields.remove("call") {
        fields.extend(call);
    }
    if let (Some(_), Output::SendAudio { payload, .. }) = (fields.remove("payload"), output) {
        fields.insert("frames".to_owned(), json!(payload.len() / 160));
        fields.insert("of".to_owned(), json!(kind_of(payload.first())));
    }
    Ok(Row { at, kind: Kind::Output, name: name.replace('_', "-"), fields })
}

/// What audio is, told by its first byte.
fn kind_of(first: Option<&u8>) -> &'static str {
    match first {
        Some(&RECORDED) => "recording",
        Some(&TONE) => "key",
        _ => "voice",
    }
}

fn text_of(value: &Value) -> Result<String, String> {
    value.as_str().map(str::to_owned).ok_or_else(|| format!("{value} is no name"))
}

/// What happened around `at`, or near it; audio that follows audio is left out.
pub fn around(rows: &[Row], at: f64) -> String {
    let first = rows.partition_point(|row| row.at < at - WINDOW).saturating_sub(MARGIN);
    let last = (rows.partition_point(|row| row.at <= at + WINDOW) + MARGIN).min(rows.len());
    let mut shown: Vec<String> = Vec::new();
    let mut n_audio = 0;
    for row in &rows[first..last] {
        n_audio = if row.name == "send-audio" { n_audio + 1 } else { 0 };
        if n_audio < 2 {
            shown.push(format!("    {row}"));
        } else if n_audio == 2 {
            shown.push("              ...".to_owned());
        }
    }
    shown.join("\n")
}

/// Seconds before and after a moment that are shown.
const WINDOW: f64 = 0.4;
/// Rows shown outside of the window.
const MARGIN: usize = 3;
