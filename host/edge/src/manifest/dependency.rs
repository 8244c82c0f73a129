//! `[component.x.dependencies]`: what each key may name, and where each dependency's binary is.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Error;
use super::schema;

/// A component that satisfies imports of another.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    pub(crate) name: DependencyName,
    pub(crate) source: PathBuf,
    /// The export that satisfies the import, where it is not called like the import.
    pub(crate) export: Option<String>,
    pub(crate) inherit: Inherit,
}

/// What a key of `dependencies` matches among the imports of the component.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum DependencyName {
    /// A function or instance imported by a plain name.
    Plain(String),
    /// `namespace:package`, `namespace:package/interface`, each with or without `@version`.
    Package { package: String, interface: Option<String>, version: Option<String> },
}

/// Which of the parent's grants a dependency may use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Inherit {
    All,
    Only(Vec<Capability>),
}

/// A group of grants, by the key of the component that makes them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Capability {
    AiModels,
    AllowedOutboundHosts,
    Environment,
    Files,
    KeyValueStores,
    SqliteDatabases,
    Variables,
}

impl Capability {
    const ALL: [Self; 7] = [
        Self::AiModels,
        Self::AllowedOutboundHosts,
        Self::Environment,
        Self::Files,
        Self::KeyValueStores,
        Self::SqliteDatabases,
        Self::Variables,
    ];

    /// The key in the manifest.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::AiModels => "ai_models",
            Self::AllowedOutboundHosts => "allowed_outbound_hosts",
            Self::Environment => "environment",
            Self::Files => "files",
            Self::KeyValueStores => "key_value_stores",
            Self::SqliteDatabases => "sqlite_databases",
            Self::Variables => "variables",
        }
    }
}

impl Inherit {
    pub(crate) fn includes(&self, capability: Capability) -> bool {
        match self {
            Self::All => true,
            Self::Only(list) => list.contains(&capability),
        }
    }
}

impl DependencyName {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if !text.contains([':', '/']) {
            return match text.is_empty() || text.contains('@') {
                true => Err("a plain name is a kebab-case word without a version".into()),
                false => Ok(Self::Plain(text.to_owned())),
            };
        }
        let (path, version) = match text.split_once('@') {
            Some((path, version)) => (path, Some(version.to_owned())),
            None => (text, None),
        };
        let (package, interface) = match path.split_once('/') {
            Some((package, interface)) => (package, Some(interface.to_owned())),
            None => (path, None),
        };
        let well_formed = package.split_once(':').is_some_and(|(namespace, name)| {
            !namespace.is_empty() && !name.is_empty() && !name.contains(':')
        });
        if !well_formed
            || interface.as_ref().is_some_and(|interface| interface.is_empty() || interface.contains('/'))
        {
            return Err("use `name`, `namespace:package` or `namespace:package/interface`, with or without `@version`".into());
        }
        if version.as_ref().is_some_and(|version| version_track(version).is_none()) {
            return Err("the version must be of the form 1.2.3".into());
        }
        Ok(Self::Package { package: package.to_owned(), interface, version })
    }

    /// Whether the two keys can match one import. Versions of different compatibility tracks cannot.
    fn overlaps(&self, other: &Self) -> bool {
        let (
            Self::Package { package, interface, version },
            Self::Package { package: other_package, interface: other_interface, version: other_version },
        ) = (self, other)
        else {
            return false;
        };
        let apart = |mine: &Option<String>, theirs: &Option<String>, same: fn(&str, &str) -> bool| match (
            mine, theirs,
        ) {
            (Some(mine), Some(theirs)) => !same(mine, theirs),
            _ => false,
        };
        package == other_package
            && !apart(version, other_version, |a, b| version_track(a) == version_track(b))
            && !apart(interface, other_interface, |a, b| a == b)
    }
}

impl fmt::Display for DependencyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(name) => f.write_str(name),
            Self::Package { package, interface, version } => {
                f.write_str(package)?;
                if let Some(interface) = interface {
                    write!(f, "/{interface}")?;
                }
                if let Some(version) = version {
                    write!(f, "@{version}")?;
                }
                Ok(())
            }
        }
    }
}

/// The part of a semantic version within which versions are compatible; `None` if it is not a semantic version.
pub(crate) fn version_track(version: &str) -> Option<String> {
    let without_build = version.split('+').next().unwrap_or_default();
    let (numbers, prerelease) = match without_build.split_once('-') {
        Some((numbers, prerelease)) => (numbers, Some(prerelease)),
        None => (without_build, None),
    };
    let parts: Vec<u64> = numbers.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    let &[major, minor, _patch] = parts.as_slice() else { return None };
    Some(match (prerelease, major, minor) {
        (Some(_), _, _) | (None, 0, 0) => without_build.to_owned(),
        (None, 0, minor) => format!("0.{minor}"),
        (None, major, _) => major.to_string(),
    })
}

/// The grants that keep a component from being the dependency of another.
pub(super) fn own_grants(component: &schema::Component) -> Vec<&'static str> {
    let empty = [
        ("ai_models", component.ai_models.is_empty()),
        ("allowed_http_hosts", component.allowed_http_hosts.is_empty()),
        ("allowed_outbound_hosts", component.allowed_outbound_hosts.is_empty()),
        ("dependencies", component.dependencies.is_empty()),
        ("environment", component.environment.is_empty()),
        ("files", component.files.is_empty()),
        ("key_value_stores", component.key_value_stores.is_empty()),
        ("sqlite_databases", component.sqlite_databases.is_empty()),
        ("variables", component.variables.is_empty()),
    ];
    empty.into_iter().filter(|(_, empty)| !empty).map(|(key, _)| key).collect()
}

/// What dependencies are resolved against.
pub(super) struct Resolver<'a> {
    pub(super) sources: &'a BTreeMap<String, PathBuf>,
    pub(super) grants: &'a BTreeMap<String, Vec<&'static str>>,
    pub(super) directory: &'a Path,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    path: Option<PathBuf>,
    component: Option<String>,
    url: Option<toml::Value>,
    digest: Option<toml::Value>,
    version: Option<toml::Value>,
    registry: Option<toml::Value>,
    package: Option<toml::Value>,
    export: Option<String>,
    inherit_configuration: Option<toml::Value>,
}

impl Resolver<'_> {
    /// Checks and resolves the dependencies of one component.
    pub(super) fn dependencies(
        &self,
        component: &str,
        raw: BTreeMap<String, toml::Value>,
        inherit_all: Option<bool>,
    ) -> Result<Vec<Dependency>, Error> {
        let resolved: Vec<Dependency> = raw
            .into_iter()
            .map(|(key, value)| self.dependency(component, &key, value, inherit_all))
            .collect::<Result<_, _>>()?;
        for (index, one) in resolved.iter().enumerate() {
            if let Some(other) = resolved.iter().skip(index + 1).find(|other| one.name.overlaps(&other.name))
            {
                return Err(Error::invalid(
                    format!("`dependencies` in component `{component}`"),
                    format!("`{}` conflicts with `{}`: both can satisfy one import", one.name, other.name),
                ));
            }
        }
        Ok(resolved)
    }

    fn dependency(
        &self,
        component: &str,
        key: &str,
        value: toml::Value,
        inherit_all: Option<bool>,
    ) -> Result<Dependency, Error> {
        let place = format!("dependency `{key}` of component `{component}`");
        let name = DependencyName::parse(key).map_err(|reason| Error::invalid(&place, reason))?;
        if value.is_str() {
            return Err(Error::unsupported(format!("a registry version in {place}")));
        }
        let table: Table =
            value.try_into().map_err(|error: toml::de::Error| Error::invalid(&place, error.message()))?;
        let remote = [
            ("url", table.url.is_some()),
            ("digest", table.digest.is_some()),
            ("version", table.version.is_some()),
            ("registry", table.registry.is_some()),
            ("package", table.package.is_some()),
        ];
        if let Some((key, _)) = remote.into_iter().find(|(_, present)| *present) {
            return Err(Error::unsupported(format!("`{key}` in {place}")));
        }
        let whole_package = matches!(&name, DependencyName::Package { interface: None, .. });
        if whole_package && table.export.is_some() {
            return Err(Error::invalid(
                place,
                "a whole package cannot be satisfied by one `export`; name the interface",
            ));
        }
        let source = match (table.path, table.component) {
            (Some(path), None) => self.directory.join(path),
            (None, Some(other)) => self.app_component(&other, &place)?,
            _ => return Err(Error::invalid(place, "needs either a `path` or a `component`")),
        };
        let inherit = inherit(table.inherit_configuration, inherit_all, &place)?;
        Ok(Dependency { name, source, export: table.export, inherit })
    }

    fn app_component(&self, id: &str, place: &str) -> Result<PathBuf, Error> {
        let source = self
            .sources
            .get(id)
            .ok_or_else(|| Error::invalid(place, format!("component `{id}` does not exist")))?;
        match self.grants.get(id).map(Vec::as_slice) {
            None | Some([]) => Ok(source.clone()),
            Some(grants) => Err(Error::invalid(
                place,
                format!(
                    "component `{id}` cannot be a dependency: dependencies have no grants of their own, but it has {}",
                    grants.join(", ")
                ),
            )),
        }
    }
}

fn inherit(raw: Option<toml::Value>, all: Option<bool>, place: &str) -> Result<Inherit, Error> {
    if raw.is_some() && all.is_some() {
        return Err(Error::invalid(
            place,
            "`inherit_configuration` and the component's `dependencies_inherit_configuration` exclude each other",
        ));
    }
    match raw {
        None if all == Some(true) => Ok(Inherit::All),
        None | Some(toml::Value::Boolean(false)) => Ok(Inherit::Only(Vec::new())),
        Some(toml::Value::Boolean(true)) => Ok(Inherit::All),
        Some(toml::Value::Array(names)) => names
            .iter()
            .map(|name| {
                let text = name.as_str().unwrap_or_default();
                Capability::ALL.into_iter().find(|capability| capability.key() == text).ok_or_else(|| {
                    Error::invalid(
                        format!("`inherit_configuration` in {place}"),
                        format!("unknown key {name}"),
                    )
                })
            })
            .collect::<Result<_, _>>()
            .map(Inherit::Only),
        Some(_) => Err(Error::invalid(
            format!("`inherit_configuration` in {place}"),
            "must be true, false or a list of configuration keys",
        )),
    }
}
