//! From a scenario file to a call that was played.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use turn::{Attempt, CallContext, CarrierInput, Input, Output, Sentiment, SttInput, ToolPolicy};

use crate::parts::{Act, Context, Recogniser, ReplyPart, Seconds, SentimentPart};
use crate::scenario::Scenario;
use crate::sim::{Echo, Ending, Reply, Sim, Utterance, ms, neutral};

/// Plays the call to its end.
pub fn play(scenario: &Scenario) -> Result<Sim, String> {
    let mut sim = Sim::with(scenario.config()?, context(&scenario.context)?);
    if scenario.line.never_starts {
        sim.never_starts();
    }
    if let Some(until) = scenario.line.frames_until {
        sim.frames_until = until.duration();
    }
    sim.echo = scenario.line.echo.map(|echo| Echo { gain: echo.gain, delay: echo.delay.duration() });
    for act in &scenario.caller {
        enact(&mut sim, act);
    }
    listen(&mut sim, &scenario.recogniser)?;
    sim.unanswered = Some(Vec::new());
    sim.replies.extend(scenario.model.iter().map(reply));
    synthesise_and_carry(&mut sim, scenario);
    for (name, tool) in &scenario.tools {
        sim.tools.insert(name.clone(), (tool.delay.duration(), tool.outcome.clone(), tool.text.clone()));
    }
    let memory = &scenario.memory;
    sim.memory = (!memory.silent).then(|| (or_zero(memory.delay), memory.recalls.clone()));
    sim.sentiment = (!scenario.sentiment.silent).then(|| mood(&scenario.sentiment));
    for command in &scenario.operator {
        sim.at(command.at.duration(), Input::Operator(command.command()?));
    }
    for (at, input) in scenario.raw_inputs()? {
        sim.at(at.duration(), input);
    }
    sim.run(scenario.until.0);
    all_was_used(scenario, &sim)?;
    Ok(sim)
}

/// A part of the file that never came to be would make what is expected a chance.
fn all_was_used(scenario: &Scenario, sim: &Sim) -> Result<(), String> {
    if let Some(unused) = sim.replies.front() {
        return Err(format!("{} answers of the model were not asked for: {unused:?}", sim.replies.len()));
    }
    if let Some((at, attempt)) = sim.misplaced.first() {
        return Err(format!("at {at:?} an answer of the model is asked for by {attempt:?}"));
    }
    let called: BTreeSet<&str> = sim
        .outputs
        .iter()
        .filter_map(|(_, output)| match output {
            Output::CallTool { call, .. } => Some(call.name.as_str()),
            _ => None,
        })
        .collect();
    match scenario.tools.keys().find(|name| !called.contains(name.as_str())) {
        Some(name) => Err(format!("the tool {name:?} was never called")),
        None => Ok(()),
    }
}

fn context(part: &Context) -> Result<CallContext, String> {
    let plain = CallContext::mulaw("call");
    let policies = part.tools.iter().map(|tool| ToolPolicy {
        name: tool.name.clone(),
        cancel_on_interruption: tool.cancel_on_interruption,
        limit: tool.limit.map(Seconds::duration),
        filler: tool.filler.clone(),
    });
    Ok(CallContext {
        direction: part.direction.unwrap_or(plain.direction),
        encoding: part.encoding.unwrap_or(plain.encoding),
        caller_known: part.caller_known.unwrap_or(plain.caller_known),
        memories: part.memories.clone(),
        first_turn: part.first_turn.unwrap_or(plain.first_turn),
        history: part.history.iter().map(|spoken| spoken.message()).collect::<Result<_, _>>()?,
        models: part.models.unwrap_or(plain.models),
        voices: part.voices.unwrap_or(plain.voices),
        tools: policies.collect(),
        prerecorded: part.prerecorded.iter().map(|(line, at)| (line.clone(), recording(*at))).collect(),
        tones: part.tones.iter().map(|(key, at)| (*key, tone(*at))).collect(),
        ..plain
    })
}

fn recording(length: Seconds) -> Bytes {
    audio(length, RECORDED)
}

fn tone(length: Seconds) -> Bytes {
    audio(length, TONE)
}

fn audio(length: Seconds, byte: u8) -> Bytes {
    let frames = length.duration().as_millis() / 20;
    Bytes::from(vec![byte; usize::try_from(frames).expect("a short recording") * 160])
}

fn enact(sim: &mut Sim, act: &Act) {
    let at = act.begins().duration();
    if let Some(keys) = &act.keys {
        for (n, key) in (0..).zip(keys.chars()) {
            sim.at(at + ms(100) * n, Input::Carrier(CarrierInput::Dtmf(key)));
        }
    } else if act.hangs_up {
        sim.at(at, Input::Carrier(CarrierInput::Stopped));
    } else if act.line_breaks {
        sim.at(at, Input::Carrier(CarrierInput::Lost));
    } else {
        let mut sound = Utterance::new(at, or_zero(act.to), act.says.clone());
        sound.level = act.noise.or(act.level).unwrap_or(sound.level);
        sound.speech = act.speech.unwrap_or(sound.speech);
        if act.noise.is_some() {
            // Loud, and nothing like speech.
            sound.speech = 0.2;
        }
        sim.utterances.push(sound);
    }
}

fn listen(sim: &mut Sim, part: &Recogniser) -> Result<(), String> {
    sim.stt.delay = part.delay.map_or(sim.stt.delay, Seconds::duration);
    sim.stt.interims = part.interims;
    sim.stt.finals = part.finals.unwrap_or(true);
    sim.stt.utterance_end = part.utterance_end.map(Seconds::duration);
    sim.stt.flux = part.flux;
    sim.stt.eager = part.eager.map(Seconds::duration);
    for at in &part.loses_stream_at {
        sim.at(at.duration(), Input::Stt(SttInput::Failed { message: "socket closed".to_owned() }));
    }
    for heard in &part.hears {
        sim.at(heard.at.duration(), Input::Stt(heard.input()?));
    }
    Ok(())
}

fn reply(part: &ReplyPart) -> Reply {
    Reply {
        first_token: part.first_token.map_or(ms(100), Seconds::duration),
        duration: part.duration.map_or(ms(300), Seconds::duration),
        text: part.text.clone(),
        calls: part.calls.iter().map(|wish| wish.call()).collect(),
        ending: part.ending.map_or(Ending::Finished, Ending::from),
        attempt: part.attempt.map(Attempt),
    }
}

fn synthesise_and_carry(sim: &mut Sim, scenario: &Scenario) {
    let part = &scenario.synthesiser;
    let tts = &mut sim.tts;
    tts.first_byte = part.first_byte.map_or(tts.first_byte, Seconds::duration);
    tts.lengths = part.lengths.iter().map(|length| length.duration()).collect();
    tts.speed = part.speed.unwrap_or(tts.speed);
    tts.words = part.words;
    tts.failures = part.failures;
    tts.breaks_after = or_zero(part.breaks_after);
    tts.lost = part.lost.iter().copied().map(Attempt).collect();
    tts.silent = part.silent;
    tts.tells_clauses = part.tells_clauses.unwrap_or(true);
    let part = &scenario.carrier;
    let carrier = &mut sim.carrier;
    carrier.latency = or_zero(part.latency);
    carrier.marks_at_clear = part.marks_at_clear.unwrap_or(true);
    carrier.loses_every = part.loses_every;
    carrier.doubles_marks = part.doubles_marks;
    carrier.marks_late_by = or_zero(part.marks_late_by);
    carrier.reorders_marks = part.reorders_marks;
}

fn mood(part: &SentimentPart) -> (Duration, Sentiment) {
    let plain = neutral();
    let mood = Sentiment {
        label: part.label.clone().unwrap_or(plain.label),
        score: part.score.unwrap_or(plain.score),
        confidence: plain.confidence,
        tone: part.tone.clone().unwrap_or(plain.tone),
        pace: part.pace.clone().unwrap_or(plain.pace),
        escalate: part.escalate,
    };
    (or_zero(part.delay), mood)
}

/// What lines at hand sound like.
pub const RECORDED: u8 = 0x33;
/// What keys sound like.
pub const TONE: u8 = 0x44;

fn or_zero(seconds: Option<Seconds>) -> Duration {
    seconds.map_or(Duration::ZERO, Seconds::duration)
}
