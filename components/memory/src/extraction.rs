//! What is worth remembering of a finished call.

use crate::{
    appointments::{self, Change},
    bindings::exports::voicehive::platform::memory::{Error, Extracted, FinishedCall, Kind, Speaker},
    calendar, embedding,
    speech::{self, MAX_QUOTE},
    words,
};

/// The most lines of a call that are read: some hours of talk.
pub const MAX_LINES: usize = 5_000;
/// The most tool uses of a call that are read.
pub const MAX_TOOLS: usize = 1_000;
/// How much of a line is read, in bytes.
const MAX_LINE: usize = 8 * 1024;
/// The most preferences and the most problems that one call may add: a prompt
/// has room for few memories, and who complains for an hour has one problem.
const MAX_OF_A_KIND: usize = 5;
/// How many words with a subject make a sentence that says what a call is about.
const MIN_SUBJECT_WORDS: usize = 2;

/// Facts first, then preferences, appointments and problems in the order in
/// which they came up, and the summary last.
pub fn extract(call: &FinishedCall) -> Result<Vec<Extracted>, Error> {
    check_ranges(call)?;
    let said = Said::read(call);
    let changes = appointments::changes(&call.tools);
    let summary = summary(call, &said, &changes);
    let mut memories: Vec<(Kind, String)> = Vec::new();
    memories.extend(said.name.iter().map(|name| (Kind::Fact, format!("The caller's name is {name}."))));
    memories.extend(
        said.preferences
            .iter()
            .map(|words| (Kind::Preference, format!("The caller said how they like things: \"{words}\""))),
    );
    memories.extend(changes.iter().map(|change| (Kind::Appointment, change.text())));
    memories.extend(
        said.problems.iter().map(|words| (Kind::Problem, format!("The caller reported: \"{words}\""))),
    );
    memories.extend(summary.map(|text| (Kind::Summary, text)));
    Ok(memories
        .into_iter()
        .map(|(kind, text)| Extracted { kind, embedding: embedding::embed(&text), text, at: call.ended_at })
        .collect())
}

fn check_ranges(call: &FinishedCall) -> Result<(), Error> {
    let too_many =
        |what, count, most| Err(Error::Invalid(format!("there are {count} {what}; at most {most} are read")));
    if call.ended_at > calendar::LAST_MILLISECOND {
        return Err(Error::Invalid(format!(
            "ended-at is {}; it must be at most {} (the year 9999)",
            call.ended_at,
            calendar::LAST_MILLISECOND
        )));
    }
    if call.lines.len() > MAX_LINES {
        return too_many("lines", call.lines.len(), MAX_LINES);
    }
    if call.tools.len() > MAX_TOOLS {
        return too_many("tool uses", call.tools.len(), MAX_TOOLS);
    }
    Ok(())
}

/// What the caller said that is worth remembering.
struct Said {
    name: Option<String>,
    preferences: Vec<String>,
    problems: Vec<String>,
    subject: Option<String>,
}

impl Said {
    fn read(call: &FinishedCall) -> Self {
        let mut said = Self { name: None, preferences: Vec::new(), problems: Vec::new(), subject: None };
        let lines = call.lines.iter().filter(|line| line.speaker == Speaker::Caller);
        for sentence in lines.flat_map(|line| {
            let end = line.text.floor_char_boundary(MAX_LINE);
            speech::sentences(line.text.get(..end).unwrap_or_default())
        }) {
            said.read_sentence(sentence);
        }
        said
    }

    fn read_sentence(&mut self, sentence: &str) {
        let name = speech::name(sentence);
        let introduces = name.is_some();
        if introduces {
            // The last one said: a name is repeated when it was misheard.
            self.name = name;
        }
        let quote = speech::quotable(sentence, MAX_QUOTE);
        if speech::is_preference(sentence) {
            push(&mut self.preferences, &quote);
        }
        if speech::is_problem(sentence) {
            push(&mut self.problems, &quote);
        }
        let n_subject_words = words::words(sentence).filter(|word| !word.is_stop).count();
        // An introduction is the subject only when more follows in the sentence.
        let needed = MIN_SUBJECT_WORDS + if introduces { 3 } else { 0 };
        if self.subject.is_none() && n_subject_words >= needed {
            self.subject = Some(quote);
        }
    }
}

/// Adds `quote` unless it is there already, whatever its capitals, or the list is full.
fn push(quotes: &mut Vec<String>, quote: &str) {
    let known = quotes.iter().any(|known| known.to_lowercase() == quote.to_lowercase());
    if !known && quotes.len() < MAX_OF_A_KIND {
        quotes.push(quote.to_owned());
    }
}

/// The call on one line; nothing when nothing came of it.
fn summary(call: &FinishedCall, said: &Said, changes: &[Change]) -> Option<String> {
    let mut others: Vec<String> = Vec::new();
    for used in call.tools.iter().filter(|used| !appointments::keeps_appointments(&used.tool)) {
        push(&mut others, &speech::quotable(&used.tool, 64));
    }
    if said.subject.is_none() && changes.is_empty() && others.is_empty() {
        return None;
    }
    let who = said.name.as_deref().unwrap_or("the caller");
    let mut parts = vec![match &said.subject {
        Some(subject) => {
            format!("On {}, {who} called and said: \"{subject}\"", calendar::date_of(call.ended_at))
        }
        None => format!("On {}, {who} called", calendar::date_of(call.ended_at)),
    }];
    parts.extend(changes.iter().take(MAX_OF_A_KIND).map(Change::text));
    if !others.is_empty() {
        parts.push(format!("Tools used: {}", others.join(", ")));
    }
    let more_problems = said.problems.len();
    if more_problems > 0 {
        let plural = if more_problems == 1 { "" } else { "s" };
        parts.push(format!("{more_problems} problem{plural} reported"));
    }
    Some(format!("{}.", parts.join(". ")))
}
