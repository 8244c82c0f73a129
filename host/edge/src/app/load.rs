//! From the settings to an application that can answer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use tokio::sync::Semaphore;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component as Compiled, Linker};
use wasmtime_wasi_http::handler::ProxyPre;
use wasmtime_wasi_http::{p2, p3};

use super::{Destination, Inner, RouteInfo};
use crate::compose::{self, Part};
use crate::engine;
use crate::error::LoadError;
use crate::guest::{Grants, Guest};
use crate::handler::{Handler, Shared};
use crate::host::{Database, KeyValueFile, Stores};
use crate::hosts::AllowedHosts;
use crate::manifest::{Component, Manifest, Route, Target};
use crate::outbound::{Application, Outbound, tls_config};
use crate::routes::{Router, WELL_KNOWN_PREFIX};
use crate::settings::Settings;
use crate::template::Template;
use crate::variables::Values;
use compile_cache::{Cache, Found};

/// The label that every application has a store for.
const DEFAULT_LABEL: &str = "default";
/// The names of Spin's files in its state directory.
const KEY_VALUE_FILE: &str = "sqlite_key_value.db";
const SQLITE_FILE: &str = "sqlite_db.db";

pub(super) async fn load(settings: Settings, application: &Application) -> Result<Inner, LoadError> {
    let manifest = read_manifest(&settings.manifest).await?;
    let values = Values::resolve(&manifest, &settings.variables)?;
    let served: BTreeSet<&str> =
        manifest.triggers.iter().filter_map(|trigger| component_of(&trigger.target)).collect();
    let databases = Databases::open(&settings, &manifest).await?;
    let engine = engine::build(&settings.limits)?;
    let linker = engine::linker(&engine).map_err(|error| LoadError::Engine(format!("{error:#}")))?;
    let shared =
        Shared::new(engine, &settings.limits).map_err(|error| LoadError::Engine(error.to_string()))?;
    let tls = tls_config().map_err(|error| LoadError::Engine(error.to_string()))?;
    let loader = Loader {
        cache: Cache::open(&settings.compile_cache),
        ids: manifest.components.keys().map(String::as_str).collect(),
        settings: &settings,
        values,
        databases,
        linker,
        shared,
        tls,
        application,
    };
    let mut handlers = BTreeMap::new();
    for (id, component) in &manifest.components {
        let grants = loader.grants(id, component)?;
        if served.contains(id.as_str()) {
            handlers.insert(id.clone(), loader.handler(id, component, grants).await?);
        } else {
            tracing::debug!(component = %id, "no trigger leads to this component; it is a dependency at most");
        }
    }
    let (routes, router) = routes(manifest.triggers)?;
    Ok(Inner {
        name: manifest.name,
        version: manifest.version,
        routes,
        router,
        handlers,
        places: Arc::new(Semaphore::new(settings.limits.max_concurrent_requests)),
        waiting: AtomicUsize::new(0),
        limits: settings.limits,
    })
}

async fn read_manifest(path: &Path) -> Result<Manifest, LoadError> {
    let text = tokio::fs::read_to_string(path).await.map_err(|source| LoadError::Read {
        what: "manifest".to_owned(),
        path: path.to_owned(),
        source,
    })?;
    let directory = path.parent().unwrap_or(Path::new(""));
    Manifest::parse(&text, directory).map_err(|source| LoadError::Manifest { path: path.to_owned(), source })
}

fn component_of(target: &Target) -> Option<&str> {
    match target {
        Target::Component(id) => Some(id),
        Target::Static(_) => None,
    }
}

fn routes(
    triggers: Vec<crate::manifest::Trigger>,
) -> Result<(Vec<RouteInfo>, Router<Destination>), LoadError> {
    let mut infos = Vec::new();
    let mut public = Vec::new();
    for trigger in triggers {
        let component = component_of(&trigger.target).map(str::to_owned);
        let destination = match trigger.target {
            Target::Component(id) => Destination::Component(id),
            Target::Static(response) => Destination::Static(response),
        };
        match trigger.route {
            Route::Private => infos.push(RouteInfo { route: None, component }),
            Route::Public(route) => {
                if route.starts_with(WELL_KNOWN_PREFIX) {
                    tracing::warn!(
                        route,
                        "routes below {WELL_KNOWN_PREFIX} are answered by the runner and never reached"
                    );
                }
                infos.retain(|info: &RouteInfo| info.route.as_deref() != Some(route.as_str()));
                infos.push(RouteInfo { route: Some(route.clone()), component });
                public.push((route, destination));
            }
        }
    }
    let (router, duplicates) = Router::build(public)?;
    for duplicate in duplicates {
        tracing::warn!(
            route = duplicate.pattern,
            replaced = ?duplicate.replaced,
            "two triggers have this route; the last one in the manifest gets its requests"
        );
    }
    Ok((infos, router))
}

/// The files behind the labels that the application uses.
struct Databases {
    sqlite: BTreeMap<String, Arc<Database>>,
    key_value: Option<Arc<KeyValueFile>>,
}

impl Databases {
    async fn open(settings: &Settings, manifest: &Manifest) -> Result<Self, LoadError> {
        let mut sqlite = settings.sqlite_databases.clone();
        sqlite.entry(DEFAULT_LABEL.to_owned()).or_insert_with(|| settings.state_dir.join(SQLITE_FILE));
        let components = &manifest.components;
        check_labels(components, "SQLite database", |component| &component.sqlite_databases, &keys(&sqlite))?;
        check_labels(
            components,
            "key-value store",
            |component| &component.key_value_stores,
            &[DEFAULT_LABEL],
        )?;
        let used: BTreeSet<&String> =
            components.values().flat_map(|component| &component.sqlite_databases).collect();
        sqlite.retain(|label, _| used.contains(label));
        let wants_key_value = components.values().any(|component| !component.key_value_stores.is_empty());
        let state_dir = settings.state_dir.clone();
        tokio::task::spawn_blocking(move || {
            let sqlite = sqlite
                .into_iter()
                .map(|(label, path)| {
                    let database = open_file(&format!("SQLite database `{label}`"), &path, Database::open)?;
                    Ok((label, Arc::new(database)))
                })
                .collect::<Result<_, LoadError>>()?;
            let key_value = wants_key_value
                .then(|| {
                    open_file("key-value store", &state_dir.join(KEY_VALUE_FILE), KeyValueFile::open)
                        .map(Arc::new)
                })
                .transpose()?;
            Ok(Self { sqlite, key_value })
        })
        .await
        .map_err(|error| LoadError::Engine(error.to_string()))?
    }
}

fn keys(map: &BTreeMap<String, PathBuf>) -> Vec<&str> {
    map.keys().map(String::as_str).collect()
}

fn check_labels(
    components: &BTreeMap<String, Component>,
    kind: &'static str,
    labels: impl Fn(&Component) -> &Vec<String>,
    known: &[&str],
) -> Result<(), LoadError> {
    for (id, component) in components {
        if let Some(label) = labels(component).iter().find(|label| !known.contains(&label.as_str())) {
            return Err(LoadError::UnknownLabel {
                component: id.clone(),
                kind,
                label: label.clone(),
                known: known.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", "),
            });
        }
    }
    Ok(())
}

fn open_file<R>(
    what: &str,
    path: &Path,
    open: impl FnOnce(&Path) -> rusqlite::Result<R>,
) -> Result<R, LoadError> {
    let error = |reason: String| LoadError::Storage { what: what.to_owned(), path: path.to_owned(), reason };
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(|source| error(source.to_string()))?;
    }
    open(path).map_err(|source| error(source.to_string()))
}

struct Loader<'a> {
    cache: Cache,
    ids: Vec<&'a str>,
    settings: &'a Settings,
    values: Values,
    databases: Databases,
    linker: Linker<Guest>,
    shared: Shared,
    tls: Arc<rustls::ClientConfig>,
    application: &'a Application,
}

impl Loader<'_> {
    fn grants(&self, id: &str, component: &Component) -> Result<Arc<Grants>, LoadError> {
        let hosts = self.allowed_hosts(id, component)?;
        let databases = component
            .sqlite_databases
            .iter()
            .filter_map(|label| Some((label.clone(), Arc::clone(self.databases.sqlite.get(label)?))))
            .collect();
        Ok(Arc::new(Grants {
            component: id.into(),
            environment: component.environment.clone().into_iter().collect(),
            variables: self.values.of_component(id, &component.variables)?,
            stores: Stores {
                databases,
                key_value: component.key_value_stores.iter().cloned().collect(),
                key_value_file: self.databases.key_value.clone(),
            },
            outbound: Outbound::new(hosts, self.tls.clone(), &self.settings.limits, self.application.clone()),
            memory: self.settings.limits.memory_per_instance,
        }))
    }

    fn allowed_hosts(&self, id: &str, component: &Component) -> Result<AllowedHosts, LoadError> {
        let resolved: Vec<(String, bool)> = component
            .allowed_outbound_hosts
            .iter()
            .map(|entry| {
                let text = self.values.render(id, "`allowed_outbound_hosts`", entry)?;
                Ok((text, Template::parse(entry).is_ok_and(|template| !template.is_literal())))
            })
            .collect::<Result<_, LoadError>>()?;
        let entries = resolved.iter().map(|(text, filled_in)| (text.as_str(), *filled_in));
        let hosts = AllowedHosts::parse(entries, &self.ids)
            .map_err(|source| LoadError::Hosts { component: id.to_owned(), source })?;
        for scheme in hosts.foreign_schemes() {
            tracing::warn!(
                component = id,
                scheme,
                "an allowed host has a scheme that this runner does not speak; it speaks http and https"
            );
        }
        Ok(hosts)
    }

    async fn handler(
        &self,
        id: &str,
        component: &Component,
        grants: Arc<Grants>,
    ) -> Result<Handler, LoadError> {
        let wasm = self.composed(id, component).await?;
        let started = std::time::Instant::now();
        let (cache, engine) = (self.cache.clone(), self.shared.engine.clone());
        let (compiled, found) = tokio::task::spawn_blocking(move || cache.load(&engine, &wasm))
            .await
            .map_err(|error| LoadError::Engine(error.to_string()))?
            .map_err(|error| LoadError::Compile { component: id.to_owned(), reason: format!("{error:#}") })?;
        let elapsed = started.elapsed();
        tracing::debug!(component = id, cached = found == Found::Cached, ?elapsed, "component compiled");
        let pre = self.link(id, &compiled)?;
        Ok(Handler::new(pre, grants, self.shared.clone()))
    }

    async fn composed(&self, id: &str, component: &Component) -> Result<Vec<u8>, LoadError> {
        let wasm = read_wasm(&format!("component `{id}` from"), &component.source).await?;
        let mut parts = Vec::new();
        for dependency in &component.dependencies {
            let what = format!("dependency `{}` of component `{id}` from", dependency.name);
            parts.push(Part {
                name: dependency.name.clone(),
                wasm: read_wasm(&what, &dependency.source).await?,
                export: dependency.export.clone(),
                inherit: dependency.inherit.clone(),
            });
        }
        let (id, environment) = (id.to_owned(), !component.environment.is_empty());
        tokio::task::spawn_blocking(move || compose::compose(&id, wasm, parts, environment))
            .await
            .map_err(|error| LoadError::Engine(error.to_string()))?
            .map_err(LoadError::from)
    }

    fn link(&self, id: &str, compiled: &Compiled) -> Result<ProxyPre<Guest>, LoadError> {
        let handlers = self.handler_exports(compiled);
        let link_error = |error: wasmtime::Error| LoadError::Link {
            component: id.to_owned(),
            reason: format!("{error:#}"),
        };
        let pre = || self.linker.instantiate_pre(compiled).map_err(link_error);
        match handlers.as_slice() {
            [export] if export.starts_with("wasi:http/handler@0.3") && !export.contains('-') => {
                p3::bindings::ServicePre::new(pre()?).map(ProxyPre::P3).map_err(link_error)
            }
            [export] if export.starts_with("wasi:http/incoming-handler@0.2") && !export.contains("-rc") => {
                p2::bindings::ProxyPre::new(pre()?).map(ProxyPre::P2).map_err(link_error)
            }
            [] => Err(LoadError::Handler { component: id.to_owned(), found: "neither".to_owned() }),
            found => Err(LoadError::Handler {
                component: id.to_owned(),
                found: found.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
            }),
        }
    }

    fn handler_exports(&self, compiled: &Compiled) -> Vec<String> {
        let engine = &self.shared.engine;
        let is_handler = |name: &str| {
            ["wasi:http/handler@", "wasi:http/incoming-handler@", "fermyon:spin/inbound-http"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
        };
        compiled
            .component_type()
            .exports(engine)
            .filter(|(_, export)| matches!(export.ty, ComponentItem::ComponentInstance(_)))
            .map(|(name, _)| name.to_owned())
            .filter(|name| is_handler(name))
            .collect()
    }
}

async fn read_wasm(what: &str, path: &Path) -> Result<Vec<u8>, LoadError> {
    tokio::fs::read(path).await.map_err(|source| LoadError::Read {
        what: what.to_owned(),
        path: path.to_owned(),
        source,
    })
}
