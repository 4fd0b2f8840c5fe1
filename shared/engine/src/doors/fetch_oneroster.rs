//! The door of the `fetch-oneroster` component, reached over service chaining alone: reads people of
//! OneRoster servers and of ClassLink, keeps the credentials to them, tests connections, and lists
//! the districts that approved us at ClassLink.
//!
//! Variables: `seal_keys`, `oneroster_hosts`, `classlink_partner_key` and `classlink_proxy_url`. It
//! may reach every host by `https`, so each address is held against `oneroster_hosts` first.

mod applications;
mod connection;
mod credentials;

use crate::changing::{self, Asked, Place, Turn};
use crate::connections::{
    self, Connection, Freshness, OneRosterNetwork, Service, TokenFailure, converse_and_take,
    oneroster_service, oneroster_settings, verified_domains,
};
use crate::doors::asked::ConnectionRequest;
use crate::doors::{json, reading};
use crate::explaining::{Person, Question};
use crate::ports::{Ports, VariableError, Variables};
use crate::problem::{Problem, parse_json};
use crate::runs::Run;
use crate::settings;
use crate::slices::{Done, SliceOutcome, SliceRequest};
use bytes::Bytes;
use connectors::fetch::CompleteRead;
use connectors::oneroster::ServiceBase;
use connectors::oneroster::changes::{Changes, ChangesEnd, ChangesPlan};
use connectors::oneroster::fetch::{
    CLASSLINK_PAGE_LIMIT, Fetch, FetchPlan, PAGE_LIMIT, WINDOW_DEFAULT,
};
use connectors::oneroster::lookup::{Lookup, LookupPlan};
use http::{Method, StatusCode};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use mapping::ids::{ConnectionId, ExternalId, TenantId};
use std::collections::BTreeSet;

/// Serves one request.
pub async fn handle<P: Ports>(ports: &P, request: http::Request<Bytes>) -> http::Response<Bytes> {
    let answer = serve(ports, &request).await;
    answer.unwrap_or_else(|problem| problem.to_response())
}

async fn serve<P: Ports>(
    ports: &P,
    request: &http::Request<Bytes>,
) -> Result<http::Response<Bytes>, Problem> {
    let path = request.uri().path();
    if let Some(path) = path.strip_prefix("/api/v1/tenants/") {
        return credentials::put(ports, path, request).await;
    }
    if request.method() != Method::POST {
        return Err(Problem::not_found());
    }
    match path {
        "/changes" => {
            let turn: Turn = parse_json(request)?;
            changes(ports, &turn).await?;
            Ok(json(StatusCode::OK, &Done {}))
        }
        "/connection" => {
            let asked: ConnectionRequest = parse_json(request)?;
            connection::perform(ports, &asked).await
        }
        "/districts" => applications::list(ports).await,
        "/person" => {
            let question: Question = parse_json(request)?;
            Ok(json(StatusCode::OK, &person(ports, &question).await?))
        }
        "/slice" => {
            let asked: SliceRequest = parse_json(request)?;
            Ok(json(StatusCode::OK, &slice(ports, &asked).await?))
        }
        _ => Err(Problem::not_found()),
    }
}

/// The variables that every request needs.
async fn network(variables: &impl Variables) -> Result<OneRosterNetwork, VariableError> {
    Ok(OneRosterNetwork {
        hosts: settings::oneroster_hosts(variables).await?,
        classlink: settings::classlink(variables).await?,
        seal_keys: settings::seal_keys(variables).await?,
    })
}

/// What every request needs that reads a service.
struct Access<'a, P> {
    ports: &'a P,
    network: OneRosterNetwork,
    tenant: &'a TenantId,
    connection: Connection,
    verified_domains: BTreeSet<String>,
}

impl<'a, P: Ports> Access<'a, P> {
    /// `None` when there is no such connection.
    async fn open(
        ports: &'a P,
        tenant: &'a TenantId,
        connection: &ConnectionId,
    ) -> Result<Option<Self>, Problem> {
        let Some(connection) = connections::read(ports, tenant, connection).await? else {
            return Ok(None);
        };
        let domains = verified_domains(ports, tenant, &connection).await?;
        Ok(Some(Self {
            ports,
            network: network(ports).await?,
            tenant,
            connection,
            verified_domains: domains.into_iter().map(String::from).collect(),
        }))
    }

    async fn service(&self, fresh: bool) -> Result<Service, TokenFailure> {
        let freshness = if fresh {
            Freshness::New
        } else {
            Freshness::Kept
        };
        let of = (self.tenant, &self.connection);
        oneroster_service(self.ports, &self.network, of, freshness).await
    }

    /// What a run reads.
    fn plan(&self, service: &Service, run: &Run) -> Result<FetchPlan, TokenFailure> {
        let extent = &oneroster_settings(&self.connection)?.extent;
        Ok(FetchPlan {
            base: service.base.clone(),
            guardians: extent.guardians,
            classes: extent.classes,
            verified_domains: self.verified_domains.clone(),
            today: day_of(run.started_at_ms.unwrap_or(run.requested_at_ms)),
            page_limit: if service.is_classlink {
                CLASSLINK_PAGE_LIMIT
            } else {
                PAGE_LIMIT
            },
            window: WINDOW_DEFAULT,
            seed: run.number,
        })
    }

    fn look_up(&self, base: &ServiceBase, today: Date, seed: u64) -> LookupPlan {
        let extent = self.connection.settings.source.extent();
        LookupPlan {
            base: base.clone(),
            guardians: extent.is_some_and(|extent| extent.guardians),
            verified_domains: self.verified_domains.clone(),
            today,
            window: WINDOW_DEFAULT,
            seed,
        }
    }
}

/// The day of a moment. The time zones of districts are known to another component; nights are on
/// the same day there and in UTC.
fn day_of(at_ms: i64) -> Date {
    let at = Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    at.to_zoned(TimeZone::UTC).date()
}

/// Reads, or asks about, people until the request's time is up.
async fn slice<P: Ports>(ports: &P, asked: &SliceRequest) -> Result<SliceOutcome, Problem> {
    let found = match reading::begin(ports, asked).await? {
        Ok(found) => found,
        Err(outcome) => return Ok(outcome),
    };
    let Some(access) = Access::open(ports, &asked.tenant, &found.connection).await? else {
        let failure = TokenFailure::NotAuthorized(found.connection.clone());
        return Ok(reading::without_access(ports, &failure));
    };
    let planned = match access.service(false).await {
        Ok(service) => access.plan(&service, &found.run),
        Err(failure) => Err(failure),
    };
    let plan = match planned {
        Ok(plan) => plan,
        Err(failure) => return Ok(reading::without_access(ports, &failure)),
    };
    let (base, today, seed) = (plan.base.clone(), plan.today, plan.seed);
    let given = async |fresh: bool| match access.service(fresh).await {
        Ok(service) => Ok(service.access),
        Err(failure) => Err(reading::without_access(ports, &failure)),
    };
    let begin = || Fetch::start(plan, ports.now());
    let look_up =
        |ids: BTreeSet<ExternalId>| Lookup::start(access.look_up(&base, today, seed), ids);
    let place = |_: &Fetch, read: &CompleteRead| {
        let started_ms = read.started_at().as_millisecond();
        Some(Place::Since(started_ms))
    };
    Ok(reading::slice(ports, asked, &found, begin, look_up, place, given).await?)
}

/// Asks a service who changed since the last time.
async fn changes<P: Ports>(ports: &P, turn: &Turn) -> Result<(), Problem> {
    let Some(Place::Since(since_ms)) = changing::place(ports, turn).await? else {
        return Ok(());
    };
    let access = Access::open(ports, &turn.tenant, &turn.connection).await?;
    let access = access.ok_or_else(Problem::not_found)?;
    let since = Timestamp::from_millisecond(since_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    let now = ports.now();
    let mut people = BTreeSet::new();
    let asked = async {
        let mut seed = [0_u8; 8];
        ports.fill(&mut seed);
        let plan = ChangesPlan {
            base: access.service(false).await?.base,
            window: 1,
            seed: u64::from_le_bytes(seed),
        };
        let mut following = Changes::start(plan, since);
        let given = async |fresh: bool| Ok(access.service(fresh).await?.access);
        let take = |ids: Vec<ExternalId>| people.extend(ids);
        let end = converse_and_take(ports, &mut following, given, take).await?;
        Ok(match end {
            ChangesEnd::UpToDate => Asked::UpToDate(Place::Since(now.as_millisecond())),
            // A look reaches a day back: so many would be named again after everything was read.
            ChangesEnd::TooMany | ChangesEnd::Unsupported => Asked::Nightly,
        })
    };
    let asked = asked.await;
    if asked == Ok(Asked::Nightly) {
        people.clear();
    }
    Ok(reading::take_changes(ports, turn, &people, asked).await?)
}

/// One person as the service shows them now.
async fn person<P: Ports>(ports: &P, question: &Question) -> Result<Person, Problem> {
    let access = Access::open(ports, &question.tenant, &question.connection).await?;
    let access = access.ok_or_else(Problem::not_found)?;
    let base = match access.service(false).await {
        Ok(service) => service.base,
        Err(failure) => {
            let reason = failure.to_string();
            return Ok(Person::Unavailable { reason });
        }
    };
    let today = day_of(ports.now().as_millisecond());
    let look_up = |ids: BTreeSet<ExternalId>| Lookup::start(access.look_up(&base, today, 0), ids);
    let given = async |fresh: bool| Ok(access.service(fresh).await?.access);
    Ok(reading::person(ports, question, look_up, given).await?)
}
