//! From the raw document to the checked manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::dependency::{self, Dependency};
use super::schema;
use super::{Component, Error, Manifest, Route, StaticResponse, Target, Trigger, Variable};
use crate::variables::check_name;

pub(super) fn manifest(document: schema::Document, directory: &Path) -> Result<Manifest, Error> {
    if let Some((kind, settings)) =
        document.application.trigger.iter().find(|(_, settings)| !settings.is_empty())
    {
        let key = settings.keys().next().map(String::as_str).unwrap_or_default();
        return Err(Error::unsupported(format!("`application.trigger.{kind}.{key}`")));
    }
    let variables = document.variables.into_iter().map(variable).collect::<Result<_, _>>()?;
    let mut raw_components = document.component;
    let raw_triggers = http_triggers(document.trigger)?;
    let triggers = triggers(raw_triggers, &mut raw_components)?;
    let components = components(raw_components, directory)?;
    for trigger in &triggers {
        if let Target::Component(id) = &trigger.target
            && !components.contains_key(id)
        {
            return Err(Error::invalid(
                format!("trigger `{}`", trigger.id),
                format!("component `{id}` does not exist; define `[component.{id}]`"),
            ));
        }
    }
    Ok(Manifest {
        name: document.application.name,
        version: Some(document.application.version).filter(|version| !version.is_empty()),
        variables,
        triggers,
        components,
    })
}

fn variable((name, raw): (String, schema::Variable)) -> Result<(String, Variable), Error> {
    let place = format!("variable `{name}`");
    check_name(&name).map_err(|reason| Error::invalid(&place, reason))?;
    if raw.required == raw.default.is_some() {
        return Err(Error::invalid(place, "must either be `required = true` or have a `default`, not both"));
    }
    Ok((name, Variable { default: raw.default, secret: raw.secret }))
}

fn http_triggers(kinds: BTreeMap<String, toml::Value>) -> Result<Vec<schema::Trigger>, Error> {
    let mut found = Vec::new();
    for (kind, value) in kinds {
        if kind != "http" {
            return Err(Error::unsupported(format!("trigger type `{kind}`")));
        }
        let toml::Value::Array(entries) = value else {
            return Err(Error::invalid(
                "`trigger.http`",
                "must be an array of tables: write `[[trigger.http]]`",
            ));
        };
        for (index, entry) in entries.into_iter().enumerate() {
            let place = describe_trigger(&entry, index);
            found.push(
                entry.try_into().map_err(|error: toml::de::Error| Error::invalid(place, error.message()))?,
            );
        }
    }
    Ok(found)
}

fn describe_trigger(entry: &toml::Value, index: usize) -> String {
    match entry.get("route").and_then(toml::Value::as_str) {
        Some(route) => format!("`[[trigger.http]]` with route `{route}`"),
        None => format!("`[[trigger.http]]` number {}", index + 1),
    }
}

fn triggers(
    raw: Vec<schema::Trigger>,
    components: &mut BTreeMap<String, schema::Component>,
) -> Result<Vec<Trigger>, Error> {
    let mut taken: BTreeSet<String> =
        raw.iter().filter(|trigger| !trigger.id.is_empty()).map(|trigger| trigger.id.clone()).collect();
    let mut inline = 1..;
    raw.into_iter()
        .map(|raw| {
            let id = trigger_id(&raw, &mut taken);
            let place = format!("trigger `{id}`");
            if let Some(key) = raw.components.keys().next() {
                return Err(Error::unsupported(format!("`components.{key}` in {place}")));
            }
            if let Some(key) = raw.dependencies.keys().next() {
                return Err(Error::unsupported(format!("`dependencies.{key}` in {place}")));
            }
            executor(raw.executor.as_ref(), &place)?;
            let target = match (raw.component, raw.static_response) {
                (Some(component), None) => {
                    Target::Component(component_reference(component, &place, components, &mut inline)?)
                }
                (None, Some(response)) => Target::Static(static_response(response, &place)?),
                (None, None) => {
                    return Err(Error::invalid(place, "needs a `component` or a `static_response`"));
                }
                (Some(_), Some(_)) => {
                    return Err(Error::invalid(
                        place,
                        "has both a `component` and a `static_response`; keep one",
                    ));
                }
            };
            Ok(Trigger { route: route(&raw.route, &place)?, id, target })
        })
        .collect()
}

fn trigger_id(raw: &schema::Trigger, taken: &mut BTreeSet<String>) -> String {
    if !raw.id.is_empty() {
        return raw.id.clone();
    }
    let natural = raw.component.as_ref().and_then(toml::Value::as_str).map(|id| format!("{id}-http-trigger"));
    let mut id = natural.unwrap_or_else(|| "http-trigger1".to_owned());
    let mut number = 1;
    while taken.contains(&id) {
        number += 1;
        id = format!("http-trigger{number}");
    }
    taken.insert(id.clone());
    id
}

fn executor(raw: Option<&toml::Table>, place: &str) -> Result<(), Error> {
    let Some(table) = raw else { return Ok(()) };
    match table.get("type").and_then(toml::Value::as_str) {
        Some("http" | "spin") => match table.keys().find(|key| *key != "type") {
            Some(key) => {
                Err(Error::invalid(format!("`executor` in {place}"), format!("unknown key `{key}`")))
            }
            None => Ok(()),
        },
        Some(kind) => Err(Error::unsupported(format!("`executor` of type `{kind}` in {place}"))),
        None => Err(Error::invalid(format!("`executor` in {place}"), "needs a `type`")),
    }
}

/// An id, or an inline component, which is moved among the others under an id of its own.
fn component_reference(
    raw: toml::Value,
    place: &str,
    components: &mut BTreeMap<String, schema::Component>,
    numbers: &mut std::ops::RangeFrom<u32>,
) -> Result<String, Error> {
    match raw {
        toml::Value::String(id) => Ok(id),
        toml::Value::Table(table) => {
            let component = toml::Value::Table(table).try_into().map_err(|error: toml::de::Error| {
                Error::invalid(format!("inline component of {place}"), error.message())
            })?;
            let id = numbers
                .map(|number| format!("inline-component{number}"))
                .find(|id| !components.contains_key(id))
                .ok_or_else(|| Error::invalid(place, "too many inline components"))?;
            components.insert(id.clone(), component);
            Ok(id)
        }
        _ => Err(Error::invalid(format!("`component` in {place}"), "must be an id or a table")),
    }
}

fn route(raw: &toml::Value, place: &str) -> Result<Route, Error> {
    match raw {
        toml::Value::String(pattern) => Ok(Route::Public(pattern.clone())),
        toml::Value::Table(table)
            if table.len() == 1 && table.get("private") == Some(&toml::Value::Boolean(true)) =>
        {
            Ok(Route::Private)
        }
        _ => Err(Error::invalid(
            format!("`route` in {place}"),
            "must be a pattern such as \"/hooks/:provider/...\" or { private = true }",
        )),
    }
}

fn static_response(raw: schema::StaticResponse, place: &str) -> Result<StaticResponse, Error> {
    let place = format!("`static_response` in {place}");
    let code = raw.status_code.unwrap_or(200);
    let status = StatusCode::from_u16(code)
        .map_err(|_| Error::invalid(&place, format!("`status_code` {code} is not an HTTP status")))?;
    let mut headers = HeaderMap::new();
    for (name, value) in raw.headers {
        let parsed = HeaderName::try_from(&name).ok().zip(HeaderValue::try_from(value).ok());
        let (key, value) = parsed
            .ok_or_else(|| Error::invalid(&place, format!("header `{name}` is not a valid HTTP header")))?;
        headers.insert(key, value);
    }
    Ok(StaticResponse { status, headers, body: raw.body.map(Bytes::from).unwrap_or_default() })
}

fn components(
    raw: BTreeMap<String, schema::Component>,
    directory: &Path,
) -> Result<BTreeMap<String, Component>, Error> {
    let sources: BTreeMap<String, PathBuf> = raw
        .iter()
        .map(|(id, component)| Ok((id.clone(), source(id, component, directory)?)))
        .collect::<Result<_, Error>>()?;
    let grants: BTreeMap<String, Vec<&'static str>> =
        raw.iter().map(|(id, component)| (id.clone(), dependency::own_grants(component))).collect();
    raw.into_iter()
        .map(|(id, component)| {
            let resolve = dependency::Resolver { sources: &sources, grants: &grants, directory };
            let component = convert_component(&id, component, &resolve)?;
            Ok((id, component))
        })
        .collect()
}

fn convert_component(
    id: &str,
    raw: schema::Component,
    resolver: &dependency::Resolver<'_>,
) -> Result<Component, Error> {
    let place = format!("component `{id}`");
    check_id(id).map_err(|reason| Error::invalid(&place, reason))?;
    let unsupported = [
        ("files", raw.files.is_empty()),
        ("exclude_files", raw.exclude_files.is_empty()),
        ("allowed_http_hosts", raw.allowed_http_hosts.is_empty()),
        ("ai_models", raw.ai_models.is_empty()),
    ];
    if let Some((key, _)) = unsupported.into_iter().find(|(_, empty)| !empty) {
        return Err(Error::unsupported(format!("`{key}` in {place}")));
    }
    for name in raw.variables.keys() {
        check_name(name).map_err(|reason| Error::invalid(format!("variable `{name}` of {place}"), reason))?;
    }
    for label in raw.key_value_stores.iter().chain(&raw.sqlite_databases) {
        check_label(label).map_err(|reason| Error::invalid(format!("label `{label}` in {place}"), reason))?;
    }
    let dependencies: Vec<Dependency> =
        resolver.dependencies(id, raw.dependencies, raw.dependencies_inherit_configuration)?;
    let source =
        resolver.sources.get(id).cloned().ok_or_else(|| Error::invalid(&place, "has no `source`"))?;
    Ok(Component {
        source,
        environment: raw.environment,
        variables: raw.variables,
        allowed_outbound_hosts: raw.allowed_outbound_hosts,
        key_value_stores: raw.key_value_stores,
        sqlite_databases: raw.sqlite_databases,
        dependencies,
    })
}

fn source(id: &str, component: &schema::Component, directory: &Path) -> Result<PathBuf, Error> {
    match &component.source {
        toml::Value::String(path) => Ok(directory.join(path)),
        toml::Value::Table(table) if table.contains_key("url") => {
            Err(Error::unsupported(format!("`source.url` in component `{id}`")))
        }
        toml::Value::Table(table) if table.contains_key("package") => {
            Err(Error::unsupported(format!("`source.package` (a registry source) in component `{id}`")))
        }
        _ => Err(Error::invalid(format!("`source` in component `{id}`"), "must be the path of a .wasm file")),
    }
}

/// Component ids are words of letters and digits, each all lower or all upper case, joined by hyphens.
fn check_id(id: &str) -> Result<(), String> {
    for word in id.split('-') {
        let mut letters = word.chars();
        if !letters.next().is_some_and(|first| first.is_ascii_alphabetic()) {
            return Err("ids are words joined by single hyphens, and each word starts with a letter".into());
        }
        if word.chars().any(|c| !c.is_ascii_alphanumeric()) {
            return Err("ids consist of letters, digits and hyphens".into());
        }
        let (upper, lower) =
            (word.chars().any(|c| c.is_ascii_uppercase()), word.chars().any(|c| c.is_ascii_lowercase()));
        if upper && lower {
            return Err("each word of an id is all lower case or all upper case".into());
        }
    }
    Ok(())
}

fn check_label(label: &str) -> Result<(), String> {
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if label.is_empty() || !label.starts_with(|c: char| c.is_ascii_alphabetic()) || !label.chars().all(valid)
    {
        return Err("labels start with a letter and consist of letters, digits, `-` and `_`".into());
    }
    Ok(())
}
