//! Numbers, addresses and letters that are being dictated: a pause between their parts
//! is no end.

use crate::quantity::{self, number, tokens};
use crate::question::PHONE_DIGITS;

/// What a caller may be asked to dictate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dictation {
    /// A number, complete with so many digits.
    Number {
        /// How many digits it has at least.
        digits: usize,
    },
    /// An e-mail address.
    Address,
    /// A word, letter by letter.
    Letters,
}

/// How far a dictation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More is to be expected.
    Going,
    /// Nothing is missing.
    Done,
}

/// Judges words that end in something dictated; `None` where they do not. `asked` is what
/// the agent has just asked for.
pub(crate) fn progress(text: &str, asked: Option<Dictation>) -> Option<Progress> {
    let text = text.trim_end();
    let ended = text.ends_with(['.', '!']);
    if text.ends_with('?') {
        return None;
    }
    let tokens = tokens(text);
    let address = address(&tokens, ended, asked == Some(Dictation::Address));
    if address.is_some() {
        return address;
    }
    if quantity::is_whole(&tokens) {
        return Some(Progress::Done);
    }
    Run::at_the_end_of(&tokens).progress(ended, asked)
}

/// "john dot smith at example dot com", and the written form.
fn address(tokens: &[String], ended: bool, asked: bool) -> Option<Progress> {
    let last = tokens.last()?.as_str();
    if let Some((_, domain)) = last.split_once('@') {
        return Some(if has_top_level(domain) { Progress::Done } else { Progress::Going });
    }
    if tokens.len() > 1 && JOINERS.contains(&last) {
        return Some(Progress::Going);
    }
    let place = |wanted: &str| tokens.iter().rposition(|token| token == wanted);
    let after = |at: usize| tokens.len() - 1 - at;
    let dot = place("dot");
    let near_dot = dot.is_some_and(|dot| after(dot) <= LONGEST_PART);
    if dot.is_some_and(|dot| after(dot) == 1) && TOP_LEVEL.contains(&last) {
        return Some(Progress::Done);
    }
    let at = place("at");
    if let Some(at) = at
        && at > 0
        && dot.is_none_or(|dot| dot < at)
        && (asked || tokens.iter().take(at).any(|token| token == "dot" || token == "underscore"))
        && after(at) <= LONGEST_PART
    {
        return Some(Progress::Going);
    }
    if near_dot && !ended {
        return Some(Progress::Going);
    }
    // The first part, with a full stop from the recogniser.
    let first_part =
        asked && tokens.len() <= 2 && !tokens.iter().any(|token| NO_PART.contains(&token.as_str()));
    (first_part || (asked && near_dot)).then_some(Progress::Going)
}

fn has_top_level(domain: &str) -> bool {
    domain.rsplit_once('.').is_some_and(|(name, top)| !name.is_empty() && top.len() >= 2)
}

/// The digits and letters at the end of what was said.
#[derive(Debug, Default)]
struct Run {
    digits: usize,
    letters: usize,
    alphabet_words: usize,
    /// How many of the digits were said one by one or in groups.
    parts: usize,
    plus: bool,
    /// Whether it can be nothing else: "double u", "b as in boy".
    certain: bool,
    /// Whether the last word announces the next: "double", "plus", "b as in".
    open: bool,
    tens: bool,
    last_letter: Option<char>,
}

impl Run {
    fn at_the_end_of(tokens: &[String]) -> Self {
        let mut run = Self::default();
        let mut rest = tokens.iter().map(String::as_str).peekable();
        while let Some(token) = rest.next() {
            run.open = false;
            let tens = std::mem::take(&mut run.tens);
            if token == "double" || token == "triple" {
                run.multiple(token, rest.next());
            } else if token == "plus" {
                run = Self { plus: true, open: true, ..Self::default() };
            } else if let Some(n) = written_digits(token) {
                run.plus |= token.starts_with('+');
                run.digits += n;
                run.parts += 1;
            } else if token == "as" && run.letters > 0 && rest.next_if_eq(&"in").is_some() {
                run.certain = true;
                run.open = rest.next().is_none();
            } else if token == "for" && rest.next_if(|next| run.begins_with_last_letter(next)).is_some() {
                run.certain = true;
            } else if token == "o" && run.digits > 0 && run.letters == 0 {
                run.spoken_number(0, false);
            } else if let Some(n) = letters(token, run.digits + run.letters > 0) {
                run.letters += n;
                run.last_letter = token.chars().next_back();
            } else if let Some(value) = number(token) {
                run.spoken_number(value, tens);
            } else if ALPHABET.contains(&token) {
                run.alphabet_words += 1;
            } else if !BETWEEN.contains(&token) {
                run = Self::default();
            }
        }
        run
    }

    /// "B for bravo", and not "plan B for Tuesday".
    fn begins_with_last_letter(&self, word: &str) -> bool {
        self.letters > 0 && self.last_letter.is_some_and(|letter| word.starts_with(letter))
    }

    fn multiple(&mut self, times: &str, next: Option<&str>) {
        let times = if times == "double" { 2 } else { 3 };
        match next {
            None => self.open = true,
            // The letter w.
            Some("u" | "you") if times == 2 => {
                self.letters += 1;
                self.certain = true;
            }
            Some(next) if letters(next, true) == Some(1) => self.letters += times,
            Some(next) if number(next).is_some_and(|value| value < 10) => {
                self.digits += times;
                self.parts += times;
            }
            Some(_) => *self = Self::default(),
        }
    }

    fn spoken_number(&mut self, value: u32, after_tens: bool) {
        if after_tens && (1..10).contains(&value) {
            return; // "twenty five" has two digits.
        }
        self.digits += if value < 10 { 1 } else { 2 };
        self.parts += 1;
        self.tens = value >= 20;
    }

    fn progress(&self, ended: bool, asked: Option<Dictation>) -> Option<Progress> {
        let alphabet = if self.alphabet_words > 1 || self.letters > 0 { self.alphabet_words } else { 0 };
        let letters = self.letters + alphabet;
        let going = |going: bool| going.then_some(Progress::Going);
        if self.open && (self.plus || self.digits + letters > 0 || asked.is_some()) {
            return Some(Progress::Going);
        }
        if letters > 0 {
            return going(
                asked.is_some() || self.certain || letters + self.digits >= if ended { 3 } else { 2 },
            );
        }
        if self.digits == 0 {
            return None;
        }
        let wanted = match asked {
            Some(Dictation::Number { digits }) => digits,
            // With a country code in front.
            _ if self.plus => PHONE_DIGITS + 1,
            _ => PHONE_DIGITS,
        };
        if self.digits >= wanted {
            return Some(Progress::Done);
        }
        if self.plus || matches!(asked, Some(Dictation::Number { .. })) {
            return Some(Progress::Going);
        }
        going(self.digits >= 3 || (!ended && self.parts >= 2))
    }
}

/// How many digits a token has that is nothing but a group of digits.
fn written_digits(token: &str) -> Option<usize> {
    let n = token.chars().filter(char::is_ascii_digit).count();
    let only = token.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '+' | '(' | ')'));
    (n > 0 && only).then_some(n)
}

/// How many letters a token is: "j", or "J-O-H-N". "A" and "I" are letters only behind
/// others.
fn letters(token: &str, within: bool) -> Option<usize> {
    let single = |part: &str| {
        let mut chars = part.chars();
        chars.next().is_some_and(char::is_alphabetic) && chars.next().is_none()
    };
    if single(token) {
        return (within || !matches!(token, "a" | "i")).then_some(1);
    }
    let n = token.split('-').count();
    (n > 1 && token.split('-').all(single)).then_some(n)
}

/// Words that a spoken address is joined with.
const JOINERS: &[&str] = &["dot", "underscore", "hyphen"];
/// The words of a spoken name between two joiners, at most.
const LONGEST_PART: usize = 3;
/// Answers to "what is your e-mail address" that are no part of one.
const NO_PART: &[&str] = &[
    "no", "not", "don't", "none", "human", "agent", "hello", "stop", "thank", "yes", "nope", "sorry", "what",
    "pardon", "okay", "thanks", "sure", "why",
];
/// Said between the parts of a number or a word.
const BETWEEN: &[&str] = &["um", "uh", "er", "then", "and", "dash", "hyphen", "space", "capital"];

/// What an address ends with. "co" is not among them: "uk" follows.
const TOP_LEVEL: &[&str] = &[
    "com", "net", "org", "edu", "gov", "info", "biz", "io", "ai", "app", "dev", "me", "tv", "uk", "us", "eu",
    "de", "fr", "it", "es", "nl", "be", "at", "ch", "ie", "ca", "au", "nz", "in", "br", "mx", "pl", "se",
];

/// The spelling alphabet of ICAO and NATO.
const ALPHABET: &[&str] = &[
    "alpha", "alfa", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet",
    "juliett", "kilo", "lima", "mike", "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango",
    "uniform", "victor", "whiskey", "xray", "x-ray", "yankee", "zulu",
];

#[cfg(test)]
mod tests {
    use super::Progress::{Done, Going};
    use super::*;

    #[test]
    fn letters_and_digits_one_by_one_go_on() {
        for text in [
            "j o h n",
            "J O H N.",
            "It's J-O-H-N.",
            "double u",
            "s m i double t",
            "zero one seven",
            "plus one",
            "plus",
            "My number is 555",
            "It is 555.",
            "0 1 7.",
            "five five five double",
            "b as in boy",
            "b as in",
            "b for bravo",
            "alpha bravo",
            "+1 202 555",
            "five five",
        ] {
            assert_eq!(progress(text, None), Some(Going), "{text}");
        }
        assert_eq!(progress("j", Some(Dictation::Letters)), Some(Going));
        assert_eq!(progress("j", None), None);
    }

    #[test]
    fn a_number_is_done_by_its_length() {
        for text in [
            "It's 555 123 4567.",
            "five five five one two three four five six seven",
            "+1 202 555 0143",
            "two oh two five five five zero one double four",
            "two o two five five five o one four four",
        ] {
            assert_eq!(progress(text, None), Some(Done), "{text}");
        }
        assert_eq!(progress("plus one two oh two five five five zero one four", None), Some(Going));
        assert_eq!(progress("90210", Some(Dictation::Number { digits: 5 })), Some(Done));
        assert_eq!(progress("four two", Some(Dictation::Number { digits: 4 })), Some(Going));
    }

    #[test]
    fn short_groups_go_on_where_a_number_was_asked_for() {
        for text in ["5", "Five.", "It's 42."] {
            assert_eq!(progress(text, Some(Dictation::Number { digits: 10 })), Some(Going), "{text}");
        }
        assert_eq!(progress("For 4.", None), None);
    }

    #[test]
    fn an_address_goes_on_until_its_top_level() {
        for text in [
            "john@example",
            "john dot",
            "john dot smith",
            "john dot smith at",
            "john dot smith at example",
            "john dot smith at example dot",
            "john dot smith at example dot co",
        ] {
            assert_ne!(progress(text, None), Some(Done), "{text}");
        }
        for text in ["john dot smith", "john dot smith at example", "john dot smith at example dot"] {
            assert_eq!(progress(text, None), Some(Going), "{text}");
        }
        for text in [
            "john dot smith at example dot com",
            "j o h n at example dot co dot uk.",
            "It's john@example.com.",
            "example dot org",
        ] {
            assert_eq!(progress(text, None), Some(Done), "{text}");
        }
    }

    #[test]
    fn a_first_part_goes_on_where_an_address_was_asked_for() {
        for text in ["John.", "It's john", "john at example"] {
            assert_eq!(progress(text, Some(Dictation::Address)), Some(Going), "{text}");
        }
        for text in ["No.", "I do not have one."] {
            assert_eq!(progress(text, Some(Dictation::Address)), None, "{text}");
        }
    }

    #[test]
    fn other_words_are_no_dictation() {
        for text in [
            "",
            "I would like a table",
            "Tell me a story.",
            "I want that one",
            "Is it 555?",
            "I have a",
            "At home.",
            "I want plan B for Tuesday.",
        ] {
            assert_eq!(progress(text, None), None, "{text}");
        }
    }
}
