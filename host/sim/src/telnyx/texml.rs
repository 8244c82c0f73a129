//! Calls of a TeXML application: documents by webhook, as Twilio's, with forms that are signed as all of Telnyx's are.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Map, Value};
use url::Url;
use url::form_urlencoded::Serializer;

use super::action::{Dial, LONGEST_CALL, Record};
use super::card::Direction;
use super::clock::stamp;
use super::courier::send_form;
use super::desk::Desk;
use super::fields::Fields;
use super::leg::{Leg, Over};
use super::order::StreamOrder;
use super::recorder::Recorder;
use super::sound::Announcement;
use crate::carrier::line::{Event, STEP};
use crate::carrier::twiml::read::{Element, read};
use crate::carrier::twiml::{Dial as DialVerb, Dialled, Gather, Play, Record as RecordVerb};
use crate::carrier::{Document, End, Verb};

/// How many documents one call may ask for.
const MOST_DOCUMENTS: u32 = 30;

/// What the account's TeXML application is told to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texml {
    /// Where documents come from.
    pub voice_url: Url,
    /// Who is told of a call's progress.
    pub status_url: Option<Url>,
}

/// What follows a verb.
enum Next {
    Verb,
    /// The document there, with these fields beside the usual ones.
    Fetch(String, Vec<(&'static str, String)>),
}

/// A form's fields.
pub(super) type Form = Vec<(String, String)>;

impl Leg {
    /// The fields of every request about this call.
    pub(super) fn form(&self, status: &str) -> Form {
        let incoming = self.card.direction == Direction::Incoming;
        [
            ("AccountSid", self.card.connection_id.as_str()),
            ("CallSid", &self.card.call_control_id),
            ("CallSidLegacy", &self.card.call_control_id),
            ("ConnectionId", &self.card.connection_id),
            ("CallStatus", status),
            ("Direction", if incoming { "inbound" } else { "outbound" }),
            ("From", &self.card.from),
            ("To", &self.card.to),
            ("CallInitiatedAt", &self.card.start_time),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// The status callback that stands for an event of Call Control, where there is one.
    pub(super) fn progress(&self, event: &str, sequence: u32) -> Option<Form> {
        let status = match event {
            "call.initiated" => "initiated",
            "call.answered" => "in-progress",
            "call.hangup" => self.shared.lock().status,
            _ => return None,
        };
        let mut form = self.form(status);
        let mut add = |name: &str, value: String| form.push((name.to_owned(), value));
        add("CallbackSource", "call-progress-events".into());
        add("SequenceNumber", sequence.to_string());
        add("Timestamp", stamp());
        if event == "call.hangup" {
            add("CallDuration", self.line.now().as_secs().to_string());
        }
        Some(form)
    }

    /// Fetches documents and does what they say, from the first ring to the end.
    pub(super) async fn perform(&mut self, texml: &Texml) -> Over {
        let mut at = texml.voice_url.clone();
        let mut verbs = VecDeque::new();
        let mut next = Next::Fetch(String::new(), Vec::new());
        let (mut answered, mut documents) = (false, 0);
        loop {
            if let Next::Fetch(url, more) = next {
                documents += 1;
                verbs = match self.document(&mut at, &url, more).await {
                    Ok(verbs) if documents <= MOST_DOCUMENTS => verbs,
                    Ok(_) => return self.failed("more documents than one call may ask for"),
                    Err(problem) => return self.failed(&problem),
                };
            }
            let Some((verb, element)) = verbs.pop_front() else { return self.hung_up() };
            if !answered {
                if let Verb::Reject(reason) = &verb {
                    let (cause, sip) =
                        if reason == "busy" { ("user_busy", "486") } else { ("call_rejected", "603") };
                    return Over::new(cause, "callee", sip, End::Rejected);
                }
                answered = true;
                self.answer().await;
            }
            next = match self.obey_verb(verb, &element, &at).await {
                Ok(next) => next,
                Err(over) => return over,
            };
        }
    }

    fn failed(&self, problem: &str) -> Over {
        self.shared.problem(problem);
        Over::new("unspecified", "unknown", "unspecified", End::Failed)
    }

    fn hung_up(&self) -> Over {
        Over::new("normal_clearing", self.far_side(), "200", End::PlatformHungUp)
    }

    /// The verbs of a document, each with its element, which says more than the verbs that both carriers know.
    async fn document(
        &self,
        at: &mut Url,
        url: &str,
        more: Vec<(&'static str, String)>,
    ) -> Result<VecDeque<(Verb, Element)>, String> {
        let url = at.join(url).map_err(|error| format!("`{url}` is no address: {error}"))?;
        let mut form = self.form(if self.is_open() { "in-progress" } else { "ringing" });
        form.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let xml = send_form(&self.desk, &url, &encode(&form))
            .await
            .map_err(|error| format!("no document from {url}: {error}"))?;
        *at = url;
        let verbs = Document::parse(&xml).map_err(|error| error.to_string())?.verbs;
        let elements = read(&xml).map_err(|error| error.to_string())?.children;
        Ok(verbs.into_iter().zip(elements).collect())
    }

    fn is_open(&self) -> bool {
        self.shared.lock().status == "in-progress"
    }

    async fn obey_verb(&mut self, verb: Verb, element: &Element, at: &Url) -> Result<Next, Over> {
        match verb {
            Verb::Say(text) => self.announcements.push_back(Announcement::speech(&text)),
            Verb::Play(Play::Keys(digits)) => self.announcements.push_back(Announcement::keys(&digits)),
            Verb::Pause(length) => {
                let over = self.line.now() + length;
                self.until(|leg| leg.line.now() >= over).await?;
            }
            Verb::Connect(stream) => match stream_of(element, &stream.parameters) {
                Ok(order) => {
                    self.open(order);
                    self.until(|leg| leg.opening.is_none() && leg.stream.is_none()).await?;
                }
                Err(problem) => self.shared.problem(problem),
            },
            Verb::Redirect(url) => return Ok(Next::Fetch(url, Vec::new())),
            Verb::Hangup => return Err(self.hung_up()),
            Verb::Reject(_) => {
                self.shared.problem("<Reject> after another verb: the call was answered already");
                return Err(self.hung_up());
            }
            Verb::Gather(gather) => return self.gather(gather, at).await,
            Verb::Record(record) => return self.record(record, at).await,
            Verb::Dial(dial) => return self.dial_verb(dial).await,
            Verb::Play(Play::File { .. }) | Verb::Other(_) => {
                self.shared.problem(format!("<{}> is not simulated in TeXML", element.name));
            }
        }
        self.until(|leg| leg.announcements.is_empty() && leg.line.playback.waiting() == 0).await?;
        Ok(Next::Verb)
    }

    /// Lets the line run until something is so, or the call is over.
    async fn until(&mut self, so: impl Fn(&Self) -> bool) -> Result<(), Over> {
        while !so(self) {
            if let Some(over) = self.turn().await {
                return Err(over);
            }
        }
        Ok(())
    }

    /// Says what is to be said, listens for keys, and asks what comes next where any came. Speech is not understood here.
    async fn gather(&mut self, verb: Gather, at: &Url) -> Result<Next, Over> {
        if !verb.keys {
            self.shared.problem("<Gather> of speech is not simulated in TeXML");
        }
        for prompt in verb.prompts {
            match prompt {
                Verb::Say(text) => self.announcements.push_back(Announcement::speech(&text)),
                Verb::Play(Play::Keys(digits)) => self.announcements.push_back(Announcement::keys(&digits)),
                _ => self.shared.problem("<Gather> says texts and keys only in TeXML"),
            }
        }
        let (mut digits, mut quiet) = (String::new(), Duration::ZERO);
        while quiet < verb.timeout && verb.most_keys.is_none_or(|most| digits.len() < most) {
            match self.line.event().await {
                Event::Step => {
                    if let Some(over) = self.step().await {
                        return Err(over);
                    }
                    let speaking = !self.announcements.is_empty() || self.line.playback.waiting() > 0;
                    quiet = if speaking { Duration::ZERO } else { quiet + STEP };
                }
                Event::Key(key) => {
                    self.announcements.clear();
                    self.line.playback.clear();
                    quiet = Duration::ZERO;
                    if verb.finish_on_key == Some(key) {
                        break;
                    }
                    digits.push(key);
                }
                Event::HangUp => return Err(self.person_hung_up()),
                Event::Complete | Event::Run(_) => {}
            }
        }
        if digits.is_empty() && !verb.action_on_empty_result {
            return Ok(Next::Verb);
        }
        let action = verb.action.map_or_else(|| at.to_string(), |link| link.url);
        Ok(Next::Fetch(action, vec![("Digits", digits)]))
    }

    /// Records the caller until they are silent, the time is over or a key is pressed, and asks what comes next.
    async fn record(&mut self, verb: RecordVerb, at: &Url) -> Result<Next, Over> {
        if verb.play_beep {
            self.announcements.push_back(Announcement::beep());
            self.until(|leg| leg.announcements.is_empty() && leg.line.playback.waiting() == 0).await?;
        }
        let order = Record {
            max_length: Some(verb.max_length),
            silence: Some(verb.timeout),
            outbound: false,
            ..Record::new("single")
        };
        let mut recorder = Recorder::new(order);
        let began = self.line.now();
        let ended = loop {
            match self.line.event().await {
                Event::Step => {
                    let frame = self.line.step();
                    if recorder.push(&frame.sent, &frame.heard) {
                        break None;
                    }
                }
                Event::Key(_) => break None,
                Event::HangUp => break Some(self.person_hung_up()),
                Event::Complete | Event::Run(_) => {}
            }
        };
        let seconds = (self.line.now() - began).as_secs().to_string();
        let made = recorder.finish().map_err(|error| self.failed(&error.to_string()))?;
        let id = made.id.clone();
        let url = self.desk.keep(made);
        let about = [("RecordingSid", id), ("RecordingUrl", url), ("RecordingDuration", seconds)];
        if let Some(link) = &verb.recorded
            && let Ok(url) = at.join(&link.url)
        {
            let mut form = self.form("in-progress");
            form.extend(about.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
            form.push(("RecordingStatus".into(), "completed".into()));
            self.courier.tell_form("recording", url, encode(&form)).await;
        }
        let action = verb.action.map_or_else(|| at.to_string(), |link| link.url);
        match ended {
            // Nothing that the platform answers can matter any more, but it is told.
            Some(over) => {
                if let Ok(url) = at.join(&action) {
                    let mut form = self.form("completed");
                    form.extend(about.map(|(name, value)| (name.to_owned(), value)));
                    self.courier.tell_form("action", url, encode(&form)).await;
                }
                Err(over)
            }
            None => Ok(Next::Fetch(action, about.to_vec())),
        }
    }

    /// Calls somebody and joins the two; when that is over, asks what comes next.
    async fn dial_verb(&mut self, verb: DialVerb) -> Result<Next, Over> {
        let person = match verb.to {
            Dialled::People(people) => people.into_iter().next(),
            Dialled::Conference(_) => None,
        };
        let Some(person) = person else {
            return Err(self.failed("<Dial> of a conference is not simulated in TeXML"));
        };
        self.shared.change(|state| state.dialled = Some(person.to.clone()));
        let dial = Dial {
            to: person.to,
            from: verb.caller_id.or_else(|| Some(self.card.from.clone())),
            client_state: None,
            webhook_url: None,
            timeout: verb.timeout,
            time_limit: verb.time_limit.unwrap_or(LONGEST_CALL),
            detection: None,
            stream: None,
            record: None,
            park: true,
        };
        let Some(this) = self.desk.find(&self.card.call_control_id) else { return Ok(Next::Verb) };
        let other = Desk::place(&self.desk, dial, Some(&this));
        self.until(|leg| leg.joint.is_none() && other.hangup.get().is_some()).await?;
        let status = match other.hangup.get().map(|hangup| hangup.cause) {
            Some("normal_clearing" | "time_limit") => "completed",
            Some("user_busy" | "call_rejected") => "busy",
            Some("timeout" | "no_answer") => "no-answer",
            _ => "failed",
        };
        let about =
            vec![("DialCallStatus", status.to_owned()), ("DialCallSid", other.call_control_id.clone())];
        Ok(verb.action.map_or(Next::Verb, |link| Next::Fetch(link.url, about)))
    }
}

/// The stream of a `Connect`: Telnyx's own attributes say how it is coded.
fn stream_of(connect: &Element, parameters: &[(String, String)]) -> Result<StreamOrder, String> {
    let stream = connect.child("Stream").ok_or("<Connect> without <Stream>")?;
    let mut fields = Map::new();
    for (attribute, field) in [
        ("url", "stream_url"),
        ("track", "stream_track"),
        ("codec", "stream_codec"),
        ("bidirectionalMode", "stream_bidirectional_mode"),
        ("bidirectionalCodec", "stream_bidirectional_codec"),
    ] {
        if let Some(value) = stream.attribute(attribute) {
            fields.insert(field.to_owned(), Value::from(value));
        }
    }
    let order =
        StreamOrder::of_answer(Fields(&fields)).map_err(|refusal| format!("<Stream>: {refusal:?}"))?;
    let order = order.ok_or("<Stream> has no url")?;
    Ok(StreamOrder { parameters: parameters.iter().cloned().collect(), ..order })
}

/// The body of a request.
pub(super) fn encode(form: &Form) -> String {
    Serializer::new(String::new()).extend_pairs(form).finish()
}
