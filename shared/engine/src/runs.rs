//! Runs: who asked for one, how far it is, and what it did (SPEC section 7).
//!
//! A tenant has three lanes: for runs, for previews, and for changes by hand. In each, numbers are
//! given out in order; the run with the number `next` is the one that waits. A request claims that
//! number with `increment`: the first notes what was asked for, later ones join it. Starting a run
//! moves `next` on, so a request that comes after the start gets a run of its own and nothing that
//! changed in between is missed. What was done by hand is never joined.
//!
//! A request is about all connections that are in use, or about one, and a run is about one: what a
//! request makes is a series of runs, see [`crate::series`]. The number is that of its first run.
//!
//! What was asked for has a key of its own: a run's record is written by nobody but the holder of
//! the lease, so a request that is slow can't put back a run that has begun.

use crate::error::Error;
use crate::keys;
use crate::ports::{Clock, Store};
use crate::record;
use crate::schooling::SchoolingCounts;
use connectors::fetch::Doubt;
use mapping::guard::Refusal;
use mapping::ids::{ConnectionId, Generation, RunId, TenantId};
use mapping::rules::RuleSetVersion;
use mapping::summary::Counts;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// The part of a run's records that says what the run alone is to do.
const WORK: &str = "work";

/// Why a run was asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerKind {
    /// A call of the API.
    Api,
    /// The button of the console.
    Button,
    /// The nightly time of the tenant.
    Nightly,
    /// A notification of the provider.
    Push,
    /// The roster moved on under a held plan.
    Replan,
    /// A file that was sent, or accepted.
    Upload,
    /// The signed webhook.
    Webhook,
}

/// Who or what asked for a run.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    /// The door it came through.
    pub kind: TriggerKind,
    /// Who, as the audit log names them: a key id, `operator`, `scheduler` or `webhook`.
    pub by: String,
}

/// What kind of run it is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Carries out what an administrator did by hand: an edit, a restoration, an undo.
    Edit,
    /// Does everything a run does up to the plan, and stops.
    Preview,
    /// Applies its plan.
    Run,
    /// Reads a file that an administrator sent, or carries out what they accepted of one.
    Upload,
}

impl Lane {
    /// All lanes, in the order in which they are served.
    pub const ALL: [Self; 4] = [Self::Edit, Self::Run, Self::Upload, Self::Preview];

    /// The id of this lane's run with this number.
    pub fn run_id(self, number: u64) -> Result<RunId, mapping::ids::IdError> {
        let letter = match self {
            Lane::Edit => 'e',
            Lane::Preview => 'p',
            Lane::Run => 'r',
            Lane::Upload => 'u',
        };
        RunId::parse(format!("{letter}{number:06}"))
    }

    /// The id of this lane's run at this place. Ids sort as the runs follow each other.
    pub fn id_at(self, place: Place) -> Result<RunId, mapping::ids::IdError> {
        let first = self.run_id(place.number)?;
        match place.step {
            0 => Ok(first),
            step => RunId::parse(format!("{first}-{:03}", u64::from(step) + 1)),
        }
    }

    /// Whether each of its runs has work of its own, so that no other request can join it.
    pub fn is_alone(self) -> bool {
        matches!(self, Self::Edit | Self::Upload)
    }

    /// Whether its runs carry out what an administrator did by hand.
    pub fn is_by_hand(self) -> bool {
        self == Self::Edit
    }

    /// The lane as part of a key.
    pub fn as_str(self) -> &'static str {
        match self {
            Lane::Edit => "edit",
            Lane::Preview => "preview",
            Lane::Run => "run",
            Lane::Upload => "upload",
        }
    }
}

/// Where a run stands in its lane: runs are served in this order.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Place {
    /// The number of its series.
    pub number: u64,
    /// Its place in the series, from 0.
    #[serde(default)]
    pub step: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.number, self.step)
    }
}

impl FromStr for Place {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, step) = text.split_once('.').unwrap_or((text, "0"));
        Ok(Self {
            number: number.parse()?,
            step: step.parse()?,
        })
    }
}

/// The run of a lane that is under way.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct Active {
    /// Where it stands.
    #[serde(flatten)]
    pub(crate) place: Place,
    /// True when its series is over and nothing follows it: its plan was approved.
    #[serde(default)]
    pub(crate) is_alone: bool,
}

/// What a run is about.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Everybody of the connection.
    #[default]
    Full,
    /// The few people whom hints name, see [`crate::hints`].
    Look,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Finished; the roster changed.
    Applied,
    /// Writing the next roster.
    Applying,
    /// Asking the provider about people who were not in the listing.
    Confirming,
    /// Finished; an administrator discarded the plan.
    Discarded,
    /// Comparing what was read with the roster.
    Evaluating,
    /// Finished without a change: see [`Run::failure`].
    Failed,
    /// Reading the provider.
    Fetching,
    /// A guard held the plan; nothing was written.
    Held,
    /// Finished; a preview's plan is ready to be looked at.
    Planned,
    /// Waiting for its turn.
    Scheduled,
    /// Checking addresses and the guard.
    Settling,
    /// Finished; it was held, and a later run planned anew.
    Superseded,
    /// Finished; there was nothing to change.
    Unchanged,
}

impl RunState {
    /// Whether nothing more happens to the run by itself.
    pub fn is_finished(self) -> bool {
        matches!(
            self,
            Self::Applied
                | Self::Discarded
                | Self::Failed
                | Self::Held
                | Self::Planned
                | Self::Superseded
                | Self::Unchanged
        )
    }
}

/// What a provider was asked and gave.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct FetchStats {
    /// Requests sent, failed ones counted.
    pub calls: u64,
    /// Bytes of the answers, after decompression.
    pub bytes: u64,
    /// People in scope of the read.
    pub records: u64,
    /// Records that could not be taken as they stand.
    pub issues: u64,
}

/// Why a run failed, for the history.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// A stable word for programs, for instance `google_quota`.
    pub code: String,
    /// What happened, why, and what to do. No personal data.
    pub message: String,
}

/// When one phase began and ended, in milliseconds since the Unix epoch.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct PhaseTime {
    /// The phase.
    pub phase: RunState,
    /// Its beginning.
    pub started_at_ms: i64,
    /// Its end, once it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at_ms: Option<i64>,
}

/// One execution of a sync.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its id; ids of one lane sort by age.
    pub id: RunId,
    /// The number of its series in its lane.
    pub number: u64,
    /// Its place in the series, from 0.
    #[serde(default)]
    pub step: u32,
    /// The first run of the series that it belongs to. What was done by hand belongs to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<RunId>,
    /// Whether it writes.
    pub lane: Lane,
    /// What it is about. While it waits, what its first request was about: see [`settle`].
    #[serde(default)]
    pub work: Work,
    /// The one connection that its series is about; all that are in use when absent. While it
    /// waits, what its first request was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<ConnectionId>,
    /// Who asked for it.
    pub trigger: Trigger,
    /// The local date of the night it was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub night: Option<String>,
    /// How far it is.
    pub state: RunState,
    /// When it was asked for, in milliseconds since the Unix epoch.
    pub requested_at_ms: i64,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at_ms: Option<i64>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at_ms: Option<i64>,
    /// When its provider may be asked again, while it waits for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_until_ms: Option<i64>,
    /// The connection that is synced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<ConnectionId>,
    /// Of the first run of a series of several: the connections of the series, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<ConnectionId>,
    /// The version of the rules it works by.
    #[serde(default)]
    pub rules: RuleSetVersion,
    /// The roster it was planned from.
    #[serde(default)]
    pub parent: Generation,
    /// The roster it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<Generation>,
    /// Times of its phases, in order.
    #[serde(default)]
    pub phases: Vec<PhaseTime>,
    /// What the provider was asked and gave.
    #[serde(default)]
    pub fetched: FetchStats,
    /// What it changed or would change.
    #[serde(default)]
    pub counts: Counts,
    /// How many issues it found.
    #[serde(default)]
    pub issues: u64,
    /// What it changed or would change beside people.
    #[serde(default, skip_serializing_if = "SchoolingCounts::is_empty")]
    pub schooling: SchoolingCounts,
    /// Why the source is not believed when somebody or something is missing from it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub doubts: BTreeSet<Doubt>,
    /// How many people were missing who for that reason do not count as gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absences_withheld: Option<u64>,
    /// Why its plan is held.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<Refusal>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// How often it was planned anew because the roster had moved on.
    #[serde(default)]
    pub replans: u32,
    /// How often in a row a step of it failed for a reason of our own surroundings.
    #[serde(default)]
    pub stumbles: u32,
}

impl Run {
    /// Where it stands in its lane.
    pub fn place(&self) -> Place {
        Place {
            number: self.number,
            step: self.step,
        }
    }

    /// How many runs a series with this first run has at most.
    pub(crate) fn steps(&self) -> u32 {
        u32::try_from(self.connections.len())
            .unwrap_or(u32::MAX)
            .max(1)
    }

    /// Goes on to a phase and notes the time.
    pub fn enter(&mut self, state: RunState, now_ms: i64) {
        if let Some(last) = self.phases.last_mut() {
            last.finished_at_ms.get_or_insert(now_ms);
        }
        self.state = state;
        self.wait_until_ms = None;
        if state.is_finished() {
            self.finished_at_ms = Some(now_ms);
        } else {
            self.phases.push(PhaseTime {
                phase: state,
                started_at_ms: now_ms,
                finished_at_ms: None,
            });
        }
    }

    /// Ends the run without a change.
    pub fn fail(&mut self, code: &str, message: String, now_ms: i64) {
        self.enter(RunState::Failed, now_ms);
        self.failure = Some(Failure {
            code: code.to_owned(),
            message,
        });
    }
}

/// The answer to a request for a run.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Requested {
    /// The run that will do it.
    pub run: RunId,
    /// True when that run had been asked for already and still waited.
    pub joined: bool,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
struct Wanted<'a> {
    lane: Lane,
    work: Work,
    only: Option<&'a ConnectionId>,
}

/// Asks for a series of runs about all connections; it starts with the next tick.
pub async fn request<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    trigger: Trigger,
) -> Result<Requested, Error> {
    request_in(ports, tenant, Lane::Run, trigger, None).await
}

/// Asks for runs or previews, about one connection or about all.
pub async fn request_in<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    lane: Lane,
    trigger: Trigger,
    only: Option<&ConnectionId>,
) -> Result<Requested, Error> {
    let work = Work::Full;
    request_work(ports, tenant, Wanted { lane, work, only }, trigger).await
}

/// Asks for a look at the people whom hints name, or joins whatever run waits. The hints have to
/// be in the store already.
pub async fn request_look<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    trigger: Trigger,
) -> Result<Requested, Error> {
    let wanted = Wanted {
        lane: Lane::Run,
        work: Work::Look,
        only: None,
    };
    request_work(ports, tenant, wanted, trigger).await
}

async fn request_work<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    wanted: Wanted<'_>,
    trigger: Trigger,
) -> Result<Requested, Error> {
    let Wanted { lane, work, only } = wanted;
    loop {
        let number = next_number(ports, tenant, lane).await?;
        let claim = ports
            .increment(&keys::run_claim(tenant, lane, number), 1)
            .await?;
        // After the claim: a request that dies in between counts as one for everybody of all
        // connections.
        let narrow = match (work, only) {
            (Work::Look, _) => Some(keys::run_looks(tenant, lane, number)),
            (Work::Full, only) => only.map(|only| keys::run_only(tenant, lane, number, only)),
        };
        if let Some(narrow) = narrow {
            ports.increment(&narrow, 1).await?;
        }
        let key = asked_key(tenant, lane, number)?;
        let joined = claim > 1 && ports.exists(&key).await?;
        if !joined {
            let mut run = new_run(lane, number, trigger.clone(), None, ports)?;
            run.work = work;
            run.only = only.cloned();
            run.connection = only.cloned();
            record::write(ports, &key, &run).await?;
        }
        // The run may have started between the two looks at `next`: it would miss what this
        // request is about.
        if !joined || next_number(ports, tenant, lane).await? == number {
            let run = lane.run_id(number).map_err(bad_id)?;
            return Ok(Requested { run, joined });
        }
    }
}

/// Asks for a run that carries out `work`, or `None` while another one waits: such work can't be
/// joined.
pub async fn request_alone<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    lane: Lane,
    trigger: Trigger,
    work: &impl Serialize,
) -> Result<Option<RunId>, Error> {
    let number = next_number(ports, tenant, lane).await?;
    let claim = keys::run_claim(tenant, lane, number);
    if ports.increment(&claim, 1).await? > 1 {
        return Ok(None);
    }
    let run = new_run(lane, number, trigger, None, ports)?;
    record::write(ports, &keys::run_progress(tenant, &run.id, WORK), work).await?;
    record::write(ports, &asked_key(tenant, lane, number)?, &run).await?;
    Ok(Some(run.id))
}

/// What a run that was asked for by [`request_alone`] is to do.
pub async fn work_alone<T: serde::de::DeserializeOwned>(
    store: &impl Store,
    tenant: &TenantId,
    run: &RunId,
) -> Result<Option<T>, Error> {
    Ok(record::read(store, &keys::run_progress(tenant, run, WORK)).await?)
}

/// Makes sure that the run with this number exists, for a night. When it is asked for already, or
/// over already, the night has its run. `None` when the number went to a look or to a run about one
/// connection, which is not what a night needs.
pub async fn ensure<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    number: u64,
    trigger: Trigger,
    night: &str,
) -> Result<Option<RunId>, Error> {
    ports
        .increment(&keys::run_claim(tenant, Lane::Run, number), 1)
        .await?;
    let id = Lane::Run.run_id(number).map_err(bad_id)?;
    match read(ports, tenant, &id).await? {
        None => {
            let key = asked_key(tenant, Lane::Run, number)?;
            let run = new_run(Lane::Run, number, trigger, Some(night.to_owned()), ports)?;
            record::write(ports, &key, &run).await?;
        }
        // One that still waits becomes a full run about all by the claim. One that has begun may
        // have counted the claims before this one.
        Some(run)
            if (run.work == Work::Look || run.only.is_some())
                && next_number(ports, tenant, Lane::Run).await? != number =>
        {
            return Ok(None);
        }
        Some(_) => {}
    }
    Ok(Some(id))
}

/// Settles what a series that begins is about: a look only if each of its requests was for one, and
/// one connection only if each was about that one. To be called once `next` has moved on, so that
/// every later request gets a run of its own.
///
/// A request counts as one about everything until it says otherwise, so whatever dies between two
/// operations leads to more work and never to less. Reading the narrow requests first keeps a
/// request that arrives between the two reads from hiding another.
pub async fn settle(store: &impl Store, tenant: &TenantId, run: &mut Run) -> Result<(), Error> {
    let at = (run.lane, run.number);
    let looks = keys::run_looks(tenant, at.0, at.1);
    let looks = store.increment(&looks, 0).await?;
    let only = match &run.only {
        Some(only) => {
            let key = keys::run_only(tenant, at.0, at.1, only);
            store.increment(&key, 0).await?
        }
        None => 0,
    };
    let requests = if looks == 0 && only == 0 {
        None
    } else {
        let key = keys::run_claim(tenant, at.0, at.1);
        Some(store.increment(&key, 0).await?)
    };
    run.work = if requests == Some(looks) {
        Work::Look
    } else {
        Work::Full
    };
    if requests != Some(only) {
        run.only = None;
    }
    Ok(())
}

fn new_run(
    lane: Lane,
    number: u64,
    trigger: Trigger,
    night: Option<String>,
    clock: &impl Clock,
) -> Result<Run, Error> {
    Ok(Run {
        night,
        requested_at_ms: clock.now().as_millisecond(),
        ..blank(lane, number, trigger)?
    })
}

/// The first run of a series as it waits, without its times.
fn blank(lane: Lane, number: u64, trigger: Trigger) -> Result<Run, Error> {
    let id = lane.run_id(number).map_err(bad_id)?;
    Ok(Run {
        series: (!lane.is_alone()).then(|| id.clone()),
        id,
        number,
        step: 0,
        lane,
        work: Work::Full,
        only: None,
        trigger,
        night: None,
        state: RunState::Scheduled,
        requested_at_ms: 0,
        started_at_ms: None,
        finished_at_ms: None,
        wait_until_ms: None,
        connection: None,
        connections: Vec::new(),
        rules: RuleSetVersion::default(),
        parent: Generation::default(),
        generation: None,
        phases: Vec::new(),
        fetched: FetchStats::default(),
        counts: Counts::default(),
        schooling: SchoolingCounts::default(),
        doubts: BTreeSet::new(),
        absences_withheld: None,
        issues: 0,
        refusals: Vec::new(),
        failure: None,
        replans: 0,
        stumbles: 0,
    })
}

/// The number of the run that waits or would wait.
pub async fn next_number(store: &impl Store, tenant: &TenantId, lane: Lane) -> Result<u64, Error> {
    Ok(record::read(store, &keys::run_next(tenant, lane))
        .await?
        .unwrap_or(1))
}

/// The run that is under way in a lane, or the one that waits; the latter becomes the former.
/// A finished run stays current until [`leave`] is called, so that its caller can tidy up.
///
/// Only the holder of the tenant's lease may call this.
pub async fn current<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    lane: Lane,
) -> Result<Option<Run>, Error> {
    let next = next_number(ports, tenant, lane).await?;
    if let Some(active) = active(ports, tenant, lane).await? {
        let Place { number, step } = active.place;
        if next <= number {
            record::write(ports, &keys::run_next(tenant, lane), &(number + 1)).await?;
        }
        let found = match step {
            0 => numbered(ports, tenant, lane, number).await?,
            _ => follower(ports, tenant, lane, active.place).await?,
        };
        match found {
            Some(run) => return Ok(Some(run)),
            None => free(ports, tenant, lane).await?,
        }
    }
    let Some(run) = numbered(ports, tenant, lane, next_number(ports, tenant, lane).await?).await?
    else {
        return Ok(None);
    };
    set_active(ports, tenant, lane, run.place(), false).await?;
    record::write(ports, &keys::run_next(tenant, lane), &(run.number + 1)).await?;
    Ok(Some(run))
}

/// Goes on in a lane, whose current run is finished and tidied up: with the first run after it in
/// its series of which `is_in_use` says that its connection is still to be read, or with whatever
/// waits. The pointer is all that is written, so doing it again does no more.
///
/// Only the holder of the tenant's lease may call this.
pub async fn leave<S: Store>(
    store: &S,
    tenant: &TenantId,
    run: &Run,
    is_in_use: impl AsyncFn(&ConnectionId) -> Result<bool, Error>,
) -> Result<(), Error> {
    let lane = run.lane;
    let series = match &run.series {
        Some(first) if run.step > 0 => read(store, tenant, first).await?,
        _ => Some(run.clone()),
    };
    let is_alone = active(store, tenant, lane)
        .await?
        .is_none_or(|active| active.is_alone);
    let members = series.iter().flat_map(|first| &first.connections);
    for (step, connection) in (0_u32..).zip(members).skip(run.step as usize + 1) {
        if !is_alone && is_in_use(connection).await? {
            let number = run.number;
            return set_active(store, tenant, lane, Place { number, step }, false).await;
        }
    }
    free(store, tenant, lane).await
}

/// The pointer to the run of a lane that is under way.
pub(crate) async fn active(
    store: &impl Store,
    tenant: &TenantId,
    lane: Lane,
) -> Result<Option<Active>, Error> {
    Ok(record::read(store, &keys::run_active(tenant, lane)).await?)
}

/// Makes a run the one of its lane that is under way.
pub(crate) async fn set_active(
    store: &impl Store,
    tenant: &TenantId,
    lane: Lane,
    place: Place,
    is_alone: bool,
) -> Result<(), Error> {
    let active = Active { place, is_alone };
    Ok(record::write(store, &keys::run_active(tenant, lane), &active).await?)
}

/// Makes room in a lane.
pub(crate) async fn free(store: &impl Store, tenant: &TenantId, lane: Lane) -> Result<(), Error> {
    Ok(store.delete(&keys::run_active(tenant, lane)).await?)
}

/// A run after the first of its series. Before it has begun, all about it follows from the first.
async fn follower(
    store: &impl Store,
    tenant: &TenantId,
    lane: Lane,
    place: Place,
) -> Result<Option<Run>, Error> {
    let id = lane.id_at(place).map_err(bad_id)?;
    if let Some(run) = read(store, tenant, &id).await? {
        return Ok(Some(run));
    }
    let first = lane.run_id(place.number).map_err(bad_id)?;
    let Some(first) = read(store, tenant, &first).await? else {
        return Ok(None);
    };
    let Some(connection) = first.connections.get(place.step as usize) else {
        return Ok(None);
    };
    Ok(Some(Run {
        id,
        step: place.step,
        series: Some(first.id.clone()),
        work: first.work,
        night: first.night.clone(),
        requested_at_ms: first.requested_at_ms,
        connection: Some(connection.clone()),
        ..blank(lane, place.number, first.trigger.clone())?
    }))
}

/// Whether a lane has a run under way or waiting; cheaper than [`current`] and free of writes.
pub async fn has_work(store: &impl Store, tenant: &TenantId, lane: Lane) -> Result<bool, Error> {
    if store.exists(&keys::run_active(tenant, lane)).await? {
        return Ok(true);
    }
    let next = next_number(store, tenant, lane).await?;
    Ok(store.exists(&keys::run_claim(tenant, lane, next)).await?)
}

/// Whether a run has read its provider and is making or carrying out its plan.
pub async fn is_planning(store: &impl Store, tenant: &TenantId) -> Result<bool, Error> {
    for lane in [Lane::Run, Lane::Upload] {
        let Some(active) = active(store, tenant, lane).await? else {
            continue;
        };
        let id = lane.id_at(active.place).map_err(bad_id)?;
        let is_planning = read(store, tenant, &id).await?.is_some_and(|run| {
            let is_reading = matches!(run.state, RunState::Fetching | RunState::Scheduled);
            !is_reading && !run.state.is_finished()
        });
        if is_planning {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The run with this number, if it was asked for.
async fn numbered<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    lane: Lane,
    number: u64,
) -> Result<Option<Run>, Error> {
    let id = lane.run_id(number).map_err(bad_id)?;
    if let Some(run) = read(ports, tenant, &id).await? {
        return Ok(Some(run));
    }
    if !ports.exists(&keys::run_claim(tenant, lane, number)).await? {
        return Ok(None);
    }
    // Somebody claimed the number and died before noting anything. The request stands.
    let trigger = Trigger {
        kind: TriggerKind::Api,
        by: "recovered".to_owned(),
    };
    new_run(lane, number, trigger, None, ports).map(Some)
}

/// Writes a run's record.
pub async fn write(store: &impl Store, tenant: &TenantId, run: &Run) -> Result<(), Error> {
    Ok(record::write(store, &keys::run(tenant, &run.id), run).await?)
}

/// A run by its id.
pub async fn read(
    store: &impl Store,
    tenant: &TenantId,
    run: &RunId,
) -> Result<Option<Run>, Error> {
    if let Some(begun) = record::read(store, &keys::run(tenant, run)).await? {
        return Ok(Some(begun));
    }
    Ok(record::read(store, &keys::run_asked(tenant, run)).await?)
}

/// A page of runs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listed {
    /// The runs.
    pub runs: Vec<Run>,
    /// The place before which the rest is.
    pub next: Option<Place>,
}

/// Runs of one lane, newest first, with places below `before`.
pub async fn list(
    store: &impl Store,
    tenant: &TenantId,
    lane: Lane,
    before: Option<Place>,
    limit: usize,
) -> Result<Listed, Error> {
    let newest = Place {
        number: next_number(store, tenant, lane).await?,
        step: u32::MAX,
    };
    let mut before = before.map_or(newest, |before| before.min(newest));
    let mut runs = Vec::new();
    while before.number > 0 {
        let (number, id) = (before.number, lane.run_id(before.number).map_err(bad_id)?);
        let first = match before.step {
            0 => None,
            _ => read(store, tenant, &id).await?,
        };
        let steps = first.as_ref().map_or(0, Run::steps).min(before.step);
        for step in (0..steps).rev() {
            if runs.len() == limit {
                let next = Some(Place {
                    number,
                    step: step + 1,
                });
                return Ok(Listed { runs, next });
            }
            runs.extend(if step == 0 {
                first.clone()
            } else {
                let id = lane.id_at(Place { number, step }).map_err(bad_id)?;
                read(store, tenant, &id).await?
            });
        }
        before = Place {
            number: number - 1,
            step: u32::MAX,
        };
    }
    Ok(Listed { runs, next: None })
}

/// The runs of a series that are under way or over, by its first run, in the order in which they
/// are made; none if the run is not the first of a series.
pub async fn series(
    store: &impl Store,
    tenant: &TenantId,
    first: &RunId,
) -> Result<Vec<Run>, Error> {
    let found = read(store, tenant, first).await?;
    let Some(found) = found.filter(|run| run.series.as_ref() == Some(first)) else {
        return Ok(Vec::new());
    };
    let (lane, number, steps) = (found.lane, found.number, found.steps());
    let mut runs = vec![found];
    for step in 1..steps {
        let id = lane.id_at(Place { number, step }).map_err(bad_id)?;
        runs.extend(read(store, tenant, &id).await?);
    }
    Ok(runs)
}

fn asked_key(tenant: &TenantId, lane: Lane, number: u64) -> Result<String, Error> {
    let id = lane.run_id(number).map_err(bad_id)?;
    Ok(keys::run_asked(tenant, &id))
}

fn bad_id(error: mapping::ids::IdError) -> Error {
    Error::Record(record::RecordError::Malformed {
        key: "run".to_owned(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests;
