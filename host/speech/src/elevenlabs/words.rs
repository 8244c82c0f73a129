//! From characters and their times to words and theirs. Pure.

use std::time::Duration;

use super::Character;
use crate::Word;

/// Punctuation after which no space follows.
const WIDE: [&str; 6] = ["。", "！", "？", "，", "、", "；"];

/// A longer word, in bytes, is passed on in pieces.
const LONGEST: usize = 256;

/// Joins the characters of one context to words. A word may begin in one message and end in another.
#[derive(Debug, Default)]
pub struct Words {
    open: Option<Word>,
}

impl Words {
    /// Takes the characters of a message whose audio begins at `from` in its context; returns the words that are whole.
    pub fn push(&mut self, characters: Vec<Character>, from: Duration) -> Vec<Word> {
        let mut words = Vec::new();
        for character in characters {
            if character.text.chars().all(char::is_whitespace) {
                words.extend(self.open.take());
                continue;
            }
            let start = from.saturating_add(character.start);
            let end = start.saturating_add(character.length);
            let word = self.open.get_or_insert_with(|| Word {
                text: String::new(),
                start,
                end: start,
                confidence: 1.0,
            });
            word.text.push_str(&character.text);
            word.end = word.end.max(end);
            if WIDE.contains(&character.text.as_str()) || word.text.len() >= LONGEST {
                words.extend(self.open.take());
            }
        }
        words
    }

    /// The last word, when no more characters come.
    pub fn finish(&mut self) -> Option<Word> {
        self.open.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_cut_by_a_message_comes_out_whole_with_the_times_of_its_context() {
        let mut words = Words::default();
        assert_eq!(words.push(spelled(" Hi mor"), ms(0)), [word("Hi", 10, 30)]);
        assert_eq!(words.push(spelled("ning. "), ms(200)), [word("morning.", 40, 250)]);
        assert_eq!(words.push(spelled("Bye"), ms(300)), []);
        assert_eq!(words.finish(), Some(word("Bye", 300, 330)));
        assert_eq!(words.finish(), None);
    }

    #[test]
    fn a_space_at_the_beginning_of_a_message_ends_the_word_before_it() {
        let mut words = Words::default();
        assert_eq!(words.push(spelled("one"), ms(0)), []);
        assert_eq!(words.push(spelled("  two"), ms(100)), [word("one", 0, 30)]);
    }

    #[test]
    fn a_script_without_spaces_is_cut_at_its_punctuation_and_a_word_without_end_at_a_limit() {
        let mut words = Words::default();
        assert_eq!(words.push(spelled("你好。"), ms(0)), [word("你好。", 0, 30)]);
        let long = words.push(spelled(&"x".repeat(3 * LONGEST)), ms(0));
        assert!(long.len() == 3 && long.iter().all(|word| word.text.len() == LONGEST));
    }

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// Each character takes 10 ms.
    fn spelled(text: &str) -> Vec<Character> {
        let at = |index: usize| ms(10 * index as u64);
        text.chars()
            .enumerate()
            .map(|(index, c)| Character { text: c.to_string(), start: at(index), length: ms(10) })
            .collect()
    }

    fn word(text: &str, start: u64, end: u64) -> Word {
        Word { text: text.into(), start: ms(start), end: ms(end), confidence: 1.0 }
    }
}
