//! The door of the `fetch-google` component, reached over service chaining alone: reads people of
//! a Google Workspace, whole for a run or one for a question. The only component that reaches the
//! Directory API and, with its own variables, opens a connection's tokens.

use crate::confirming;
use crate::connections::{self, Freshness, TokenFailure};
use crate::doors::json;
use crate::error::Error;
use crate::evaluation::{frozen_rules, internal};
use crate::explaining::{Person, Question};
use crate::fetching::{self, FetchScope};
use crate::ports::{Ports, VariableError};
use crate::problem::{Problem, parse_json};
use crate::rules;
use crate::runs::{self, Failure, Run};
use crate::seal::SealKeys;
use crate::settings::{self, GoogleSettings};
use crate::slices::{SliceOutcome, SliceRequest, Task};
use bytes::Bytes;
use connectors::base_url::BaseUrl;
use connectors::fetch::WINDOW_DEFAULT;
use connectors::google::directory::{
    Directory, PAGE_BYTES_MAX, Population, SINGLE_BYTES_MAX, parse_groups_page, parse_user,
};
use connectors::google::errors::ApiError;
use connectors::google::fetch::{Fetch, FetchPlan, GroupScope, UnitScope, UnitScopes};
use connectors::google::lookup::Lookup;
use http::{Method, StatusCode};
use jiff::SignedDuration;
use mapping::ids::{ConnectionId, TenantId};
use mapping::rules::{self as mapping_rules, GroupNeed, OrgUnitRef, RuleSet, Subject};
use std::collections::BTreeSet;

/// How long to wait, in milliseconds, when no access token can be had for a passing reason.
const TOKEN_PAUSE_MS: i64 = 5_000;

/// Serves one request.
pub async fn handle<P: Ports>(ports: &P, request: http::Request<Bytes>) -> http::Response<Bytes> {
    if request.method() != Method::POST {
        return Problem::not_found().to_response();
    }
    let answer = match request.uri().path() {
        "/slice" => match parse_json::<SliceRequest>(&request) {
            Ok(asked) => slice(ports, &asked)
                .await
                .map(|outcome| json(StatusCode::OK, &outcome)),
            Err(problem) => Err(problem),
        },
        "/person" => match parse_json::<Question>(&request) {
            Ok(question) => person(ports, &question)
                .await
                .map(|person| json(StatusCode::OK, &person)),
            Err(problem) => Err(problem),
        },
        _ => Err(Problem::not_found()),
    };
    answer.unwrap_or_else(|problem| problem.to_response())
}

/// What every request of this component needs.
struct Access<'a, P> {
    ports: &'a P,
    google: GoogleSettings,
    seal_keys: SealKeys,
    tenant: &'a TenantId,
    connection: &'a ConnectionId,
}

impl<'a, P: Ports> Access<'a, P> {
    async fn open(
        ports: &'a P,
        tenant: &'a TenantId,
        connection: &'a ConnectionId,
    ) -> Result<Self, Error> {
        let google = settings::google(ports).await?;
        let seal_keys = settings::seal_keys(ports).await?;
        Ok(Self {
            ports,
            google,
            seal_keys,
            tenant,
            connection,
        })
    }

    async fn token(&self, fresh: bool) -> Result<String, TokenFailure> {
        let freshness = if fresh {
            Freshness::New
        } else {
            Freshness::Kept
        };
        let of = (self.tenant, self.connection);
        let token =
            connections::access_token(self.ports, &self.google, &self.seal_keys, of, freshness);
        Ok(token.await?.expose().to_owned())
    }

    /// A token for a slice, or how the slice ends without one.
    async fn slice_token(&self, fresh: bool) -> Result<String, SliceOutcome> {
        self.token(fresh).await.map_err(|failure| {
            let code = match &failure {
                TokenFailure::Provider(_) | TokenFailure::Engine(_) => {
                    let until_ms = self.ports.now().as_millisecond() + TOKEN_PAUSE_MS;
                    return SliceOutcome::Wait { until_ms };
                }
                TokenFailure::NotAuthorized(_) => "not_authorized",
                TokenFailure::Operator(_) => "operator_action_needed",
                TokenFailure::Policy(_) => "policy_enforced",
                TokenFailure::ReconnectNeeded { .. } => "reconnect_needed",
                TokenFailure::Seal(_) => "tokens_unreadable",
            };
            let message = format!("{failure}; nothing was changed");
            SliceOutcome::Failed {
                failure: Failure {
                    code: code.to_owned(),
                    message,
                },
            }
        })
    }

    fn base_url(&self) -> Result<BaseUrl, Problem> {
        BaseUrl::parse(&self.google.api_url).map_err(|error| {
            Problem::from(VariableError::Unusable {
                name: "google_api_url".to_owned(),
                reason: error.to_string(),
            })
        })
    }

    /// Everybody of the Google customer, whichever of its domains they are in.
    fn directory(&self) -> Result<Directory, Problem> {
        Ok(Directory::new(self.base_url()?, Population::Customer))
    }
}

async fn slice<P: Ports>(ports: &P, asked: &SliceRequest) -> Result<SliceOutcome, Problem> {
    let failed = |what: &str| {
        Ok(SliceOutcome::Failed {
            failure: internal(what),
        })
    };
    let deadline = ports.now() + SignedDuration::from_millis(asked.budget_ms);
    let Some(run) = runs::read(ports, &asked.tenant, &asked.run).await? else {
        return failed("there is no such run");
    };
    let Some(connection) = run.connection.as_ref() else {
        return failed("the run has no connection");
    };
    let access = Access::open(ports, &asked.tenant, connection).await?;
    let rules = frozen_rules(ports, &asked.tenant, &asked.run).await?;
    let token = async |fresh: bool| access.slice_token(fresh).await;
    let outcome = match asked.task {
        Task::Fetch => {
            let scope = FetchScope {
                tenant: &asked.tenant,
                connection,
                run: &run.id,
            };
            let plan = fetch_plan(access.base_url()?, &rules, &run);
            let begin = || Fetch::start(plan, ports.now());
            fetching::slice(ports, scope, unit_ids(&rules), begin, token, deadline).await?
        }
        Task::Confirm => {
            let directory = access.directory()?;
            let begin = |ids| Lookup::start(directory.clone(), ids, WINDOW_DEFAULT, run.number);
            confirming::slice(ports, &asked.tenant, &run.id, begin, token, deadline).await?
        }
        Task::Evaluate | Task::Settle => return failed("this component evaluates nothing"),
    };
    Ok(outcome)
}

/// What a run reads, by its rules.
fn fetch_plan(base_url: BaseUrl, rules: &RuleSet, run: &Run) -> FetchPlan {
    let units = match rules.unit_scopes() {
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
    };
    let groups = match rules.group_need() {
        GroupNeed::None => GroupScope::None,
        GroupNeed::Named(addresses) => GroupScope::Named(addresses),
        GroupNeed::All => GroupScope::All,
    };
    let population = Population::Customer;
    FetchPlan {
        base_url,
        population,
        units,
        groups,
        window: WINDOW_DEFAULT,
        seed: run.number,
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
fn unit_ids(rules: &RuleSet) -> BTreeSet<String> {
    known_units(rules)
        .filter_map(|unit| unit.id.clone())
        .collect()
}

/// One person as Google shows them now, with their groups where rules look at groups.
async fn person<P: Ports>(ports: &P, question: &Question) -> Result<Person, Problem> {
    let access = Access::open(ports, &question.tenant, &question.connection).await?;
    let unavailable = |reason: String| Ok(Person::Unavailable { reason });
    let access_token = match access.token(false).await {
        Ok(access_token) => access_token,
        Err(failure) => return unavailable(failure.to_string()),
    };
    let directory = access.directory()?;
    let Ok(request) = directory.user(question.email.as_str(), &access_token) else {
        return Ok(Person::Nobody);
    };
    let answer = match ports.send(request, SINGLE_BYTES_MAX).await {
        Ok(answer) => answer,
        Err(error) => return unavailable(error.to_string()),
    };
    if answer.status() != StatusCode::OK {
        let error = ApiError::parse(&answer);
        return if error.is_user_missing() {
            Ok(Person::Nobody)
        } else {
            unavailable(error.to_string())
        };
    }
    let Ok((mut record, _)) = parse_user(answer.body()) else {
        return unavailable("the provider's answer can't be read".to_owned());
    };
    let rules = rules::read(ports, &question.tenant, &question.connection).await?;
    if rules::uses_groups(&rules) {
        let Ok(request) = directory.groups_of(record.external_id.as_str(), &access_token) else {
            return Ok(Person::Nobody);
        };
        let groups = match ports.send(request, PAGE_BYTES_MAX).await {
            Ok(answer) => parse_groups_page(answer.body()),
            Err(error) => return unavailable(error.to_string()),
        };
        let Ok(groups) = groups else {
            return unavailable("the person's groups can't be read".to_owned());
        };
        record
            .groups
            .extend(groups.groups.into_iter().map(|entry| entry.group));
    }
    Ok(Person::Record { record })
}
