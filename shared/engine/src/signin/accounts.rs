//! What administrators see and do about an account's sign-in: its links, its password, its sessions.

use super::Method;
use super::entering::leave;
use super::identities::{self, Link};
use super::refusals::{self, Refusal};
use crate::audit::{self, Action, Actor};
use crate::connections::{self, Provider};
use crate::ephemeral::{self, Drawer};
use crate::error::Error;
use crate::passwords::{self, CodeTerms, Password, PasswordDigest};
use crate::ports::{Clock, Random, Store};
use crate::roster::Reader;
use crate::settings::Secret;
use mapping::account::{Account, Status};
use mapping::ids::{AccountId, TenantId};
use serde::Serialize;

/// How long a code works, in milliseconds.
pub const CODE_MS: i64 = 24 * 3_600_000;

/// Why nothing was done about an account.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AccountError {
    /// The account was deleted.
    #[error("the account is deleted: restore it first")]
    Deleted,
    /// Nothing to confirm: the entry is about a password.
    #[error("this entry is about a password: there is nobody at a provider to link")]
    NoPerson,
    /// No such account, entry or link.
    #[error("there is nothing at this address")]
    NotFound,
    /// The person signs in elsewhere.
    #[error(
        "the account comes from a provider where its person signs in: passwords are for accounts that came from a file"
    )]
    Provider,
    /// The account to link does not exist.
    #[error("there is no such account")]
    Unknown,
    /// The surroundings failed.
    #[error(transparent)]
    Engine(#[from] Error),
}

/// How the person of an account signs in.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// The account.
    pub account: AccountId,
    /// People at providers who are linked with it.
    pub links: Vec<Link>,
    /// Its password, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<ShownPassword>,
}

/// A password, as far as it may be shown.
#[derive(Clone, Debug, Serialize)]
pub struct ShownPassword {
    /// When it was set, in milliseconds since the Unix epoch.
    pub set_at_ms: i64,
    /// Whether a new one has to be chosen at the next sign-in.
    pub must_change: bool,
    /// Until when a code that stands for it works, in milliseconds since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_until_ms: Option<i64>,
}

/// A code in place of a password, shown this once.
#[derive(Clone, Debug)]
pub struct Code {
    /// To be typed in place of the password.
    pub code: Secret,
    /// Until when it works, in milliseconds since the Unix epoch.
    pub until_ms: i64,
}

/// How the person of an account signs in.
pub async fn show(
    store: &impl Store,
    tenant: &TenantId,
    id: &AccountId,
) -> Result<Shown, AccountError> {
    find(store, tenant, id).await?;
    let mut links = Vec::new();
    for method in Method::ALL {
        links.extend(identities::of_account(store, tenant, id, method).await?);
    }
    let password = passwords::read(store, tenant, id).await?;
    Ok(Shown {
        account: id.clone(),
        links,
        password: password.map(|password| ShownPassword {
            set_at_ms: password.set_at_ms,
            must_change: password.must_change,
            code_until_ms: password.code.map(|terms| terms.until_ms),
        }),
    })
}

/// Links somebody who was refused with the account that is theirs, at an administrator's word.
pub async fn confirm(
    ports: &(impl Store + Clock),
    who: &Actor,
    tenant: &TenantId,
    (number, account): (u64, &AccountId),
) -> Result<Link, AccountError> {
    let entry = refusals::read(ports, tenant, number).await?;
    let Refusal { somebody, .. } = entry.ok_or(AccountError::NotFound)?;
    let somebody = somebody.ok_or(AccountError::NoPerson)?;
    match find_usable(ports, tenant, account).await {
        Err(AccountError::NotFound) => return Err(AccountError::Unknown),
        found => found?,
    };
    let both = (&somebody.person, account);
    let link = identities::confirm(ports, who, tenant, both).await?;
    refusals::forget(ports, tenant, number).await?;
    Ok(link)
}

/// Removes the link of an account with somebody at a provider, and ends what they are signed in to.
pub async fn unlink(
    ports: &(impl Store + Clock),
    who: &Actor,
    tenant: &TenantId,
    (account, method): (&AccountId, Method),
) -> Result<(), AccountError> {
    if !identities::remove(ports, who, tenant, (account, method)).await? {
        return Err(AccountError::NotFound);
    }
    leave(ports, tenant, account).await?;
    Ok(())
}

/// Ends everything that an account is signed in to.
pub async fn sign_out(
    ports: &(impl Store + Clock),
    who: &Actor,
    tenant: &TenantId,
    account: &AccountId,
) -> Result<(), AccountError> {
    find(ports, tenant, account).await?;
    audit::record(ports, tenant, who, Action::SignedOut, account.as_str()).await?;
    leave(ports, tenant, account).await?;
    Ok(())
}

/// Puts a code in place of an account's password, and ends what the account is signed in to. It
/// works once, for a day, and then a new password has to be chosen.
pub async fn reset_password(
    ports: &(impl Store + Clock + Random),
    who: &Actor,
    tenant: &TenantId,
    id: &AccountId,
) -> Result<Code, AccountError> {
    let account = find_usable(ports, tenant, id).await?;
    check_source(ports, tenant, &account).await?;
    let what = Action::PasswordReset;
    audit::record(ports, tenant, who, what, id.as_str()).await?;
    let code = passwords::make(ports);
    let now_ms = ports.now().as_millisecond();
    let until_ms = now_ms.saturating_add(CODE_MS);
    let (place, _) = ephemeral::put_at(ports, Drawer::ResetCode, until_ms, &id).await?;
    leave(ports, tenant, id).await?;
    let password = Password {
        digest: PasswordDigest::fast(ports, &code),
        must_change: true,
        set_at_ms: now_ms,
        upload: None,
        code: Some(CodeTerms { place, until_ms }),
    };
    passwords::write(ports, tenant, id, &password).await?;
    Ok(Code { code, until_ms })
}

/// Refuses a password to somebody who has none and whom a provider knows: they sign in there.
async fn check_source(
    store: &impl Store,
    tenant: &TenantId,
    account: &Account,
) -> Result<(), AccountError> {
    if passwords::read(store, tenant, &account.id).await?.is_some() {
        return Ok(());
    }
    for source in &account.sources {
        let connection = connections::read(store, tenant, &source.connection).await?;
        if connection.is_some_and(|connection| connection.provider != Provider::Csv) {
            return Err(AccountError::Provider);
        }
    }
    Ok(())
}

async fn find(
    store: &impl Store,
    tenant: &TenantId,
    id: &AccountId,
) -> Result<Account, AccountError> {
    let reader = Reader::open(store, tenant).await?;
    let account = reader.account(store, id).await?;
    account.ok_or(AccountError::NotFound)
}

async fn find_usable(
    store: &impl Store,
    tenant: &TenantId,
    id: &AccountId,
) -> Result<Account, AccountError> {
    let account = find(store, tenant, id).await?;
    if account.status == Status::Deleted {
        return Err(AccountError::Deleted);
    }
    Ok(account)
}
