//! Everything that calls share, assembled once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use egress::{Egress, Limits, SystemResolver};
use sandbox::{Admission, Capabilities, CapabilityPaths, Compiler, HotEngine, Runtime, RuntimeLimits};
use speech::{LanguageModel, SpeechToText, TextToSpeech};
use store::native::Artifacts;
use store::{ApiKeyHash, NativeDb, Seed, Store, Timestamp};

use crate::carriers::{Carriers, Worker};
use crate::config::{Config, Secret};
use crate::lines::Lines;
use crate::live::LiveCalls;
use crate::one_at_a_time::OneAtATime;
use crate::ranked::Ranked;
use crate::secrets;
use crate::tool_api::ToolApi;
use crate::tool_secrets::SecretKeys;
use crate::tool_worker::ToolWorker;
use crate::tools::{Allowances, Services, ToolLibrary, Tools};
use crate::vendors;

/// What calls share.
pub struct Platform {
    /// The settings.
    pub config: Config,
    /// The database.
    pub store: Store<NativeDb>,
    /// The capability components on the hot engine.
    pub capabilities: Arc<Capabilities>,
    /// The tools.
    pub tools: Arc<Tools>,
    /// What is asked about tools over REST.
    pub tool_api: Arc<ToolApi>,
    /// What counts and judges their runs, once it is started.
    pub tool_worker: ToolWorker,
    /// The recognisers.
    pub stt: Arc<Ranked<dyn SpeechToText>>,
    /// The models.
    pub llm: Arc<Ranked<dyn LanguageModel>>,
    /// The synthesisers.
    pub tts: Arc<Ranked<dyn TextToSpeech>>,
    /// What agents say in every call, as sound.
    pub lines: Arc<Lines>,
    /// The carriers' REST sides.
    pub carriers: Carriers,
    /// The calls that are live.
    pub live: LiveCalls,
    /// Checks media tokens.
    pub media_secret: media_token::Secret,
    media_secret_text: Secret,
    /// Opens what only the edge may ask.
    pub internal_secret: Secret,
    /// Keeps two deliveries of one tool call of another platform's apart.
    pub foreign_tools: Arc<OneAtATime>,
    /// Rung when something is in the outbox.
    pub bell: telephony::dispatch::Bell,
}

impl Platform {
    /// Opens the database, loads components and tools, prepares the vendors, and starts the worker that talks to the
    /// carriers. `listening` is where this process is reached.
    ///
    /// # Errors
    /// The first part that is missing or broken, with what to do about it.
    pub fn assemble(config: Config, listening: SocketAddr) -> anyhow::Result<(Self, Worker)> {
        let vendors = vendors::prepare(&config)?;
        let store = open_store(&config)?;
        let engine = HotEngine::new()?.with_cache(&config.cache.join("hot"));
        let capabilities = Capabilities::load(&engine, &CapabilityPaths::new(&config.components))?;
        let capabilities = Arc::new(capabilities);
        let tools = open_tools(&config, &engine, &store, capabilities.clone())?;
        let media_secret_text = match &config.media_token_secret {
            Some(secret) => secret.clone(),
            None => secrets::load_or_create(&config.data, "media-token-secret")?,
        };
        let media_secret = media_token::Secret::new(media_secret_text.expose().as_bytes())
            .context("MEDIA_TOKEN_SECRET is too short: use 16 bytes or more")?;
        let internal_secret = match &config.internal_secret {
            Some(secret) => secret.clone(),
            None => secrets::load_or_create(&config.data, "internal-secret")?,
        };
        let tools = Arc::new(tools);
        let (tool_api, tool_worker) = tool_service(&store, &tools);
        let keys = tools.services.secrets.clone();
        let carriers = Carriers::from_config(&config, store.clone(), keys, config.public_base(listening))?;
        let worker = carriers.start_worker(&config);
        let platform = Self {
            internal_secret,
            foreign_tools: Arc::default(),
            bell: worker.bell(),
            carriers,
            stt: vendors.stt,
            llm: vendors.llm,
            tts: vendors.tts,
            lines: Arc::default(),
            live: LiveCalls::new(config.max_calls),
            store,
            capabilities,
            tools,
            tool_api: Arc::new(tool_api),
            tool_worker,
            media_secret,
            media_secret_text,
            config,
        };
        Ok((platform, worker))
    }

    /// The values of the manifest's variables.
    pub fn edge_variables(&self, listening: SocketAddr) -> BTreeMap<String, String> {
        let several = |secrets: &[Secret]| secrets.iter().map(Secret::expose).collect::<Vec<_>>().join(",");
        BTreeMap::from([
            ("public_url".to_owned(), self.config.public_base(listening)),
            ("media_url".to_owned(), self.config.media_base(listening)),
            ("twilio_auth_tokens".to_owned(), several(&self.config.twilio_tokens)),
            ("telnyx_codec".to_owned(), self.config.telnyx_codec.as_str().to_owned()),
            ("telnyx_public_keys".to_owned(), self.config.telnyx_public_keys.join(",")),
            ("telnyx_voice".to_owned(), self.config.telnyx_voice.clone()),
            ("vapi_secrets".to_owned(), several(&self.config.vapi_secrets)),
            ("vapi_hmac_secrets".to_owned(), several(&self.config.vapi_hmac_secrets)),
            ("webhooks_per_minute".to_owned(), self.config.webhooks_per_minute.to_string()),
            ("internal_url".to_owned(), self.config.internal_base(listening)),
            ("internal_secret".to_owned(), self.internal_secret.expose().to_owned()),
            ("media_token_secret".to_owned(), self.media_secret_text.expose().to_owned()),
        ])
    }
}

/// Loads the built-in tools, and opens what tenants' tools are kept in and served by.
fn open_tools(
    config: &Config,
    engine: &HotEngine,
    store: &Store<NativeDb>,
    capabilities: Arc<Capabilities>,
) -> anyhow::Result<Tools> {
    let artifacts = open_artifacts(&config.tools)?;
    let admission = Admission::new(engine, Compiler::this_program());
    let library = ToolLibrary::load_built_in(admission, &config.components, store.clone(), artifacts)?;
    let resolver = Arc::new(SystemResolver::default());
    let egress = Egress::new(Limits::default(), resolver, egress::public_roots())
        .context("preparing the way out for tools")?;
    let services = Services {
        store: store.clone(),
        egress,
        allowances: Allowances::default(),
        secrets: Arc::new(SecretKeys::new(&config.tool_secrets).context("TOOL_SECRETS_KEY")?),
        lines: Arc::default(),
        runtime: tokio::runtime::Handle::current(),
    };
    let runtime = Runtime::new(RuntimeLimits::default()).context("starting the threads of tools")?;
    Ok(Tools::new(library, runtime, services, capabilities))
}

/// Opens the folder of tools' bytes, which is its owner's alone: they are their tenants' property.
fn open_artifacts(folder: &Path) -> anyhow::Result<Artifacts> {
    let created = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    created.and_then(|()| Artifacts::open(folder)).with_context(|| format!("opening {}", folder.display()))
}

/// What serves and looks after tenants' tools.
fn tool_service(store: &Store<NativeDb>, tools: &Arc<Tools>) -> (ToolApi, ToolWorker) {
    let keeping = Arc::default();
    let (artifacts, services) = (tools.library.artifacts().clone(), &tools.services);
    let worker = ToolWorker {
        store: store.clone(),
        artifacts: artifacts.clone(),
        usage: tools.usage.clone(),
        workshop: tools.clone(),
        keeping: Arc::clone(&keeping),
    };
    let (secrets, lines) = (services.secrets.clone(), services.lines.clone());
    (ToolApi::new(store.clone(), artifacts, tools.clone(), secrets, lines, keeping), worker)
}

/// Creates the data folder, which is its owner's alone: it holds what callers said.
///
/// # Errors
/// Where it cannot be made.
pub fn create_data_folder(config: &Config) -> anyhow::Result<()> {
    let created = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&config.data);
    created.with_context(|| format!("creating {}", config.data.display()))
}

/// Creates the data folder and brings the database to the latest schema.
///
/// # Errors
/// Where the folder cannot be made or the database is of another make.
pub fn open_store(config: &Config) -> anyhow::Result<Store<NativeDb>> {
    create_data_folder(config)?;
    let path = config.database();
    let db = NativeDb::migrate_and_open(&path, Timestamp::now())
        .with_context(|| format!("opening {}", path.display()))?;
    Ok(Store::new(db))
}

/// Seeds the default tenant, its agent, its number and its API key.
///
/// # Errors
/// Where the database fails, or the key can be neither read nor made.
pub async fn seed(store: &Store<NativeDb>, config: &Config) -> anyhow::Result<()> {
    let api_key = match &config.api_key {
        Some(key) => key.clone(),
        None => secrets::load_or_create(&config.data, "api-key")?,
    };
    let seed = Seed {
        time_zone: config.time_zone.clone(),
        number: config.number.clone(),
        api_key: Some(ApiKeyHash::of(api_key.expose())),
        ..Seed::default()
    };
    store.seed(&seed, Timestamp::now()).await.context("seeding the default tenant")?;
    Ok(())
}
