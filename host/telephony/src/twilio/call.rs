//! Calls as Twilio lists them.

use jiff::fmt::rfc2822;
use serde::Deserialize;
use store::Timestamp;

use super::answer::parsed;
use super::{Rest, checked};
use crate::{Cause, Fault};

/// A call as Twilio knows it. Its list lags behind the call, so it says which calls there are and not how they fare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its `CallSid`.
    pub sid: String,
    /// The called number.
    pub to: String,
    /// The calling number.
    pub from: String,
    /// Twilio's word for where it stands.
    pub status: String,
    /// `outbound-api` for one that was placed by REST.
    pub direction: String,
    /// When it was placed, by Twilio's clock, to the second; `None` where Twilio does not say.
    pub created_at: Option<Timestamp>,
}

/// The fields of a call that are used. <https://www.twilio.com/docs/voice/api/call-resource>
#[derive(Deserialize)]
struct Wire {
    sid: String,
    to: Option<String>,
    from: Option<String>,
    status: Option<String>,
    direction: Option<String>,
    date_created: Option<String>,
    start_time: Option<String>,
}

#[derive(Deserialize)]
struct Page {
    calls: Vec<Wire>,
    next_page_uri: Option<String>,
}

impl From<Wire> for Call {
    fn from(wire: Wire) -> Self {
        let created_at = wire.date_created.or(wire.start_time);
        Self {
            sid: wire.sid,
            to: wire.to.unwrap_or_default(),
            from: wire.from.unwrap_or_default(),
            status: wire.status.unwrap_or_default(),
            direction: wire.direction.unwrap_or_default(),
            created_at: created_at.as_deref().and_then(time),
        }
    }
}

impl Rest {
    /// What Twilio knows of a call; `None` where it knows none by that id.
    ///
    /// # Errors
    /// As [`Fault`] says; asking again does no harm.
    pub async fn call(&self, call_sid: &str) -> Result<Option<Call>, Fault> {
        checked(call_sid, "CA")?;
        match self.get(self.url(&["Calls", &format!("{call_sid}.json")])).await {
            Ok(body) => Ok(Some(parsed::<Wire>(&body)?.into())),
            Err(fault) if fault.is_refusal(404, &[Some("20404"), None]) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// The calls between these numbers that were placed by REST at `since` or later, or of which Twilio does not say
    /// when they were placed.
    ///
    /// Twilio filters by when a call *started*, and one that waits for its turn at the account's calls per second has
    /// not. So the waiting calls are asked for first, then those that started: a call that goes from the one list to
    /// the other meanwhile is in both.
    ///
    /// # Errors
    /// As [`Fault`] says; asking again does no harm.
    pub async fn placed_since(&self, from: &str, to: &str, since: Timestamp) -> Result<Vec<Call>, Fault> {
        let mut calls = self.list(&[("To", to), ("From", from), ("Status", "queued")]).await?;
        calls.extend(self.list(&[("To", to), ("From", from), ("StartTime>", &day(since)?)]).await?);
        calls.sort_by(|one, other| one.sid.cmp(&other.sid));
        calls.dedup_by(|one, other| one.sid == other.sid);
        calls.retain(|call| {
            call.direction == "outbound-api" && call.created_at.is_none_or(|created| since <= created)
        });
        Ok(calls)
    }

    async fn list(&self, filter: &[(&str, &str)]) -> Result<Vec<Call>, Fault> {
        let mut url = self.url(&["Calls.json"]);
        url.query_pairs_mut().extend_pairs(filter).append_pair("PageSize", "100");
        let mut calls = Vec::new();
        for _ in 0..MAX_PAGES {
            let body = self.get(url.clone()).await?;
            let page: Page = parsed(&body)?;
            calls.extend(page.calls.into_iter().map(Call::from));
            let Some(next) = page.next_page_uri else { return Ok(calls) };
            // Relative to the host; anything else would carry the credentials away.
            let next = url.join(&next).ok().filter(|next| next.origin() == url.origin());
            url = next.ok_or(Fault::Unknown { cause: Cause::Unreadable })?;
        }
        // Who sees only a part must not conclude that the rest is empty.
        Err(Fault::Unknown { cause: Cause::Unreadable })
    }
}

/// The day in GMT, the precision that Twilio documents for `StartTime>`.
fn day(time: Timestamp) -> Result<String, Fault> {
    let time = jiff::Timestamp::from_millisecond(time.0).map_err(|_| Fault::unfit("time_out_of_range"))?;
    Ok(time.strftime("%Y-%m-%d").to_string())
}

/// Twilio writes times by RFC 2822.
fn time(text: &str) -> Option<Timestamp> {
    let time = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Timestamp(time.as_millisecond()))
}

/// A thousand calls to one number within a day or two.
const MAX_PAGES: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twilios_times_are_read_and_days_are_those_of_greenwich() {
        let at = time("Tue, 31 Aug 2010 20:36:28 +0000").unwrap();
        assert_eq!(at, Timestamp(1_283_286_988_000));
        assert_eq!(day(at).unwrap(), "2010-08-31");
        assert_eq!(time("2010-08-31T20:36:28Z"), None);
        assert!(day(Timestamp(i64::MAX)).is_err());
    }
}
