//! Text on a single line.

use std::fmt;

/// Text without line breaks: Vapi drops a result that has one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Line(String);

impl Line {
    /// `text` with each run of line breaks and other control characters, and the spaces around it, as one space.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let parts = text.split(breaks).map(str::trim).filter(|part| !part.is_empty());
        Self(parts.collect::<Vec<_>>().join(" "))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// This line, or `other` where this one is empty.
    pub(crate) fn or(self, other: &str) -> Self {
        if self.0.is_empty() { Self::of(other) } else { self }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Unicode's line breaks (UAX 14, classes BK, CR, LF and NL) are the control characters among these, and two more.
fn breaks(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_of_every_kind_become_spaces() {
        for text in ["a\nb", "a \r\n\r\n b", "a\u{2028}b", "a\u{2029}b", "a\u{85}b", "\n a\u{b}\u{c}b\t\n"] {
            assert_eq!(Line::of(text).as_str(), "a b", "{text:?}");
        }
        assert_eq!(Line::of("  two  spaces ").as_str(), "two  spaces");
        assert_eq!(Line::of("\n\r").or("Done.").as_str(), "Done.");
    }
}
