//! What administrators and the operator set about signing in, and what they do for single people
//! (`/api/v1/tenants/{tenant}/sign-in…`).

mod routes;

pub use routes::{Access, ROUTES, Route};

use super::answers::Answer;
use super::start::{districts_of, is_ready};
use crate::access::{self, KeyRole, Principal};
use crate::audit::Actor;
use crate::doors::nudge::Nudge;
use crate::doors::{List, json};
use crate::ports::Ports;
use crate::problem::{Kind, Problem, parse_json};
use crate::signin::Method;
use crate::signin::accounts;
use crate::signin::districts::{self, Districts};
use crate::signin::refusals::{self, Refusal};
use crate::signin::settings::{self as sign_in, Settings};
use crate::versioned::Versioned;
use crate::{settings, tenants};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use mapping::ids::{AccountId, TenantId};
use routes::{Found, Operation};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Entries of a page when the client does not say, and the most it can ask for.
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 500;

/// A request that was let in.
struct Asked<'a, P> {
    ports: &'a P,
    request: &'a http::Request<Bytes>,
    parameters: BTreeMap<&'static str, String>,
    tenant: TenantId,
    who: Actor,
}

/// Serves one request.
pub(super) async fn serve<P: Ports>(ports: &P, request: &http::Request<Bytes>) -> Answer {
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
    let asked = admit(ports, request, route.access, parameters).await?;
    match route.operation {
        Operation::ReadSettings => read_settings(&asked).await,
        Operation::ReplaceSettings => replace_settings(&asked).await,
        Operation::ReadDistricts => read_districts(&asked).await,
        Operation::ReplaceDistricts => replace_districts(&asked).await,
        Operation::ListRefusals => list_refusals(&asked).await,
        Operation::ConfirmRefusal => confirm(&asked).await,
        Operation::DismissRefusal => dismiss(&asked).await,
        Operation::ReadAccount => read_account(&asked).await,
        Operation::RemoveLink => remove_link(&asked).await,
        Operation::ResetPassword => reset_password(&asked).await,
        Operation::SignOut => sign_out(&asked).await,
    }
}

/// Who is asking: somebody with a key of the tenant, or the operator where it is theirs.
async fn admit<'a, P: Ports>(
    ports: &'a P,
    request: &'a http::Request<Bytes>,
    access: Access,
    parameters: BTreeMap<&'static str, String>,
) -> Result<Asked<'a, P>, Problem> {
    let token = settings::operator_token(ports).await?;
    let principal = access::authenticate(ports, &token, request.headers()).await?;
    let id = parameters.get("tenant").cloned().unwrap_or_default();
    let tenant = TenantId::parse(id).map_err(|_| Problem::not_found())?;
    let forbidden = |detail: &str| Err(Problem::new(Kind::Forbidden, detail));
    match (&principal, access) {
        (Principal::Key { tenant: own, .. }, _) if *own != tenant => {
            return Err(Problem::not_found());
        }
        (Principal::Key { .. }, Access::Operator) => {
            return forbidden("this is the operator's to set: our keys open every district");
        }
        (Principal::Key { role, .. }, Access::Write) if *role != KeyRole::Admin => {
            return forbidden("this key may read and not change: use a key with the role admin");
        }
        (Principal::Key { .. }, _) => {}
        (Principal::Operator, Access::Operator | Access::ReadOrOperator) => {
            let found = tenants::read(ports, &tenant).await?;
            found.ok_or_else(Problem::not_found)?;
        }
        (Principal::Operator, Access::Read | Access::Write) => {
            return forbidden(
                "the operator token does not open a tenant's data: mint an API key of the tenant",
            );
        }
    }
    Ok(Asked {
        ports,
        request,
        parameters,
        tenant,
        who: principal.actor(),
    })
}

impl<P: Ports> Asked<'_, P> {
    fn text(&self, name: &str) -> &str {
        self.parameters
            .get(name)
            .map(String::as_str)
            .unwrap_or_default()
    }

    fn account(&self) -> Result<AccountId, Problem> {
        AccountId::parse(self.text("account")).map_err(|_| Problem::not_found())
    }

    fn refusal(&self) -> Result<u64, Problem> {
        let number = self.text("refusal").parse();
        number.map_err(|_| Problem::not_found())
    }

    fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        let query = self.request.uri().query().unwrap_or_default();
        let found = form_urlencoded::parse(query.as_bytes())
            .find_map(|(found, value)| (found == name).then(|| value.into_owned()));
        let parse = |text: String| {
            text.parse().map_err(|_| Problem {
                kind: Kind::BadRequest,
                ..Problem::field(name, "must be a whole number")
            })
        };
        found.map(parse).transpose()
    }

    /// The version in `If-Match`, which is the number in quotes that `ETag` had.
    fn version(&self) -> Result<Option<u64>, Problem> {
        let Some(value) = self.request.headers().get(header::IF_MATCH) else {
            return Ok(None);
        };
        let text = value.to_str().unwrap_or_default().trim();
        let number = text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'))
            .and_then(|text| text.parse().ok());
        number.map(Some).ok_or_else(|| Problem {
            kind: Kind::BadRequest,
            ..Problem::field(
                "if-match",
                "must be one version in quotes, as etag gives it",
            )
        })
    }
}

impl<P> Asked<'_, P> {
    /// With applications told soon of who is signed out.
    fn nudged(&self, mut response: http::Response<Bytes>) -> http::Response<Bytes> {
        response.extensions_mut().insert(Nudge {
            tenant: self.tenant.clone(),
        });
        response
    }
}

fn with_version(mut response: http::Response<Bytes>, version: u64) -> http::Response<Bytes> {
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// The settings, and which of the methods that are on people can use: the others wait for the
/// operator's application at the provider, or for a district.
#[derive(Serialize)]
struct ShownSettings {
    #[serde(flatten)]
    settings: Settings,
    ready: BTreeSet<Method>,
}

async fn show_settings<P: Ports>(asked: &Asked<'_, P>, found: Versioned<Settings>) -> Answer {
    let settings = found.value;
    let districts = districts_of(asked.ports, &settings, &asked.tenant).await?;
    let mut ready = BTreeSet::new();
    for method in &settings.methods {
        if is_ready(asked.ports, *method, &districts).await? {
            ready.insert(*method);
        }
    }
    let shown = ShownSettings { settings, ready };
    Ok(with_version(json(StatusCode::OK, &shown), found.version))
}

async fn read_settings<P: Ports>(asked: &Asked<'_, P>) -> Answer {
    let found = sign_in::read_versioned(asked.ports, &asked.tenant).await?;
    show_settings(asked, found).await
}

async fn replace_settings<P: Ports>(asked: &Asked<'_, P>) -> Answer {
    let needed = || {
        let detail = "send the version that you read in the header if-match";
        Problem::new(Kind::PreconditionRequired, detail)
    };
    let next = Versioned {
        version: asked.version()?.ok_or_else(needed)?,
        value: parse_json(asked.request)?,
    };
    let written = sign_in::replace(asked.ports, &asked.who, &asked.tenant, next).await?;
    show_settings(asked, written).await
}

/// What the operator set, and all that count: those of the tenant's connections too.
#[derive(Serialize)]
struct ShownDistricts {
    #[serde(flatten)]
    set: Districts,
    all: Districts,
}

async fn show_districts<P: Ports>(asked: &Asked<'_, P>, found: Versioned<Districts>) -> Answer {
    let connections = crate::connections::list(asked.ports, &asked.tenant).await?;
    let shown = ShownDistricts {
        set: found.value,
        all: districts::all(asked.ports, &asked.tenant, &connections).await?,
    };
    Ok(with_version(json(StatusCode::OK, &shown), found.version))
}

async fn read_districts<P: Ports>(asked: &Asked<'_, P>) -> Answer {
    let found = districts::read(asked.ports, &asked.tenant).await?;
    show_districts(asked, found).await
}

async fn replace_districts<P: Ports>(asked: &Asked<'_, P>) -> Answer {
    // The operator alone writes these, so whoever does not say which version is meant means the newest.
    let version = match asked.version()? {
        Some(version) => version,
        None => districts::read(asked.ports, &asked.tenant).await?.version,
    };
    let next = Versioned {
        version,
        value: parse_json(asked.request)?,
    };
    let written = districts::replace(asked.ports, &asked.who, &asked.tenant, next).await?;
    show_districts(asked, written).await
}

#[derive(Serialize)]
struct ShownRefusal {
    id: String,
    #[serde(flatten)]
    refusal: Refusal,
}

async fn list_refusals<P: Ports>(asked: &Asked<'_, P>) -> Answer {
    let before = asked.number("cursor")?;
    let limit = asked.number("limit")?;
    let limit = limit.map_or(LIMIT_DEFAULT, |n| usize::try_from(n).unwrap_or(LIMIT_MAX));
    let limit = limit.clamp(1, LIMIT_MAX);
    let page = refusals::list(asked.ports, &asked.tenant, before, limit).await?;
    let items = page
        .entries
        .into_iter()
        .map(|(number, refusal)| ShownRefusal {
            id: number.to_string(),
            refusal,
        });
    let list = List {
        items: items.collect(),
        next: page.next.map(|next| next.to_string()),
    };
    Ok(json(StatusCode::OK, &list))
}

/// Whose account it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirmation {
    account: AccountId,
}

async fn confirm<P: Ports>(asked: &Asked<'_, P>) -> Answer {
    let number = asked.refusal()?;
    let Confirmation { account } = parse_json(asked.request)?;
    let both = (number, &account);
    let link = accounts::confirm(asked.ports, &asked.who, &asked.tenant, both).await?;
    Ok(json(StatusCode::OK, &link))
}

async fn dismiss<P: Ports>(asked: &Asked<'_, P>) -> Answer {
    let number = asked.refusal()?;
    if refusals::dismiss(asked.ports, &asked.who, &asked.tenant, number).await? {
        Ok(nothing())
    } else {
        Err(Problem::not_found())
    }
}

async fn read_account<P: Ports>(asked: &Asked<'_, P>) -> Answer {
    let shown = accounts::show(asked.ports, &asked.tenant, &asked.account()?).await?;
    Ok(json(StatusCode::OK, &shown))
}

async fn remove_link<P: Ports>(asked: &Asked<'_, P>) -> Answer {
    let account = asked.account()?;
    let method = Method::parse(asked.text("method")).ok_or_else(Problem::not_found)?;
    let of = (&account, method);
    accounts::unlink(asked.ports, &asked.who, &asked.tenant, of).await?;
    Ok(asked.nudged(nothing()))
}

#[derive(Serialize)]
struct ShownCode<'a> {
    code: &'a str,
    until_ms: i64,
}

async fn reset_password<P: Ports>(asked: &Asked<'_, P>) -> Answer {
    let account = asked.account()?;
    let code = accounts::reset_password(asked.ports, &asked.who, &asked.tenant, &account).await?;
    let shown = ShownCode {
        code: code.code.expose(),
        until_ms: code.until_ms,
    };
    Ok(asked.nudged(json(StatusCode::CREATED, &shown)))
}

async fn sign_out<P: Ports>(asked: &Asked<'_, P>) -> Answer {
    let account = asked.account()?;
    accounts::sign_out(asked.ports, &asked.who, &asked.tenant, &account).await?;
    Ok(asked.nudged(nothing()))
}

fn nothing() -> http::Response<Bytes> {
    let mut response = http::Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
