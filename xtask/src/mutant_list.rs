//! The lists of broken variants of the call core, and how one is applied.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

/// Where the lists are, from the root of the workspace: a file for each rule, named by it.
pub const LISTS: &str = "host/turn/tests/mutants";

/// Where the files are that they change.
pub const SOURCES: &str = "host/turn/src";

/// One broken variant.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    /// What it does wrong, a sentence.
    pub name: String,
    /// Which rule that breaks: the name of its list.
    #[serde(skip)]
    pub rule: String,
    /// The file that is changed, under [`SOURCES`]; `search` must be in it exactly once.
    pub file: String,
    search: String,
    replace: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    mutant: Vec<Mutant>,
}

/// The lists of a workspace, in the order of their names.
///
/// # Errors
///
/// A list that cannot be read, or two mutants with one name.
pub fn read(root: &Path) -> anyhow::Result<Vec<Mutant>> {
    let folder = root.join(LISTS);
    let entries = std::fs::read_dir(&folder).with_context(|| format!("listing {}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<_>>()?;
    paths.sort();
    let mut mutants = Vec::new();
    for path in &paths {
        mutants.extend(read_list(path).with_context(|| format!("reading {}", path.display()))?);
    }
    let mut names: Vec<&str> = mutants.iter().map(|mutant| mutant.name.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair.first() == pair.last()) {
        bail!("{LISTS} has two mutants named {:?}", pair.first().unwrap_or(&""));
    }
    Ok(mutants)
}

fn read_list(path: &Path) -> anyhow::Result<Vec<Mutant>> {
    let rule = path.file_stem().and_then(|stem| stem.to_str()).context("the list has no name")?;
    let list: List = toml::from_str(&std::fs::read_to_string(path)?)?;
    let named = |mutant| Mutant { rule: rule.to_owned(), ..mutant };
    Ok(list.mutant.into_iter().map(named).collect())
}

impl Mutant {
    /// The source with this mistake in it.
    ///
    /// # Errors
    ///
    /// A text to search for that is there never or more than once, or a change that changes nothing.
    pub fn apply(&self, source: &str) -> anyhow::Result<String> {
        let n = source.matches(&self.search).count();
        ensure!(n == 1, "{:?}: its text is {n} times in {}, not once", self.name, self.file);
        ensure!(self.search != self.replace, "{:?} changes nothing", self.name);
        Ok(source.replacen(&self.search, &self.replace, 1))
    }

    /// Whether `filter` is a part of its name, or its rule or file.
    pub fn is_meant(&self, filter: &str) -> bool {
        self.name.to_lowercase().contains(&filter.to_lowercase())
            || self.rule == filter
            || self.file == filter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutant_is_applied_to_the_one_place_that_it_means() {
        assert_eq!(mutant("a > 0").apply("if a > 0 {}").unwrap(), "if false {}");
        assert!(mutant("a > 0").apply("if a > 1 {}").is_err());
        assert!(mutant("a > 0").apply("if a > 0 || a > 0 {}").is_err());
        assert!(mutant("false").apply("if false {}").is_err());
    }

    #[test]
    fn every_mutant_of_the_list_fits_the_sources() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mutants = read(&root).unwrap();
        assert!(!mutants.is_empty());
        for mutant in mutants {
            let source = std::fs::read_to_string(root.join(SOURCES).join(&mutant.file)).unwrap();
            mutant.apply(&source).unwrap();
        }
    }

    fn mutant(search: &str) -> Mutant {
        Mutant {
            name: "Nothing is ever positive".into(),
            rule: "turn-end".into(),
            file: "words.rs".into(),
            search: search.into(),
            replace: "false".into(),
        }
    }
}
