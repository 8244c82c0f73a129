//! What the system prompt says is remembered of the caller.

/// An appointment that the caller has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Its reference.
    pub(super) id: Option<String>,
    /// When it is, as it was written down.
    pub(super) when: Option<String>,
}

/// Words that head what is remembered.
const HEADINGS: [&str; 8] = [
    "memor",
    "remember",
    "recall",
    "earlier calls",
    "previous calls",
    "know about",
    "known of",
    "known about",
];

/// The appointment that is remembered, if it was not cancelled. Memories come best first, and one with a reference is
/// worth more than a summary that speaks of it.
pub(super) fn appointment(system: &str) -> Option<Known> {
    let lines = section(system);
    let mut known = lines.iter().filter_map(|line| {
        let lower = line.to_lowercase();
        let about = ["appointment", "booked", "moved to"].iter().any(|word| lower.contains(word));
        (about && !lower.contains("cancelled")).then(|| Known { id: reference(line), when: when(line) })
    });
    let first = known.next()?;
    if first.id.is_some() {
        return Some(first);
    }
    known.find(|known| known.id.is_some()).or(Some(first))
}

/// The caller's name, where it is remembered.
pub(super) fn name(system: &str) -> Option<String> {
    section(system).into_iter().find_map(|line| {
        let start =
            ["name is ", "called ", "Name: "].iter().find_map(|mark| Some(line.find(mark)? + mark.len()))?;
        let name = line.get(start..)?.split(['.', ',', ';', '"']).next()?.trim();
        (!name.is_empty()).then(|| name.to_owned())
    })
}

/// The lines from a heading about memory on. The instructions before it are no memories.
fn section(system: &str) -> Vec<&str> {
    let is_heading = |line: &&str| {
        let lower = line.to_lowercase();
        HEADINGS.iter().any(|heading| lower.contains(heading))
    };
    system.lines().skip_while(|line| !is_heading(line)).collect()
}

fn reference(line: &str) -> Option<String> {
    let is_mark = |character: char| !(character.is_ascii_alphanumeric() || character == '-');
    let words: Vec<&str> = line.split_whitespace().collect();
    let named = words.windows(2).find_map(|pair| match pair {
        [before, id] if before.to_lowercase().trim_matches(is_mark) == "reference" => {
            Some(id.trim_matches(is_mark))
        }
        _ => None,
    });
    let shaped = words.iter().map(|word| word.trim_matches(is_mark)).find(|word| {
        word.strip_prefix("A-").is_some_and(|rest| rest.chars().any(|character| character.is_ascii_digit()))
    });
    named.or(shaped).filter(|id| !id.is_empty()).map(str::to_owned)
}

/// When the appointment of a line is: an ISO time, or the words from a weekday to the next mark. A line may speak of
/// other days before it comes to the appointment.
fn when(line: &str) -> Option<String> {
    let start = ["Booked: ", "Moved to: "].iter().filter_map(|mark| line.rfind(mark)).max().unwrap_or(0);
    let line = line.get(start..)?;
    let iso = line.split_whitespace().find_map(|word| {
        let word = word.trim_matches(|character: char| !character.is_ascii_alphanumeric());
        super::slots::Slot::parse(word)
    });
    if let Some(slot) = iso {
        return Some(slot.spoken());
    }
    let start = super::slots::WEEKDAYS.iter().filter_map(|day| line.find(day)).min()?;
    let text = line.get(start..)?;
    let text = text.split([',', '.', ';', '"', '\'', '(']).next().unwrap_or(text).trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_appointment_is_found_under_the_heading_only() {
        let line = "Booked: Tuesday 24 November 2026 at 15:00, reference A-7F3K";
        let known =
            Known { id: Some("A-7F3K".into()), when: Some("Tuesday 24 November 2026 at 15:00".into()) };
        assert_eq!(
            appointment(&format!("You book appointments.\n\nWhat you remember:\n- {line}\n")),
            Some(known)
        );
        assert_eq!(appointment(&format!("You book appointments.\n{line}")), None);
        assert_eq!(appointment("Memories:\n- Cancelled: Tuesday 24 November, reference A-1"), None);
    }

    #[test]
    fn a_reference_counts_more_than_a_summary() {
        let system = "What is known of this customer:\n- Ada asked for an appointment.\n- Moved to: Friday 27 \
            November 2026 at 09:00, reference A-2";
        assert_eq!(appointment(system).unwrap().id.as_deref(), Some("A-2"));
    }

    #[test]
    fn the_day_of_the_call_is_not_the_day_of_the_appointment() {
        let system = "What is known of this customer:\n- On Friday 20 November 2026, Ada called and said: \"Hello.\". \
            Booked: Monday 23 November 2026 at 10:00, reference A-EHREPR. Tools used: end_call.";
        let known = appointment(system).unwrap();
        assert_eq!(known.when.as_deref(), Some("Monday 23 November 2026 at 10:00"));
        assert_eq!(known.id.as_deref(), Some("A-EHREPR"));
    }

    #[test]
    fn iso_times_are_read_too() {
        let known = appointment("Memory: appointment A-12 at 2026-11-24T15:00.").unwrap();
        assert_eq!(known.when.as_deref(), Some("Tuesday 24 November at 15:00"));
    }

    #[test]
    fn the_name_is_found() {
        assert_eq!(name("Memory\n- The caller's name is Ada Byron."), Some("Ada Byron".into()));
    }
}
