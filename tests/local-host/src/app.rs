//! The application: compiled components, routes, stores, variables, and how a request reaches a component.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use wasmtime::component::{Component as Compiled, Linker};
use wasmtime::{Cache, CacheConfig, Config, Engine};
use wasmtime_wasi_http::handler::ProxyHandler;
use wasmtime_wasi_http::p3::bindings::ServicePre;
use wasmtime_wasi_http::{Error as HttpError, WasiBody};

use crate::allowed_hosts::{AllowedHostError, AllowedHosts};
use crate::bindings::cron::SpinCronPre;
use crate::build::Artifacts;
use crate::clock::MovableClock;
use crate::counters::Recorder;
use crate::cron::{Schedule, Ticker};
use crate::guest::{self, Component, Guest};
use crate::headers::{add_spin_headers, make_absolute};
use crate::manifest::{self, Manifest, ManifestError};
use crate::outbound::Client;
use crate::routes::{RouteMatch, Router};
use crate::store::KeyValue;
use crate::variables::{VariableError, Variables};
use crate::workers::Workers;

/// The client address of a chained request.
const CHAINED_CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// The application can't be loaded.
#[derive(Debug, Error)]
pub enum LoadError {
    /// An `allowed_outbound_hosts` entry is malformed once its variables are filled in.
    #[error("component {component:?}: allowed_outbound_hosts: {error}")]
    AllowedHost {
        /// The component's id.
        component: String,
        /// What is wrong.
        error: AllowedHostError,
    },
    /// The manifest is malformed.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The build has no file for the component.
    #[error("component {0:?} was not built")]
    NotBuilt(String),
    /// A variable has no value or a template is wrong.
    #[error(transparent)]
    Variable(#[from] VariableError),
    /// A `.wasm` file doesn't compile, or imports or exports what it may not.
    #[error("component {component:?}: {error:?}")]
    Wasm {
        /// The component's id.
        component: String,
        /// What is wrong.
        error: wasmtime::Error,
    },
    /// The engine itself can't be set up.
    #[error("the WebAssembly engine can't start: {0:?}")]
    Engine(wasmtime::Error),
}

/// What the application is loaded with.
pub(crate) struct Parts {
    pub(crate) manifest: Manifest,
    pub(crate) variables: Variables,
    pub(crate) key_value: KeyValue,
    pub(crate) clock: MovableClock,
    pub(crate) recorder: Recorder,
    pub(crate) halted: CancellationToken,
    pub(crate) address: SocketAddr,
    pub(crate) shows_guest_output: bool,
}

/// A running application.
pub(crate) struct App {
    pub(crate) engine: Engine,
    pub(crate) router: Router,
    pub(crate) variables: Variables,
    pub(crate) key_value: KeyValue,
    pub(crate) clock: MovableClock,
    pub(crate) recorder: Recorder,
    /// Cancelled when the host ends or "crashes": whatever still runs then waits forever or is dropped.
    pub(crate) halted: CancellationToken,
    pub(crate) client: Client,
    pub(crate) address: SocketAddr,
    pub(crate) shows_guest_output: bool,
    pub(crate) tickers: Vec<Ticker>,
    services: BTreeMap<String, ProxyHandler<Workers>>,
}

impl App {
    /// Compiles every component which a trigger names and connects it. Blocks for as long as the compiler
    /// takes: seconds without a filled cache.
    pub(crate) fn load(parts: Parts, artifacts: &Artifacts) -> Result<Arc<Self>, LoadError> {
        let engine = engine(artifacts.cache_directory()).map_err(LoadError::Engine)?;
        let linker = guest::linker(&engine).map_err(LoadError::Engine)?;
        let compiled = compile(&engine, &parts.manifest, artifacts)?;
        let manifest = &parts.manifest;
        let router = Router::build(&manifest.http_triggers)?;
        let mut services = BTreeMap::new();
        for id in manifest.http_components() {
            let service = wasm(
                id,
                prepare(&linker, &compiled, id).and_then(ServicePre::new),
            )?;
            services.insert(id.to_owned(), (shared(&parts, id, true)?, service));
        }
        let mut tickers = Vec::new();
        for trigger in &manifest.cron_triggers {
            let id = &trigger.component;
            let handler = wasm(
                id,
                prepare(&linker, &compiled, id).and_then(SpinCronPre::new),
            )?;
            let schedule =
                Schedule::parse(&trigger.expression).map_err(|reason| ManifestError::Cron {
                    component: id.clone(),
                    expression: trigger.expression.clone(),
                    reason,
                })?;
            tickers.push(Ticker {
                component: shared(&parts, id, false)?,
                handler,
                schedule,
            });
        }
        Ok(Arc::new_cyclic(|app| Self {
            engine,
            router,
            variables: parts.variables,
            key_value: parts.key_value,
            clock: parts.clock,
            recorder: parts.recorder,
            halted: parts.halted,
            client: Client::new(),
            address: parts.address,
            shows_guest_output: parts.shows_guest_output,
            tickers,
            services: connect(services, app),
        }))
    }

    /// A request from outside, already matched to a route.
    pub(crate) async fn handle(
        &self,
        found: &RouteMatch,
        mut request: Request<WasiBody>,
        client: SocketAddr,
    ) -> Response<WasiBody> {
        if let Err(error) = make_absolute(&mut request) {
            tracing::error!(%error, "a request has no usable authority");
            return empty(StatusCode::INTERNAL_SERVER_ERROR);
        }
        let Some(service) = self.services.get(&found.component) else {
            return empty(StatusCode::INTERNAL_SERVER_ERROR);
        };
        add_spin_headers(&mut request, found, client);
        self.recorder.request(&found.component);
        match service.handle((), request).await {
            Ok(response) => response,
            Err(_) if self.halted.is_cancelled() => std::future::pending().await,
            Err(error) => {
                tracing::error!(component = %found.component, error = ?error, "error processing request");
                empty(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }

    /// A request from one component to another.
    pub(crate) async fn chain(
        &self,
        component: &str,
        request: Request<WasiBody>,
    ) -> Result<Response<WasiBody>, HttpError> {
        if !self.services.contains_key(component) {
            let message = format!("unknown routing destination '{component}'");
            return Err(HttpError::InternalError(Some(message)));
        }
        let found = RouteMatch::chained(component, request.uri().path());
        Ok(Box::pin(self.handle(&found, request, CHAINED_CLIENT)).await)
    }
}

/// A response without a body.
pub(crate) fn empty(status: StatusCode) -> Response<WasiBody> {
    let body = Empty::new().map_err(HttpError::from).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

fn engine(cache: &Path) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config.wasm_component_model_async(true);
    let mut cache_config = CacheConfig::new();
    cache_config.with_directory(cache);
    config.cache(Some(Cache::new(cache_config)?));
    Engine::new(&config)
}

fn wasm<T>(component: &str, result: wasmtime::Result<T>) -> Result<T, LoadError> {
    result.map_err(|error| LoadError::Wasm {
        component: component.to_owned(),
        error,
    })
}

/// Held while components are compiled: of several hosts that start together in one process, the first
/// fills the cache and the others read it, instead of each compiling the same.
static COMPILING: Mutex<()> = Mutex::new(());

/// Compiles all components at once: there are more of them than processors, and each has serial phases.
fn compile(
    engine: &Engine,
    manifest: &Manifest,
    artifacts: &Artifacts,
) -> Result<BTreeMap<String, Compiled>, LoadError> {
    let _compiling = COMPILING.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        let mut running = Vec::new();
        for id in manifest.components.keys() {
            let path = artifacts
                .path(id)
                .ok_or_else(|| LoadError::NotBuilt(id.clone()))?;
            running.push((id, scope.spawn(move || Compiled::from_file(engine, path))));
        }
        running
            .into_iter()
            .map(|(id, thread)| {
                let result = thread
                    .join()
                    .unwrap_or_else(|_| Err(wasmtime::format_err!("the compiler panicked")));
                Ok((id.clone(), wasm(id, result)?))
            })
            .collect()
    })
}

fn prepare(
    linker: &Linker<Guest>,
    compiled: &BTreeMap<String, Compiled>,
    id: &str,
) -> wasmtime::Result<wasmtime::component::InstancePre<Guest>> {
    let component = compiled
        .get(id)
        .ok_or_else(|| wasmtime::format_err!("not compiled"))?;
    linker.instantiate_pre(component)
}

/// What the instances of `id` share.
fn shared(parts: &Parts, id: &str, is_http: bool) -> Result<Arc<Component>, LoadError> {
    let declared: &manifest::Component = parts
        .manifest
        .components
        .get(id)
        .ok_or_else(|| ManifestError::UnknownComponent(id.to_owned()))?;
    let allowed_hosts =
        AllowedHosts::resolve(&declared.allowed_outbound_hosts, &parts.variables, id).map_err(
            |error| LoadError::AllowedHost {
                component: id.to_owned(),
                error,
            },
        )?;
    Ok(Arc::new(Component {
        id: id.into(),
        stores: declared
            .key_value_stores
            .iter()
            .map(|label| label.as_str().into())
            .collect(),
        allowed_hosts,
        environment: declared.environment.clone().into_iter().collect(),
        is_http,
    }))
}

fn connect(
    services: BTreeMap<String, (Arc<Component>, ServicePre<Guest>)>,
    app: &Weak<App>,
) -> BTreeMap<String, ProxyHandler<Workers>> {
    let connected = services.into_iter().map(|(id, (component, service))| {
        let workers = Workers {
            component,
            service,
            app: Weak::clone(app),
        };
        (id, ProxyHandler::new(workers))
    });
    connected.collect()
}
