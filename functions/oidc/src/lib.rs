//! The OpenID provider as applications meet it: tokens, claims, keys, and who is signed out.

use engine::doors::oidc;
use platform::{Handled, serve};
use spin_sdk::http::Request;
use spin_sdk::http_service;

/// Largest request accepted, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

#[http_service]
async fn handle(request: Request) -> Handled {
    serve(request, BODY_BYTES_MAX, async |platform, request| {
        oidc::handle(platform, request).await
    })
    .await
}
