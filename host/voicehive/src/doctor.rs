//! `voicehive doctor`: what is set, what is missing, what can be reached.

use std::process::ExitCode;
use std::time::Duration;

use sandbox::Confined;
use tokio::net::TcpStream;
use url::Url;

use crate::config::{Config, Recogniser, Synthesiser, Vendor};

/// How long a host may take to accept a connection.
const REACH_TIMEOUT: Duration = Duration::from_secs(3);

/// The result of one check.
enum Verdict {
    Good,
    Warning,
    Bad,
}

struct Check {
    verdict: Verdict,
    name: String,
    says: String,
}

/// Prints a line for every check; fails if one of them is bad.
///
/// # Errors
/// Where the configuration itself cannot be read.
pub async fn doctor() -> anyhow::Result<ExitCode> {
    let config = Config::load()?;
    let mut checks = files(&config);
    checks.extend(carrier(&config));
    checks.extend(vendors(&config).await);
    let mut code = ExitCode::SUCCESS;
    for check in checks {
        let sign = match check.verdict {
            Verdict::Good => "ok   ",
            Verdict::Warning => "warn ",
            Verdict::Bad => "BAD  ",
        };
        if matches!(check.verdict, Verdict::Bad) {
            code = ExitCode::FAILURE;
        }
        println!("{sign}  {:<12}  {}", check.name, check.says);
    }
    Ok(code)
}

fn check(verdict: Verdict, name: &str, says: impl Into<String>) -> Check {
    Check { verdict, name: name.into(), says: says.into() }
}

fn files(config: &Config) -> Vec<Check> {
    let components = config.components.join("sentiment.wasm");
    let manifest = &config.manifest;
    vec![
        if components.exists() {
            check(Verdict::Good, "components", config.components.display().to_string())
        } else {
            let missing = format!("{} is missing; run `cargo xtask build`", components.display());
            check(Verdict::Bad, "components", missing)
        },
        if manifest.exists() {
            check(Verdict::Good, "manifest", manifest.display().to_string())
        } else {
            let missing = format!("{} is missing; set VOICEHIVE_MANIFEST", manifest.display());
            check(Verdict::Bad, "manifest", missing)
        },
        database(config),
    ]
    .into_iter()
    .chain([tools(config), tool_secrets(config), compiler(sandbox::confined())])
    .chain(config.recordings.as_ref().map(|folder| folder_check("recordings", folder, "the first call")))
    .collect()
}

fn tools(config: &Config) -> Check {
    folder_check("tools", &config.tools, "`voicehive up`")
}

fn tool_secrets(config: &Config) -> Check {
    if config.tool_secrets.is_empty() {
        let says = "TOOL_SECRETS_KEY is not set: no secrets of tenants' tools, and no carrier accounts of theirs, are kept";
        return check(Verdict::Warning, "tool secrets", says);
    }
    check(Verdict::Good, "tool secrets", format!("{} keys", config.tool_secrets.len()))
}

/// Tenants' components are compiled in a process that gives up all that the kernel can take.
fn compiler(confined: Confined) -> Check {
    let (verdict, says) = match confined {
        Confined::Fully => (Verdict::Good, "the kernel keeps it from files and network (Landlock)"),
        Confined::Partly => {
            (Verdict::Good, "the kernel keeps it from files (Landlock); a newer one does more")
        }
        Confined::ByLimits => {
            let says =
                "this kernel has no Landlock: only limits keep the compiler of tools from files and network";
            (Verdict::Warning, says)
        }
    };
    check(verdict, "compiler", says)
}

fn folder_check(name: &str, folder: &std::path::Path, made_by: &str) -> Check {
    match std::fs::metadata(folder) {
        Ok(found) if !found.is_dir() => {
            check(Verdict::Bad, name, format!("{} is not a folder", folder.display()))
        }
        Ok(found) if found.permissions().readonly() => {
            check(Verdict::Bad, name, format!("{} cannot be written to", folder.display()))
        }
        Ok(_) => check(Verdict::Good, name, folder.display().to_string()),
        Err(_) => check(Verdict::Warning, name, format!("{} will be made by {made_by}", folder.display())),
    }
}

fn database(config: &Config) -> Check {
    let path = config.database();
    if !path.exists() {
        return check(
            Verdict::Warning,
            "database",
            format!("{} will be made by `voicehive up`", path.display()),
        );
    }
    match store::NativeDb::open(&path) {
        Ok(_) => check(Verdict::Good, "database", path.display().to_string()),
        Err(error) => check(Verdict::Bad, "database", format!("{}: {error}", path.display())),
    }
}

fn carrier(config: &Config) -> Vec<Check> {
    let mut checks = carriers(config);
    checks.push(match &config.number {
        Some(number) => check(Verdict::Good, "number", number.as_str()),
        None => {
            check(Verdict::Bad, "number", "VOICEHIVE_NUMBER is not set: no number leads to the receptionist")
        }
    });
    checks.push(match &config.public_url {
        Some(url) if url.scheme() == "https" => check(Verdict::Good, "public url", url.as_str()),
        Some(url) => {
            check(Verdict::Warning, "public url", format!("{url} is not https: Twilio's media needs wss"))
        }
        None => check(
            Verdict::Warning,
            "public url",
            "PUBLIC_URL is not set: only this machine can reach the platform",
        ),
    });
    checks
}

fn carriers(config: &Config) -> Vec<Check> {
    let checks: Vec<Check> = [twilio(config), telnyx(config), vapi(config)].into_iter().flatten().collect();
    if checks.is_empty() {
        let says = "no carrier can prove itself: set TWILIO_AUTH_TOKEN, TELNYX_PUBLIC_KEY or VAPI_SECRET";
        return vec![check(Verdict::Bad, "carrier", says)];
    }
    checks
}

fn twilio(config: &Config) -> Option<Check> {
    let (tokens, account) = (!config.twilio_tokens.is_empty(), config.twilio_account.is_some());
    Some(match (tokens, account) {
        (false, false) => return None,
        (false, true) => {
            check(Verdict::Bad, "twilio", "TWILIO_AUTH_TOKEN is not set: every webhook will be refused")
        }
        (true, false) => check(
            Verdict::Warning,
            "twilio",
            "TWILIO_ACCOUNT_SID is not set: calls end when their socket closes, and none can be placed",
        ),
        (true, true) => check(Verdict::Good, "twilio", "account and auth token are set"),
    })
}

fn telnyx(config: &Config) -> Option<Check> {
    let (proof, key) = (!config.telnyx_public_keys.is_empty(), config.telnyx.key.is_some());
    Some(match (proof, key) {
        (false, false) => return None,
        (false, true) => {
            check(Verdict::Bad, "telnyx", "TELNYX_PUBLIC_KEY is not set: every webhook will be refused")
        }
        (true, false) => {
            check(Verdict::Bad, "telnyx", "TELNYX_API_KEY is not set: no call can be answered or ended")
        }
        (true, true) if config.public_url.is_none() && config.media_url.is_none() => {
            check(Verdict::Bad, "telnyx", "PUBLIC_URL is not set: Telnyx cannot be told where media goes")
        }
        (true, true) => check(Verdict::Good, "telnyx", "public key, API key and connection are set"),
    })
}

fn vapi(config: &Config) -> Option<Check> {
    let token = !config.vapi_secrets.is_empty();
    let signed = !config.vapi_hmac_secrets.is_empty();
    let by = match (token, signed) {
        (false, false) => return None,
        (true, false) => "a token",
        (false, true) => "signatures",
        (true, true) => "a token or signatures",
    };
    Some(check(Verdict::Good, "vapi", format!("proves itself by {by}")))
}

async fn vendors(config: &Config) -> Vec<Check> {
    let mut checks = Vec::new();
    let deepgram = [Recogniser::Deepgram, Recogniser::DeepgramFlux];
    if config.stt.iter().any(|recogniser| deepgram.contains(recogniser)) {
        checks
            .push(vendor("deepgram", "DEEPGRAM_API_KEY", &config.deepgram, "https://api.deepgram.com").await);
    }
    checks.push(vendor("model", "OPENAI_API_KEY", &config.openai, "https://api.openai.com").await);
    if let Some(url) = &config.fallback.url {
        checks.push(vendor("2nd model", "FALLBACK_API_KEY", &config.fallback, url.as_str()).await);
    }
    // Ears and voices of the same endpoint need no second look at it, but their models are worth a line.
    if config.stt.contains(&Recogniser::OpenAi) {
        checks.push(check(
            Verdict::Good,
            "ears",
            format!("{} at the model's endpoint", config.openai_stt_model),
        ));
    }
    if config.tts.contains(&Synthesiser::OpenAi) {
        let says =
            format!("{} as {} at the model's endpoint", config.openai_tts_model, config.openai_tts_voice);
        checks.push(check(Verdict::Good, "voice", says));
    }
    if config.tts.contains(&Synthesiser::Cartesia) {
        checks
            .push(vendor("cartesia", "CARTESIA_API_KEY", &config.cartesia, "https://api.cartesia.ai").await);
        checks.extend(voice("CARTESIA_VOICE_ID", config.cartesia_voice.as_ref()));
    }
    if config.tts.contains(&Synthesiser::ElevenLabs) {
        let (vendor_of, default) = (&config.elevenlabs, "https://api.elevenlabs.io");
        checks.push(vendor("elevenlabs", "ELEVENLABS_API_KEY", vendor_of, default).await);
        checks.extend(voice("ELEVENLABS_VOICE_ID", config.elevenlabs_voice.as_ref()));
    }
    checks
}

fn voice(setting: &str, voice: Option<&String>) -> Option<Check> {
    voice.is_none().then(|| check(Verdict::Bad, "voice", format!("{setting} is not set")))
}

/// The keys that endpoints of one's own may do without.
const KEYLESS: [&str; 2] = ["OPENAI_API_KEY", "FALLBACK_API_KEY"];

async fn vendor(name: &str, key: &str, vendor: &Vendor, default: &str) -> Check {
    // A self-hosted endpoint may want no key; the vendor's own always does.
    if vendor.key.is_none() && (vendor.url.is_none() || !KEYLESS.contains(&key)) {
        return check(Verdict::Bad, name, format!("{key} is not set"));
    }
    let url = vendor.url.clone().or_else(|| Url::parse(default).ok());
    let Some((host, port)) = url.as_ref().and_then(host_and_port) else {
        return check(Verdict::Bad, name, "its URL has no host");
    };
    match tokio::time::timeout(REACH_TIMEOUT, TcpStream::connect((host.as_str(), port))).await {
        Ok(Ok(_)) => check(
            Verdict::Good,
            name,
            format!("{}, {host}:{port} reachable", if vendor.key.is_some() { "key set" } else { "no key" }),
        ),
        Ok(Err(error)) => check(Verdict::Bad, name, format!("{host}:{port} cannot be reached: {error}")),
        Err(_) => check(Verdict::Bad, name, format!("{host}:{port} did not answer within {REACH_TIMEOUT:?}")),
    }
}

fn host_and_port(url: &Url) -> Option<(String, u16)> {
    let port = match url.scheme() {
        "ws" | "http" => url.port().unwrap_or(80),
        _ => url.port().unwrap_or(443),
    };
    Some((url.host_str()?.trim_matches(['[', ']']).to_owned(), port))
}
