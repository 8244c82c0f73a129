//! What wasmtime generates from the contracts.

#![allow(missing_docs, reason = "generated; the WIT holds the prose")]

pub(crate) mod webhook_verification {
    wasmtime::component::bindgen!({ path: "../../wit/webhooks", world: "webhook-verification-capability" });
}

pub(crate) mod call_routing {
    wasmtime::component::bindgen!({ path: "../../wit/platform", world: "call-routing-capability" });
}

pub(crate) mod sentiment {
    wasmtime::component::bindgen!({ path: "../../wit/platform", world: "sentiment-capability" });
}

pub(crate) mod memory {
    wasmtime::component::bindgen!({ path: "../../wit/platform", world: "memory-capability" });
}

pub(crate) mod tool_calls {
    wasmtime::component::bindgen!({ path: "../../wit/platform", world: "tool-calls-capability" });
}

pub(crate) mod tool {
    wasmtime::component::bindgen!({
        path: "../../wit/tool",
        world: "tool-component",
        imports: { default: trappable },
    });
}

/// The types of the capability interfaces, by interface.
pub mod platform {
    pub use super::call_routing::exports::voicehive::platform::call_routing;
    pub use super::memory::exports::voicehive::platform::memory;
    pub use super::sentiment::exports::voicehive::platform::sentiment;
    pub use super::tool_calls::exports::voicehive::platform::tool_calls;
    pub use super::webhook_verification::exports::voicehive::webhooks::webhook_verification;
}
