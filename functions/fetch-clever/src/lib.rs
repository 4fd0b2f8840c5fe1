//! Reads people of districts that approved our application at Clever: lists for a run, or one person.

use engine::doors::fetch_clever;
use platform::{Handled, serve};
use spin_sdk::http::Request;
use spin_sdk::http_service;

/// Largest request accepted, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

#[http_service]
async fn handle(request: Request) -> Handled {
    serve(request, BODY_BYTES_MAX, async |platform, request| {
        fetch_clever::handle(platform, request).await
    })
    .await
}
