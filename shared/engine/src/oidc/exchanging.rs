//! What applications ask for themselves: tokens (RFC 6749, OpenID Connect Core section 3.1.3), claims
//! (section 5.3), and that tokens be revoked (RFC 7009).

use super::claims::Claims;
use super::clients::{self, AuthMethod, Client};
use super::codes::{self, Exchange};
use super::grants::{self, ACCESS_MS, RefreshFault, Revoked, Tokens};
use super::id_token::{self, Issuing};
use super::request::{Parameters, Scope};
use super::signing::{Signer, SigningError};
use crate::ephemeral::Place;
use crate::error::Error;
use crate::ports::{Clock, Ports, Store};
use crate::seal::SealKeys;
use crate::settings::{PublicUrl, Secret};
use crate::signin::sessions::Session;
use mapping::account::Account;
use mapping::ids::ClientId;
use serde::Serialize;

/// Letters of a PKCE verifier (RFC 7636 section 4.1).
const VERIFIER_LETTERS: std::ops::RangeInclusive<usize> = 43..=128;

/// Why a request of an application is refused (RFC 6749 section 5.2).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenFault {
    /// The client is unknown or did not prove who it is as it is registered to.
    #[error("the client is not known, or did not prove who it is in the way it is registered for")]
    Client,
    /// The code or the refresh token brings nothing.
    #[error("{0}")]
    Grant(String),
    /// The request breaks a rule.
    #[error("{0}")]
    Request(&'static str),
    /// More was asked for than was granted.
    #[error("the refresh token is good for less than was asked for")]
    Scope,
    /// The grant type is not one of ours.
    #[error("the grant type must be authorization_code or refresh_token")]
    GrantType,
    /// Something could not be signed, or the surroundings failed.
    #[error(transparent)]
    Signing(#[from] SigningError),
}

impl From<Error> for TokenFault {
    fn from(error: Error) -> Self {
        TokenFault::Signing(error.into())
    }
}

/// The answer of the token endpoint (RFC 6749 section 5.1).
#[derive(Debug, Serialize)]
pub struct Issued {
    access_token: String,
    token_type: &'static str,
    /// In seconds.
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    id_token: String,
    scope: String,
}

/// What a request of an application says of who sends it.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// Id and secret of an `Authorization: Basic` header.
    pub basic: Option<(String, Secret)>,
}

/// Exchanges a code or a refresh token for tokens.
pub async fn exchange<P: Ports>(
    ports: &P,
    (issuer, seal_keys): (&PublicUrl, &SealKeys),
    credentials: &Credentials,
    parameters: &Parameters,
) -> Result<Issued, TokenFault> {
    let client = authenticate(ports, credentials, parameters).await?;
    let by = (issuer, seal_keys);
    match needed(parameters, "grant_type", "grant_type is missing")? {
        "authorization_code" => exchange_code(ports, by, &client, parameters).await,
        "refresh_token" => refresh(ports, by, &client, parameters).await,
        _ => Err(TokenFault::GrantType),
    }
}

/// Revokes a token of the client that asks. One that is unknown is revoked already.
pub async fn revoke(
    ports: &(impl Store + Clock),
    credentials: &Credentials,
    parameters: &Parameters,
) -> Result<(), TokenFault> {
    let client = authenticate(ports, credentials, parameters).await?;
    let token = needed(parameters, "token", "token is missing")?;
    match grants::revoke(ports, &client.id, token).await? {
        Revoked::Done => Ok(()),
        Revoked::Foreign => Err(TokenFault::Grant(
            "the token was issued to another client".to_owned(),
        )),
    }
}

/// The client that sends a request. It may say who it is in one way alone (RFC 6749 section 2.3).
async fn authenticate(
    ports: &(impl Store + Clock),
    credentials: &Credentials,
    parameters: &Parameters,
) -> Result<Client, TokenFault> {
    if parameters.has_twins() {
        return Err(TokenFault::Request("a parameter is there twice"));
    }
    let get = |name| parameters.one(name).ok().flatten();
    if get("client_assertion").is_some() || get("client_assertion_type").is_some() {
        return Err(TokenFault::Client);
    }
    let (named, in_body) = (get("client_id"), get("client_secret"));
    let (id, method, secret) = match (&credentials.basic, named, in_body) {
        (Some(_), _, Some(_)) => {
            return Err(TokenFault::Request("the client says who it is in two ways"));
        }
        (Some((id, _)), Some(named), None) if named != id => return Err(TokenFault::Client),
        (Some((id, secret)), _, None) => {
            let secret = Some(secret.expose());
            (id.as_str(), AuthMethod::ClientSecretBasic, secret)
        }
        (None, Some(id), Some(secret)) => (id, AuthMethod::ClientSecretPost, Some(secret)),
        (None, Some(id), None) => (id, AuthMethod::None, None),
        (None, None, _) => return Err(TokenFault::Client),
    };
    let Ok(id) = ClientId::parse(id) else {
        return Err(TokenFault::Client);
    };
    let found = clients::authenticate(ports, &id, method, secret).await?;
    found.ok_or(TokenFault::Client)
}

async fn exchange_code<P: Ports>(
    ports: &P,
    (issuer, seal_keys): (&PublicUrl, &SealKeys),
    client: &Client,
    parameters: &Parameters,
) -> Result<Issued, TokenFault> {
    let verifier = needed(parameters, "code_verifier", "code_verifier is missing")?;
    if !VERIFIER_LETTERS.contains(&verifier.len()) {
        let reason = "code_verifier must have 43 to 128 characters";
        return Err(TokenFault::Request(reason));
    }
    let exchange = Exchange {
        code: needed(parameters, "code", "code is missing")?,
        redirect_uri: needed(parameters, "redirect_uri", "redirect_uri is missing")?,
        verifier,
    };
    // Before the code is used up: what can't be signed must not cost the person a sign-in.
    let signer = Signer::open(ports, seal_keys).await?;
    let redeemed = codes::redeem(ports, client, &exchange)
        .await?
        .map_err(|fault| TokenFault::Grant(fault.to_string()))?;
    let code = &redeemed.code;
    let about = About {
        client: &client.id,
        account: &redeemed.account,
        session: &code.session,
        sid: code.sid,
        nonce: code.nonce.as_deref(),
    };
    issue(ports, (issuer, &signer), &about, &redeemed.tokens).await
}

async fn refresh<P: Ports>(
    ports: &P,
    (issuer, seal_keys): (&PublicUrl, &SealKeys),
    client: &Client,
    parameters: &Parameters,
) -> Result<Issued, TokenFault> {
    let token = needed(parameters, "refresh_token", "refresh_token is missing")?;
    let wanted = parameters
        .one("scope")
        .ok()
        .flatten()
        .map(Scope::parse_list);
    let signer = Signer::open(ports, seal_keys).await?;
    let refreshed = grants::refresh(ports, client, token, wanted.as_ref()).await?;
    let (grant, account, tokens) = refreshed.map_err(|fault| match fault {
        RefreshFault::Gone => TokenFault::Grant(fault.to_string()),
        RefreshFault::Scope => TokenFault::Scope,
    })?;
    let about = About {
        client: &client.id,
        account: &account,
        session: &grant.session,
        sid: grant.sid,
        nonce: None,
    };
    issue(ports, (issuer, &signer), &about, &tokens).await
}

/// What tokens are about.
struct About<'a> {
    client: &'a ClientId,
    account: &'a Account,
    session: &'a Session,
    sid: Place,
    nonce: Option<&'a str>,
}

async fn issue<P: Ports>(
    ports: &P,
    (issuer, signer): (&PublicUrl, &Signer),
    about: &About<'_>,
    tokens: &Tokens,
) -> Result<Issued, TokenFault> {
    let tenant = &about.session.tenant;
    let claims = Claims::of(ports, tenant, about.account, &tokens.scopes).await?;
    let issuing = Issuing {
        issuer,
        client: about.client,
        session: about.session,
        sid: about.sid,
        nonce: about.nonce,
        access_token: tokens.access.expose(),
    };
    Ok(Issued {
        id_token: id_token::issue(ports, signer, &issuing, &claims)?,
        access_token: tokens.access.expose().to_owned(),
        token_type: "Bearer",
        expires_in: ACCESS_MS / 1_000,
        refresh_token: tokens
            .refresh
            .as_ref()
            .map(|token| token.expose().to_owned()),
        scope: Scope::list(&tokens.scopes),
    })
}

fn needed<'a>(
    parameters: &'a Parameters,
    name: &str,
    missing: &'static str,
) -> Result<&'a str, TokenFault> {
    let value = parameters.one(name).ok().flatten();
    value.ok_or(TokenFault::Request(missing))
}

/// Why an access token does not open anything (RFC 6750 section 3.1).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BearerFault {
    /// It is unknown, has expired, or the sign-in that it comes from is over.
    #[error("the access token is unknown or has expired, or the sign-in is over")]
    Token,
    /// The surroundings failed.
    #[error(transparent)]
    Engine(#[from] Error),
}

/// The claims that an access token opens, as they are now.
pub async fn claims_of<P: Ports>(ports: &P, token: &str) -> Result<impl Serialize, BearerFault> {
    let found = grants::look(ports, token).await?;
    let (scopes, grant, account) = found.ok_or(BearerFault::Token)?;
    let tenant = &grant.session.tenant;
    Ok(Claims::of(ports, tenant, &account, &scopes).await?)
}
