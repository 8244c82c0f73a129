//! Parsing WIT packages; every error is a text with the place in it, ready to be shown.

use std::path::Path;

use wit_parser::{PackageId, Resolve, SourceMap, UnresolvedPackageGroup};

/// The package in the `.wit` files of `directory`, its references not followed yet.
pub fn parse(directory: &Path) -> Result<UnresolvedPackageGroup, String> {
    let mut sources = SourceMap::new();
    sources.push_dir(directory).map_err(|error| format!("{error:#}"))?;
    sources.parse().map_err(|(sources, error)| error.render(&sources))
}

/// `main` with every reference followed, into itself or into `dependencies`.
pub fn resolve(
    main: &UnresolvedPackageGroup,
    dependencies: &[UnresolvedPackageGroup],
) -> Result<(Resolve, PackageId), String> {
    let mut resolve = Resolve { all_features: true, ..Resolve::default() };
    match resolve.push_groups(main.clone(), dependencies.to_vec()) {
        Ok(package) => Ok((resolve, package)),
        Err(error) => Err(resolve.render_error(&error.into())),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    #[test]
    fn a_syntax_error_is_shown_with_file_and_line() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("bad.wit"), "package a:b;\n\ninterface c { d: funk(); }\n")
            .unwrap();
        let problem = parse(directory.path()).unwrap_err();
        assert!(problem.contains("bad.wit:3:"), "{problem}");
    }

    #[test]
    fn a_package_may_use_a_vendored_one_and_no_other() {
        let user = group("package a:b;\ninterface c { use d:e/f.{g}; h: func() -> g; }");
        let used = group("package d:e;\ninterface f { type g = u8; }");
        assert!(resolve(&user, std::slice::from_ref(&used)).is_ok());
        let problem = resolve(&user, &[]).unwrap_err();
        assert!(problem.contains("d:e"), "{problem}");
    }

    /// A package from one file's text.
    pub fn group(source: &str) -> UnresolvedPackageGroup {
        let mut sources = SourceMap::new();
        sources.push_str("source.wit", source);
        sources.parse().map_err(|(sources, error)| error.render(&sources)).unwrap()
    }
}
