//! The shape of a version 2 manifest, key by key. Keys that Spin knows and this runner does not are parsed as raw values, so
//! that [`convert`](super::convert) can name them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Error;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    #[serde(rename = "spin_manifest_version")]
    _version: IgnoredAny,
    pub(super) application: Application,
    #[serde(default)]
    pub(super) variables: BTreeMap<String, Variable>,
    #[serde(default)]
    pub(super) trigger: BTreeMap<String, toml::Value>,
    #[serde(default)]
    pub(super) component: BTreeMap<String, Component>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Application {
    pub(super) name: String,
    #[serde(default)]
    pub(super) version: String,
    #[serde(default, rename = "description")]
    _description: String,
    #[serde(default, rename = "authors")]
    _authors: Vec<String>,
    /// Environments that `spin build` checks components against; nothing at run time.
    #[serde(default, rename = "targets")]
    _targets: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) trigger: BTreeMap<String, toml::Table>,
    /// Settings of other tools; Spin ignores them too.
    #[serde(default, rename = "tool")]
    _tool: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Variable {
    #[serde(default, rename = "description")]
    _description: Option<String>,
    #[serde(default)]
    pub(super) required: bool,
    pub(super) default: Option<String>,
    #[serde(default)]
    pub(super) secret: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trigger {
    #[serde(default)]
    pub(super) id: String,
    pub(super) route: toml::Value,
    pub(super) component: Option<toml::Value>,
    pub(super) static_response: Option<StaticResponse>,
    pub(super) executor: Option<toml::Table>,
    #[serde(default)]
    pub(super) components: toml::Table,
    #[serde(default)]
    pub(super) dependencies: toml::Table,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StaticResponse {
    pub(super) status_code: Option<u16>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Component {
    pub(super) source: toml::Value,
    #[serde(default, rename = "description")]
    _description: String,
    #[serde(default)]
    pub(super) variables: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) environment: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) files: Vec<toml::Value>,
    #[serde(default)]
    pub(super) exclude_files: Vec<toml::Value>,
    #[serde(default)]
    pub(super) allowed_http_hosts: Vec<toml::Value>,
    #[serde(default)]
    pub(super) allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    pub(super) key_value_stores: Vec<String>,
    #[serde(default)]
    pub(super) sqlite_databases: Vec<String>,
    #[serde(default)]
    pub(super) ai_models: Vec<toml::Value>,
    #[serde(default, rename = "targets")]
    _targets: Option<IgnoredAny>,
    #[serde(default, rename = "build")]
    _build: Option<Build>,
    #[serde(default, rename = "tool")]
    _tool: Option<IgnoredAny>,
    pub(super) dependencies_inherit_configuration: Option<bool>,
    #[serde(default)]
    pub(super) dependencies: BTreeMap<String, toml::Value>,
    /// Chosen by `--profile`, which this runner does not have; without it Spin uses the component as it stands.
    #[serde(default, rename = "profile")]
    _profile: BTreeMap<String, Profile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Build {
    #[serde(rename = "command")]
    _command: Commands,
    #[serde(default, rename = "workdir")]
    _workdir: Option<String>,
    #[serde(default, rename = "watch")]
    _watch: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Profile {
    #[serde(default, rename = "source")]
    _source: Option<IgnoredAny>,
    #[serde(default, rename = "environment")]
    _environment: BTreeMap<String, String>,
    #[serde(default, rename = "dependencies")]
    _dependencies: Option<IgnoredAny>,
    #[serde(default, rename = "build")]
    _build: Option<ProfileBuild>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileBuild {
    #[serde(rename = "command")]
    _command: Commands,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Commands {
    One(#[expect(dead_code, reason = "parsed to check its type; building is Spin's business")] String),
    Several(
        #[expect(dead_code, reason = "parsed to check its type; building is Spin's business")] Vec<String>,
    ),
}

/// Parses the text, the version first: a manifest of another version fails by its version, not by its keys.
pub(super) fn parse(text: &str) -> Result<Document, Error> {
    let table: toml::Table =
        text.parse().map_err(|error: toml::de::Error| Error::Syntax(error.to_string()))?;
    match table.get("spin_manifest_version") {
        Some(toml::Value::Integer(2)) => {}
        Some(other) => return Err(Error::Version(other.to_string())),
        None if table.contains_key("spin_version") => {
            return Err(Error::Version("a manifest of version 1".into()));
        }
        None => return Err(Error::Version("none".into())),
    }
    toml::from_str(text).map_err(|error| Error::Syntax(error.to_string()))
}
