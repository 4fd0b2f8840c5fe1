//! The plan of a run by hand: what the `roster` component does for the driver.

use super::ByHand;
use crate::error::Error;
use crate::evaluation::internal;
use crate::holding::Undone;
use crate::keys;
use crate::organizations;
use crate::planning::{BaseChange, PlanProgress, PlanWriter};
use crate::ports::{Clock, Store};
use crate::record::{self, RecordError};
use crate::roster::shard::Range;
use crate::roster::{ACCOUNTS, Reader};
use crate::runs::{self, Failure, Run};
use crate::slices::SliceOutcome;
use crate::staging::{BUCKET_BITS, BUCKETS, bucket_of_account};
use jiff::Timestamp;
use mapping::account::{Account, Email, Status};
use mapping::ids::{AccountId, Generation, TenantId};
use mapping::plan::{self, Change, forgotten_digest};
use std::collections::BTreeMap;

/// Does a bounded part of drafting the plan of a run by hand.
pub async fn slice<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    run: &Run,
    deadline: Timestamp,
) -> Result<SliceOutcome, Error> {
    let key = PlanProgress::key(tenant, &run.id);
    let progress: PlanProgress = record::read(ports, &key).await?.unwrap_or_default();
    if progress.settled {
        return Ok(SliceOutcome::Done);
    }
    let Some(work) = runs::work_alone(ports, tenant, &run.id).await? else {
        return Ok(failed(
            "request_lost",
            "the request was cut off before it was stored: repeat it",
        ));
    };
    let Some(reader) = Reader::open_at(ports, tenant, run.parent).await? else {
        return Ok(SliceOutcome::Failed {
            failure: internal("the roster that the change was made for is gone"),
        });
    };
    let draft = Draft {
        tenant,
        run,
        reader,
        now_ms: run.started_at_ms.unwrap_or(run.requested_at_ms),
    };
    match work {
        ByHand::Edit { account, edit, .. } => {
            let found = draft.account(ports, &account).await?;
            let change = found.and_then(|account| {
                let change = plan::edit(&account, &edit, draft.now_ms);
                change.map_err(|error| refused(&error))
            });
            match change {
                Ok(change) => {
                    let unpins = !edit.unpin.is_empty();
                    draft.one(ports, progress, change, unpins).await
                }
                Err(failure) => Ok(SliceOutcome::Failed { failure }),
            }
        }
        ByHand::Restore { account } => {
            let found = draft.account(ports, &account).await?;
            let change = found.and_then(|account| {
                let change = plan::restore(&account, draft.now_ms);
                change.map_err(|error| refused(&error))
            });
            match change {
                Ok(change) => draft.one(ports, progress, Some(change), false).await,
                Err(failure) => Ok(SliceOutcome::Failed { failure }),
            }
        }
        ByHand::Undo { newest, .. } if newest != run.parent => Ok(failed(
            "roster_moved_on",
            "another commit came while the undo was waiting: look at it, then ask again",
        )),
        ByHand::Undo { to, .. } => match draft.undo(ports, progress, to, deadline).await {
            Err(Error::Record(RecordError::Absent { .. })) => Ok(gone(to)),
            other => other,
        },
    }
}

struct Draft<'a> {
    tenant: &'a TenantId,
    run: &'a Run,
    reader: Reader,
    now_ms: i64,
}

impl Draft<'_> {
    async fn account(
        &self,
        store: &impl Store,
        id: &AccountId,
    ) -> Result<Result<Account, Failure>, Error> {
        let found = self.reader.account(store, id).await?;
        Ok(found.ok_or_else(|| failure("not_found", "there is no such account any more")))
    }

    /// A plan with one change, or with none.
    async fn one(
        &self,
        store: &impl Store,
        mut progress: PlanProgress,
        change: Option<Change>,
        unpins: bool,
    ) -> Result<SliceOutcome, Error> {
        let mut writer = PlanWriter::new(self.tenant, &self.run.id);
        if let Some(change) = change {
            if let Some(failure) = self.conflict(store, &change).await? {
                return Ok(SliceOutcome::Failed { failure });
            }
            writer.change(&mut progress, 0, &change);
            if unpins {
                self.look_again(store, &mut progress, &mut writer, &change)
                    .await?;
            }
        }
        progress.settled = true;
        writer.save(store, &mut progress).await?;
        Ok(SliceOutcome::Done)
    }

    /// Why the account may not be as the change wants it.
    async fn conflict(
        &self,
        store: &impl Store,
        change: &Change,
    ) -> Result<Option<Failure>, Error> {
        let after = &change.after;
        if after.status != Status::Deleted {
            let email = after.email.as_ref().map(Email::as_str);
            for address in [email, after.username.as_deref()] {
                let Some(address) = address else { continue };
                let holder = self.reader.account_by_address(store, address).await?;
                if holder.is_some_and(|holder| holder.id != after.id) {
                    return Ok(Some(failure(
                        "address_taken",
                        "another account has this email address or username: change that one first",
                    )));
                }
            }
        }
        let known = organizations::read(store, self.tenant).await?;
        let is_unknown = |before: &Account| {
            let new = after.memberships.difference(&before.memberships);
            new.into_iter()
                .any(|membership| !known.contains_key(&membership.organization))
        };
        if change.before.as_ref().is_some_and(is_unknown) {
            let message = "a membership names an organization that the tenant does not have";
            return Ok(Some(failure("unknown_organization", message)));
        }
        Ok(None)
    }

    /// Forgets what the run's connection said last, so that the next run compares the person again
    /// although their record did not change.
    async fn look_again(
        &self,
        store: &impl Store,
        progress: &mut PlanProgress,
        writer: &mut PlanWriter<'_>,
        change: &Change,
    ) -> Result<(), Error> {
        for link in &change.after.sources {
            if self.run.connection.as_ref() != Some(&link.connection) {
                continue;
            }
            let row = self
                .reader
                .base(store, &link.connection, &link.external_id)
                .await?;
            if let Some(mut row) = row {
                row.entry.digest = forgotten_digest();
                let bucket = bucket_of_account(row.derived.as_str());
                writer.base(progress, bucket, &BaseChange::Put(row));
            }
        }
        Ok(())
    }

    /// Compares the roster with an earlier one, bucket by bucket.
    async fn undo<P: Store + Clock>(
        &self,
        ports: &P,
        mut progress: PlanProgress,
        to: Generation,
        deadline: Timestamp,
    ) -> Result<SliceOutcome, Error> {
        let Some(then) = Reader::open_at(ports, self.tenant, to).await? else {
            return Ok(gone(to));
        };
        progress.back_to = Some(to);
        let likeness = self.reader.likeness(ports, &then, ACCOUNTS).await?;
        let mut writer = PlanWriter::new(self.tenant, &self.run.id);
        while progress.next_bucket < BUCKETS {
            let range = Range {
                bits: BUCKET_BITS,
                index: progress.next_bucket,
            };
            if !likeness.covers(range) {
                self.undo_range(ports, &mut progress, &mut writer, (&then, range))
                    .await?;
            }
            progress.next_bucket += 1;
            if writer.is_full() || ports.now() >= deadline {
                writer.save(ports, &mut progress).await?;
            }
            if ports.now() >= deadline && progress.next_bucket < BUCKETS {
                return Ok(SliceOutcome::More);
            }
        }
        if !progress.alters && self.is_alike_beside_accounts(&then) {
            progress.is_withdrawn = true;
        }
        // Said before it is so: at worst a plan is held once too often.
        let undone = Undone {
            to,
            ..Undone::default()
        };
        record::write(ports, &keys::undone(self.tenant), &undone).await?;
        progress.settled = true;
        writer.save(ports, &mut progress).await?;
        Ok(SliceOutcome::Done)
    }

    /// True when every map but that of the accounts is as it was.
    fn is_alike_beside_accounts(&self, then: &Reader) -> bool {
        let others = |reader: &Reader| {
            let mut maps = reader.commit().maps.clone();
            maps.remove(ACCOUNTS);
            maps
        };
        others(&self.reader) == others(then)
    }

    async fn undo_range(
        &self,
        store: &impl Store,
        progress: &mut PlanProgress,
        writer: &mut PlanWriter<'_>,
        (then, range): (&Reader, Range),
    ) -> Result<(), Error> {
        let now: Vec<Account> = self.reader.range(store, ACCOUNTS, range).await?;
        let before: Vec<Account> = then.range(store, ACCOUNTS, range).await?;
        let mut pairs: BTreeMap<&AccountId, (Option<&Account>, Option<&Account>)> = BTreeMap::new();
        for account in &now {
            pairs.entry(&account.id).or_default().0 = Some(account);
        }
        for account in &before {
            pairs.entry(&account.id).or_default().1 = Some(account);
        }
        for (now, before) in pairs.into_values() {
            let to = then.commit().generation;
            if let Some(change) = plan::undo(now, before, to, self.now_ms) {
                progress.alters |= change.before.as_ref() != Some(&change.after);
                progress.counts.add(&change);
                writer.put_change(progress, range.index, 0, &change);
            }
        }
        Ok(())
    }
}

fn gone(to: Generation) -> SliceOutcome {
    failed(
        "commit_gone",
        &format!("commit {to} or a part of it is not kept any more, so nothing was undone"),
    )
}

fn refused(error: &plan::ByHandError) -> Failure {
    failure("refused", &error.to_string())
}

fn failed(code: &str, message: &str) -> SliceOutcome {
    SliceOutcome::Failed {
        failure: failure(code, message),
    }
}

fn failure(code: &str, message: &str) -> Failure {
    Failure {
        code: code.to_owned(),
        message: message.to_owned(),
    }
}
