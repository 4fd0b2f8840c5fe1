//! Drives one run from phase to phase. It keeps no state but the run's record: after a crash the
//! next tick reads it and goes on.
//!
//! ```text
//! scheduled → fetching → evaluating → (confirming) → settling → applying → applied
//!           ↘ (by hand) ↗                                 ↘ held, planned, unchanged
//! ```

use crate::applying::{Applied, ApplyRequest};
use crate::by_hand::ByHand;
use crate::changing;
use crate::connections::{self, Connection, Provider};
use crate::error::Error;
use crate::evaluation::{freeze_rules, internal};
use crate::fetching;
use crate::hints;
use crate::holding;
use crate::keys;
use crate::lease::Lease;
use crate::looking;
use crate::planning::PlanProgress;
use crate::ports::{Clock, Ports, Store};
use crate::record;
use crate::resolutions;
use crate::roster::commit;
use crate::rules;
use crate::runs::{self, Failure, Lane, Run, RunState, Work};
use crate::series;
use crate::slices::{self, SliceOutcome, SliceRequest, Task};
use crate::uploads::{self, UploadWork};
use crate::verdict;
use crate::watching;
use jiff::Timestamp;
use mapping::ids::TenantId;

/// Longest slice that another component is asked for, in milliseconds. Some hosts end a request
/// after 30 s.
const SLICE_MS_MAX: i64 = 9_000;

/// How often in a row a step may fail for reasons of our own surroundings before the run fails.
const STUMBLES_MAX: u32 = 20;

/// How often a run is planned anew because the roster moved on under it.
const REPLANS_MAX: u32 = 5;

/// The failure of a run whose connection has no mappings.
pub(crate) const NO_MAPPINGS: &str = "no_mappings";

/// The component that evaluates rules.
const RULES_COMPONENT: &str = "rules";

/// The component that carries out plans, and makes those of what was done by hand.
const ROSTER_COMPONENT: &str = "roster";

/// How a drive ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Driven {
    /// The run is finished.
    Finished,
    /// The lease was lost to another worker, who goes on.
    LeaseLost,
    /// There is more to do, at once.
    More,
    /// There is more to do, not before this time in milliseconds since the Unix epoch.
    Wait {
        /// That time.
        until_ms: i64,
    },
}

/// Drives a run until it is finished, has to wait, or time is up.
pub async fn drive<P: Ports>(
    ports: &P,
    tenant: &TenantId,
    run: &mut Run,
    lease: &Lease,
    deadline: Timestamp,
) -> Result<Driven, Error> {
    while !run.state.is_finished() {
        let now = ports.now();
        if now >= deadline {
            return Ok(Driven::More);
        }
        if let Some(until_ms) = run
            .wait_until_ms
            .filter(|until| *until > now.as_millisecond())
        {
            return Ok(Driven::Wait { until_ms });
        }
        if !lease.renew(ports, tenant).await? {
            return Ok(Driven::LeaseLost);
        }
        let calls = run.fetched.calls;
        let outcome = advance(ports, tenant, run, lease, deadline).await?;
        let now_ms = ports.now().as_millisecond();
        match outcome {
            SliceOutcome::Done | SliceOutcome::More => run.stumbles = 0,
            SliceOutcome::Failed { failure } => run.fail(&failure.code, failure.message, now_ms),
            SliceOutcome::Wait { until_ms } => {
                // Waiting is fine while the provider is asked in between.
                run.stumbles = if run.fetched.calls > calls {
                    0
                } else {
                    run.stumbles + 1
                };
                run.wait_until_ms = Some(until_ms);
                if run.stumbles > STUMBLES_MAX {
                    let failure = stuck(run.state);
                    run.fail(&failure.code, failure.message, now_ms);
                }
            }
        }
        if run.state.is_finished() {
            holding::note_finished(ports, tenant, run).await?;
        }
        runs::write(ports, tenant, run).await?;
    }
    Ok(Driven::Finished)
}

/// Does one step of a run; what it leads to is in the run's state afterwards.
async fn advance<P: Ports>(
    ports: &P,
    tenant: &TenantId,
    run: &mut Run,
    lease: &Lease,
    deadline: Timestamp,
) -> Result<SliceOutcome, Error> {
    match run.state {
        RunState::Scheduled if run.lane.is_by_hand() => begin_by_hand(ports, tenant, run).await,
        RunState::Scheduled if run.lane == Lane::Upload => begin_upload(ports, tenant, run).await,
        RunState::Scheduled => begin(ports, tenant, run).await,
        RunState::Fetching => {
            let component = fetch_component(ports, tenant, run).await?;
            let outcome = ask(
                ports,
                tenant,
                (run, lease),
                component,
                Task::Fetch,
                deadline,
            )
            .await;
            if let Some(staged) = fetching::staged_snapshot(ports, tenant, &run.id).await? {
                run.fetched = staged.stats;
                run.doubts = staged.doubts();
            }
            if outcome == SliceOutcome::Done {
                // Whatever changed while the provider was read is taken into account.
                run.parent = commit::newest(ports, tenant).await?.generation;
            }
            Ok(then(run, outcome, RunState::Evaluating, ports))
        }
        RunState::Evaluating if run.lane.is_by_hand() => {
            let outcome = ask(
                ports,
                tenant,
                (run, lease),
                ROSTER_COMPONENT,
                Task::Draft,
                deadline,
            )
            .await;
            if outcome == SliceOutcome::Done {
                decide(ports, tenant, run).await?;
            }
            Ok(outcome)
        }
        RunState::Evaluating => {
            let outcome = ask(
                ports,
                tenant,
                (run, lease),
                RULES_COMPONENT,
                Task::Evaluate,
                deadline,
            )
            .await;
            let plan = plan_progress(ports, tenant, run).await?;
            // A look has asked about each of its people already. Whoever is missing from a source
            // that is not believed stays, whatever it would say of them.
            let asks_nobody =
                plan.absent.is_empty() || run.work == Work::Look || !plan.removes_missing();

            let next = if asks_nobody {
                RunState::Settling
            } else {
                RunState::Confirming
            };
            Ok(then(run, outcome, next, ports))
        }
        RunState::Confirming => {
            let component = fetch_component(ports, tenant, run).await?;
            let outcome = ask(
                ports,
                tenant,
                (run, lease),
                component,
                Task::Confirm,
                deadline,
            )
            .await;
            Ok(then(run, outcome, RunState::Settling, ports))
        }
        RunState::Settling => {
            let outcome = ask(
                ports,
                tenant,
                (run, lease),
                RULES_COMPONENT,
                Task::Settle,
                deadline,
            )
            .await;
            if outcome != SliceOutcome::Done {
                return Ok(outcome);
            }
            decide(ports, tenant, run).await?;
            Ok(SliceOutcome::Done)
        }
        RunState::Applying => apply(ports, tenant, run, lease, deadline).await,
        RunState::Applied
        | RunState::Discarded
        | RunState::Failed
        | RunState::Held
        | RunState::Planned
        | RunState::Superseded
        | RunState::Unchanged => Ok(SliceOutcome::Done),
    }
}

/// Chooses what a run works on, or says why there is nothing.
async fn begin<P: Ports>(
    ports: &P,
    tenant: &TenantId,
    run: &mut Run,
) -> Result<SliceOutcome, Error> {
    let now_ms = ports.now().as_millisecond();
    let connection = match series::begin(ports, tenant, run).await? {
        Ok(connection) => connection,
        Err(failure) => return Ok(SliceOutcome::Failed { failure }),
    };
    connections::settle_order(ports, tenant).await?;
    let rule_set = rules::read(ports, tenant, &connection).await?;
    if !rule_set.has_mappings() {
        return Ok(SliceOutcome::Failed {
            failure: no_mappings(),
        });
    }
    run.rules = rule_set.version;
    freeze_rules(ports, tenant, &run.id, &rule_set).await?;
    connections::freeze_order(ports, tenant, &run.id).await?;
    resolutions::freeze(ports, tenant, &connection, &run.id).await?;
    run.parent = commit::newest(ports, tenant).await?.generation;
    let is_idle =
        run.work == Work::Look && !hints::take(ports, tenant, &connection, &run.id).await?;
    run.started_at_ms = Some(now_ms);
    let next = if is_idle {
        RunState::Unchanged
    } else {
        RunState::Fetching
    };
    run.enter(next, now_ms);
    Ok(SliceOutcome::Done)
}

/// Begins what was done by hand: there is nothing to read.
async fn begin_by_hand<P: Ports>(
    ports: &P,
    tenant: &TenantId,
    run: &mut Run,
) -> Result<SliceOutcome, Error> {
    let now_ms = ports.now().as_millisecond();
    if let Some(ByHand::Edit { connection, .. }) = runs::work_alone(ports, tenant, &run.id).await? {
        run.connection = connection;
    }
    run.parent = commit::newest(ports, tenant).await?.generation;
    run.started_at_ms = Some(now_ms);
    run.enter(RunState::Evaluating, now_ms);
    Ok(SliceOutcome::Done)
}

/// Begins to read a file, for the first time or to carry out what was accepted of it.
async fn begin_upload<P: Ports>(
    ports: &P,
    tenant: &TenantId,
    run: &mut Run,
) -> Result<SliceOutcome, Error> {
    let now_ms = ports.now().as_millisecond();
    let work: Option<UploadWork> = runs::work_alone(ports, tenant, &run.id).await?;
    let upload = match &work {
        Some(work) => {
            uploads::note_run(ports, tenant, &work.upload, &run.id).await?;
            uploads::read(ports, tenant, &work.upload).await?
        }
        None => None,
    };
    let connection = match &upload {
        Some(upload) => connections::read(ports, tenant, &upload.connection).await?,
        None => None,
    };
    let Some(connection) = connection.filter(Connection::is_active) else {
        let failure = Failure {
            code: "no_connection".to_owned(),
            message: "the connection that the file was sent to is not in use any more: nothing \
                      was changed"
                .to_owned(),
        };
        return Ok(SliceOutcome::Failed { failure });
    };
    let rule_set = rules::read(ports, tenant, &connection.id).await?;
    if !rule_set.has_mappings() {
        return Ok(SliceOutcome::Failed {
            failure: no_mappings(),
        });
    }
    connections::settle_order(ports, tenant).await?;
    run.rules = rule_set.version;
    freeze_rules(ports, tenant, &run.id, &rule_set).await?;
    connections::freeze_order(ports, tenant, &run.id).await?;
    resolutions::freeze(ports, tenant, &connection.id, &run.id).await?;
    run.connection = Some(connection.id);
    run.parent = commit::newest(ports, tenant).await?.generation;
    run.started_at_ms = Some(now_ms);
    run.enter(RunState::Fetching, now_ms);
    Ok(SliceOutcome::Done)
}

/// Whether the plan of a file may be carried out: somebody accepted it, and it still is what they
/// saw.
async fn is_accepted(store: &impl Store, tenant: &TenantId, run: &Run) -> Result<bool, Error> {
    let work: Option<UploadWork> = runs::work_alone(store, tenant, &run.id).await?;
    match work.and_then(|work| work.acceptance) {
        Some(acceptance) => uploads::is_as_accepted(store, tenant, &acceptance, run).await,
        None => Ok(false),
    }
}

fn no_mappings() -> Failure {
    Failure {
        code: NO_MAPPINGS.to_owned(),
        message: "no org unit and no group is mapped, so nobody would be imported: link an org \
                  unit or assign an account type, then sync again"
            .to_owned(),
    }
}

/// Says what becomes of a settled plan.
async fn decide<P: Store + Clock>(
    ports: &P,
    tenant: &TenantId,
    run: &mut Run,
) -> Result<(), Error> {
    let plan = plan_progress(ports, tenant, run).await?;
    run.issues = run.fetched.issues + plan.issues;
    run.counts = plan.counts.clone();
    run.schooling = plan.schooling.counts;
    run.absences_withheld = (!plan.removes_missing()).then(|| plan.absent_count());
    run.refusals = verdict::refusals(ports, tenant, run, &plan).await?;
    let is_shown_only = match run.lane {
        Lane::Preview => true,
        Lane::Upload => !is_accepted(ports, tenant, run).await?,
        Lane::Edit | Lane::Run => false,
    };
    let state = if is_shown_only {
        RunState::Planned
    } else if run.lane == Lane::Upload {
        // What the guard says was seen and accepted with the plan.
        if plan.is_empty() {
            RunState::Unchanged
        } else {
            RunState::Applying
        }
    } else if !run.refusals.is_empty() {
        RunState::Held
    } else if plan.is_empty() {
        RunState::Unchanged
    } else {
        RunState::Applying
    };
    run.enter(state, ports.now().as_millisecond());
    Ok(())
}

async fn apply<P: Ports>(
    ports: &P,
    tenant: &TenantId,
    run: &mut Run,
    lease: &Lease,
    deadline: Timestamp,
) -> Result<SliceOutcome, Error> {
    let plan = plan_progress(ports, tenant, run).await?;
    if plan.is_empty() {
        // It was held for what the source showed, not for what would change.
        run.enter(RunState::Unchanged, ports.now().as_millisecond());
        return Ok(SliceOutcome::Done);
    }
    let request = ApplyRequest {
        tenant: tenant.clone(),
        run: run.id.clone(),
        fence: lease.fence,
        budget_ms: budget_ms(ports, deadline),
    };
    let answer = slices::call(ports, ROSTER_COMPONENT, "/apply", &request).await;
    let Ok(applied) = answer else {
        return Ok(ask_again(ports, run));
    };
    let now_ms = ports.now().as_millisecond();
    match applied {
        Applied::Published(generation) => {
            run.generation = Some(generation);
            run.enter(RunState::Applied, now_ms);
            Ok(SliceOutcome::Done)
        }
        Applied::Gone => {
            let failure = internal("the commit that was to come back is not kept any more");
            Ok(SliceOutcome::Failed { failure })
        }
        Applied::Unfinished(outcome) => Ok(outcome),
        Applied::Stale if !run.refusals.is_empty() => {
            // It was held and then approved: what was approved is not what would happen now.
            let what = "the roster changed after the plan was approved";
            Ok(SliceOutcome::Failed {
                failure: internal(what),
            })
        }
        Applied::Stale if run.replans >= REPLANS_MAX => {
            let failure = internal("the roster changed under the run again and again");
            Ok(SliceOutcome::Failed { failure })
        }
        Applied::Stale => {
            // What was read is still true; what it means for the roster has to be seen anew.
            run.replans += 1;
            run.parent = commit::newest(ports, tenant).await?.generation;
            for phase in ["plan", "confirm", "apply"] {
                ports
                    .delete(&keys::run_progress(tenant, &run.id, phase))
                    .await?;
            }
            run.enter(RunState::Evaluating, now_ms);
            Ok(SliceOutcome::More)
        }
    }
}

/// Has a component do a slice.
async fn ask<P: Ports>(
    ports: &P,
    tenant: &TenantId,
    (run, lease): (&Run, &Lease),
    component: &str,
    task: Task,
    deadline: Timestamp,
) -> SliceOutcome {
    let request = SliceRequest {
        tenant: tenant.clone(),
        run: run.id.clone(),
        fence: lease.fence,
        task,
        budget_ms: budget_ms(ports, deadline),
    };
    slices::call(ports, component, "/slice", &request)
        .await
        .unwrap_or_else(|_| ask_again(ports, run))
}

/// For how long a component may work, in milliseconds.
fn budget_ms(clock: &impl Clock, deadline: Timestamp) -> i64 {
    let left_ms = deadline.as_millisecond() - clock.now().as_millisecond();
    left_ms.clamp(1, SLICE_MS_MAX)
}

/// A component that can't answer now is asked again after a while, a little longer each time.
fn ask_again(clock: &impl Clock, run: &Run) -> SliceOutcome {
    let pause_ms = 250 << run.stumbles.min(6);
    SliceOutcome::Wait {
        until_ms: clock.now().as_millisecond() + pause_ms,
    }
}

fn stuck(state: RunState) -> Failure {
    let is_reading = matches!(state, RunState::Confirming | RunState::Fetching);
    internal(if is_reading {
        "the provider, or the component that reads it, did not answer for too long"
    } else {
        "a component did not answer for too long"
    })
}

/// Goes on to the next phase when a slice ended its own.
fn then(run: &mut Run, outcome: SliceOutcome, next: RunState, clock: &impl Clock) -> SliceOutcome {
    if outcome == SliceOutcome::Done {
        run.enter(next, clock.now().as_millisecond());
    }
    outcome
}

/// The component that reads a run's provider.
async fn fetch_component(
    store: &impl Store,
    tenant: &TenantId,
    run: &Run,
) -> Result<&'static str, Error> {
    let connection = match &run.connection {
        Some(connection) => connections::read(store, tenant, connection).await?,
        None => None,
    };
    // A connection that was deleted meanwhile has no tokens: its component says so.
    let provider = connection.map_or(Provider::Google, |connection| connection.provider);
    Ok(slices::fetch_component(provider, run.work))
}

async fn plan_progress(
    store: &impl Store,
    tenant: &TenantId,
    run: &Run,
) -> Result<PlanProgress, Error> {
    Ok(record::read(store, &PlanProgress::key(tenant, &run.id))
        .await?
        .unwrap_or_default())
}

/// Removes what a finished run no longer needs: its staged snapshot and, unless its plan may still
/// be approved, its claims. The plan stays as the history of the run.
pub async fn tidy<P: Ports>(ports: &P, tenant: &TenantId, run: &Run) -> Result<(), Error> {
    let staged = fetching::staged_snapshot(ports, tenant, &run.id)
        .await?
        .unwrap_or_default();
    hints::account(ports, tenant, run).await?;
    changing::begin(ports, tenant, run).await?;
    if run.lane == Lane::Run
        && run.work == Work::Full
        && matches!(run.state, RunState::Applied | RunState::Unchanged)
        && let Some(connection) = &run.connection
    {
        watching::begin(ports, tenant, connection).await?;
    }
    match run.work {
        Work::Full => fetching::tidy(ports, tenant, &run.id, &staged).await?,
        Work::Look => looking::tidy(ports, tenant, &run.id, staged.parts).await?,
    }
    if run.state == RunState::Held {
        return Ok(());
    }
    let plan = plan_progress(ports, tenant, run).await?;
    for (bucket, parts) in &plan.claims {
        let keys: Vec<String> = (0..*parts)
            .map(|part| keys::claims(tenant, &run.id, *bucket, part))
            .collect();
        ports.delete_many(&keys).await?;
    }
    Ok(())
}
