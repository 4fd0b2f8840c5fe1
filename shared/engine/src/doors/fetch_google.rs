//! The door of the `fetch-google` component, reached over service chaining alone: reads people of
//! a Google Workspace, whole for a run or one for a question.

mod person;
mod slice;

pub(super) use slice::{unit_ids, unit_scopes};

use crate::connections::{self, Freshness, TokenFailure};
use crate::doors::{json, reading};
use crate::error::Error;
use crate::explaining::Question;
use crate::ports::{Ports, VariableError};
use crate::problem::{Problem, parse_json};
use crate::seal::SealKeys;
use crate::settings::{self, GoogleSettings};
use crate::slices::{SliceOutcome, SliceRequest};
use bytes::Bytes;
use connectors::base_url::BaseUrl;
use connectors::google::directory::{Directory, Population};
use http::{Method, StatusCode};
use mapping::ids::{ConnectionId, TenantId};

/// Serves one request.
pub async fn handle<P: Ports>(ports: &P, request: http::Request<Bytes>) -> http::Response<Bytes> {
    if request.method() != Method::POST {
        return Problem::not_found().to_response();
    }
    let answer = match request.uri().path() {
        "/slice" => match parse_json::<SliceRequest>(&request) {
            Ok(asked) => slice::slice(ports, &asked)
                .await
                .map(|outcome| json(StatusCode::OK, &outcome)),
            Err(problem) => Err(problem),
        },
        "/person" => match parse_json::<Question>(&request) {
            Ok(question) => person::person(ports, &question)
                .await
                .map(|person| json(StatusCode::OK, &person)),
            Err(problem) => Err(problem),
        },
        _ => Err(Problem::not_found()),
    };
    answer.unwrap_or_else(|problem| problem.to_response())
}

/// What every request needs of a component that reads a directory.
pub(super) struct Access<'a, P> {
    ports: &'a P,
    google: GoogleSettings,
    seal_keys: SealKeys,
    tenant: &'a TenantId,
    connection: &'a ConnectionId,
}

impl<'a, P: Ports> Access<'a, P> {
    pub(super) async fn open(
        ports: &'a P,
        tenant: &'a TenantId,
        connection: &'a ConnectionId,
    ) -> Result<Self, Error> {
        let google = settings::google(ports).await?;
        let seal_keys = settings::seal_keys(ports).await?;
        Ok(Self {
            ports,
            google,
            seal_keys,
            tenant,
            connection,
        })
    }

    pub(super) async fn token(&self, fresh: bool) -> Result<String, TokenFailure> {
        let freshness = if fresh {
            Freshness::New
        } else {
            Freshness::Kept
        };
        let of = (self.tenant, self.connection);
        let token =
            connections::access_token(self.ports, &self.google, &self.seal_keys, of, freshness);
        Ok(token.await?.expose().to_owned())
    }

    /// A token for a slice, or how the slice ends without one.
    pub(super) async fn slice_token(&self, fresh: bool) -> Result<String, SliceOutcome> {
        let token = self.token(fresh).await;
        token.map_err(|failure| reading::without_access(self.ports, &failure))
    }

    fn base_url(&self) -> Result<BaseUrl, Problem> {
        BaseUrl::parse(&self.google.api_url).map_err(|error| {
            Problem::from(VariableError::Unusable {
                name: "google_api_url".to_owned(),
                reason: error.to_string(),
            })
        })
    }

    /// Everybody of the Google customer, whichever of its domains they are in.
    pub(super) fn directory(&self) -> Result<Directory, Problem> {
        Ok(Directory::new(self.base_url()?, Population::Customer))
    }
}
