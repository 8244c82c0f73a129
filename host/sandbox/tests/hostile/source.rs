//! Reading the hostile tools, which are texts with a little shorthand.
//!
//! A source begins with a line that says what it tries and a line `;; ends: code`. `(include name)` stands for the text of
//! `parts/name.wat`. A line that ends with `;; repeat: n` stands for n such lines, `#` in them for 0, 1, 2 and so on.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// A hostile tool.
pub struct Source {
    /// The name of its file without the ending.
    pub name: String,
    /// What it tries.
    pub tries: String,
    /// The documented code that it ends with.
    pub ends: String,
    text: String,
}

impl Source {
    pub fn read(name: &str) -> Self {
        let path = folder().join(format!("{name}.wat"));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut lines = text.lines();
        let mut header = |prefix: &str| -> String {
            let line = lines.next().and_then(|line| line.strip_prefix(prefix));
            line.unwrap_or_else(|| panic!("{name}: a line should begin with `{prefix}`")).to_owned()
        };
        Self { name: name.into(), tries: header(";; "), ends: header(";; ends: "), text }
    }

    /// All of them, by name.
    pub fn all() -> Vec<Self> {
        let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
        let sources = entries.filter(|path| path.extension().is_some_and(|extension| extension == "wat"));
        let mut names: Vec<String> =
            sources.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        names.sort();
        names.iter().map(|name| Self::read(name)).collect()
    }

    /// The component.
    pub fn bytes(&self) -> Vec<u8> {
        wat::parse_str(repeat(&include(&self.text))).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }
}

/// Where the sources are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile")
}

fn include(text: &str) -> String {
    let Some((before, rest)) = text.split_once("(include ") else { return text.to_owned() };
    let (name, after) = rest.split_once(')').unwrap();
    let path = folder().join("parts").join(format!("{name}.wat"));
    let part = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    format!("{before}{}{}", include(part.trim()), include(after))
}

fn repeat(text: &str) -> String {
    let mut repeated = String::with_capacity(text.len());
    for line in text.lines() {
        match line.split_once(";; repeat: ") {
            None => writeln!(repeated, "{line}").unwrap(),
            Some((line, times)) => {
                for number in 0..times.trim().parse().unwrap() {
                    writeln!(repeated, "{}", line.replace('#', &i32::to_string(&number))).unwrap();
                }
            }
        }
    }
    repeated
}
