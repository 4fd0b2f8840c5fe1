//! The JSON API, health and metrics.

use engine::doors::api;
use platform::{Handled, serve};
use spin_sdk::http::Request;
use spin_sdk::http_service;

/// Largest request accepted, in bytes.
const BODY_BYTES_MAX: usize = 1024 * 1024;

#[http_service]
async fn handle(request: Request) -> Handled {
    serve(request, BODY_BYTES_MAX, async |platform, request| {
        api::handle(platform, request).await
    })
    .await
}
