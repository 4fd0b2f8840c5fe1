//! The connection test, and the tree of org units for the picker: short conversations with the
//! provider within one request.

use super::{
    Change, Connection, ConnectionError, Freshness, TestReport, TokenFailure, access_token, modify,
};
use crate::audit::{Action, Actor};
use crate::ports::{Clock, Random, Store, Transport, TransportError};
use crate::rules;
use crate::seal::SealKeys;
use crate::settings::GoogleSettings;
use connectors::base_url::BaseUrl;
use connectors::fetch::{Connector, OrgUnit, Poll, TransportFailure};
use connectors::google::connection_test::{ConnectionTest, PermissionReport};
use connectors::google::directory::{Directory, ORG_UNITS_BYTES_MAX, Population, parse_org_units};
use connectors::google::errors::ApiError;
use jiff::SignedDuration;
use mapping::ids::{ConnectionId, TenantId};

/// Longest time that the whole conversation may take: within what every host allows a request.
const TIME_MAX: SignedDuration = SignedDuration::from_secs(15);

/// Why the provider could not be asked.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TestError {
    /// The connection could not be read or changed.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The provider did not answer as it should.
    #[error("{0}")]
    Provider(String),
    /// There is no access token.
    #[error(transparent)]
    Token(#[from] TokenFailure),
}

impl From<crate::error::Error> for TestError {
    fn from(error: crate::error::Error) -> Self {
        TestError::Connection(error.into())
    }
}

/// Requests about everybody of the connection's Google customer.
pub fn directory(google: &GoogleSettings) -> Result<Directory, TestError> {
    let base =
        BaseUrl::parse(&google.api_url).map_err(|error| TestError::Provider(error.to_string()))?;
    Ok(Directory::new(base, Population::Customer))
}

/// Reads one user and the org-unit tree, and groups if the rules need them; keeps the report with
/// the connection.
pub async fn test(
    ports: &(impl Store + Clock + Random + Transport),
    google: &GoogleSettings,
    seal_keys: &SealKeys,
    who: &Actor,
    at: (&TenantId, &ConnectionId),
) -> Result<Connection, TestError> {
    let (tenant, id) = at;
    let rules = rules::read(ports, tenant, id).await?;
    let mut seed = [0_u8; 8];
    ports.fill(&mut seed);
    let mut conversation = ConnectionTest::start(
        directory(google)?,
        rules::uses_groups(&rules),
        u64::from_le_bytes(seed),
    );
    let report = converse(ports, google, seal_keys, at, &mut conversation).await?;
    let report = TestReport {
        at_ms: ports.now().as_millisecond(),
        passed: report.is_ok(),
        missing: report
            .missing()
            .map(|(permission, refusal)| format!("{permission}: {refusal}"))
            .collect(),
    };
    let what = (who, Action::ConnectionTested);
    let connection = modify(ports, tenant, id, what, |connection| {
        connection.last_test = Some(report.clone());
        Ok(Change::Write)
    });
    Ok(connection.await?)
}

async fn converse(
    ports: &(impl Store + Clock + Random + Transport),
    google: &GoogleSettings,
    seal_keys: &SealKeys,
    at: (&TenantId, &ConnectionId),
    conversation: &mut ConnectionTest,
) -> Result<PermissionReport, TestError> {
    let late = || TestError::Provider("the provider takes too long: try again later".to_owned());
    let deadline = ports.now().checked_add(TIME_MAX).map_err(|_| late())?;
    let mut token = access_token(ports, google, seal_keys, at, Freshness::Kept).await?;
    loop {
        if ports.now() > deadline {
            return Err(late());
        }
        match conversation.poll(ports.now(), token.expose()) {
            Poll::Done(report) => return Ok(report),
            Poll::Failed(error) => return Err(TestError::Provider(error.to_string())),
            Poll::NeedsToken => {
                token = access_token(ports, google, seal_keys, at, Freshness::New).await?;
                conversation.token_refreshed();
            }
            Poll::Send {
                chain,
                request,
                body_bytes_max,
            } => {
                let answer = ports.send(request, body_bytes_max).await;
                let answer = answer.as_ref().map_err(|error| to_failure(*error));
                conversation.handle_response(chain, ports.now(), answer);
            }
            Poll::WaitUntil(until) if until <= deadline => {
                let pause = until.duration_since(ports.now());
                ports.sleep(pause.try_into().unwrap_or_default()).await;
            }
            // Nothing is ever under way here when the conversation is polled.
            Poll::WaitUntil(_) | Poll::Busy => return Err(late()),
        }
    }
}

/// The org units of the connection, read now.
pub async fn org_units(
    ports: &(impl Store + Clock + Random + Transport),
    google: &GoogleSettings,
    seal_keys: &SealKeys,
    at: (&TenantId, &ConnectionId),
) -> Result<Vec<OrgUnit>, TestError> {
    let directory = directory(google)?;
    for freshness in [Freshness::Kept, Freshness::New] {
        let token = access_token(ports, google, seal_keys, at, freshness).await?;
        let request = directory
            .org_units(token.expose())
            .map_err(|error| TestError::Provider(error.to_string()))?;
        let answer = ports
            .send(request, ORG_UNITS_BYTES_MAX)
            .await
            .map_err(|error| TestError::Provider(error.to_string()))?;
        if answer.status() == http::StatusCode::OK {
            return parse_org_units(answer.body())
                .map_err(|error| TestError::Provider(error.to_string()));
        }
        if answer.status() != http::StatusCode::UNAUTHORIZED {
            let refusal = ApiError::parse(&answer).refusal();
            return Err(TestError::Provider(refusal.to_string()));
        }
    }
    Err(TestError::Provider(
        "the provider does not accept the access token".to_owned(),
    ))
}

fn to_failure(error: TransportError) -> TransportFailure {
    match error {
        TransportError::BodyTooLarge { limit } => TransportFailure::BodyTooLarge { limit },
        TransportError::Denied => TransportFailure::Denied,
        TransportError::Encoding => TransportFailure::Encoding,
        TransportError::Failed => TransportFailure::Failed,
    }
}
