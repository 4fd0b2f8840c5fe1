//! One request on its way to an operation: its parameters, its body and who sent it.

use super::ApiSettings;
use crate::access::Principal;
use crate::audit::Actor;
pub(super) use crate::doors::List;
use crate::problem::{Kind, Problem, parse_json};
use bytes::Bytes;
use http::StatusCode;
use mapping::ids::{IdError, TenantId};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// Entries of a page when the client does not say, and the most it can ask for.
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 500;

/// The values of a path's parameters, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters(pub(super) BTreeMap<&'static str, String>);

impl Parameters {
    /// A value as text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// A request that was let in.
pub(super) struct Call<'a, P> {
    /// The surroundings.
    pub(super) ports: &'a P,
    /// The variables.
    pub(super) settings: &'a ApiSettings,
    /// What was sent.
    pub(super) request: &'a http::Request<Bytes>,
    /// The path's parameters.
    pub(super) parameters: Parameters,
    /// Who sent it.
    pub(super) principal: Option<Principal>,
    /// The tenant of the path.
    pub(super) tenant: Option<TenantId>,
}

impl<P> Call<'_, P> {
    /// The tenant of the path, which exists and is the principal's.
    pub(super) fn tenant(&self) -> Result<&TenantId, Problem> {
        self.tenant.as_ref().ok_or_else(Problem::not_found)
    }

    /// Who is asking, for the audit log.
    pub(super) fn actor(&self) -> Result<Actor, Problem> {
        let principal = self.principal.as_ref();
        Ok(principal.ok_or_else(Problem::not_found)?.actor())
    }

    /// An id from the path. One that can't be an id names nothing.
    pub(super) fn id<T: TryFrom<String, Error = IdError>>(&self, name: &str) -> Result<T, Problem> {
        let text = self.parameters.text(name).unwrap_or_default().to_owned();
        T::try_from(text).map_err(|_| Problem::not_found())
    }

    /// The body.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        parse_json(self.request)
    }

    /// A value from the query, decoded once.
    pub(super) fn query(&self, name: &str) -> Option<String> {
        let query = self.request.uri().query().unwrap_or_default();
        form_urlencoded::parse(query.as_bytes())
            .find_map(|(found, value)| (found == name).then(|| value.into_owned()))
    }

    /// A number from the query.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        let parse = |text: String| {
            text.parse::<u64>().map_err(|_| Problem {
                kind: Kind::BadRequest,
                ..Problem::field(name, "must be a whole number")
            })
        };
        self.query(name).map(parse).transpose()
    }

    /// How many entries the client wants.
    pub(super) fn limit(&self) -> Result<usize, Problem> {
        let asked = self.number("limit")?;
        let limit = asked.map_or(LIMIT_DEFAULT, |n| usize::try_from(n).unwrap_or(LIMIT_MAX));
        Ok(limit.clamp(1, LIMIT_MAX))
    }
}

/// 201 for what was made just now, 200 for what was there.
pub(super) fn made(is_new: bool) -> StatusCode {
    if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    }
}

/// An answer without a body.
pub(super) fn nothing() -> http::Response<Bytes> {
    let mut response = http::Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
