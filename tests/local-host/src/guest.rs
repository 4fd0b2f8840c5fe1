//! What one instance of a component has: its WASI context and its share of the application.

mod atomics;
mod buckets;
mod stores;
mod variables;

use std::sync::{Arc, Weak};

use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime::{Engine, ResourceLimiter};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::allowed_hosts::AllowedHosts;
use crate::app::App;
use crate::bindings::imports::{spin, wasi};
use crate::counters::Recorder;
use crate::outbound::Outbound;
use crate::store::{KeyValue, Label};

/// Stores which one instance may hold open, and compare-and-swap handles as well, as in Spin.
const OPEN_MAX: u32 = 256;

/// What all instances of a component share under one trigger.
pub(crate) struct Component {
    pub(crate) id: Arc<str>,
    pub(crate) stores: Vec<Label>,
    pub(crate) allowed_hosts: AllowedHosts,
    pub(crate) environment: Vec<(String, String)>,
    /// Whether an HTTP trigger runs it: only there calls to other components are possible.
    pub(crate) is_http: bool,
}

/// The data of a `wasmtime` store.
pub(crate) struct Guest {
    component: Arc<Component>,
    app: Weak<App>,
    key_value: KeyValue,
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: Outbound,
    open_stores: u32,
    open_cas: u32,
    memory: PeakMemory,
}

/// An open store (`spin:key-value`) or bucket (`wasi:keyvalue`).
#[expect(unreachable_pub, reason = "the generated code re-exports it")]
pub struct OpenStore {
    label: Label,
}

/// A compare-and-swap which has begun.
#[expect(unreachable_pub, reason = "the generated code re-exports it")]
pub struct Cas {
    label: Label,
    key: String,
    current: Option<Vec<u8>>,
}

/// Tells the generated code how to reach the guest's data.
pub(crate) struct HasGuest;

impl HasData for HasGuest {
    type Data<'a> = &'a mut Guest;
}

impl Guest {
    pub(crate) fn new(component: &Arc<Component>, app: &Arc<App>) -> Self {
        let mut wasi = WasiCtxBuilder::new();
        wasi.wall_clock(app.clock.clone())
            .envs(&component.environment);
        if app.shows_guest_output {
            wasi.inherit_stdout().inherit_stderr();
        }
        Self {
            component: Arc::clone(component),
            app: Arc::downgrade(app),
            key_value: app.key_value.clone(),
            table: ResourceTable::new(),
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            outbound: Outbound::new(component, app),
            open_stores: 0,
            open_cas: 0,
            memory: PeakMemory {
                component: Arc::clone(&component.id),
                recorder: app.recorder.clone(),
                bytes: 0,
            },
        }
    }

    pub(crate) fn limiter(&mut self) -> &mut dyn ResourceLimiter {
        &mut self.memory
    }

    pub(crate) fn http_view(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.outbound,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }

    /// The label, if the component declares it.
    fn declared(&self, label: &str) -> Option<Label> {
        self.component
            .stores
            .iter()
            .find(|declared| ***declared == *label)
            .cloned()
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        self.http_view()
    }
}

/// Everything a component may import.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    spin::key_value::key_value::add_to_linker::<_, HasGuest>(&mut linker, |guest| guest)?;
    spin::variables::variables::add_to_linker::<_, HasGuest>(&mut linker, |guest| guest)?;
    wasi::keyvalue::store::add_to_linker::<_, HasGuest>(&mut linker, |guest| guest)?;
    wasi::keyvalue::batch::add_to_linker::<_, HasGuest>(&mut linker, |guest| guest)?;
    wasi::keyvalue::atomics::add_to_linker::<_, HasGuest>(&mut linker, |guest| guest)?;
    Ok(linker)
}

/// Notes the largest linear memory; refuses nothing.
struct PeakMemory {
    component: Arc<str>,
    recorder: Recorder,
    bytes: usize,
}

impl ResourceLimiter for PeakMemory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // A component built by Rust has one linear memory, small shims aside: the sum is what it holds.
        self.bytes += desired.saturating_sub(current);
        self.recorder.memory(&self.component, self.bytes as u64);
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(true)
    }
}
