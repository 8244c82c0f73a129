//! Saying a text.

use crate::body::{Body, OutOfLimits, present};
use crate::{Action, Command};

/// Says a text to the leg's party. `call.speak.started` and `call.speak.ended` follow.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Speak(Body);

impl Speak {
    /// The longest text, in characters.
    pub const CHARS_MAX: usize = 3000;

    /// Says `text` as it is, without markup, in a voice such as `AWS.Polly.Joanna-Neural`. Which voices exist changes,
    /// so Telnyx checks that.
    ///
    /// # Errors
    /// Where there is nothing to say, more than [`Self::CHARS_MAX`] characters of it, or no voice.
    pub fn new(text: &str, voice: &str) -> Result<Self, OutOfLimits> {
        const FIELD: &str = "payload";
        if present(FIELD, text)?.chars().count() > Self::CHARS_MAX {
            return Err(OutOfLimits { field: FIELD, needs: "at most 3000 characters" });
        }
        let body = Body::default()
            .with(FIELD, text)
            .with("payload_type", "text")
            .with("voice", present("voice", voice)?);
        Ok(Self(body))
    }

    /// The text's language, such as `es-ES`, for voices that speak several.
    ///
    /// # Errors
    /// For an empty one.
    pub fn language(self, language: &str) -> Result<Self, OutOfLimits> {
        Ok(Self(self.0.with("language", present("language", language)?)))
    }
}

impl From<Speak> for Command {
    fn from(speak: Speak) -> Self {
        Self::new(Action::Speak, speak.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_is_said_as_it_is() {
        let speak = Speak::new("Closed <today> & tomorrow", "AWS.Polly.Joanna-Neural").unwrap();
        let command = Command::from(speak.language("en-US").unwrap());
        let expected = json!({
            "payload": "Closed <today> & tomorrow",
            "payload_type": "text",
            "voice": "AWS.Polly.Joanna-Neural",
            "language": "en-US",
        });
        assert_eq!((command.action(), command.into_body()), (Action::Speak, expected));
    }

    #[test]
    fn the_limit_counts_characters_not_bytes() {
        assert!(Speak::new(&"é".repeat(3000), "v").is_ok());
        assert_eq!(Speak::new(&"e".repeat(3001), "v").unwrap_err().field, "payload");
        assert_eq!(Speak::new(" ", "v").unwrap_err().field, "payload");
        assert_eq!(Speak::new("Hello", "").unwrap_err().field, "voice");
    }
}
