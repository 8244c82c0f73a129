//! Whether the platform's worlds and the components that implement them match.

use std::collections::BTreeSet;

use wit_parser::{PackageId, Resolve};

/// How the name of a world ends that a component implements: `sentiment-capability` is components/sentiment.
const SUFFIX: &str = "-capability";

/// What is wrong with those worlds of `package` that export something, given the names of all components.
pub fn without_component(
    resolve: &Resolve,
    package: PackageId,
    components: &BTreeSet<String>,
) -> Vec<String> {
    let worlds = resolve.worlds.iter().map(|(_, world)| world);
    let exporting = worlds.filter(|world| world.package == Some(package) && !world.exports.is_empty());
    exporting
        .filter_map(|world| {
            let place = resolve.render_location(world.span);
            let name = &world.name;
            match name.strip_suffix(SUFFIX) {
                None => Some(format!("{place}: world {name} exports something, so name it {name}{SUFFIX}")),
                Some(component) if !components.contains(component) => {
                    Some(format!("{place}: world {name} has no component: components/{component} is missing"))
                }
                Some(_) => None,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wit_syntax;

    #[test]
    fn a_world_with_exports_needs_its_component() {
        let problems = check("world mood-capability { export mood; }", &["memory"]);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].ends_with("components/mood is missing"), "{problems:?}");
        assert_eq!(
            check("world mood-capability { export mood; }", &["memory", "mood"]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_world_that_only_imports_needs_none() {
        assert_eq!(check("world webhooks-imports { import mood; }", &[]), Vec::<String>::new());
    }

    #[test]
    fn an_exporting_world_must_be_named_as_a_capability() {
        let problems = check("world mood-maker { export mood; }", &["mood-maker"]);
        assert!(problems[0].ends_with("name it mood-maker-capability"), "{problems:?}");
    }

    fn check(world: &str, components: &[&str]) -> Vec<String> {
        let source = format!("package a:b;\ninterface mood {{ read: func() -> u8; }}\n{world}");
        let (resolve, package) = wit_syntax::resolve(&wit_syntax::tests::group(&source), &[]).unwrap();
        let components = components.iter().map(|&name| name.to_owned()).collect();
        without_component(&resolve, package, &components)
    }
}
