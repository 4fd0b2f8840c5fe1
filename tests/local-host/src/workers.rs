//! Instances of HTTP components, reused as Spin reuses them.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::Sleep;
use wasmtime::component::GuestTaskId;
use wasmtime::{Store, StoreContextMut, format_err};
use wasmtime_wasi_http::WasiHttpCtxView;
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, Proxy, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::p3::bindings::ServicePre;

use crate::app::App;
use crate::guest::{Component, Guest};

/// Requests which one instance handles in its life.
const REQUESTS_MAX: usize = 128;
/// Requests which one instance handles at a time.
const CONCURRENT_MAX: usize = 16;
/// An instance without work for so long is dropped.
const IDLE_TIMEOUT: Duration = Duration::from_secs(1);

/// Makes instances of one component.
pub(crate) struct Workers {
    pub(crate) component: Arc<Component>,
    pub(crate) service: ServicePre<Guest>,
    pub(crate) app: Weak<App>,
}

impl HandlerState for Workers {
    type StoreData = Guest;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(&self) -> wasmtime::Result<Instance<Guest, Expiration, Worker>> {
        let app = self
            .app
            .upgrade()
            .ok_or_else(|| format_err!("the host is shutting down"))?;
        let mut store = Store::new(&app.engine, Guest::new(&self.component, &app));
        store.limiter(Guest::limiter);
        let service = self.service.instantiate_async(&mut store).await?;
        let view: fn(&mut Guest) -> WasiHttpCtxView<'_> = Guest::http_view;
        Ok(Instance {
            store,
            proxy: Proxy::P3(service),
            view,
            expiration: Expiration {
                halted: Box::pin(app.halted.clone().cancelled_owned()),
                idle: None,
            },
            state: Worker {
                component: Arc::clone(&self.component.id),
            },
        })
    }
}

/// Ends an instance when it idles or when the host has "crashed".
pub(crate) struct Expiration {
    halted: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
    idle: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl WorkerExpiration for Expiration {
    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        status: WorkerStatus,
        start: Instant,
    ) -> Poll<()> {
        if self.halted.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        // A request, and what the guest does after its answer, may take as long as they like.
        if status != WorkerStatus::Idle {
            self.idle = None;
            return Poll::Pending;
        }
        if self.idle.as_ref().is_none_or(|(since, _)| *since != start) {
            let sleep = tokio::time::sleep_until((start + IDLE_TIMEOUT).into());
            self.idle = Some((start, Box::pin(sleep)));
        }
        match &mut self.idle {
            Some((_, sleep)) => sleep.as_mut().poll(context),
            None => Poll::Pending,
        }
    }
}

/// Limits of one instance.
pub(crate) struct Worker {
    component: Arc<str>,
}

impl WorkerState for Worker {
    type StoreData = Guest;
    type RequestData = ();

    fn should_accept_request(&self, concurrent_count: usize, total_count: usize) -> ShouldAccept {
        if total_count >= REQUESTS_MAX {
            ShouldAccept::Never
        } else if concurrent_count >= CONCURRENT_MAX {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        _: StoreContextMut<'_, Guest>,
        (): (),
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        Box::pin(std::future::pending())
    }

    fn drop(&self, store: Store<Guest>, result: wasmtime::Result<()>) {
        if let Err(error) = result {
            tracing::error!(component = %self.component, error = ?error, "an instance failed and was dropped");
        }
        drop(store);
    }
}
