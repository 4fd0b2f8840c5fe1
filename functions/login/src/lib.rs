//! Signing people in: what a browser opens, and what administrators set about it.

use engine::doors::login;
use platform::{Handled, serve};
use spin_sdk::http::Request;
use spin_sdk::http_service;

/// Largest request accepted, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

#[http_service]
async fn handle(request: Request) -> Handled {
    serve(request, BODY_BYTES_MAX, async |platform, request| {
        login::handle(platform, request).await
    })
    .await
}
