//! A browser's way to a provider and back (RFC 6749 section 4.1, RFC 9700 section 4.7).
//!
//! Each way has a record with a `state` of its own and a cookie of its own, so that several tabs do
//! not meet. The cookie has a secret from which the PKCE verifier and the nonce follow; the record
//! has the digest of the cookie, so a copy of the store finishes no sign-in, and no other browser
//! does. A `state` works once, for ten minutes, at the provider that it was made for.
//!
//! A launch begins at the provider: a code comes that nobody here asked for, and that anybody could
//! have put into the browser. It is left to die, and the browser is sent on a way of its own, once.

use super::Method;
use super::providers::{Hints, Provider};
use crate::cookies;
use crate::ephemeral::{self, Drawer, Place};
use crate::error::Error;
use crate::ports::{Clock, Random, Store};
use crate::secrets;
use crate::settings::PublicUrl;
use connectors::RequestError;
use http::HeaderMap;
use mapping::ids::TenantId;
use serde::{Deserialize, Serialize};

/// How long a way may take, in milliseconds.
pub const LIFE_MS: i64 = 600_000;

/// How long a launched browser is remembered as one, in seconds.
const LAUNCH_SECONDS: i64 = 60;

/// The cookie that remembers a launch.
const LAUNCH_COOKIE: &str = "rollcall-launch";

/// Longest cookie looked at, in bytes.
const COOKIE_BYTES_MAX: usize = 512;

/// Stands between the browser's secret and the handle of the request that waits.
const BETWEEN: char = '.';

/// A way that is open.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Pending {
    method: Method,
    /// None for a launch: the district of the person will say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<TenantId>,
    /// Digest of the cookie.
    browser: String,
}

/// What a browser is sent away with.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The provider's page.
    pub location: String,
    /// The `Set-Cookie` headers.
    pub cookies: Vec<String>,
}

/// A browser that came back.
#[derive(Clone, Debug)]
pub struct Returned {
    /// The tenant that it wants to sign in to; `None` after a launch.
    pub tenant: Option<TenantId>,
    /// The handle of the request that waits.
    pub request: Option<String>,
    /// The browser's secret.
    pub browser: String,
}

/// Why a browser's return is not taken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// Another browser than the one that was sent away, or one that keeps no cookies.
    Browser {
        /// The tenant.
        tenant: Option<TenantId>,
    },
    /// It was sent to another provider.
    Provider,
    /// Never made, or too old.
    Unknown,
    /// It was taken already.
    Used {
        /// The tenant.
        tenant: Option<TenantId>,
    },
}

/// Sends a browser to a provider, for a tenant or, after a launch, for the one that will show.
pub async fn begin(
    ports: &(impl Store + Clock + Random),
    public_url: &PublicUrl,
    provider: &Provider,
    (tenant, request): (Option<&TenantId>, Option<&str>),
    hints: Hints<'_>,
) -> Result<Result<Begun, RequestError>, Error> {
    let browser = secrets::random_secret(ports, "browser");
    let value = match request {
        Some(request) => format!("{browser}{BETWEEN}{request}"),
        None => browser.clone(),
    };
    let pending = Pending {
        method: provider.method(),
        tenant: tenant.cloned(),
        browser: secrets::digest(&value),
    };
    let until_ms = ports.now().as_millisecond().saturating_add(LIFE_MS);
    let (place, state) = ephemeral::put_at(ports, Drawer::SignIn, until_ms, &pending).await?;
    let life = Some(LIFE_MS / 1_000);
    let mut cookies = vec![cookies::set(public_url, &cookie(place), &value, life)];
    if tenant.is_none() {
        let method = provider.method().as_str();
        let launch = cookies::set(public_url, LAUNCH_COOKIE, method, Some(LAUNCH_SECONDS));
        cookies.push(launch);
    }
    let location = provider.location(public_url, (state.expose(), &browser), hints);
    Ok(location.map(|location| Begun { location, cookies }))
}

/// Takes a browser back, once.
pub async fn take(
    ports: &(impl Store + Clock),
    (public_url, headers): (&PublicUrl, &HeaderMap),
    method: Method,
    state: &str,
) -> Result<Result<Returned, Refusal>, Error> {
    let found = ephemeral::find::<Pending>(ports, Drawer::SignIn, state).await?;
    let Some(found) = found else {
        return Ok(Err(Refusal::Unknown));
    };
    let pending = found.value;
    if pending.method != method {
        return Ok(Err(Refusal::Provider));
    }
    let tenant = pending.tenant;
    let value = cookies::read(public_url, headers, &cookie(found.place));
    let value = value.filter(|value| {
        value.len() <= COOKIE_BYTES_MAX
            && secrets::is_equal(&secrets::digest(value), &pending.browser)
    });
    let Some(value) = value else {
        return Ok(Err(Refusal::Browser { tenant }));
    };
    if ephemeral::count_use(ports, Drawer::SignIn, found.place).await? != 1 {
        return Ok(Err(Refusal::Used { tenant }));
    }
    let (browser, request) = match value.split_once(BETWEEN) {
        Some((browser, request)) => (browser, Some(request.to_owned())),
        None => (value, None),
    };
    Ok(Ok(Returned {
        tenant,
        request,
        browser: browser.to_owned(),
    }))
}

/// True when a browser was sent away after a launch a moment ago.
pub fn was_launched(public_url: &PublicUrl, headers: &HeaderMap, method: Method) -> bool {
    cookies::read(public_url, headers, LAUNCH_COOKIE) == Some(method.as_str())
}

/// The `Set-Cookie` after which a browser may be launched again.
pub fn forget_launch(public_url: &PublicUrl) -> String {
    cookies::set(public_url, LAUNCH_COOKIE, "", Some(0))
}

/// The cookie of one way.
fn cookie(place: Place) -> String {
    format!("rollcall-signin-{place}")
}
