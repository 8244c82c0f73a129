//! The released versions of `voicehive:tool`.

use std::sync::LazyLock;

use gate_wit_component::encode;
use gate_wit_parser::{PackageId, Resolve, SourceMap};
use semver::Version;
use wasmparser::Validator;
use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType, ComponentTypeId};
use wasmparser::types::Types;

/// The package that tools are written against.
pub(crate) const NAMESPACE: &str = "voicehive";
/// See [`NAMESPACE`].
pub(crate) const PACKAGE: &str = "tool";
/// The world.
const WORLD: &str = "tool-component";

/// The sources of each release, oldest first. A release never leaves this list and its text never changes: when the
/// contract grows, the text of the version before is kept beside the new one.
pub(crate) const RELEASES: [&[(&str, &str)]; 1] = [&[
    ("clock.wit", include_str!("../../../wit/tool/clock.wit")),
    ("http.wit", include_str!("../../../wit/tool/http.wit")),
    ("log.wit", include_str!("../../../wit/tool/log.wit")),
    ("records.wit", include_str!("../../../wit/tool/records.wit")),
    ("secrets.wit", include_str!("../../../wit/tool/secrets.wit")),
    ("tool.wit", include_str!("../../../wit/tool/tool.wit")),
    ("world.wit", include_str!("../../../wit/tool/world.wit")),
]];

/// A release as the validator sees it.
pub(crate) struct Release {
    pub(crate) version: Version,
    pub(crate) types: Types,
    world: ComponentTypeId,
}

impl Release {
    /// The interface that the world imports under `interface`.
    pub(crate) fn import(&self, interface: &str) -> Option<ComponentEntityType> {
        Some(self.types.as_ref().get(self.world)?.imports.get(&self.name(interface))?.ty)
    }

    /// The interface that the world exports under `interface`.
    pub(crate) fn export(&self, interface: &str) -> Option<ComponentEntityType> {
        Some(self.types.as_ref().get(self.world)?.exports.get(&self.name(interface))?.ty)
    }

    fn name(&self, interface: &str) -> String {
        format!("{NAMESPACE}:{PACKAGE}/{interface}@{}", self.version)
    }
}

/// Lets `validator` read every release.
#[expect(clippy::expect_used, reason = "our own text, which no input reaches")]
pub(crate) fn load(validator: &mut Validator) -> Vec<Release> {
    let mut releases = Vec::new();
    for (version, encoded) in ENCODED.iter() {
        let types = validator.validate_all(encoded).expect("the contract is valid");
        validator.reset();
        let world = world(&types).expect("the contract has its world");
        releases.push(Release { version: version.clone(), types, world });
    }
    releases
}

/// The world is encoded as a component type that exports the world's type under its full name.
fn world(types: &Types) -> Option<ComponentTypeId> {
    let outer = match types.as_ref().component_item_for_export(WORLD)?.ty {
        ComponentEntityType::Type { referenced: ComponentAnyTypeId::Component(id), .. } => id,
        _ => return None,
    };
    match types.as_ref().get(outer)?.exports.values().next()?.ty {
        ComponentEntityType::Component(id) => Some(id),
        _ => None,
    }
}

static ENCODED: LazyLock<Vec<(Version, Vec<u8>)>> =
    LazyLock::new(|| RELEASES.iter().map(|sources| encoded(sources)).collect());

#[expect(clippy::expect_used, reason = "our own text, which no input reaches")]
fn resolved(sources: &[(&str, &str)]) -> (Resolve, PackageId) {
    let mut map = SourceMap::default();
    for (name, text) in sources {
        map.push_str(name, *text);
    }
    let mut resolve = Resolve::default();
    let group = map.parse().map_err(|(_, error)| error).expect("the contract parses");
    let package = resolve.push_group(group).expect("the contract resolves");
    (resolve, package)
}

#[expect(clippy::expect_used, reason = "our own text, which no input reaches")]
fn encoded(sources: &[(&str, &str)]) -> (Version, Vec<u8>) {
    let (resolve, package) = resolved(sources);
    let version = resolve.packages.get(package).and_then(|package| package.name.version.clone());
    (version.expect("the contract has a version"), encode(&resolve, package).expect("the contract encodes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gate_wit_component::WitPrinter;

    /// The shapes of each release as they were when it was released, oldest first.
    const FROZEN: [&str; RELEASES.len()] = [include_str!("../tests/released/0.1.0.wit")];

    /// Every shape, without prose, in the printer's own way of writing.
    fn shapes(sources: &[(&str, &str)]) -> String {
        let (resolve, package) = resolved(sources);
        let mut printer = WitPrinter::default();
        printer.emit_docs(false).print(&resolve, package, &[]).unwrap();
        String::from(printer.output)
    }

    #[test]
    fn the_shapes_of_a_release_never_change() {
        for (release, frozen) in RELEASES.iter().zip(FROZEN) {
            let frozen = shapes(&[("frozen.wit", frozen)]);
            let now = shapes(release);
            for (number, (now, frozen)) in now.lines().zip(frozen.lines()).enumerate() {
                assert_eq!(now, frozen, "line {} of what tools were built against has changed", number + 1);
            }
            assert_eq!(now, frozen);
        }
    }

    #[test]
    fn a_changed_shape_is_noticed() {
        let changed = FROZEN[0].replace("confirm(string)", "confirm(string), later");
        assert_ne!(shapes(&[("frozen.wit", &changed)]), shapes(RELEASES[0]));
    }

    #[test]
    fn every_file_of_the_contract_is_here() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit/tool");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.retain(|file| file.ends_with(".wit"));
        files.sort();
        let listed: Vec<&str> = RELEASES.last().unwrap().iter().map(|(name, _)| *name).collect();
        assert_eq!(files, listed);
    }

    #[test]
    fn a_release_has_its_imports_and_its_export() {
        let releases = load(&mut Validator::new_with_features(crate::features::ALLOWED));
        let [first] = releases.as_slice() else { panic!("there is one release") };
        assert_eq!(first.version, Version::new(0, 1, 0));
        for interface in ["records", "clock", "log", "http", "secrets"] {
            assert!(matches!(first.import(interface), Some(ComponentEntityType::Instance(_))), "{interface}");
        }
        assert!(first.import("tool").is_none() && first.export("tool").is_some());
    }
}
