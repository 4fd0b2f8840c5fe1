//! Telling applications: signing logout tokens and sending them.

use super::super::clients::{self, Client};
use super::super::signing::{Signer, SigningError};
use super::{Notice, Outbox, log, read};
use crate::error::Error;
use crate::keys;
use crate::metrics::{self, Counter};
use crate::ports::{Clock, Ports, Random, Store, Transport};
use crate::record;
use crate::seal::SealKeys;
use crate::secrets;
use crate::settings::PublicUrl;
use crate::versioned::{self, ReplaceError};
use bytes::Bytes;
use form_urlencoded::Serializer;
use futures::future::{Either, join_all, select};
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use mapping::ids::{ClientId, TenantId};
use serde::Serialize;
use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

/// How many applications are told at once.
const AT_ONCE: usize = 8;

/// How long an application may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Longest answer read, in bytes. It is not looked at.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// How long a logout token is valid, in seconds (Back-Channel Logout 1.0 section 2.4: two minutes at
/// most).
const VALID_S: i64 = 120;

/// The type of a logout token, in its header.
const TYPE: &str = "logout+jwt";

#[derive(Serialize)]
struct LogoutToken<'a> {
    iss: String,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    events: Events,
}

/// What happened.
#[derive(Default, Serialize)]
struct Events {
    #[serde(rename = "http://schemas.openid.net/event/backchannel-logout")]
    logout: Nothing,
}

/// `{}`: there is nothing more to say of it.
#[derive(Default, Serialize)]
struct Nothing {}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    /// The application did not take it.
    Failed,
    /// Nobody answered at all.
    Silent,
    /// It was taken, or there is nobody to tell any more.
    Told,
}

/// Sends the notices of a tenant that are due, until none is left or time is up. True when some are
/// left.
pub(crate) async fn deliver<P: Ports>(
    ports: &P,
    (issuer, seal_keys): (&PublicUrl, &SealKeys),
    tenant: &TenantId,
    deadline: Timestamp,
) -> Result<bool, SigningError> {
    let mut signer = None;
    let mut silent = BTreeSet::new();
    loop {
        let (version, outbox) = read(ports, tenant).await?;
        let count = log(tenant).count(ports).await?;
        let due = outbox.due(count, ports.now().as_millisecond(), AT_ONCE);
        if due.is_empty() {
            return Ok(false);
        }
        if ports.now() >= deadline {
            return Ok(true);
        }
        let signer = match &mut signer {
            Some(signer) => signer,
            none => none.insert(Signer::open(ports, seal_keys).await?),
        };
        let mut outcomes = Vec::new();
        for attempt in tell(ports, (issuer, signer), tenant, &due, &silent).await {
            outcomes.push(attempt?);
        }
        let quiet = outcomes.iter().filter(|(_, end)| *end == Outcome::Silent);
        silent.extend(quiet.filter_map(|(client, _)| client.clone()));
        let ends: Vec<Outcome> = outcomes.into_iter().map(|(_, end)| end).collect();
        if !keep(ports, tenant, (version, outbox), (&due, &ends)).await? {
            // Somebody else delivers at this moment.
            return Ok(true);
        }
    }
}

async fn tell<P: Ports>(
    ports: &P,
    by: (&PublicUrl, &Signer),
    tenant: &TenantId,
    due: &[(u64, u32)],
    silent: &BTreeSet<ClientId>,
) -> Vec<Result<(Option<ClientId>, Outcome), SigningError>> {
    join_all(due.iter().map(async |(number, _)| {
        let key = log(tenant).entry_key(*number);
        let notice: Option<Notice> = record::read(ports, &key).await?;
        let Some(notice) = notice else {
            // Its number was taken and it is not written yet; or never, if its writer died.
            return Ok((None, Outcome::Failed));
        };
        let outcome = if silent.contains(&notice.client) {
            Outcome::Failed
        } else {
            attempt(ports, by, tenant, &notice).await?
        };
        Ok((Some(notice.client), outcome))
    }))
    .await
}

async fn attempt<P: Ports>(
    ports: &P,
    (issuer, signer): (&PublicUrl, &Signer),
    tenant: &TenantId,
    notice: &Notice,
) -> Result<Outcome, SigningError> {
    let client = clients::read(ports, &notice.client).await?;
    let Some(client) = client.filter(|client| client.has(tenant)) else {
        return Ok(Outcome::Told);
    };
    let Some(address) = &client.settings.backchannel_logout_uri else {
        return Ok(Outcome::Told);
    };
    let token = logout_token(ports, (issuer, signer), &client, notice)?;
    Ok(send(ports, address, &token).await)
}

fn logout_token(
    ports: &(impl Clock + Random),
    (issuer, signer): (&PublicUrl, &Signer),
    client: &Client,
    notice: &Notice,
) -> Result<String, SigningError> {
    let iat = ports.now().as_second();
    let token = LogoutToken {
        iss: issuer.at(""),
        sub: notice.account.as_str(),
        aud: client.id.as_str(),
        iat,
        exp: iat.saturating_add(VALID_S),
        jti: secrets::random_id(ports, "out"),
        sid: notice.sid.map(|sid| sid.to_string()),
        events: Events::default(),
    };
    signer.sign(ports, TYPE, &token)
}

async fn send(ports: &(impl Clock + Transport), address: &str, token: &str) -> Outcome {
    let mut form = Serializer::new(String::new());
    form.append_pair("logout_token", token);
    let request = http::Request::post(address)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::from(form.finish()));
    let Ok(request) = request else {
        return Outcome::Failed;
    };
    let exchange = pin!(ports.send(request, ANSWER_BYTES_MAX));
    let timeout = pin!(ports.sleep(ANSWER_WITHIN));
    match select(exchange, timeout).await {
        Either::Left((Ok(answer), _)) if answer.status().is_success() => Outcome::Told,
        Either::Left((Ok(_), _)) => Outcome::Failed,
        Either::Left((Err(_), _)) | Either::Right(((), _)) => Outcome::Silent,
    }
}

/// Notes what became of notices and forgets those that are done with. False when somebody else wrote
/// meanwhile.
async fn keep(
    ports: &(impl Store + Clock),
    tenant: &TenantId,
    (version, mut outbox): (u64, Outbox),
    (due, ends): (&[(u64, u32)], &[Outcome]),
) -> Result<bool, Error> {
    let now_ms = ports.now().as_millisecond();
    let (mut done, mut told) = (Vec::new(), 0);
    for (attempt, end) in due.iter().zip(ends) {
        let was_told = *end == Outcome::Told;
        told += usize::from(was_told);
        if outbox.note(*attempt, was_told, now_ms) {
            done.push(attempt.0);
        }
    }
    done.extend(outbox.overflow());
    let key = keys::sign_out_outbox(tenant);
    match versioned::claim_newest(ports, &key, version).await {
        Ok(()) => {}
        Err(ReplaceError::Changed) => return Ok(false),
        Err(ReplaceError::Engine(error)) => return Err(error),
    }
    versioned::write(ports, &key, version, outbox).await?;
    let forgotten: Vec<String> = done.iter().map(|n| log(tenant).entry_key(*n)).collect();
    ports.delete_many(&forgotten).await?;
    metrics::count(ports, Counter::SignOutTold, told).await?;
    metrics::count(ports, Counter::SignOutFailed, ends.len() - told).await?;
    metrics::count(ports, Counter::SignOutGivenUp, done.len() - told).await?;
    Ok(true)
}
