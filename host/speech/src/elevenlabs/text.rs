//! What of a text may be sent already.
//!
//! The vendor speaks each message by itself: half a word would be spoken as a word of its own. So the end of a text that
//! may be half a word waits for what follows.

/// A longer run of letters is no word that will be completed soon, but a script without spaces.
const LONGEST_WAIT: usize = 48;

/// The text of one context that is not sent yet.
#[derive(Debug, Default)]
pub(super) struct Unsent(String);

impl Unsent {
    /// Takes more text and gives what may be sent, if that is anything but white space.
    pub(super) fn push(&mut self, text: &str) -> Option<String> {
        self.0.push_str(text);
        let ready = self.0.trim_end_matches(char::is_alphanumeric);
        let waiting = self.0.len() - ready.len();
        let at = if waiting > LONGEST_WAIT { self.0.len() } else { ready.len() };
        if self.0.get(..at)?.trim().is_empty() {
            return None;
        }
        let rest = self.0.split_off(at);
        Some(std::mem::replace(&mut self.0, rest))
    }

    /// The rest, when no more text comes. It ends with a space, as the vendor wants it.
    pub(super) fn finish(&mut self) -> Option<String> {
        let mut rest = std::mem::take(&mut self.0);
        if rest.trim().is_empty() {
            return None;
        }
        if !rest.ends_with(char::is_whitespace) {
            rest.push(' ');
        }
        Some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_cut_in_two_is_sent_whole_and_a_clause_at_once() {
        let mut unsent = Unsent::default();
        assert_eq!(unsent.push("Good mor").as_deref(), Some("Good "));
        assert_eq!(unsent.push("ning. ").as_deref(), Some("morning. "));
        assert_eq!(unsent.push("How are you?").as_deref(), Some("How are you?"));
        assert_eq!(unsent.finish(), None);
    }

    #[test]
    fn the_rest_goes_out_at_the_end_with_a_space() {
        let mut unsent = Unsent::default();
        assert_eq!(unsent.push("Good"), None);
        assert_eq!(unsent.finish().as_deref(), Some("Good "));
    }

    #[test]
    fn white_space_waits_for_a_word_and_is_not_lost() {
        let mut unsent = Unsent::default();
        assert_eq!(unsent.push(" "), None);
        assert_eq!(unsent.push("Yes."), Some(" Yes.".into()));
        assert_eq!(unsent.push("\n"), None);
        assert_eq!(unsent.finish(), None);
    }

    #[test]
    fn a_script_without_spaces_does_not_wait_for_ever() {
        let mut unsent = Unsent::default();
        assert_eq!(unsent.push("你好。").as_deref(), Some("你好。"));
        let long = "好".repeat(20);
        assert_eq!(unsent.push(&long), Some(long));
    }
}
