//! The part of a scenario file that says what must come of the call.

use std::collections::BTreeMap;

use events::EndReason;
use serde::Deserialize;
use serde_json::{Map, Value};
use turn::State;

use crate::parts::{Seconds, Spoken};
use crate::timeline::Row;
use crate::vocabulary::Kind;

/// What must come of a call; something must.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expect {
    /// In order; other things may happen between them.
    pub timeline: Vec<Moment>,
    /// What must not happen.
    pub not: Vec<Moment>,
    /// All states, in order.
    pub path: Option<Vec<State>>,
    pub turn: Vec<TurnExpectation>,
    pub request: Vec<RequestExpectation>,
    /// How often outputs and events happen, by name.
    pub counts: BTreeMap<String, usize>,
    /// How often they may happen at most.
    pub at_most: BTreeMap<String, usize>,
    /// The whole conversation at the end.
    pub history: Option<Vec<Spoken>>,
    pub end: Option<End>,
    /// The most audio that the carrier may ever have held.
    pub lead_at_most: Option<Seconds>,
}

/// How the call must have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum End {
    Ended(EndReason),
    Open(Open),
}

/// The call must still go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Open {
    Open,
}

/// A state, an output or an event, and what it says.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "toml::Table")]
pub struct Moment {
    pub at: Option<f64>,
    pub after: Option<f64>,
    pub before: Option<f64>,
    kind: Kind,
    name: String,
    fields: Map<String, Value>,
}

impl TryFrom<toml::Table> for Moment {
    type Error = String;

    fn try_from(mut table: toml::Table) -> Result<Self, String> {
        let mut time = |key: &str| {
            let time = table.remove(key).map(f64::deserialize).transpose();
            time.map_err(|error| format!("`{key}`: {error}"))
        };
        let (at, after, before) = (time("at")?, time("after")?, time("before")?);
        let mut named = Kind::ALL.into_iter().filter_map(|(key, kind)| Some((kind, table.remove(key)?)));
        let (Some((kind, name)), None) = (named.next(), named.next()) else {
            return Err("one of `state`, `output` and `event` is wanted".to_owned());
        };
        drop(named);
        let name = name.as_str().unwrap_or_default().to_owned();
        let known = kind.fields(&name).ok_or_else(|| format!("there is no {} {name:?}", kind.name()))?;
        if let Some(stranger) = table.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(format!("{} {name:?} has no `{stranger}`, but {known:?}", kind.name()));
        }
        let fields = serde_json::to_value(table).map_err(|error| error.to_string())?;
        Ok(Self { at, after, before, kind, name, fields: fields.as_object().cloned().unwrap_or_default() })
    }
}

impl Moment {
    /// Whether `row` is this, at this time.
    pub fn matches(&self, row: &Row) -> bool {
        self.at.is_none_or(|at| (row.at - at).abs() <= FRAME)
            && self.after.is_none_or(|after| row.at > after)
            && self.before.is_none_or(|before| row.at < before)
            && self.is(row)
    }

    /// Whether `row` is this at whatever time.
    pub fn is(&self, row: &Row) -> bool {
        let says = |(key, value): (&String, &Value)| row.fields.get(key).is_some_and(|is| same(value, is));
        row.kind == self.kind && row.name == self.name && self.fields.iter().all(says)
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind.name(), self.name)?;
        self.fields.iter().try_for_each(|(key, value)| write!(f, " {key}={value}"))?;
        for (word, time) in [("at", self.at), ("after", self.after), ("before", self.before)] {
            time.map_or(Ok(()), |time| write!(f, " {word} {time}"))?;
        }
        Ok(())
    }
}

/// How a turn must have ended.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurnExpectation {
    pub turn: u32,
    pub said: Option<String>,
    pub heard: Option<String>,
    /// The least that must be taken for heard: the heard text begins with it.
    pub heard_at_least: Option<String>,
    /// The most: it begins with the heard text.
    pub heard_at_most: Option<String>,
    pub interrupted: Option<bool>,
    /// Seconds of its audio that the carrier played, at least and at most.
    pub really_played: Option<[f64; 2]>,
    /// How often the carrier ran dry within it.
    pub gaps: Option<usize>,
    /// Milliseconds by stage, each within 1; the stages must sum to the total.
    pub latency: Option<Stages>,
    /// Nothing of it was sent, or nobody waited for it.
    #[serde(default)]
    pub no_latency: bool,
}

/// The stages of a turn's latency.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stages {
    pub endpoint_wait: Option<f64>,
    pub stt_tail: Option<f64>,
    pub context_wait: Option<f64>,
    pub llm_first_token: Option<f64>,
    pub tools: Option<f64>,
    pub first_clause: Option<f64>,
    pub tts_first_byte: Option<f64>,
    pub host_overhead: Option<f64>,
    pub total: Option<f64>,
    /// Until the caller heard the first of it.
    pub heard_start: Option<f64>,
    /// Nobody knows when that was.
    #[serde(default)]
    pub unheard: bool,
}

/// What the model must be told by the n-th request, from 0.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestExpectation {
    pub n: usize,
    /// All messages but the system message.
    pub messages: Option<Vec<Spoken>>,
    pub last: Option<Spoken>,
    /// What the system message holds.
    #[serde(default)]
    pub system: Vec<String>,
    /// And what it does not.
    #[serde(default)]
    pub system_lacks: Vec<String>,
}

impl Expect {
    pub fn check(&self, until: Seconds) -> Result<(), String> {
        let nothing = self.timeline.is_empty()
            && self.not.is_empty()
            && self.path.is_none()
            && self.turn.is_empty()
            && self.request.is_empty()
            && self.counts.is_empty()
            && self.at_most.is_empty()
            && self.history.is_none()
            && self.end.is_none()
            && self.lead_at_most.is_none();
        if nothing {
            return Err("nothing is expected".to_owned());
        }
        if let Some(name) =
            self.counts.keys().chain(self.at_most.keys()).find(|name| Kind::of(name).is_none())
        {
            return Err(format!("`counts`: there is no output or event {name:?}"));
        }
        if let Some(late) = self.timeline.iter().find(|moment| moment.at.is_some_and(|at| at > until.0)) {
            return Err(format!("expected after the end: {late}"));
        }
        let times: Vec<f64> = self.timeline.iter().filter_map(|moment| moment.at).collect();
        if !times.is_sorted() {
            return Err("the timeline is not in order of time".to_owned());
        }
        if let Some(late) = self.not.iter().find(|moment| moment.after.is_some_and(|at| at >= until.0)) {
            return Err(format!("cannot happen anyway: {late}"));
        }
        for turn in &self.turn {
            turn.check()?;
        }
        for request in &self.request {
            request.check()?;
        }
        self.history.iter().flatten().try_for_each(|spoken| spoken.message().map(|_| ()))
    }
}

impl TurnExpectation {
    fn check(&self) -> Result<(), String> {
        let texts = [&self.said, &self.heard, &self.heard_at_least, &self.heard_at_most];
        let something = texts.into_iter().any(Option::is_some)
            || self.interrupted.is_some()
            || self.really_played.is_some()
            || self.gaps.is_some()
            || self.latency.is_some()
            || self.no_latency;
        something.then_some(()).ok_or_else(|| format!("nothing is expected of turn {}", self.turn))
    }
}

impl RequestExpectation {
    fn check(&self) -> Result<(), String> {
        if self.messages.is_none()
            && self.last.is_none()
            && self.system.is_empty()
            && self.system_lacks.is_empty()
        {
            return Err(format!("nothing is expected of request {}", self.n));
        }
        self.messages.iter().flatten().chain(&self.last).try_for_each(|spoken| spoken.message().map(|_| ()))
    }
}

/// Equal; numbers to within what is lost by writing them down.
fn same(expected: &Value, actual: &Value) -> bool {
    match (expected.as_f64(), actual.as_f64(), expected.as_array(), actual.as_array()) {
        (Some(expected), Some(actual), ..) => (expected - actual).abs() < 1e-6,
        (.., Some(expected), Some(actual)) => {
            expected.len() == actual.len() && expected.iter().zip(actual).all(|(a, b)| same(a, b))
        }
        _ => expected == actual,
    }
}

/// One frame of 20 ms, and what is lost in sums.
pub const FRAME: f64 = 0.0201;
