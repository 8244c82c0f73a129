//! Times, prices and dates: numbers that are complete though they are short.

/// Tokens in lower case, without the punctuation around them.
pub(crate) fn tokens(text: &str) -> Vec<String> {
    let edges = ['.', ',', '?', '!', ';', ':', '"'];
    text.split_whitespace()
        .map(|token| token.trim_matches(edges).to_lowercase())
        .filter(|token| !token.is_empty())
        .collect()
}

/// The value of a number below a hundred, in a word or in one or two digits.
pub(crate) fn number(token: &str) -> Option<u32> {
    if token.len() <= 2 && token.bytes().all(|byte| byte.is_ascii_digit()) {
        return token.parse().ok();
    }
    let place =
        |list: &[&str]| list.iter().position(|word| *word == token).and_then(|n| u32::try_from(n).ok());
    match token {
        "oh" | "o" => Some(0),
        _ => place(SMALL).or_else(|| place(TENS).map(|n| (n + 2) * 10)),
    }
}

/// Whether the tokens end in a whole time, price or date.
pub(crate) fn is_whole(tokens: &[String]) -> bool {
    let mut from_end = tokens.iter().rev().map(String::as_str);
    let last = from_end.next().unwrap_or_default();
    let before = from_end.next().unwrap_or_default();
    let third = from_end.next().unwrap_or_default();
    is_time(last, before, third) || is_price(last, before) || is_date(last, before, third)
}

fn is_time(last: &str, before: &str, third: &str) -> bool {
    let hour = |token: &str| number(token).is_some_and(|hour| hour <= 24);
    let clock = |token: &str| {
        token.split_once(':').is_some_and(|(hours, minutes)| {
            !hours.is_empty() && minutes.len() >= 2 && number(hours).is_some() && number(minutes).is_some()
        })
    };
    let half_of_day = matches!(last, "am" | "pm" | "a.m" | "p.m")
        && (hour(before) || number(before).is_some() || clock(before));
    let spelled_half = last == "m" && matches!(before, "a" | "p") && number(third).is_some();
    let on_the_hour = matches!(last, "o'clock" | "oclock" | "o’clock");
    let attached = last
        .strip_suffix("am")
        .or(last.strip_suffix("pm"))
        .is_some_and(|time| number(time).is_some() || clock(time));
    let minutes = number(last).is_some_and(|minutes| (10..60).contains(&minutes));
    let hour_and_minutes = TIME_PREPOSITIONS.contains(&third) && hour(before) && minutes;
    let relative = matches!(before, "past" | "to") && hour(last) && matches!(third, "half" | "quarter");
    let named = matches!(last, "noon" | "midnight");
    clock(last)
        || half_of_day
        || spelled_half
        || on_the_hour
        || attached
        || hour_and_minutes
        || relative
        || named
}

fn is_price(last: &str, before: &str) -> bool {
    let amount = |token: &str| {
        token.bytes().any(|byte| byte.is_ascii_digit())
            || number(token).is_some()
            || matches!(token, "hundred" | "thousand" | "million")
    };
    let with_sign = last.starts_with(['$', '€', '£']) || last.ends_with(['$', '€', '£', '%']);
    (with_sign && amount(last)) || (CURRENCIES.contains(&last) && amount(before))
}

fn is_date(last: &str, before: &str, third: &str) -> bool {
    let month = |token: &str| MONTHS.contains(&token);
    let ordinal = |token: &str| {
        ORDINALS.contains(&token)
            || ["st", "nd", "rd", "th"]
                .iter()
                .any(|end| token.strip_suffix(end).is_some_and(|n| number(n).is_some()))
    };
    let day = |token: &str| ordinal(token) || number(token).is_some_and(|day| (1..=31).contains(&day));
    let year =
        last.len() == 4 && (last.starts_with("19") || last.starts_with("20")) && last.parse::<u32>().is_ok();
    (month(before) && day(last))
        || (month(last) && (before == "of" || day(before)))
        || (year && (month(before) || (month(third) && day(before))))
}

const SMALL: &[&str] = &[
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: &[&str] = &["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const TIME_PREPOSITIONS: &[&str] =
    &["at", "by", "around", "until", "till", "from", "before", "after", "about"];
const CURRENCIES: &[&str] =
    &["dollar", "dollars", "euro", "euros", "pound", "pounds", "cents", "pence", "percent", "bucks", "quid"];
const MONTHS: &[&str] = &[
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const ORDINALS: &[&str] = &[
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
    "thirtieth",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_prices_and_dates_are_whole() {
        for text in [
            "At 10:30.",
            "at ten thirty",
            "ten a m",
            "at 10 am",
            "10:30 p.m.",
            "3pm",
            "seven o'clock",
            "half past nine",
            "at noon",
            "$300",
            "three hundred dollars",
            "about 20 percent",
            "on May 5th",
            "on may fifth",
            "the fifth of may",
            "March 3, 2025.",
            "in December 2025",
        ] {
            assert!(is_whole(&tokens(text)), "{text}");
        }
    }

    #[test]
    fn other_numbers_are_not() {
        for text in
            ["It is 555", "five five", "at five five five", "zero one seven", "at ten", "I am", "2025", ""]
        {
            assert!(!is_whole(&tokens(text)), "{text}");
        }
    }

    #[test]
    fn numbers_below_a_hundred_are_read() {
        for (token, value) in [
            ("7", Some(7)),
            ("oh", Some(0)),
            ("twelve", Some(12)),
            ("ninety", Some(90)),
            ("555", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(number(token), value, "{token}");
        }
    }
}
