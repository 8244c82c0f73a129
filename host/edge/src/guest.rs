//! What belongs to one instance: its WASI context, its limits, and what the host functions need to know about it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::OwnedSemaphorePermit;
use wasmtime::component::ResourceTable;
use wasmtime::{Engine, Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::host::Stores;
use crate::limiter::Limiter;
use crate::outbound::{Outbound, Requests};
use crate::stdio::{Kind, Output};
use crate::ticker::Running;

/// Host resources that one instance may hold.
const MAX_RESOURCES: usize = 4096;
/// Component handles that one instance may hold.
const MAX_HANDLES: usize = 4096;
/// Bytes that one call may pass from guest to host. The default of 128 MiB would count against the host, not the guest.
const MAX_CALL_BYTES: usize = 32 << 20;
/// Random bytes that one call may ask for.
const MAX_RANDOM: u64 = 1 << 20;

/// What a component is granted, resolved when the application is loaded.
pub(crate) struct Grants {
    pub(crate) component: Arc<str>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) stores: Stores,
    pub(crate) outbound: Outbound,
    pub(crate) memory: usize,
}

/// Tells work that outlives an instance, such as a statement on another thread, that the instance is gone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gone(Arc<AtomicBool>);

impl Gone {
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The data of one store.
pub(crate) struct Guest {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    pub(crate) table: ResourceTable,
    limiter: Limiter,
    pub(crate) requests: Requests,
    pub(crate) grants: Arc<Grants>,
    pub(crate) open_connections: usize,
    pub(crate) open_stores: usize,
    pub(crate) gone: Gone,
    _running: Running,
    _place: OwnedSemaphorePermit,
}

impl Guest {
    /// A fresh store for one instance.
    pub(crate) fn store(
        engine: &Engine,
        grants: &Arc<Grants>,
        running: Running,
        place: OwnedSemaphorePermit,
    ) -> Store<Self> {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        let wasi = WasiCtxBuilder::new()
            .stdout(Output::new(grants.component.clone(), Kind::Stdout))
            .stderr(Output::new(grants.component.clone(), Kind::Stderr))
            .envs(&grants.environment)
            .allow_tcp(false)
            .allow_udp(false)
            .max_random_size(MAX_RANDOM)
            .build();
        let guest = Self {
            wasi,
            http: WasiHttpCtx::new(),
            table,
            limiter: Limiter::new(grants.memory),
            requests: Requests::new(grants.clone()),
            grants: grants.clone(),
            open_connections: 0,
            open_stores: 0,
            gone: Gone::default(),
            _running: running,
            _place: place,
        };
        let mut store = Store::new(engine, guest);
        store.limiter(|guest| &mut guest.limiter);
        store.set_hostcall_fuel(MAX_CALL_BYTES);
        store.set_max_component_handles(MAX_HANDLES);
        store.set_epoch_deadline(1);
        // Tokio's own yield lets the I/O driver run before this guest does again.
        store.epoch_deadline_callback(|_| {
            Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
        });
        store
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.gone.set();
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.requests }
    }
}
