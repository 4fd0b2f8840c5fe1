//! The HTTP server in front of the application.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wasmtime_wasi_http::{Error, WasiBody};

use crate::app::{App, empty};
use crate::headers::strip_forbidden;
use crate::routes::WELL_KNOWN_PREFIX;

/// A pause after a failed accept: the usual cause is a full table of open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `closing` (open requests are finished) or until the host halts (nothing is finished).
pub(crate) async fn serve(app: Arc<App>, listener: TcpListener, closing: CancellationToken) {
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = closing.cancelled() => break,
            () = app.halted.cancelled() => return,
        };
        match accepted {
            Ok((stream, client)) => {
                let connection = connection(Arc::clone(&app), stream, client, closing.clone());
                connections.spawn(connection);
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    connections.close();
    connections.wait().await;
}

async fn connection(
    app: Arc<App>,
    stream: TcpStream,
    client: SocketAddr,
    closing: CancellationToken,
) {
    let halted = app.halted.clone();
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
    let service = service_fn(move |request| {
        let app = Arc::clone(&app);
        async move { Ok::<_, Infallible>(answer(&app, request, client).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    let mut served = std::pin::pin!(served);
    let outcome = tokio::select! {
        outcome = served.as_mut() => outcome,
        () = halted.cancelled() => return,
        () = closing.cancelled() => {
            served.as_mut().graceful_shutdown();
            tokio::select! {
                outcome = served => outcome,
                () = halted.cancelled() => return,
            }
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn answer(
    app: &App,
    mut request: Request<Incoming>,
    client: SocketAddr,
) -> Response<WasiBody> {
    strip_forbidden(request.headers_mut());
    if let Some(name) = request.uri().path().strip_prefix(WELL_KNOWN_PREFIX) {
        return match name {
            "health" => Response::new(
                Full::new(Bytes::from_static(b"OK"))
                    .map_err(Error::from)
                    .boxed_unsync(),
            ),
            _ => empty(StatusCode::NOT_FOUND),
        };
    }
    match app.router.find(request.uri().path()) {
        Some(found) => {
            let request = request.map(|body| body.map_err(Error::from).boxed_unsync());
            app.handle(&found, request, client).await
        }
        None => empty(StatusCode::NOT_FOUND),
    }
}
