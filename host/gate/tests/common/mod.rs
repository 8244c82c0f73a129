//! Components to try the gate with, made from text.
#![cfg(test)]
#![allow(dead_code, reason = "each test target uses a part")]

use gate::Stamp;
use gate_wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use gate_wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve, SourceMap};

const CONTRACT: [(&str, &str); 7] = [
    ("clock.wit", include_str!("../../../../wit/tool/clock.wit")),
    ("http.wit", include_str!("../../../../wit/tool/http.wit")),
    ("log.wit", include_str!("../../../../wit/tool/log.wit")),
    ("records.wit", include_str!("../../../../wit/tool/records.wit")),
    ("secrets.wit", include_str!("../../../../wit/tool/secrets.wit")),
    ("tool.wit", include_str!("../../../../wit/tool/tool.wit")),
    ("world.wit", include_str!("../../../../wit/tool/world.wit")),
];

/// A component of the released contract, without a stamp.
pub fn good() -> Vec<u8> {
    edited(&[])
}

/// The same, stamped.
pub fn stamped() -> Vec<u8> {
    stamp().append(&good())
}

pub fn stamp() -> Stamp {
    let version = semver::Version::new(0, 1, 0);
    Stamp { contract: version.clone(), host: version, sdk: "tests".into() }
}

/// A component of the contract in which each first text is replaced by the second.
pub fn edited(edits: &[(&str, &str)]) -> Vec<u8> {
    let mut map = SourceMap::default();
    let mut applied = vec![false; edits.len()];
    for (name, text) in CONTRACT {
        let mut text = text.to_owned();
        for (index, (from, to)) in edits.iter().enumerate() {
            applied[index] |= text.contains(from);
            text = text.replace(from, to);
        }
        map.push_str(name, text);
    }
    assert!(applied.iter().all(|applied| *applied), "an edit changes nothing: {edits:?}");
    let mut resolve = Resolve::default();
    let group = map.parse().map_err(|(_, error)| error).unwrap();
    let package = resolve.push_group(group).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
}

/// A component from its text.
pub fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}
