//! Sessions: which account a browser is signed in to. The browser has the handle in a cookie.

use super::Method;
use super::standing::{Barred, Standings};
use crate::cookies;
use crate::ephemeral::{self, Drawer, Place};
use crate::error::Error;
use crate::ports::{Clock, Random, Store};
use crate::settings::{PublicUrl, Secret};
use http::HeaderMap;
use mapping::account::Account;
use mapping::ids::{AccountId, TenantId};
use serde::{Deserialize, Serialize};

/// How long a session lasts, in milliseconds: a school day.
pub const SESSION_MS: i64 = 12 * 3_600_000;

/// The cookie.
pub const COOKIE: &str = "rollcall-session";

/// A sign-in of a browser.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Session {
    /// The tenant of the account.
    pub tenant: TenantId,
    /// Who signed in.
    pub account: AccountId,
    /// How.
    pub method: Method,
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: i64,
}

/// A session that a browser holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Held {
    /// Where it is kept; what our `OpenID` provider calls `sid`.
    pub place: Place,
    /// What it says.
    pub session: Session,
    /// When it ends, in milliseconds since the Unix epoch.
    pub until_ms: i64,
}

/// Begins a session and returns what the cookie is set to. Always a new one, whatever cookie the
/// browser had before.
pub async fn begin(
    ports: &(impl Store + Clock + Random),
    session: &Session,
) -> Result<Secret, Error> {
    Ok(begin_held(ports, session.clone()).await?.1)
}

/// Like [`begin`], and says what the browser holds from then on.
pub async fn begin_held(
    ports: &(impl Store + Clock + Random),
    session: Session,
) -> Result<(Held, Secret), Error> {
    let until_ms = ports.now().as_millisecond().saturating_add(SESSION_MS);
    let (place, handle) = ephemeral::put_at(ports, Drawer::Session, until_ms, &session).await?;
    let held = Held {
        place,
        session,
        until_ms,
    };
    Ok((held, handle))
}

/// Takes the cookie that a browser had before a new session out of use. Somebody else's session
/// ends and is returned; one of the same account stays, for the applications that know it, and
/// nobody holds it.
pub async fn supersede(
    ports: &(impl Store + Clock + Random),
    public_url: &PublicUrl,
    headers: &HeaderMap,
    (tenant, account): (&TenantId, &AccountId),
) -> Result<Option<Held>, Error> {
    let value = cookies::read(public_url, headers, COOKIE).unwrap_or_default();
    let found = ephemeral::find::<Session>(ports, Drawer::Session, value).await?;
    match found {
        Some(found) if (&found.value.tenant, &found.value.account) == (tenant, account) => {
            ephemeral::rehandle(ports, Drawer::Session, &found).await?;
            Ok(None)
        }
        Some(found) => {
            end(ports, found.place).await?;
            Ok(Some(Held {
                place: found.place,
                session: found.value,
                until_ms: found.until_ms,
            }))
        }
        None => Ok(None),
    }
}

/// The session that a browser's cookie names, if it has not ended. Whether its account may still be
/// signed in is for [`look`] to say.
pub async fn find(
    ports: &(impl Store + Clock),
    public_url: &PublicUrl,
    headers: &HeaderMap,
) -> Result<Option<Held>, Error> {
    let Some(value) = cookies::read(public_url, headers, COOKIE) else {
        return Ok(None);
    };
    let found = ephemeral::find::<Session>(ports, Drawer::Session, value).await?;
    Ok(found.map(|found| Held {
        place: found.place,
        session: found.value,
        until_ms: found.until_ms,
    }))
}

/// The account of a session, if it may still be signed in.
pub async fn look(store: &impl Store, session: &Session) -> Result<Result<Account, Barred>, Error> {
    let standings = Standings::open(store, &session.tenant).await?;
    let signed_in = (session.method, session.at_ms);
    standings.look(store, &session.account, signed_in).await
}

/// Whether the session at a place is still there: nobody signed out of it, and it has not expired.
pub async fn is_open(ports: &(impl Store + Clock), place: Place) -> Result<bool, Error> {
    let found = ephemeral::find_at::<Session>(ports, Drawer::Session, place).await?;
    Ok(found.is_some())
}

/// Ends a session.
pub async fn end(store: &impl Store, place: Place) -> Result<(), Error> {
    ephemeral::remove(store, Drawer::Session, place).await
}

/// The `Set-Cookie` that gives a browser its session.
pub fn set_cookie(public_url: &PublicUrl, handle: &Secret) -> String {
    cookies::set(
        public_url,
        COOKIE,
        handle.expose(),
        Some(SESSION_MS / 1_000),
    )
}

/// The `Set-Cookie` that takes it away.
pub fn clear_cookie(public_url: &PublicUrl) -> String {
    cookies::set(public_url, COOKIE, "", Some(0))
}
