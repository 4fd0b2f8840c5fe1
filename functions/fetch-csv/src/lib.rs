//! Reads files that administrators sent, and makes the passwords of the people in them.

use engine::doors::fetch_csv;
use platform::{Handled, serve};
use spin_sdk::http::Request;
use spin_sdk::http_service;

/// Largest request accepted, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

#[http_service]
async fn handle(request: Request) -> Handled {
    serve(request, BODY_BYTES_MAX, async |platform, request| {
        fetch_csv::handle(platform, request).await
    })
    .await
}
