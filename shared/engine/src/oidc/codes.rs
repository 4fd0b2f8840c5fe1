//! Authorization codes: what an application exchanges for tokens, within a minute and once.

use super::clients::Client;
use super::grants::{self, Tokens};
use super::request::{Request, Scope};
use super::{marks, sign_outs};
use crate::ephemeral::{self, Drawer, Found, Place};
use crate::error::Error;
use crate::ports::{Clock, Random, Store};
use crate::secrets;
use crate::settings::Secret;
use crate::signin::sessions::{self, Held, Session};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mapping::account::Account;
use mapping::ids::ClientId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// How long a code works, in milliseconds.
const CODE_MS: i64 = 60_000;

/// How long a code is known after that, in milliseconds, so that a second use is seen as one.
const KNOWN_MS: i64 = 3_600_000;

/// What a code stands for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Code {
    pub(super) client: ClientId,
    pub(super) redirect_uri: String,
    pub(super) challenge: String,
    pub(super) scopes: BTreeSet<Scope>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) nonce: Option<String>,
    /// The session it comes from.
    pub(super) sid: Place,
    pub(super) session: Session,
    /// Until when it works, in milliseconds since the Unix epoch.
    pub(super) until_ms: i64,
    /// What it was exchanged for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) grant: Option<Place>,
}

/// Makes a code for what an application asked for.
pub(super) async fn issue(
    ports: &(impl Store + Clock + Random),
    client: &Client,
    asked: &Request,
    held: &Held,
) -> Result<Secret, Error> {
    let mut scopes = asked.scopes.clone();
    if !client.settings.offline_access {
        scopes.remove(&Scope::OfflineAccess);
    }
    let until_ms = ports.now().as_millisecond().saturating_add(CODE_MS);
    let code = Code {
        client: client.id.clone(),
        redirect_uri: asked.redirect_uri.clone(),
        challenge: asked.challenge.clone(),
        scopes,
        nonce: asked.nonce.clone(),
        sid: held.place,
        session: held.session.clone(),
        until_ms,
        grant: None,
    };
    let known_until_ms = until_ms.saturating_add(KNOWN_MS);
    ephemeral::put(ports, Drawer::Code, known_until_ms, &code).await
}

/// What a client shows to have a code exchanged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange<'a> {
    pub(super) code: &'a str,
    pub(super) redirect_uri: &'a str,
    pub(super) verifier: &'a str,
}

/// Why a code is not exchanged.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum CodeFault {
    #[error("the person may not be signed in any more")]
    Barred,
    #[error("the code is unknown, has expired, or was used before")]
    Gone,
    #[error("the code was asked for with another redirect_uri")]
    RedirectUri,
    #[error("the code_verifier is not that of the code_challenge")]
    Verifier,
}

/// What a code was exchanged for.
#[derive(Debug)]
pub(super) struct Redeemed {
    pub(super) code: Code,
    pub(super) account: Account,
    pub(super) tokens: Tokens,
}

/// Exchanges a code, once. A second use ends what the first one got, since somebody has a copy
/// (RFC 6749 section 4.1.2). A code is not used up by who can't exchange it: another client, or
/// one without the verifier.
pub(super) async fn redeem(
    ports: &(impl Store + Clock + Random),
    client: &Client,
    exchange: &Exchange<'_>,
) -> Result<Result<Redeemed, CodeFault>, Error> {
    let found = ephemeral::find::<Code>(ports, Drawer::Code, exchange.code).await?;
    let Some(mut found) = found.filter(|found| found.value.client == client.id) else {
        return Ok(Err(CodeFault::Gone));
    };
    if found.value.redirect_uri != exchange.redirect_uri {
        return Ok(Err(CodeFault::RedirectUri));
    }
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(exchange.verifier.as_bytes()));
    if !secrets::is_equal(&challenge, &found.value.challenge) {
        return Ok(Err(CodeFault::Verifier));
    }
    if ephemeral::count_use(ports, Drawer::Code, found.place).await? != 1 {
        end_first_use(ports, found.place).await?;
        return Ok(Err(CodeFault::Gone));
    }
    if found.value.until_ms <= ports.now().as_millisecond() {
        return Ok(Err(CodeFault::Gone));
    }
    let Some(account) = admit(ports, client, &found.value).await? else {
        return Ok(Err(CodeFault::Barred));
    };
    let code = &found.value;
    let at = (code.sid, &code.session);
    let grant = grants::begin(ports, (&client.id, &code.scopes), at).await?;
    found.value.grant = Some(grant.place);
    let tokens = grant.tokens;
    if !keep_grant(ports, &found, (grant.place, grant.values)).await? {
        return Ok(Err(CodeFault::Gone));
    }
    let code = found.value;
    Ok(Ok(Redeemed {
        code,
        account,
        tokens,
    }))
}

/// The account of a code, if it may be signed in to the client now. What has to be told to the client
/// when that is over is noted before it is looked, so that nothing is missed in between.
async fn admit(
    ports: &(impl Store + Clock),
    client: &Client,
    code: &Code,
) -> Result<Option<Account>, Error> {
    let session = &code.session;
    if !client.has(&session.tenant) || !sessions::is_open(ports, code.sid).await? {
        return Ok(None);
    }
    let who = (&session.tenant, &session.account);
    sign_outs::begin(ports, &session.tenant).await?;
    marks::set(ports, who, &client.id, code.sid).await?;
    Ok(sessions::look(ports, session).await?.ok())
}

/// Writes what a code was exchanged for, and with the code that it was. False when it was used again meanwhile: then the
/// grant has ended.
async fn keep_grant(
    ports: &(impl Store + Clock),
    found: &Found<Code>,
    (grant, [kept, access]): (Place, [(String, Vec<u8>); 2]),
) -> Result<bool, Error> {
    let code = ephemeral::replacement(Drawer::Code, found);
    ports.set_many(&[kept, access, code]).await?;
    // A second use counts first and looks for the grant then: either it finds it, or it is seen
    // here.
    if ephemeral::uses(ports, Drawer::Code, found.place).await? == 1 {
        return Ok(true);
    }
    grants::end(ports, grant).await?;
    Ok(false)
}

async fn end_first_use(ports: &(impl Store + Clock), place: Place) -> Result<(), Error> {
    let found = ephemeral::find_at::<Code>(ports, Drawer::Code, place).await?;
    match found.and_then(|found| found.value.grant) {
        Some(grant) => grants::end(ports, grant).await,
        None => Ok(()),
    }
}
