//! Cuts the model's words into clauses for the synthesiser.
//!
//! The first clause is cut early, because the caller waits for it; later ones at
//! sentence ends, because whole sentences sound better and there is time.

/// Collects deltas and gives clauses. Their concatenation is the text, less white
/// space at its very end.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClauseCutter {
    buffer: String,
    cut_any: bool,
}

impl ClauseCutter {
    /// Takes more of the model's words.
    pub(crate) fn push(&mut self, delta: &str) {
        self.buffer.push_str(delta);
    }

    /// The next clause that is certain to be one.
    pub(crate) fn next_clause(&mut self) -> Option<String> {
        let end = self.boundary()?;
        let rest = self.buffer.split_off(end);
        self.cut_any = true;
        Some(std::mem::replace(&mut self.buffer, rest))
    }

    /// What is left when no more words come.
    pub(crate) fn finish(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.buffer);
        if rest.trim().is_empty() {
            return None;
        }
        self.cut_any = true;
        Some(rest)
    }

    /// Forgets what is not cut yet.
    pub(crate) fn clear(&mut self) {
        self.buffer.clear();
    }

    /// Bytes that are not cut yet.
    pub(crate) fn pending(&self) -> usize {
        self.buffer.len()
    }

    /// Whether no word waits to be cut.
    pub(crate) fn is_blank(&self) -> bool {
        self.buffer.trim().is_empty()
    }

    /// The byte after the first clause and its white space.
    fn boundary(&self) -> Option<usize> {
        let soft_from = if self.cut_any { SOFT_FROM } else { FIRST_SOFT_FROM };
        let mut n_chars = 0;
        let mut chars = self.buffer.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            n_chars += 1;
            let after = at + c.len_utf8();
            let next = chars.peek().map(|(_, next)| *next);
            let cut = if WIDE_SENTENCE_ENDS.contains(&c) {
                next.is_some_and(|next| !WIDE_SENTENCE_ENDS.contains(&next))
            } else if c == '\n' {
                self.has_words_before(at) && next.is_some_and(|next| !next.is_whitespace())
            } else if c.is_whitespace() {
                self.ends_clause(at, n_chars - 1, soft_from)
            } else {
                false
            };
            if cut {
                return Some(self.skip_white(after));
            }
        }
        None
    }

    /// Whether the white space at `at` ends a clause of `n_chars` characters.
    fn ends_clause(&self, at: usize, n_chars: usize, soft_from: usize) -> bool {
        let before = self.buffer.get(..at).unwrap_or_default();
        let bare = before.trim_end_matches(['"', '\'', ')', ']', '”', '’', '»']);
        let Some(last) = bare.chars().next_back() else { return false };
        if !self.has_words_before(at) {
            return false;
        }
        match last {
            '.' => !is_abbreviation(bare) && !is_list_number(bare),
            '?' | '!' | '…' => true,
            ',' | ';' | ':' | '–' | '—' => n_chars >= soft_from && !self.is_between_digits(bare, at),
            _ => n_chars >= HARD_FROM && !last.is_ascii_digit(),
        }
    }

    fn has_words_before(&self, at: usize) -> bool {
        self.buffer.get(..at).is_some_and(|before| before.contains(char::is_alphanumeric))
    }

    /// "555, 12" is one number. What follows must be known to tell.
    fn is_between_digits(&self, bare: &str, at: usize) -> bool {
        let digit_before =
            bare.trim_end_matches([',', ';', ':', '–', '—']).ends_with(|c: char| c.is_ascii_digit());
        let next = self.buffer.get(at..).and_then(|rest| rest.trim_start().chars().next());
        digit_before && next.is_none_or(|next| next.is_ascii_digit())
    }

    fn skip_white(&self, from: usize) -> usize {
        let rest = self.buffer.get(from..).unwrap_or_default();
        from + (rest.len() - rest.trim_start().len())
    }
}

/// A first clause of this many characters is worth speaking: under it, the seam
/// between clauses is heard more than the time is felt.
const FIRST_SOFT_FROM: usize = 12;
/// Later clauses are cut at a comma from here on,
const SOFT_FROM: usize = 60;
/// and at any white space from here on.
const HARD_FROM: usize = 80;
/// These end a sentence without white space.
const WIDE_SENTENCE_ENDS: [char; 3] = ['。', '！', '？'];

const ABBREVIATIONS: &[&str] = &[
    "dr", "mr", "mrs", "ms", "prof", "st", "jr", "sr", "vs", "etc", "approx", "appt", "dept", "est", "ext",
    "inc", "ltd", "co", "corp", "ave", "blvd", "rd", "apt", "mt", "ft", "no", "nr", "vol", "tel", "eg", "ie",
    "bzw", "ca", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec",
];

/// Whether the full stop at the end of `text` belongs to its last word.
fn is_abbreviation(text: &str) -> bool {
    let word = text.split_whitespace().next_back().unwrap_or_default();
    let stem = word.trim_start_matches(|c: char| !c.is_alphanumeric()).trim_end_matches('.');
    if word.ends_with("..") {
        return false;
    }
    let lower = stem.to_lowercase();
    // "No." is an answer where nothing stands before it, and "number" elsewhere.
    if lower == "no" {
        return stem != "no" && text.trim_end_matches('.').trim() != stem;
    }
    let initial = stem.chars().count() == 1 && stem.chars().all(char::is_uppercase) && stem != "I";
    let dotted = stem.contains('.')
        && stem.split('.').all(|part| part.chars().count() == 1 && part.chars().all(char::is_alphabetic));
    initial || dotted || ABBREVIATIONS.contains(&lower.as_str())
}

/// "1. Monday": the number is a list's, not a sentence's.
fn is_list_number(text: &str) -> bool {
    let line = text.rsplit('\n').next().unwrap_or_default().trim();
    line.strip_suffix('.')
        .is_some_and(|number| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_clause_ends_at_its_first_comma_after_twelve_characters() {
        assert_eq!(
            cut("Well, yes of course, I have Monday, Tuesday, and Friday. Which one?"),
            ["Well, yes of course, ", "I have Monday, Tuesday, and Friday. ", "Which one?"]
        );
    }

    #[test]
    fn the_first_clause_may_be_a_short_sentence() {
        assert_eq!(cut("Sure! I can do that."), ["Sure! ", "I can do that."]);
    }

    #[test]
    fn numbers_and_times_stay_whole() {
        assert_eq!(
            cut("It costs about 3.30 euros, from 10:30 to 11:00, in 1,000 shops."),
            ["It costs about 3.30 euros, ", "from 10:30 to 11:00, in 1,000 shops."]
        );
        assert_eq!(
            cut("Your number is 555, 123, 4567, right?"),
            ["Your number is 555, 123, 4567, ", "right?"]
        );
    }

    #[test]
    fn abbreviations_end_no_sentence() {
        assert_eq!(
            cut("Yes. Dr. Smith and Mr. J. Brown are in at 3 p.m. today. Shall I book?"),
            ["Yes. ", "Dr. Smith and Mr. J. Brown are in at 3 p.m. today. ", "Shall I book?"]
        );
    }

    #[test]
    fn no_is_an_answer() {
        assert_eq!(cut("No. We are closed."), ["No. ", "We are closed."]);
        assert_eq!(cut("Take bus No. 7 there."), ["Take bus No. 7 there."]);
        assert_eq!(cut("Here I am. What is it?"), ["Here I am. ", "What is it?"]);
    }

    #[test]
    fn a_long_sentence_is_cut_at_a_comma_and_at_last_at_a_space() {
        let long = "Hi there. This sentence goes on and on with words until it is past sixty chars, and then on. \
                    And here is one that has no comma whatsoever but many many words until it is past eighty and more.";
        let clauses = cut(long);
        assert_eq!(clauses[1], "This sentence goes on and on with words until it is past sixty chars, ");
        assert!(clauses[3].chars().count() >= 80 && clauses[3].ends_with(' '), "{clauses:?}");
        assert_eq!(clauses.concat(), long);
    }

    #[test]
    fn a_full_stop_at_the_end_of_a_delta_waits_for_what_follows() {
        let mut cutter = ClauseCutter::default();
        cutter.push("It is 3.");
        assert_eq!(cutter.next_clause(), None);
        cutter.push("30. ");
        assert_eq!(cutter.next_clause().as_deref(), Some("It is 3.30. "));
        assert_eq!(cutter.finish(), None);
    }

    #[test]
    fn lists_keep_their_numbers() {
        assert_eq!(cut("1. Monday\n2. Tuesday"), ["1. Monday\n", "2. Tuesday"]);
    }

    #[test]
    fn wide_punctuation_needs_no_space() {
        assert_eq!(cut("こんにちは。ご用件は？"), ["こんにちは。", "ご用件は？"]);
    }

    proptest! {
        #[test]
        fn the_concatenation_is_the_text_however_it_comes(
            text in "[a-zA-Z0-9 ,.!?:;\n\"é。-]{0,300}",
            steps in proptest::collection::vec(1usize..9, 0..80),
        ) {
            let mut cutter = ClauseCutter::default();
            let mut clauses = Vec::new();
            let mut rest = text.chars().peekable();
            let mut steps = steps.into_iter().cycle();
            while rest.peek().is_some() {
                let step = steps.next().unwrap_or(3);
                cutter.push(&rest.by_ref().take(step).collect::<String>());
                while let Some(clause) = cutter.next_clause() {
                    clauses.push(clause);
                }
            }
            clauses.extend(cutter.finish());
            let spoken = clauses.concat();
            prop_assert_eq!(spoken.trim_end(), text.trim_end());
            prop_assert!(clauses.iter().all(|clause| !clause.trim().is_empty()));
        }

        #[test]
        fn no_clause_ends_inside_a_number(
            numbers in proptest::collection::vec("[0-9]{1,3}[.:,][0-9]{2}", 1..20),
        ) {
            let text = format!("The prices are {} euros.", numbers.join(" and "));
            let clauses = cut(&text);
            let whole: Vec<&str> = text.split_whitespace().collect();
            let pieces: Vec<&str> = clauses.iter().flat_map(|clause| clause.split_whitespace()).collect();
            prop_assert_eq!(pieces, whole);
        }
    }

    /// One character at a time, as the worst of vendors would send it.
    fn cut(text: &str) -> Vec<String> {
        let mut cutter = ClauseCutter::default();
        let mut clauses = Vec::new();
        for c in text.chars() {
            cutter.push(c.encode_utf8(&mut [0; 4]));
            clauses.extend(std::iter::from_fn(|| cutter.next_clause()));
        }
        clauses.extend(cutter.finish());
        clauses
    }
}
