//! Health and metrics.

use super::call::Call;
use crate::doors::json;
use crate::keys;
use crate::log::Log;
use crate::ports::Ports;
use crate::problem::Problem;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

/// Healthy is: the variables are there and the store answers.
pub(super) async fn health<P: Ports>(call: &Call<'_, P>) -> Result<http::Response<Bytes>, Problem> {
    call.ports.exists(&keys::tenants()).await?;
    Ok(json(StatusCode::OK, &json!({"status": "ok"})))
}

/// Counters in Prometheus' text format, as cheap as reading a counter.
pub(super) async fn metrics<P: Ports>(
    call: &Call<'_, P>,
) -> Result<http::Response<Bytes>, Problem> {
    let tenants = Log::new(keys::tenants()).count(call.ports).await?;
    let mut text = format!(
        "# HELP rollcall_tenants_created_total Tenants made since the beginning.\n# TYPE rollcall_tenants_created_total counter\nrollcall_tenants_created_total {tenants}\n"
    );
    text.push_str(&crate::metrics::render(call.ports).await?);
    let mut response = http::Response::new(Bytes::from(text));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; version=0.0.4"),
    );
    Ok(response)
}
