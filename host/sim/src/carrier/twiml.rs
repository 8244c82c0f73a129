//! TwiML, as the carrier reads it.

use std::time::Duration;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// What the carrier is to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Speak a text.
    Say(String),
    /// Wait.
    Pause(Duration),
    /// Open a two-way media stream.
    Connect(Stream),
    /// Go on with another document.
    Redirect(String),
    /// End the call.
    Hangup,
    /// Turn the call down. `busy` or `rejected`.
    Reject(String),
    /// Call a number or a SIP address and join the two.
    Dial {
        /// Whom.
        to: String,
        /// Where to ask what comes next.
        action: Option<String>,
    },
    /// Record the caller.
    Record {
        /// Where to ask what comes next.
        action: Option<String>,
        /// The longest recording.
        max_length: Duration,
        /// Silence that ends it.
        timeout: Duration,
        /// Whether a tone comes first.
        play_beep: bool,
    },
    /// A verb that this carrier knows by name only.
    Other(String),
}

/// A media stream to open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// Where.
    pub url: String,
    /// What goes with it.
    pub parameters: Vec<(String, String)>,
}

/// A document: its verbs in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The verbs.
    pub verbs: Vec<Verb>,
}

/// Why a document cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum TwimlError {
    /// It is no XML.
    #[error("error 12100: the document cannot be parsed: {0}")]
    Xml(String),
    /// Its root is not `Response`.
    #[error("error 12100: the root element is `{0}`, not `Response`")]
    Root(String),
    /// A verb lacks what it needs.
    #[error("error 12200: {0}")]
    Verb(String),
}

/// An element with what is in it.
#[derive(Clone, Debug, Default)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Element>,
}

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    /// Where it is not well-formed, is no `Response`, or a verb lacks what it needs.
    pub fn parse(xml: &str) -> Result<Self, TwimlError> {
        let root = read(xml)?;
        if root.name != "Response" {
            return Err(TwimlError::Root(root.name));
        }
        Ok(Self { verbs: root.children.iter().map(verb).collect::<Result<_, _>>()? })
    }
}

impl Element {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn seconds(&self, name: &str, default: u64) -> Result<Duration, TwimlError> {
        let Some(value) = self.attribute(name) else { return Ok(Duration::from_secs(default)) };
        let seconds = value.parse().map_err(|_| {
            TwimlError::Verb(format!("<{}> has {name}=\"{value}\", which is no number", self.name))
        })?;
        Ok(Duration::from_secs(seconds))
    }

    fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }
}

fn verb(element: &Element) -> Result<Verb, TwimlError> {
    let action = || element.attribute("action").map(str::to_owned);
    let text = element.text.trim();
    let needed = |text: &str| match text {
        "" => Err(TwimlError::Verb(format!("<{}> has no text", element.name))),
        text => Ok(text.to_owned()),
    };
    Ok(match element.name.as_str() {
        "Say" => Verb::Say(needed(text)?),
        "Pause" => Verb::Pause(element.seconds("length", 1)?),
        "Redirect" => Verb::Redirect(needed(text)?),
        "Hangup" => Verb::Hangup,
        "Reject" => Verb::Reject(element.attribute("reason").unwrap_or("rejected").to_owned()),
        "Connect" => Verb::Connect(stream(element)?),
        "Dial" => {
            let inner = ["Number", "Sip", "Client"].iter().find_map(|name| element.child(name));
            Verb::Dial { to: needed(inner.map_or(text, |inner| inner.text.trim()))?, action: action() }
        }
        "Record" => Verb::Record {
            action: action(),
            max_length: element.seconds("maxLength", 3_600)?,
            timeout: element.seconds("timeout", 5)?,
            play_beep: element.attribute("playBeep") != Some("false"),
        },
        other => Verb::Other(other.to_owned()),
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
    Ok(Stream { url, parameters })
}

fn read(xml: &str) -> Result<Element, TwimlError> {
    let broken = |error: &dyn std::fmt::Display| TwimlError::Xml(error.to_string());
    let mut reader = Reader::from_str(xml);
    // The document itself is the outermost element, without a name.
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().map_err(|error| broken(&error))? {
            Event::Start(start) => open.push(element(&start)?),
            Event::Empty(start) => close(&mut open, element(&start)?),
            Event::End(_) => {
                if let Some(done) = open.pop() {
                    close(&mut open, done);
                }
            }
            Event::Text(text) => append(&mut open, &text.xml10_content()),
            Event::CData(text) => append(&mut open, &text.xml10_content()),
            Event::GeneralRef(reference) => {
                let name = reference.xml10_content();
                append(&mut open, &resolve(&name)?);
            }
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    let document = open.pop().filter(|_| open.is_empty());
    let document = document.ok_or_else(|| TwimlError::Xml("an element is not closed".into()))?;
    let mut children = document.children.into_iter();
    match (children.next(), children.next()) {
        (Some(root), None) => Ok(root),
        _ => Err(TwimlError::Xml("there must be exactly one root element".into())),
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element, TwimlError> {
    let name = String::from_utf8_lossy(start.local_name().as_ref().as_bytes()).into_owned();
    let mut element = Element { name, ..Element::default() };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| TwimlError::Xml(error.to_string()))?;
        let value = attribute
            .normalized_value(XmlVersion::Explicit1_0)
            .map_err(|error| TwimlError::Xml(error.to_string()))?;
        let key = String::from_utf8_lossy(attribute.key.as_ref().as_bytes()).into_owned();
        element.attributes.push((key, value.into_owned()));
    }
    Ok(element)
}

fn close(open: &mut [Element], done: Element) {
    if let Some(parent) = open.last_mut() {
        parent.children.push(done);
    }
}

fn append(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn resolve(name: &str) -> Result<String, TwimlError> {
    let number = match name.strip_prefix('#') {
        Some(number) => number,
        None => {
            return quick_xml::escape::resolve_predefined_entity(name)
                .map(str::to_owned)
                .ok_or_else(|| TwimlError::Xml(format!("the entity &{name}; is not known")));
        }
    };
    let code = match number.strip_prefix('x') {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
        None => number.parse(),
    };
    let character = code.ok().and_then(char::from_u32);
    character.map(String::from).ok_or_else(|| TwimlError::Xml(format!("&{name}; is no character")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_with_recovery_is_read() {
        let xml = r#"<?xml version="1.0" encoding="UTF-8"?><Response>
            <Connect><Stream url="wss://m.example/media/a.b"><Parameter name="call" value="a &amp; b"/></Stream></Connect>
            <Redirect method="POST">https://v.example/voice?resume=1&amp;x=2</Redirect></Response>"#;
        let stream = Stream {
            url: "wss://m.example/media/a.b".into(),
            parameters: vec![("call".into(), "a & b".into())],
        };
        let redirect = "https://v.example/voice?resume=1&x=2".into();
        assert_eq!(Document::parse(xml).unwrap().verbs, [Verb::Connect(stream), Verb::Redirect(redirect)]);
    }

    #[test]
    fn other_verbs_are_read() {
        let xml = "<Response><Say>Closed &lt;today&gt; &#38; tomorrow</Say><Pause length=\"3\"/>\
            <Dial timeout=\"20\"><Number>+34910000001</Number></Dial>\
            <Record action=\"/done\" maxLength=\"90\" playBeep=\"true\"/><Enqueue/><Hangup/></Response>";
        assert_eq!(
            Document::parse(xml).unwrap().verbs,
            [
                Verb::Say("Closed <today> & tomorrow".into()),
                Verb::Pause(Duration::from_secs(3)),
                Verb::Dial { to: "+34910000001".into(), action: None },
                Verb::Record {
                    action: Some("/done".into()),
                    max_length: Duration::from_secs(90),
                    timeout: Duration::from_secs(5),
                    play_beep: true
                },
                Verb::Other("Enqueue".into()),
                Verb::Hangup,
            ]
        );
    }

    #[test]
    fn broken_documents_are_refused_with_a_reason() {
        for (xml, word) in [
            ("", "root"),
            ("<Response><Say>x</Response>", "Say"),
            ("<html/>", "html"),
            ("<Response><Say/></Response>", "Say"),
            ("<Response><Connect><Stream/></Connect></Response>", "url"),
            ("<Response><Say>&nbsp;</Say></Response>", "nbsp"),
            ("<Response/><Response/>", "root"),
        ] {
            let error = Document::parse(xml).unwrap_err().to_string();
            assert!(error.contains(word), "{xml}: {error}");
        }
    }
}
