//! A bounded part of a run's reading.

use super::Access;
use crate::confirming;
use crate::doors::reading;
use crate::evaluation::frozen_rules;
use crate::fenced::Fenced;
use crate::fetching::{self, FetchScope};
use crate::ports::Ports;
use crate::problem::Problem;
use crate::runs::Run;
use crate::slices::{SliceOutcome, SliceRequest, Task};
use connectors::base_url::BaseUrl;
use connectors::fetch::WINDOW_DEFAULT;
use connectors::google::directory::Population;
use connectors::google::fetch::{Fetch, FetchPlan, GroupScope, UnitScope, UnitScopes};
use connectors::google::lookup::Lookup;
use mapping::rules::{self as mapping_rules, GroupNeed, OrgUnitRef, RuleSet, Subject};
use std::collections::BTreeSet;

/// Reads, or asks about, people until the request's time is up.
pub(super) async fn slice<P: Ports>(
    ports: &P,
    asked: &SliceRequest,
) -> Result<SliceOutcome, Problem> {
    let found = match reading::begin(ports, asked).await? {
        Ok(found) => found,
        Err(outcome) => return Ok(outcome),
    };
    let (run, connection, deadline) = (&found.run, &found.connection, found.deadline);
    let access = Access::open(ports, &asked.tenant, connection).await?;
    let rules = frozen_rules(ports, &asked.tenant, &asked.run).await?;
    let fenced = Fenced::new(ports, &asked.tenant, asked.fence);
    let token = async |fresh: bool| access.slice_token(fresh).await;
    let outcome = match asked.task {
        Task::Fetch => {
            let scope = FetchScope {
                tenant: &asked.tenant,
                connection,
                run: &run.id,
            };
            let plan = fetch_plan(access.base_url()?, &rules, run);
            let begin = || Fetch::start(plan, ports.now());
            fetching::slice(&fenced, scope, unit_ids(&rules), begin, token, deadline).await?
        }
        Task::Confirm => {
            let directory = access.directory()?;
            let groups = group_scope(&rules);
            let begin = |ids| {
                let (directory, groups) = (directory.clone(), groups.clone());
                Lookup::start(directory, ids, groups, WINDOW_DEFAULT, run.number)
            };
            confirming::slice(&fenced, &asked.tenant, &run.id, begin, token, deadline).await?
        }
        Task::Draft | Task::Evaluate | Task::Settle => {
            reading::failed("this component evaluates nothing")
        }
    };
    Ok(outcome)
}

/// The linked units that rules reach.
pub(in crate::doors) fn unit_scopes(rules: &RuleSet) -> UnitScopes {
    match rules.unit_scopes() {
        mapping_rules::UnitScopes::Everyone => UnitScopes::Everyone,
        mapping_rules::UnitScopes::Units(units) => UnitScopes::Units(
            units
                .into_iter()
                .map(|unit| UnitScope {
                    id: known_units(rules)
                        .find(|known| known.path.to_lowercase() == unit.path.to_lowercase())
                        .and_then(|known| known.id.clone()),
                    path: unit.path,
                    include_sub_units: unit.include_sub_units,
                })
                .collect(),
        ),
    }
}

/// What a run reads, by its rules.
fn fetch_plan(base_url: BaseUrl, rules: &RuleSet, run: &Run) -> FetchPlan {
    let population = Population::Customer;
    FetchPlan {
        base_url,
        population,
        units: unit_scopes(rules),
        groups: group_scope(rules),
        window: WINDOW_DEFAULT,
        seed: run.number,
    }
}

/// The groups that rules look at.
fn group_scope(rules: &RuleSet) -> GroupScope {
    match rules.group_need() {
        GroupNeed::None => GroupScope::None,
        GroupNeed::Named(addresses) => GroupScope::Named(addresses),
        GroupNeed::All => GroupScope::All,
    }
}

/// The org units that links and assignments name.
fn known_units(rules: &RuleSet) -> impl Iterator<Item = &OrgUnitRef> {
    let links = rules.links.iter().map(|link| &link.unit);
    let assigned = rules
        .assignments
        .iter()
        .filter_map(|assignment| match &assignment.subject {
            Subject::Group { .. } => None,
            Subject::OrgUnit { unit, .. } => Some(unit),
        });
    links.chain(assigned)
}

/// The provider's ids of the org units that the rules know.
pub(in crate::doors) fn unit_ids(rules: &RuleSet) -> BTreeSet<String> {
    known_units(rules)
        .filter_map(|unit| unit.id.clone())
        .collect()
}
