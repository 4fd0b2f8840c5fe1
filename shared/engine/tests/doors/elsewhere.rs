//! Clever, ClassLink and OneRoster servers as far as the doors need them: they check what they are
//! sent, and answer from lists.

use super::district::{District, configured};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use engine::doors;
use engine::memory::{Handler, MemoryPorts, block_on};
use engine::ports::TransportError;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// The district at Clever.
pub(crate) const DISTRICT: &str = "5f3a9c0e1d2b4c0011aa00d1";

/// What the providers have, and what they were asked.
#[derive(Default)]
pub(crate) struct Elsewhere {
    /// Clever's tokens: district and token.
    pub(crate) tokens: Vec<(String, String)>,
    /// How Clever says that the district stands.
    pub(crate) district_state: String,
    /// People at Clever, by id.
    pub(crate) clever: BTreeMap<String, Value>,
    /// Pages of people after which Clever's tokens change, if ever.
    pub(crate) rotate_after: Option<u32>,
    /// Clever's events, the oldest first, each with the person that it is about; `None` while they
    /// are off.
    pub(crate) events: Option<Vec<(String, String)>>,
    /// People whom the OneRoster server names when it is asked who changed.
    pub(crate) changed: Vec<String>,
    /// People of the OneRoster server, by id.
    pub(crate) oneroster: BTreeMap<String, Value>,
    /// What the OneRoster server lets in: the beginnings of `Authorization` headers.
    pub(crate) admits: BTreeSet<String>,
    /// Tokens that the token endpoint gives, the next one last; without one it refuses.
    pub(crate) to_give: Vec<(String, i64)>,
    /// Applications at ClassLink.
    pub(crate) applications: Vec<Value>,
    /// Every request: method, host, path and query.
    pub(crate) journal: Vec<String>,
}

pub(crate) type Shared = Arc<Mutex<Elsewhere>>;

/// An application with these providers, and everything that it needs of them set.
pub(crate) fn district() -> (District, Shared) {
    let elsewhere = Arc::new(Mutex::new(Elsewhere {
        district_state: "running".to_owned(),
        tokens: vec![
            (DISTRICT.to_owned(), "token-1".to_owned()),
            ("d-other".to_owned(), "token-of-others".to_owned()),
        ],
        ..Elsewhere::default()
    }));
    let ports = configured().with_handler(handler(&elsewhere));
    for (name, value) in [
        ("clever_client_id", "clever-client"),
        ("clever_client_secret", "secret-of-the-clever-client"),
        ("classlink_partner_key", "partner-key-of-classlink"),
        ("classlink_proxy_url", "https://proxy.classlink.example"),
        ("oneroster_hosts", "*.maplegrove.example"),
    ] {
        ports.set_variable(name, value);
    }
    (District::on(ports), elsewhere)
}

/// A person at Clever.
pub(crate) fn clever_person(id: &str, role: &str, email: &str) -> Value {
    json!({"id": id, "district": DISTRICT, "email": email,
        "created": "2026-08-01T00:00:00.000Z", "last_modified": "2026-08-01T00:00:00.000Z",
        "name": {"first": "Leo", "middle": "", "last": "Marsh"},
        "roles": {role: {"legacy_id": format!("l-{id}"), "school": "s-1", "schools": ["s-1"],
            "sis_id": format!("sis-{id}"), "grade": "9"}}})
}

/// A person of a OneRoster server of version 1.1.
pub(crate) fn oneroster_person(id: &str, role: &str, email: &str) -> Value {
    json!({"sourcedId": id, "status": "active", "dateLastModified": "2026-08-01T00:00:00.000Z",
        "username": id, "enabledUser": "true", "givenName": "Dana", "familyName": "Okafor",
        "role": role, "identifier": id, "email": email,
        "orgs": [{"sourcedId": "HS-01", "type": "org", "href": "https://inner.example/x"}],
        "grades": ["09"]})
}

fn event((id, person): &(String, String)) -> Value {
    json!({"id": id, "type": "users.updated", "created": "2026-08-31T00:00:00.000Z",
        "data": {"object": {"id": person}}})
}

impl Elsewhere {
    fn answer(&mut self, request: &http::Request<Bytes>) -> (u16, Value) {
        let uri = request.uri();
        let host = uri.host().unwrap_or_default().to_owned();
        let query: BTreeMap<String, String> =
            form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect();
        let sent = request.headers().get("authorization");
        let sent = sent.map_or("", |value| value.to_str().unwrap()).to_owned();
        self.journal.push(format!("{} {uri}", request.method()));
        match host.as_str() {
            "clever.com" => self.clever_tokens(&sent, &query),
            "api.clever.com" => self.clever_data(uri.path(), &query, &sent),
            "sis.maplegrove.example" if uri.path() == "/token" => self.give_token(request, &sent),
            "sis.maplegrove.example" => self.service(uri.path(), &query, &sent),
            "proxy.classlink.example" if uri.path() == "/applications" => {
                assert_eq!(sent, "Bearer partner-key-of-classlink");
                (200, json!({"status": 1, "applications": self.applications}))
            }
            "proxy.classlink.example" => {
                let path = uri.path().strip_prefix("/%2Fapp%3D").unwrap();
                self.service(path, &query, &sent)
            }
            other => panic!("{other} was asked for {uri}"),
        }
    }

    fn clever_tokens(&self, sent: &str, query: &BTreeMap<String, String>) -> (u16, Value) {
        let basic = STANDARD.encode("clever-client:secret-of-the-clever-client");
        assert_eq!(sent, format!("Basic {basic}"));
        let wanted = query.get("district");
        let shown = self.tokens.iter();
        let shown = shown.filter(|(district, _)| wanted.is_none_or(|wanted| wanted == district));
        let data: Vec<Value> = shown
            .map(|(district, token)| {
                json!({"id": "t", "owner": {"type": "district", "id": district},
                    "access_token": token, "scopes": ["read:students", "read:teachers"]})
            })
            .collect();
        (200, json!({"data": data}))
    }

    fn clever_data(
        &mut self,
        path: &str,
        query: &BTreeMap<String, String>,
        sent: &str,
    ) -> (u16, Value) {
        let own = self
            .tokens
            .iter()
            .find(|(district, _)| district == DISTRICT);
        if own.is_none_or(|(_, token)| sent != format!("Bearer {token}")) {
            return (401, json!({"message": "Invalid token"}));
        }
        let list = |items: Vec<Value>| {
            let data: Vec<Value> = items
                .into_iter()
                .map(|item| json!({"data": item}))
                .collect();
            (200, json!({"data": data, "links": []}))
        };
        match path.strip_prefix("/v3.1/").unwrap() {
            "districts" => list(vec![
                json!({"id": DISTRICT, "name": "Maple Grove", "state": self.district_state}),
            ]),
            "events" => match &self.events {
                Some(events) => {
                    let after = query.get("starting_after");
                    let from = events.iter().position(|(id, _)| Some(id) == after);
                    let from = from.map_or(events.len().saturating_sub(1), |at| at + 1);
                    list(events[from..].iter().map(event).collect())
                }
                None => (403, json!({"message": "Events are off"})),
            },
            one if one.starts_with("events/") => {
                let known = self.events.iter().flatten();
                match known.clone().find(|(id, _)| one.ends_with(id.as_str())) {
                    Some(found) => (200, json!({"data": event(found)})),
                    None => (404, json!({"message": "Resource not found"})),
                }
            }
            "schools" => list(vec![
                json!({"id": "s-1", "district": DISTRICT, "name": "Maple Grove High"}),
            ]),
            "users" => {
                if self.rotate_after == Some(0) {
                    self.rotate_after = None;
                    self.tokens[0].1 = "token-2".to_owned();
                    return (401, json!({"message": "Invalid token"}));
                }
                self.rotate_after = self.rotate_after.map(|left| left - 1);
                let people = self.clever.values();
                let of_role = people.filter(|one| one["roles"].get(&query["role"]).is_some());
                let is_first = !query.contains_key("starting_after");
                list(of_role.filter(|_| is_first).cloned().collect())
            }
            "terms" | "courses" | "sections" => list(Vec::new()),
            other => match other
                .strip_prefix("users/")
                .and_then(|id| self.clever.get(id))
            {
                Some(person) => (200, json!({"data": person})),
                None => (404, json!({"message": "Resource not found"})),
            },
        }
    }

    fn give_token(&mut self, request: &http::Request<Bytes>, sent: &str) -> (u16, Value) {
        assert_eq!(request.method(), Method::POST);
        let basic = STANDARD.encode("client-7:client-secret-of-oneroster");
        match self.to_give.pop() {
            Some((token, life)) if sent == format!("Basic {basic}") => (
                200,
                json!({"access_token": token, "token_type": "Bearer", "expires_in": life}),
            ),
            _ => (401, json!({"error": "invalid_client"})),
        }
    }

    fn service(&self, path: &str, query: &BTreeMap<String, String>, sent: &str) -> (u16, Value) {
        if !self
            .admits
            .iter()
            .any(|start| sent.contains(start.as_str()))
        {
            return (
                401,
                json!({"CodeMajor": "failure", "CodeMinor": "unauthorized"}),
            );
        }
        let is_first = query.get("offset").is_none_or(|offset| offset == "0");
        let filters = query.contains_key("filter");
        match path.strip_prefix("/ims/oneroster/v1p1/").unwrap() {
            "orgs" if is_first => (
                200,
                json!({"orgs": [{"sourcedId": "HS-01", "status": "active", "type": "school",
                    "name": "Maple Grove High", "dateLastModified": "2026-07-01T00:00:00.000Z"}]}),
            ),
            "users" if is_first && filters => {
                let is_far = query["filter"].contains("2999");
                let named = self.changed.iter().filter(|_| !is_far);
                let named: Vec<&Value> = named.map(|id| &self.oneroster[id]).collect();
                (200, json!({"users": named}))
            }
            "users" if is_first => {
                let people: Vec<&Value> = self.oneroster.values().collect();
                (200, json!({"users": people}))
            }
            list @ ("orgs" | "users" | "academicSessions" | "courses" | "classes"
            | "enrollments") => (200, json!({list: []})),
            other => match other
                .strip_prefix("users/")
                .and_then(|id| self.oneroster.get(id))
            {
                Some(person) => (200, json!({"user": person})),
                None => (
                    404,
                    json!({"CodeMajor": "failure", "CodeMinor": "unknown object"}),
                ),
            },
        }
    }
}

/// The transport that leads to all components and to these providers.
fn handler(elsewhere: &Shared) -> Handler {
    let elsewhere = Arc::clone(elsewhere);
    Arc::new(move |ports, request| {
        let elsewhere = Arc::clone(&elsewhere);
        Box::pin(async move {
            let host = request.uri().host().unwrap_or_default().to_owned();
            if let Some(component) = host.strip_suffix(".spin.internal") {
                return Ok(component_answer(&ports, component, request).await);
            }
            let (status, body) = elsewhere.lock().unwrap().answer(&request);
            http::Response::builder()
                .status(status)
                .header("content-type", "application/json")
                .body(Bytes::from(body.to_string()))
                .map_err(|_| TransportError::Failed)
        })
    })
}

async fn component_answer(
    ports: &MemoryPorts,
    component: &str,
    request: http::Request<Bytes>,
) -> http::Response<Bytes> {
    match component {
        "alerts" => doors::alerts::handle(ports, request).await,
        "fetch-clever" => doors::fetch_clever::handle(ports, request).await,
        "fetch-oneroster" => doors::fetch_oneroster::handle(ports, request).await,
        "roster" => doors::roster::handle(ports, request).await,
        "rules" => doors::rules::handle(ports, request).await,
        "sync" => doors::sync::handle(ports, request).await,
        "watch-google" => doors::watch_google::handle(ports, request).await,
        other => panic!("{other} was asked for"),
    }
}

/// Asks for a run and drives it to its end.
pub(crate) fn drive(district: &District) -> Value {
    let (status, asked) =
        district.post(&district.admin, "/api/v1/tenants/maple/runs", &Value::Null);
    assert_eq!(status, StatusCode::ACCEPTED, "{asked}");
    for _ in 0..50 {
        let request = http::Request::post("http://sync.spin.internal/drive/maple")
            .body(Bytes::new())
            .unwrap();
        block_on(doors::sync::handle(&district.ports, request));
        let path = format!(
            "/api/v1/tenants/maple/runs/{}",
            asked["run"].as_str().unwrap()
        );
        let (_, run) = district.get(&district.viewer, &path);
        if run["finished_at_ms"].is_number() {
            return run;
        }
        district.ports.advance(std::time::Duration::from_secs(10));
    }
    panic!("the run does not come to an end");
}

/// Ticks for some minutes; the newest run.
pub(crate) fn pass_minutes(district: &District, minutes: u64) -> Value {
    for _ in 0..minutes {
        district.ports.advance(std::time::Duration::from_mins(1));
        for _ in 0..3 {
            let request = http::Request::post("http://sync.spin.internal/drive/maple")
                .body(Bytes::new())
                .unwrap();
            let report = block_on(doors::sync::handle(&district.ports, request));
            let report: Value = serde_json::from_slice(report.body()).unwrap();
            assert_eq!(report["failures"], json!([]));
        }
    }
    let (_, runs) = district.get(&district.viewer, "/api/v1/tenants/maple/runs");
    runs["items"][0].clone()
}

/// The accounts of maple, by their addresses or usernames.
pub(crate) fn accounts(district: &District) -> BTreeMap<String, Value> {
    let (_, list) = district.get(&district.viewer, "/api/v1/tenants/maple/accounts");
    let items = list["items"].as_array().unwrap().clone();
    let name = |account: &Value| {
        let name = account["email"].as_str().or(account["username"].as_str());
        name.unwrap_or_default().to_owned()
    };
    items.into_iter().map(|one| (name(&one), one)).collect()
}
