//! The door of the `fetch-clever` component, reached over service chaining alone: reads people of
//! districts that approved our application at Clever, tests connections, and lists the districts.
//!
//! Variables: `seal_keys`, `clever_client_id`, `clever_client_secret`, `clever_oauth_url` and
//! `clever_api_url`. It reaches the hosts of the last two.

mod connection;
mod districts;

use crate::changing::{self, Asked, Place, Turn};
use crate::connections::{
    self, CleverVersion, Connection, Freshness, TokenFailure, clever_settings, converse_and_take,
    district_token, verified_domains,
};
use crate::doors::asked::ConnectionRequest;
use crate::doors::{json, reading};
use crate::explaining::{Person, Question};
use crate::ports::Ports;
use crate::problem::{Problem, parse_json};
use crate::runs::Run;
use crate::seal::SealKeys;
use crate::settings::{self, CleverAppSettings};
use crate::slices::{Done, SliceOutcome, SliceRequest};
use bytes::Bytes;
use connectors::clever::{
    Api, ChangedPage, Changes, ChangesEnd, EventCursor, Fetch, FetchPlan, Gap, Lookup, Version,
};
use connectors::fetch::{CompleteRead, WINDOW_DEFAULT};
use http::{Method, StatusCode};
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
    if request.method() != Method::POST {
        return Err(Problem::not_found());
    }
    match request.uri().path() {
        "/changes" => {
            let turn: Turn = parse_json(request)?;
            changes(ports, &turn).await?;
            Ok(json(StatusCode::OK, &Done {}))
        }
        "/connection" => {
            let asked: ConnectionRequest = parse_json(request)?;
            connection::perform(ports, &asked).await
        }
        "/districts" => districts::list(ports).await,
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

/// What every request needs that reads a district.
struct Access<'a, P> {
    ports: &'a P,
    app: CleverAppSettings,
    seal_keys: SealKeys,
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
            app: settings::clever(ports).await?,
            seal_keys: settings::seal_keys(ports).await?,
            tenant,
            connection,
            verified_domains: domains.into_iter().map(String::from).collect(),
        }))
    }

    async fn token(&self, fresh: bool) -> Result<String, TokenFailure> {
        let freshness = if fresh {
            Freshness::New
        } else {
            Freshness::Kept
        };
        let of = (self.tenant, &self.connection);
        let token = district_token(self.ports, &self.app, &self.seal_keys, of, freshness).await?;
        Ok(token.expose().to_owned())
    }

    /// Requests about the district.
    fn api(&self) -> Result<Api, TokenFailure> {
        let (settings, _) = clever_settings(&self.connection)?;
        Ok(Api {
            base_url: self.app.api_url.clone(),
            version: match settings.version {
                CleverVersion::V3p0 => Version::V3_0,
                CleverVersion::V3p1 => Version::V3_1,
            },
        })
    }

    /// What a run reads.
    fn plan(&self, run: &Run) -> Result<FetchPlan, TokenFailure> {
        let (settings, district) = clever_settings(&self.connection)?;
        Ok(FetchPlan {
            api: self.api()?,
            district: district.as_str().to_owned(),
            guardians: settings.extent.guardians,
            classes: settings.extent.classes,
            verified_domains: self.verified_domains.clone(),
            window: WINDOW_DEFAULT,
            seed: run.number,
        })
    }

    fn look_up(&self, api: &Api, ids: BTreeSet<ExternalId>, seed: u64) -> Lookup {
        Lookup::start(
            api.clone(),
            ids,
            &self.verified_domains,
            WINDOW_DEFAULT,
            seed,
        )
    }
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
    let plan = match access.plan(&found.run) {
        Ok(plan) => plan,
        Err(failure) => return Ok(reading::without_access(ports, &failure)),
    };
    let (api, seed) = (plan.api.clone(), found.run.number);
    let token = async |fresh: bool| {
        let token = access.token(fresh).await;
        token.map_err(|failure| reading::without_access(ports, &failure))
    };
    let begin = || Fetch::start(plan, ports.now());
    let look_up = |ids| access.look_up(&api, ids, seed);
    let place = |read: &Fetch, _: &CompleteRead| read.event_cursor().and_then(place_of);
    Ok(reading::slice(ports, asked, &found, begin, look_up, place, token).await?)
}

/// Asks Clever for the events after the last one that is known.
async fn changes<P: Ports>(ports: &P, turn: &Turn) -> Result<(), Problem> {
    let Some(Place::Event(after)) = changing::place(ports, turn).await? else {
        return Ok(());
    };
    let Ok(after) = serde_json::from_str::<EventCursor>(&after) else {
        // A place that nobody can read is one that is lost.
        let lost = Ok(Asked::Lost);
        return Ok(reading::take_changes(ports, turn, &BTreeSet::new(), lost).await?);
    };
    let access = Access::open(ports, &turn.tenant, &turn.connection).await?;
    let access = access.ok_or_else(Problem::not_found)?;
    let mut people = BTreeSet::new();
    let asked = async {
        let mut following = Changes::start(access.api()?, after, 0, ports.now());
        let token = async |fresh: bool| access.token(fresh).await;
        let take = |mut page: ChangedPage| people.append(&mut page.users);
        let end = converse_and_take(ports, &mut following, token, take).await?;
        Ok(match end {
            ChangesEnd::UpToDate { cursor } => match place_of(&cursor) {
                Some(place) => Asked::UpToDate(place),
                None => Asked::Lost,
            },
            ChangesEnd::Gap(Gap::EventsOff) => Asked::Nightly,
            ChangesEnd::Gap(Gap::CursorUnknown | Gap::TooMany | Gap::TooOld | Gap::Unreadable) => {
                Asked::Lost
            }
        })
    };
    let asked = asked.await;
    Ok(reading::take_changes(ports, turn, &people, asked).await?)
}

/// A place among Clever's events as it is kept.
fn place_of(cursor: &EventCursor) -> Option<Place> {
    serde_json::to_string(cursor).ok().map(Place::Event)
}

/// One person as Clever shows them now.
async fn person<P: Ports>(ports: &P, question: &Question) -> Result<Person, Problem> {
    let access = Access::open(ports, &question.tenant, &question.connection).await?;
    let access = access.ok_or_else(Problem::not_found)?;
    let api = match access.api() {
        Ok(api) => api,
        Err(failure) => {
            let reason = failure.to_string();
            return Ok(Person::Unavailable { reason });
        }
    };
    let look_up = |ids| access.look_up(&api, ids, 0);
    let token = async |fresh: bool| access.token(fresh).await;
    Ok(reading::person(ports, question, look_up, token).await?)
}
