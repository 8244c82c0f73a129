//! Whether a component fits the world of tools.

use semver::Version;
use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType, ComponentItem, SubtypeCx};
use wasmparser::names::{ComponentName, ComponentNameKind};

use crate::contract::{NAMESPACE, PACKAGE, Release};
use crate::refusal::{Code, Refusal};
use crate::walk::Walked;

/// The interface that a tool exports.
const TOOL: &str = "tool";

/// Packages of `wasi` 0.2 whose interfaces compilers' standard libraries import unasked. They may be imported; there
/// is nothing behind them. Two versions of one are common and harmless, for the same reason.
const INERT_PACKAGES: [&str; 5] = ["cli", "clocks", "filesystem", "io", "random"];

/// What componentize-py leaves behind in every tool it builds: an interface with the one function that it called at the
/// build, to start Python before the snapshot. The host looks up [`TOOL`] and nothing else, so nobody ever calls it.
const LEFTOVER: (&str, &str) = ("exports", "init");

/// What the world has to say of a component that fits it.
pub(crate) struct Conforms {
    pub(crate) contract: Version,
    pub(crate) imports: Vec<String>,
}

pub(crate) fn check(component: &Walked<'_>) -> Result<Conforms, Refusal> {
    check_imports(component)?;
    let contract = check_exports(component)?;
    let imports = component.imports.iter().map(|import| (*import).to_owned()).collect();
    Ok(Conforms { contract, imports })
}

/// `namespace:package/interface@version`, taken apart.
struct Interface {
    namespace: String,
    package: String,
    interface: String,
    version: Option<Version>,
}

impl Interface {
    fn parse(name: &str) -> Option<Self> {
        let name = ComponentName::new(name, 0).ok()?;
        let ComponentNameKind::Interface(interface) = name.kind() else { return None };
        Some(Self {
            namespace: interface.namespace().as_str().to_owned(),
            package: interface.package().as_str().to_owned(),
            interface: interface.projection().as_str().to_owned(),
            version: interface.version(None).ok()?,
        })
    }

    fn is_ours(&self) -> bool {
        self.namespace == NAMESPACE && self.package == PACKAGE
    }

    fn is_inert(&self) -> bool {
        let known = self.namespace == "wasi" && INERT_PACKAGES.contains(&self.package.as_str());
        known
            && self
                .version
                .as_ref()
                .is_some_and(|version| (version.major, version.minor) == (0, 2) && version.pre.is_empty())
    }
}

fn check_imports(component: &Walked<'_>) -> Result<(), Refusal> {
    let mut seen: Vec<String> = Vec::new();
    for name in &component.imports {
        let item = component.types.as_ref().component_item_for_import(name);
        let item = item.filter(|item| item.implements.is_none() && item.version_suffix.is_none());
        let (Some(item), Some(interface)) = (item, Interface::parse(name)) else {
            return Err(not_allowed(name));
        };
        if !interface.is_ours() {
            if interface.is_inert() && matches!(item.ty, ComponentEntityType::Instance(_)) {
                continue;
            }
            return Err(not_allowed(name));
        }
        if seen.contains(&interface.interface) {
            let item = format!(
                "the component imports `{}` in two versions, the second as `{name}`",
                interface.interface
            );
            return Err(Refusal::new(
                Code::ImportTwice,
                item,
                "build every part of it against one version of the contract",
            ));
        }
        let release = release(component, &interface, name)?;
        let offered = release.import(&interface.interface).ok_or_else(|| not_allowed(name))?;
        let mut types = SubtypeCx::new_with_refs(release.types.as_ref(), component.types.as_ref());
        types.component_entity_type(&offered, &item.ty, 0).map_err(|error| {
            let item =
                format!("the component asks `{name}` for something else than it is: {}", error.message());
            Refusal::new(Code::ImportMismatch, item, "generate its bindings again from the released contract")
        })?;
        seen.push(interface.interface);
    }
    Ok(())
}

fn not_allowed(name: &str) -> Refusal {
    let mend = if name.starts_with("wasi:") {
        "switch it off where the component is built: `--stub-wasi` of componentize-py, `disableFeatures` of \
         componentize-js; else remove what uses it"
    } else {
        "a tool gets records, clock, log, http and secrets of `voicehive:tool`; remove what uses the import"
    };
    Refusal::new(Code::ImportNotAllowed, format!("the component imports `{name}`"), mend)
}

fn release<'a>(component: &'a Walked<'_>, interface: &Interface, name: &str) -> Result<&'a Release, Refusal> {
    let wanted = interface.version.as_ref();
    component.releases.iter().find(|release| Some(&release.version) == wanted).ok_or_else(|| {
        let known: Vec<String> =
            component.releases.iter().map(|release| release.version.to_string()).collect();
        let mend = format!("build it against a released version of the contract: {}", known.join(", "));
        Refusal::new(Code::UnknownVersion, format!("the component names `{name}`"), mend)
    })
}

fn check_exports(component: &Walked<'_>) -> Result<Version, Refusal> {
    let tool = component.exports.iter().find_map(|name| {
        let interface = Interface::parse(name)?;
        (interface.is_ours() && interface.interface == TOOL).then_some((*name, interface))
    });
    let Some((name, interface)) = tool else {
        let found =
            if component.exports.is_empty() { "nothing".to_owned() } else { component.exports.join("`, `") };
        let mend = "export the interface `tool` of `voicehive:tool` under its own name";
        return Err(Refusal::new(Code::ExportMissing, format!("the component exports `{found}`"), mend));
    };
    for other in component.exports.iter().filter(|other| **other != name) {
        let ty = component.types.as_ref().component_item_for_export(other).map(|item| item.ty);
        if !is_leftover(component, other, ty) {
            return Err(extra(other, ty));
        }
    }
    let release = release(component, &interface, name)?;
    let mismatch = |why: &str| {
        let item = format!("the component exports `{name}` with other types: {why}");
        Refusal::new(Code::ExportMismatch, item, "generate its bindings again from the released contract")
    };
    let exported = component.types.as_ref().component_item_for_export(name).map(|item| item.ty);
    let (Some(exported), Some(wanted)) = (exported, release.export(TOOL)) else {
        return Err(mismatch("it is not there"));
    };
    check_members(component, release, exported, wanted)?;
    SubtypeCx::new_with_refs(component.types.as_ref(), release.types.as_ref())
        .component_entity_type(&exported, &wanted, 0)
        .map_err(|error| mismatch(error.message()))?;
    Ok(release.version.clone())
}

/// Whether an export is [`LEFTOVER`]: plain types and that function, no resource.
fn is_leftover(component: &Walked<'_>, name: &str, ty: Option<ComponentEntityType>) -> bool {
    let (interface, function) = LEFTOVER;
    let Some(ComponentEntityType::Instance(instance)) = ty else { return false };
    let Some(instance) = component.types.as_ref().get(instance) else { return false };
    let known = |(member, item): (&String, &ComponentItem)| match item.ty {
        ComponentEntityType::Func(_) => member == function,
        ComponentEntityType::Type { referenced: ComponentAnyTypeId::Defined(_), .. } => true,
        _ => false,
    };
    name == interface && instance.exports.iter().all(known)
}

/// The tool's interface has nothing that the contract's has not.
fn check_members(
    component: &Walked<'_>,
    release: &Release,
    exported: ComponentEntityType,
    wanted: ComponentEntityType,
) -> Result<(), Refusal> {
    let (ComponentEntityType::Instance(exported), ComponentEntityType::Instance(wanted)) = (exported, wanted)
    else {
        return Ok(());
    };
    let (Some(exported), Some(wanted)) =
        (component.types.as_ref().get(exported), release.types.as_ref().get(wanted))
    else {
        return Ok(());
    };
    match exported.exports.iter().find(|(name, _)| !wanted.exports.contains_key(*name)) {
        Some((name, item)) => Err(extra(&format!("{TOOL}.{name}"), Some(item.ty))),
        None => Ok(()),
    }
}

fn extra(name: &str, ty: Option<ComponentEntityType>) -> Refusal {
    let item = format!("the component exports `{name}`");
    if let Some(ComponentEntityType::Type { referenced: ComponentAnyTypeId::Resource(_), .. }) = ty {
        return Refusal::new(Code::ResourceNotInWorld, item, "the world has no resources; pass plain values");
    }
    Refusal::new(
        Code::ExportNotAllowed,
        item,
        "a tool exports the interface `tool` as it is released, and nothing else",
    )
}
