//! From an API call to Google's consent page.

use super::{
    AuthorizeError, CALLBACK_PATH, COOKIE, LIFE_MS, OAuthSettings, Pending, PendingSecrets,
    START_PATH, StartRecord,
};
use crate::audit::{self, Action, Actor};
use crate::connections::{self, Connection, ConnectionError, Domain, Provider};
use crate::ports::{Clock, Random, Store};
use crate::settings::{PublicUrl, Secret};
use crate::{cookies, keys, record, rules, secrets};
use connectors::google::oauth::{
    Authorization, CallbackFault, Mode, Pkce, VERIFIER_BYTES_MIN, authorization_url,
    required_scopes,
};
use mapping::ids::{ConnectionId, TenantId};

/// Longest start token looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 128;

/// A start address.
#[derive(Clone, Debug)]
pub struct Started {
    /// To be opened in the browser of the administrator who will consent.
    pub address: Secret,
    /// Until when it works, in milliseconds since the Unix epoch.
    pub until_ms: i64,
}

/// Where to send the browser, and how it is recognised when it comes back.
#[derive(Clone, Debug)]
pub struct Begun {
    /// Google's consent page.
    pub location: String,
    /// The value of the `Set-Cookie` header.
    pub cookie: String,
}

/// Makes a start address for a connection.
pub async fn start(
    ports: &(impl Store + Clock + Random),
    public_url: &PublicUrl,
    who: &Actor,
    (tenant, connection): (&TenantId, &ConnectionId),
) -> Result<Started, AuthorizeError> {
    let found = connections::read(ports, tenant, connection).await?;
    google_domain(&found.ok_or(ConnectionError::NotFound)?)?;
    let token = secrets::random_secret(ports, "start");
    let until_ms = ports.now().as_millisecond().saturating_add(LIFE_MS);
    let start = StartRecord {
        tenant: tenant.clone(),
        connection: connection.clone(),
        who: who.clone(),
        until_ms,
    };
    let what = Action::AuthorizationStarted;
    audit::record(ports, tenant, who, what, connection.as_str()).await?;
    let key = keys::oauth_start(&secrets::digest(&token));
    record::write(ports, &key, &start).await?;
    Ok(Started {
        address: Secret::new(public_url.at(&format!("{START_PATH}{token}"))),
        until_ms,
    })
}

/// Whether a start address still works.
pub async fn is_open(ports: &(impl Store + Clock), token: &str) -> Result<bool, AuthorizeError> {
    match find(ports, token).await {
        Ok(_) => Ok(true),
        Err(AuthorizeError::State) => Ok(false),
        Err(other) => Err(other),
    }
}

/// Binds the browser and sends it to Google. The start address goes on working until it expires,
/// so that a page may be loaded again; each time with a new `state`.
pub async fn begin(
    ports: &(impl Store + Clock + Random),
    settings: &OAuthSettings,
    token: &str,
) -> Result<Begun, AuthorizeError> {
    let start = find(ports, token).await?;
    let connection = connections::read(ports, &start.tenant, &start.connection).await?;
    let connection = connection.ok_or(ConnectionError::NotFound)?;
    let rules = rules::read(ports, &start.tenant, &start.connection).await?;
    let uses_groups = rules::uses_groups(&rules);
    let mut random = [0_u8; VERIFIER_BYTES_MIN];
    ports.fill(&mut random);
    let pkce = Pkce::from_verifier_bytes(&random).map_err(|_| CallbackFault::Malformed)?;
    let state = secrets::random_secret(ports, "state");
    let browser = secrets::random_secret(ports, "browser");
    let nonce = secrets::random_secret(ports, "nonce");
    let key = keys::oauth_state(&secrets::digest(&state));
    let plain = record::encode(&PendingSecrets {
        verifier: pkce.verifier().to_owned(),
        nonce: nonce.clone(),
    });
    let pending = Pending {
        tenant: start.tenant,
        connection: start.connection,
        who: start.who,
        until_ms: start.until_ms,
        browser: secrets::digest(&browser),
        uses_groups,
        sealed: settings.seal_keys.seal(ports, &key, &plain)?,
    };
    record::write(ports, &key, &pending).await?;
    let client = settings
        .google
        .client(settings.public_url.at(CALLBACK_PATH));
    let ask = Authorization {
        client: &client,
        scopes: &required_scopes(Mode::Import, uses_groups),
        state: &state,
        nonce: &nonce,
        pkce: &pkce,
        is_offline: true,
        hosted_domain: Some(google_domain(&connection)?.as_str()),
        login_hint: None,
    };
    Ok(Begun {
        location: authorization_url(&settings.google.endpoints(), &ask),
        cookie: cookies::set(
            &settings.public_url,
            COOKIE,
            &browser,
            Some(LIFE_MS / 1_000),
        ),
    })
}

/// The domain whose administrator consents. Nobody consents at other providers.
pub(super) fn google_domain(connection: &Connection) -> Result<&Domain, ConnectionError> {
    let domain = connection.settings.source.google_domain();
    domain.ok_or_else(|| not_in_a_browser(connection.provider))
}

/// Why nobody consents to a connection of this provider.
pub(crate) fn not_in_a_browser(provider: Provider) -> ConnectionError {
    let what = match provider {
        Provider::Csv => "a connection for files needs no authorisation: save it",
        Provider::Clever | Provider::Google | Provider::Oneroster => {
            "this connection is not authorised in a browser: test it, then save it"
        }
    };
    ConnectionError::State(what.to_owned())
}

async fn find(ports: &(impl Store + Clock), token: &str) -> Result<StartRecord, AuthorizeError> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(AuthorizeError::State);
    }
    let key = keys::oauth_start(&secrets::digest(token));
    let start: Option<StartRecord> = record::read(ports, &key).await?;
    match start {
        Some(start) if ports.now().as_millisecond() < start.until_ms => Ok(start),
        _ => Err(AuthorizeError::State),
    }
}
