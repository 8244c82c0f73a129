//! Transcription by an OpenAI-compatible server: audio is collected while the caller speaks and sent on a finalize.
//!
//! No interims and no end of speech come from such a server; who uses it decides by voice activity when to finalize.

use std::io::Cursor;

use audio::g711;
use audio::vad::Vad;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesOrdered;
use reqwest::multipart::{Form, Part};
use serde::Deserialize;
use tokio::sync::mpsc;

use super::{Config, NAME};
use crate::transport::{deliver, read_all};
use crate::{
    BoxFuture, CHANNEL_CAPACITY, Encoding, Error, Kind, SpeechToText, Stage, SttCommand, SttEvent,
    SttOptions, SttSession, Transport,
};

/// Audio from before the speech was noticed that is sent along: half a second.
const LEAD: usize = 4_000;

/// Longest speech in one request: a minute. A longer one is sent in parts.
const MAX_SPEECH: usize = 60 * 8_000;

/// Voice that makes speech of a noise: a tenth of a second.
const MIN_VOICE: usize = 800;

/// Probability at which audio counts as voice.
const VOICE: f32 = 0.5;

/// Requests under way at once.
const MAX_REQUESTS: usize = 4;

/// Longest answer of the server.
const MAX_BODY: usize = 1024 * 1024;

/// A recogniser behind an OpenAI-compatible server.
#[derive(Debug, Clone)]
pub struct Transcription {
    config: Config,
    transport: Transport,
}

impl Transcription {
    /// Creates the recogniser; nothing is sent before a finalize.
    #[must_use]
    pub fn new(config: Config, transport: Transport) -> Self {
        Self { config, transport }
    }

    async fn start(&self, options: SttOptions) -> Result<SttSession, Error> {
        if options.sample_rate != audio::SAMPLE_RATE {
            return Err(
                Error::new(NAME, Stage::Configure, Kind::Rejected).with_code("sample_rate_must_be_8000")
            );
        }
        let (commands, command_receiver) = mpsc::channel(CHANNEL_CAPACITY);
        let (events, event_receiver) = mpsc::channel(CHANNEL_CAPACITY);
        let session = Session {
            recogniser: self.clone(),
            options,
            events,
            heard: Heard::new(),
            requests: FuturesOrdered::new(),
        };
        tokio::spawn(session.run(command_receiver));
        Ok(SttSession { commands, events: event_receiver })
    }

    async fn transcribe(self, options: SttOptions, samples: Vec<i16>) -> Result<String, Error> {
        let file: Bytes = wav(&samples)?.into();
        let answer = self
            .transport
            .send(NAME, |client| {
                let form = form(&self.config.model, &options, file.clone())?;
                Ok(self.config.post(client, "/audio/transcriptions")?.multipart(form))
            })
            .await?;
        let body = read_all(answer, MAX_BODY).await?;
        let reply: Reply = serde_json::from_slice(&body)
            .map_err(|_| Error::new(NAME, Stage::Receive, Kind::Protocol).with_code("malformed_answer"))?;
        Ok(reply.text.trim().to_owned())
    }
}

impl SpeechToText for Transcription {
    fn name(&self) -> &'static str {
        NAME
    }

    fn open(&self, options: SttOptions) -> BoxFuture<'_, Result<SttSession, Error>> {
        Box::pin(self.start(options))
    }
}

struct Session {
    recogniser: Transcription,
    options: SttOptions,
    events: mpsc::Sender<SttEvent>,
    heard: Heard,
    requests: FuturesOrdered<BoxFuture<'static, Result<SttEvent, Error>>>,
}

impl Session {
    async fn run(mut self, commands: mpsc::Receiver<SttCommand>) {
        let last = match self.drive(commands).await {
            Ok(()) => SttEvent::Closed,
            Err(error) => SttEvent::Failed(error),
        };
        // A reader that left does not want to know.
        let _ = deliver(NAME, &self.events, last).await;
    }

    async fn drive(&mut self, mut commands: mpsc::Receiver<SttCommand>) -> Result<(), Error> {
        let mut closing = false;
        while !closing || !self.requests.is_empty() {
            tokio::select! {
                // While too much is under way commands wait, and their bounded channel tells the caller.
                command = commands.recv(), if !closing && self.requests.len() < MAX_REQUESTS => match command {
                    Some(SttCommand::Audio(audio)) => self.audio(&audio).await?,
                    Some(SttCommand::Finalize) => self.request(true),
                    Some(SttCommand::Close) | None => {
                        closing = true;
                        self.request(false);
                    }
                },
                Some(result) = self.requests.next() => deliver(NAME, &self.events, result?).await?,
                () = self.events.closed() => return Ok(()),
            }
        }
        Ok(())
    }

    async fn audio(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.heard.push(bytes, self.options.encoding) {
            deliver(NAME, &self.events, SttEvent::SpeechStarted).await?;
        }
        if self.heard.samples.len() >= MAX_SPEECH {
            self.request(false);
        }
        Ok(())
    }

    fn request(&mut self, from_finalize: bool) {
        let samples = self.heard.take_speech();
        if samples.is_empty() && !from_finalize {
            return;
        }
        let recogniser = self.recogniser.clone();
        let options = self.options.clone();
        self.requests.push_back(Box::pin(async move {
            let text = match samples.is_empty() {
                true => String::new(),
                false => recogniser.transcribe(options, samples).await?,
            };
            Ok(SttEvent::Final { text, speech_final: from_finalize, from_finalize, words: Vec::new() })
        }));
    }
}

/// The audio since the last request, without long silence before the speech.
struct Heard {
    samples: Vec<i16>,
    vad: Vad,
    voiced: usize,
    speech: bool,
    half_sample: Option<u8>,
    frame: Vec<i16>,
}

impl Heard {
    fn new() -> Self {
        Self {
            samples: Vec::new(),
            vad: Vad::new(),
            voiced: 0,
            speech: false,
            half_sample: None,
            frame: Vec::new(),
        }
    }

    /// Takes audio; true when speech begins with it.
    fn push(&mut self, bytes: &[u8], encoding: Encoding) -> bool {
        self.frame.clear();
        match encoding {
            Encoding::Mulaw => g711::ulaw_decode_into(bytes, &mut self.frame),
            Encoding::Alaw => g711::alaw_decode_into(bytes, &mut self.frame),
            Encoding::Linear16 => {
                for byte in bytes {
                    match self.half_sample.take() {
                        Some(low) => self.frame.push(i16::from_le_bytes([low, *byte])),
                        None => self.half_sample = Some(*byte),
                    }
                }
            }
        }
        self.voiced = if self.vad.push(&self.frame) >= VOICE { self.voiced + self.frame.len() } else { 0 };
        self.samples.extend_from_slice(&self.frame);
        if self.speech {
            return false;
        }
        self.speech = self.voiced >= MIN_VOICE;
        let lead = LEAD + MIN_VOICE;
        if !self.speech && self.samples.len() > 2 * lead {
            self.samples.drain(..self.samples.len() - lead);
        }
        self.speech
    }

    fn take_speech(&mut self) -> Vec<i16> {
        self.voiced = 0;
        if std::mem::take(&mut self.speech) { std::mem::take(&mut self.samples) } else { Vec::new() }
    }
}

fn form(model: &str, options: &SttOptions, file: Bytes) -> Result<Form, Error> {
    let length = file.len() as u64;
    let part = Part::stream_with_length(file, length)
        .file_name("speech.wav")
        .mime_str("audio/wav")
        .map_err(|_| Error::new(NAME, Stage::Send, Kind::Rejected))?;
    let mut form =
        Form::new().text("model", model.to_owned()).text("response_format", "json").part("file", part);
    // The API takes the language alone, without a region.
    if let Some(language) = options.language.as_deref().and_then(|tag| tag.split('-').next()) {
        form = form.text("language", language.to_owned());
    }
    if !options.keyterms.is_empty() {
        form = form.text("prompt", options.keyterms.join(", "));
    }
    Ok(form)
}

fn wav(samples: &[i16]) -> Result<Vec<u8>, Error> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: audio::SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let write = || {
        let mut file = Cursor::new(Vec::with_capacity(44 + 2 * samples.len()));
        let mut writer = hound::WavWriter::new(&mut file, spec)?;
        for sample in samples {
            writer.write_sample(*sample)?;
        }
        writer.finalize()?;
        Ok::<_, hound::Error>(file.into_inner())
    };
    write().map_err(|_| Error::new(NAME, Stage::Send, Kind::Rejected).with_code("wav"))
}

#[derive(Deserialize)]
struct Reply {
    text: String,
}
