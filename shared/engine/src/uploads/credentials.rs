//! Passwords of the people whom a file brought (SPEC section 6): given ones are digested slowly,
//! blank ones made. What was made can be fetched once.
//!
//! All of it happens after the commit, in bounded steps: a few accounts at a time, their digests,
//! what was made for them and how far it is written as one batch. Whoever has a password already
//! keeps it, and whoever another source knows as well gets none: they sign in there.

use super::bytes;
use super::{
    CredentialState, KEPT_MS, Upload, UploadState, deciding, read, reading, runs_of, show,
};
use crate::error::Error;
use crate::fenced::Fenced;
use crate::keys;
use crate::lease::Lease;
use crate::log::Log;
use crate::passwords::{self, Password, PasswordDigest};
use crate::planning::{PlanProgress, read_changes};
use crate::ports::{BATCH_VALUES_MAX, Clock, Ports, Random, Store};
use crate::record;
use crate::runs::{self, Run};
use crate::seal::{SealError, SealKeys, Sealed};
use crate::slices::{self, SliceOutcome};
use connectors::files::{self, credentials as sheet};
use jiff::{SignedDuration, Timestamp};
use mapping::account::{Account, Email};
use mapping::ids::{RunId, TenantId, UploadId};
use mapping::plan::ChangeKind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Accounts whose passwords are written as one batch, with what was made and how far that is.
const ACCOUNTS_AT_ONCE: usize = BATCH_VALUES_MAX - 2;

/// Uploads that are looked after in one tick of a tenant.
const UPLOADS_PER_TICK: usize = 50;

/// Longest slice that is asked for, in milliseconds.
const SLICE_MS: i64 = 8_000;

/// After how long, in milliseconds, a file without a run is one whose receiver died.
const RUNLESS_MS: i64 = 10 * 60_000;

/// The component that reads files and makes passwords.
const FILE_COMPONENT: &str = "fetch-csv";

/// How far the passwords of an upload are.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Progress {
    /// The bucket of accounts that is next, and how many of its changes are done.
    bucket: u32,
    done_in_bucket: usize,
    /// How many parts the credentials have, and how many passwords were made.
    parts: u32,
    count: u64,
    is_done: bool,
}

/// A request for a bounded part of making an upload's passwords.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialRequest {
    /// The tenant.
    pub tenant: TenantId,
    /// The upload.
    pub upload: UploadId,
    /// The fencing number of the driver's lease.
    pub fence: u64,
    /// For how long, in milliseconds.
    pub budget_ms: i64,
}

/// Why credentials are not handed out.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CredentialError {
    /// There are none.
    #[error("no passwords were made for this upload")]
    None,
    /// They are not ready.
    #[error("the passwords are still being made: ask again in a minute")]
    NotReady,
    /// They can't be opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// They were fetched before.
    #[error("the passwords were fetched already and are kept nowhere: give those people new ones")]
    Taken,
    /// The surroundings failed.
    #[error(transparent)]
    Engine(#[from] Error),
}

fn progress_key(tenant: &TenantId, upload: &UploadId) -> String {
    keys::upload(tenant, upload, "credentials")
}

pub(super) async fn state(
    store: &impl Store,
    tenant: &TenantId,
    upload: &UploadId,
    of: UploadState,
) -> Result<CredentialState, Error> {
    let progress: Option<Progress> = record::read(store, &progress_key(tenant, upload)).await?;
    let Some(progress) = progress else {
        // What was carried out a moment ago waits for the next tick.
        let waits =
            of == UploadState::Applied && !store.exists(&closed_key(tenant, upload)).await?;
        return Ok(if waits {
            CredentialState::Making
        } else {
            CredentialState::None
        });
    };
    if !progress.is_done {
        return Ok(CredentialState::Making);
    }
    if progress.count == 0 {
        return Ok(CredentialState::None);
    }
    let taken = store.increment(&taken_key(tenant, upload), 0).await?;
    Ok(if taken > 0 {
        CredentialState::Taken
    } else {
        CredentialState::Ready {
            count: progress.count,
        }
    })
}

/// There once nothing is left to do for an upload.
fn closed_key(tenant: &TenantId, upload: &UploadId) -> String {
    keys::upload(tenant, upload, "closed")
}

fn taken_key(tenant: &TenantId, upload: &UploadId) -> String {
    keys::upload(tenant, upload, "credentials-taken")
}

/// Does a bounded part of making the passwords of an applied upload.
pub async fn make<P: Store + Clock + Random>(
    ports: &P,
    seal_keys: &SealKeys,
    tenant: &TenantId,
    id: &UploadId,
    deadline: Timestamp,
) -> Result<SliceOutcome, CredentialError> {
    let of = (
        read(ports, tenant, id).await?,
        applied(ports, tenant, id).await?,
    );
    let (Some(upload), Some(run)) = of else {
        return Ok(SliceOutcome::Done);
    };
    let key = progress_key(tenant, id);
    let mut progress: Progress = record::read(ports, &key)
        .await
        .map_err(Error::from)?
        .unwrap_or_default();
    let plan: PlanProgress = record::read(ports, &PlanProgress::key(tenant, &run.id))
        .await
        .map_err(Error::from)?
        .unwrap_or_default();
    let making = Making {
        ports,
        seal_keys,
        tenant,
        upload: &upload,
        run: &run.id,
    };
    let buckets: Vec<u32> = plan
        .changes
        .range(progress.bucket..)
        .map(|(to, _)| *to)
        .collect();
    for to in buckets {
        if to != progress.bucket {
            progress.bucket = to;
            progress.done_in_bucket = 0;
        }
        let people = making.people(&plan, to).await?;
        let left = people.get(progress.done_in_bucket..).unwrap_or_default();
        for some in left.chunks(ACCOUNTS_AT_ONCE) {
            if ports.now() >= deadline {
                return Ok(SliceOutcome::More);
            }
            progress.done_in_bucket += some.len();
            making.some(some, &mut progress).await?;
        }
    }
    progress.is_done = true;
    record::write(ports, &key, &progress)
        .await
        .map_err(Error::from)?;
    Ok(SliceOutcome::Done)
}

/// The run that carried an upload out.
async fn applied(
    store: &impl Store,
    tenant: &TenantId,
    id: &UploadId,
) -> Result<Option<Run>, Error> {
    let known = runs_of(store, tenant, id).await?;
    let run = match &known.newest {
        Some(run) => runs::read(store, tenant, run).await?,
        None => None,
    };
    Ok(run.filter(|run| run.generation.is_some()))
}

struct Making<'a, P> {
    ports: &'a P,
    seal_keys: &'a SealKeys,
    tenant: &'a TenantId,
    upload: &'a Upload,
    run: &'a RunId,
}

/// Somebody who is to have a password.
struct Person {
    account: Account,
    given: Option<String>,
}

impl<P: Store + Clock + Random> Making<'_, P> {
    /// Those of a bucket of accounts who came with the file and whom no other source knows.
    async fn people(&self, plan: &PlanProgress, to: u32) -> Result<Vec<Person>, CredentialError> {
        let mut people = Vec::new();
        for (from, pieces) in plan.changes.get(&to).into_iter().flatten() {
            let changes =
                read_changes(self.ports, self.tenant, self.run, to, *from, *pieces).await?;
            let mut given = self.given(*from).await?;
            for change in changes {
                let is_new = matches!(change.kind, ChangeKind::Create | ChangeKind::Restore);
                let is_ours = (change.after.sources.iter())
                    .all(|link| link.connection == self.upload.connection);
                if !is_new || !is_ours || plan.losers.contains(&change.account) {
                    continue;
                }
                let email = change.after.email.clone();
                people.push(Person {
                    account: change.after,
                    given: email.and_then(|email| given.remove(&email)),
                });
            }
        }
        Ok(people)
    }

    /// The passwords that rows of a bucket of people gave, the last one of each.
    async fn given(&self, bucket: u32) -> Result<BTreeMap<Email, String>, CredentialError> {
        let parts = reading::row_parts(self.ports, self.tenant, self.run).await?;
        let mut given = BTreeMap::new();
        for part in 0..parts {
            let key = keys::row_secrets(self.tenant, self.run, part, bucket);
            let sealed: Option<Sealed> =
                record::read(self.ports, &key).await.map_err(Error::from)?;
            let Some(sealed) = sealed else { continue };
            let plain = self.seal_keys.open(&key, &sealed)?;
            let more: Vec<(Email, String)> = record::decode(&key, &plain).map_err(Error::from)?;
            given.extend(more);
        }
        Ok(given)
    }

    /// Makes and writes the passwords of a few people.
    async fn some(&self, some: &[Person], progress: &mut Progress) -> Result<(), CredentialError> {
        let mut values = Vec::new();
        let mut made = Vec::new();
        let now_ms = self.ports.now().as_millisecond();
        for Person { account, given } in some {
            let known = passwords::read(self.ports, self.tenant, &account.id).await?;
            if known.is_some_and(|known| known.upload.as_ref() != Some(&self.upload.id)) {
                continue;
            }
            let digest = if let Some(given) = given {
                // Only parameters that Argon2 does not know could make it fail.
                let Ok(digest) = PasswordDigest::slow(self.ports, given) else {
                    continue;
                };
                digest
            } else {
                let password = passwords::make(self.ports);
                if let Some(email) = &account.email {
                    let username = account.username.clone();
                    made.push((email.clone(), username, password.expose().to_owned()));
                }
                PasswordDigest::fast(self.ports, &password)
            };
            let password = Password {
                digest,
                must_change: true,
                set_at_ms: now_ms,
                upload: Some(self.upload.id.clone()),
                code: None,
            };
            let key = keys::password(self.tenant, &account.id);
            values.push((key, record::encode(&password)));
        }
        if !made.is_empty() {
            let key = keys::credentials(self.tenant, &self.upload.id, progress.parts);
            let plain = record::encode(&made);
            let sealed = self.seal_keys.seal(self.ports, &key, &plain)?;
            values.push((key, record::encode(&sealed)));
            progress.parts += 1;
            progress.count += made.len() as u64;
        }
        let key = progress_key(self.tenant, &self.upload.id);
        values.push((key, record::encode(progress)));
        self.ports.set_many(&values).await.map_err(Error::from)?;
        Ok(())
    }
}

/// The passwords that were made, as a CSV file: handed out to the first who asks, and forgotten.
pub async fn hand_out<P: Store>(
    ports: &P,
    seal_keys: &SealKeys,
    tenant: &TenantId,
    id: &UploadId,
) -> Result<Vec<u8>, CredentialError> {
    let progress: Option<Progress> = record::read(ports, &progress_key(tenant, id))
        .await
        .map_err(Error::from)?;
    let progress = match (progress, applied(ports, tenant, id).await?) {
        (Some(progress), _) if progress.is_done && progress.count == 0 => {
            return Err(CredentialError::None);
        }
        (Some(progress), _) if progress.is_done => progress,
        (Some(_), _) | (None, Some(_)) => return Err(CredentialError::NotReady),
        (None, None) => return Err(CredentialError::None),
    };
    let mut file = sheet::Writer::new();
    let part_keys: Vec<String> = (0..progress.parts)
        .map(|part| keys::credentials(tenant, id, part))
        .collect();
    for key in &part_keys {
        let sealed: Option<Sealed> = record::read(ports, key).await.map_err(Error::from)?;
        let Some(sealed) = sealed else { continue };
        let plain = seal_keys.open(key, &sealed)?;
        let made: Vec<(Email, Option<String>, String)> =
            record::decode(key, &plain).map_err(Error::from)?;
        for (email, username, password) in made {
            file.person(&email, username.as_deref(), &files::Secret::new(password));
        }
    }
    // Whoever is first has them; what was read is good for nobody else.
    let claim = ports
        .increment(&taken_key(tenant, id), 1)
        .await
        .map_err(Error::from)?;
    if claim > 1 {
        return Err(CredentialError::Taken);
    }
    for keys in part_keys.chunks(128) {
        ports.delete_many(keys).await.map_err(Error::from)?;
    }
    Ok(file.finish())
}

/// Looks after the uploads of a tenant: has passwords made, discards what nobody decided about,
/// and forgets what nobody needs any more. Asked by every tick; returns true when there is more to
/// do at once.
pub async fn attend<P: Ports>(
    ports: &P,
    tenant: &TenantId,
    deadline: Timestamp,
) -> Result<bool, Error> {
    let list = Log::new(keys::uploads(tenant));
    let count = list.count(ports).await?;
    if count == 0 {
        return Ok(false);
    }
    let key = keys::uploads_open(tenant);
    let closed: u64 = record::read(ports, &key).await?.unwrap_or_default();
    if closed >= count {
        return Ok(false);
    }
    let Some(lease) = Lease::take(ports, tenant).await? else {
        return Ok(false);
    };
    let fenced = Fenced::new(ports, tenant, lease.fence);
    let attended = attend_each(&fenced, tenant, (&list, closed), &lease, deadline).await;
    lease.release(&fenced, tenant).await?;
    attended
}

async fn attend_each<P: Ports>(
    ports: &P,
    tenant: &TenantId,
    (list, closed): (&Log, u64),
    lease: &Lease,
    deadline: Timestamp,
) -> Result<bool, Error> {
    let page = list
        .page_after::<UploadId>(ports, closed, UPLOADS_PER_TICK)
        .await?;
    let (mut closed, mut is_in_order, mut more) = (closed, true, false);
    for (number, id) in page.entries {
        let closed_key = closed_key(tenant, &id);
        if !ports.exists(&closed_key).await? {
            if ports.now() >= deadline {
                return Ok(true);
            }
            match attend_one(ports, tenant, &id, lease, deadline).await? {
                Attended::Closed => record::write(ports, &closed_key, &true).await?,
                Attended::More => {
                    more = true;
                    is_in_order = false;
                }
                Attended::Open => is_in_order = false,
            }
        }
        if is_in_order && closed + 1 == number {
            closed = number;
            record::write(ports, &keys::uploads_open(tenant), &closed).await?;
        }
    }
    Ok(more)
}

enum Attended {
    Closed,
    More,
    Open,
}

async fn attend_one<P: Ports>(
    ports: &P,
    tenant: &TenantId,
    id: &UploadId,
    lease: &Lease,
    deadline: Timestamp,
) -> Result<Attended, Error> {
    let Some(shown) = show(ports, tenant, id).await? else {
        return Ok(Attended::Closed);
    };
    let age_ms = ports.now().as_millisecond() - shown.upload.sent_at_ms;
    match shown.state {
        UploadState::Reading if shown.run.is_none() && age_ms > RUNLESS_MS => {
            deciding::set_discarded(ports, tenant, id).await?;
            close(ports, tenant, &shown.upload).await
        }
        UploadState::Accepted | UploadState::Reading => Ok(Attended::Open),
        UploadState::Planned => {
            if age_ms < KEPT_MS {
                return Ok(Attended::Open);
            }
            deciding::set_discarded(ports, tenant, id).await?;
            close(ports, tenant, &shown.upload).await
        }
        UploadState::Discarded | UploadState::Failed => close(ports, tenant, &shown.upload).await,
        UploadState::Applied => {
            let left = deadline.as_millisecond() - ports.now().as_millisecond();
            let request = CredentialRequest {
                tenant: tenant.clone(),
                upload: id.clone(),
                fence: lease.fence,
                budget_ms: left.clamp(1, SLICE_MS),
            };
            let answer = slices::call(ports, FILE_COMPONENT, "/credentials", &request).await;
            match answer {
                Ok(SliceOutcome::Done) => close(ports, tenant, &shown.upload).await,
                Ok(SliceOutcome::More) => Ok(Attended::More),
                Ok(SliceOutcome::Failed { .. } | SliceOutcome::Wait { .. }) | Err(_) => {
                    Ok(Attended::Open)
                }
            }
        }
    }
}

/// Forgets the bytes of a file and what reading it left, the passwords in it with them.
async fn close(store: &impl Store, tenant: &TenantId, upload: &Upload) -> Result<Attended, Error> {
    let known = runs_of(store, tenant, &upload.id).await?;
    for run in &known.all {
        reading::tidy(store, tenant, run).await?;
    }
    bytes::forget(store, tenant, &upload.id, upload.bytes).await?;
    Ok(Attended::Closed)
}

/// How long a request for a slice may work.
pub(crate) fn deadline_of(request: &CredentialRequest, clock: &impl Clock) -> Timestamp {
    clock.now() + SignedDuration::from_millis(request.budget_ms)
}
