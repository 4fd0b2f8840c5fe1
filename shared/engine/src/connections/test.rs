//! Google's connection test, and the tree of org units for the picker.

use super::{
    Connection, ConnectionError, Freshness, TestReport, TokenFailure, access_token, conclude,
    converse, read,
};
use crate::audit::Actor;
use crate::ports::{Clock, Random, Store, Transport};
use crate::rules;
use crate::seal::SealKeys;
use crate::settings::GoogleSettings;
use connectors::base_url::BaseUrl;
use connectors::fetch::OrgUnit;
use connectors::google::connection_test::ConnectionTest;
use connectors::google::directory::{Directory, ORG_UNITS_BYTES_MAX, Population, parse_org_units};
use connectors::google::errors::ApiError;
use mapping::ids::{ConnectionId, TenantId};

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
    let token = async |fresh: bool| {
        let freshness = if fresh {
            Freshness::New
        } else {
            Freshness::Kept
        };
        let token = access_token(ports, google, seal_keys, at, freshness).await?;
        Ok(token.expose().to_owned())
    };
    let report = converse(ports, &mut conversation, token).await?;
    let report = TestReport {
        at_ms: ports.now().as_millisecond(),
        passed: report.is_ok(),
        missing: report
            .missing()
            .map(|(permission, refusal)| format!("{permission}: {refusal}"))
            .collect(),
        notes: Vec::new(),
    };
    let tested = read(ports, tenant, id).await?;
    let tested = tested.ok_or(ConnectionError::NotFound)?;
    Ok(conclude(ports, who, (tenant, &tested), report).await?)
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
