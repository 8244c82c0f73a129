//! The cast: what synthesisers on PATH say, as a telephone sends it.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::sound::{samples, through_a_telephone};
use crate::truth;

/// What callers say. A bar is a pause of half a second.
pub const SENTENCES: [&str; 14] = [
    "Hello?",
    "Yes.",
    "No, thank you.",
    "Four.",
    "Okay.",
    "Can you hear me?",
    "I would like to book a table for four people, on Friday evening, at half past seven.",
    "My number is zero one seven six, | five five three, | two one nine eight.",
    "It is j dot miller at example dot com. | That is j, dot, m, i, double l, e, r.",
    "Let me think. | Maybe Tuesday.",
    "Could you please repeat that?",
    "The heating has been off since yesterday, please send somebody as soon as possible.",
    "Hold on | I have the contract here | it is number four seven one one.",
    "Stop, stop. I want to speak to a person.",
];

/// What the agent says while its echo is measured.
pub const AGENT: &str = "Thank you for calling the workshop. I have found your booking for Friday morning at nine. \
                         The brakes and the tyres will be checked, and the car is ready in the afternoon. \
                         If you would like to bring it on another day, just tell me which one suits you best.";

const PAUSE: usize = samples(500);

enum Engine {
    Espeak { voice: &'static str, pitch: &'static str, speed: &'static str },
    Flite { voice: &'static str },
}

const ESPEAK: [(&str, &str, &str); 6] = [
    ("en-us+m3", "40", "165"),
    ("en-us+f4", "60", "180"),
    ("en-gb+f2", "55", "155"),
    ("en-gb-scotland+m7", "35", "175"),
    ("en-gb-x-rp+m1", "50", "190"),
    ("en-us+f5", "70", "150"),
];

/// Recorded speakers, unlike those of eSpeak, and so nearer to people.
const FLITE: [&str; 4] = ["slt", "rms", "awb", "kal16"];

/// One voice and all it says.
pub struct Voice {
    /// The synthesiser and its voice.
    pub name: String,
    /// [`SENTENCES`], each at an active level of full scale: not to be played as it is.
    pub sentences: Vec<Vec<f32>>,
    /// [`AGENT`], the same.
    pub agent: Vec<f32>,
}

/// Everybody who speaks.
pub struct Cast {
    /// The voices.
    pub voices: Vec<Voice>,
}

impl Cast {
    /// Lets every voice that is there say everything.
    pub fn record() -> Result<Self, String> {
        if !is_there("espeak-ng", "--version") {
            return Err(
                "espeak-ng is not on PATH; install it (Debian: apt-get install espeak-ng flite)".into()
            );
        }
        let espeak = ESPEAK.map(|(voice, pitch, speed)| Engine::Espeak { voice, pitch, speed });
        let mut engines: Vec<Engine> = espeak.into();
        if is_there("flite", "--version") {
            engines.extend(FLITE.map(|voice| Engine::Flite { voice }));
        } else {
            eprintln!("note: flite is not on PATH; only eSpeak's voices are measured");
        }
        let folder = tempfile::tempdir().map_err(|error| format!("a folder for recordings: {error}"))?;
        let file = folder.path().join("speech.wav");
        let voices = engines.iter().map(|engine| engine.voice(&file)).collect::<Result<_, _>>()?;
        Ok(Self { voices })
    }

    /// The voices' names.
    pub fn names(&self) -> Vec<String> {
        self.voices.iter().map(|voice| voice.name.clone()).collect()
    }

    /// The voices that a name begins with, or all where there is none.
    pub fn some(&self, names: &[&str]) -> Vec<&Voice> {
        let chosen: Vec<&Voice> =
            self.voices.iter().filter(|voice| names.contains(&voice.name.as_str())).collect();
        if chosen.is_empty() { self.voices.iter().take(names.len()).collect() } else { chosen }
    }
}

impl Engine {
    fn voice(&self, file: &Path) -> Result<Voice, String> {
        let name = match self {
            Self::Espeak { voice, .. } => format!("espeak {voice}"),
            Self::Flite { voice } => format!("flite {voice}"),
        };
        let sentences = SENTENCES.iter().map(|text| self.say(text, file)).collect::<Result<_, _>>()?;
        Ok(Voice { name, sentences, agent: self.say(AGENT, file)? })
    }

    fn say(&self, text: &str, file: &Path) -> Result<Vec<f32>, String> {
        let mut spoken = Vec::new();
        for (index, part) in text.split('|').enumerate() {
            if index > 0 {
                spoken.resize(spoken.len() + PAUSE, 0.0);
            }
            let recording = self.recording(part.trim(), file)?;
            let stretches = truth::stretches(&recording);
            let (Some(first), Some(last)) = (stretches.first(), stretches.last()) else {
                return Err(format!("a synthesiser said nothing for \"{part}\""));
            };
            // A little more than the truth: what is fainter than its rule belongs to the voice.
            let from = first.start.saturating_sub(samples(40));
            spoken.extend_from_slice(&recording[from..(last.end + samples(80)).min(recording.len())]);
        }
        let level = truth::active_level(&spoken);
        Ok(spoken.iter().map(|sample| sample / level).collect())
    }

    fn recording(&self, text: &str, file: &Path) -> Result<Vec<f32>, String> {
        let mut command = match self {
            Self::Espeak { voice, pitch, speed } => {
                let mut command = Command::new("espeak-ng");
                command.args(["-v", voice, "-p", pitch, "-s", speed, "-w"]).arg(file).arg(text);
                command
            }
            Self::Flite { voice } => {
                let mut command = Command::new("flite");
                command.args(["-voice", voice, "-t", text, "-o"]).arg(file);
                command
            }
        };
        let status =
            command.stdout(Stdio::null()).status().map_err(|error| format!("{command:?}: {error}"))?;
        if !status.success() {
            return Err(format!("{command:?} failed: {status}"));
        }
        read(file).map_err(|error| format!("the recording of {command:?}: {error}"))
    }
}

fn read(file: &Path) -> Result<Vec<f32>, hound::Error> {
    let mut reader = hound::WavReader::open(file)?;
    let rate = reader.spec().sample_rate;
    let samples: Vec<f32> = reader
        .samples::<i16>()
        .map(|sample| Ok(f32::from(sample?) / 32_768.0))
        .collect::<Result<_, hound::Error>>()?;
    Ok(through_a_telephone(&samples, rate))
}

fn is_there(program: &str, argument: &str) -> bool {
    Command::new(program).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}
