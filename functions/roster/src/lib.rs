//! Carries out what administrators decide about the roster: edits, undo, held plans, the guard.

use engine::doors::roster;
use platform::{Handled, serve};
use spin_sdk::http::Request;
use spin_sdk::http_service;

/// Largest request accepted, in bytes.
const BODY_BYTES_MAX: usize = 1024 * 1024;

#[http_service]
async fn handle(request: Request) -> Handled {
    serve(request, BODY_BYTES_MAX, async |platform, request| {
        roster::handle(platform, request).await
    })
    .await
}
