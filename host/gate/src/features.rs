//! The WebAssembly that tools may be written in.

use wasmparser::WasmFeatures;

/// Everything that a tool may use; whatever is not here is off, also what future versions of the parser add.
///
/// It is the part of WebAssembly 2.0 that compilers emit, and components without async. Async is where the sandbox
/// escapes of 2026 were. Garbage collection, exceptions and threads need machinery that the engine leaves out; several
/// memories, 64-bit memories and odd page sizes would each be a way round what is counted.
pub const ALLOWED: WasmFeatures = WasmFeatures::COMPONENT_MODEL
    .union(WasmFeatures::MUTABLE_GLOBAL)
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::FLOATS);

/// Everything the parser knows: tells what is off from what is wrong.
pub(crate) const KNOWN: WasmFeatures = WasmFeatures::all();
