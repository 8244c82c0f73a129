//! Imports that compilers' standard libraries make unasked.
//!
//! Rust's `std` for WASI imports command-line, clock, file and stream interfaces
//! whether or not a component uses them. They must resolve for the component to
//! link, and there must be nothing behind them.

use wasmtime::component::{Component, Linker};

/// Packages whose interfaces may be imported and are inert.
const INERT_PACKAGES: [&str; 5] =
    ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/"];

/// Whether `import` is the name of an interface that may be imported and is inert.
pub(crate) fn is_inert(import: &str) -> bool {
    INERT_PACKAGES.iter().any(|package| import.starts_with(package)) && import.contains("@0.2.")
}

/// Links every import of `component` that is still open to a trap, save randomness,
/// without which `std` collections cannot be made.
///
/// The caller has already checked that only inert interfaces are still open.
pub(crate) fn link<T: 'static>(linker: &mut Linker<T>, component: &Component) -> wasmtime::Result<()> {
    let ty = component.component_type();
    for (name, _) in ty.imports(component.engine()) {
        let Some((interface, _)) = name.split_once("@0.2.") else { continue };
        match interface {
            "wasi:random/insecure-seed" => {
                linker.instance(name)?.func_wrap("insecure-seed", |_, (): ()| Ok(((SEEDS[0], SEEDS[1]),)))?;
            }
            "wasi:random/random" => link_random(linker, name, "get-random-bytes", "get-random-u64")?,
            "wasi:random/insecure" => {
                link_random(linker, name, "get-insecure-random-bytes", "get-insecure-random-u64")?;
            }
            _ => {}
        }
    }
    linker.define_unknown_imports_as_traps(component)
}

/// Constants: the same inputs must give the same outputs, and a hash map that is
/// flooded hurts only the call that flooded it.
const SEEDS: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xd1b5_4a32_d192_ed03];

/// The most bytes of one draw: a hash map's seed is 32.
const MAX_DRAW: u64 = 4096;

fn link_random<T: 'static>(
    linker: &mut Linker<T>,
    name: &str,
    bytes: &str,
    word: &str,
) -> wasmtime::Result<()> {
    let mut instance = linker.instance(name)?;
    instance.func_wrap(bytes, |_, (length,): (u64,)| {
        wasmtime::ensure!(
            length <= MAX_DRAW,
            "{length} random bytes are asked for at once, {MAX_DRAW} at most"
        );
        let cycle = SEEDS.into_iter().flat_map(u64::to_le_bytes).cycle();
        Ok((cycle.take(usize::try_from(length)?).collect::<Vec<u8>>(),))
    })?;
    instance.func_wrap(word, |_, (): ()| Ok((SEEDS[0],)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_standard_library_set_is_inert() {
        for (import, inert) in [
            ("wasi:cli/environment@0.2.6", true),
            ("wasi:io/streams@0.2.0", true),
            ("wasi:sockets/tcp@0.2.6", false),
            ("wasi:http/outgoing-handler@0.2.6", false),
            ("wasi:cli/stdout@0.3.0", false),
            ("voicehive:tool/records@0.1.0", false),
        ] {
            assert_eq!(is_inert(import), inert, "{import}");
        }
    }
}
