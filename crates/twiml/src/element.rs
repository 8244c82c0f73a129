//! The tree under a document, and its escaping.

/// One XML element: a name, attributes, and text and elements in order.
///
/// Names are part of the program, hence `'static`; values are data and are escaped.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    content: Vec<Content>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Content {
    Text(String),
    Child(Element),
}

impl Element {
    /// An empty element.
    pub fn new(name: &'static str) -> Self {
        Self { name, attributes: Vec::new(), content: Vec::new() }
    }

    /// Sets an attribute; a second value for the same name replaces the first.
    pub fn attribute(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.attributes.retain(|(known, _)| *known != name);
        self.attributes.push((name, value.into()));
        self
    }

    /// Appends text. Characters that XML 1.0 cannot carry are left out when written.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.content.push(Content::Text(text.into()));
        self
    }

    /// Appends an element.
    pub fn child(mut self, child: impl Into<Element>) -> Self {
        self.content.push(Content::Child(child.into()));
        self
    }

    /// Appends the element's XML to `xml`.
    pub fn write(&self, xml: &mut String) {
        xml.push('<');
        xml.push_str(self.name);
        for (name, value) in &self.attributes {
            xml.push(' ');
            xml.push_str(name);
            xml.push_str("=\"");
            escape(value, Place::Attribute, xml);
            xml.push('"');
        }
        if self.content.is_empty() {
            xml.push_str("/>");
            return;
        }
        xml.push('>');
        for content in &self.content {
            match content {
                Content::Text(text) => escape(text, Place::Text, xml),
                Content::Child(child) => child.write(xml),
            }
        }
        xml.push_str("</");
        xml.push_str(self.name);
        xml.push('>');
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Place {
    Attribute,
    Text,
}

fn escape(value: &str, place: Place, xml: &mut String) {
    for character in value.chars().filter(|character| allowed(*character)) {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            // A reader turns a bare carriage return into a line feed.
            '\r' => xml.push_str("&#13;"),
            '"' if place == Place::Attribute => xml.push_str("&quot;"),
            // A reader turns bare white space in attributes into spaces.
            '\n' if place == Place::Attribute => xml.push_str("&#10;"),
            '\t' if place == Place::Attribute => xml.push_str("&#9;"),
            other => xml.push(other),
        }
    }
}

/// The `Char` production of XML 1.0, section 2.2. The others cannot be written as references either.
fn allowed(character: char) -> bool {
    matches!(character,
        '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}
