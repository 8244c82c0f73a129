//! The files that a new project begins with.

use crate::language::Language;
use crate::name::ProjectName;

/// What stands in a template for the project's name.
const NAME: &str = "{{name}}";

/// A text file of a template.
#[derive(Clone, Copy, Debug)]
pub(crate) struct File {
    /// Where it is in the project, with `/` between folders.
    pub(crate) path: &'static str,
    text: &'static str,
}

mod files {
    use super::File;

    include!(concat!(env!("OUT_DIR"), "/files.rs"));
}

/// The contract and its README, which every project has a copy of in `wit/`.
pub(crate) const CONTRACT: &[File] = files::CONTRACT;

/// The files of a project of this language, the contract apart.
pub(crate) fn of(language: Language) -> &'static [File] {
    match language {
        Language::Rust => files::RUST,
        Language::JavaScript => files::JAVASCRIPT,
        Language::Python => files::PYTHON,
    }
}

impl File {
    /// The text for a project of this name.
    pub(crate) fn text_for(&self, name: &ProjectName) -> String {
        self.text.replace(NAME, name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_has_its_manifest_and_nothing_that_is_no_template() {
        for language in Language::ALL {
            let files = of(language);
            let has = |path: &str| files.iter().any(|file| file.path == path);
            assert!(has(language.manifest()) && has("README.md"), "{language}: {files:?}");
            for other in Language::ALL.into_iter().filter(|other| *other != language) {
                assert!(!has(other.manifest()), "{language} has the manifest of {other}");
            }
            assert!(!files.iter().any(|file| file.path.starts_with("wit/")), "`wit/` is the contract's");
        }
    }

    #[test]
    fn the_name_is_the_only_thing_that_is_filled_in() {
        let name: ProjectName = "some-name".parse().unwrap();
        for file in Language::ALL.into_iter().flat_map(of) {
            let text = file.text_for(&name);
            assert!(!text.contains("{{name"), "{}", file.path);
            assert!(text.ends_with('\n') && !text.contains('\r'), "{} is no proper text file", file.path);
        }
    }

    #[test]
    fn the_contract_is_there_whole() {
        let world = CONTRACT.iter().find(|file| file.path == "world.wit").unwrap();
        let interfaces = CONTRACT.iter().filter(|file| file.path.ends_with(".wit")).count() - 1;
        let named = world.text.lines().map(str::trim);
        let named = named.filter(|line| line.starts_with("import ") || line.starts_with("export ")).count();
        assert_eq!(named, interfaces, "{CONTRACT:?}");
        assert!(CONTRACT.iter().any(|file| file.path == "README.md"), "the world refers to it");
    }

    #[test]
    fn nothing_in_the_contracts_readme_leads_out_of_the_project() {
        let readme = CONTRACT.iter().find(|file| file.path == "README.md").unwrap();
        assert!(!readme.text.contains("]("), "a link of it would lead nowhere in a project");
    }
}
