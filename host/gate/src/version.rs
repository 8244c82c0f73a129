//! Which rules a component was checked by.

use crate::contract::RELEASES;
use crate::features::ALLOWED;
use crate::hosts::MAX_HOSTS;
use crate::limits::Limits;

/// The libraries that judge components and schemas, by version.
const LIBRARIES: [(&str, &str); 2] = [("wasmparser", "0.254.2"), ("jsonschema", "0.60.2")];

/// The rules that are code, as they are written: whatever of them changes, what was accepted is checked again. Checking too
/// often costs some processor time after an upgrade; a rule that is not applied to what is live already costs more.
const SOURCES: [(&str, &str); 18] = [
    ("arguments.rs", include_str!("arguments.rs")),
    ("artefact.rs", include_str!("artefact.rs")),
    ("conformance.rs", include_str!("conformance.rs")),
    ("contract.rs", include_str!("contract.rs")),
    ("features.rs", include_str!("features.rs")),
    ("hosts.rs", include_str!("hosts.rs")),
    ("instances.rs", include_str!("instances.rs")),
    ("lib.rs", include_str!("lib.rs")),
    ("limits.rs", include_str!("limits.rs")),
    ("nesting.rs", include_str!("nesting.rs")),
    ("quantity.rs", include_str!("quantity.rs")),
    ("refusal.rs", include_str!("refusal.rs")),
    ("report.rs", include_str!("report.rs")),
    ("schema.rs", include_str!("schema.rs")),
    ("sections.rs", include_str!("sections.rs")),
    ("stamp.rs", include_str!("stamp.rs")),
    ("version.rs", include_str!("version.rs")),
    ("walk.rs", include_str!("walk.rs")),
];

/// The version of the gate's rules, together with further rules in the order in which they are given, as lower-case hex: differs
/// wherever a component might be judged in another way, by other code, another library, another limit, another feature or another
/// contract. It does not say which of two is the newer.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which would not build it")]
pub const fn version(further: &[&str]) -> [u8; 16] {
    let mut hash = of_rules();
    let mut rule = 0;
    while rule < further.len() {
        hash = bytes(hash, further[rule].as_bytes());
        rule += 1;
    }
    digits(hash)
}

const fn of_rules() -> u64 {
    let hash = number(number(sources(BASIS, &LIBRARIES), ALLOWED.bits()), MAX_HOSTS as u64);
    sources(contract(limits(limits(hash, &Limits::STANDARD), &Limits::LARGE)), &SOURCES)
}

/// FNV-1a, 64 bits: the start value and the prime of its specification. Nobody gains by a collision.
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which would not build it")]
const fn bytes(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u64).wrapping_mul(PRIME);
        index += 1;
    }
    hash
}

const fn number(hash: u64, number: u64) -> u64 {
    bytes(hash, &number.to_le_bytes())
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which would not build it")]
const fn limits(mut hash: u64, limits: &Limits) -> u64 {
    let counts = limits.counts.numbers();
    let mut index = 0;
    while index < counts.len() {
        hash = number(hash, counts[index]);
        index += 1;
    }
    hash = number(hash, limits.component_bytes as u64);
    hash = number(hash, limits.schema_bytes as u64);
    hash = number(hash, limits.schema_depth as u64);
    hash = number(hash, limits.schema_nodes);
    number(hash, limits.stamp as u64)
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which would not build it")]
const fn contract(mut hash: u64) -> u64 {
    let mut release = 0;
    while release < RELEASES.len() {
        let mut file = 0;
        while file < RELEASES[release].len() {
            hash = bytes(hash, RELEASES[release][file].1.as_bytes());
            file += 1;
        }
        release += 1;
    }
    hash
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which would not build it")]
const fn sources(mut hash: u64, files: &[(&str, &str)]) -> u64 {
    let mut file = 0;
    while file < files.len() {
        hash = bytes(hash, files[file].1.as_bytes());
        file += 1;
    }
    hash
}

/// Lower-case hex.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which would not build it")]
const fn digits(number: u64) -> [u8; 16] {
    let mut text = [0; 16];
    let mut index = 0;
    while index < text.len() {
        text[index] = b"0123456789abcdef"[(number >> (60 - 4 * index)) as usize & 15];
        index += 1;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::Quantity;

    #[test]
    fn a_version_is_sixteen_digits() {
        let text = String::from_utf8(version(&[]).to_vec()).unwrap();
        assert_eq!(u64::from_str_radix(&text, 16), Ok(of_rules()));
        assert_ne!(version(&["another rule"]), version(&[]));
    }

    #[test]
    fn the_libraries_are_those_that_are_built() {
        let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock")).unwrap();
        let mut packages = lock.split("[[package]]");
        let gate = packages.find(|package| package.contains("name = \"gate\"\n")).unwrap();
        for (name, version) in LIBRARIES {
            // Without a version where there is one only.
            let only = gate.contains(&format!("\"{name}\""))
                && lock.contains(&format!("name = \"{name}\"\nversion = \"{version}\"\n"));
            assert!(only || gate.contains(&format!("\"{name} {version}\"")), "{name} {version}");
        }
    }

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(bytes(BASIS, b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(bytes(BASIS, b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn every_file_of_the_rules_is_in_the_version() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = files.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names, SOURCES.map(|(name, _)| name));
    }

    #[test]
    fn any_other_rule_makes_another_version() {
        let mut other = SOURCES;
        other[0].1 = "// another";
        assert_ne!(sources(BASIS, &other), sources(BASIS, &SOURCES));
    }

    #[test]
    fn any_other_limit_makes_another_version() {
        let original = limits(BASIS, &Limits::STANDARD);
        for quantity in Quantity::all() {
            let mut other = Limits::STANDARD;
            other.counts = other.counts.with(quantity, other.counts.get(quantity) + 1);
            assert_ne!(limits(BASIS, &other), original, "{}", quantity.name());
        }
        for other in [
            Limits { component_bytes: 1, ..Limits::STANDARD },
            Limits { schema_bytes: 1, ..Limits::STANDARD },
            Limits { schema_depth: 1, ..Limits::STANDARD },
            Limits { schema_nodes: 1, ..Limits::STANDARD },
            Limits { stamp: crate::StampRule::Required, ..Limits::STANDARD },
        ] {
            assert_ne!(limits(BASIS, &other), original, "{other:?}");
        }
    }
}
