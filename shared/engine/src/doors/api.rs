//! The door of the `api` component: `/api/v1/…`, `/healthz` and `/metrics`.
//!
//! Variables: `operator_token`, `seal_keys` and `public_url`. It reaches no server outside, and
//! over service chaining `sync`, `rules` and, for what needs Google, `fetch-google`.
//!
//! Every request goes the same way: route, settings, who is asking, which tenant, may they, then
//! the operation. Nothing of a tenant is read before it is known that the key is of that tenant.

mod accounts;
mod call;
mod classes;
mod connections;
mod document;
mod forward;
mod operations;
mod organizations;
mod perform;
mod resolutions;
mod routes;
mod rules;
mod runs;
mod tenants;

pub use routes::{Access, Operation, ROUTES, Route};

use crate::access::{self, KeyRole, Principal};
use crate::ports::Ports;
use crate::problem::{Kind, Problem};
use crate::seal::SealKeys;
use crate::settings::{self, PublicUrl, Secret};
use crate::tenants as districts;
use bytes::Bytes;
use call::{Call, Parameters};
use http::Method;
use mapping::ids::TenantId;
use routes::Found;

/// What every operation needs of the variables. Without all of it no work is done.
#[derive(Clone, Debug)]
pub(crate) struct ApiSettings {
    operator_token: Secret,
    seal_keys: SealKeys,
    public_url: PublicUrl,
}

impl ApiSettings {
    async fn read<P: Ports>(ports: &P) -> Result<Self, Problem> {
        Ok(Self {
            operator_token: settings::operator_token(ports).await?,
            seal_keys: settings::seal_keys(ports).await?,
            public_url: settings::public_url(ports).await?,
        })
    }
}

/// Serves one request.
pub async fn handle<P: Ports>(ports: &P, request: http::Request<Bytes>) -> http::Response<Bytes> {
    let is_head = request.method() == Method::HEAD;
    let mut response = match serve(ports, &request).await {
        Ok(response) => response,
        Err(problem) => problem.to_response(),
    };
    if is_head {
        *response.body_mut() = Bytes::new();
    }
    response
}

async fn serve<P: Ports>(
    ports: &P,
    request: &http::Request<Bytes>,
) -> Result<http::Response<Bytes>, Problem> {
    let (route, parameters) = match routes::find(request.method(), request.uri().path()) {
        Found::Route(route, parameters) => (route, parameters),
        Found::Methods(allow) => {
            let detail = format!("this path takes {allow}");
            return Err(Problem {
                allow: Some(allow),
                ..Problem::new(Kind::MethodNotAllowed, detail)
            });
        }
        Found::Nothing => return Err(Problem::not_found()),
    };
    if route.operation == Operation::Document {
        return Ok(document::serve());
    }
    let settings = ApiSettings::read(ports).await?;
    let (principal, tenant) = match route.access {
        Access::Open => (None, None),
        Access::Operator | Access::OperatorOrAdmin | Access::Read | Access::Write => {
            let (principal, tenant) =
                admit(ports, &settings, route.access, request, &parameters).await?;
            (Some(principal), tenant)
        }
    };
    let call = Call {
        ports,
        settings: &settings,
        request,
        parameters,
        principal,
        tenant,
    };
    perform::perform(&call, route.operation).await
}

/// Who is asking, and for which tenant. Every way of not being of the tenant has the same answer.
async fn admit<P: Ports>(
    ports: &P,
    settings: &ApiSettings,
    access: Access,
    request: &http::Request<Bytes>,
    parameters: &Parameters,
) -> Result<(Principal, Option<TenantId>), Problem> {
    let token = &settings.operator_token;
    let principal = access::authenticate(ports, token, request.headers()).await?;
    let tenant = match parameters.text("tenant") {
        None => None,
        Some(text) => {
            let tenant = TenantId::parse(text).map_err(|_| Problem::not_found())?;
            let is_known = match &principal {
                Principal::Key { tenant: own, .. } => *own == tenant,
                Principal::Operator => districts::read(ports, &tenant).await?.is_some(),
            };
            if !is_known {
                return Err(Problem::not_found());
            }
            Some(tenant)
        }
    };
    match (&principal, access) {
        (_, Access::Open)
        | (Principal::Operator, Access::Operator | Access::OperatorOrAdmin)
        | (Principal::Key { .. }, Access::Read)
        | (
            Principal::Key {
                role: KeyRole::Admin,
                ..
            },
            Access::OperatorOrAdmin | Access::Write,
        ) => Ok((principal, tenant)),
        (Principal::Operator, Access::Read | Access::Write) => Err(Problem::new(
            Kind::Forbidden,
            "the operator token does not open a tenant's data: mint an API key of the tenant",
        )),
        (Principal::Key { .. }, Access::Operator) => Err(Problem::new(
            Kind::Forbidden,
            "this needs the operator token",
        )),
        (Principal::Key { .. }, Access::OperatorOrAdmin | Access::Write) => Err(Problem::new(
            Kind::Forbidden,
            "this key may read and not change: use a key with the role admin",
        )),
    }
}
