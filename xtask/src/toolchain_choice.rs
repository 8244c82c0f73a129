//! The decision which compiler builds the components: a pure function of what was found.

use serde::{Deserialize, Serialize};

/// A compiler that can build components.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Toolchain {
    /// The active Rust toolchain, with its wasm32-wasip2 standard library
    Rustup,
    /// Debian's rustc-web and wasi-libc, with the standard library built from source
    Debian,
}

/// All that the decision depends on.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The active toolchain has the target's standard library.
    pub target_installed: bool,
    /// `rustup` is on PATH.
    pub rustup: bool,
    /// `rustup target add` has failed for this toolchain.
    pub rustup_failed: bool,
    /// The toolchain's own linker for components is there: Debian's rustc comes without.
    pub component_linker: bool,
    /// Debian's compiler, its standard library's source and the C library for WebAssembly are installed.
    pub debian_installed: bool,
    /// `apt-get` is on PATH and may be used without asking for a password.
    pub apt: Option<Apt>,
    /// `apt-get` has failed to install the packages.
    pub apt_failed: bool,
}

/// How `apt-get` may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apt {
    AsRoot,
    ThroughSudo,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    Use(Toolchain),
    AddTarget,
    InstallPackages(Apt),
    GiveUp,
}

/// The step that the facts call for. Each step changes the fact that led to it, so doing one after the other
/// ends.
pub fn next_step(facts: Facts) -> Step {
    if facts.target_installed {
        Step::Use(Toolchain::Rustup)
    } else if facts.rustup && !facts.rustup_failed {
        Step::AddTarget
    } else if !facts.component_linker {
        Step::GiveUp
    } else if facts.debian_installed {
        Step::Use(Toolchain::Debian)
    } else {
        match facts.apt {
            Some(apt) if !facts.apt_failed => Step::InstallPackages(apt),
            _ => Step::GiveUp,
        }
    }
}

/// The facts with every way but the forced one taken out.
pub fn restricted(facts: Facts, forced: Option<Toolchain>) -> Facts {
    match forced {
        None => facts,
        Some(Toolchain::Rustup) => Facts { debian_installed: false, apt: None, ..facts },
        Some(Toolchain::Debian) => Facts { target_installed: false, rustup: false, ..facts },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installed_target_is_used_whatever_else_there_is() {
        let facts = Facts { target_installed: true, ..everything() };
        assert_eq!(next_step(facts), Step::Use(Toolchain::Rustup));
    }

    #[test]
    fn rustup_is_tried_once_before_the_packages() {
        assert_eq!(next_step(everything()), Step::AddTarget);
        let facts = Facts { rustup_failed: true, ..everything() };
        assert_eq!(next_step(facts), Step::Use(Toolchain::Debian));
    }

    #[test]
    fn missing_packages_are_installed_where_that_needs_no_password() {
        let facts = Facts { rustup_failed: true, debian_installed: false, ..everything() };
        assert_eq!(next_step(facts), Step::InstallPackages(Apt::AsRoot));
        assert_eq!(next_step(Facts { apt: None, ..facts }), Step::GiveUp);
        assert_eq!(next_step(Facts { apt_failed: true, ..facts }), Step::GiveUp);
    }

    #[test]
    fn packages_are_of_no_use_without_a_linker_for_components() {
        let facts = Facts { rustup: false, component_linker: false, ..everything() };
        assert_eq!(next_step(facts), Step::GiveUp);
    }

    #[test]
    fn a_forced_toolchain_excludes_the_other() {
        let installed = Facts { target_installed: true, ..everything() };
        let debian = restricted(installed, Some(Toolchain::Debian));
        assert_eq!(next_step(debian), Step::Use(Toolchain::Debian));
        let rustup = restricted(Facts { rustup_failed: true, ..everything() }, Some(Toolchain::Rustup));
        assert_eq!(next_step(rustup), Step::GiveUp);
    }

    #[test]
    fn every_set_of_facts_ends_whatever_fails() {
        for bits in 0..64_u8 {
            let bit = |n: u8| bits & (1 << n) != 0;
            let mut facts = Facts {
                target_installed: bit(0),
                rustup: bit(1),
                rustup_failed: bit(2),
                component_linker: bit(3),
                debian_installed: bit(4),
                apt: bit(5).then_some(Apt::ThroughSudo),
                apt_failed: false,
            };
            let mut steps = 0;
            loop {
                steps += 1;
                match next_step(facts) {
                    Step::AddTarget => facts.rustup_failed = true,
                    Step::InstallPackages(_) => facts.apt_failed = true,
                    Step::Use(_) | Step::GiveUp => break,
                }
            }
            assert!(steps <= 3, "{facts:?}");
        }
    }

    /// All ways are open, and none has been tried.
    fn everything() -> Facts {
        Facts {
            target_installed: false,
            rustup: true,
            rustup_failed: false,
            component_linker: true,
            debian_installed: true,
            apt: Some(Apt::AsRoot),
            apt_failed: false,
        }
    }
}
