//! The application variables as typed values, read once per request.
//!
//! Each door asks for what it needs and no more, so a component declares only those variables. A
//! missing or short secret is an error that names the variable; nothing here prints a value.

use crate::ports::{VariableError, Variables};
use crate::seal::SealKeys;
use connectors::base_url::BaseUrl;
use connectors::google::oauth::{Client, Endpoints};
use connectors::oneroster::address::AllowList;
use http::{HeaderName, Uri};
use std::fmt;

/// Shortest operator or internal token accepted, in bytes: 128 bits as hexadecimal digits.
pub const TOKEN_BYTES_MIN: usize = 32;

/// Shortest client secret accepted, in bytes. Google's have 35.
pub const CLIENT_SECRET_BYTES_MIN: usize = 16;

/// Shortest key of a partner accepted, in bytes.
pub const PARTNER_KEY_BYTES_MIN: usize = 16;

/// A text that is never printed.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that has to send or compare it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The address under which browsers reach us; scheme, host and port only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// Checks an address: `https`, or `http` on this machine itself.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let base = BaseUrl::parse(text).map_err(|_| "it is not an absolute address")?;
        let uri: Uri = base
            .as_str()
            .parse()
            .map_err(|_| "it is not an absolute address")?;
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if is_local(&uri) => {}
            _ => return Err("it must start with https:// (http:// only for this machine itself)"),
        }
        match uri.path() {
            "" | "/" => Ok(Self(base.as_str().to_owned())),
            _ => Err("it must have a host and no path"),
        }
    }

    /// True when cookies can be marked `Secure`.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// The address of a path that starts with a slash.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

/// Our registration at Google, and where Google is.
#[derive(Clone, Debug)]
pub struct GoogleSettings {
    /// Variable `google_client_id`.
    pub client_id: String,
    /// Variable `google_client_secret`.
    pub client_secret: Secret,
    /// Where people consent. Variable `google_accounts_url`.
    pub accounts_url: String,
    /// Where tokens are exchanged and revoked. Variable `google_oauth_url`.
    pub oauth_url: String,
    /// Where the directory is. Variable `google_api_url`.
    pub api_url: String,
    /// Where the signing keys are. Variable `google_certs_url`.
    pub certs_url: String,
}

impl GoogleSettings {
    /// Where Google's OAuth answers.
    pub fn endpoints(&self) -> Endpoints {
        Endpoints {
            authorize: format!("{}/o/oauth2/v2/auth", self.accounts_url),
            token: format!("{}/token", self.oauth_url),
            revoke: format!("{}/revoke", self.oauth_url),
            jwks: self.certs_url.clone(),
        }
    }

    /// Our registration. The return address is needed for consent and its code only.
    pub fn client(&self, redirect_uri: String) -> Client {
        Client {
            id: self.client_id.clone(),
            secret: self.client_secret.expose().to_owned(),
            redirect_uri,
        }
    }
}

/// The operator's token. Variable `operator_token`.
pub async fn operator_token(variables: &impl Variables) -> Result<Secret, VariableError> {
    secret(variables, "operator_token", TOKEN_BYTES_MIN).await
}

/// The token between components. Variable `internal_token`.
pub async fn internal_token(variables: &impl Variables) -> Result<Secret, VariableError> {
    secret(variables, "internal_token", TOKEN_BYTES_MIN).await
}

/// The keys that seal secrets at rest. Variable `seal_keys`, as `kid:base64key[,kid2:…]` with keys
/// of 32 bytes; the first seals, all open.
pub async fn seal_keys(variables: &impl Variables) -> Result<SealKeys, VariableError> {
    let text = variables.variable("seal_keys").await?;
    SealKeys::parse(&text).map_err(|error| unusable("seal_keys", error.to_string()))
}

/// Our own address. Variable `public_url`.
pub async fn public_url(variables: &impl Variables) -> Result<PublicUrl, VariableError> {
    let text = variables.variable("public_url").await?;
    PublicUrl::parse(text.trim()).map_err(|reason| unusable("public_url", reason))
}

/// Where alerts are sent, and what signs them.
#[derive(Clone, Debug)]
pub struct AlertSettings {
    /// Variable `alert_url`. It may hold a secret of its own, so it is never shown.
    pub url: Uri,
    /// Variable `alert_secret`.
    pub secret: Secret,
}

/// Where alerts are sent: nowhere unless variable `alert_url` is set, and then not without
/// variable `alert_secret`.
pub async fn alerts(variables: &impl Variables) -> Result<Option<AlertSettings>, VariableError> {
    let text = match variables.variable("alert_url").await {
        Ok(text) => text,
        Err(VariableError::Missing(_)) => return Ok(None),
        Err(error @ VariableError::Unusable { .. }) => return Err(error),
    };
    let url = alert_url(text.trim()).map_err(|reason| unusable("alert_url", reason))?;
    let secret = secret(variables, "alert_secret", TOKEN_BYTES_MIN).await?;
    Ok(Some(AlertSettings { url, secret }))
}

/// Checks an address for alerts: `https`, or `http` on this machine itself.
fn alert_url(text: &str) -> Result<Uri, &'static str> {
    let uri: Uri = text.parse().map_err(|_| "it is not an absolute address")?;
    let has_user = uri
        .authority()
        .is_none_or(|authority| authority.as_str().contains('@'));
    match uri.scheme_str() {
        _ if has_user => Err("it needs a host, and no user name or password"),
        Some("https") => Ok(uri),
        Some("http") if is_local(&uri) => Ok(uri),
        _ => Err("it must start with https:// (http:// only for this machine itself)"),
    }
}

fn is_local(uri: &Uri) -> bool {
    matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

/// Everything about Google; the addresses have Google's own as defaults.
pub async fn google(variables: &impl Variables) -> Result<GoogleSettings, VariableError> {
    Ok(GoogleSettings {
        client_id: variables.variable("google_client_id").await?,
        client_secret: secret(variables, "google_client_secret", CLIENT_SECRET_BYTES_MIN).await?,
        accounts_url: base(
            variables,
            "google_accounts_url",
            "https://accounts.google.com",
        )
        .await?,
        oauth_url: base(
            variables,
            "google_oauth_url",
            "https://oauth2.googleapis.com",
        )
        .await?,
        api_url: base(variables, "google_api_url", "https://admin.googleapis.com").await?,
        certs_url: base(
            variables,
            "google_certs_url",
            "https://www.googleapis.com/oauth2/v3/certs",
        )
        .await?,
    })
}

/// Our application at Clever, and where Clever is.
#[derive(Clone, Debug)]
pub struct CleverAppSettings {
    /// Variable `clever_client_id`.
    pub client_id: String,
    /// Variable `clever_client_secret`.
    pub client_secret: Secret,
    /// Where tokens are listed. Variable `clever_oauth_url`.
    pub oauth_url: BaseUrl,
    /// Where districts' data is. Variable `clever_api_url`.
    pub api_url: BaseUrl,
}

/// Everything about Clever; the addresses have Clever's own as defaults.
pub async fn clever(variables: &impl Variables) -> Result<CleverAppSettings, VariableError> {
    Ok(CleverAppSettings {
        client_id: variables.variable("clever_client_id").await?,
        client_secret: secret(variables, "clever_client_secret", CLIENT_SECRET_BYTES_MIN).await?,
        oauth_url: base_url(variables, "clever_oauth_url", "https://clever.com").await?,
        api_url: base_url(variables, "clever_api_url", "https://api.clever.com").await?,
    })
}

/// Our key as a partner of ClassLink, and where ClassLink's proxy is.
#[derive(Clone, Debug)]
pub struct ClasslinkSettings {
    /// Variable `classlink_partner_key`; not every operator is a partner.
    pub partner_key: Option<Secret>,
    /// Variable `classlink_proxy_url`.
    pub proxy_url: BaseUrl,
}

/// Everything about ClassLink; the address has ClassLink's own as default.
pub async fn classlink(variables: &impl Variables) -> Result<ClasslinkSettings, VariableError> {
    let default = "https://oneroster-proxy.apis.classlink.com";
    let partner_key = match secret(variables, "classlink_partner_key", PARTNER_KEY_BYTES_MIN).await
    {
        Ok(key) => Some(key),
        Err(VariableError::Missing(_)) => None,
        Err(error @ VariableError::Unusable { .. }) => return Err(error),
    };
    Ok(ClasslinkSettings {
        partner_key,
        proxy_url: base_url(variables, "classlink_proxy_url", default).await?,
    })
}

/// Our application at ClassLink's `LaunchPad`, for signing in, and where that is.
#[derive(Clone, Debug)]
pub struct ClasslinkAppSettings {
    /// Variable `classlink_client_id`.
    pub client_id: String,
    /// Variable `classlink_client_secret`.
    pub client_secret: Secret,
    /// Where people sign in and codes are exchanged. Variable `classlink_launchpad_url`.
    pub launchpad_url: BaseUrl,
    /// Where it is told who somebody is. Variable `classlink_info_url`.
    pub info_url: BaseUrl,
}

/// Everything about signing in with ClassLink; the addresses have ClassLink's own as defaults.
pub async fn classlink_app(
    variables: &impl Variables,
) -> Result<ClasslinkAppSettings, VariableError> {
    let name = "classlink_client_secret";
    Ok(ClasslinkAppSettings {
        client_id: variables.variable("classlink_client_id").await?,
        client_secret: secret(variables, name, CLIENT_SECRET_BYTES_MIN).await?,
        launchpad_url: base_url(
            variables,
            "classlink_launchpad_url",
            connectors::classlink::LAUNCHPAD_URL,
        )
        .await?,
        info_url: base_url(
            variables,
            "classlink_info_url",
            connectors::classlink::INFO_URL,
        )
        .await?,
    })
}

/// The header in which whatever stands before us says where a request comes from. Variable
/// `client_address_header`; by default the platform's own. One that anybody can send would let
/// guessers choose their address.
pub async fn client_address_header(
    variables: &impl Variables,
) -> Result<HeaderName, VariableError> {
    let name = "client_address_header";
    let text = match variables.variable(name).await {
        Ok(text) => text,
        Err(VariableError::Missing(_)) => return Ok(HeaderName::from_static("spin-client-addr")),
        Err(error @ VariableError::Unusable { .. }) => return Err(error),
    };
    let parsed = HeaderName::from_bytes(text.trim().as_bytes());
    parsed.map_err(|_| unusable(name, "it is not the name of a header"))
}

/// The hosts that districts may name as their OneRoster servers. Variable `oneroster_hosts`;
/// without it none.
pub async fn oneroster_hosts(variables: &impl Variables) -> Result<AllowList, VariableError> {
    let text = match variables.variable("oneroster_hosts").await {
        Ok(text) => text,
        Err(VariableError::Missing(_)) => return Ok(AllowList::default()),
        Err(error @ VariableError::Unusable { .. }) => return Err(error),
    };
    AllowList::parse(&text).map_err(|error| unusable("oneroster_hosts", error.to_string()))
}

async fn secret(
    variables: &impl Variables,
    name: &str,
    bytes_min: usize,
) -> Result<Secret, VariableError> {
    let text = variables.variable(name).await?;
    if text.len() < bytes_min {
        let reason = format!("a secret needs at least {bytes_min} characters");
        return Err(unusable(name, reason));
    }
    Ok(Secret(text))
}

async fn base(
    variables: &impl Variables,
    name: &str,
    default: &str,
) -> Result<String, VariableError> {
    Ok(base_url(variables, name, default).await?.into())
}

async fn base_url(
    variables: &impl Variables,
    name: &str,
    default: &str,
) -> Result<BaseUrl, VariableError> {
    let text = match variables.variable(name).await {
        Ok(text) => text,
        Err(VariableError::Missing(_)) => default.to_owned(),
        Err(error @ VariableError::Unusable { .. }) => return Err(error),
    };
    BaseUrl::parse(&text).map_err(|error| unusable(name, error.to_string()))
}

fn unusable(name: &str, reason: impl Into<String>) -> VariableError {
    VariableError::Unusable {
        name: name.to_owned(),
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{MemoryPorts, block_on};

    #[test]
    fn a_missing_or_short_secret_is_named_and_not_shown() {
        let ports = MemoryPorts::new();
        let missing = block_on(operator_token(&ports)).unwrap_err();
        assert_eq!(missing, VariableError::Missing("operator_token".to_owned()));
        ports.set_variable("operator_token", "hunter2");
        let short = block_on(operator_token(&ports)).unwrap_err().to_string();
        assert!(short.contains("operator_token"), "{short}");
        assert!(!short.contains("hunter2"), "{short}");
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
    }

    #[test]
    fn the_public_address_is_https_or_this_machine() {
        let local = PublicUrl::parse("http://127.0.0.1:3000/").unwrap();
        assert_eq!(local.at("/oauth"), "http://127.0.0.1:3000/oauth");
        assert!(!local.is_https());
        assert!(PublicUrl::parse("https://sync.example").unwrap().is_https());
        for text in [
            "http://sync.example",
            "sync.example",
            "https://sync.example/a",
            "ftp://localhost",
        ] {
            assert!(PublicUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn alerts_are_off_unless_an_address_is_set_and_then_need_a_secret() {
        let ports = MemoryPorts::new();
        assert!(block_on(alerts(&ports)).unwrap().is_none());
        ports.set_variable("alert_url", "https://hooks.example/rollcall?team=7");
        let missing = block_on(alerts(&ports)).unwrap_err();
        assert_eq!(missing, VariableError::Missing("alert_secret".to_owned()));
        ports.set_variable("alert_secret", "hunter2");
        let short = block_on(alerts(&ports)).unwrap_err().to_string();
        assert!(short.contains("alert_secret") && !short.contains("hunter2"));
        ports.set_variable("alert_secret", &"s".repeat(32));
        let set = block_on(alerts(&ports)).unwrap().unwrap();
        assert_eq!(set.url, "https://hooks.example/rollcall?team=7");
        for text in [
            "http://hooks.example/",
            "hooks.example",
            "/path",
            "https://user:word@hooks.example/",
        ] {
            ports.set_variable("alert_url", text);
            let refused = block_on(alerts(&ports)).unwrap_err().to_string();
            assert!(refused.contains("alert_url"), "{refused}");
            assert!(!refused.contains(text), "{refused}");
        }
    }

    #[test]
    fn google_has_default_addresses_and_required_credentials() {
        let ports = MemoryPorts::new();
        ports.set_variable("google_client_id", "id");
        assert_eq!(
            block_on(google(&ports)).unwrap_err(),
            VariableError::Missing("google_client_secret".to_owned())
        );
        ports.set_variable("google_client_secret", "a-secret-of-some-length");
        ports.set_variable("google_api_url", "http://127.0.0.1:9000/");
        let google = block_on(google(&ports)).unwrap();
        assert_eq!(google.oauth_url, "https://oauth2.googleapis.com");
        assert_eq!(google.api_url, "http://127.0.0.1:9000");
    }
}
