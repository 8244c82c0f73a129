//! `voicehive tool new` and `build`: what needs no platform.

use std::path::PathBuf;

use serde_json::json;

use super::arguments::{BuildArguments, NewArguments};
use super::{note, print, text};

/// Writes a project.
///
/// # Errors
/// Where something is there already, or cannot be written.
pub fn new(arguments: &NewArguments) -> anyhow::Result<()> {
    let folder = arguments.folder.clone().unwrap_or_else(|| PathBuf::from(arguments.name.as_str()));
    let written = tool_project::create(&folder, &arguments.name, arguments.language)?;
    for path in written {
        println!("{}", folder.join(path).display());
    }
    note(&format!("next: cd {}; voicehive tool build", folder.display()));
    Ok(())
}

/// Builds a project.
///
/// # Errors
/// Where its toolchain is missing or fails, or where no platform would take what it makes.
pub fn build(arguments: &BuildArguments) -> anyhow::Result<()> {
    let built = tool_project::build(&arguments.folder, &note)?;
    let component = built.component.display().to_string();
    let stamp = built.report.stamp.as_ref();
    let value = json!({
        "component": component,
        "language": built.language.as_str(),
        "bytes": built.report.bytes,
        "version": built.report.digest,
        "contract": built.report.contract.to_string(),
        "sdk": stamp.map(|stamp| &stamp.sdk),
        "tier": built.tier,
    });
    if !arguments.json {
        note(&format!(
            "{} bytes for contract {}, tier {}",
            built.report.bytes, built.report.contract, built.tier
        ));
        let tier = if built.tier == "large" { " --tier large" } else { "" };
        note(&format!("next: voicehive tool check {component}{tier}"));
    }
    print(&value, arguments.json, |value| format!("{}\n", text(value, "component")))
}
