//! Generated from `wit/`: what components import beyond WASI, and what the cron trigger calls.

pub(crate) mod imports {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "rollcall:local-host/spin-imports",
        imports: {
            "wasi:keyvalue": async | trappable,
            default: async | trappable,
        },
        with: {
            "spin:key-value/key-value.store": crate::guest::OpenStore,
            "wasi:keyvalue/store.bucket": crate::guest::OpenStore,
            "wasi:keyvalue/atomics.cas": crate::guest::Cas,
        },
    });
}

pub(crate) mod cron {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "spin:cron/spin-cron",
    });
}
