//! From Google's redirect to sealed tokens and a tested connection.

use super::begin::google_domain;
use super::identity::identify;
use super::{AuthorizeError, CALLBACK_PATH, COOKIE, OAuthSettings, Pending, PendingSecrets};
use crate::audit::Action;
use crate::connections::{
    self, Authorization, Change, Connection, ConnectionError, KeptTokens, State, TestError,
    keep_tokens, modify, read_tokens,
};
use crate::ports::{Clock, Random, Store, Transport};
use crate::{cookies, keys, record, secrets};
use connectors::google::oauth::{
    Grant, Mode, OAUTH_BYTES_MAX, Tokens, code_request, missing_scopes, parse_callback,
    parse_token_response, required_scopes,
};
use http::HeaderMap;

/// An authorisation that succeeded.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The connection as it is now, with the report of its test if that could be made.
    pub connection: Connection,
    /// Why the test could not be made.
    pub untested: Option<String>,
}

/// Takes Google's redirect. `query` is without its `?`.
pub async fn finish(
    ports: &(impl Store + Clock + Random + Transport),
    settings: &OAuthSettings,
    query: &str,
    headers: &HeaderMap,
) -> Result<Finished, AuthorizeError> {
    let callback = match parse_callback(query) {
        Ok(callback) => callback,
        Err(error) => {
            // A refusal uses the state up, if it is this browser's.
            if let Some(state) = &error.state {
                take(ports, settings, state, headers).await?;
            }
            return Err(error.fault.into());
        }
    };
    let (pending, kept) = take(ports, settings, &callback.state, headers).await?;
    let tokens = exchange(ports, settings, &callback.code, &kept.verifier).await?;
    let at = (&pending.tenant, &pending.connection);
    let connection = connections::read(ports, at.0, at.1).await?;
    let connection = connection.ok_or(ConnectionError::NotFound)?;
    let domain = google_domain(&connection)?.clone();
    let id_token = tokens.id_token.as_deref();
    identify(ports, settings, id_token, &kept.nonce, domain.as_str()).await?;
    check_scopes(&pending, &tokens)?;
    keep(ports, settings, &pending, tokens).await?;
    let tested = connections::test(
        ports,
        &settings.google,
        &settings.seal_keys,
        &pending.who,
        at,
    );
    match tested.await {
        Ok(connection) => Ok(Finished {
            connection,
            untested: None,
        }),
        Err(TestError::Connection(error)) => Err(error.into()),
        Err(error @ (TestError::Provider(_) | TestError::Token(_))) => {
            let connection = connections::read(ports, at.0, at.1).await?;
            Ok(Finished {
                connection: connection.ok_or(ConnectionError::NotFound)?,
                untested: Some(error.to_string()),
            })
        }
    }
}

/// Finds what is under way, checks the browser and the time, and lets the first use through.
async fn take(
    ports: &(impl Store + Clock),
    settings: &OAuthSettings,
    state: &str,
    headers: &HeaderMap,
) -> Result<(Pending, PendingSecrets), AuthorizeError> {
    let digest = secrets::digest(state);
    let key = keys::oauth_state(&digest);
    let pending: Option<Pending> = record::read(ports, &key).await?;
    let pending = pending.ok_or(AuthorizeError::State)?;
    if ports.now().as_millisecond() >= pending.until_ms {
        return Err(AuthorizeError::State);
    }
    let browser = cookies::read(&settings.public_url, headers, COOKIE);
    let browser = secrets::digest(browser.ok_or(AuthorizeError::Browser)?);
    if !secrets::is_equal(&browser, &pending.browser) {
        return Err(AuthorizeError::Browser);
    }
    if ports.increment(&keys::oauth_state_use(&digest), 1).await? != 1 {
        return Err(AuthorizeError::State);
    }
    ports.delete(&key).await?;
    let plain = settings.seal_keys.open(&key, &pending.sealed)?;
    Ok((pending, record::decode(&key, &plain)?))
}

async fn exchange(
    ports: &impl Transport,
    settings: &OAuthSettings,
    code: &str,
    verifier: &str,
) -> Result<Tokens, AuthorizeError> {
    let client = settings
        .google
        .client(settings.public_url.at(CALLBACK_PATH));
    let request = code_request(&settings.google.endpoints(), &client, code, verifier)
        .map_err(|_| AuthorizeError::Unreachable)?;
    let response = ports.send(request, OAUTH_BYTES_MAX).await;
    let response = response.map_err(|_| AuthorizeError::Unreachable)?;
    Ok(parse_token_response(Grant::Code, &response)?)
}

fn check_scopes(pending: &Pending, tokens: &Tokens) -> Result<(), AuthorizeError> {
    let asked = required_scopes(Mode::Import, pending.uses_groups);
    let missing = missing_scopes(&asked, &tokens.scopes);
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.iter().map(|scope| scope.as_str().to_owned());
    Err(AuthorizeError::MissingScopes(names.collect()))
}

/// Seals the tokens, then says so in the connection.
async fn keep(
    ports: &(impl Store + Clock + Random),
    settings: &OAuthSettings,
    pending: &Pending,
    tokens: Tokens,
) -> Result<(), AuthorizeError> {
    let (tenant, id) = (&pending.tenant, &pending.connection);
    let refresh_token = match tokens.refresh_token {
        Some(token) => token,
        None => read_tokens(ports, &settings.seal_keys, tenant, id)
            .await?
            .map(|kept| kept.refresh_token)
            .ok_or(AuthorizeError::NoRefreshToken)?,
    };
    let now_ms = ports.now().as_millisecond();
    let life_ms = i64::try_from(tokens.expires_in.as_millis()).unwrap_or(i64::MAX);
    let kept = KeptTokens {
        refresh_token,
        access_token: tokens.access_token,
        access_until_ms: now_ms.saturating_add(life_ms),
    };
    keep_tokens(ports, &settings.seal_keys, tenant, id, &kept).await?;
    let what = (&pending.who, Action::ConnectionAuthorized);
    let authorized = modify(ports, tenant, id, what, |connection| {
        connection.authorization = Some(Authorization {
            at_ms: now_ms,
            scopes: tokens.scopes.clone(),
        });
        connection.attention = None;
        connection.state = match connection.state {
            State::Active | State::ReconnectNeeded => State::Active,
            State::Authorized | State::Draft | State::Revoked => State::Authorized,
        };
        Ok(Change::Write)
    });
    authorized.await?;
    Ok(())
}
