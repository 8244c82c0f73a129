//! The agent's own words in the caller's transcript.

use crate::words::words;

/// How many of the words repeat, in order and without much between them, what was said
/// last; `None` where they are too few or mostly others.
pub(crate) fn repeats(text: &str, said: &str) -> Option<usize> {
    let text: Vec<String> = words(text).take(LOOK_BACK).collect();
    if text.len() < LEAST_WORDS {
        return None;
    }
    let mut said: Vec<String> = words(said).rev().take(LOOK_BACK).collect();
    said.reverse();
    let same = (0..said.len()).map(|start| same_from(&text, said.get(start..).unwrap_or_default())).max()?;
    (same * 100 >= text.len() * SHARE).then_some(same)
}

fn same_from(text: &[String], said: &[String]) -> usize {
    let mut at = 0;
    let mut same = 0;
    for word in text {
        let ahead = said.iter().skip(at).take(MISHEARD).position(|other| other == word);
        if let Some(ahead) = ahead {
            at += ahead + 1;
            same += 1;
        } else if same > 0 {
            // A word that was misheard takes the place of one that was said.
            at += 1;
        }
    }
    same
}

/// One word alone may be anybody's.
const LEAST_WORDS: usize = 2;
/// Percent of the words; recognisers hear the rest of an echo wrongly.
const SHARE: usize = 70;
/// Words of the agent's that a recogniser may miss in a row, and one more.
const MISHEARD: usize = 3;
/// Ten to fifteen seconds of speech.
const LOOK_BACK: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "I have Monday at ten, Tuesday at eleven, and Friday in the late afternoon.";

    #[test]
    fn words_of_the_agent_are_recognised_in_part_and_with_mistakes() {
        for (text, same) in [
            ("have monday at ten", 4),
            ("Tuesday at eleven and", 4),
            ("Monday at tent Tuesday at eleven", 5),
            ("in the late", 3),
            ("have ten tuesday eleven", 4),
        ] {
            assert_eq!(repeats(text, SAID), Some(same), "{text}");
        }
    }

    #[test]
    fn other_words_and_single_ones_are_not() {
        for text in
            ["", "Tuesday", "no Tuesday please", "eleven Tuesday ten Monday", "I would like Wednesday"]
        {
            assert_eq!(repeats(text, SAID), None, "{text}");
        }
        assert_eq!(repeats("hello there", ""), None);
    }

    #[test]
    fn only_what_was_said_last_counts() {
        let long = format!("good morning to you {}", "and so on ".repeat(20));
        assert_eq!(repeats("good morning", &long), None);
    }
}
