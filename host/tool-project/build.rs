//! Lists the files of the templates and of the contract, so that both are in the program and it needs nothing beside it.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

fn main() -> io::Result<()> {
    let package = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").ok_or(io::ErrorKind::NotFound)?);
    let output = PathBuf::from(std::env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    let mut code = String::new();
    for language in ["rust", "javascript", "python"] {
        let folder = package.join("templates").join(language);
        code += &list(&language.to_uppercase(), &folder)?;
    }
    // With the README, which says what a call may use and what never changes.
    code += &list("CONTRACT", &package.join("../../wit/tool"))?;
    fs::write(output.join("files.rs"), code)
}

/// A constant that lists every file below `folder`, by path and text.
fn list(constant: &str, folder: &Path) -> io::Result<String> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.sort();
    let mut code = format!("pub(crate) const {constant}: &[File] = &[\n");
    for path in files {
        let name = path.strip_prefix(folder).map_err(io::Error::other)?.to_string_lossy().replace('\\', "/");
        writeln!(code, "    File {{ path: {name:?}, text: include_str!({:?}) }},", path.display())
            .map_err(io::Error::other)?;
    }
    code.push_str("];\n");
    Ok(code)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}
