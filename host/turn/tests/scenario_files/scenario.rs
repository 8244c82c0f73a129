//! A scenario file: what is in it, and what is refused.

use std::collections::BTreeMap;

use serde::Deserialize;
use turn::{AgentConfig, Input};

use crate::expectation::Expect;
use crate::parts::{
    Act, CarrierPart, Command, Context, Line, MemoryPart, RawInput, Recogniser, ReplyPart, Seconds,
    SentimentPart, Synthesiser, ToolPart,
};

/// A call and what must come of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    pub name: String,
    pub rule: Rule,
    pub pain: Option<u8>,
    pub timeline: Option<char>,
    pub until: Seconds,
    #[serde(default)]
    pub agent: toml::Table,
    #[serde(default)]
    pub context: Context,
    #[serde(default)]
    pub line: Line,
    #[serde(default)]
    pub caller: Vec<Act>,
    #[serde(default)]
    pub recogniser: Recogniser,
    #[serde(default)]
    pub model: Vec<ReplyPart>,
    #[serde(default)]
    pub synthesiser: Synthesiser,
    #[serde(default)]
    pub carrier: CarrierPart,
    #[serde(default)]
    pub tools: BTreeMap<String, ToolPart>,
    #[serde(default)]
    pub memory: MemoryPart,
    #[serde(default)]
    pub sentiment: SentimentPart,
    #[serde(default)]
    pub operator: Vec<Command>,
    #[serde(default)]
    pub raw: Vec<RawInput>,
    pub expect: Expect,
}

/// What a scenario shows, in the order in which the rules are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    TurnEnd,
    BargeIn,
    HeardText,
    Tools,
    OffCriticalPath,
    Failure,
    KeysAndScreening,
    Ledger,
    Settings,
    Pacing,
}

impl Rule {
    pub fn name(self) -> &'static str {
        match self {
            Self::TurnEnd => "turn-end",
            Self::BargeIn => "barge-in",
            Self::HeardText => "heard-text",
            Self::Tools => "tools",
            Self::OffCriticalPath => "off-critical-path",
            Self::Failure => "failure",
            Self::KeysAndScreening => "keys-and-screening",
            Self::Ledger => "ledger",
            Self::Settings => "settings",
            Self::Pacing => "pacing",
        }
    }
}

impl Scenario {
    /// Reads a file; says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let scenario: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        scenario.check()?;
        Ok(scenario)
    }

    /// The agent of the call; it has no greeting unless the file gives it one.
    pub fn config(&self) -> Result<AgentConfig, String> {
        let defaults = AgentConfig { greeting: String::new(), ..AgentConfig::default() };
        let mut json = serde_json::to_value(defaults).map_err(|error| error.to_string())?;
        let given = serde_json::to_value(&self.agent).map_err(|error| error.to_string())?;
        merge(&mut json, given);
        let config: AgentConfig =
            serde_json::from_value(json).map_err(|error| format!("[agent]: {error}"))?;
        config.validate().map_err(|error| format!("[agent]: {error}"))?;
        Ok(config)
    }

    /// The raw inputs, when they arrive.
    pub fn raw_inputs(&self) -> Result<Vec<(Seconds, Input)>, String> {
        self.raw.iter().map(|raw| Ok((raw.at, raw.input()?))).collect()
    }

    fn check(&self) -> Result<(), String> {
        let name = &self.name;
        if !name.contains(' ') || name.ends_with('.') || name.contains(['\n', ':', '/']) {
            return Err(format!("`name` is {name:?}; it must be a sentence without its full stop"));
        }
        if self.pain.is_some_and(|pain| !(1..=15).contains(&pain)) {
            return Err("`pain` must be 1 to 15".to_owned());
        }
        if self.timeline.is_some_and(|timeline| !timeline.is_ascii_lowercase()) {
            return Err("`timeline` must be a small letter".to_owned());
        }
        self.config()?;
        self.raw_inputs()?;
        self.context.check()?;
        for act in &self.caller {
            act.check()?;
        }
        for heard in &self.recogniser.hears {
            heard.input()?;
        }
        for command in &self.operator {
            command.command()?;
        }
        let times = self.caller.iter().map(Act::begins);
        let times = times.chain(self.operator.iter().map(|command| command.at));
        let times = times.chain(self.recogniser.hears.iter().map(|heard| heard.at));
        if let Some(late) = times.chain(self.raw.iter().map(|raw| raw.at)).find(|at| *at > self.until) {
            return Err(format!("something happens at {}, after the end", late.0));
        }
        self.expect.check(self.until)
    }
}

/// Puts `given` over `base`, table by table.
fn merge(base: &mut serde_json::Value, given: serde_json::Value) {
    match (base, given) {
        (serde_json::Value::Object(base), serde_json::Value::Object(given)) => {
            for (key, value) in given {
                merge(base.entry(key).or_insert(serde_json::Value::Null), value);
            }
        }
        (base, given) => *base = given,
    }
}
