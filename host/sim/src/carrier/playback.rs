//! The carrier's buffer of what the platform sent, played to the caller at the speed of speech.

use std::collections::VecDeque;

use audio::FRAME_SAMPLES;
use audio::g711::ULAW_SILENCE;

#[derive(Debug)]
enum Item {
    Audio(VecDeque<u8>),
    Mark(String),
}

/// Audio and marks in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Playback {
    items: VecDeque<Item>,
    audio: usize,
}

impl Playback {
    /// Bytes that were not played yet.
    pub(crate) fn waiting(&self) -> usize {
        self.audio
    }

    pub(crate) fn add_audio(&mut self, mulaw: &[u8]) {
        self.audio += mulaw.len();
        self.items.push_back(Item::Audio(mulaw.iter().copied().collect()));
    }

    /// A mark: returned at once when nothing waits before it.
    pub(crate) fn add_mark(&mut self, name: String) -> Option<String> {
        if self.items.is_empty() {
            return Some(name);
        }
        self.items.push_back(Item::Mark(name));
        None
    }

    /// Drops the audio; all marks come back.
    pub(crate) fn clear(&mut self) -> Vec<String> {
        self.audio = 0;
        self.items
            .drain(..)
            .filter_map(|item| match item {
                Item::Mark(name) => Some(name),
                Item::Audio(_) => None,
            })
            .collect()
    }

    /// Plays 20 ms: the frame, and the marks that were reached by its end.
    pub(crate) fn play(&mut self) -> (Vec<u8>, Vec<String>) {
        let mut frame = Vec::with_capacity(FRAME_SAMPLES);
        let mut marks = Vec::new();
        while let Some(item) = self.items.front_mut() {
            match item {
                Item::Audio(bytes) => {
                    let count = bytes.len().min(FRAME_SAMPLES - frame.len());
                    frame.extend(bytes.drain(..count));
                    self.audio -= count;
                    if !bytes.is_empty() {
                        break;
                    }
                    self.items.pop_front();
                }
                Item::Mark(name) => {
                    marks.push(std::mem::take(name));
                    self.items.pop_front();
                }
            }
        }
        frame.resize(FRAME_SAMPLES, ULAW_SILENCE);
        (frame, marks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_comes_back_when_what_is_before_it_has_been_played() {
        let mut playback = Playback::default();
        assert_eq!(playback.add_mark("idle".into()), Some("idle".into()));
        playback.add_audio(&[1; 200]);
        assert_eq!(playback.add_mark("a".into()), None);
        playback.add_audio(&[2; 100]);
        assert_eq!(playback.play(), (vec![1; 160], vec![]));
        let (frame, marks) = playback.play();
        assert_eq!(marks, ["a"]);
        assert_eq!(frame, [[1; 40].as_slice(), &[2; 100], &[ULAW_SILENCE; 20]].concat());
        assert_eq!(playback.waiting(), 0);
    }

    #[test]
    fn clear_drops_audio_and_returns_every_mark() {
        let mut playback = Playback::default();
        playback.add_audio(&[1; 500]);
        for name in ["a", "b"] {
            assert_eq!(playback.add_mark(name.into()), None);
        }
        assert_eq!(playback.clear(), ["a", "b"]);
        assert_eq!(playback.play(), (vec![ULAW_SILENCE; 160], vec![]));
    }
}
