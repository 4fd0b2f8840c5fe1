//! What follows once it is known whose account somebody is: a session of their own, and where they
//! go.

use super::Method;
use super::sessions::{self, Session};
use super::standing;
use crate::error::Error;
use crate::oidc::{self, Resumed};
use crate::ports::{Clock, Ports, Store};
use crate::settings::PublicUrl;
use http::HeaderMap;
use mapping::ids::{AccountId, TenantId};

/// Somebody who is to be signed in.
#[derive(Clone, Copy, Debug)]
pub struct Entrant<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The account.
    pub account: &'a AccountId,
    /// How they proved to be who they are.
    pub method: Method,
    /// The sign-in is later than this, in milliseconds since the Unix epoch.
    pub after_ms: Option<i64>,
    /// The handle of the request that waits.
    pub request: Option<&'a str>,
}

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct Entered {
    /// The `Set-Cookie` of the session.
    pub cookie: String,
    /// The application that they go on to; `None` where none waits and none takes everybody.
    pub location: Option<String>,
}

/// Ends everything that an account is signed in to, and has the applications told. Returns the time,
/// as [`standing::sign_out`] does.
pub async fn leave(
    ports: &(impl Store + Clock),
    tenant: &TenantId,
    account: &AccountId,
) -> Result<i64, Error> {
    let at_ms = standing::sign_out(ports, tenant, account).await?;
    oidc::tell_all(ports, tenant, account).await?;
    Ok(at_ms)
}

/// Signs somebody in. The session has a handle that no browser knew before, whatever cookie the
/// browser brought.
pub async fn enter<P: Ports>(
    ports: &P,
    (public_url, headers): (&PublicUrl, &HeaderMap),
    entrant: Entrant<'_>,
) -> Result<Entered, Error> {
    let Entrant {
        tenant, account, ..
    } = entrant;
    let ended = sessions::supersede(ports, public_url, headers, (tenant, account)).await?;
    if let Some(ended) = ended {
        oidc::tell_session(ports, &ended).await?;
    }
    let after_ms = entrant.after_ms.map_or(i64::MIN, |at| at.saturating_add(1));
    let session = Session {
        tenant: tenant.clone(),
        account: account.clone(),
        method: entrant.method,
        at_ms: ports.now().as_millisecond().max(after_ms),
    };
    let (held, handle) = sessions::begin_held(ports, session).await?;
    let location = match oidc::resume(ports, entrant.request, &held).await? {
        Resumed::Redirect(location) => Some(location),
        Resumed::NoRequest => oidc::home(ports, tenant).await?,
    };
    Ok(Entered {
        cookie: sessions::set_cookie(public_url, &handle),
        location,
    })
}
