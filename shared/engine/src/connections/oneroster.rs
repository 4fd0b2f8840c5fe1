//! How a connection reaches its OneRoster service, whichever of the ways it goes: where the service
//! is, looked at anew each time, and what requests are made with.

mod classlink;

pub use classlink::list_applications;

use super::clever::check_holder;
use super::credentials::{Opened, open_credentials};
use super::tokens::mark_lost;
use super::{
    Connection, ConnectionError, Credentials, Freshness, Method, OneRosterSettings,
    OneRosterVersion, Placement, PutError, Source, TokenFailure, TokenSettings, Way,
};
use crate::error::Error;
use crate::keys;
use crate::ports::{Clock, Random, Store, Transport};
use crate::record;
use crate::seal::{SealKeys, Sealed};
use crate::settings::ClasslinkSettings;
use connectors::base_url::BaseUrl;
use connectors::oneroster::address::{self, AllowList};
use connectors::oneroster::token::{
    CredentialPlace, TOKEN_ANSWER_BYTES_MAX, TokenError, TokenStyle, parse_token_response,
    token_request,
};
use connectors::oneroster::{Access, ServiceBase, SignatureMethod, Version, classlink as proxy};
use mapping::ids::TenantId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// An access token is renewed this long before it ends, in milliseconds, or half-way through a life
/// that is shorter than twice that.
const LEEWAY_MS: i64 = 120_000;

/// How long a token is used whose server does not say how long it lives.
const LIFE_UNSAID: Duration = Duration::from_mins(5);

/// Everything that reaching OneRoster services needs of the application's variables.
#[derive(Clone, Debug)]
pub struct OneRosterNetwork {
    /// Hosts that districts may name.
    pub hosts: AllowList,
    /// ClassLink's proxy.
    pub classlink: ClasslinkSettings,
    /// For credentials and tokens.
    pub seal_keys: SealKeys,
}

/// A service and what requests to it are made with.
#[derive(Clone, Debug)]
pub struct Service {
    /// Where it is.
    pub base: ServiceBase,
    /// What requests are made with.
    pub access: Access,
    /// Whether it is ClassLink's proxy.
    pub is_classlink: bool,
}

/// An access token as it is kept, sealed, with the way that it is for.
#[derive(Deserialize, Serialize)]
struct KeptToken {
    way: Way,
    access_token: String,
    until_ms: i64,
}

/// What is set for a connection to a OneRoster server.
pub fn oneroster_settings(connection: &Connection) -> Result<&OneRosterSettings, TokenFailure> {
    match &connection.settings.source {
        Source::Oneroster(settings) => Ok(settings),
        Source::Clever(_) | Source::Csv(_) | Source::Google(_) => {
            Err(TokenFailure::NotAuthorized(connection.id.clone()))
        }
    }
}

/// Refuses addresses that the operator's list does not cover.
pub fn check_addresses(source: &Source, hosts: &AllowList) -> Result<(), ConnectionError> {
    match source {
        Source::Oneroster(settings) => check_way(&settings.way, hosts),
        Source::Clever(_) | Source::Csv(_) | Source::Google(_) => Ok(()),
    }
}

/// Refuses the addresses of a way that the operator's list does not cover.
pub fn check_way(way: &Way, hosts: &AllowList) -> Result<(), ConnectionError> {
    let Way::Direct { base_url, token } = way else {
        return Ok(());
    };
    let token_url = token.as_ref().map(|token| &token.token_url);
    let named = [
        ("oneroster.way.base_url", Some(base_url)),
        ("oneroster.way.token.token_url", token_url),
    ];
    for (field, url) in named {
        let checked = url.map(|url| address::check(url.as_str(), hosts));
        if let Some(Err(refusal)) = checked {
            let reason = refusal.to_string();
            return Err(ConnectionError::Invalid { field, reason });
        }
    }
    Ok(())
}

/// The service of a connection, with access from the store or from whoever gives it.
pub async fn service(
    ports: &(impl Store + Clock + Random + Transport),
    network: &OneRosterNetwork,
    (tenant, connection): (&TenantId, &Connection),
    freshness: Freshness,
) -> Result<Service, TokenFailure> {
    let settings = oneroster_settings(connection)?;
    let at = (tenant, connection);
    match &settings.way {
        Way::ClasslinkPartner { tenant: district } => {
            check_holder(ports, tenant, connection).await?;
            let Some(district) = district else {
                let what = "no district is set for this connection at ClassLink";
                return Err(TokenFailure::Operator(what.to_owned()));
            };
            classlink::service(ports, network, at, district, freshness).await
        }
        Way::ClasslinkProxy { application } => {
            let base = proxy::service(&network.classlink.proxy_url, application.as_str());
            Ok(Service {
                base: base.map_err(|error| TokenFailure::Blocked(error.to_string()))?,
                access: access(ports, network, at, &settings.way, freshness).await?,
                is_classlink: true,
            })
        }
        Way::Direct { base_url, .. } => {
            let version = version(settings.version);
            let base = address::service(base_url.as_str(), version, &network.hosts);
            Ok(Service {
                base: base.map_err(|refusal| TokenFailure::Blocked(refusal.to_string()))?,
                access: access(ports, network, at, &settings.way, freshness).await?,
                is_classlink: false,
            })
        }
    }
}

/// The connector's name of a version.
fn version(version: OneRosterVersion) -> Version {
    match version {
        OneRosterVersion::V1p1 => Version::V1_1,
        OneRosterVersion::V1p2 => Version::V1_2,
    }
}

/// The connector's name of a way to sign.
fn signature(method: Method) -> SignatureMethod {
    match method {
        Method::HmacSha1 => SignatureMethod::HmacSha1,
        Method::HmacSha256 => SignatureMethod::HmacSha256,
    }
}

/// What requests are made with, by the credentials that were given for this way.
async fn access(
    ports: &(impl Store + Clock + Random + Transport),
    network: &OneRosterNetwork,
    (tenant, connection): (&TenantId, &Connection),
    way: &Way,
    freshness: Freshness,
) -> Result<Access, TokenFailure> {
    let at = (tenant, &connection.id);
    let opened = open_credentials(ports, &network.seal_keys, at, way).await?;
    let Opened::Given(credentials) = opened else {
        return Err(TokenFailure::NotAuthorized(connection.id.clone()));
    };
    match credentials {
        Credentials::Bearer { token } => Ok(Access::Bearer(token)),
        Credentials::Oauth1 {
            key,
            secret,
            method,
        } => Ok(Access::OAuth1 {
            key,
            secret,
            method: signature(method.unwrap_or(Method::HmacSha256)),
            version_param: false,
        }),
        Credentials::Oauth2 {
            client_id,
            client_secret,
        } => {
            let client = (client_id.as_str(), client_secret.as_str());
            let token =
                client_token(ports, network, (tenant, connection), client, freshness).await?;
            Ok(Access::Bearer(token))
        }
    }
}

/// An access token for a client, from the store or from the token endpoint.
async fn client_token(
    ports: &(impl Store + Clock + Random + Transport),
    network: &OneRosterNetwork,
    (tenant, connection): (&TenantId, &Connection),
    (client_id, client_secret): (&str, &str),
    freshness: Freshness,
) -> Result<String, TokenFailure> {
    let settings = oneroster_settings(connection)?;
    let key = keys::connection_tokens(tenant, &connection.id);
    let now_ms = ports.now().as_millisecond();
    if freshness == Freshness::Kept {
        let kept: Option<KeptToken> = kept(ports, &network.seal_keys, &key).await?;
        let kept = kept.filter(|kept| kept.way == settings.way && now_ms < kept.until_ms);
        if let Some(kept) = kept {
            return Ok(kept.access_token);
        }
    }
    let Way::Direct {
        token: Some(token), ..
    } = &settings.way
    else {
        return Err(TokenFailure::NotAuthorized(connection.id.clone()));
    };
    let url = address::check(token.token_url.as_str(), &network.hosts)
        .map_err(|refusal| TokenFailure::Blocked(refusal.to_string()))?;
    let style = style(token, version(settings.version));
    let given = match ask_for_token(ports, &url, (client_id, client_secret), &style).await? {
        Ok(given) => given,
        Err(TokenError::WrongCredentials) => {
            let reason = TokenError::WrongCredentials.to_string();
            return Err(mark_lost(ports, (tenant, &connection.id), reason).await?);
        }
        Err(error @ (TokenError::NotJson | TokenError::Scope | TokenError::Unsupported)) => {
            return Err(TokenFailure::Policy(error.to_string()));
        }
        Err(
            error @ (TokenError::Malformed
            | TokenError::Refused { .. }
            | TokenError::Transient { .. }),
        ) => return Err(TokenFailure::Provider(error.to_string())),
    };
    let life = given.expires_in.unwrap_or(LIFE_UNSAID);
    let life_ms = i64::try_from(life.as_millis()).unwrap_or(i64::MAX);
    let kept = KeptToken {
        way: settings.way.clone(),
        access_token: given.access_token,
        until_ms: now_ms.saturating_add(life_ms - LEEWAY_MS.min(life_ms / 2)),
    };
    keep(ports, &network.seal_keys, &key, &kept).await?;
    Ok(kept.access_token)
}

async fn ask_for_token(
    transport: &impl Transport,
    url: &BaseUrl,
    (client_id, client_secret): (&str, &str),
    style: &TokenStyle,
) -> Result<Result<connectors::oneroster::token::Token, TokenError>, TokenFailure> {
    let request = token_request(url, client_id, client_secret, style)
        .map_err(|error| TokenFailure::Policy(error.to_string()))?;
    let response = transport.send(request, TOKEN_ANSWER_BYTES_MAX).await;
    let response = response.map_err(|error| TokenFailure::Provider(error.to_string()))?;
    Ok(parse_token_response(&response))
}

fn style(token: &TokenSettings, version: Version) -> TokenStyle {
    let standard = TokenStyle::standard(version);
    let scopes = match &token.scopes {
        None => standard.scopes,
        Some(scopes) if scopes.is_empty() => None,
        Some(scopes) => Some(scopes.iter().cloned().collect()),
    };
    TokenStyle {
        place: match token.placement {
            Placement::Basic => CredentialPlace::Basic,
            Placement::Body => CredentialPlace::Body,
            Placement::Query => CredentialPlace::Query,
        },
        scopes,
        ..standard
    }
}

/// Opens what is kept under a key.
async fn kept<T: serde::de::DeserializeOwned>(
    store: &impl Store,
    seal_keys: &SealKeys,
    key: &str,
) -> Result<Option<T>, TokenFailure> {
    let sealed: Option<Sealed> = record::read(store, key).await.map_err(Error::from)?;
    let Some(sealed) = sealed else {
        return Ok(None);
    };
    let plain = seal_keys.open(key, &sealed)?;
    // What was kept for another way has another form.
    Ok(record::decode(key, &plain).ok())
}

/// Seals and keeps something under a key.
async fn keep<T: Serialize>(
    ports: &(impl Store + Random),
    seal_keys: &SealKeys,
    key: &str,
    value: &T,
) -> Result<(), TokenFailure> {
    let sealed = seal_keys.seal(ports, key, &record::encode(value))?;
    record::write(ports, key, &sealed)
        .await
        .map_err(Error::from)?;
    Ok(())
}

impl From<PutError> for TokenFailure {
    fn from(error: PutError) -> Self {
        match error {
            PutError::Connection(error) => error.into(),
            PutError::Seal(error) => error.into(),
            PutError::Engine(error) => error.into(),
        }
    }
}

/// Keeps the way to sign that a connection test found, if it is another one.
pub async fn keep_method(
    ports: &(impl Store + Random),
    network: &OneRosterNetwork,
    (tenant, connection): (&TenantId, &Connection),
    found: SignatureMethod,
) -> Result<(), TokenFailure> {
    let settings = oneroster_settings(connection)?;
    let at = (tenant, &connection.id);
    let opened = open_credentials(ports, &network.seal_keys, at, &settings.way).await?;
    let Opened::Given(Credentials::Oauth1 {
        key,
        secret,
        method,
    }) = opened
    else {
        return Ok(());
    };
    let found = match found {
        SignatureMethod::HmacSha1 => Method::HmacSha1,
        SignatureMethod::HmacSha256 => Method::HmacSha256,
    };
    if method == Some(found) {
        return Ok(());
    }
    let credentials = Credentials::Oauth1 {
        key,
        secret,
        method: Some(found),
    };
    let way = &settings.way;
    super::replace_credentials(ports, &network.seal_keys, at, way, credentials).await?;
    Ok(())
}
