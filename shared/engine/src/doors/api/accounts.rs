//! Accounts, and why a person has one or not.

use super::call::{Call, List};
use super::forward::pass_on;
use crate::doors::json;
use crate::explaining::Question;
use crate::ports::Ports;
use crate::problem::{Kind, Problem};
use crate::roster::Reader;
use bytes::Bytes;
use http::StatusCode;
use mapping::account::Email;
use mapping::ids::{AccountId, ConnectionId};

type Answer = Result<http::Response<Bytes>, Problem>;

/// Longest address or cursor looked at, in bytes.
const VALUE_BYTES_MAX: usize = 256;

/// The component that knows the rules.
const RULES: &str = "rules";

/// All accounts page by page, or with `address` the one that has it as email or username, or with
/// `no_longer_in_scope=true` those that are kept though no rule reaches them. A page of the latter
/// may be short or empty and have a next one: it is a page of all accounts with the others left out.
pub(super) async fn list<P: Ports>(call: &Call<'_, P>) -> Answer {
    let reader = Reader::open(call.ports, call.tenant()?).await?;
    if let Some(address) = value(call, "address")? {
        let found = reader.account_by_address(call.ports, &address).await?;
        let items: Vec<_> = found.into_iter().collect();
        return Ok(json(StatusCode::OK, &List { items, next: None }));
    }
    let cursor = value(call, "cursor")?;
    let limit = call.limit()?;
    let (mut items, next) = reader
        .accounts(call.ports, cursor.as_deref(), limit)
        .await?;
    match call.query("no_longer_in_scope").as_deref() {
        None | Some("false") => {}
        Some("true") => items.retain(|account| account.no_longer_in_scope),
        Some(_) => {
            return Err(Problem {
                kind: Kind::BadRequest,
                ..Problem::field("no_longer_in_scope", "must be true or false")
            });
        }
    }
    Ok(json(StatusCode::OK, &List { items, next }))
}

pub(super) async fn read<P: Ports>(call: &Call<'_, P>) -> Answer {
    let id: AccountId = call.id("account")?;
    let reader = Reader::open(call.ports, call.tenant()?).await?;
    let account = reader.account(call.ports, &id).await?;
    Ok(json(
        StatusCode::OK,
        &account.ok_or_else(Problem::not_found)?,
    ))
}

/// Shows every rule in order and which one decides about the person with this address.
pub(super) async fn explain<P: Ports>(call: &Call<'_, P>) -> Answer {
    let connection: ConnectionId = call.id("connection")?;
    let tenant = call.tenant()?;
    let found = crate::connections::read(call.ports, tenant, &connection).await?;
    found.ok_or_else(Problem::not_found)?;
    let email = value(call, "email")?.unwrap_or_default();
    let email = Email::parse(&email).map_err(|error| Problem {
        kind: Kind::BadRequest,
        ..Problem::field("email", error.to_string())
    })?;
    let question = Question {
        tenant: tenant.clone(),
        connection,
        email,
    };
    pass_on(call.ports, RULES, "/explain", &question).await
}

fn value<P>(call: &Call<'_, P>, name: &str) -> Result<Option<String>, Problem> {
    match call.query(name) {
        Some(value) if value.len() > VALUE_BYTES_MAX => Err(Problem {
            kind: Kind::BadRequest,
            ..Problem::field(name, format!("may have at most {VALUE_BYTES_MAX} bytes"))
        }),
        other => Ok(other),
    }
}
