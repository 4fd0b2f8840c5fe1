//! Looks: a run that is about a few people whom hints name, instead of everybody.
//!
//! It goes through the same phases as any run, with three differences. It reads the people one by
//! one; nobody is absent from it, since it does not list anybody; and where rules need groups it is
//! trusted less, because one look at a person does not show every group. What it leaves undone the
//! next night finds.

use crate::error::Error;
use crate::evaluation::{Accounts, Evaluator, Person};
use crate::fetching::{
    FetchProgress, FetchScope, StagedSnapshot, progress_key, to_failure, to_transport_failure,
};
use crate::hints;
use crate::keys;
use crate::planning::{PlanProgress, PlanWriter};
use crate::ports::{Ports, Store};
use crate::record;
use crate::roster::{BaseRow, Reader};
use crate::slices::SliceOutcome;
use crate::staging::{bucket_of, write_all};
use connectors::fetch::{Connector, Poll, Sight, Sighting, Whom};
use connectors::google::look::GroupLook;
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use mapping::ids::{ConnectionId, ExternalId, Generation, RunId, TenantId};
use mapping::plan::{
    Absence, BaseUpdate, Change, Observation, Scope, StepOutcome, is_unchanged, record_digest,
};
use mapping::rules::GroupNeed;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Most groups that are asked about for each person; with more, only direct membership is known.
const GROUPS_ASKED_MAX: usize = 20;

/// Longest pause, in milliseconds, that is waited out inside a slice; a longer one ends it.
const PAUSE_MS_MAX: i64 = 2_000;

/// What a look saw of one person.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Seen {
    #[serde(rename = "i")]
    id: ExternalId,
    #[serde(rename = "s")]
    sight: Sight,
}

/// How the groups that rules need are found out for one person.
pub fn group_look(need: GroupNeed) -> GroupLook {
    match need {
        GroupNeed::None => GroupLook::None,
        GroupNeed::Named(groups) if groups.len() <= GROUPS_ASKED_MAX => GroupLook::Named(groups),
        GroupNeed::Named(_) | GroupNeed::All => GroupLook::Direct,
    }
}

/// Whom a run looks at: everybody whom its hints name. Where a hint names an address that the
/// roster knows, its person is looked at by id as well, for the address may be theirs no longer.
pub async fn people(
    store: &impl Store,
    scope: FetchScope<'_>,
    parent: Generation,
) -> Result<BTreeSet<Whom>, Error> {
    let mut people = hints::taken(store, scope.tenant, scope.run).await?;
    let emails: Vec<String> = people
        .iter()
        .filter_map(|whom| match whom {
            Whom::Email(email) => Some(email.as_str().to_owned()),
            Whom::Id(_) => None,
        })
        .collect();
    if emails.is_empty() {
        return Ok(people);
    }
    if let Some(reader) = Reader::open_at(store, scope.tenant, parent).await? {
        for email in emails {
            let account = reader.account_by_address(store, &email).await?;
            let sources = account.into_iter().flat_map(|account| account.sources);
            people.extend(
                sources
                    .filter(|source| source.connection == *scope.connection)
                    .map(|source| Whom::Id(source.external_id)),
            );
        }
    }
    Ok(people)
}

/// Does a bounded part of a look. Parameters as in [`crate::fetching::slice`].
pub async fn slice<P, C, A>(
    ports: &P,
    scope: FetchScope<'_>,
    unit_ids: BTreeSet<String>,
    begin: impl AsyncFnOnce() -> Result<C, Error>,
    access: impl AsyncFn(bool) -> Result<A, SliceOutcome>,
    deadline: Timestamp,
) -> Result<SliceOutcome, Error>
where
    P: Ports,
    A: Borrow<C::Access>,
    C: Connector<Batch = Option<Sighting>, Complete = ()> + Serialize + DeserializeOwned,
{
    let key = progress_key(scope.tenant, scope.run);
    let progress = match record::read(ports, &key).await? {
        Some(progress) => progress,
        None => FetchProgress {
            connector: begin().await?,
            staged: StagedSnapshot::default(),
        },
    };
    let mut looker = Looker {
        scope,
        progress,
        unit_ids,
        seen: Vec::new(),
    };
    let outcome = match access(false).await {
        Ok(given) => looker.look(ports, given, access, deadline).await,
        Err(outcome) => outcome,
    };
    looker.save(ports).await?;
    Ok(outcome)
}

struct Looker<'a, C> {
    scope: FetchScope<'a>,
    progress: FetchProgress<C>,
    unit_ids: BTreeSet<String>,
    seen: Vec<Seen>,
}

impl<C> Looker<'_, C>
where
    C: Connector<Batch = Option<Sighting>, Complete = ()> + Serialize,
{
    async fn look<P: Ports, A: Borrow<C::Access>>(
        &mut self,
        ports: &P,
        mut given: A,
        access: impl AsyncFn(bool) -> Result<A, SliceOutcome>,
        deadline: Timestamp,
    ) -> SliceOutcome {
        let mut under_way = FuturesUnordered::new();
        loop {
            let now = ports.now();
            if now < deadline {
                match self.progress.connector.poll(now, given.borrow()) {
                    Poll::Send {
                        chain,
                        request,
                        body_bytes_max,
                    } => {
                        self.progress.staged.stats.calls += 1;
                        under_way.push(async move {
                            (chain, ports.send(request, body_bytes_max).await)
                        });
                        continue;
                    }
                    Poll::NeedsToken => {
                        match access(true).await {
                            Ok(fresh) => given = fresh,
                            Err(outcome) => return outcome,
                        }
                        self.progress.connector.token_refreshed();
                        continue;
                    }
                    Poll::WaitUntil(until) if under_way.is_empty() => {
                        let wait_ms = until.as_millisecond() - now.as_millisecond();
                        if wait_ms > PAUSE_MS_MAX || until > deadline {
                            let until_ms = until.as_millisecond();
                            return SliceOutcome::Wait { until_ms };
                        }
                        let pause = u64::try_from(wait_ms).unwrap_or(0).max(1);
                        ports.sleep(Duration::from_millis(pause)).await;
                        continue;
                    }
                    Poll::Busy | Poll::WaitUntil(_) => {}
                    Poll::Done(()) => return SliceOutcome::Done,
                    Poll::Failed(error) => {
                        let failure = to_failure(&error);
                        return SliceOutcome::Failed { failure };
                    }
                }
            }
            let Some((chain, answer)) = under_way.next().await else {
                return SliceOutcome::More;
            };
            let answer = answer
                .as_ref()
                .map_err(|error| to_transport_failure(*error));
            if let Ok(response) = &answer {
                self.progress.staged.stats.bytes += response.body().len() as u64;
            }
            let connector = &mut self.progress.connector;
            let sighting = connector.handle_response(chain, ports.now(), answer);
            self.take(sighting);
        }
    }

    fn take(&mut self, sighting: Option<Sighting>) {
        let staged = &mut self.progress.staged;
        match sighting {
            Some(Sighting::Tree(tree)) => {
                let known = tree
                    .into_iter()
                    .filter(|unit| self.unit_ids.contains(&unit.id));
                staged
                    .unit_paths
                    .extend(known.map(|unit| (unit.id, unit.path)));
            }
            Some(Sighting::Person(whom, sight)) => {
                let id = match (&sight, whom) {
                    (Sight::Seen { record, .. }, _) => record.external_id.clone(),
                    (Sight::Gone, Whom::Id(id)) => id,
                    (Sight::Gone, Whom::Email(_)) | (Sight::Hidden, _) => return,
                };
                staged.stats.records += 1;
                self.seen.push(Seen { id, sight });
            }
            None => {}
        }
    }

    /// Writes what was seen, then the state that counts it.
    async fn save(&mut self, store: &impl Store) -> Result<(), Error> {
        let (tenant, run) = (self.scope.tenant, self.scope.run);
        let mut values = Vec::new();
        for piece in record::pieces(&std::mem::take(&mut self.seen)) {
            values.push((keys::sights(tenant, run, self.progress.staged.parts), piece));
            self.progress.staged.parts += 1;
        }
        write_all(store, &values).await?;
        Ok(record::write(store, &progress_key(tenant, run), &self.progress).await?)
    }
}

/// What a look saw, by the buckets of the people.
#[derive(Debug, Default)]
pub(crate) struct Sights(BTreeMap<u32, BTreeMap<ExternalId, Sight>>);

impl Sights {
    pub(crate) async fn read(
        store: &impl Store,
        (tenant, connection): (&TenantId, &ConnectionId),
        run: &RunId,
        pieces: u32,
    ) -> Result<Self, Error> {
        let mut sights = Self::default();
        for piece in 0..pieces {
            let key = keys::sights(tenant, run, piece);
            let seen: Vec<Seen> = record::read(store, &key).await?.unwrap_or_default();
            for seen in seen {
                let bucket = bucket_of(tenant, connection, &seen.id);
                let people = sights.0.entry(bucket).or_default();
                people.insert(seen.id, seen.sight);
            }
        }
        Ok(sights)
    }
}

/// Removes what a look saw and whom it was about, once it is over.
pub(crate) async fn tidy(
    store: &impl Store,
    tenant: &TenantId,
    run: &RunId,
    pieces: u32,
) -> Result<(), Error> {
    let mut keys: Vec<String> = (0..pieces)
        .map(|piece| keys::sights(tenant, run, piece))
        .collect();
    keys.push(progress_key(tenant, run));
    Ok(store.delete_many(&keys).await?)
}

impl Evaluator<'_> {
    /// Takes the steps of the people of one bucket at whom was looked.
    pub(crate) async fn looked_at(
        &self,
        store: &impl Store,
        progress: &mut PlanProgress,
        writer: &mut PlanWriter<'_>,
        sights: &Sights,
        bucket: u32,
    ) -> Result<(), Error> {
        let Some(people) = sights.0.get(&bucket) else {
            return Ok(());
        };
        let base = self.base(store, bucket).await?;
        let mut accounts = Accounts::of_bucket(bucket);
        for (external_id, sight) in people {
            let known = base.get(external_id);
            let (observation, issues) = match sight {
                // As at night: what became of somebody who left before is not looked after.
                Sight::Gone if known.is_some_and(|row| row.entry.scope == Scope::In) => {
                    let absence = Absence::Deleted;
                    let observation = Observation::Absent {
                        external_id,
                        absence,
                    };
                    (observation, Vec::new())
                }
                Sight::Seen { record, issues } => (Observation::Present(record), issues.clone()),
                Sight::Gone | Sight::Hidden => continue,
            };
            for issue in issues {
                writer.issue(progress, issue);
            }
            if let Observation::Present(record) = observation {
                // Without a unit, a school or a role nobody can say whether the person left.
                let is_unusable = record.org_unit_path.is_none()
                    && record.placements.is_empty()
                    && record.roles.is_empty();
                let digest = record_digest(record);
                let version = self.rules.version();
                if is_unusable || known.is_some_and(|row| is_unchanged(&row.entry, digest, version))
                {
                    continue;
                }
            }
            let person = Person {
                bucket,
                external_id,
                observation,
                base: known,
            };
            let (outcome, derived) = self.decide(store, person, &mut accounts).await?;
            if self.is_trusted(person, &outcome) {
                Self::keep(progress, writer, person, outcome, derived);
            }
        }
        Ok(())
    }

    /// Whether what one look says about a person may happen. Where rules need groups, a group that
    /// was not found is not proof that somebody does not belong to it; where not even the groups
    /// that matter could be asked about, nothing that groups decide may happen.
    fn is_trusted(&self, person: Person<'_>, outcome: &StepOutcome) -> bool {
        let is_certain = matches!(person.observation, Observation::Absent { .. });
        let look = group_look(self.group_need.clone());
        if is_certain || look == GroupLook::None {
            return true;
        }
        let is_known = is_in_scope(person.base);
        let stays = match &outcome.base {
            BaseUpdate::Keep => true,
            BaseUpdate::Put(entry) => entry.scope == Scope::In,
            BaseUpdate::Remove => false,
        };
        if is_known && !stays {
            return false;
        }
        let before_and_after = outcome.change.as_ref().map(|change| {
            let Change { before, after, .. } = change;
            (before.as_ref(), after)
        });
        match (look, before_and_after) {
            (GroupLook::Named(_), Some((Some(before), after))) => {
                before.roles.is_subset(&after.roles)
                    && before.memberships.is_subset(&after.memberships)
            }
            (GroupLook::Named(_), _) => true,
            (_, Some((Some(before), after))) => {
                is_known
                    && before.roles == after.roles
                    && before.memberships == after.memberships
                    && before.user_type == after.user_type
                    && before.grade == after.grade
            }
            (_, Some((None, _))) => false,
            (_, None) => is_known,
        }
    }
}

fn is_in_scope(base: Option<&BaseRow>) -> bool {
    base.is_some_and(|row| row.entry.scope == Scope::In)
}
