//! `cargo xtask tools`: the example tools in every language, where the tests find them.

use anyhow::{Context as _, bail};

use crate::tool_project::{Language, Project};
use crate::workspace::{Guest, Workspace};
use crate::{progress, task_build};

/// Builds the tools under examples/tools and puts each at target/tools-examples/NAME.wasm.
///
/// The compilers for JavaScript and Python are installed below target/tools-examples at the versions that the examples
/// name, the first time and when those change; that needs the registries of npm and PyPI. Later runs need no network,
/// and what has not changed is not built again.
#[derive(clap::Args, Default)]
#[command(after_help = "Examples:\n  \
    cargo xtask tools                      all of them\n  \
    cargo xtask tools --tool calendar      only one")]
pub struct Args {
    /// Build only this tool
    #[arg(long, value_name = "NAME")]
    pub tool: Option<String>,
    /// Fail when Cargo.lock is out of date
    #[arg(long)]
    pub locked: bool,
}

/// An example that cargo does not know.
type Example = (&'static str, Language);

const PROJECTS: [Example; 2] = [("price-quote", Language::JavaScript), ("calendar", Language::Python)];

pub fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    let (guests, projects) = selected(workspace.example_tools(), args.tool.as_deref())?;
    let directory = workspace.example_tools_dir();
    if !guests.is_empty() {
        progress::step("building the example tools in Rust");
        let options = task_build::Args { locked: args.locked, ..Default::default() };
        task_build::compile(workspace, &guests, &options)?;
        task_build::place_all(workspace, &guests, &directory)?;
    }
    for (name, language) in projects {
        let project = Project::new(&workspace.root, &directory, name, language);
        let built = project.build().with_context(|| format!("building the example tool {name}"))?;
        progress::note(format_args!("{name:<22} {built}"));
    }
    Ok(())
}

fn selected(guests: Vec<Guest>, tool: Option<&str>) -> anyhow::Result<(Vec<Guest>, Vec<Example>)> {
    let wanted = |name: &str| tool.is_none_or(|tool| tool == name);
    let names: Vec<String> = guests
        .iter()
        .map(|guest| guest.name.clone())
        .chain(PROJECTS.map(|(name, _)| name.to_owned()))
        .collect();
    let guests: Vec<Guest> = guests.into_iter().filter(|guest| wanted(&guest.name)).collect();
    let projects: Vec<_> = PROJECTS.into_iter().filter(|(name, _)| wanted(name)).collect();
    if let Some(tool) = tool.filter(|_| guests.is_empty() && projects.is_empty()) {
        bail!("no example is named `{tool}`; there are {}", names.join(", "));
    }
    Ok((guests, projects))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guests() -> Vec<Guest> {
        vec![Guest { name: "order-status".into(), library: "order_status".into() }]
    }

    #[test]
    fn one_tool_or_all_are_chosen() {
        let (rust, others) = selected(guests(), None).unwrap();
        assert_eq!((rust.len(), others.len()), (1, 2));
        let (rust, others) = selected(guests(), Some("calendar")).unwrap();
        assert_eq!((rust.len(), others), (0, vec![("calendar", Language::Python)]));
    }

    #[test]
    fn an_unknown_tool_is_answered_with_the_known_ones() {
        let error = selected(guests(), Some("diary")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no example is named `diary`; there are order-status, price-quote, calendar"
        );
    }
}
