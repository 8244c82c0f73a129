//! The platform as a process of its own.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// How long the platform may take to be ready. The first start compiles its components, on a machine that may have other things to do.
const READY: Duration = Duration::from_secs(300);

/// How long it may take to stop: no call is live any more.
const STOP: Duration = Duration::from_secs(10);

/// Between two looks at whether it is ready.
const LOOK: Duration = Duration::from_millis(100);

/// How much of its log is shown when it fails.
const LINES: usize = 12;

/// The platform's binary.
const BINARY: &str = "voicehive";

/// A running platform. Dropped, it is killed.
#[derive(Debug)]
pub(super) struct Platform {
    child: Child,
    log: PathBuf,
}

/// A port that is free at this moment.
pub(super) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

impl Platform {
    /// Starts `voicehive up`; what it prints goes to `log`.
    pub(super) fn start(
        binary: Option<&Path>,
        environment: &[(&str, String)],
        log: &Path,
    ) -> anyhow::Result<Self> {
        let binary = match binary {
            Some(binary) => binary.to_owned(),
            None => beside_this().unwrap_or_else(|| PathBuf::from(BINARY)),
        };
        let file = File::create(log).with_context(|| format!("the log {} cannot be made", log.display()))?;
        let child = Command::new(&binary)
            .arg("up")
            // Beside the binary, not in the demo's own folder: the next demo starts at once.
            .env("VOICEHIVE_CACHE", binary.with_file_name("compiled"))
            .envs(environment.iter().map(|(name, value)| (*name, value.as_str())))
            .stdin(Stdio::null())
            .stdout(Stdio::from(file.try_clone()?))
            .stderr(Stdio::from(file))
            .kill_on_drop(true)
            .spawn()
            .with_context(|| {
                format!(
                    "the platform `{}` cannot be started: build it with `cargo build -p voicehive`",
                    binary.display()
                )
            })?;
        Ok(Self { child, log: log.to_owned() })
    }

    /// Waits until it says that it is ready.
    pub(super) async fn ready(mut self, base: &str) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build()?;
        let deadline = Instant::now() + READY;
        let mut last = "it does not answer".to_owned();
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                bail!("the platform ended with {status}{}", self.last_lines());
            }
            match client.get(format!("{base}/health/ready")).send().await {
                Ok(response) if response.status().is_success() => return Ok(self),
                Ok(response) => last = format!("it answers {}", response.status()),
                Err(error) if error.is_connect() => {}
                Err(error) => last = error.to_string(),
            }
            sleep(LOOK).await;
        }
        bail!("the platform was not ready within {READY:?}: {last}{}", self.last_lines())
    }

    /// Stops it as an operator would.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("it had ended before, with {status}{}", self.last_lines());
        }
        let id = self.child.id().ok_or_else(|| anyhow!("it has no process id"))?;
        let told = Command::new("kill").arg("-TERM").arg(id.to_string()).status().await;
        if !told.is_ok_and(|status| status.success()) {
            self.child.kill().await?;
            return Ok(());
        }
        match timeout(STOP, self.child.wait()).await {
            Ok(status) => {
                let status = status?;
                if !status.success() {
                    bail!("it ended with {status}{}", self.last_lines());
                }
                Ok(())
            }
            Err(_) => {
                self.child.kill().await?;
                bail!("it did not end within {STOP:?} of the stop signal{}", self.last_lines())
            }
        }
    }

    /// The end of its log, to go behind an error.
    fn last_lines(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let last = lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default();
        if last.is_empty() { String::new() } else { format!("; its log ends with:\n{}", last.join("\n")) }
    }
}

fn beside_this() -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?.with_file_name(BINARY);
    path.is_file().then_some(path)
}
