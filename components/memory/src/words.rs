//! Words brought to the form in which they are compared.

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Lower case, without apostrophes.
    pub spelled: String,
    /// The word that stands for its stem and its synonyms.
    pub concept: String,
    /// Whether it says little about the subject.
    pub is_stop: bool,
}

/// The words of `text`, in order: runs of letters and digits, an apostrophe
/// inside one dropped.
pub fn words(text: &str) -> impl Iterator<Item = Word> {
    text.split(|c: char| !c.is_alphanumeric() && !is_apostrophe(c)).filter_map(|run| {
        let spelled: String =
            run.chars().filter(|c| !is_apostrophe(*c)).flat_map(char::to_lowercase).collect();
        (!spelled.is_empty()).then(|| word(spelled))
    })
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '\u{2018}' | '\u{2019}' | '\u{02bc}')
}

fn word(spelled: String) -> Word {
    let stem = stem(&spelled);
    let concept = SYNONYMS
        .iter()
        .find(|(_, members)| members.contains(&stem) || members.contains(&spelled.as_str()))
        .map_or(stem, |(concept, _)| concept);
    Word {
        concept: concept.to_owned(),
        is_stop: STOP_WORDS.binary_search(&spelled.as_str()).is_ok(),
        spelled,
    }
}

/// The word without the endings of number, tense and manner. Light on purpose:
/// a stem need not be a word, but two words must not fall together by chance,
/// so at least three letters stay.
fn stem(word: &str) -> &str {
    let mut stem = word;
    for ending in ["ies", "es", "s", "ing", "ied", "ed", "ly", "ment", "ation", "e", "y"] {
        if stem.len() < ending.len() + 3 || stem.ends_with("ss") && ending == "s" {
            continue;
        }
        if let Some(rest) = stem.strip_suffix(ending)
            && rest.is_ascii()
        {
            stem = undoubled(rest);
        }
    }
    stem
}

/// "Cancell" of "cancelled" is "cancel"; "call" stays.
fn undoubled(stem: &str) -> &str {
    let mut ends = stem.bytes().rev();
    match (ends.next(), ends.next()) {
        (Some(last), Some(before)) if last == before && stem.len() > 4 && !b"aeious".contains(&last) => {
            stem.get(..stem.len() - 1).unwrap_or(stem)
        }
        _ => stem,
    }
}

/// What callers say for the same thing. A member is a stem where every word of
/// that stem is meant, else a whole word ("early", for its stem is "ear").
const SYNONYMS: &[(&str, &[&str])] = &[
    ("appoint", &["appoint", "book", "reserv", "slot", "visit", "meet", "consult"]),
    ("move", &["mov", "move", "reschedul", "rearrang", "postpon", "shift", "chang", "push"]),
    ("make", &["mak", "arrang", "schedul"]),
    ("cancel", &["cancel", "cancell", "scrap", "withdraw"]),
    ("price", &["pric", "cost", "fee", "rate", "rates", "tariff", "quot", "charg", "expens", "expensive"]),
    ("bill", &["bill", "invoic", "receipt"]),
    ("pay", &["pay", "paid", "payment", "settl"]),
    ("refund", &["refund", "reimburs"]),
    ("broken", &["broken", "break", "brok", "fault", "defect", "defectiv", "damag", "crack"]),
    ("problem", &["problem", "issu", "troubl", "error", "bug", "fail", "failur"]),
    ("phone", &["phon", "telephon", "mobil", "cellphon"]),
    ("call", &["call", "rang", "contact"]),
    ("address", &["address", "locat", "location"]),
    ("opening", &["open", "hours", "clos"]),
    ("morning", &["morn"]),
    ("evening", &["evening", "evenings", "tonight", "night"]),
    ("doctor", &["doctor", "dr", "physician", "gp"]),
    ("tooth", &["tooth", "teeth", "dental", "dentist"]),
    ("child", &["child", "children", "kid", "son", "daughter"]),
    ("car", &["car", "vehicl", "automobil"]),
    ("repair", &["repair", "mend", "fix"]),
    ("deliver", &["deliver", "ship", "parcel", "packag"]),
    ("buy", &["buy", "bought", "purchas", "order"]),
    ("house", &["hous", "home", "flat", "apart"]),
    ("early", &["early", "earlier", "earliest", "soon", "sooner"]),
    ("late", &["late", "later", "latest"]),
    ("password", &["password", "passcod", "pin", "login"]),
];

/// Words that say little about the subject; sorted.
const STOP_WORDS: &[&str] = &[
    "a", "about", "actually", "again", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be",
    "been", "but", "by", "can", "could", "did", "do", "does", "dont", "for", "from", "get", "got", "had",
    "has", "have", "he", "hello", "her", "hi", "him", "his", "how", "i", "id", "if", "ill", "im", "in",
    "into", "is", "it", "its", "ive", "just", "know", "let", "like", "may", "me", "mine", "my", "need", "no",
    "not", "now", "of", "off", "oh", "ok", "okay", "on", "one", "or", "our", "out", "please", "really",
    "said", "say", "she", "should", "so", "some", "sorry", "than", "thank", "thanks", "that", "thats", "the",
    "their", "them", "then", "there", "they", "this", "to", "too", "uh", "um", "up", "us", "very", "want",
    "was", "we", "well", "were", "what", "when", "which", "who", "why", "will", "with", "would", "yeah",
    "yes", "you", "your",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_share_a_concept() {
        for forms in [
            &["cancel", "cancelled", "cancelling", "cancels", "cancellation"][..],
            &["appointment", "appointments", "booking", "bookings", "reservation"],
            &["reschedule", "rescheduled", "move", "moving", "moved", "postponed"],
            &["delivery", "deliveries", "delivered"],
        ] {
            let concepts: Vec<String> = forms.iter().map(|form| word((*form).to_owned()).concept).collect();
            assert!(concepts.iter().all(|concept| concept == &concepts[0]), "{forms:?}: {concepts:?}");
        }
    }

    #[test]
    fn short_and_unrelated_words_stay_apart() {
        for (one, other) in [("bus", "bed"), ("use", "red"), ("class", "clay"), ("house", "horse")] {
            assert_ne!(word(one.to_owned()).concept, word(other.to_owned()).concept);
        }
    }

    #[test]
    fn apostrophes_are_dropped_and_other_marks_part_words() {
        let spelled: Vec<String> =
            words("Don\u{2019}t e-mail M\u{dc}LLER, 3pm!").map(|word| word.spelled).collect();
        assert_eq!(spelled, ["dont", "e", "mail", "m\u{fc}ller", "3pm"]);
    }

    #[test]
    fn the_stop_words_are_sorted_for_the_search() {
        assert!(STOP_WORDS.is_sorted_by(|a, b| a < b));
    }
}
