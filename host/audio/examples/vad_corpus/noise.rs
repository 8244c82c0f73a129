//! Noise, the same at every run.

use std::f64::consts::TAU;

use crate::sound::{RATE, add, at_level, high_pass, samples};
use crate::voices::Cast;

/// What is heard behind a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noise {
    White,
    Pink,
    /// Brown noise that swells and fades as cars pass.
    Street,
    /// Mains hum of 50 Hz with its harmonics.
    Hum,
    /// Eight other voices at once.
    Babble,
}

impl Noise {
    pub const ALL: [Self; 5] = [Self::White, Self::Pink, Self::Street, Self::Hum, Self::Babble];

    pub fn name(self) -> &'static str {
        match self {
            Self::White => "white",
            Self::Pink => "pink",
            Self::Street => "street",
            Self::Hum => "hum",
            Self::Babble => "babble",
        }
    }

    /// `length` samples at `level` dBFS.
    pub fn make(self, cast: &Cast, length: usize, level: f64) -> Vec<f32> {
        let mut random = Random::new(7 + self as u64);
        let sound = match self {
            Self::White => random.white(length),
            Self::Pink => random.pink(length),
            Self::Street => street(&mut random, length),
            Self::Hum => hum(length),
            Self::Babble => babble(cast, length),
        };
        at_level(&sound, level)
    }
}

fn street(random: &mut Random, length: usize) -> Vec<f32> {
    let mut brown = 0.0;
    let rumble: Vec<f32> = (0..length)
        .map(|n| {
            brown = 0.98 * brown + random.gauss();
            let passing = 0.6 + 0.4 * (TAU * 0.13 * n as f64 / RATE as f64).sin();
            brown * passing as f32
        })
        .collect();
    high_pass(&rumble, 60.0)
}

fn hum(length: usize) -> Vec<f32> {
    let harmonics = [(50.0, 1.0), (100.0, 0.5), (150.0, 0.4), (250.0, 0.2), (350.0, 0.1)];
    let wave = |n: usize| {
        let angle = TAU * n as f64 / RATE as f64;
        harmonics.iter().map(|(frequency, share)| share * (angle * frequency).sin()).sum::<f64>() as f32
    };
    (0..length).map(wave).collect()
}

fn babble(cast: &Cast, length: usize) -> Vec<f32> {
    let mut mixed = vec![0.0; length];
    for (index, voice) in cast.voices.iter().take(8).enumerate() {
        let mut at = 0;
        for sentence in voice.sentences.iter().cycle().skip(2 * index) {
            add(&mut mixed, at, sentence);
            at += sentence.len() + samples(150);
            if at >= length {
                break;
            }
        }
    }
    mixed
}

/// A small generator of pseudo-random numbers (xorshift, 64 bits).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Evenly from 0 to 1.
    pub fn even(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1_u64 << 24) as f32
    }

    /// About normally, with a deviation of 1.
    pub fn gauss(&mut self) -> f32 {
        (0..12).map(|_| self.even()).sum::<f32>() - 6.0
    }

    pub fn white(&mut self, length: usize) -> Vec<f32> {
        (0..length).map(|_| self.gauss()).collect()
    }

    /// White noise through three first-order sections that fall 3 dB per octave together.
    pub fn pink(&mut self, length: usize) -> Vec<f32> {
        let mut state = [0.0_f32; 3];
        let sections = [(0.99765, 0.0990460), (0.963, 0.2965164), (0.57, 1.0526913)];
        (0..length)
            .map(|_| {
                let white = self.gauss();
                for (value, (keep, take)) in state.iter_mut().zip(sections) {
                    *value = keep * *value + take * white;
                }
                state.iter().sum::<f32>() + 0.1848 * white
            })
            .collect()
    }
}
