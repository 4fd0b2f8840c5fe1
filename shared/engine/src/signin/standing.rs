//! Whether an account may be signed in now. Asked whenever somebody signs in, and again whenever an
//! application asks about them: a session is worth as much as its account.

use super::Method;
use super::settings::{self, Settings};
use crate::error::Error;
use crate::ports::{Clock, Store};
use crate::roster::Reader;
use crate::{keys, record};
use mapping::account::{Account, Status};
use mapping::ids::{AccountId, TenantId};
use serde::{Deserialize, Serialize};

/// Why an account may not be signed in.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Barred {
    /// The account was deleted, or never was.
    #[error("the account does not exist any more")]
    Deleted,
    /// The tenant does not let this account sign in by this method.
    #[error("the account may not sign in in this way")]
    Method,
    /// Sign-in is off for the account.
    #[error("sign-in is off for the account")]
    Off,
    /// Everything that was signed in to before was ended.
    #[error("the sign-in was ended: sign in again")]
    SignedOut,
    /// The account is suspended.
    #[error("the account is suspended")]
    Suspended,
}

/// What ended an account's sign-ins.
#[derive(Deserialize, Serialize)]
struct SignedOut {
    at_ms: i64,
}

/// What is looked up once for several questions about accounts of a tenant.
#[derive(Debug)]
pub struct Standings {
    settings: Settings,
    reader: Reader,
}

impl Standings {
    /// Opens the tenant's roster and settings as they are now.
    pub async fn open(store: &impl Store, tenant: &TenantId) -> Result<Self, Error> {
        Ok(Self {
            settings: settings::read(store, tenant).await?,
            reader: Reader::open(store, tenant).await?,
        })
    }

    /// The roster.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The tenant's settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether an account may sign in by a method now.
    pub fn admit(&self, method: Method, account: &Account) -> Result<(), Barred> {
        admit(&self.settings, method, account)
    }

    /// The account of somebody who signed in by a method at a time, if they still may be signed in.
    pub async fn look(
        &self,
        store: &impl Store,
        account: &AccountId,
        (method, at_ms): (Method, i64),
    ) -> Result<Result<Account, Barred>, Error> {
        let tenant = self.reader.tenant();
        let Some(found) = self.reader.account(store, account).await? else {
            return Ok(Err(Barred::Deleted));
        };
        if let Err(barred) = self.admit(method, &found) {
            return Ok(Err(barred));
        }
        let out: Option<SignedOut> =
            record::read(store, &keys::signed_out(tenant, account)).await?;
        if out.is_some_and(|out| at_ms <= out.at_ms) {
            return Ok(Err(Barred::SignedOut));
        }
        Ok(Ok(found))
    }
}

/// Whether an account may sign in by a method, with these settings.
pub fn admit(settings: &Settings, method: Method, account: &Account) -> Result<(), Barred> {
    match account.status {
        Status::Active => {}
        Status::Deleted => return Err(Barred::Deleted),
        Status::Suspended => return Err(Barred::Suspended),
    }
    if !account.sign_in_allowed {
        return Err(Barred::Off);
    }
    if settings.allow(method, account) {
        Ok(())
    } else {
        Err(Barred::Method)
    }
}

/// Ends everything that an account is signed in to: sessions, codes, tokens. Returns the time, in
/// milliseconds since the Unix epoch: what begins later goes on.
pub async fn sign_out(
    ports: &(impl Store + Clock),
    tenant: &TenantId,
    account: &AccountId,
) -> Result<i64, Error> {
    let at_ms = ports.now().as_millisecond();
    let key = keys::signed_out(tenant, account);
    record::write(ports, &key, &SignedOut { at_ms }).await?;
    Ok(at_ms)
}
