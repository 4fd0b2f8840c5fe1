//! Requests which components send: checked against `allowed_outbound_hosts`, handed to another component
//! of the application, or sent over pooled connections.

mod idle_limit;

use std::error::Error as _;
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;

use http::header::HOST;
use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri};
use http_body_util::BodyExt as _;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client as PooledClient, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use self::idle_limit::IdleLimit;
use crate::allowed_hosts::{chained_component, is_self};
use crate::app::App;
use crate::guest::Component;

/// Spin's limit for the first byte of an answer and for each pause in it, unless the guest sets others.
const TIMEOUT: Duration = Duration::from_mins(10);
/// Connections which nobody used for so long are closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// Connections, shared by all components.
#[derive(Clone)]
pub(crate) struct Client {
    pool: PooledClient<HttpsConnector<HttpConnector>, WasiBody>,
}

impl Client {
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let pool = PooledClient::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self { pool }
    }
}

/// One instance's way out.
pub(crate) struct Outbound {
    component: Arc<Component>,
    app: Weak<App>,
}

type Answer = Result<
    (
        Response<WasiBody>,
        Box<dyn Future<Output = Result<(), Error>> + Send>,
    ),
    Error,
>;

impl Outbound {
    pub(crate) fn new(component: &Arc<Component>, app: &Arc<App>) -> Self {
        Self {
            component: Arc::clone(component),
            app: Arc::downgrade(app),
        }
    }
}

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Answer> + Send> {
        let component = Arc::clone(&self.component);
        let app = self.app.upgrade();
        Box::new(async move {
            let app = app.ok_or(Error::ConnectionRefused)?;
            let response = send(&app, &component, request, options.unwrap_or_default()).await?;
            let nothing_to_report: Box<dyn Future<Output = _> + Send> = Box::new(async { Ok(()) });
            Ok((response, nothing_to_report))
        })
    }
}

async fn send(
    app: &Arc<App>,
    component: &Component,
    mut request: Request<WasiBody>,
    options: RequestOptions,
) -> Result<Response<WasiBody>, Error> {
    if app.halted.is_cancelled() {
        return std::future::pending().await;
    }
    let is_self = is_self(request.uri());
    if !component.allowed_hosts.allows(request.uri()) {
        tracing::error!(
            component = %component.id, to = %origin(request.uri()),
            "a request to a host outside allowed_outbound_hosts was denied"
        );
        return Err(Error::HttpRequestDenied);
    }
    // The client sets it again from the address; a chained request has none, as in Spin.
    request.headers_mut().remove(HOST);
    if is_self {
        aim_at_self(app, component, request.uri_mut())?;
    }
    let authority = request
        .uri()
        .authority()
        .map(ToString::to_string)
        .unwrap_or_default();
    let chained = request
        .uri()
        .host()
        .and_then(chained_component)
        .map(str::to_owned);
    app.recorder.outbound(&authority);
    if component.is_http
        && let Some(target) = chained
    {
        return app.chain(&target, request).await;
    }
    let limit = options.first_byte_timeout.unwrap_or(TIMEOUT);
    let response = tokio::time::timeout(limit, app.client.pool.request(request))
        .await
        .map_err(|_| Error::ConnectionReadTimeout)?
        .map_err(|error| error_code(&error))?;
    if app.halted.is_cancelled() {
        return std::future::pending().await;
    }
    let pause_max = options.between_bytes_timeout.unwrap_or(TIMEOUT);
    Ok(response.map(|body| {
        let body = body.map_err(Error::from).boxed_unsync();
        IdleLimit::new(body, pause_max).boxed_unsync()
    }))
}

/// Scheme and authority: the path may hold what logs must not.
fn origin(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("http");
    let authority = uri.authority().map_or("self", Authority::as_str);
    format!("{scheme}://{authority}")
}

/// A request to the application itself goes to its own address. Spin's cron trigger knows none.
fn aim_at_self(app: &App, component: &Component, uri: &mut Uri) -> Result<(), Error> {
    if !component.is_http {
        return Err(Error::HttpRequestUriInvalid);
    }
    let mut parts = std::mem::take(uri).into_parts();
    let authority = Authority::try_from(app.address.to_string());
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority.map_err(|_| Error::HttpRequestUriInvalid)?);
    *uri = Uri::from_parts(parts).map_err(|_| Error::HttpRequestUriInvalid)?;
    Ok(())
}

/// What Spin tells a guest about a request which failed.
fn error_code(error: &ClientError) -> Error {
    tracing::warn!(error = ?error, "an outbound request failed");
    if !error.is_connect() {
        return Error::HttpProtocolError;
    }
    let mut cause = error.source();
    while let Some(current) = cause {
        if current.to_string().starts_with("dns error") {
            return Error::DnsError {
                rcode: Some("address not available".to_owned()),
                info_code: Some(0),
            };
        }
        if current.to_string().contains("tcp connect error") {
            return Error::ConnectionRefused;
        }
        cause = current.source();
    }
    Error::TlsProtocolError
}
