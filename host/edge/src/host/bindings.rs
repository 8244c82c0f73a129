//! Generated from `wit/deps`.

#![allow(clippy::all, reason = "generated code")]

wasmtime::component::bindgen!({
    path: [
        "../../wit/deps/spin-key-value@3.0.0",
        "../../wit/deps/spin-sqlite@3.1.0",
        "../../wit/deps/spin-variables@3.0.0",
    ],
    inline: "
        package edge:host;
        world spin {
            import spin:key-value/key-value@3.0.0;
            import spin:sqlite/sqlite@3.1.0;
            import spin:variables/variables@3.0.0;
        }
    ",
    world: "edge:host/spin",
    imports: { default: async | trappable },
    with: {
        "spin:key-value/key-value.store": super::key_value::Store,
        "spin:sqlite/sqlite.connection": super::sqlite::Connection,
    },
});
