//! What kind of file it is.

use sha2::{Digest, Sha256};
use wasmparser::Parser;

use crate::limits::Limits;
use crate::refusal::{Code, Refusal};

/// How files of machine code begin. The first is that of wasmtime's own, which are ELF; the second that of its early
/// releases; then other ahead-of-time compilers and systems.
const MACHINE_CODE: [&[u8]; 7] = [
    b"\x7fELF",
    b"\0wasmtime-aot",
    b"\0aot",
    b"MZ",
    b"\xcf\xfa\xed\xfe",
    b"\xce\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
];

pub(crate) fn check_size(bytes: &[u8], limits: &Limits) -> Result<(), Refusal> {
    let (size, most) = (bytes.len(), limits.component_bytes);
    if size <= most {
        return Ok(());
    }
    Err(Refusal::new(
        Code::TooLarge,
        format!("the component has {size} bytes"),
        format!("tier `{}` allows {most}: strip it and optimise for size", limits.tier),
    ))
}

pub(crate) fn digest(bytes: &[u8], work: &mut u64) -> String {
    *work = work.saturating_add(bytes.len() as u64);
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn check_kind(bytes: &[u8]) -> Result<(), Refusal> {
    // Machine code made elsewhere must never come near a loader: it could do anything.
    if MACHINE_CODE.iter().any(|beginning| bytes.starts_with(beginning)) {
        let mend = "upload the `.wasm` component that it was made from";
        return Err(Refusal::new(Code::Precompiled, "the file is machine code", mend));
    }
    if Parser::is_core_wasm(bytes) {
        let mend =
            "make a component of it: build for `wasm32-wasip2`, or wrap it with `wasm-tools component new`";
        return Err(Refusal::new(Code::CoreModule, "the file is a core module", mend));
    }
    if !bytes.starts_with(b"\0asm") {
        let mend = "upload the binary `.wasm` component, not its text, an archive or a script";
        return Err(Refusal::new(Code::NotWasm, "the file is no WebAssembly binary", mend));
    }
    Ok(())
}
