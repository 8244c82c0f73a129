//! Whether two accounts of the same words agree.

use events::transcript::Turn;

use crate::carrier::HeardWord;
use crate::voice::Ending;

/// Words without what recognisers and people write differently: case and the marks around them.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split_whitespace()
        .map(|word| {
            let bare =
                word.trim_matches(|character: char| character.is_ascii_punctuation() && character != '~');
            bare.to_lowercase()
        })
        .filter(|word| !word.is_empty())
        .collect()
}

/// The first place where what was said and what was understood differ, in a sentence.
pub(super) fn difference(said: &[String], understood: &[String]) -> Option<String> {
    if said == understood {
        return None;
    }
    let place = said.iter().zip(understood).take_while(|(said, understood)| said == understood).count();
    let around = |words: &[String]| {
        let from = place.saturating_sub(2);
        let piece = words.get(from..(place + 4).min(words.len())).unwrap_or_default();
        if piece.is_empty() { "nothing".to_owned() } else { format!("\"{}\"", piece.join(" ")) }
    };
    Some(format!("at word {}: said {}, understood {}", place + 1, around(said), around(understood)))
}

/// Checks what the log says was heard against what the caller really heard. At an interruption the two may differ by
/// one word, the one that was being spoken.
pub(super) fn heard(turns: &[Turn], ear: &[HeardWord]) -> Option<String> {
    let whole: Vec<String> =
        ear.iter().filter(|word| word.ending != Ending::Cut).flat_map(|word| words(&word.text)).collect();
    let logged: Vec<(Vec<String>, bool)> =
        turns.iter().map(|turn| (words(&turn.heard), turn.interrupted)).collect();
    if fits(&logged, &whole) {
        return None;
    }
    let all: Vec<String> = logged.into_iter().flat_map(|(words, _)| words).collect();
    difference(&all, &whole)
        .map(|difference| difference.replace("said", "the log has").replace("understood", "the caller heard"))
}

fn fits(turns: &[(Vec<String>, bool)], ear: &[String]) -> bool {
    let Some(((logged, interrupted), rest)) = turns.split_first() else { return ear.is_empty() };
    let exact = ear.strip_prefix(logged.as_slice()).is_some_and(|later| fits(rest, later));
    if exact || !interrupted {
        return exact;
    }
    let one_more = ear.strip_prefix(logged.as_slice()).and_then(|later| later.get(1..));
    let one_less = logged.split_last().and_then(|(_, fewer)| ear.strip_prefix(fewer));
    [one_more, one_less].into_iter().flatten().any(|later| fits(rest, later))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn case_and_marks_do_not_matter_but_damage_does() {
        assert_eq!(words("Hello, \"Ada\" - at 15:00!"), ["hello", "ada", "at", "15:00"]);
        assert_eq!(difference(&words("The second one."), &words("the second one")), None);
        let difference = difference(&words("the second one"), &words("the se~ond one")).unwrap();
        assert!(difference.contains("word 2") && difference.contains("se~ond"), "{difference}");
    }

    #[test]
    fn an_interruption_may_cost_one_word_and_only_there() {
        let turns =
            [turn("Hello there.", false), turn("I can offer you", true), turn("You are booked.", false)];
        assert_eq!(heard(&turns, &ear("Hello there. I can offer you You are booked.")), None);
        assert_eq!(heard(&turns, &ear("Hello there. I can offer you Tuesday You are booked.")), None);
        assert_eq!(heard(&turns, &ear("Hello there. I can offer You are booked.")), None);
        assert!(heard(&turns, &ear("Hello there. I can You are booked.")).is_some());
        assert!(heard(&turns, &ear("Hello I can offer you You are booked.")).is_some());
        assert!(heard(&turns, &ear("Hello there. I can offer you You are booked. What?")).is_some());
    }

    fn turn(heard: &str, interrupted: bool) -> Turn {
        Turn { heard: heard.into(), interrupted, ..Turn::default() }
    }

    fn ear(text: &str) -> Vec<HeardWord> {
        text.split(' ')
            .map(|text| HeardWord {
                text: text.into(),
                start: Duration::ZERO,
                end: Duration::ZERO,
                ending: Ending::Whole,
            })
            .collect()
    }
}
