//! A component and its dependencies, composed into one the way Spin does it: each import is met by itself, by one dependency;
//! dependencies are not linked to each other.

use std::collections::BTreeMap;

use wac_graph::types::{Package, SubtypeChecker, WorldId};
use wac_graph::{CompositionGraph, EncodeOptions, NodeId};

use crate::manifest::{Capability, DependencyName, Inherit};

/// Why a component and its dependencies do not fit together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file is not a component.
    #[error("{what} is not a WebAssembly component: {reason}")]
    NotAComponent {
        /// The component or dependency.
        what: String,
        /// What the parser said.
        reason: String,
    },
    /// A dependency matches nothing that the component imports.
    #[error("component `{component}`: dependency `{dependency}` matches none of its imports; {near}")]
    NoImport {
        /// The component.
        component: String,
        /// The key in the manifest.
        dependency: String,
        /// The import that was probably meant, or all of them.
        near: String,
    },
    /// Two dependencies match one import.
    #[error(
        "component `{component}`: import `{import}` is matched by both `{first}` and `{second}`; keep one"
    )]
    TwoDependencies {
        /// The component.
        component: String,
        /// The import.
        import: String,
        /// One key in the manifest.
        first: String,
        /// The other key.
        second: String,
    },
    /// Two dependencies are of one WIT package, which Spin cannot tell apart: it knows them by their packages.
    #[error(
        "component `{component}`: `{first}` and `{second}` are of the same package, and Spin takes one dependency of each; give them packages of their own, or meet both with one component and the key `{package}`"
    )]
    SamePackage {
        /// The component.
        component: String,
        /// One key in the manifest.
        first: String,
        /// The other key.
        second: String,
        /// The package.
        package: String,
    },
    /// A dependency does not export what the component imports.
    #[error(
        "component `{component}`: dependency `{dependency}` must export `{export}` for import `{import}`, but exports {found}"
    )]
    NoExport {
        /// The component.
        component: String,
        /// The key in the manifest.
        dependency: String,
        /// The export that was looked for.
        export: String,
        /// The import.
        import: String,
        /// What the dependency exports instead.
        found: String,
    },
    /// The dependency's export has another type than the import.
    #[error(
        "component `{component}`: export `{export}` of dependency `{dependency}` does not fit import `{import}`: {reason}"
    )]
    Mismatch {
        /// The component.
        component: String,
        /// The key in the manifest.
        dependency: String,
        /// The export.
        export: String,
        /// The import.
        import: String,
        /// Where the types differ.
        reason: String,
    },
    /// The component imports two versions of an interface and a dependency meets only one of them.
    #[error(
        "component `{component}`: dependency `{dependency}` meets import `{met}`, but `{left}` would be left to the host; build the component against one version"
    )]
    OtherVersion {
        /// The component.
        component: String,
        /// The key in the manifest.
        dependency: String,
        /// The import that is met.
        met: String,
        /// The import of the same interface that is not.
        left: String,
    },
    /// A dependency needs a grant that it does not inherit.
    #[error(
        "component `{component}`: dependency `{dependency}` imports `{import}`; add `inherit_configuration = [\"{key}\"]` to let it use its parent's"
    )]
    NotInherited {
        /// The component.
        component: String,
        /// The key in the manifest.
        dependency: String,
        /// What the dependency imports.
        import: String,
        /// The key to inherit.
        key: &'static str,
    },
    /// The composition could not be encoded.
    #[error("component `{component}` cannot be composed: {reason}")]
    Graph {
        /// The component.
        component: String,
        /// What the composer said.
        reason: String,
    },
}

/// A dependency with its binary.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) name: DependencyName,
    pub(crate) wasm: Vec<u8>,
    pub(crate) export: Option<String>,
    pub(crate) inherit: Inherit,
}

/// Composes a component with its dependencies. `environment` tells whether the component has environment variables, which
/// dependencies see only if they inherit them.
pub(crate) fn compose(
    component: &str,
    wasm: Vec<u8>,
    parts: Vec<Part>,
    environment: bool,
) -> Result<Vec<u8>, Error> {
    check_is_component(&format!("component `{component}`"), &wasm)?;
    if parts.is_empty() {
        return Ok(wasm);
    }
    let mut composer = Composer { component, graph: CompositionGraph::new() };
    let (world, root) = composer.add(component, &format!("component `{component}`"), wasm)?;
    let imports: Vec<String> = composer.graph.types()[world].imports.keys().cloned().collect();
    let matches = composer.assign(&imports, &parts)?;
    check_packages(component, &parts)?;
    for (index, part) in parts.into_iter().enumerate() {
        let met: Vec<&String> = imports
            .iter()
            .zip(&matches)
            .filter(|(_, owner)| **owner == Some(index))
            .map(|(import, _)| import)
            .collect();
        composer.plug(world, root, index, part, &met, environment)?;
    }
    composer.export_all(world, root)?;
    composer.graph.encode(EncodeOptions::default()).map_err(|error| composer.graph_error(error))
}

/// Refuses what Spin would refuse with fewer words, so that a manifest that this runner serves is served by Spin too.
fn check_packages(component: &str, parts: &[Part]) -> Result<(), Error> {
    let mut known: BTreeMap<&str, &DependencyName> = BTreeMap::new();
    for part in parts {
        let DependencyName::Package { package, .. } = &part.name else { continue };
        if let Some(first) = known.insert(package, &part.name) {
            return Err(Error::SamePackage {
                component: component.to_owned(),
                first: first.to_string(),
                second: part.name.to_string(),
                package: package.clone(),
            });
        }
    }
    Ok(())
}

/// Tells a component from a core module and from what is no WebAssembly at all.
fn check_is_component(what: &str, wasm: &[u8]) -> Result<(), Error> {
    let reason = match wasm {
        [0, b'a', b's', b'm', _, _, 1, 0, ..] => return Ok(()),
        [0, b'a', b's', b'm', _, _, 0, 0, ..] => "it is a core module; build it for wasm32-wasip2",
        _ => "it does not start with the WebAssembly magic number",
    };
    Err(Error::NotAComponent { what: what.to_owned(), reason: reason.to_owned() })
}

struct Composer<'a> {
    component: &'a str,
    graph: CompositionGraph,
}

impl Composer<'_> {
    fn add(&mut self, name: &str, what: &str, wasm: Vec<u8>) -> Result<(WorldId, NodeId), Error> {
        let package = Package::from_bytes(name, None, wasm, self.graph.types_mut())
            .map_err(|error| Error::NotAComponent { what: what.to_owned(), reason: format!("{error:#}") })?;
        let world = package.ty();
        let id = self.graph.register_package(package).map_err(|error| self.graph_error(error))?;
        Ok((world, self.graph.instantiate(id)))
    }

    /// For each import, the dependency that meets it.
    fn assign(&self, imports: &[String], parts: &[Part]) -> Result<Vec<Option<usize>>, Error> {
        let mut owners = vec![None; imports.len()];
        for (index, part) in parts.iter().enumerate() {
            let mut met = None;
            for (import, owner) in imports.iter().zip(&mut owners) {
                if !matches_import(&part.name, import) {
                    continue;
                }
                met = Some(import);
                if let Some(first) = owner.replace(index).and_then(|first: usize| parts.get(first)) {
                    return Err(Error::TwoDependencies {
                        component: self.component.to_owned(),
                        import: import.clone(),
                        first: first.name.to_string(),
                        second: part.name.to_string(),
                    });
                }
            }
            let Some(met) = met else { return Err(self.no_import(&part.name, imports)) };
            self.check_other_versions(&part.name, met, imports)?;
        }
        Ok(owners)
    }

    fn check_other_versions(
        &self,
        name: &DependencyName,
        met: &str,
        imports: &[String],
    ) -> Result<(), Error> {
        let left =
            imports.iter().find(|import| same_interface(name, import) && !matches_import(name, import));
        match left {
            None => Ok(()),
            Some(left) => Err(Error::OtherVersion {
                component: self.component.to_owned(),
                dependency: name.to_string(),
                met: met.to_owned(),
                left: left.clone(),
            }),
        }
    }

    fn no_import(&self, name: &DependencyName, imports: &[String]) -> Error {
        let near: Vec<String> = imports
            .iter()
            .filter(|import| same_interface(name, import))
            .map(|import| format!("`{import}`"))
            .collect();
        let near = match near.is_empty() {
            false => format!("the component imports {}", near.join(", ")),
            true => format!("it imports {}", list(imports)),
        };
        Error::NoImport { component: self.component.to_owned(), dependency: name.to_string(), near }
    }

    fn plug(
        &mut self,
        world: WorldId,
        root: NodeId,
        index: usize,
        part: Part,
        met: &[&String],
        environment: bool,
    ) -> Result<(), Error> {
        let what = format!("dependency `{}` of component `{}`", part.name, self.component);
        check_is_component(&what, &part.wasm)?;
        // Packages need distinct names in the graph, and one package may satisfy several keys.
        let (provider, instance) = self.add(&format!("dependency:part{index}"), &what, part.wasm)?;
        self.restrict(provider, instance, index, &part.name, &part.inherit, environment)?;
        for import in met {
            let export = part.export.as_deref().unwrap_or(import);
            self.check_fit(world, provider, &part.name, import, export)?;
            let argument = self
                .graph
                .alias_instance_export(instance, export)
                .map_err(|error| self.graph_error(error))?;
            self.graph
                .set_instantiation_argument(root, import, argument)
                .map_err(|error| self.graph_error(error))?;
        }
        Ok(())
    }

    fn check_fit(
        &self,
        world: WorldId,
        provider: WorldId,
        name: &DependencyName,
        import: &str,
        export: &str,
    ) -> Result<(), Error> {
        let types = self.graph.types();
        let (component, dependency) = (self.component.to_owned(), name.to_string());
        let (import, export) = (import.to_owned(), export.to_owned());
        let exports = &types[provider].exports;
        let Some(provided) = exports.get(&export) else {
            let found = list(&exports.keys().cloned().collect::<Vec<_>>());
            return Err(Error::NoExport { component, dependency, export, import, found });
        };
        let Some(wanted) = types[world].imports.get(&import) else { return Ok(()) };
        let mut cache = Default::default();
        SubtypeChecker::new(&mut cache).is_subtype(*provided, types, *wanted, types).map_err(|error| {
            Error::Mismatch { component, dependency, export, import, reason: format!("{error:#}") }
        })
    }

    /// Keeps from a dependency what it does not inherit. Stores, variables and the network are refused when they are
    /// imported; the environment, which every Rust component imports, is replaced by an empty one.
    fn restrict(
        &mut self,
        provider: WorldId,
        instance: NodeId,
        index: usize,
        name: &DependencyName,
        inherit: &Inherit,
        environment: bool,
    ) -> Result<(), Error> {
        let imports: Vec<String> = self.graph.types()[provider].imports.keys().cloned().collect();
        for (number, import) in imports.iter().enumerate() {
            let Some(capability) = capability_of(import).filter(|capability| !inherit.includes(*capability))
            else {
                continue;
            };
            if capability != Capability::Environment {
                return Err(Error::NotInherited {
                    component: self.component.to_owned(),
                    dependency: name.to_string(),
                    import: import.clone(),
                    key: capability.key(),
                });
            }
            if environment {
                let wasm =
                    wat::parse_str(empty_environment(import)).map_err(|error| self.graph_error(error))?;
                let (_, empty) =
                    self.add(&format!("environment:part{index}-{number}"), "the empty environment", wasm)?;
                let argument = self
                    .graph
                    .alias_instance_export(empty, import)
                    .map_err(|error| self.graph_error(error))?;
                self.graph
                    .set_instantiation_argument(instance, import, argument)
                    .map_err(|error| self.graph_error(error))?;
            }
        }
        Ok(())
    }

    fn export_all(&mut self, world: WorldId, root: NodeId) -> Result<(), Error> {
        let exports: Vec<String> = self.graph.types()[world].exports.keys().cloned().collect();
        for name in exports {
            let export =
                self.graph.alias_instance_export(root, &name).map_err(|error| self.graph_error(error))?;
            self.graph.export(export, &name).map_err(|error| self.graph_error(error))?;
        }
        Ok(())
    }

    fn graph_error(&self, error: impl std::fmt::Display) -> Error {
        Error::Graph { component: self.component.to_owned(), reason: format!("{error:#}") }
    }
}

fn list(names: &[String]) -> String {
    match names.is_empty() {
        true => "nothing".to_owned(),
        false => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    }
}

/// `namespace:package`, interface and version of an import; `None` for a plain name.
fn split_import(import: &str) -> Option<(&str, &str, Option<&str>)> {
    let (package, rest) = import.split_once('/')?;
    Some(match rest.split_once('@') {
        Some((interface, version)) => (package, interface, Some(version)),
        None => (package, rest, None),
    })
}

/// Whether the key matches the import. A version in the key must equal the import's.
fn matches_import(name: &DependencyName, import: &str) -> bool {
    let version_fits = match name {
        DependencyName::Package { version: Some(version), .. } => {
            split_import(import).is_some_and(|(_, _, found)| found == Some(version))
        }
        _ => true,
    };
    version_fits && same_interface(name, import)
}

/// Whether the key matches the import but for the version.
fn same_interface(name: &DependencyName, import: &str) -> bool {
    match (name, split_import(import)) {
        (DependencyName::Plain(name), None) => name == import,
        (DependencyName::Package { package, interface, .. }, Some((found_package, found_interface, _))) => {
            package == found_package
                && interface.as_deref().is_none_or(|interface| interface == found_interface)
        }
        _ => false,
    }
}

fn capability_of(import: &str) -> Option<Capability> {
    let (package, interface, _) = split_import(import)?;
    match (package, interface) {
        ("spin:key-value", _) => Some(Capability::KeyValueStores),
        ("spin:sqlite", _) => Some(Capability::SqliteDatabases),
        ("spin:variables", _) => Some(Capability::Variables),
        ("wasi:cli", "environment") => Some(Capability::Environment),
        ("wasi:http", "client" | "outgoing-handler" | "handler") => Some(Capability::AllowedOutboundHosts),
        _ => None,
    }
}

/// A component that exports `wasi:cli/environment` with nothing in it. All three results are read from zeroed memory.
fn empty_environment(export: &str) -> String {
    format!(
        r#"(component
            (core module $zeroes
                (memory (export "memory") 1)
                (func (export "zeroes") (result i32) i32.const 0))
            (core instance $zeroes (instantiate $zeroes))
            (alias core export $zeroes "memory" (core memory $memory))
            (func $environment (result (list (tuple string string)))
                (canon lift (core func $zeroes "zeroes") (memory $memory)))
            (func $arguments (result (list string))
                (canon lift (core func $zeroes "zeroes") (memory $memory)))
            (func $directory (result (option string))
                (canon lift (core func $zeroes "zeroes") (memory $memory)))
            (instance $environment
                (export "get-environment" (func $environment))
                (export "get-arguments" (func $arguments))
                (export "initial-cwd" (func $directory))
                (export "get-initial-cwd" (func $directory)))
            (export "{export}" (instance $environment)))"#
    )
}

#[cfg(test)]
mod tests;
