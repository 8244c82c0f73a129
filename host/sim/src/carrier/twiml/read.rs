//! XML, as far as documents need it.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::TwimlError;

/// An element with what is in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Element {
    pub(crate) name: String,
    attributes: Vec<(String, String)>,
    pub(crate) text: String,
    pub(crate) children: Vec<Element>,
}

impl Element {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }
}

/// The root element of a document.
pub(crate) fn read(xml: &str) -> Result<Element, TwimlError> {
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
