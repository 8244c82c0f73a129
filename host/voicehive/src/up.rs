//! `voicehive up` and `voicehive media`: serves until it is told to stop.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use edge::Edge;
use events::EndReason;
use tokio::net::TcpListener;
use tokio::sync::watch;
use turn::OperatorCommand;

use crate::banner;
use crate::config::Config;
use crate::platform::{Platform, seed};
use crate::serve::{self, Shared};

/// Which planes this process serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planes {
    /// Webhooks, API and media sockets.
    Both,
    /// Media sockets.
    Media,
}

/// What callers are told when the platform stops while they speak.
const FAREWELL: &str = "I'm sorry, I have to end this call. Please call again in a moment.";

/// How long the last words may take after the drain.
const LAST_WORDS: Duration = Duration::from_secs(12);

/// How often an instance of an edge component is used: as often as under Spin, but
/// for one request at a time, so that a trap costs one request.
const REUSE: edge::InstanceReuse =
    edge::InstanceReuse { requests: 128, concurrent: 1, idle: Duration::from_secs(1) };

/// Serves `planes` until a stop signal, then lets live calls end.
///
/// # Errors
/// Where anything needed is missing, with what to do about it.
pub async fn up(config: Config, planes: Planes) -> anyhow::Result<ExitCode> {
    let began = std::time::Instant::now();
    let address = config.listen;
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("listening on {address} (hint: set VOICEHIVE_LISTEN to an address that is free)")
    })?;
    let listening = listener.local_addr().context("reading the listening address")?;
    let (platform, worker) = Platform::assemble(config, listening)?;
    let platform = Arc::new(platform);
    seed(&platform.store, &platform.config).await?;
    let edge = match planes {
        Planes::Both => Some(load_edge(&platform, listening).await?),
        Planes::Media => None,
    };
    banner::print(&platform, edge.as_ref(), listening, began.elapsed());
    let (stop, stopped) = watch::channel(false);
    let sweeping = tokio::spawn(sweep(platform.clone()));
    let looking_after_tools = platform.tool_worker.clone().start();
    let router = serve::router(Shared::new(platform.clone(), listening, edge));
    let serving = tokio::spawn(serve::serve(listener, router, stopped));
    stop_signal().await?;
    drain(&platform, &stop).await;
    worker.shut_down().await;
    looking_after_tools.shut_down().await;
    sweeping.abort();
    serving.abort();
    Ok(ExitCode::SUCCESS)
}

async fn load_edge(platform: &Platform, listening: SocketAddr) -> anyhow::Result<Edge> {
    let config = &platform.config;
    let settings = edge::Settings {
        manifest: config.manifest.clone(),
        state_dir: config.data.join("edge"),
        sqlite_databases: [("default".to_owned(), config.database())].into(),
        variables: platform.edge_variables(listening),
        compile_cache: config.cache.join("edge"),
        limits: edge::Limits { instance_reuse: REUSE, ..edge::Limits::default() },
    };
    Edge::load(settings).await.with_context(|| format!("loading {}", config.manifest.display()))
}

/// Between two looks at what the database may forget.
const SWEEP: Duration = Duration::from_secs(60);

/// Has the database forget what it no longer needs: webhooks that cannot come again, limits that are not reached.
async fn sweep(platform: Arc<Platform>) {
    let mut ticks = tokio::time::interval(SWEEP);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match platform.store.sweep(store::Timestamp::now()).await {
            Ok(0) => {}
            Ok(forgotten) => tracing::debug!(forgotten, "the database was swept"),
            Err(error) => tracing::warn!(%error, "the database could not be swept"),
        }
    }
}

/// Waits for SIGTERM or Ctrl-C.
async fn stop_signal() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted.context("listening for Ctrl-C"),
    }
}

/// Takes no more calls, lets live ones go on for a while, then ends them politely.
async fn drain(platform: &Platform, stop: &watch::Sender<bool>) {
    platform.live.close();
    stop.send_replace(true);
    let live = platform.live.count();
    if live == 0 {
        return;
    }
    let patience = platform.config.drain;
    tracing::info!(
        live,
        seconds = patience.as_secs(),
        "stopping: waiting for live calls; stop again to end at once"
    );
    tokio::select! {
        () = end_calls(platform, patience) => {}
        _again = stop_signal() => tracing::warn!("stopped with calls live"),
    }
}

async fn end_calls(platform: &Platform, patience: Duration) {
    if tokio::time::timeout(patience, platform.live.drained()).await.is_ok() {
        return;
    }
    let end = OperatorCommand::End { farewell: Some(FAREWELL.into()), reason: EndReason::Drained };
    platform.live.command_all(&end);
    if tokio::time::timeout(LAST_WORDS, platform.live.drained()).await.is_err() {
        tracing::warn!(live = platform.live.count(), "calls did not end in time");
    }
}
