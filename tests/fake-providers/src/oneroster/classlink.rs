//! ClassLink in front of the same records: the Roster Server's proxy and `LaunchPad`
//! (PROVIDERS 5).

pub(super) mod launchpad;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use super::State;
use super::config::{CLIENT_ID, CLIENT_SECRET};
use super::exchange::Exchange;
use super::list::Counts;
use super::oauth2::opaque;
use crate::lock::{lock, read};
use crate::reply::Reply;
use launchpad::{LAUNCHPAD_CLIENT_ID, LAUNCHPAD_CLIENT_SECRET};

/// The key of the partner that the fake knows.
pub const PARTNER_KEY: &str = "partner-key-only-for-tests";

/// The id of the district's application, escaped as ClassLink lists it: to be put into paths as
/// it is.
pub const APPLICATION_ID: &str = "%2FgVa0demo%3D";

/// What references start with: a host that nobody may follow.
pub(super) const FOREIGN_BASE: &str = "https://certs-demo.rosterserver.example/ims/oneroster/v1p1";

/// The most records of a page.
pub(super) const PAGE_LIMIT: usize = 10_000;

/// How many applications come when nobody says how many.
const APPLICATIONS_LIMIT: usize = 100;

/// The usual number of the tenant.
const TENANT_ID: u64 = 9_021;

/// How ClassLink behaves.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClassLink {
    /// The partner's key.
    pub partner_key: String,
    /// Whether the district approved the application; without that it has no bearer.
    pub is_approved: bool,
    /// Whether the application is switched on.
    pub is_enabled: bool,
    /// How many applications of other districts there are.
    pub other_applications: u32,
    /// Whether names and addresses are made up.
    pub is_obfuscated: bool,
    /// From how many records a page is too much for the server, which then answers 502.
    pub bad_gateway_above: Option<usize>,
    /// Whether the paths of version 1.1 without the proxy are the Roster Server's too.
    pub is_direct: bool,
    /// Whether the district runs a Roster Server, so that people have ids there.
    pub has_roster_server: bool,
    /// The number of the tenant.
    pub tenant_id: u64,
    /// Whether a single school is told as a list too.
    pub org_ids_as_list: bool,
    /// Whether numbers of people and of the tenant are told as texts.
    pub ids_as_text: bool,
    /// Whether people's addresses are told.
    pub tells_emails: bool,
    /// The id of the application that signs people in.
    pub launchpad_client_id: String,
    /// Its secret.
    pub launchpad_client_secret: String,
    /// Where `LaunchPad` may send people back to, byte for byte.
    pub redirect_uris: Vec<String>,
}

impl Default for ClassLink {
    fn default() -> Self {
        Self {
            partner_key: PARTNER_KEY.to_owned(),
            is_approved: true,
            is_enabled: true,
            other_applications: 3,
            is_obfuscated: false,
            bad_gateway_above: None,
            is_direct: false,
            has_roster_server: true,
            tenant_id: TENANT_ID,
            org_ids_as_list: false,
            ids_as_text: false,
            tells_emails: true,
            launchpad_client_id: LAUNCHPAD_CLIENT_ID.to_owned(),
            launchpad_client_secret: LAUNCHPAD_CLIENT_SECRET.to_owned(),
            redirect_uris: Vec::new(),
        }
    }
}

/// The bearer of the district's application.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Bearer {
    number: u32,
    is_revoked: bool,
}

/// What becomes of the bearer.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BearerChange {
    /// There is a new one; the one before is refused.
    Rotate,
    /// It is listed as before and refused.
    Revoke,
    /// It works again.
    Restore,
}

impl Bearer {
    pub(super) fn change(&mut self, change: BearerChange) {
        match change {
            BearerChange::Rotate => self.number += 1,
            BearerChange::Revoke => self.is_revoked = true,
            BearerChange::Restore => self.is_revoked = false,
        }
    }

    pub(super) fn text(self, seed: u64) -> String {
        let text = opaque(&format!("bearer {seed} {}", self.number));
        let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
        let (a, b, c, d) = (part(0, 8), part(8, 12), part(12, 15), part(15, 27));
        format!("{a}-{b}-4{c}-8000-{d}")
    }
}

/// The path below the base of a read through the proxy, with the application's id as given.
pub(super) fn proxied(path: &str) -> Option<(&str, &str)> {
    let (application, rest) = path.strip_prefix('/')?.split_once('/')?;
    Some((application, rest.strip_prefix("ims/oneroster/v1p1/")?))
}

/// Whether a read through the proxy may go on.
pub(super) fn admits(state: &State, exchange: &Exchange, application: &str) -> bool {
    let class_link = read(&state.class_link);
    let bearer = *lock(&state.bearer);
    let current = bearer.text(state.seed());
    let given = exchange.authorization("Bearer").unwrap_or_default();
    let is_current = bool::from(current.as_bytes().ct_eq(given.as_bytes()));
    // The id must come as it was listed: decoded, or escaped once more, it is another.
    application == APPLICATION_ID
        && is_current
        && !bearer.is_revoked
        && class_link.is_approved
        && class_link.is_enabled
}

/// `/applications` and what lies below.
pub(super) fn applications(state: &State, exchange: &Exchange) -> Option<Reply> {
    let rest = exchange.path.strip_prefix("/applications")?;
    let class_link = read(&state.class_link);
    let given = exchange.authorization("Bearer").unwrap_or_default();
    let is_partner = bool::from(class_link.partner_key.as_bytes().ct_eq(given.as_bytes()));
    if !is_partner {
        let body = json!({ "status": 0, "message": "Unauthorized" });
        return Some(Reply::json(401, &body));
    }
    if rest.is_empty() {
        return Some(list(state, exchange, &class_link));
    }
    let application = rest.strip_prefix('/')?.strip_suffix("/server")?;
    Some(if application == APPLICATION_ID && class_link.is_approved {
        let client = state.config.clients.first();
        let (id, secret) = client.map_or((CLIENT_ID, CLIENT_SECRET), |client| {
            (&client.id, &client.secret)
        });
        let endpoint = format!("{}/ims/oneroster/v1p1", state.base_url);
        let server = json!({ "client_id": id, "client_secret": secret, "endpoint_url": endpoint });
        Reply::json(
            200,
            &json!({ "status": 1, "server": server, "message": "" }),
        )
    } else {
        let body = json!({ "status": 0, "message": "Application not found" });
        Reply::json(404, &body)
    })
}

/// The applications of a page. Nothing tells how many there are.
fn list(state: &State, exchange: &Exchange, class_link: &ClassLink) -> Reply {
    let number = |name: &str, usual: usize| {
        let number = exchange.parameter(name).map(str::parse::<usize>);
        number.unwrap_or(Ok(usual))
    };
    let (Ok(limit), Ok(offset)) = (number("limit", APPLICATIONS_LIMIT), number("offset", 0)) else {
        let body = json!({ "status": 0, "message": "limit and offset are numbers" });
        return Reply::json(400, &body);
    };
    // The district's own stands in the middle of the others.
    let own_place = class_link.other_applications / 2;
    let applications: Vec<Value> = (0..=class_link.other_applications)
        .map(|place| {
            if place == own_place {
                own_application(state, class_link)
            } else {
                other_application(place)
            }
        })
        .skip(offset)
        .take(limit)
        .collect();
    Reply::json(200, &json!({ "status": 1, "applications": applications }))
}

fn own_application(state: &State, class_link: &ClassLink) -> Value {
    let bearer = lock(&state.bearer).text(state.seed());
    json!({
        "id": 1_011, "application_id": 1_011, "tenant_id": class_link.tenant_id,
        "tenant_name": format!("{} Schools", state.district.shape().name),
        "tenant_status": "Active", "enabled": class_link.is_enabled.to_string(),
        "bearer": class_link.is_approved.then_some(bearer),
        "oneroster_application_id": APPLICATION_ID, "name": "Roster Sync", "version": "1.1",
    })
}

/// An application of a district whose records are elsewhere. Every other is not approved yet.
fn other_application(place: u32) -> Value {
    let is_approved = place.is_multiple_of(2);
    json!({
        "id": 2_000 + place, "application_id": 2_000 + place, "tenant_id": 7_000 + place,
        "tenant_name": format!("Elsewhere Schools {place}"), "tenant_status": "Active",
        "enabled": is_approved.to_string(),
        "bearer": is_approved.then(|| opaque(&format!("bearer of another {place}"))),
        "oneroster_application_id": format!("%2FgVa0other{place}%3D"),
        "name": "Roster Sync", "version": "1.1",
    })
}

/// What a Roster Server says beside its answers.
pub(super) fn with_headers(
    state: &State,
    reply: Reply,
    counts: Option<Counts>,
    endpoint: &str,
    revision: u64,
) -> Reply {
    let is_obfuscated = read(&state.class_link).is_obfuscated;
    let mut reply = reply
        .with("x-perm-rev", revision.to_string())
        .with("x-page-generation-time-ms", "12")
        .with("x-endpoint", endpoint)
        .with("x-obfuscated", is_obfuscated.to_string())
        .with("x-modified", "false");
    if let Some(counts) = counts {
        reply = reply.with("x-count", counts.page.to_string());
        if counts.page > 0 && counts.page < counts.total {
            let token = opaque(&format!("page {revision} {endpoint} {counts:?}"));
            reply = reply.with("x-next-page-token", token);
        }
    }
    // Pages are told by counts alone.
    reply.headers.retain(|(name, _)| *name != "link");
    reply
}
