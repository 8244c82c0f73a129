//! Speech of an OpenAI-compatible server: one request per text, its samples brought to the telephone's rate.

use std::collections::VecDeque;
use std::pin::pin;

use audio::{g711, resample};
use bytes::Bytes;
use serde::Serialize;
use tokio::sync::mpsc;

use super::{Config, NAME};
use crate::transport::deliver;
use crate::{
    BoxFuture, CHANNEL_CAPACITY, Encoding, Error, Kind, Stage, TextToSpeech, Transport, TtsCommand, TtsEvent,
    TtsOptions, TtsSession,
};

/// Most characters of one request's text, by the API's reference.
const MAX_INPUT: usize = 4_096;

/// Texts that may wait for their turn.
const MAX_QUEUE: usize = 256;

/// A synthesiser behind an OpenAI-compatible server.
#[derive(Debug, Clone)]
pub struct Speech {
    config: Config,
    voice: String,
    instructions: Option<String>,
    transport: Transport,
}

impl Speech {
    /// Creates the synthesiser with the voice of calls that do not name one.
    #[must_use]
    pub fn new(config: Config, voice: impl Into<String>, transport: Transport) -> Self {
        Self { config, voice: voice.into(), instructions: None, transport }
    }

    /// Says how to speak. The oldest models refuse it.
    #[must_use]
    pub fn with_instructions(mut self, instructions: impl Into<String>) -> Self {
        self.instructions = Some(instructions.into());
        self
    }

    async fn start(&self, options: TtsOptions) -> Result<TtsSession, Error> {
        if options.sample_rate != audio::SAMPLE_RATE {
            return Err(
                Error::new(NAME, Stage::Configure, Kind::Rejected).with_code("sample_rate_must_be_8000")
            );
        }
        let (commands, command_receiver) = mpsc::channel(CHANNEL_CAPACITY);
        let (events, event_receiver) = mpsc::channel(CHANNEL_CAPACITY);
        let mut speech = self.clone();
        speech.voice = options.voice.unwrap_or(speech.voice);
        let session =
            Session { speech, encoding: options.encoding, events, queue: VecDeque::new(), ended: None };
        tokio::spawn(session.run(command_receiver));
        Ok(TtsSession { commands, events: event_receiver })
    }
}

impl TextToSpeech for Speech {
    fn name(&self) -> &'static str {
        NAME
    }

    fn open(&self, options: TtsOptions) -> BoxFuture<'_, Result<TtsSession, Error>> {
        Box::pin(self.start(options))
    }
}

struct Session {
    speech: Speech,
    encoding: Encoding,
    events: mpsc::Sender<TtsEvent>,
    queue: VecDeque<Text>,
    /// The context that failed or was cancelled last: texts for it that are still on their way are dropped.
    ended: Option<String>,
}

struct Text {
    context: String,
    text: String,
    last: bool,
}

impl Session {
    async fn run(mut self, mut commands: mpsc::Receiver<TtsCommand>) {
        loop {
            while let Some(text) = self.queue.pop_front() {
                if self.speak(text, &mut commands).await.is_err() {
                    return;
                }
            }
            match commands.recv().await {
                Some(command) => {
                    self.take(command);
                }
                None => break,
            }
        }
        // A reader that left does not want to know.
        let _ = deliver(NAME, &self.events, TtsEvent::Closed).await;
    }

    /// Speaks one text while commands go on being taken. Fails when nobody listens any more.
    async fn speak(&mut self, text: Text, commands: &mut mpsc::Receiver<TtsCommand>) -> Result<(), Error> {
        let outcome = {
            let mut work = pin!(voice(self.speech.clone(), self.encoding, self.events.clone(), &text));
            loop {
                tokio::select! {
                    outcome = &mut work => break outcome,
                    command = commands.recv() => match command {
                        Some(command) => {
                            if self.take(command).as_deref() == Some(&text.context) {
                                return Ok(());
                            }
                        }
                        None => return Err(Error::new(NAME, Stage::Receive, Kind::Cancelled)),
                    },
                }
            }
        };
        match outcome {
            Ok(()) if text.last => {
                deliver(NAME, &self.events, TtsEvent::Done { context: text.context }).await
            }
            Ok(()) => Ok(()),
            Err(error) if *error.kind() == Kind::Cancelled => Err(error),
            Err(error) => {
                self.end(&text.context);
                deliver(NAME, &self.events, TtsEvent::Failed { context: Some(text.context), error }).await
            }
        }
    }

    /// Takes a command; returns the context that it cancels.
    fn take(&mut self, command: TtsCommand) -> Option<String> {
        match command {
            TtsCommand::Cancel { context } => {
                self.end(&context);
                Some(context)
            }
            TtsCommand::Speak { context, text, last } => {
                if self.ended.as_deref() == Some(&context) {
                    return None;
                }
                if self.queue.len() >= MAX_QUEUE {
                    tracing::warn!("too many texts wait for the synthesiser; one is dropped");
                    return None;
                }
                self.queue.push_back(Text { context, text, last });
                None
            }
        }
    }

    fn end(&mut self, context: &str) {
        self.queue.retain(|waiting| waiting.context != context);
        self.ended = Some(context.to_owned());
    }
}

async fn voice(
    speech: Speech,
    encoding: Encoding,
    events: mpsc::Sender<TtsEvent>,
    text: &Text,
) -> Result<(), Error> {
    if text.text.trim().is_empty() {
        return Ok(());
    }
    if text.text.chars().count() > MAX_INPUT {
        return Err(Error::new(NAME, Stage::Send, Kind::Rejected).with_code("text_too_long"));
    }
    let body = Body {
        model: &speech.config.model,
        input: &text.text,
        voice: &speech.voice,
        instructions: speech.instructions.as_deref(),
        response_format: "pcm",
    };
    let mut answer = speech
        .transport
        .send(NAME, |client| Ok(speech.config.post(client, "/audio/speech")?.json(&body)))
        .await?;
    let mut converter = Converter::new(encoding);
    loop {
        let chunk = answer.chunk().await?;
        let payload = match &chunk {
            Some(bytes) => converter.push(bytes),
            None => converter.finish(),
        };
        if !payload.is_empty() {
            let context = text.context.clone();
            deliver(NAME, &events, TtsEvent::Audio { context, payload }).await?;
        }
        if chunk.is_none() {
            return Ok(());
        }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    input: &'a str,
    voice: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<&'a str>,
    response_format: &'static str,
}

/// Brings 24 kHz little-endian samples, cut anywhere, to 8 kHz in the telephone's coding.
struct Converter {
    encoding: Encoding,
    filter: resample::Third,
    half_sample: Option<u8>,
    wide: Vec<i16>,
    narrow: Vec<i16>,
}

impl Converter {
    /// Zeros that push the last sound out of the filter: half its length.
    const TAIL: [u8; 72] = [0; 72];

    fn new(encoding: Encoding) -> Self {
        Self { encoding, filter: resample::third(), half_sample: None, wide: Vec::new(), narrow: Vec::new() }
    }

    fn push(&mut self, bytes: &[u8]) -> Bytes {
        self.wide.clear();
        self.narrow.clear();
        let mut rest = bytes;
        if let (Some(low), [high, after @ ..]) = (self.half_sample, rest) {
            self.wide.push(i16::from_le_bytes([low, *high]));
            self.half_sample = None;
            rest = after;
        }
        let (pairs, odd) = rest.as_chunks::<2>();
        self.wide.extend(pairs.iter().map(|pair| i16::from_le_bytes(*pair)));
        self.half_sample = odd.first().copied().or(self.half_sample);
        self.filter.process(&self.wide, &mut self.narrow);
        let mut output = Vec::with_capacity(2 * self.narrow.len());
        match self.encoding {
            Encoding::Mulaw => g711::ulaw_encode_into(&self.narrow, &mut output),
            Encoding::Alaw => g711::alaw_encode_into(&self.narrow, &mut output),
            Encoding::Linear16 => output.extend(self.narrow.iter().flat_map(|sample| sample.to_le_bytes())),
        }
        output.into()
    }

    fn finish(&mut self) -> Bytes {
        self.half_sample = None;
        self.push(&Self::TAIL)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn samples_cut_anywhere_give_the_same_audio(
            bytes in proptest::collection::vec(any::<u8>(), 0..2_000),
            size in 1_usize..300,
        ) {
            let mut whole = Converter::new(Encoding::Mulaw);
            let expected = [whole.push(&bytes), whole.finish()].concat();
            let mut converter = Converter::new(Encoding::Mulaw);
            let mut pieces: Vec<Bytes> = bytes.chunks(size).map(|piece| converter.push(piece)).collect();
            pieces.push(converter.finish());
            prop_assert_eq!(pieces.concat(), expected);
        }
    }
}
