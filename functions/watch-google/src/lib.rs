//! Follows a Google Workspace: keeps push channels open, and looks at the people they name.

use engine::doors::watch_google;
use platform::{Handled, serve};
use spin_sdk::http::Request;
use spin_sdk::http_service;

/// Largest request accepted, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

#[http_service]
async fn handle(request: Request) -> Handled {
    serve(request, BODY_BYTES_MAX, async |platform, request| {
        watch_google::handle(platform, request).await
    })
    .await
}
