//! Reads the mood of an utterance and says how the agent should adapt.
//!
//! VADER's lexicon and rules (Hutto and Gilbert, 2014), corrected for speech:
//! call-centre phrases, words of plain telephone business that carry no mood,
//! and cues that ask for something (a human, a slower pace). The score has
//! nothing in it that a reader cannot add up by hand.
//!
//! The whole of the state is the immutable lexicon, parsed on the first call.

mod adaptation;
#[allow(missing_docs, unsafe_code, clippy::all, reason = "generated from wit/platform/sentiment.wit")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/platform",
        world: "sentiment-capability",
        additional_derives: [PartialEq],
    });
}
mod cues;
mod lexicon;
mod phrases;
mod reading;
mod utterance;

use bindings::exports::voicehive::platform::sentiment::{Assessment, Error, Guest};

use crate::{reading::Reading, utterance::Utterance};

/// The longest utterance that is read, in bytes: some five minutes of speech.
pub const MAX_TEXT: usize = 4096;

/// The exported component.
#[derive(Debug)]
pub struct Component;

impl Guest for Component {
    fn analyze(text: String, trajectory: Vec<f32>) -> Result<Assessment, Error> {
        if text.len() > MAX_TEXT {
            return Err(Error::TextTooLong(MAX_TEXT as u32));
        }
        if let Some(index) = trajectory.iter().position(|score| !(-1.0..=1.0).contains(score)) {
            return Err(Error::InvalidScore(u32::try_from(index).unwrap_or(u32::MAX)));
        }
        let utterance = Utterance::parse(&text);
        let reading = Reading::of(&utterance);
        Ok(Assessment {
            label: reading.label(),
            score: reading.score,
            confidence: reading.confidence,
            adaptation: adaptation::adapt(&reading, &trajectory),
        })
    }
}

#[cfg(target_family = "wasm")]
#[allow(unsafe_code, reason = "generated: the functions that the host calls")]
mod exported {
    use super::{Component, bindings};

    bindings::export!(Component with_types_in bindings);
}
