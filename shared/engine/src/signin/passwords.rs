//! Signing in with a password, and choosing a new one.
//!
//! Whoever is asked for, an attempt does the same: it reads an account and a password, of somebody
//! or of nobody, and computes one slow digest. So neither the answer nor its time tells who has an
//! account here. What is kept out and for how long is in [`super::limits`].

mod choosing;

pub use choosing::{CHARACTERS_MIN, Weakness};

use super::entering::leave;
use super::keyed::Key;
use super::known;
use super::limits::{self, Admission, Attempt};
use super::matching::{Cause, Refused};
use super::standing::Standings;
use super::{Method, refusals};
use crate::ephemeral::{self, Drawer};
use crate::error::Error;
use crate::passwords::{self, Password, PasswordDigest};
use crate::ports::{Clock, Random, Store};
use crate::roster::{ADDRESSES, AddressEntry};
use crate::settings::{PublicUrl, Secret};
use http::HeaderMap;
use mapping::account::Account;
use mapping::ids::{AccountId, TenantId};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// How long somebody may take to choose a password, in milliseconds.
pub const CHANGE_MS: i64 = 600_000;

/// Longest name looked at, in bytes.
const NAME_BYTES_MAX: usize = 254;

/// Somebody who wants to sign in.
#[derive(Clone, Copy, Debug)]
pub struct Typed<'a> {
    /// An email address or a username, as typed.
    pub name: &'a str,
    /// The password, as typed.
    pub password: &'a str,
    /// Where it comes from.
    pub address: Option<IpAddr>,
    /// True to choose a new password even if the old one may stay.
    pub wants_change: bool,
}

/// What becomes of an attempt.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Too many attempts; nobody looked whether this one was right.
    Limited {
        /// Until when, in milliseconds since the Unix epoch.
        until_ms: i64,
    },
    /// The password is right, and a new one has to be chosen.
    MustChange {
        /// What opens the change, see [`change`].
        handle: Secret,
        /// The `Set-Cookie` after which the browser is known.
        known: String,
    },
    /// The password is right, and the account may not be used.
    Refused(Refused),
    /// The password is right.
    SignedIn {
        /// The account.
        account: AccountId,
        /// The `Set-Cookie` after which the browser is known.
        known: String,
    },
    /// The name and the password do not belong together.
    Wrong,
}

/// What becomes of a new password.
#[derive(Clone, Debug)]
pub enum Changed {
    /// It took too long, or the password was changed meanwhile.
    Expired,
    /// The account may not be used any more.
    Refused(Refused),
    /// It is set; everything that the account was signed in to before is over.
    Set {
        /// The account.
        account: AccountId,
        /// A new sign-in is later than this, in milliseconds since the Unix epoch.
        after_ms: i64,
    },
    /// It can't be taken.
    Weak(Weakness),
}

/// A password that may be changed by whoever has just proved the old one.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Change {
    tenant: TenantId,
    account: AccountId,
    /// When the old password was set: another one since, and nothing was proved.
    set_at_ms: i64,
}

/// Looks whether a name and a password belong together.
pub async fn attempt(
    ports: &(impl Store + Clock + Random),
    key: &Key,
    at: (&PublicUrl, &HeaderMap),
    tenant: &TenantId,
    typed: Typed<'_>,
) -> Result<Outcome, Error> {
    let standings = Standings::open(ports, tenant).await?;
    let name = typed.name.trim().to_lowercase();
    let (account, password) = look_up(ports, key, &standings, &name).await?;
    let known = account
        .as_ref()
        .and_then(|account| known::browser(ports, key, at, (tenant, &account.id)));
    let attempt = Attempt {
        tenant,
        name: &name,
        address: typed.address,
        browser: known,
    };
    let digest = password.as_ref().map(|password| &password.digest);
    let admission = limits::admit(ports, key, attempt).await?;
    let is_right = match &admission {
        Admission::Admitted(_) => passwords::is_right(digest, typed.password),
        Admission::Limited { .. } => passwords::is_made(digest, typed.password),
    };
    if is_right
        && let (Some(account), Some(password)) = (account, password)
        && is_unused(ports, &password).await?
    {
        if let Admission::Admitted(ticket) = &admission {
            limits::right(ports, ticket).await?;
        }
        let proved = (&standings, &account, &password);
        return admit(ports, key, at, proved, typed.wants_change).await;
    }
    match admission {
        Admission::Admitted(ticket) => {
            limits::wrong(ports, &ticket).await?;
            Ok(Outcome::Wrong)
        }
        Admission::Limited { until_ms } => Ok(Outcome::Limited { until_ms }),
    }
}

/// The account that has a name, and its password. For a name that nobody has, as much is read.
async fn look_up(
    ports: &impl Store,
    key: &Key,
    standings: &Standings,
    name: &str,
) -> Result<(Option<Account>, Option<Password>), Error> {
    let reader = standings.reader();
    let is_name = !name.is_empty() && name.len() <= NAME_BYTES_MAX;
    let name = if is_name { name } else { "-" };
    let found: Option<AddressEntry> = reader.entry(ports, ADDRESSES, name, name).await?;
    let nobody = format!("a{}", key.digest("nobody", &[name]));
    let id = match found {
        Some(found) => Some(found.account),
        None => AccountId::parse(nobody).ok(),
    };
    let Some(id) = id else {
        return Ok((None, None));
    };
    let account = reader.account(ports, &id).await?;
    let password = passwords::read(ports, reader.tenant(), &id).await?;
    Ok((account, password))
}

/// Whether a password may be used: a code works once and for a day.
async fn is_unused(ports: &(impl Store + Clock), password: &Password) -> Result<bool, Error> {
    let Some(terms) = password.code else {
        return Ok(true);
    };
    if ports.now().as_millisecond() >= terms.until_ms {
        return Ok(false);
    }
    Ok(ephemeral::count_use(ports, Drawer::ResetCode, terms.place).await? == 1)
}

async fn admit(
    ports: &(impl Store + Clock + Random),
    key: &Key,
    at: (&PublicUrl, &HeaderMap),
    (standings, account, password): (&Standings, &Account, &Password),
    wants_change: bool,
) -> Result<Outcome, Error> {
    let tenant = standings.reader().tenant();
    if let Err(barred) = standings.admit(Method::Password, account) {
        let refused = refused(barred.into(), &account.id);
        refusals::note(ports, tenant, (Method::Password, None), &refused).await?;
        return Ok(Outcome::Refused(refused));
    }
    let known = known::remember(ports, key, at, (tenant, &account.id));
    if !password.must_change && !wants_change {
        return Ok(Outcome::SignedIn {
            account: account.id.clone(),
            known,
        });
    }
    let change = Change {
        tenant: tenant.clone(),
        account: account.id.clone(),
        set_at_ms: password.set_at_ms,
    };
    let until_ms = ports.now().as_millisecond().saturating_add(CHANGE_MS);
    let handle = ephemeral::put(ports, Drawer::PasswordChange, until_ms, &change).await?;
    Ok(Outcome::MustChange { handle, known })
}

fn refused(cause: Cause, account: &AccountId) -> Refused {
    Refused {
        cause,
        accounts: [account.clone()].into(),
    }
}

/// The name of the account whose password may be changed, for the person's password manager;
/// `None` when the handle opens nothing any more.
pub async fn changing(
    ports: &(impl Store + Clock),
    tenant: &TenantId,
    handle: &str,
) -> Result<Option<String>, Error> {
    let found = ephemeral::find::<Change>(ports, Drawer::PasswordChange, handle).await?;
    let Some(change) = found.filter(|found| found.value.tenant == *tenant) else {
        return Ok(None);
    };
    let standings = Standings::open(ports, tenant).await?;
    let account = standings
        .reader()
        .account(ports, &change.value.account)
        .await?;
    Ok(account.map(|account| {
        let email = account.email.map(String::from);
        email.or(account.username).unwrap_or_default()
    }))
}

/// Sets the password that somebody chose who has just proved the old one.
pub async fn change(
    ports: &(impl Store + Clock + Random),
    tenant: &TenantId,
    handle: &str,
    (new, again): (&str, &str),
) -> Result<Changed, Error> {
    let drawer = Drawer::PasswordChange;
    let found = ephemeral::find::<Change>(ports, drawer, handle).await?;
    let Some(found) = found.filter(|found| found.value.tenant == *tenant) else {
        return Ok(Changed::Expired);
    };
    let id = &found.value.account;
    let standings = Standings::open(ports, tenant).await?;
    let account = standings.reader().account(ports, id).await?;
    let old = passwords::read(ports, tenant, id).await?;
    let old = old.filter(|old| old.set_at_ms == found.value.set_at_ms);
    let (Some(account), Some(old)) = (account, old) else {
        return Ok(Changed::Expired);
    };
    if let Err(barred) = standings.admit(Method::Password, &account) {
        return Ok(Changed::Refused(refused(barred.into(), id)));
    }
    if let Err(weakness) = choosing::check(&account, &old.digest, (new, again)) {
        return Ok(Changed::Weak(weakness));
    }
    // Only parameters that Argon2 does not know could make it fail.
    let Ok(digest) = PasswordDigest::slow(ports, new) else {
        return Ok(Changed::Expired);
    };
    if ephemeral::count_use(ports, drawer, found.place).await? != 1 {
        return Ok(Changed::Expired);
    }
    let after_ms = leave(ports, tenant, id).await?;
    let password = Password {
        digest,
        must_change: false,
        set_at_ms: ports.now().as_millisecond(),
        upload: None,
        code: None,
    };
    passwords::write(ports, tenant, id, &password).await?;
    ephemeral::remove(ports, drawer, found.place).await?;
    Ok(Changed::Set {
        account: id.clone(),
        after_ms,
    })
}
