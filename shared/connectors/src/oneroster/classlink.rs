//! ClassLink's proxy: which districts share their roster with us, and with what (PROVIDERS 5.2).

use super::errors::retry_after;
use super::service::{ServiceBase, Version};
use super::values::{flag, text, verbatim};
use crate::base_url::{BaseUrl, BaseUrlError};
use crate::fetch::Refusal;
use crate::request::{RequestError, get};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use std::fmt;
use std::time::Duration;

/// Where the proxy answers (PROVIDERS 12.1).
pub const PROXY_URL: &str = "https://oneroster-proxy.apis.classlink.com";

/// Applications asked for at once.
pub const APPLICATIONS_PAGE: u32 = 100;

/// Most pages of applications: fifty thousand districts.
pub const APPLICATIONS_PAGES_MAX: u32 = 500;

/// Largest answer of the proxy beside its rosters, in bytes.
pub const PROXY_ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A district that shares its roster, or was asked to. Printing it shows no bearer.
#[derive(Clone, Eq, PartialEq)]
pub struct Application {
    /// The id of the application as it stands in paths: escaped already, and never again.
    pub application_id_escaped: String,
    /// What the district's data are read with; `None` until the district approves.
    pub bearer: Option<String>,
    /// The id of the district at ClassLink.
    pub tenant_id: String,
    /// The district's name.
    pub tenant_name: String,
    /// Whether the district has the application switched on.
    pub enabled: bool,
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application")
            .field("application_id_escaped", &self.application_id_escaped)
            .field("tenant_id", &self.tenant_id)
            .field("has_bearer", &self.bearer.is_some())
            .field("enabled", &self.enabled)
            .finish_non_exhaustive()
    }
}

impl Application {
    /// The district's service behind the proxy. ClassLink serves version 1.1.
    pub fn service(&self, proxy: &BaseUrl) -> Result<ServiceBase, BaseUrlError> {
        service(proxy, &self.application_id_escaped)
    }
}

/// The service of an application behind the proxy, by its id as it stands in paths.
pub fn service(proxy: &BaseUrl, application_id_escaped: &str) -> Result<ServiceBase, BaseUrlError> {
    if !is_path_segment(application_id_escaped) {
        return Err(BaseUrlError);
    }
    let base = BaseUrl::parse(&format!("{proxy}/{application_id_escaped}"))?;
    ServiceBase::new(&base, Version::V1_1)
}

/// Credentials of a district's own server. Printing them shows no secret.
#[derive(Clone, Eq, PartialEq)]
pub struct ServerCredentials {
    /// The consumer key.
    pub client_id: String,
    /// The consumer secret.
    pub client_secret: String,
    /// The server's address; to be checked like one that a district gave.
    pub endpoint_url: String,
}

impl fmt::Debug for ServerCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerCredentials")
            .field("endpoint_url", &self.endpoint_url)
            .finish_non_exhaustive()
    }
}

/// Why the proxy gave nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProxyError {
    /// The partner key is wrong.
    #[error("ClassLink does not accept the partner key: the operator must correct it")]
    PartnerKey,
    /// The answer can't be what it says.
    #[error("ClassLink's answer could not be read: it is tried again by itself")]
    Malformed,
    /// The proxy refuses.
    #[error("ClassLink refused: {refusal}")]
    Refused {
        /// Why.
        refusal: Refusal,
    },
    /// The proxy is in trouble.
    #[error("ClassLink is in trouble: it is tried again by itself")]
    Transient {
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
}

/// Asks for a page of applications. Begin with offset 0 and add the rows of each page until
/// [`ApplicationsPage::is_last`].
pub fn applications_request(
    proxy: &BaseUrl,
    partner_key: &str,
    offset: u64,
) -> Result<Request<Bytes>, RequestError> {
    let address = format!("{proxy}/applications?limit={APPLICATIONS_PAGE}&offset={offset}");
    get(&address, partner_key)
}

/// Asks for the credentials of an application's own server.
pub fn server_request(
    proxy: &BaseUrl,
    partner_key: &str,
    application_id_escaped: &str,
) -> Result<Request<Bytes>, RequestError> {
    if !is_path_segment(application_id_escaped) {
        return Err(RequestError);
    }
    let address = format!("{proxy}/applications/{application_id_escaped}/server");
    get(&address, partner_key)
}

/// An escaped id is one segment of a path and nothing more.
fn is_path_segment(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:".contains(&byte);
    !text.is_empty() && text != "." && text != ".." && text.bytes().all(is_plain)
}

/// A page of applications.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ApplicationsPage {
    /// The applications that could be read.
    pub applications: Vec<Application>,
    /// Rows of the page, those that could not be read among them.
    pub rows: u64,
    /// Whether no page follows.
    pub is_last: bool,
}

impl ApplicationsPage {
    /// As [`find`].
    pub fn find(&self, id: &str) -> Option<&Application> {
        find(&self.applications, id)
    }
}

/// The application with this id, escaped or not, or of the district with this id; of several the
/// first that has been approved.
pub fn find<'a>(applications: &'a [Application], id: &str) -> Option<&'a Application> {
    let is_named = |one: &&Application| {
        let escaped = one.application_id_escaped.as_str();
        escaped == id || one.tenant_id == id || percent_decode_str(escaped).eq(id.bytes())
    };
    let mut named = applications.iter().filter(is_named);
    named
        .clone()
        .find(|one| one.enabled && one.bearer.is_some())
        .or_else(|| named.next())
}

/// Reads the answer to [`applications_request`].
pub fn parse_applications(response: &Response<Bytes>) -> Result<ApplicationsPage, ProxyError> {
    let body = success(response)?;
    let Some(Value::Array(rows)) = body.get("applications") else {
        return Err(ProxyError::Malformed);
    };
    let applications: Vec<_> = rows.iter().filter_map(application).collect();
    // A page of which nothing can be read is no page of ours.
    if applications.is_empty() && !rows.is_empty() {
        return Err(ProxyError::Malformed);
    }
    Ok(ApplicationsPage {
        applications,
        rows: rows.len() as u64,
        is_last: (rows.len() as u64) < u64::from(APPLICATIONS_PAGE),
    })
}

fn application(row: &Value) -> Option<Application> {
    let get = |name: &str| row.get(name).unwrap_or(&Value::Null);
    let application_id_escaped = verbatim(get("oneroster_application_id"))?;
    if !is_path_segment(&application_id_escaped) {
        return None;
    }
    Some(Application {
        application_id_escaped,
        bearer: text(get("bearer")),
        tenant_id: text(get("tenant_id"))?,
        tenant_name: text(get("tenant_name")).unwrap_or_default(),
        enabled: flag(get("enabled")).unwrap_or(false),
    })
}

/// Reads the answer to [`server_request`].
pub fn parse_server(response: &Response<Bytes>) -> Result<ServerCredentials, ProxyError> {
    let body = success(response)?;
    let server = body.get("server").ok_or(ProxyError::Malformed)?;
    let get = |name: &str| server.get(name).and_then(text).ok_or(ProxyError::Malformed);
    Ok(ServerCredentials {
        client_id: get("client_id")?,
        client_secret: get("client_secret")?,
        endpoint_url: get("endpoint_url")?,
    })
}

/// The body of a success: the proxy says so twice.
fn success(response: &Response<Bytes>) -> Result<Value, ProxyError> {
    let status = response.status();
    let refusal = match status {
        StatusCode::OK => {
            let body: Value =
                serde_json::from_slice(response.body()).map_err(|_| ProxyError::Malformed)?;
            return match body.get("status") {
                None => Ok(body),
                Some(status) if flag(status) == Some(true) => Ok(body),
                Some(_) => Err(ProxyError::Malformed),
            };
        }
        StatusCode::UNAUTHORIZED => return Err(ProxyError::PartnerKey),
        StatusCode::FORBIDDEN => Refusal::MissingScope,
        StatusCode::NOT_FOUND => Refusal::NotFound,
        _ if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            return Err(ProxyError::Transient {
                retry_after: retry_after(response),
            });
        }
        _ => Refusal::Unexpected {
            status: status.as_u16(),
        },
    };
    Err(ProxyError::Refused { refusal })
}

/// What a 401 of the proxy meant, once the applications were read again (PROVIDERS O17).
#[derive(Clone, Eq, PartialEq)]
pub enum Standing {
    /// The district has switched the application off.
    Disabled,
    /// The district has not approved, or not any more.
    NotApproved,
    /// The district does not let us in although nothing else changed.
    Revoked,
    /// There is a new bearer.
    Rotated(String),
}

impl fmt::Debug for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Standing::Disabled => "Disabled",
            Standing::NotApproved => "NotApproved",
            Standing::Revoked => "Revoked",
            Standing::Rotated(_) => "Rotated",
        })
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Standing::Disabled => {
                "the district has switched the application off: ask it to switch it on in ClassLink"
            }
            Standing::NotApproved => {
                "the district does not share its roster: ask it to approve the application in ClassLink"
            }
            Standing::Revoked => {
                "the district has withdrawn its approval: ask it to approve the application again in ClassLink"
            }
            Standing::Rotated(_) => "ClassLink has given a new key: it is used by itself",
        })
    }
}

/// Compares what the applications say now with the bearer that was refused.
pub fn standing(application: Option<&Application>, refused_bearer: &str) -> Standing {
    match application {
        None => Standing::NotApproved,
        Some(application) if !application.enabled => Standing::Disabled,
        Some(application) => match &application.bearer {
            None => Standing::NotApproved,
            Some(bearer) if bearer == refused_bearer => Standing::Revoked,
            Some(bearer) => Standing::Rotated(bearer.clone()),
        },
    }
}
