//! Who calls whom, and the patterns that a table matches them with.

/// One end of a call, in the one form that patterns are compared with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Number {
    /// The caller does not say who it is.
    Withheld,
    /// A number or an address.
    Given(String),
}

impl Number {
    /// The end that is called.
    pub(crate) fn called(text: &str) -> Self {
        Self::Given(normalised(text))
    }

    /// The end that calls, which may be withheld.
    pub(crate) fn calling(text: &str) -> Self {
        let number = normalised(text);
        if is_withheld(&number) { Self::Withheld } else { Self::Given(number) }
    }
}

/// A condition on one end of a call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Pattern {
    /// A withheld number.
    Anonymous,
    /// Exactly this one.
    Exact(String),
    /// All that begin so. An empty prefix matches a withheld number too.
    Prefix(String),
}

impl Pattern {
    /// Reads a pattern as tables write it. `None` says that it is not [`EXPECTED`].
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.eq_ignore_ascii_case(ANONYMOUS) {
            return Some(Self::Anonymous);
        }
        let (text, is_prefix) = match text.strip_suffix('*') {
            Some("") => return Some(Self::Prefix(String::new())),
            Some(prefix) => (prefix, true),
            None => (text, false),
        };
        let number = if is_prefix { normalised_prefix(text) } else { normalised(text) };
        let is_valid = match number.strip_prefix('+') {
            Some(digits) => is_e164(digits) || (is_prefix && digits.is_empty()),
            None => is_address(&number, is_prefix) || (!is_prefix && is_short(&number)),
        };
        let pattern = if is_prefix { Self::Prefix } else { Self::Exact };
        is_valid.then(|| pattern(number))
    }

    /// Whether `number` meets the condition.
    pub(crate) fn matches(&self, number: &Number) -> bool {
        match (self, number) {
            (Self::Anonymous, Number::Withheld) => true,
            (Self::Exact(exact), Number::Given(given)) => exact == given,
            (Self::Prefix(prefix), Number::Given(given)) => given.starts_with(prefix),
            (Self::Prefix(prefix), Number::Withheld) => prefix.is_empty(),
            (Self::Anonymous, Number::Given(_)) | (Self::Exact(_), Number::Withheld) => false,
        }
    }
}

/// Whether a call can be sent to `text`: an E.164 number or a SIP address.
pub(crate) fn is_dialable(text: &str) -> bool {
    let number = normalised(text);
    match number.strip_prefix('+') {
        Some(digits) => is_e164(digits),
        None => number.starts_with("sip") && is_address(&number, false),
    }
}

/// The one form of a number or an address. Numbers lose the marks that people write for legibility
/// and have `+` for a leading `00`. Of SIP addresses the parameters go, and scheme and host are in
/// lower case, since they are compared so (RFC 3261, section 19.1.4).
fn normalised(text: &str) -> String {
    let text = text.trim();
    match text.split_once(':') {
        Some((scheme, number)) if scheme.eq_ignore_ascii_case("tel") => plain(number),
        Some((scheme, address)) if is_sip(scheme) => {
            let (user, host) = address.split_at(address.rfind('@').map_or(0, |at| at + 1));
            let host = host.split([';', '?']).next().unwrap_or_default();
            format!("{}:{user}{}", scheme.to_ascii_lowercase(), host.to_ascii_lowercase())
        }
        Some(_) => text.to_owned(),
        None => plain(text),
    }
}

fn normalised_prefix(text: &str) -> String {
    match text.split_once(':') {
        // A prefix without `@` ends within the user, whose case counts.
        Some((scheme, user)) if is_sip(scheme) && !user.contains('@') => {
            format!("{}:{user}", scheme.to_ascii_lowercase())
        }
        _ => normalised(text),
    }
}

fn plain(number: &str) -> String {
    let is_mark =
        |c: char| c.is_whitespace() || matches!(c, '-' | '(' | ')' | '.' | '/' | '\u{2010}'..='\u{2015}');
    let number: String = number.chars().filter(|character| !is_mark(*character)).collect();
    match number.strip_prefix("00") {
        Some(international) => format!("+{international}"),
        None => number,
    }
}

fn is_withheld(number: &str) -> bool {
    let address = number.split_once(':').filter(|(scheme, _)| is_sip(scheme)).map(|(_, address)| address);
    match address {
        Some(address) => {
            let (user, host) = address.split_once('@').unwrap_or_default();
            user.eq_ignore_ascii_case(ANONYMOUS) || host == ANONYMOUS_HOST
        }
        None => {
            number.is_empty()
                || WITHHELD_WORDS.iter().any(|word| number.eq_ignore_ascii_case(word))
                || WITHHELD_NUMBERS.contains(&number)
        }
    }
}

fn is_sip(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("sip") || scheme.eq_ignore_ascii_case("sips")
}

/// Without the `+`: a country code, which never begins with zero, and at most 15 digits in all.
fn is_e164(digits: &str) -> bool {
    is_digits(digits) && !digits.starts_with('0') && digits.len() <= E164_DIGITS_MAX
}

/// A service number such as 611, which has no country code.
fn is_short(number: &str) -> bool {
    is_digits(number) && number.len() <= SHORT_DIGITS_MAX
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A SIP address or a carrier's own, such as `client:alice`, or the beginning of one.
fn is_address(text: &str, is_prefix: bool) -> bool {
    let Some((scheme, address)) = text.split_once(':') else {
        return false;
    };
    let is_complete = match address.rsplit_once('@') {
        Some((user, host)) => !user.is_empty() && !host.is_empty(),
        None => !address.is_empty(),
    };
    let is_text = !text.contains(|character: char| {
        character.is_whitespace() || character.is_control() || matches!(character, '*' | '<' | '>' | '"')
    });
    let is_scheme = !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_scheme && is_text && (is_complete || is_prefix)
}

/// What a pattern must be, to end a sentence with.
pub(crate) const EXPECTED: &str = "expected a number such as +15551230000, a SIP URI, \
     a beginning of either followed by *, or `anonymous`";

/// What a call can be sent to, to end a sentence with.
pub(crate) const EXPECTED_DIALABLE: &str = "expected a number such as +15551230000, or a SIP URI";

/// The word for a withheld number, in tables and in SIP (RFC 3323, section 4.1.1.3).
const ANONYMOUS: &str = "anonymous";

/// The host of a SIP address that withholds its user (RFC 3323, section 4.1.1.3).
const ANONYMOUS_HOST: &str = "anonymous.invalid";

/// Words that carriers send in place of a withheld number.
const WITHHELD_WORDS: [&str; 6] = [ANONYMOUS, "blocked", "private", "restricted", "unavailable", "unknown"];

/// The same words as Twilio spells them on a keypad: ANONYMOUS, BLOCKED, RESTRICTED, UNAVAILABLE,
/// UNKNOWN. None of them can be a real number.
const WITHHELD_NUMBERS: [&str; 5] = ["+266696687", "+2562533", "+7378742833", "+86282452253", "+8656696"];

/// ITU-T E.164, section 6.
const E164_DIGITS_MAX: usize = 15;

/// No country has longer short codes.
const SHORT_DIGITS_MAX: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_compared_without_the_marks_people_write() {
        for text in [
            "+15551230000",
            " +1 (555) 123-0000 ",
            "001 555.123/0000",
            "+1\u{a0}555\u{2011}1230000",
            "tel:+1-555-123-0000",
        ] {
            assert_eq!(Number::calling(text), given("+15551230000"), "{text}");
        }
        assert_eq!(Number::called("611"), given("611"));
        assert_eq!(Number::called("0 611"), given("0611"));
    }

    #[test]
    fn sip_addresses_are_compared_without_parameters_and_case_of_the_host() {
        for text in ["sip:Ann@example.test", "SIP:Ann@Example.TEST;transport=tls?x=y"] {
            assert_eq!(Number::called(text), given("sip:Ann@example.test"), "{text}");
        }
        assert_ne!(Number::called("sip:ann@example.test"), given("sip:Ann@example.test"));
        assert_eq!(Number::called("sip:EXAMPLE.test"), given("sip:example.test"));
    }

    #[test]
    fn withheld_callers_are_known_in_every_spelling() {
        for text in [
            "",
            "  ",
            "anonymous",
            "Anonymous",
            "RESTRICTED",
            "+266696687",
            "+7378742833",
            "sip:anonymous@anonymous.invalid",
            "sip:x@Anonymous.invalid;y",
        ] {
            assert_eq!(Number::calling(text), Number::Withheld, "{text}");
        }
        for text in ["+15551230000", "sip:ann@example.test", "client:anonymous", "0"] {
            assert_ne!(Number::calling(text), Number::Withheld, "{text}");
        }
    }

    #[test]
    fn patterns_match_what_they_say() {
        for (pattern, number, expected) in [
            ("+15551230000", "+1 555 123 0000", true),
            ("+1 (555) 123-0000", "+15551230000", true),
            ("0015551230000", "+15551230000", true),
            ("+15551230000", "+15551230001", false),
            ("+15551230000", "+155512300001", false),
            ("+1555*", "+15551230000", true),
            ("+1 555 *", "+15551230000", true),
            ("001555*", "+15551230000", true),
            ("+1555*", "+1555", true),
            ("+1555*", "+15541230000", false),
            ("+*", "+34911234567", true),
            ("+*", "611", false),
            ("611", "611", true),
            ("611", "+611", false),
            ("anonymous", "", true),
            ("Anonymous", "+266696687", true),
            ("anonymous", "+15551230000", false),
            ("+1555*", "", false),
            ("*", "", true),
            ("*", "+15551230000", true),
            ("sip:*", "sip:ann@example.test", true),
            ("sip:*", "+15551230000", false),
            ("SIP:Ann*", "sip:Ann@example.test", true),
            ("sip:ann@Example.test", "sip:ann@example.TEST;user=phone", true),
            ("sip:ann@EXAMPLE*", "sip:ann@example.test", true),
            ("client:*", "client:ann", true),
        ] {
            let matched = Pattern::parse(pattern).unwrap().matches(&Number::calling(number));
            assert_eq!(matched, expected, "{pattern} on {number:?}");
        }
    }

    #[test]
    fn what_could_never_match_as_meant_is_no_pattern() {
        for text in [
            "",
            " ",
            "+",
            "5551230000",
            "1555*",
            "0*",
            "+1555*0",
            "**",
            "+1555**",
            "+1234567890123456",
            "+0555",
            "+1555a",
            "sip:",
            "sip:@example.test",
            "sip:ann@",
            "sip:a b@example.test",
            ":x",
            "everyone",
            "<sip:a@b>",
        ] {
            assert_eq!(Pattern::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn calls_are_sent_to_numbers_and_sip_addresses_only() {
        for text in [
            "+15551230000",
            "+1 (555) 123-0000",
            "sip:ann@example.test",
            "sips:ann@example.test",
            "sip:example.test",
        ] {
            assert!(is_dialable(text), "{text}");
        }
        for text in ["", "5551230000", "611", "anonymous", "+1555*", "client:ann", "sip:", "sipx"] {
            assert!(!is_dialable(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_number_matches_itself_and_each_of_its_beginnings(number in "\\+[1-9][0-9]{6,14}", length in 1usize..8) {
            let calling = Number::calling(&number);
            prop_assume!(calling != Number::Withheld);
            prop_assert!(Pattern::parse(&number).unwrap().matches(&calling));
            let beginning = format!("{}*", &number[..length]);
            prop_assert!(Pattern::parse(&beginning).unwrap().matches(&calling));
        }

        #[test]
        fn normalising_twice_changes_nothing(text in "[0-9+() a-z:@;.-]{0,20}|\\PC{0,20}") {
            // A second `00` may come to light when the first is taken; that is no number either way.
            let once = normalised(&text);
            prop_assume!(!once.starts_with("00"));
            prop_assert_eq!(normalised(&once), once);
        }
    }

    fn given(number: &str) -> Number {
        Number::Given(number.to_owned())
    }
}
