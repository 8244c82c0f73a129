//! XML read by another's parser and brought to one form: attributes sorted, entities resolved.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use std::collections::BTreeMap;

#[derive(Debug, Default, PartialEq)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) text: String,
    pub(super) children: Vec<Node>,
}

impl Node {
    /// The root of a well-formed document; panics on any other.
    pub(super) fn parse(xml: &str) -> Self {
        let mut reader = Reader::from_str(xml);
        reader.config_mut().check_end_names = true;
        let mut open = vec![Node::default()];
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) => open.push(Node::open(&start)),
                Event::Empty(start) => open.last_mut().unwrap().children.push(Node::open(&start)),
                Event::End(_) => {
                    let node = open.pop().unwrap();
                    open.last_mut().unwrap().children.push(node);
                }
                Event::Text(text) => open.last_mut().unwrap().text.push_str(&text.xml10_content()),
                Event::GeneralRef(reference) => {
                    let character = match reference.resolve_char_ref().unwrap() {
                        Some(character) => character.to_string(),
                        None => quick_xml::escape::resolve_xml_entity(&reference).unwrap().to_owned(),
                    };
                    open.last_mut().unwrap().text.push_str(&character);
                }
                Event::Decl(_) => assert_eq!(open.len(), 1, "the declaration comes first"),
                Event::Eof => break,
                other => panic!("{other:?} does not belong in TwiML"),
            }
        }
        let mut document = open.pop().unwrap();
        assert!(open.is_empty() && document.children.len() == 1 && document.text.is_empty(), "{xml}");
        document.children.remove(0)
    }

    /// The names of this element and all below it, in document order.
    pub(super) fn names(&self) -> Vec<&str> {
        let below = self.children.iter().flat_map(Node::names);
        std::iter::once(self.name.as_str()).chain(below).collect()
    }

    fn open(start: &BytesStart<'_>) -> Self {
        let mut node = Node { name: start.name().as_ref().to_owned(), ..Node::default() };
        for attribute in start.attributes() {
            let attribute = attribute.unwrap();
            let value = attribute.normalized_value(XmlVersion::Explicit1_0).unwrap();
            let first = node.attributes.insert(attribute.key.as_ref().to_owned(), value.into_owned());
            assert_eq!(first, None, "an attribute occurs twice");
        }
        node
    }
}
