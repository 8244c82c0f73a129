//! The programs that serve a platform: our runner and Spin, each seeing nothing of this machine's environment.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::timeout;

/// The carrier's account.
pub const ACCOUNT_SID: &str = "AC0123456789abcdef0123456789abcdef";
/// What the carrier signs with.
pub const AUTH_TOKEN: &str = "the-auth-token-of-the-tests";
/// What it signed with before a rotation that is under way.
pub const OLDER_AUTH_TOKEN: &str = "the-auth-token-before";
/// The number of the seeded receptionist.
pub const NUMBER: &str = "+34910000000";
/// The key to the REST API.
pub const API_KEY: &str = "the-api-key-of-the-tests";
/// What media tokens are signed with.
pub const MEDIA_SECRET: &str = "the media token secret of the tests";

/// Nothing listens there: no test reaches a real vendor by accident.
const CLOSED: &str = "127.0.0.1:9";

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// What serves.
pub enum Kind {
    /// `voicehive up`.
    Voicehive,
    /// `spin up`, with the program's path.
    Spin(PathBuf),
}

/// Fails where the components were not built.
pub fn require_components() {
    let component = Path::new(ROOT).join("target/components/carrier-webhooks.wasm");
    assert!(component.exists(), "{} is missing: run `cargo xtask build`", component.display());
}

/// Makes the data folder. What is compiled is shared, so that only the first server after a build compiles it.
pub fn prepare_data(folder: &Path) {
    let compiled = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
    std::fs::create_dir_all(&compiled).unwrap();
    std::fs::create_dir_all(data(folder)).unwrap();
    std::os::unix::fs::symlink(compiled, data(folder).join("compiled")).unwrap();
}

/// The folder of the database.
pub fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// The tests' own settings.
pub fn own_settings(address: SocketAddr, folder: &Path) -> BTreeMap<&'static str, String> {
    let root = Path::new(ROOT);
    let path = |path: PathBuf| path.to_str().unwrap().to_owned();
    BTreeMap::from([
        ("VOICEHIVE_LISTEN", address.to_string()),
        ("VOICEHIVE_DATA", path(data(folder))),
        ("VOICEHIVE_MANIFEST", path(root.join("spin.toml"))),
        ("VOICEHIVE_COMPONENTS", path(root.join("target/components"))),
        ("VOICEHIVE_NUMBER", NUMBER.to_owned()),
        ("VOICEHIVE_API_KEY", API_KEY.to_owned()),
        ("MEDIA_TOKEN_SECRET", MEDIA_SECRET.to_owned()),
        ("PUBLIC_URL", format!("http://{address}")),
        ("TWILIO_ACCOUNT_SID", ACCOUNT_SID.to_owned()),
        ("TWILIO_AUTH_TOKEN", format!("{AUTH_TOKEN},{OLDER_AUTH_TOKEN}")),
        ("TWILIO_API_URL", format!("http://{CLOSED}")),
        ("DEEPGRAM_API_KEY", "none".to_owned()),
        ("DEEPGRAM_URL", format!("ws://{CLOSED}")),
        ("OPENAI_API_KEY", "none".to_owned()),
        ("OPENAI_BASE_URL", format!("http://{CLOSED}/v1")),
        ("CARTESIA_API_KEY", "none".to_owned()),
        ("CARTESIA_URL", format!("ws://{CLOSED}")),
        ("CARTESIA_VOICE_ID", "none".to_owned()),
    ])
}

/// Starts what serves.
pub async fn spawn(
    kind: &Kind,
    address: SocketAddr,
    settings: &BTreeMap<&'static str, String>,
    folder: &Path,
) -> Child {
    match kind {
        Kind::Voicehive => voicehive("up", settings, folder).spawn().unwrap(),
        Kind::Spin(program) => {
            let migrated = voicehive("migrate", settings, folder).arg("up").status().await.unwrap();
            assert!(migrated.success(), "`voicehive migrate up` failed");
            spin(program, address, settings, folder).spawn().unwrap()
        }
    }
}

fn voicehive(command: &str, settings: &BTreeMap<&'static str, String>, folder: &Path) -> Command {
    let mut voicehive = quiet(Path::new(env!("CARGO_BIN_EXE_voicehive")), folder);
    voicehive.arg(command).envs(settings);
    voicehive
}

fn spin(
    program: &Path,
    address: SocketAddr,
    settings: &BTreeMap<&'static str, String>,
    folder: &Path,
) -> Command {
    let configuration = folder.join("runtime-config.toml");
    let database = toml::Value::String(data(folder).join("voicehive.db").to_str().unwrap().to_owned());
    let text = format!("[sqlite_database.default]\ntype = \"spin\"\npath = {database}\n");
    std::fs::write(&configuration, text).unwrap();
    let mut spin = quiet(program, folder);
    spin.args(["up", "--listen", &address.to_string()])
        .arg("--from")
        .arg(&settings["VOICEHIVE_MANIFEST"])
        .arg("--runtime-config-file")
        .arg(configuration)
        .arg("--state-dir")
        .arg(folder.join("spin"))
        .process_group(0);
    for (variable, setting) in [
        ("PUBLIC_URL", "PUBLIC_URL"),
        ("MEDIA_URL", "MEDIA_URL"),
        ("TWILIO_AUTH_TOKENS", "TWILIO_AUTH_TOKEN"),
        ("MEDIA_TOKEN_SECRET", "MEDIA_TOKEN_SECRET"),
    ] {
        spin.envs(settings.get(setting).map(|value| (format!("SPIN_VARIABLE_{variable}"), value)));
    }
    spin
}

/// A program that sees nothing of this machine's environment and writes to the log.
fn quiet(program: &Path, folder: &Path) -> Command {
    let log: File = OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs(["PATH", "HOME"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .kill_on_drop(true);
    command
}

/// Spin on `PATH`, or why there is none.
pub async fn find_spin() -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let program = std::env::split_paths(&path)
        .map(|folder| folder.join("spin"))
        .find(|program| program.is_file())
        .ok_or("`spin` is not installed")?;
    // A model checker has the same name, and older Spins lack what the manifest needs.
    let asked = Command::new(&program).arg("--version").stdin(Stdio::null()).output();
    let output = timeout(Duration::from_secs(20), asked).await.map_err(|_| "`spin --version` hangs")?;
    let version = output.map_err(|error| format!("{}: {error}", program.display()))?.stdout;
    let version = String::from_utf8_lossy(&version).trim().to_owned();
    let mut numbers = version.strip_prefix("spin ").unwrap_or_default().split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= (4, 1) => Ok(program),
        _ => Err(format!("`spin` is not Spin 4.1 or later but {version:?}")),
    }
}

/// A free port below those that the system gives to outgoing connections, so that nobody else has it between a
/// crash and the restart.
pub fn free_address() -> SocketAddr {
    const FIRST: u16 = 20_000;
    const SPAN: u16 = 12_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test programs that run side by side begin at different places.
    let from = u16::try_from(std::process::id() % u32::from(SPAN)).unwrap();
    (0..SPAN)
        .map(|_| FIRST + (from + NEXT.fetch_add(1, Ordering::Relaxed) % SPAN) % SPAN)
        .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .find(|address| TcpListener::bind(address).is_ok())
        .unwrap()
}
