//! Drives runs in bounded slices, asked by a scheduler or by another component.

use engine::doors::sync;
use platform::{Handled, serve};
use spin_sdk::http::Request;
use spin_sdk::http_service;

/// Largest request accepted, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

#[http_service]
async fn handle(request: Request) -> Handled {
    serve(request, BODY_BYTES_MAX, async |platform, request| {
        sync::handle(platform, request).await
    })
    .await
}
