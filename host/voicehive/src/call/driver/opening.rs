//! What a call begins with: what is read for it, and the streams that are opened.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use audio::vad::Vad;
use axum::extract::ws::WebSocket;
use carriers::dtmf::Deduplicator;
use events::CallEvent;
use speech::{SttOptions, TtsOptions};
use tokio::sync::mpsc;
use tokio::time::Instant;
use turn::Recorder;

use super::{Driver, FRAME_BYTES};
use crate::call::answers::Answers;
use crate::call::carrier::split;
use crate::call::context::Past;
use crate::call::log::CallLog;
use crate::call::recogniser::Recogniser;
use crate::call::tool_answers::ToolAnswers;
use crate::call::voices::Voices;
use crate::call::{Admitted, model_tools, recording, setup};
use crate::platform::Platform;
use crate::tools::ToolRunner;

/// How many vendor events may wait for the call.
const INPUTS: usize = 512;

impl Driver {
    /// Reads what the call needs and opens the streams to the vendors.
    ///
    /// # Errors
    /// Where the agent's configuration does not fit or the database fails.
    pub async fn start(
        platform: Arc<Platform>,
        admitted: Admitted,
        socket: WebSocket,
    ) -> anyhow::Result<Self> {
        let began = Instant::now();
        let carrier_call_id = admitted.call.carrier_call_id.clone();
        let (tenant, call_id) = (admitted.tenant.id.clone(), admitted.call.id.clone());
        let stored = platform.store.events(&tenant, &call_id, 0).await.context("reading the call's log")?;
        let events: Vec<CallEvent> = stored.iter().filter_map(store::StoredEvent::event).collect();
        let past =
            Past::of_caller(&platform.store, platform.capabilities.clone(), &tenant, admitted.person())
                .await?;
        let mut config = setup::config_of_call(&admitted, jiff::Timestamp::now())?;
        if config.transfer_to.is_some() && !platform.carriers.can_hand_over(&admitted.call).await {
            config.transfer_to = None;
            let carrier = &admitted.call.carrier;
            tracing::warn!(carrier, "calls cannot be handed over without the carrier's credentials");
        }
        let briefing = config.transfer_briefing.clone();
        let names = &admitted.agent.tools;
        let allowed = Arc::new(platform.tools.library.for_call(&tenant, &call_id, names).await);
        let confirmations = platform.tools.confirmations.of(&tenant, &call_id);
        let mut context = setup::call_context(&admitted, &events, past.recall(""));
        context.models = platform.llm.count();
        context.voices = platform.tts.count();
        context.tools = allowed.values().map(model_tools::policy).collect();
        context.prerecorded = platform.lines.at_hand(&config);
        platform.lines.prepare(&config, &platform.tts);
        let definitions = model_tools::definitions(&allowed, &config);
        let recording = platform.config.recordings.as_ref().and_then(|folder| {
            let begun = recording::begin(folder, &call_id);
            begun.inspect_err(|error| tracing::warn!(%error, "the call is not recorded")).ok()
        });
        let (answer_to, inputs) = mpsc::channel(INPUTS);
        let (speak_to, spoken) = mpsc::channel(INPUTS);
        let (ran_to, ran) = mpsc::channel(INPUTS);
        let (reader, writer) = split(socket, admitted.dialect);
        Ok(Self {
            call: Recorder::new(config, context, Duration::ZERO, recording),
            began,
            carrier_call_id: carrier_call_id.context("the carrier has not named the call yet")?,
            briefing,
            stored: admitted.call.clone(),
            reader,
            writer,
            log: CallLog::new(platform.store.clone(), tenant.clone(), call_id.clone()),
            inputs,
            at_once: VecDeque::new(),
            recogniser: Recogniser::start(platform.stt.clone(), SttOptions::default(), answer_to.clone()),
            spoken,
            voices: Voices::start(platform.tts.clone(), TtsOptions::default(), speak_to),
            answers: Answers::new(platform.llm.clone(), definitions, answer_to),
            past,
            tool_answers: ToolAnswers::new(confirmations.clone()),
            ran,
            ran_to,
            tools: ToolRunner {
                tools: platform.tools.clone(),
                allowed,
                confirmations,
                tenant,
                key_scope: call_id.to_string(),
                call: call_id,
                caller: admitted.person().to_owned(),
                time_zone: admitted.tenant.time_zone.clone(),
            },
            place: admitted.place,
            running: BTreeMap::new(),
            keys: Deduplicator::default(),
            vad: Vad::new(),
            samples: Vec::with_capacity(FRAME_BYTES),
            hung_up: false,
            transfer_to: None,
            unreported: None,
            disconnect_logged: false,
            superseded: false,
            platform,
        })
    }
}
