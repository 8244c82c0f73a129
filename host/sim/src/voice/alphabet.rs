//! Characters as symbols.

/// What a character comes out as when its sound was damaged.
pub const DAMAGED: char = '~';

/// Choices in each of the two formant groups.
pub(super) const CHOICES: usize = 10;

const FIRST: u8 = b'!';
const LAST: u8 = b'~';

/// How many of the combinations are characters.
pub(super) const CODES: usize = (LAST - FIRST) as usize + 1;

/// The text as the voice will say it: printable ASCII, words separated by single spaces.
///
/// Typographic quotes and dashes become plain ones, other characters a question mark, and runs of white space a space.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.extend(word.chars().map(plain_character));
    }
    out
}

fn plain_character(character: char) -> char {
    match character {
        '\u{2018}' | '\u{2019}' => '\'',
        '\u{201c}' | '\u{201d}' => '"',
        '\u{2010}'..='\u{2015}' => '-',
        '!'..='~' => character,
        _ => '?',
    }
}

/// The codes of a plain word, the checksum last.
pub(super) fn codes(word: &str) -> Vec<usize> {
    let mut codes: Vec<usize> =
        word.bytes().map(|byte| usize::from(byte.saturating_sub(FIRST)).min(CODES - 1)).collect();
    codes.push(checksum(&codes));
    codes
}

/// The character of a code, or [`DAMAGED`] where there is none.
pub(super) fn character(code: usize) -> char {
    u8::try_from(code).ok().and_then(|code| FIRST.checked_add(code)).map_or(DAMAGED, char::from)
}

/// Depends on every character and its place.
pub(super) fn checksum(codes: &[usize]) -> usize {
    codes.iter().fold(7, |sum, code| (sum * 5 + code + 1) % CODES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_a_printable_character_and_back() {
        for code in 0..CODES {
            let character = character(code);
            assert!(character.is_ascii_graphic());
            assert_eq!(codes(&character.to_string())[0], code);
        }
    }

    #[test]
    fn typographic_text_becomes_plain() {
        assert_eq!(plain("  I\u{2019}m \u{2013} caf\u{e9}\n ok "), "I'm - caf? ok");
    }

    #[test]
    fn a_swap_and_an_omission_change_the_checksum() {
        let sum = |word: &str| *codes(word).last().unwrap();
        assert_ne!(sum("ab"), sum("ba"));
        assert_ne!(sum("hello"), sum("helo"));
    }
}
