//! A new project.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::language::Language;
use crate::name::ProjectName;
use crate::templates::{self, CONTRACT};

/// Why there is no new project.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// Something is there already.
    #[error("{} exists and is not empty: nothing was written; choose another folder", .0.display())]
    NotEmpty(PathBuf),
    /// The file system refused.
    #[error("writing {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// Writes a project to `folder`, which must not exist or be empty, and says which files it wrote.
///
/// # Errors
/// Where something is in the folder, or it cannot be written. Never replaces a file.
pub fn create(folder: &Path, name: &ProjectName, language: Language) -> Result<Vec<PathBuf>, CreateError> {
    let failed = |source| CreateError::Io { path: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(failed)?;
    if fs::read_dir(folder).map_err(failed)?.next().is_some() {
        return Err(CreateError::NotEmpty(folder.to_owned()));
    }
    let own = templates::of(language).iter().map(|file| (PathBuf::from(file.path), file));
    let contract = CONTRACT.iter().map(|file| (Path::new("wit").join(file.path), file));
    let mut written = Vec::new();
    for (path, file) in own.chain(contract) {
        let at = folder.join(&path);
        write_new(&at, &file.text_for(name)).map_err(|source| CreateError::Io { path: at, source })?;
        written.push(path);
    }
    Ok(written)
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_gives_a_project_that_is_told_to_be_its_own() {
        let name = "order-status".parse().unwrap();
        for language in Language::ALL {
            let folder = tempfile::tempdir().unwrap();
            let project = folder.path().join("deep/order-status");
            let written = create(&project, &name, language).unwrap();
            assert_eq!(Language::found_in(&project), [language]);
            for file in ["wit/tool.wit", "wit/README.md"] {
                assert!(written.contains(&PathBuf::from(file)), "{written:?}");
            }
            assert!(written.iter().all(|path| project.join(path).is_file()), "{written:?}");
            let manifest = fs::read_to_string(project.join(language.manifest())).unwrap();
            assert!(manifest.contains("order-status"), "{manifest}");
        }
    }

    #[test]
    fn what_is_there_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Cargo.toml"), "mine").unwrap();
        let error = create(folder.path(), &"mine".parse().unwrap(), Language::Rust).unwrap_err();
        assert!(matches!(error, CreateError::NotEmpty(_)), "{error}");
        assert_eq!(fs::read_to_string(folder.path().join("Cargo.toml")).unwrap(), "mine");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "something was written");
        let error = create(&folder.path().join("Cargo.toml"), &"mine".parse().unwrap(), Language::Rust);
        assert!(matches!(error, Err(CreateError::Io { .. })));
    }
}
