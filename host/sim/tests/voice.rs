//! The simulated voice carries words through telephone audio, sounds like speech, and never hides damage.
#![cfg(test)]

use proptest::prelude::*;
use sim::voice::{DAMAGED, Decoder, Ending, Heard, Speaker, speak, speak_at};

const FRAME: usize = 160;
const TEXT: &str =
    "Hello, I'd like an appointment on Tuesday at 15:00. My number is +1 555 010 9999; thanks!";

#[test]
fn every_character_of_every_speaker_is_heard() {
    let all: String = ('!'..='~').collect();
    let each: Vec<String> = ('!'..='~').map(String::from).collect();
    for speaker in Speaker::ALL {
        for text in [all.clone(), each.join(" ")] {
            let heard = hear(&speak(speaker, &text).mulaw());
            assert_eq!(joined(&heard), text, "{speaker:?}");
            assert!(heard.iter().all(Heard::is_intact));
        }
    }
}

#[test]
fn words_are_heard_where_they_were_said() {
    let said = speak(Speaker::Middle, TEXT);
    let heard = hear(&said.mulaw());
    assert_eq!(heard.len(), said.words.len());
    for (heard, said) in heard.iter().zip(&said.words) {
        assert!(heard.start.abs_diff(said.start as u64) <= 8, "{heard:?} {said:?}");
        assert!(heard.end.abs_diff(said.end as u64) <= 60, "{heard:?} {said:?}");
    }
}

#[test]
fn noise_and_gain_do_not_harm() {
    for speaker in Speaker::ALL {
        let said = speak(speaker, TEXT);
        for gain in [0.06_f32, 0.3, 1.0, 1.8] {
            let voice_level = 0.15 * gain * 32768.0;
            let noise = voice_level * 10_f32.powf(-20.0 / 20.0);
            let mut random = 1_u32;
            let mut mulaw: Vec<u8> = noise_only(&mut random, noise, 4_000);
            mulaw.extend(said.samples.iter().map(|sample| {
                let loud = f32::from(*sample) * gain + gauss(&mut random) * noise;
                audio::g711::ulaw_encode(loud as i16)
            }));
            mulaw.extend(noise_only(&mut random, noise, 4_000));
            let heard = hear(&mulaw);
            assert_eq!(joined(&heard), TEXT, "{speaker:?} gain {gain}");
        }
    }
}

#[test]
fn a_slow_fade_does_not_harm() {
    let said = speak(Speaker::High, TEXT);
    let length = said.samples.len() as f32;
    let mulaw: Vec<u8> = said
        .samples
        .iter()
        .enumerate()
        .map(|(index, sample)| {
            let gain = 10_f32.powf(-20.0 * index as f32 / length / 20.0);
            audio::g711::ulaw_encode((f32::from(*sample) * gain) as i16)
        })
        .collect();
    assert_eq!(joined(&hear(&mulaw)), TEXT);
}

#[test]
fn noise_alone_says_nothing() {
    let mut random = 7;
    let mut mulaw = vec![0xFF; 2_000];
    mulaw.extend(noise_only(&mut random, 2_000.0, 3_200));
    mulaw.extend(vec![0xFF; 2_000]);
    mulaw.extend(speak(Speaker::Low, "still here").mulaw());
    assert_eq!(joined(&hear(&mulaw)), "still here");
}

#[test]
fn keys_and_beeps_say_nothing() {
    for tone in "123456789*0#ABCD".chars().map(Some).chain([None]) {
        let samples = match tone {
            Some(key) => audio::dtmf::generate(key, std::time::Duration::from_millis(300), 6_000).unwrap(),
            None => (0..4_000)
                .map(|i| ((i as f32 * std::f32::consts::TAU / 8.0).sin() * 8_000.0) as i16)
                .collect(),
        };
        let mut mulaw = vec![0xFF; 800];
        mulaw.extend(samples.iter().map(|sample| audio::g711::ulaw_encode(*sample)));
        mulaw.extend(vec![0xFF; 800]);
        mulaw.extend(speak(Speaker::High, "after that").mulaw());
        assert_eq!(joined(&hear(&mulaw)), "after that", "{tone:?}");
    }
}

/// Frames of 20 ms that the pause between two words may seem to last: 140 ms.
const LONGEST_PAUSE: usize = 7;

#[test]
fn an_ordinary_voice_detector_takes_it_for_speech_and_silence_for_silence() {
    for speaker in Speaker::ALL {
        let mut vad = audio::vad::Vad::new();
        let said = speak(speaker, TEXT);
        let mut pcm = vec![0_i16; 8_000];
        let from = pcm.len();
        pcm.extend(&said.samples);
        let to = pcm.len();
        pcm.resize(to + 8_000, 0);
        let line: Vec<i16> =
            pcm.iter().map(|sample| audio::g711::ulaw_decode(audio::g711::ulaw_encode(*sample))).collect();
        let (mut voiced, mut frames, mut lowest) = (0, 0, 1.0_f32);
        let (mut pause, mut longest) = (0, 0);
        let mut settled = None;
        for (index, frame) in line.chunks(FRAME).enumerate() {
            let probability = vad.push(frame);
            let at = index * FRAME;
            if at + FRAME <= from {
                assert!(probability < 0.5, "silence before: {probability}");
            } else if at >= from + 800 && at + FRAME <= to {
                // The detector looks at 48 ms and needs a little longer to make up its mind.
                frames += 1;
                voiced += usize::from(probability > 0.5);
                lowest = lowest.min(probability);
                pause = if probability > 0.5 { 0 } else { pause + 1 };
                longest = longest.max(pause);
            } else if at >= to && probability < 0.5 && settled.is_none() {
                settled = Some(at - to);
            } else if at >= to + 1_600 {
                assert!(probability < 0.5, "silence after: {probability}");
            }
        }
        println!(
            "{speaker:?}: {voiced} of {frames} frames voiced, lowest {lowest}, longest pause {longest}, settled after {settled:?}"
        );
        // Every word is parted from the next by three frames of silence; 200 ms of it would end a turn.
        assert!(longest <= LONGEST_PAUSE, "{speaker:?}: a pause of {longest} frames");
        assert!(voiced * 100 >= frames * 80, "{speaker:?}: {voiced} of {frames}");
    }
}

#[test]
fn it_presses_no_keys() {
    for speaker in Speaker::ALL {
        let all: String = ('!'..='~').collect();
        let mut detector = audio::dtmf::Detector::new();
        let mut keys = String::new();
        for text in [all.as_str(), TEXT, "aaaaaaaa BBBBBBBBB 00000000"] {
            detector.push(&speak(speaker, text).samples, |key| keys.push(key));
        }
        assert_eq!(keys, "", "{speaker:?}");
    }
}

#[test]
fn a_word_cut_by_silence_is_heard_as_far_as_it_was_complete() {
    let said = speak(Speaker::Middle, "one interruption");
    let word = &said.words[1];
    let mulaw = said.mulaw();
    let cut = &mulaw[..word.start + 160 + 5 * 420 + 200];
    let heard = hear(cut);
    assert_eq!(heard[0].text, "one");
    assert_eq!((heard[1].text.as_str(), heard[1].ending), ("inter~", Ending::Cut));
}

#[test]
fn a_frame_lost_between_words_costs_nothing() {
    let text = "one two three";
    let said = speak(Speaker::Middle, text);
    let mulaw = said.mulaw();
    let gap = said.words[0].end..said.words[1].start;
    let lost = [&mulaw[..gap.start + 40], &mulaw[gap.start + 40 + FRAME..]].concat();
    assert_eq!(joined(&hear(&lost)), text);
}

#[test]
fn speech_at_24_khz_survives_down_sampling() {
    for speaker in Speaker::ALL {
        let said = speak_at(speaker, TEXT, 3);
        let mut narrow = Vec::new();
        audio::resample::third().process(&said.samples, &mut narrow);
        let mulaw: Vec<u8> = narrow.iter().map(|sample| audio::g711::ulaw_encode(*sample)).collect();
        assert_eq!(joined(&hear(&mulaw)), TEXT);
    }
}

/// At positions all over the word: one lost or blanked frame inside a word is never silently right.
#[test]
fn no_single_lost_or_silent_frame_inside_a_word_goes_unheard() {
    for text in ["hello", "aaaa", "I", "15:00,"] {
        for speaker in Speaker::ALL {
            let said = speak(speaker, text);
            let mulaw = [said.mulaw(), vec![0xFF; 800]].concat();
            let word = &said.words[0];
            for at in (word.start..=word.end - FRAME).step_by(23) {
                let missing = [&mulaw[..at], &mulaw[at + FRAME..]].concat();
                let mut blank = mulaw.clone();
                blank[at..at + FRAME].fill(0xFF);
                for (kind, damaged) in [("missing", missing), ("blank", blank)] {
                    let heard = hear(&damaged);
                    let text_heard = joined(&heard);
                    assert_ne!(text_heard, text, "{kind} at {at} of {speaker:?}");
                    assert!(text_heard.contains(DAMAGED), "{kind} at {at} of {speaker:?}: {text_heard:?}");
                    assert!(heard.iter().any(|heard| !heard.is_intact()));
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_said_is_heard_in_any_pieces(
        words in prop::collection::vec("[!-~]{1,12}", 1..8),
        pieces in prop::collection::vec(1_usize..700, 1..40),
        speaker in prop::sample::select(Speaker::ALL.to_vec()),
        lead in 0_usize..500,
    ) {
        let text = words.join(" ");
        let mulaw = [vec![0xFF; lead], speak(speaker, &text).mulaw()].concat();
        let mut decoder = Decoder::new();
        let mut heard = Vec::new();
        let mut rest = mulaw.as_slice();
        for size in pieces.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, later) = rest.split_at((*size).min(rest.len()));
            heard.extend(decoder.push(piece));
            rest = later;
        }
        heard.extend(decoder.finish());
        prop_assert_eq!(joined(&heard), text);
        prop_assert!(heard.iter().all(Heard::is_intact));
    }

    #[test]
    fn a_damaged_call_never_sounds_intact(
        words in prop::collection::vec("[!-}]{1,10}", 1..6),
        which in any::<prop::sample::Index>(),
        offset in any::<prop::sample::Index>(),
        frames in 1_usize..12,
        blank in any::<bool>(),
    ) {
        let text = words.join(" ");
        let said = speak(Speaker::Middle, &text);
        let mut mulaw = [said.mulaw(), vec![0xFF; 800]].concat();
        let word = which.get(&said.words);
        let at = word.start + offset.index(word.end - word.start - FRAME);
        let to = (at + frames * FRAME).min(mulaw.len());
        if blank {
            mulaw[at..to].fill(0xFF);
        } else {
            mulaw.drain(at..to);
        }
        prop_assert_ne!(joined(&hear(&mulaw)), text);
    }
}

fn hear(mulaw: &[u8]) -> Vec<Heard> {
    let mut decoder = Decoder::new();
    let mut heard = Vec::new();
    for frame in mulaw.chunks(FRAME) {
        heard.extend(decoder.push(frame));
    }
    heard.extend(decoder.finish());
    heard
}

fn joined(heard: &[Heard]) -> String {
    heard.iter().map(|heard| heard.text.as_str()).collect::<Vec<_>>().join(" ")
}

fn noise_only(random: &mut u32, level: f32, length: usize) -> Vec<u8> {
    (0..length).map(|_| audio::g711::ulaw_encode((gauss(random) * level) as i16)).collect()
}

/// Twelve uniform numbers make a good enough bell curve of deviation 1.
fn gauss(random: &mut u32) -> f32 {
    let uniform = |random: &mut u32| {
        *random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (*random >> 8) as f32 / 16_777_216.0
    };
    (0..12).map(|_| uniform(random)).sum::<f32>() - 6.0
}
