//! Stand-ins.
#![allow(missing_docs, dead_code)]
use std::sync::Arc;
use std::time::{Duration, Instant};

use sandbox::{
    Context, Failure, GateLimits, HotEngine, Refusal, Reply, RunError, Tool, ToolHost, ToolLimits,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    Standard,
    Large,
}

impl std::str::FromStr for Tier {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "standard" => Ok(Self::Standard),
            "large" => Ok(Self::Large),
            _ => Err(format!("no tier `{text}`")),
        }
    }
}

impl Tier {
    pub fn gate(self) -> gate::Limits {
        match self {
            Self::Standard => gate::Limits::STANDARD,
            Self::Large => gate::Limits::LARGE,
        }
    }
}

pub struct Admission {
    engine: HotEngine,
}

impl Admission {
    pub fn new(engine: &HotEngine) -> Self {
        Self { engine: engine.clone() }
    }
    pub fn reload(&self, bytes: &[u8], _: &str, _: Tier) -> Result<Tool, Refusal> {
        Tool::load(&self.engine, bytes, &GateLimits::default(), ToolLimits::default())
    }
}

pub struct Run {
    pub tool: Tool,
    pub context: Context,
    pub arguments: String,
    pub host: Arc<dyn ToolHost>,
    pub timeout: Duration,
}

pub struct Finished {
    pub outcome: Result<Result<Reply, Failure>, RunError>,
    pub spent: Spent,
}

#[derive(Default)]
pub struct Spent {
    pub waited: Duration,
    pub guest: Duration,
    pub host: Duration,
}

pub struct Runtime;

impl Runtime {
    pub async fn run(&self, run: Run) -> Finished {
        let began = Instant::now();
        let ran = tokio::task::spawn_blocking(move || {
            run.tool.call(&run.context, &run.arguments, run.host, run.timeout)
        });
        let outcome = ran.await.unwrap_or_else(|error| Err(RunError::Trap(error.to_string())));
        Finished { outcome, spent: Spent { guest: began.elapsed(), ..Spent::default() } }
    }
}
