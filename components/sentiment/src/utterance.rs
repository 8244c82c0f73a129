//! An utterance as words with their places in the sentence.

/// One word of an utterance.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// Lower case, without the punctuation around it; an emoticon as it stands.
    pub word: String,
    /// A sentence ends after it.
    pub ends_sentence: bool,
    /// A comma follows it.
    pub comma: bool,
}

/// What was said, ready to be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Utterance {
    /// The words, in order.
    pub tokens: Vec<Token>,
    /// How many exclamation marks the transcript holds.
    pub exclamations: usize,
}

impl Utterance {
    /// Splits `text` at white space. Capitals are dropped: in a transcript they
    /// are the recogniser's, not the caller's.
    pub fn parse(text: &str) -> Self {
        let text: String = text.chars().map(plain).collect();
        let exclamations = text.chars().filter(|c| *c == '!').count();
        Self { tokens: text.split_whitespace().filter_map(token).collect(), exclamations }
    }

    /// The word at `index`, or nothing past either end.
    pub fn word(&self, index: usize) -> &str {
        self.tokens.get(index).map_or("", |token| token.word.as_str())
    }

    /// The index of the first word of the sentence that holds `index`.
    pub fn sentence_start(&self, index: usize) -> usize {
        let before = self.tokens.get(..index).unwrap_or_default();
        before.iter().rposition(|token| token.ends_sentence).map_or(0, |last| last + 1)
    }

    /// The words from `start` to the end of its sentence.
    pub fn rest_of_sentence(&self, start: usize) -> impl Iterator<Item = &str> {
        let mut done = false;
        self.tokens.iter().skip(start).map_while(move |token| {
            let word = (!done).then_some(token.word.as_str());
            done |= token.ends_sentence;
            word
        })
    }
}

/// Recognisers differ in their apostrophes; the lexicon knows one.
fn plain(c: char) -> char {
    match c {
        '\u{2018}' | '\u{2019}' | '\u{02bc}' | '`' => '\'',
        '\u{2026}' => '.',
        _ => c,
    }
}

fn token(raw: &str) -> Option<Token> {
    let core = raw.trim_matches(|c: char| !c.is_alphanumeric());
    let word = if core.is_empty() { raw } else { core };
    let tail = raw.trim_start_matches(|c: char| !c.is_alphanumeric());
    let tail = tail.trim_start_matches(|c: char| c.is_alphanumeric() || c == '\'' || c == '-');
    if core.is_empty() && word.chars().all(|c| ".,!?;:-\u{2013}\u{2014}\"'()".contains(c)) && word.len() < 2 {
        return None;
    }
    Some(Token {
        word: word.to_lowercase(),
        ends_sentence: tail.contains(['.', '!', '?', ';', ':']),
        comma: tail.contains(','),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_stripped_and_lower_case_and_know_what_follows_them() {
        let utterance = Utterance::parse("No, it ISN\u{2019}T. \"Well-known\" :)");
        let words: Vec<&str> = utterance.tokens.iter().map(|token| token.word.as_str()).collect();
        assert_eq!(words, ["no", "it", "isn't", "well-known", ":)"]);
        assert!(utterance.tokens[0].comma && !utterance.tokens[0].ends_sentence);
        assert!(utterance.tokens[2].ends_sentence);
    }

    #[test]
    fn a_sentence_starts_after_the_last_end_and_stops_at_the_next() {
        let utterance = Utterance::parse("I see. That works for me. Bye");
        assert_eq!(utterance.sentence_start(4), 2);
        assert_eq!(utterance.sentence_start(0), 0);
        assert_eq!(utterance.rest_of_sentence(2).collect::<Vec<_>>(), ["that", "works", "for", "me"]);
    }
}
