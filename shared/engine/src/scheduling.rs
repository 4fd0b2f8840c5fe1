//! What a scheduler does each minute: asks the application to tick until nothing is left to do.
//!
//! It runs wherever a cron trigger runs, in a process of its own, so it reaches the application
//! by its address like any external scheduler. Schedulers may overlap and may miss a minute.

use crate::ports::{Clock, Transport, TransportError, VariableError, Variables};
use crate::settings;
use crate::tick::TickReport;
use bytes::Bytes;
use http::StatusCode;
use http::header::AUTHORIZATION;
use jiff::SignedDuration;

/// For how long one call of the scheduler goes on asking; the next one comes after a minute.
const ASKS_FOR: SignedDuration = SignedDuration::from_secs(50);

/// Longest report of a tick, in bytes.
const REPORT_BYTES_MAX: usize = 1024 * 1024;

/// Why the application could not be asked.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ScheduleError {
    /// The application's address can't be used.
    #[error("the variable app_url is not an address")]
    Address,
    /// It answered with an error.
    #[error(
        "the application answered {0} to the tick: check that internal_token is the same on both sides"
    )]
    Status(u16),
    /// It could not be reached.
    #[error("the application could not be reached at app_url: {0}")]
    Unreachable(#[from] TransportError),
    /// A variable is missing.
    #[error(transparent)]
    Variable(#[from] VariableError),
}

/// Asks for ticks until one has nothing left to do; returns how many it asked for.
pub async fn run<P: Transport + Clock + Variables>(ports: &P) -> Result<u32, ScheduleError> {
    let token = settings::internal_token(ports).await?;
    let app_url = ports.variable("app_url").await?;
    let address = format!("{}/internal/tick", app_url.trim_end_matches('/'));
    let until = ports.now() + ASKS_FOR;
    let mut ticks = 0;
    loop {
        let request = http::Request::post(&address)
            .header(AUTHORIZATION, format!("Bearer {}", token.expose()))
            .body(Bytes::new())
            .map_err(|_| ScheduleError::Address)?;
        let answer = ports.send(request, REPORT_BYTES_MAX).await?;
        ticks += 1;
        if answer.status() != StatusCode::OK {
            return Err(ScheduleError::Status(answer.status().as_u16()));
        }
        let report: TickReport = serde_json::from_slice(answer.body()).unwrap_or_default();
        if !report.more || ports.now() >= until {
            return Ok(ticks);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{MemoryPorts, block_on};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn ports(status: u16, reports_with_more: u32) -> MemoryPorts {
        let asked = Arc::new(AtomicU32::new(0));
        let ports = MemoryPorts::new().with_handler(Arc::new(move |ports, request| {
            let number = asked.fetch_add(1, Ordering::Relaxed);
            assert_eq!(request.uri(), "http://127.0.0.1:3000/internal/tick");
            assert_eq!(
                request.headers()[AUTHORIZATION],
                format!("Bearer {}", "i".repeat(32))
            );
            ports.advance(std::time::Duration::from_secs(10));
            let report = TickReport {
                more: number < reports_with_more,
                ..TickReport::default()
            };
            let body = Bytes::from(serde_json::to_vec(&report).unwrap());
            let response = http::Response::builder().status(status).body(body).unwrap();
            Box::pin(async move { Ok(response) })
        }));
        ports.set_variable("internal_token", &"i".repeat(32));
        ports.set_variable("app_url", "http://127.0.0.1:3000/");
        ports
    }

    #[test]
    fn the_scheduler_asks_until_nothing_is_left() {
        assert_eq!(block_on(run(&ports(200, 2))), Ok(3));
    }

    #[test]
    fn the_scheduler_stops_before_its_next_minute() {
        assert_eq!(block_on(run(&ports(200, 100))), Ok(5));
    }

    #[test]
    fn a_wrong_token_is_said() {
        assert_eq!(
            block_on(run(&ports(401, 0))),
            Err(ScheduleError::Status(401))
        );
    }
}
