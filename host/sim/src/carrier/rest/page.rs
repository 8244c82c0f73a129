//! Lists of resources, page by page, and the filters by time.

use axum::http::{StatusCode, Uri};
use axum::response::Response;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

use super::answer::refused;
use super::form::Form;

/// How many a page holds, unless told otherwise, and at most.
const USUAL: usize = 50;
const MOST: usize = 1_000;

/// One page of `items`, the newest first, each with its id, under `key`.
pub(super) fn page(uri: &Uri, key: &str, items: &[(String, Value)]) -> Response {
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes());
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok());
    let size = number("PageSize").unwrap_or(USUAL).clamp(1, MOST);
    let index = number("Page").unwrap_or(0);
    // The token holds the page in its place while new resources come in front.
    let last = query.get("PageToken").and_then(|token| token.strip_prefix("PA"));
    let after = last.and_then(|last| items.iter().position(|(sid, _)| sid == last));
    let start = after.map_or(index.saturating_mul(size), |position| position + 1);
    let on_page = items.get(start..).unwrap_or_default();
    let on_page = on_page.get(..size).unwrap_or(on_page);
    let more = items.len() > start.saturating_add(on_page.len());
    let next = on_page.last().filter(|_| more).map(|(sid, _)| at(uri, size, index + 1, Some(sid)));
    let mut body = json!({
        "first_page_uri": at(uri, size, 0, None),
        "previous_page_uri": index.checked_sub(1).map(|before| at(uri, size, before, None)),
        "next_page_uri": next,
        "uri": uri.path_and_query().map(|uri| uri.as_str()),
        "page": index,
        "page_size": size,
        "start": start,
        "end": (start + on_page.len()).saturating_sub(1),
    });
    let values: Vec<&Value> = on_page.iter().map(|(_, value)| value).collect();
    if let Some(body) = body.as_object_mut() {
        body.insert(key.to_owned(), json!(values));
    }
    crate::server::json(StatusCode::OK, &body)
}

fn at(uri: &Uri, size: usize, index: usize, last: Option<&str>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let given = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    query.extend_pairs(given.filter(|(name, _)| !matches!(name.as_ref(), "PageSize" | "Page" | "PageToken")));
    query.append_pair("PageSize", &size.to_string()).append_pair("Page", &index.to_string());
    if let Some(last) = last {
        query.append_pair("PageToken", &format!("PA{last}"));
    }
    format!("{}?{}", uri.path(), query.finish())
}

/// A filter by time: `Name`, `Name>` and `Name<`, each a day or a moment.
#[derive(Debug)]
pub(super) struct Between {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

impl Between {
    pub(super) fn read(query: &Form, name: &str) -> Result<Self, Box<Response>> {
        let get = |suffix: &str| {
            let name = format!("{name}{suffix}");
            query.get(&name).map(|text| moments(&name, text)).transpose()
        };
        let (on, from, to) = (get("")?, get(">")?, get("<")?);
        Ok(Self {
            from: from.map(|(start, _)| start).or(on.map(|(start, _)| start)),
            to: to.map(|(start, _)| start).or(on.map(|(_, end)| end)),
        })
    }

    /// Whether a moment is between; what has none is not, where that was asked.
    pub(super) fn holds(&self, at: Option<Timestamp>) -> bool {
        match at {
            None => self.from.is_none() && self.to.is_none(),
            Some(at) => self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at <= to),
        }
    }
}

/// The first and the last moment that a text means.
fn moments(name: &str, text: &str) -> Result<(Timestamp, Timestamp), Box<Response>> {
    let wrong = || Box::new(refused(20001, &format!("Invalid {name}: {text}")));
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok((moment, moment));
    }
    let day: Date = text.parse().map_err(|_| wrong())?;
    let start = |day: Date| day.to_zoned(TimeZone::UTC).map(|start| start.timestamp()).map_err(|_| wrong());
    let next = day.checked_add(1.day()).map_err(|_| wrong())?;
    Ok((start(day)?, start(next)? - 1.nanosecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_moments_bound_what_is_listed() {
        let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        let holds = |query: &str, moment: &str| {
            Between::read(&Form::parse(query.as_bytes()), "StartTime").unwrap().holds(at(moment))
        };
        assert!(holds("StartTime%3E=2026-11-20", "2026-11-20T00:00:00Z"));
        assert!(!holds("StartTime>=2026-11-20", "2026-11-19T23:59:59Z"));
        assert!(holds("StartTime>=2026-11-20T10:00:00Z", "2026-11-20T10:00:00Z"));
        assert!(!holds("StartTime%3E=2026-11-20T10%3A00%3A00Z", "2026-11-20T09:59:59.9Z"));
        assert!(!holds("StartTime<=2026-11-20T10:00:00Z", "2026-11-20T10:00:01Z"));
        assert!(holds("StartTime=2026-11-20", "2026-11-20T23:59:59Z"));
        assert!(!holds("StartTime=2026-11-20", "2026-11-21T00:00:00Z"));
        let from = Between::read(&Form::parse(b"StartTime>=2026-11-20"), "StartTime").unwrap();
        assert!(!from.holds(None));
        assert!(Between::read(&Form::parse(b""), "StartTime").unwrap().holds(None));
        assert!(Between::read(&Form::parse(b"StartTime>=yesterday"), "StartTime").is_err());
    }
}
