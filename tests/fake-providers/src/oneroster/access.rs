//! Who asks, and whether they may.

use std::collections::BTreeSet;

use subtle::ConstantTimeEq;

use super::State;
use super::call::Call;
use super::exchange::Exchange;
use super::failure::{Failure, Minor};
use super::oauth1::{self, Signed};
use super::oauth2;
use super::render::Version;
use crate::lock::{lock, read};

/// Somebody who may read.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) name: String,
    /// The scopes, where there are any; who has none to show may read everything.
    pub(super) scopes: Option<BTreeSet<String>>,
}

impl Caller {
    /// Refuses a read for which no scope was given.
    pub(super) fn check(&self, call: &Call, version: Version) -> Result<(), Failure> {
        let Some(scopes) = &self.scopes else {
            return Ok(());
        };
        let mut enough = call.scopes().iter();
        if enough.any(|name| scopes.contains(&oauth2::scope(version, name))) {
            return Ok(());
        }
        let why = "The token has no scope for this request";
        Err(Failure::new(Minor::Forbidden, why))
    }
}

/// Who asks: by a token, or in version 1.1 by a signature.
pub(super) fn caller(
    state: &State,
    exchange: &Exchange,
    version: Version,
) -> Result<Caller, Failure> {
    let refuse = |why: &str| Failure::new(Minor::Unauthorised, why);
    if let Some(token) = exchange.authorization("Bearer") {
        return by_token(state, token).ok_or_else(|| refuse("The token is not valid"));
    }
    match exchange.authorization("OAuth") {
        Some(header) if version == Version::V1p1 => {
            let signed = by_signature(state, exchange, header);
            signed.map_err(|refusal| refuse(&format!("The {refusal}")))
        }
        _ => Err(refuse("The request is not authorized")),
    }
}

fn by_token(state: &State, token: &str) -> Option<Caller> {
    let security = read(&state.security);
    let is_static = security
        .static_bearer
        .as_ref()
        .is_some_and(|bearer| bool::from(bearer.as_bytes().ct_eq(token.as_bytes())));
    if is_static {
        return Some(Caller {
            name: "static bearer".to_owned(),
            scopes: None,
        });
    }
    let tokens = lock(&state.tokens);
    let grant = tokens.grant(token, state.now_ms());
    grant.filter(|_| security.takes_oauth2).map(|grant| Caller {
        name: grant.client.clone(),
        scopes: Some(grant.scopes.clone()),
    })
}

fn by_signature(
    state: &State,
    exchange: &Exchange,
    header: &str,
) -> Result<Caller, oauth1::Refusal> {
    let signed = Signed {
        method: exchange.method.as_str(),
        scheme: "http",
        host: exchange.header("host").unwrap_or_default(),
        path: &exchange.path,
        query: &exchange.query,
    };
    let secret_of = |key: &str| {
        let client = state.config.clients.iter().find(|client| client.id == key);
        client.map(|client| client.secret.as_str())
    };
    let name = oauth1::verify(
        &signed,
        header,
        secret_of,
        &read(&state.security).signatures,
        &mut lock(&state.nonces),
        state.now_ms() / 1_000,
    )?;
    Ok(Caller { name, scopes: None })
}
