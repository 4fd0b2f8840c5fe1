//! The applications, as the operator keeps them (`/api/v1/clients`).

use super::routes::{self, Found, Operation};
use crate::access::{self, Principal};
use crate::audit::Actor;
use crate::doors::{List, json};
use crate::oidc::clients::{self, Client, ClientSettings, Registered};
use crate::oidc::signing::Signer;
use crate::ports::Ports;
use crate::problem::{Kind, Problem, parse_json};
use crate::settings::{self, Secret};
use bytes::Bytes;
use http::StatusCode;
use mapping::ids::ClientId;
use serde::{Deserialize, Serialize};

/// Clients of a page.
const LIST_LIMIT: usize = 100;

/// Serves one request.
pub(super) async fn serve<P: Ports>(
    ports: &P,
    request: &http::Request<Bytes>,
) -> Result<http::Response<Bytes>, Problem> {
    let (operation, client) = match routes::find(request.method(), request.uri().path()) {
        Found::Route(route, client) => (route.operation, client),
        Found::Methods(allow) => {
            let detail = format!("this path takes {allow}");
            return Err(Problem {
                allow: Some(allow),
                ..Problem::new(Kind::MethodNotAllowed, detail)
            });
        }
        Found::Nothing => return Err(Problem::not_found()),
    };
    let who = admit(ports, request).await?;
    let id =
        || ClientId::parse(client.clone().unwrap_or_default()).map_err(|_| Problem::not_found());
    match operation {
        Operation::Change => {
            let settings = parse_json::<ClientSettings>(request)?;
            let client = clients::change(ports, &who, &id()?, settings).await?;
            Ok(json(StatusCode::OK, &Shown::new(&client)))
        }
        Operation::List => list(ports, request).await,
        Operation::Read => {
            let client = clients::read(ports, &id()?).await?;
            let client = client.ok_or_else(Problem::not_found)?;
            Ok(json(StatusCode::OK, &Shown::new(&client)))
        }
        Operation::Register => register(ports, &who, request).await,
        Operation::Remove => {
            let client = clients::remove(ports, &who, &id()?).await?;
            Ok(json(StatusCode::OK, &Shown::new(&client)))
        }
        Operation::RotateSecret => {
            let Rotation { overlap_s } = if request.body().is_empty() {
                Rotation::default()
            } else {
                parse_json(request)?
            };
            let rotated = clients::rotate_secret(ports, &who, &id()?, overlap_s).await?;
            Ok(json(StatusCode::OK, &Shown::with_secret(&rotated)))
        }
    }
}

/// What is said of a new secret.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotation {
    /// For how many seconds the old one goes on working.
    #[serde(default)]
    overlap_s: u32,
}

/// A client as it is sent.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a ClientId,
    #[serde(flatten)]
    settings: &'a ClientSettings,
    created_at_ms: i64,
    /// Its secret, the one time that it is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
}

impl<'a> Shown<'a> {
    fn new(client: &'a Client) -> Self {
        Self {
            id: &client.id,
            settings: &client.settings,
            created_at_ms: client.created_at_ms,
            secret: None,
        }
    }

    fn with_secret(registered: &'a Registered) -> Self {
        let secret = registered.secret.as_ref();
        Self {
            secret: secret.map(Secret::expose),
            ..Self::new(&registered.client)
        }
    }
}

/// The operator alone.
async fn admit<P: Ports>(ports: &P, request: &http::Request<Bytes>) -> Result<Actor, Problem> {
    let token = settings::operator_token(ports).await?;
    match access::authenticate(ports, &token, request.headers()).await? {
        principal @ Principal::Operator => Ok(principal.actor()),
        Principal::Key { .. } => Err(Problem::new(
            Kind::Forbidden,
            "this needs the operator token",
        )),
    }
}

async fn register<P: Ports>(
    ports: &P,
    who: &Actor,
    request: &http::Request<Bytes>,
) -> Result<http::Response<Bytes>, Problem> {
    let settings = parse_json::<ClientSettings>(request)?;
    let seal_keys = settings::seal_keys(ports).await?;
    // The first signing key is made now, so that no sign-in has to wait for it.
    Signer::open(ports, &seal_keys).await?;
    let registered = clients::register(ports, who, settings).await?;
    Ok(json(StatusCode::CREATED, &Shown::with_secret(&registered)))
}

async fn list<P: Ports>(
    ports: &P,
    request: &http::Request<Bytes>,
) -> Result<http::Response<Bytes>, Problem> {
    let query = request.uri().query().unwrap_or_default();
    let cursor = form_urlencoded::parse(query.as_bytes())
        .find_map(|(name, value)| (name == "cursor").then_some(value));
    let after = match cursor {
        None => 0,
        Some(text) => text.parse().map_err(|_| Problem {
            kind: Kind::BadRequest,
            ..Problem::field("cursor", "must be a whole number")
        })?,
    };
    let (clients, next) = clients::list(ports, after, LIST_LIMIT).await?;
    let items = clients.iter().map(Shown::new).collect();
    let next = next.map(|next| next.to_string());
    Ok(json(StatusCode::OK, &List { items, next }))
}
