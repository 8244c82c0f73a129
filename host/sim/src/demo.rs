//! The demonstration: three simulated calls to a real platform process, and a strict look at what came of them.

mod api;
mod check;
mod compare;
mod platform;
mod report;
mod script;
mod tool;

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context as _;
use serde_json::Value;
use uuid::Uuid;

use crate::carrier::{Call, CarrierFaults, Report};
use crate::exchange::{Account, Carrier, Exchange};
use crate::recording;
use crate::timeline::Timeline;
use crate::vendors::Vendors;
use api::{Api, CallLog};
use check::Findings;
use platform::Platform;
use tool::{Story, Version};

/// The number that the demonstration calls from. Both are of the ranges that are kept free for such.
pub const CALLER: &str = "+12025550143";
/// Others who call in the middle of the third call. As many runs that all fail tell the platform that a version is bad.
const OTHER_CALLERS: [&str; 3] = ["+12025550144", "+12025550145", "+12025550146"];
/// The number that the demonstration calls.
pub const AGENT: &str = "+12025550199";

/// What to do.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whose telephone it is.
    pub carrier: Carrier,
    /// The platform's data folder; a new temporary one where absent.
    pub data: Option<PathBuf>,
    /// Where the recordings go; beside the data where absent.
    pub wav_dir: Option<PathBuf>,
    /// Print one JSON object to stdout, and everything else to stderr.
    pub json: bool,
    /// Something to go wrong.
    pub fault: Option<Fault>,
    /// The platform's binary; the one beside this binary, or on the PATH, where absent.
    pub platform: Option<PathBuf>,
}

/// Something that goes wrong in the demonstration, to see that it is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The recogniser dies in the middle of the first call.
    KillRecogniser,
    /// One frame in this many is lost on its way to the platform.
    DropInbound(u32),
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            None if text == "kill-recogniser" => Ok(Self::KillRecogniser),
            Some(("drop-inbound", n)) => match n.parse() {
                Ok(n) if n >= 2 => Ok(Self::DropInbound(n)),
                _ => Err(format!("drop-inbound needs a number of at least 2, not `{n}`")),
            },
            _ => Err(format!("`{text}` is no fault: use kill-recogniser or drop-inbound=N")),
        }
    }
}

/// One call of the demonstration, from both ends.
#[derive(Debug)]
struct Played {
    report: Option<Report>,
    log: Option<CallLog>,
    wav: Option<PathBuf>,
}

/// What came of the demonstration.
#[derive(Debug)]
pub struct Outcome {
    /// What was not as it should be, in sentences; empty is success.
    pub problems: Vec<String>,
    /// The machine-readable account.
    pub json: Value,
}

/// Runs it.
///
/// # Errors
/// Where it cannot be run at all: no platform binary, a platform that does not start.
pub async fn run(options: &Options) -> anyhow::Result<Outcome> {
    let temporary = tempfile::Builder::new().prefix("voicehive-demo-").tempdir()?;
    let data = options.data.clone().unwrap_or_else(|| temporary.path().join("data"));
    let wav_dir = options
        .wav_dir
        .clone()
        .or_else(|| options.data.clone())
        .unwrap_or_else(|| std::env::temp_dir().join(format!("voicehive-demo-{}", std::process::id())));
    for folder in [&data, &wav_dir] {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    }
    let timeline = Timeline::new(options.json);
    let vendors = Vendors::start().await.context("the simulated vendors cannot be started")?;
    let port = platform::free_port()?;
    let base = format!("http://127.0.0.1:{port}");
    let account = Account::new(options.carrier);
    let exchange = Exchange::start(&account, &base, None).await?;
    let api_key = Uuid::new_v4().simple().to_string();
    let mut environment: Vec<(&str, String)> = vendors.environment();
    environment.extend([
        ("VOICEHIVE_DATA", data.display().to_string()),
        ("VOICEHIVE_LISTEN", format!("127.0.0.1:{port}")),
        ("PUBLIC_URL", base.clone()),
        ("MEDIA_URL", format!("ws://127.0.0.1:{port}")),
        ("VOICEHIVE_API_KEY", api_key.clone()),
        ("VOICEHIVE_NUMBER", AGENT.into()),
    ]);
    environment.extend(exchange.environment(&account));
    timeline.note("starting the platform");
    let platform = Platform::start(options.platform.as_deref(), &environment, &data.join("platform.log"))?;
    let platform = platform.ready(&base).await?;

    let stage =
        Stage { options, timeline: &timeline, exchange: &exchange, vendors: &vendors, wav_dir: &wav_dir };
    let api = Api::new(&base, &api_key)?;
    let (played, story, findings) = stage.play(&api).await;
    let mut problems = findings.into_problems();
    let diary = api.appointments().await.unwrap_or_default();
    if let Err(error) = platform.stop().await {
        problems.push(format!("the platform did not stop properly: {error:#}"));
    }
    let json = report::json(&played, &diary, story.as_ref());
    report::print(&timeline, &played, story.as_ref(), &problems);
    exchange.shutdown().await;
    vendors.shutdown().await;
    Ok(Outcome { problems, json })
}

/// What a call is about.
enum Act<'a> {
    /// An appointment is booked.
    Book,
    /// It is moved.
    Change,
    /// A tool that was just uploaded is used; what became of it goes to the story.
    Order(Version, &'a mut Option<Story>),
}

impl Act<'_> {
    fn number(&self) -> u32 {
        match self {
            Self::Book => 1,
            Self::Change => 2,
            Self::Order(..) => 3,
        }
    }
}

/// Everything that the calls need.
struct Stage<'a> {
    options: &'a Options,
    timeline: &'a Timeline,
    exchange: &'a Exchange,
    vendors: &'a Vendors,
    wav_dir: &'a Path,
}

impl Stage<'_> {
    async fn play(&self, api: &Api) -> (Vec<Played>, Option<Story>, Findings) {
        let mut findings = Findings::default();
        let mut played = Vec::new();
        let mut story = None;
        let first = self.call(Act::Book, api, &mut findings).await;
        let booked = check::booking(&first, api, &mut findings).await;
        played.push(first);
        // A second call can prove nothing when the first went wrong.
        if findings.is_empty() {
            let second = self.call(Act::Change, api, &mut findings).await;
            check::moving(&second, booked.as_ref(), api, &mut findings).await;
            check::memory(&second, booked.as_ref(), &mut findings);
            played.push(second);
        }
        if findings.is_empty() {
            findings.enter(3);
            match tool::upload(api).await {
                Ok(good) => {
                    let third = self.call(Act::Order(good, &mut story), api, &mut findings).await;
                    check::orders(&third, &mut findings);
                    played.push(third);
                }
                Err(error) => findings.add(format!("the tool could not be uploaded: {error:#}")),
            }
        }
        (played, story, findings)
    }

    /// The third call. In the middle of it a bad version goes live, others call and get it, and the platform goes back.
    async fn order(&self, call: &mut Call, api: &Api, good: Version) -> anyhow::Result<Story> {
        self.timeline.note(&format!("the tool was uploaded and live in {} ms", good.took.as_millis()));
        script::ask(call).await?;
        self.timeline.note("a bad version of the tool is uploaded, and others call");
        let bad = tool::upload_bad(api).await?;
        let others =
            OTHER_CALLERS.map(|caller| self.exchange.place_call(caller, AGENT, CarrierFaults::default()));
        let others = others.map(|mut other| async move {
            let told = script::ask_in_vain(&mut other).await;
            other.hang_up().await;
            told
        });
        for told in futures::future::join_all(others).await {
            told.context("the call of another caller")?;
        }
        let why = tool::rolled_back(api, &good, &bad).await?;
        self.timeline.note(&format!("the platform went back by itself: {why}"));
        script::ask_again(call).await?;
        Ok(Story { good, bad, why })
    }

    async fn call(&self, act: Act<'_>, api: &Api, findings: &mut Findings) -> Played {
        let number = act.number();
        findings.enter(number);
        let faults = match self.options.fault {
            Some(Fault::DropInbound(n)) => CarrierFaults { drop_one_in: Some(n), ..CarrierFaults::default() },
            Some(Fault::KillRecogniser) | None => CarrierFaults::default(),
        };
        self.timeline.begin(number, CALLER, AGENT);
        let mut call = self.exchange.place_call(CALLER, AGENT, faults);
        let telling = self.timeline.follow(&call);
        let kill = (self.options.fault == Some(Fault::KillRecogniser)).then_some(&self.vendors.deepgram);
        let script = match act {
            Act::Book => script::book(&mut call, self.timeline, kill).await.map_err(Into::into),
            Act::Change => script::change(&mut call).await.map_err(Into::into),
            Act::Order(good, story) => self.order(&mut call, api, good).await.map(|told| *story = Some(told)),
        };
        if let Err(error) = script {
            findings.add(format!("{error:#}"));
        }
        call.hang_up().await;
        let id = self.exchange.platform_id(&call);
        let report = match call.ended(script::DEADLINE).await {
            Ok(report) => Some(report),
            Err(error) => {
                findings.add(error.to_string());
                None
            }
        };
        telling.finish().await;
        let log = match id {
            None => {
                findings.add(
                    "the platform told the carrier no `call`, neither with a media stream nor to remember",
                );
                None
            }
            Some(id) => match api.finished_call(&id).await {
                Ok(log) => Some(log),
                Err(error) => {
                    findings.add(format!("the call's log cannot be read: {error:#}"));
                    None
                }
            },
        };
        let wav = report.as_ref().and_then(|report| self.record(number, report, findings));
        let played = Played { report, log, wav };
        check::call(number, &played, findings);
        played
    }

    fn record(&self, number: u32, report: &Report, findings: &mut Findings) -> Option<PathBuf> {
        let path = self.wav_dir.join(format!("call-{number}.wav"));
        match recording::write(&path, &report.sent_audio, &report.heard_audio) {
            Ok(()) => Some(path),
            Err(error) => {
                findings.add(format!("the recording {} cannot be written: {error}", path.display()));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_or_explained() {
        assert_eq!("kill-recogniser".parse(), Ok(Fault::KillRecogniser));
        assert_eq!("drop-inbound=10".parse(), Ok(Fault::DropInbound(10)));
        assert!("drop-inbound=x".parse::<Fault>().unwrap_err().contains("number"));
        assert!("rain".parse::<Fault>().unwrap_err().contains("kill-recogniser"));
    }
}
