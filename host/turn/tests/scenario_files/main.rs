//! Calls written down as files: each is a test of its own, in virtual time. What a file
//! may hold is in `tests/scenarios/README.md`.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail loudly"
)]
#![allow(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    reason = "the scenarios are files and are counted aloud; the calls in them have neither"
)]

mod expectation;
mod heard;
mod judge;
mod parts;
mod play;
mod refusals;
mod scenario;
mod settings;
#[allow(dead_code, unused_imports, reason = "the scenarios in Rust use the rest")]
#[path = "../scenarios/sim/mod.rs"]
mod sim;
mod timeline;
mod vocabulary;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

use crate::scenario::{Rule, Scenario};

/// A scenario, or why its file is none.
type Loaded = Result<Scenario, String>;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let files = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/files"));
    let summary = summary(&files);
    let everything = !arguments.list && !arguments.exact && arguments.filter.is_none();
    let left = settings::without_a_file(files.iter().filter_map(|(_, loaded)| loaded.as_ref().ok()));
    let mut trials: Vec<Trial> = files.into_iter().map(|(file, loaded)| trial(file, loaded)).collect();
    trials.extend(refusals::trials());
    trials.push(Trial::test("the runner - every setting has a file that changes it", || match left {
        Ok(left) if left.is_empty() => Ok(()),
        left => Err(Failed::from(format!("no file of the rule \"settings\" changes {left:?}"))),
    }));
    let conclusion = libtest_mimic::run(&arguments, trials);
    if everything {
        println!("{summary}\n");
    }
    conclusion.exit_code()
}

/// Every file of the directory, in order of their names.
fn load(directory: &Path) -> Vec<(String, Loaded)> {
    let entries = std::fs::read_dir(directory).expect("the directory of the scenario files");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let file = path.file_name().expect("a name").to_string_lossy().into_owned();
        let loaded = match path.extension().and_then(|extension| extension.to_str()) {
            Some("toml") => std::fs::read_to_string(&path)
                .map_err(|error| error.to_string())
                .and_then(|text| Scenario::parse(&text)),
            _ => Err("only files that end in .toml belong here".to_owned()),
        };
        files.push((file, loaded));
    }
    refuse_duplicates(&mut files);
    files
}

/// Of two files with one name, the second is refused: a report must tell them apart.
fn refuse_duplicates(files: &mut [(String, Loaded)]) {
    let mut seen = BTreeSet::new();
    for (_, loaded) in files {
        if let Ok(scenario) = loaded
            && !seen.insert(scenario.name.to_lowercase())
        {
            *loaded = Err(format!("another file has the name {:?}", scenario.name));
        }
    }
}

fn trial(file: String, loaded: Loaded) -> Trial {
    match loaded {
        Ok(scenario) => Trial::test(scenario.name.clone(), move || {
            let failures = judge::failures(&scenario, &play::play(&scenario)?);
            if failures.is_empty() {
                return Ok(());
            }
            Err(Failed::from(format!("{file}\n\n{}", failures.join("\n\n"))))
        }),
        Err(why) => Trial::test(file.clone(), move || Err(Failed::from(format!("{file} is refused: {why}")))),
    }
}

/// How many files there are, and what they show.
fn summary(files: &[(String, Loaded)]) -> String {
    let mut rules: BTreeMap<Rule, usize> = BTreeMap::new();
    let mut pains = BTreeSet::new();
    let mut timelines = BTreeSet::new();
    for scenario in files.iter().filter_map(|(_, loaded)| loaded.as_ref().ok()) {
        *rules.entry(scenario.rule).or_default() += 1;
        pains.extend(scenario.pain);
        timelines.extend(scenario.timeline);
    }
    let rules: Vec<String> = rules.into_iter().map(|(rule, n)| format!("{} {n}", rule.name())).collect();
    let timelines: Vec<String> = timelines.into_iter().map(String::from).collect();
    format!(
        "scenarios: {} files: {}; {} of 15 pains; timelines {}",
        files.len(),
        rules.join(", "),
        pains.len(),
        timelines.join(" ")
    )
}
