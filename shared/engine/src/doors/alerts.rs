//! The door of the `alerts` component, reached over service chaining alone: looks at what of a
//! tenant needs attention, and sends the alerts about it.
//!
//! Variables: `alert_url` and `alert_secret`. It reaches the host of `alert_url` and itself.

use crate::attention::{self, Alerting, Looked, Question};
use crate::doors::nudge::Delivery;
use crate::doors::{List, json};
use crate::ports::Ports;
use crate::problem::{Problem, parse_json};
use bytes::Bytes;
use http::{Method, StatusCode};

/// Serves one request.
pub async fn handle<P: Ports>(ports: &P, request: http::Request<Bytes>) -> http::Response<Bytes> {
    let answer = serve(ports, &request).await;
    answer.unwrap_or_else(|problem| problem.to_response())
}

async fn serve<P: Ports>(
    ports: &P,
    request: &http::Request<Bytes>,
) -> Result<http::Response<Bytes>, Problem> {
    if request.method() != Method::POST {
        return Err(Problem::not_found());
    }
    let path = request.uri().path();
    if !matches!(path, "/attention" | "/deliver" | "/look") {
        return Err(Problem::not_found());
    }
    let Question { tenant } = parse_json(request)?;
    let alerting = Alerting::read(ports).await;
    if path == "/deliver" {
        let delivered = match &alerting {
            Alerting::On(settings) => attention::deliver(ports, &tenant, settings).await?,
            Alerting::Off | Alerting::Unusable(_) => attention::Delivered::default(),
        };
        return Ok(json(StatusCode::OK, &delivered));
    }
    let found = attention::look(ports, &tenant, &alerting).await?;
    let problem = alerting.problem();
    let mut response = if path == "/attention" {
        let items = found.shown(problem.as_deref());
        json(StatusCode::OK, &List { items, next: None })
    } else {
        let problem = problem.filter(|_| found.has_waiting());
        json(StatusCode::OK, &Looked { problem })
    };
    let is_due = found.is_due(ports.now().as_millisecond());
    if is_due && matches!(alerting, Alerting::On(_)) {
        response.extensions_mut().insert(Delivery { tenant });
    }
    Ok(response)
}
