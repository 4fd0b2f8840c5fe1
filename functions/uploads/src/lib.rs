//! Takes in files that administrators send, and what they decide about them.

use engine::doors::uploads;
use platform::{Handled, serve_streaming};
use spin_sdk::http::Request;
use spin_sdk::http_service;

#[http_service]
async fn handle(request: Request) -> Handled {
    serve_streaming(request, async |platform, parts, body| {
        uploads::handle(platform, parts, body).await
    })
    .await
}
