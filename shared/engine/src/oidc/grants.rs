//! Grants: what a person's sign-in lets an application have, and the tokens that stand for it.
//!
//! Access tokens are opaque and live ten minutes; each belongs to a grant and is worth nothing
//! without it. A refresh token is `{family}.{turn}`: the family is the grant's handle and stays, the
//! turn changes with every use. Whoever shows the family with a turn that has passed holds a token
//! that was used before, so somebody has a copy, and the grant ends (RFC 9700 section 4.14). Without
//! the family nothing can be ended by guessing. A token whose answer was lost on the way can't be
//! used again either: the person signs in again.
//!
//! A grant without a refresh token ends with the browser's session. One with, which an application
//! asks for with the scope `offline_access` and gets if the operator lets it, goes on after that, as
//! OpenID Connect Back-Channel Logout 1.0 section 2.7 has it; at most 30 days, and never past what
//! the account may.

use super::clients::Client;
use super::request::Scope;
use super::standing;
use crate::ephemeral::{self, Drawer, Found, Place, Unwritten};
use crate::error::Error;
use crate::ports::{Clock, Random, Store};
use crate::secrets;
use crate::settings::Secret;
use crate::signin::sessions::Session;
use mapping::account::Account;
use mapping::ids::ClientId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How long an access token works, in milliseconds.
pub const ACCESS_MS: i64 = 600_000;

/// How long a grant with refresh tokens lasts, in milliseconds, however often they are used.
pub const GRANT_MS: i64 = 30 * 86_400_000;

/// Letters of a turn: 260 bits.
const TURN_LETTERS: usize = 52;

/// What an application may have.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Grant {
    pub(super) client: ClientId,
    pub(super) scopes: BTreeSet<Scope>,
    pub(super) sid: Place,
    pub(super) session: Session,
    /// How often it was refreshed.
    generation: i64,
    /// The digest of the turn that is next, if it has refresh tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    turn: Option<String>,
}

/// What an access token stands for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Access {
    client: ClientId,
    grant: Place,
    scopes: BTreeSet<Scope>,
}

/// Tokens for an application.
#[derive(Debug)]
pub(super) struct Tokens {
    pub(super) access: Secret,
    pub(super) refresh: Option<Secret>,
    /// What the access token is good for.
    pub(super) scopes: BTreeSet<Scope>,
}

/// A grant that is not written yet.
#[derive(Debug)]
pub(super) struct Begun {
    /// Where it will lie.
    pub(super) place: Place,
    /// Its tokens.
    pub(super) tokens: Tokens,
    /// What is to be written for it.
    pub(super) values: [(String, Vec<u8>); 2],
}

/// Makes a grant, to be written together with what it comes from.
pub(super) async fn begin(
    ports: &(impl Store + Clock + Random),
    (client, scopes): (&ClientId, &BTreeSet<Scope>),
    (sid, session): (Place, &Session),
) -> Result<Begun, Error> {
    let is_offline = scopes.contains(&Scope::OfflineAccess);
    let life_ms = if is_offline { GRANT_MS } else { ACCESS_MS };
    let until_ms = ports.now().as_millisecond().saturating_add(life_ms);
    let turn = is_offline.then(|| secrets::random_letters(ports, TURN_LETTERS));
    let grant = Grant {
        client: client.clone(),
        scopes: scopes.clone(),
        sid,
        session: session.clone(),
        generation: 0,
        turn: turn.as_deref().map(secrets::digest),
    };
    let kept = ephemeral::prepare(ports, Drawer::Grant, until_ms, &grant).await?;
    let at = (kept.place, until_ms);
    let access = access_token(ports, at, &grant.client, scopes).await?;
    let refresh = turn.map(|turn| Secret::new(format!("{}.{turn}", kept.handle.expose())));
    Ok(Begun {
        place: kept.place,
        tokens: Tokens {
            access: access.handle,
            refresh,
            scopes: scopes.clone(),
        },
        values: [kept.value, access.value],
    })
}

async fn access_token(
    ports: &(impl Store + Clock + Random),
    (grant, until_ms): (Place, i64),
    client: &ClientId,
    scopes: &BTreeSet<Scope>,
) -> Result<Unwritten, Error> {
    let access = Access {
        client: client.clone(),
        grant,
        scopes: scopes.clone(),
    };
    let now_ms = ports.now().as_millisecond();
    let until_ms = now_ms.saturating_add(ACCESS_MS).min(until_ms);
    ephemeral::prepare(ports, Drawer::AccessToken, until_ms, &access).await
}

/// Ends a grant, and a refresh that is under way with it.
pub(super) async fn end(store: &impl Store, place: Place) -> Result<(), Error> {
    ephemeral::count_use(store, Drawer::Grant, place).await?;
    ephemeral::remove(store, Drawer::Grant, place).await
}

/// Why a refresh token brings nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum RefreshFault {
    #[error("the refresh token is unknown, has expired, or was used before")]
    Gone,
    #[error("the refresh token is good for less than was asked for")]
    Scope,
}

/// Uses a refresh token: the next ones, and the account that they are about.
pub(super) async fn refresh(
    ports: &(impl Store + Clock + Random),
    client: &Client,
    token: &str,
    wanted: Option<&BTreeSet<Scope>>,
) -> Result<Result<(Grant, Account, Tokens), RefreshFault>, Error> {
    let Some((family, turn)) = token.split_once('.') else {
        return Ok(Err(RefreshFault::Gone));
    };
    let found = ephemeral::find::<Grant>(ports, Drawer::Grant, family).await?;
    let Some(mut found) = found.filter(|found| found.value.client == client.id) else {
        return Ok(Err(RefreshFault::Gone));
    };
    let is_next = |next: &String| secrets::is_equal(&secrets::digest(turn), next);
    if !found.value.turn.as_ref().is_some_and(is_next) {
        end(ports, found.place).await?;
        return Ok(Err(RefreshFault::Gone));
    }
    let scopes = wanted.unwrap_or(&found.value.scopes).clone();
    if !scopes.is_subset(&found.value.scopes) {
        return Ok(Err(RefreshFault::Scope));
    }
    let Some(account) = standing::of_grant(ports, client, &found.value).await? else {
        end(ports, found.place).await?;
        return Ok(Err(RefreshFault::Gone));
    };
    let at = (found.place, found.until_ms);
    let access = access_token(ports, at, &client.id, &scopes).await?;
    let Some(turn) = next_turn(ports, &mut found, access.value).await? else {
        return Ok(Err(RefreshFault::Gone));
    };
    let tokens = Tokens {
        access: access.handle,
        refresh: Some(Secret::new(format!("{family}.{turn}"))),
        scopes,
    };
    Ok(Ok((found.value, account, tokens)))
}

/// Moves a grant on by a turn, and writes the access token that comes of it. `None` when somebody else used the same token at the same time: then
/// the grant has ended.
async fn next_turn(
    ports: &(impl Store + Random),
    found: &mut Found<Grant>,
    access: (String, Vec<u8>),
) -> Result<Option<String>, Error> {
    let turn = secrets::random_letters(ports, TURN_LETTERS);
    found.value.generation += 1;
    found.value.turn = Some(secrets::digest(&turn));
    let use_number = ephemeral::count_use(ports, Drawer::Grant, found.place).await?;
    if use_number == found.value.generation {
        let grant = ephemeral::replacement(Drawer::Grant, found);
        ports.set_many(&[grant, access]).await?;
        // Whoever ends a grant counts a use first: had they removed it before it was written
        // here, the count shows it.
        let uses = ephemeral::uses(ports, Drawer::Grant, found.place).await?;
        if uses == use_number {
            return Ok(Some(turn));
        }
    }
    ephemeral::remove(ports, Drawer::Grant, found.place).await?;
    Ok(None)
}

/// What an access token opens: the scopes, the grant and the account, as they are now.
pub(super) async fn look(
    ports: &(impl Store + Clock),
    token: &str,
) -> Result<Option<(BTreeSet<Scope>, Grant, Account)>, Error> {
    let found = ephemeral::find::<Access>(ports, Drawer::AccessToken, token).await?;
    let Some(access) = found.map(|found| found.value) else {
        return Ok(None);
    };
    let found = ephemeral::find_at::<Grant>(ports, Drawer::Grant, access.grant).await?;
    let Some(grant) = found.map(|found| found.value) else {
        return Ok(None);
    };
    let Some(client) = super::clients::read(ports, &access.client).await? else {
        return Ok(None);
    };
    let account = standing::of_grant(ports, &client, &grant).await?;
    Ok(account.map(|account| (access.scopes, grant, account)))
}

/// Whose token it is that a client wants revoked, and what that came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Revoked {
    /// It was this client's, or nobody's.
    Done,
    /// It is another client's, and goes on.
    Foreign,
}

/// Revokes a token (RFC 7009): an access token alone, a refresh token with all that came from it.
pub(super) async fn revoke(
    ports: &(impl Store + Clock),
    client: &ClientId,
    token: &str,
) -> Result<Revoked, Error> {
    let family = token.split_once('.').map_or(token, |(family, _)| family);
    if let Some(found) = ephemeral::find::<Grant>(ports, Drawer::Grant, family).await? {
        if found.value.client != *client {
            return Ok(Revoked::Foreign);
        }
        end(ports, found.place).await?;
    }
    if let Some(found) = ephemeral::find::<Access>(ports, Drawer::AccessToken, token).await? {
        if found.value.client != *client {
            return Ok(Revoked::Foreign);
        }
        ephemeral::remove(ports, Drawer::AccessToken, found.place).await?;
    }
    Ok(Revoked::Done)
}
