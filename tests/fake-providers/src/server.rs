//! Serves a fake over HTTP/1.1 on a loopback port.
//!
//! Below a router, because faults need the connection itself: to drop it without an answer, or in
//! the middle of one.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// The largest request body read: more than any provider's limit on what we send.
const REQUEST_BODY_MAX: usize = 16 * 1024 * 1024;

/// A fake that answers requests.
pub(crate) trait Answer: Send + Sync + 'static {
    /// Answers, or tells to drop the connection.
    fn answer(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Bytes>, Dropped>> + Send;
}

/// The connection is closed without an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the fake dropped the connection")]
pub struct Dropped;

/// A listening server; stops when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    task: JoinHandle<Infallible>,
}

impl Server {
    /// Listens on a port of 127.0.0.1; 0 takes a free one.
    pub(crate) async fn listen(port: u16) -> std::io::Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    }

    /// Serves a fake on a listener.
    pub(crate) fn start(
        listener: TcpListener,
        address: SocketAddr,
        fake: Arc<impl Answer>,
    ) -> Self {
        let task = tokio::spawn(accept(listener, fake));
        Self { address, task }
    }

    /// Closes the port and every connection.
    pub(crate) fn stop(&self) {
        self.task.abort();
    }

    /// Listens on the same port again after [`Server::stop`].
    pub(crate) async fn restart(&mut self, fake: Arc<impl Answer>) -> std::io::Result<()> {
        self.task.abort();
        // The port is free once the task is gone; how it ended is no news.
        let _ = (&mut self.task).await;
        let listener = TcpListener::bind(self.address).await?;
        self.task = tokio::spawn(accept(listener, fake));
        Ok(())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, fake: Arc<impl Answer>) -> Infallible {
    // Dropped with this task, and every open connection with it.
    let mut connections = JoinSet::new();
    loop {
        // A failed accept concerns one client that went away.
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        connections.spawn(serve(stream, Arc::clone(&fake)));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, fake: Arc<impl Answer>) {
    // Answers are written whole; waiting to fill packets would only add latency.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let fake = Arc::clone(&fake);
        async move {
            let (parts, body) = request.into_parts();
            let body = Limited::new(body, REQUEST_BODY_MAX).collect().await;
            let body = body.map_err(|_| Dropped)?.to_bytes();
            let response = fake.answer(Request::from_parts(parts, body)).await?;
            Ok::<_, Dropped>(response.map(Full::new))
        }
    });
    // An error is a client that went away or a fault that was asked for.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
