//! Simulated calls: vendors to run against, a caller to place calls with, and the demonstration.

use std::io::{BufRead as _, IsTerminal as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use sim::carrier::{ACCOUNT_SID, AUTH_TOKEN, Call, CallError, CarrierFaults, End};
use sim::exchange::{Account, Carrier, Exchange};
use sim::faults::Faults;
use sim::timeline::Timeline;
use sim::vendors::{KEY, cartesia, deepgram, elevenlabs, openai};
use sim::{demo, recording, telnyx};

/// Where the carrier's REST interface listens for calls placed by hand.
const API_LISTEN: &str = "127.0.0.1:4403";

/// How long the agent may take to answer a line.
const ANSWER: Duration = Duration::from_secs(30);

/// How long the agent is silent before the next line is said.
const POLITE: Duration = Duration::from_millis(800);

/// Simulated telephone calls for VoiceHive.
///
/// Everything here speaks the vendors' real protocols on this machine: no account, no key, no cost. Words travel as
/// audible sound in a simulated voice, so what is heard at the end really went through every part between.
///
/// Try it in one go:       voicehive-sim demo
/// Or by hand, in three terminals:
///   1.  voicehive-sim vendors               (prints the environment; export it in terminal 2)
///   2.  voicehive up
///   3.  voicehive-sim call --to +12025550199 "Hello, I would like an appointment."
#[derive(Parser)]
#[command(version, verbatim_doc_comment)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the simulated speech and language vendors until Ctrl-C.
    Vendors(VendorsArgs),
    /// Place a simulated call to a running platform.
    ///
    /// Each LINE is said when the agent has finished speaking. Without lines, they are read from standard input, one call
    /// per run. What is heard is printed with its time on the line. The platform must know this carrier: start it with the
    /// environment that `voicehive-sim vendors` prints.
    #[command(verbatim_doc_comment)]
    Call(CallArgs),
    /// Start everything, place three calls, and check what came of them.
    ///
    /// Starts the simulated vendors, then `voicehive up` (the binary beside this one, or on the PATH) as a process of its
    /// own with a fresh database, and calls it three times from the same number. In the first call the caller interrupts the
    /// agent in mid-sentence and books an appointment; in the second the agent remembers it and moves it. Before
    /// the third a tenant's tool is uploaded, which the agent then uses; in the middle of it a bad version goes live, other
    /// callers get it, and the platform goes back from it by itself. Then everything is read back from the platform's REST
    /// interface and compared with what was really said and heard.
    ///
    /// Ends with 0 when everything was as it should be, with 1 when anything was not, and says what.
    /// The vendors are always the simulated ones, also where keys of real vendors are set: words travel as the simulated
    /// voice, which no real recogniser understands.
    #[command(verbatim_doc_comment)]
    Demo(DemoArgs),
}

#[derive(Args)]
struct VendorsArgs {
    /// The first of five ports: the recogniser's, the model's, the synthesiser's, one that is left to the carrier, and the
    /// other synthesiser's
    #[arg(long, default_value_t = 4400)]
    port: u16,
}

#[derive(Args)]
struct CallArgs {
    /// The platform's public address
    #[arg(long, default_value = "http://127.0.0.1:3000")]
    url: String,
    /// The number to call
    #[arg(long)]
    to: String,
    /// The caller's number
    #[arg(long, default_value = demo::CALLER)]
    from: String,
    /// Whose telephone it is
    #[arg(long, value_enum, default_value_t)]
    carrier: Carrier,
    /// Twilio: the account that the call belongs to
    #[arg(long, env = "TWILIO_ACCOUNT_SID", default_value = ACCOUNT_SID)]
    account_sid: String,
    /// Twilio: what the carrier signs its requests with
    #[arg(long, env = "TWILIO_AUTH_TOKEN", default_value = AUTH_TOKEN, hide_env_values = true)]
    auth_token: String,
    /// Telnyx: what the platform's commands are authorised with
    #[arg(long, env = "TELNYX_API_KEY", default_value = telnyx::API_KEY, hide_env_values = true)]
    api_key: String,
    /// Telnyx: the Call Control App that the call belongs to
    #[arg(long, env = "TELNYX_CONNECTION_ID", default_value = telnyx::CONNECTION_ID)]
    connection_id: String,
    /// Where the carrier's REST interface listens: the platform's TWILIO_API_URL or TELNYX_API_URL
    #[arg(long, default_value = API_LISTEN)]
    api_listen: SocketAddr,
    /// Write the call to this stereo WAV file: the caller left, the agent as heard right
    #[arg(long)]
    wav: Option<PathBuf>,
    /// What the caller says
    lines: Vec<String>,
}

#[derive(Args)]
struct DemoArgs {
    /// Whose telephone it is; Telnyx's media is out of order by up to three chunks
    #[arg(long, value_enum, default_value_t)]
    carrier: Carrier,
    /// Print one JSON object to stdout; the account of the calls goes to stderr
    #[arg(long)]
    json: bool,
    /// Where the recordings go, as stereo WAV files
    #[arg(long)]
    wav_dir: Option<PathBuf>,
    /// The platform's data folder (default: a temporary one)
    #[arg(long)]
    data: Option<PathBuf>,
    /// Let something go wrong, to see that it is noticed: kill-recogniser or drop-inbound=N
    #[arg(long)]
    fault: Option<demo::Fault>,
    /// The platform's binary
    #[arg(long)]
    platform: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let result = match Cli::parse().command {
        Command::Vendors(args) => vendors(&args).await.map(|()| true),
        Command::Call(args) => call(args).await.map(|()| true),
        Command::Demo(args) => run_demo(args).await,
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn vendors(args: &VendorsArgs) -> anyhow::Result<()> {
    let at = |offset: u16| {
        let port = args.port.checked_add(offset).context("--port is too high")?;
        anyhow::Ok(Some(SocketAddr::from(([127, 0, 0, 1], port))))
    };
    let none = Faults::default;
    let busy = "a port is taken: choose others with --port";
    let running = sim::vendors::Vendors {
        deepgram: deepgram::start(deepgram::Config { addr: at(0)?, ..Default::default() }, none())
            .await
            .context(busy)?,
        openai: openai::start(openai::Config { addr: at(1)?, ..Default::default() }, none())
            .await
            .context(busy)?,
        cartesia: cartesia::start(cartesia::Config { addr: at(2)?, ..Default::default() }, none())
            .await
            .context(busy)?,
        elevenlabs: elevenlabs::start(elevenlabs::Config { addr: at(4)?, ..Default::default() }, none())
            .await
            .context(busy)?,
    };
    println!("# The simulated vendors are running. For the platform's terminal:");
    for (name, value) in running.environment() {
        println!("export {name}={value}");
    }
    println!("export VOICEHIVE_NUMBER={}", demo::AGENT);
    println!("export TWILIO_ACCOUNT_SID={ACCOUNT_SID}");
    println!("export TWILIO_AUTH_TOKEN={AUTH_TOKEN}");
    println!("export TWILIO_API_URL=http://{API_LISTEN}");
    println!("export TELNYX_API_KEY={}", telnyx::API_KEY);
    println!("export TELNYX_CONNECTION_ID={}", telnyx::CONNECTION_ID);
    println!("export TELNYX_PUBLIC_KEY={}", telnyx::public_key_by_hand());
    println!("export TELNYX_API_URL=http://{API_LISTEN}");
    println!("# Or with recognised turns and the other voice:");
    println!("# export VOICEHIVE_STT=deepgram-flux VOICEHIVE_TTS=elevenlabs");
    println!("# Every key is `{KEY}` and opens nothing else. Ctrl-C ends them.");
    tokio::signal::ctrl_c().await?;
    running.shutdown().await;
    Ok(())
}

async fn call(args: CallArgs) -> anyhow::Result<()> {
    let account = match args.carrier {
        Carrier::Twilio => Account::Twilio { account_sid: args.account_sid, auth_token: args.auth_token },
        Carrier::Telnyx => Account::Telnyx {
            api_key: args.api_key,
            connection_id: args.connection_id,
            signing_seed: Some(telnyx::SIGNING_SEED),
        },
    };
    let exchange = Exchange::start(&account, &args.url, Some(args.api_listen)).await?;
    let lines = if args.lines.is_empty() {
        std::io::stdin().lock().lines().collect::<Result<Vec<_>, _>>().context("standard input")?
    } else {
        args.lines
    };
    let mut call = exchange.place_call(&args.from, &args.to, CarrierFaults::default());
    let timeline = Timeline::new(false);
    let telling = timeline.follow(&call);
    let talked = talk(&mut call, lines.iter().filter(|line| !line.trim().is_empty())).await;
    call.hang_up().await;
    let report = call.ended(ANSWER).await?;
    telling.finish().await;
    for problem in &report.problems {
        eprintln!("the carrier complains: {problem}");
    }
    if let Some(path) = &args.wav {
        recording::write(path, &report.sent_audio, &report.heard_audio)
            .with_context(|| format!("the recording {} cannot be written", path.display()))?;
    }
    let end = match report.end {
        End::CallerHungUp => "the caller hung up",
        End::PlatformHungUp => "the agent hung up",
        End::Rejected => "the call was turned down",
        End::Failed => "the call failed",
        End::Busy => "the line was busy",
        End::NoAnswer => "nobody answered",
        End::Cancelled => "the call was cancelled",
        End::Unreachable => "the number cannot be reached",
    };
    println!("{:>7.2}  {end}", report.duration.as_secs_f64());
    exchange.shutdown().await;
    talked
}

async fn talk<'a>(call: &mut Call, mut lines: impl Iterator<Item = &'a String>) -> anyhow::Result<()> {
    call.connected(ANSWER).await?;
    call.listen(POLITE, ANSWER).await?;
    let mut line = lines.next();
    while let Some(text) = line {
        call.say(text).await?;
        line = lines.next();
        match call.listen(POLITE, ANSWER).await {
            Ok(_) => {}
            // An agent that hangs up after the last line has done nothing wrong.
            Err(CallError::Ended(_)) if line.is_none() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn run_demo(args: DemoArgs) -> anyhow::Result<bool> {
    let options = demo::Options {
        carrier: args.carrier,
        data: args.data,
        wav_dir: args.wav_dir,
        json: args.json,
        fault: args.fault,
        platform: args.platform,
    };
    let outcome = demo::run(&options).await?;
    if options.json {
        println!("{:#}", outcome.json);
    }
    Ok(outcome.problems.is_empty())
}
