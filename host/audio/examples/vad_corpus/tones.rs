//! What is on a telephone line and is nobody speaking.

use std::f64::consts::TAU;
use std::time::Duration;

use audio::dtmf;
use serde_json::{Value, json};

use crate::hearing::{at, detections};
use crate::noise::{Noise, Random};
use crate::sound::{RATE, add, at_level, coded, high_pass, samples};
use crate::voices::Cast;

const MINUTE: usize = samples(60_000);

/// How often a minute of something was taken for speech.
pub struct Row {
    /// What it was.
    pub kind: &'static str,
    /// Starts of speech per minute.
    pub alarms: f64,
    /// Share of the time that was taken for speech.
    pub share: f64,
}

/// Hears a minute of each kind.
pub fn measure(cast: &Cast) -> Vec<Row> {
    let mut rows = vec![
        row("keypad digits", &coded(&keypad())),
        row("ring-back 425 Hz", &coded(&cadence(&[425.0], 1_000, 4_000))),
        row("ring-back 440+480 Hz", &coded(&cadence(&[440.0, 480.0], 2_000, 4_000))),
        row("busy 425 Hz", &coded(&cadence(&[425.0], 480, 480))),
        row("fax call 1100 Hz", &coded(&cadence(&[1_100.0], 500, 3_000))),
        row("music, organ", &coded(&at_level(&organ(), -20.0))),
        row("music, plucked", &coded(&at_level(&plucked(), -20.0))),
        row("music, flute", &coded(&at_level(&flute(), -20.0))),
        row("music, band", &coded(&at_level(&band(), -20.0))),
        row("music, band, quiet", &coded(&at_level(&band(), -34.0))),
        row("silence, 0xFF", &vec![0xFF; MINUTE]),
        row("idle noise", &(0..MINUTE).map(|n| if n % 7 < 3 { 0xFE } else { 0x7F }).collect::<Vec<u8>>()),
        row("clicks", &coded(&clicks())),
        row("gaps in line noise", &coded(&gaps())),
        row("breath", &coded(&breath())),
        row("noise on and off", &coded(&bursts())),
    ];
    for (noise, kind) in Noise::ALL.into_iter().zip(["white", "pink", "street", "hum", "babble"]) {
        rows.push(row(kind, &coded(&noise.make(cast, MINUTE, -30.0))));
    }
    rows
}

fn row(kind: &'static str, line: &[u8]) -> Row {
    let found = detections(line);
    let minutes = at(line.len()) / 60_000.0;
    let spoken: f64 = found.iter().map(|one| one.ended - one.began).sum();
    Row { kind, alarms: found.len() as f64 / minutes, share: spoken / at(line.len()) }
}

impl Row {
    /// One line of a table.
    pub fn line(&self) -> String {
        format!("{:<24}{:>10.1}{:>9.1} %", self.kind, self.alarms, 100.0 * self.share)
    }

    /// The same for machines.
    pub fn json(&self) -> Value {
        json!({"kind": self.kind, "false_alarms_per_minute": self.alarms, "share_of_time": self.share})
    }
}

/// A number typed at an ordinary pace, over and over, at -14 to -26 dBFS.
fn keypad() -> Vec<f32> {
    let mut line = Vec::new();
    let mut random = Random::new(3);
    for digit in "0123456789*#0176553".chars().cycle() {
        let held = Duration::from_millis(80 + (120.0 * random.even()) as u64);
        let amplitude = 2_000 + (6_000.0 * random.even()) as i16;
        let tone = dtmf::generate(digit, held, amplitude).expect("a key");
        line.extend(tone.iter().map(|sample| f32::from(*sample) / 32_768.0));
        line.resize(line.len() + samples(80 + (400.0 * random.even()) as usize), 0.0);
        if line.len() >= MINUTE {
            break;
        }
    }
    line
}

/// Call progress: tones on and off, at -20 dBFS.
fn cadence(frequencies: &[f64], on: usize, off: usize) -> Vec<f32> {
    let wave = |n: usize| frequencies.iter().map(|f| (TAU * f * n as f64 / RATE as f64).sin()).sum::<f64>();
    let amplitude = 0.1 * std::f64::consts::SQRT_2 / (frequencies.len() as f64).sqrt();
    (0..MINUTE)
        .map(|n| if n % samples(on + off) < samples(on) { (amplitude * wave(n)) as f32 } else { 0.0 })
        .collect()
}

/// A note: harmonics that fall off, an attack, a decay.
fn note(pitch: f64, length: usize, harmonics: i32, decay: f64, vibrato: f64) -> Vec<f32> {
    let mut phase = 0.0;
    (0..length)
        .map(|n| {
            let time = n as f64 / RATE as f64;
            phase += pitch * (1.0 + vibrato * (TAU * 5.5 * time).sin()) / RATE as f64;
            let bright = (1..=harmonics).filter(|k| pitch * f64::from(*k) < 3_400.0);
            let wave: f64 = bright.map(|k| (TAU * phase * f64::from(k)).sin() / f64::from(k)).sum();
            let fade = ((length - n) as f64 / samples(30) as f64).min(1.0);
            (wave * (time / 0.01).min(1.0) * fade * (-decay * time).exp()) as f32
        })
        .collect()
}

/// Equal temperament from A of 220 Hz.
fn pitch(semitones: i32) -> f64 {
    220.0 * 2_f64.powf(f64::from(semitones) / 12.0)
}

const CHORDS: [[i32; 3]; 4] = [[3, 7, 10], [-2, 2, 5], [0, 3, 7], [-4, 0, 3]];
const MELODY: [i32; 16] = [15, 14, 12, 10, 12, 14, 15, 19, 17, 15, 14, 12, 10, 7, 8, 10];

fn organ() -> Vec<f32> {
    let mut line = vec![0.0; MINUTE];
    for (bar, chord) in (0..30).zip(CHORDS.iter().cycle()) {
        chord.iter().for_each(|tone| {
            add(&mut line, bar * samples(2_000), &note(pitch(*tone), samples(1_990), 6, 0.0, 0.0))
        });
    }
    line
}

fn plucked() -> Vec<f32> {
    let mut line = vec![0.0; MINUTE];
    for (beat, tone) in (0..150).zip(MELODY.iter().cycle()) {
        add(&mut line, beat * samples(400), &note(pitch(*tone), samples(900), 8, 4.0, 0.0));
    }
    line
}

fn flute() -> Vec<f32> {
    let mut line = vec![0.0; MINUTE];
    for (beat, tone) in (0..100).zip(MELODY.iter().cycle()) {
        add(&mut line, beat * samples(600), &note(pitch(*tone + 12), samples(580), 3, 0.0, 0.008));
    }
    line
}

fn band() -> Vec<f32> {
    let mut line = plucked();
    organ().iter().zip(&mut line).for_each(|(chord, sample)| *sample += 0.5 * chord);
    let mut random = Random::new(9);
    for beat in 0..120 {
        let drum: Vec<f32> = (0..samples(120))
            .map(|n| 0.6 * random.gauss() * (-(n as f32) / samples(25) as f32).exp())
            .collect();
        add(&mut line, beat * samples(500), &drum);
    }
    line
}

/// Handling noise: single loud samples and short thumps on a quiet line.
fn clicks() -> Vec<f32> {
    let mut random = Random::new(4);
    let mut line = at_level(&random.white(MINUTE), -65.0);
    let mut at = samples(500);
    while at < MINUTE {
        let length = samples(1 + (8.0 * random.even()) as usize);
        let click: Vec<f32> =
            (0..length).map(|n| 0.3 * random.gauss() * (1.0 - n as f32 / length as f32)).collect();
        add(&mut line, at, &click);
        at += samples(60 + (900.0 * random.even()) as usize);
    }
    line
}

/// Packets lost out of a noisy line.
fn gaps() -> Vec<f32> {
    let mut random = Random::new(5);
    let mut line = at_level(&random.pink(MINUTE), -42.0);
    let mut at = samples(300);
    while at < MINUTE {
        let length = samples(20 * (1 + (4.0 * random.even()) as usize));
        line.iter_mut().skip(at).take(length).for_each(|sample| *sample = 0.0);
        at += length + samples(100 + (700.0 * random.even()) as usize);
    }
    line
}

/// Somebody breathes into the microphone.
fn breath() -> Vec<f32> {
    let mut random = Random::new(6);
    let mut line = at_level(&random.white(MINUTE), -65.0);
    let mut at = samples(700);
    while at < MINUTE {
        let length = samples(400 + (700.0 * random.even()) as usize);
        let air = at_level(&high_pass(&random.pink(length), 400.0), -36.0 + 12.0 * f64::from(random.even()));
        let swell = |n: usize| (std::f64::consts::PI * n as f64 / length as f64).sin() as f32;
        let breath: Vec<f32> = air.iter().enumerate().map(|(n, sample)| sample * swell(n)).collect();
        add(&mut line, at, &breath);
        at += length + samples(1_500);
    }
    line
}

/// A noise that comes and goes, as of a window opened or a vacuum cleaner.
fn bursts() -> Vec<f32> {
    let mut random = Random::new(8);
    let noise = at_level(&random.pink(MINUTE), -30.0);
    noise
        .iter()
        .enumerate()
        .map(|(n, sample)| if n / samples(2_000) % 2 == 1 { *sample } else { 0.0 })
        .collect()
}
