//! Builds the fixtures once, starts hosts on them and talks to them.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "in a test, support which fails fails the test"
)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use local_host::{Host, HostConfig, MemoryStore, Overrides, State, build};

/// The manifest of the fixtures.
pub(crate) fn manifest() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/spin.toml")
}

/// A host with its memory and a client.
pub(crate) struct Server {
    host: Host,
    config: HostConfig,
    client: Client<HttpConnector, Full<Bytes>>,
    pub(crate) memory: MemoryStore,
}

impl Deref for Server {
    type Target = Host;

    fn deref(&self) -> &Host {
        &self.host
    }
}

/// What a host of the fixtures runs with; the fixtures are built first.
pub(crate) fn config() -> HostConfig {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        build::components(&manifest(), "e2e", build::Progress::Quiet).unwrap();
    });
    let secret = ("secret".to_owned(), "s3cret".to_owned());
    HostConfig::for_test(manifest(), BTreeMap::from([secret]))
}

/// Gives a variable a value.
pub(crate) fn set(config: &mut HostConfig, name: &str, value: &str) {
    match &mut config.variables {
        Overrides::Map(values) => drop(values.insert(name.to_owned(), value.to_owned())),
        Overrides::Environment => panic!("tests give variables as a map"),
    }
}

/// A host with the usual configuration.
pub(crate) async fn start() -> Server {
    Server::start(config()).await
}

impl Server {
    pub(crate) async fn start(config: HostConfig) -> Self {
        let memory = match &config.state {
            State::Memory(memory) => memory.clone(),
            State::Directory(_) => MemoryStore::default(),
        };
        Self {
            host: Host::start(config.clone()).await.unwrap(),
            config,
            client: Client::builder(TokioExecutor::new()).build_http(),
            memory,
        }
    }

    pub(crate) async fn restart(self) -> Self {
        drop(self.host);
        Self::start(self.config).await
    }

    pub(crate) async fn shutdown(self) {
        drop(self.client);
        self.host.shutdown().await;
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        self.send("GET", path, "").await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> (u16, String) {
        self.send("POST", path, body).await.unwrap()
    }

    pub(crate) async fn try_post(&self, path: &str, body: &str) -> Result<(u16, String), String> {
        self.send("POST", path, body).await
    }

    async fn send(&self, method: &str, path: &str, body: &str) -> Result<(u16, String), String> {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.host.url()))
            .body(Full::from(body.to_owned()))
            .unwrap();
        let response = self
            .client
            .request(request)
            .await
            .map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(|error| error.to_string())?;
        Ok((status, String::from_utf8(body.to_bytes().to_vec()).unwrap()))
    }
}

/// A server which tells what it was asked, and how many connections it has had.
pub(crate) async fn upstream() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let service = service_fn(|request: http::Request<hyper::body::Incoming>| async move {
                let host = request.headers()["host"].to_str().unwrap().to_owned();
                let line = format!("{} {} host={host}", request.method(), request.uri());
                Ok::<_, std::convert::Infallible>(http::Response::new(Full::<Bytes>::from(line)))
            });
            let connection = hyper::server::conn::http1::Builder::new();
            tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
        }
    });
    (address, connections)
}
