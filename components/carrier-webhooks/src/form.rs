//! The fields of Twilio's webhooks.
//!
//! <https://www.twilio.com/docs/voice/twiml#twilios-request-to-your-application>

use store::{CallStatus, Direction, E164, StatusReport, Timestamp};

/// Why a proven form cannot be used. It names the field, never its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// It is absent or empty.
    #[error("the field {0} is missing")]
    Missing(&'static str),
    /// It is not what the carrier documents.
    #[error("the field {0} is malformed")]
    Malformed(&'static str),
}

/// What every webhook says about its call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CallFields {
    /// Twilio's id of the call.
    pub(crate) call_sid: String,
    /// The calling number; empty when withheld.
    pub(crate) from: String,
    /// The called number, or a SIP or client address.
    pub(crate) to: String,
    /// Which way the call runs.
    pub(crate) direction: Direction,
    /// Where it stands; `None` for a word that this code does not know.
    pub(crate) status: Option<CallStatus>,
}

impl CallFields {
    /// Reads a proven form.
    pub(crate) fn read(form: &[(String, String)]) -> Result<Self, Fault> {
        let call_sid = required(form, "CallSid")?;
        if !is_call_sid(call_sid) {
            return Err(Fault::Malformed("CallSid"));
        }
        let from = field(form, "From").unwrap_or_default();
        Ok(Self {
            call_sid: call_sid.to_owned(),
            from: if is_withheld(from) { String::new() } else { from.to_owned() },
            to: required(form, "To")?.to_owned(),
            direction: match field(form, "Direction") {
                None | Some("inbound") => Direction::Inbound,
                Some("outbound-api" | "outbound-dial") => Direction::Outbound,
                Some(_) => return Err(Fault::Malformed("Direction")),
            },
            status: required(form, "CallStatus")?.parse().ok(),
        })
    }

    /// Our side of the call, if it is a number.
    pub(crate) fn own_number(&self) -> Option<E164> {
        let own = match self.direction {
            Direction::Inbound => &self.to,
            Direction::Outbound => &self.from,
        };
        own.parse().ok()
    }
}

/// The report in a status callback's form, or `None` for a status that this code does not know.
pub(crate) fn status_report(
    form: &[(String, String)],
    call: &CallFields,
    now: Timestamp,
) -> Result<Option<StatusReport>, Fault> {
    let number = |name: &'static str| match field(form, name) {
        None => Ok(None),
        Some(text) => text.parse::<u32>().map(Some).map_err(|_| Fault::Malformed(name)),
    };
    let (sequence, duration_s) = (number("SequenceNumber")?, number("CallDuration")?);
    let at = field(form, "Timestamp").and_then(rfc_2822).unwrap_or(now);
    Ok(call.status.map(|status| StatusReport { status, sequence, at, duration_s }))
}

/// What a finished `<Record>` reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recording {
    /// Where the audio is.
    pub(crate) url: String,
    /// How long it is, in seconds.
    pub(crate) duration_s: Option<u32>,
}

/// The recording in the form of a `<Record>` action, if one was made.
pub(crate) fn recording(form: &[(String, String)]) -> Option<Recording> {
    let url = field(form, "RecordingUrl")?.to_owned();
    let duration_s = field(form, "RecordingDuration").and_then(|text| text.parse().ok());
    Some(Recording { url, duration_s })
}

fn field<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let (_, value) = form.iter().find(|(given, _)| given == name)?;
    Some(value.as_str()).filter(|value| !value.is_empty())
}

fn required<'a>(form: &'a [(String, String)], name: &'static str) -> Result<&'a str, Fault> {
    field(form, name).ok_or(Fault::Missing(name))
}

fn is_call_sid(text: &str) -> bool {
    let digits = text.strip_prefix("CA").unwrap_or_default();
    digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Twilio puts a word, or that word typed on a telephone's keys, where a caller withholds the number:
/// <https://help.twilio.com/articles/223179988>.
fn is_withheld(from: &str) -> bool {
    const ANONYMOUS: &str = "+266696687";
    const BLOCKED: &str = "+2562533";
    const RESTRICTED: &str = "+7378742833";
    const UNAVAILABLE: &str = "+86282452253";
    const UNKNOWN: &str = "+8656696";
    let word = !from.starts_with('+') && !from.contains(':');
    word || [ANONYMOUS, BLOCKED, RESTRICTED, UNAVAILABLE, UNKNOWN].contains(&from)
}

/// Reads `Fri, 20 Nov 2026 13:04:11 +0000`, the form of RFC 2822 that Twilio sends; UTC only.
fn rfc_2822(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, date) = text.split_once(", ")?;
    let mut parts = date.split(' ');
    let day: i64 = parts.next()?.parse().ok()?;
    let name = parts.next()?;
    let month = MONTHS.iter().position(|known| *known == name)? + 1;
    let year: i64 = parts.next()?.parse().ok()?;
    let mut clock = parts.next()?.split(':').map(str::parse::<i64>);
    let (hour, minute, second) = (clock.next()?.ok()?, clock.next()?.ok()?, clock.next()?.ok()?);
    let utc = matches!(parts.next()?, "+0000" | "GMT" | "UTC");
    let in_range = (1..=31).contains(&day) && (1970..=9999).contains(&year);
    let clock_in_range = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second);
    if !utc || !in_range || !clock_in_range {
        return None;
    }
    let seconds =
        days_since_1970(year, i64::try_from(month).ok()?, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(Timestamp(seconds * 1000))
}

/// Days of the proleptic Gregorian calendar, counted in years that begin in March so that the
/// leap day comes last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days_before_month = (153 * month + 2) / 5;
    365 * year + year / 4 - year / 100 + year / 400 + days_before_month + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    const SID: &str = "CA0123456789abcdef0123456789abcdef";

    #[test]
    fn our_number_is_the_called_one_inbound_and_the_calling_one_outbound() {
        let own = |direction| {
            let form = form(&[("Direction", direction), ("From", "+15551230000"), ("To", "+34910000000")]);
            CallFields::read(&form).unwrap().own_number().unwrap().as_str().to_owned()
        };
        assert_eq!(own("inbound"), "+34910000000");
        assert_eq!(own("outbound-api"), "+15551230000");
    }

    #[test]
    fn a_withheld_number_is_empty() {
        for withheld in ["anonymous", "Restricted", "+266696687", "+7378742833", ""] {
            let form = form(&[("From", withheld), ("To", "+34910000000")]);
            assert_eq!(CallFields::read(&form).unwrap().from, "", "{withheld}");
        }
        for shown in ["+15551230000", "client:alice", "sip:a@example.com"] {
            let form = form(&[("From", shown), ("To", "+34910000000")]);
            assert_eq!(CallFields::read(&form).unwrap().from, shown);
        }
    }

    #[test]
    fn what_the_carrier_would_never_send_is_named() {
        let mut without_to = form(&[]);
        without_to.retain(|(name, _)| name != "To");
        assert_eq!(CallFields::read(&without_to), Err(Fault::Missing("To")));
        let odd_sid = form(&[("CallSid", "CA01"), ("To", "+34910000000")]);
        assert_eq!(CallFields::read(&odd_sid), Err(Fault::Malformed("CallSid")));
        let odd_direction = form(&[("Direction", "sideways"), ("To", "+34910000000")]);
        assert_eq!(CallFields::read(&odd_direction), Err(Fault::Malformed("Direction")));
    }

    #[test]
    fn a_report_carries_what_the_form_says() {
        let form = form(&[
            ("To", "+34910000000"),
            ("CallStatus", "completed"),
            ("SequenceNumber", "3"),
            ("CallDuration", "42"),
            ("Timestamp", "Fri, 20 Nov 2026 13:04:11 +0000"),
        ]);
        let call = CallFields::read(&form).unwrap();
        let report = status_report(&form, &call, Timestamp(5)).unwrap().unwrap();
        assert_eq!(report.status, CallStatus::Completed);
        assert_eq!((report.sequence, report.duration_s), (Some(3), Some(42)));
        assert_eq!(report.at, Timestamp(1_795_179_851_000));
    }

    #[test]
    fn a_status_of_tomorrow_is_no_report_and_an_odd_number_is_a_fault() {
        let unknown = form(&[("To", "+34910000000"), ("CallStatus", "hovering")]);
        let call = CallFields::read(&unknown).unwrap();
        assert_eq!(status_report(&unknown, &call, Timestamp(5)), Ok(None));
        let odd = form(&[("To", "+34910000000"), ("SequenceNumber", "-1")]);
        let call = CallFields::read(&odd).unwrap();
        assert_eq!(status_report(&odd, &call, Timestamp(5)), Err(Fault::Malformed("SequenceNumber")));
    }

    #[test]
    fn dates_are_read_across_leap_days_and_centuries() {
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 +0000", 0),
            ("Tue, 29 Feb 2000 23:59:59 +0000", 951_868_799),
            ("Wed, 01 Mar 2000 00:00:00 GMT", 951_868_800),
            ("Mon, 01 Mar 2100 00:00:00 +0000", 4_107_542_400),
        ] {
            assert_eq!(rfc_2822(text), Some(Timestamp(seconds * 1000)), "{text}");
        }
        for odd in
            ["", "Fri, 20 Nov 2026", "Fri, 20 Nov 2026 13:04:11 +0100", "Fri, 20 Nov 2026 24:00:00 +0000"]
        {
            assert_eq!(rfc_2822(odd), None, "{odd}");
        }
    }

    fn form(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut all =
            vec![("CallSid", SID), ("CallStatus", "ringing"), ("Direction", "inbound"), ("To", "x")];
        all.retain(|(name, _)| !fields.iter().any(|(given, _)| given == name));
        all.extend_from_slice(fields);
        all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}
