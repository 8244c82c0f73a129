//! Elements as verbs, with the defaults of the verbs' pages under <https://www.twilio.com/docs/voice/twiml>.

use std::str::FromStr;
use std::time::Duration;

use super::read::Element;
use super::{Dial, Dialled, Gather, Link, Person, Play, Record, Seat, Stream, TwimlError, Verb};
use crate::carrier::webhook::Method;

/// How often a prompt that is to be repeated for ever is played.
const FOR_EVER: u32 = 1_000;

/// How long after the last word speech is over, where the carrier is to hear it by itself.
const AUTO: Duration = Duration::from_secs(1);

pub(super) fn verb(element: &Element) -> Result<Verb, TwimlError> {
    Ok(match element.name.as_str() {
        "Say" => Verb::Say(element.needed_text()?),
        "Play" => Verb::Play(play(element)?),
        "Pause" => Verb::Pause(element.seconds("length", 1)?),
        "Gather" => Verb::Gather(gather(element)?),
        "Redirect" => match element.method("method")? {
            Method::Post => Verb::Redirect(element.needed_text()?),
            Method::Get => return Err(TwimlError::Verb("<Redirect> by GET is not simulated".into())),
        },
        "Hangup" => Verb::Hangup,
        "Reject" => Verb::Reject(element.one_of("reason", &["rejected", "busy"])?),
        "Connect" => Verb::Connect(stream(element)?),
        "Dial" => Verb::Dial(dial(element)?),
        "Record" => Verb::Record(record(element)?),
        other => Verb::Other(other.to_owned()),
    })
}

fn play(element: &Element) -> Result<Play, TwimlError> {
    if let Some(keys) = element.attribute("digits") {
        return Ok(Play::Keys(keys.to_owned()));
    }
    let times = match element.number("loop")?.unwrap_or(1) {
        0 => FOR_EVER,
        times => times,
    };
    Ok(Play::File { url: element.needed_text()?, times })
}

fn gather(element: &Element) -> Result<Gather, TwimlError> {
    let prompts: Vec<Verb> = element.children.iter().map(verb).collect::<Result<_, _>>()?;
    if !prompts.iter().all(|prompt| matches!(prompt, Verb::Say(_) | Verb::Play(_) | Verb::Pause(_))) {
        return Err(TwimlError::Verb("<Gather> holds a verb other than Say, Play and Pause".into()));
    }
    let input = element.one_of("input", &["dtmf", "speech", "dtmf speech", "speech dtmf"])?;
    let timeout = element.seconds("timeout", 5)?;
    let speech_timeout = match element.attribute("speechTimeout") {
        None => timeout,
        Some("auto") => AUTO,
        Some(_) => element.seconds("speechTimeout", 0)?,
    };
    let finish_on_key = element.attribute("finishOnKey").unwrap_or("#");
    if finish_on_key.chars().any(|key| !is_key(key)) || finish_on_key.chars().count() > 1 {
        return Err(TwimlError::Verb(format!(
            "<Gather> has finishOnKey=\"{finish_on_key}\", which is no key"
        )));
    }
    Ok(Gather {
        action: element.link("action", "method")?,
        keys: input.contains("dtmf"),
        speech: input.contains("speech"),
        timeout,
        speech_timeout,
        finish_on_key: finish_on_key.chars().next(),
        most_keys: element.number("numDigits")?,
        action_on_empty_result: element.flag("actionOnEmptyResult", false)?,
        prompts,
    })
}

fn record(element: &Element) -> Result<Record, TwimlError> {
    Ok(Record {
        action: element.link("action", "method")?,
        max_length: element.seconds("maxLength", 3_600)?,
        timeout: element.seconds("timeout", 5)?,
        finish_on_key: element.attribute("finishOnKey").unwrap_or("1234567890*#").to_owned(),
        play_beep: element.flag("playBeep", true)?,
        recorded: element.link("recordingStatusCallback", "recordingStatusCallbackMethod")?,
        recorded_events: element.words("recordingStatusCallbackEvent", "completed"),
    })
}

fn dial(element: &Element) -> Result<Dial, TwimlError> {
    let people: Vec<Person> = element
        .children
        .iter()
        .filter(|child| matches!(child.name.as_str(), "Number" | "Sip" | "Client"))
        .map(person)
        .collect::<Result<_, _>>()?;
    let to = match element.child("Conference") {
        Some(conference) => Dialled::Conference(seat(conference)?),
        None if people.is_empty() => {
            let to = element.needed_text()?;
            Dialled::People(vec![Person { to, events: vec!["completed".into()], ..Person::default() }])
        }
        None => Dialled::People(people),
    };
    let record = element.one_of(
        "record",
        &[
            "do-not-record",
            "record-from-answer",
            "record-from-answer-dual",
            "record-from-ringing",
            "record-from-ringing-dual",
            "true",
            "false",
        ],
    )?;
    Ok(Dial {
        to,
        action: element.link("action", "method")?,
        timeout: element.seconds("timeout", 30)?,
        time_limit: element.attribute("timeLimit").map(|_| element.seconds("timeLimit", 0)).transpose()?,
        hang_up_on_star: element.flag("hangupOnStar", false)?,
        caller_id: element.attribute("callerId").map(str::to_owned),
        record: match record.as_str() {
            "do-not-record" | "false" => None,
            dual if dual.ends_with("-dual") => Some(2),
            _ => Some(1),
        },
        recorded: element.link("recordingStatusCallback", "recordingStatusCallbackMethod")?,
        recorded_events: element.words("recordingStatusCallbackEvent", "completed"),
    })
}

fn person(element: &Element) -> Result<Person, TwimlError> {
    let text = element.needed_text()?;
    let to = match element.name.as_str() {
        "Client" if !text.starts_with("client:") => format!("client:{text}"),
        _ => text,
    };
    Ok(Person {
        to,
        document: element.link("url", "method")?,
        send_digits: element.attribute("sendDigits").map(str::to_owned),
        status: element.link("statusCallback", "statusCallbackMethod")?,
        events: element.words("statusCallbackEvent", "completed"),
    })
}

fn seat(element: &Element) -> Result<Seat, TwimlError> {
    Ok(Seat {
        name: element.needed_text()?,
        muted: element.flag("muted", false)?,
        starts: element.flag("startConferenceOnEnter", true)?,
        ends: element.flag("endConferenceOnExit", false)?,
        status: element.link("statusCallback", "statusCallbackMethod")?,
        events: element.words("statusCallbackEvent", ""),
    })
}

fn stream(connect: &Element) -> Result<Stream, TwimlError> {
    let stream = connect
        .child("Stream")
        .ok_or_else(|| TwimlError::Verb("<Connect> without <Stream> is not known here".into()))?;
    let url = stream.attribute("url").filter(|url| !url.is_empty());
    let url = url.ok_or_else(|| TwimlError::Verb("<Stream> has no url".into()))?.to_owned();
    let parameters = stream
        .children
        .iter()
        .filter(|child| child.name == "Parameter")
        .map(|child| {
            let get = |name: &str| child.attribute(name).unwrap_or_default().to_owned();
            (get("name"), get("value"))
        })
        .collect();
    Ok(Stream {
        url,
        parameters,
        name: stream.attribute("name").map(str::to_owned),
        status: stream.link("statusCallback", "statusCallbackMethod")?,
    })
}

fn is_key(character: char) -> bool {
    character.is_ascii_digit() || matches!(character, '*' | '#')
}

impl Element {
    fn needed_text(&self) -> Result<String, TwimlError> {
        match self.text.trim() {
            "" => Err(TwimlError::Verb(format!("<{}> has no text", self.name))),
            text => Ok(text.to_owned()),
        }
    }

    fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, TwimlError> {
        let Some(value) = self.attribute(name) else { return Ok(None) };
        value.parse().map(Some).map_err(|_| self.wrong(name, value, "no number"))
    }

    fn seconds(&self, name: &str, default: u64) -> Result<Duration, TwimlError> {
        Ok(Duration::from_secs(self.number(name)?.unwrap_or(default)))
    }

    fn flag(&self, name: &str, default: bool) -> Result<bool, TwimlError> {
        match self.attribute(name) {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(value) => Err(self.wrong(name, value, "neither true nor false")),
        }
    }

    /// One of these words; the first where absent.
    fn one_of(&self, name: &str, words: &[&str]) -> Result<String, TwimlError> {
        let value = self.attribute(name).or(words.first().copied()).unwrap_or_default();
        if words.contains(&value) { Ok(value.to_owned()) } else { Err(self.wrong(name, value, "not known")) }
    }

    fn words(&self, name: &str, default: &str) -> Vec<String> {
        self.attribute(name).unwrap_or(default).split_ascii_whitespace().map(str::to_owned).collect()
    }

    fn method(&self, name: &str) -> Result<Method, TwimlError> {
        match self.attribute(name) {
            None | Some("POST") => Ok(Method::Post),
            Some("GET") => Ok(Method::Get),
            Some(value) => Err(self.wrong(name, value, "neither GET nor POST")),
        }
    }

    fn link(&self, name: &str, method: &str) -> Result<Option<Link>, TwimlError> {
        let method = self.method(method)?;
        let url = self.attribute(name).filter(|url| !url.is_empty());
        Ok(url.map(|url| Link { url: url.to_owned(), method }))
    }

    fn wrong(&self, name: &str, value: &str, what: &str) -> TwimlError {
        TwimlError::Verb(format!("<{}> has {name}=\"{value}\", which is {what}", self.name))
    }
}
