//! A Google for tests of the engine: what the connector asks for, no more. The realistic one, with
//! its own tests, is `fake-providers`.

use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A person at Google.
#[derive(Clone, Debug)]
pub(crate) struct FakeUser {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) given_name: String,
    pub(crate) unit: String,
    pub(crate) suspended: bool,
}

impl FakeUser {
    pub(crate) fn new(number: usize, unit: &str) -> Self {
        Self {
            id: format!("1{number:020}"),
            email: format!("person{number}@maplegrove.example"),
            given_name: format!("Given{number}"),
            unit: unit.to_owned(),
            suspended: false,
        }
    }
}

/// People and what goes wrong.
#[derive(Clone, Debug)]
pub(crate) struct FakeGoogle {
    pub(crate) users: BTreeMap<String, FakeUser>,
    /// People whom lists do not show, though they are there.
    pub(crate) unlisted: Vec<String>,
    /// Every list of users is empty, with a status of success.
    pub(crate) lists_are_empty: bool,
    /// How many requests were answered.
    pub(crate) requests: u64,
    page_size: usize,
}

impl FakeGoogle {
    pub(crate) fn new(users: Vec<FakeUser>) -> Self {
        Self {
            users: users
                .into_iter()
                .map(|user| (user.id.clone(), user))
                .collect(),
            unlisted: Vec::new(),
            lists_are_empty: false,
            requests: 0,
            page_size: 10,
        }
    }

    pub(crate) fn user(&mut self, number: usize) -> &mut FakeUser {
        self.users.get_mut(&format!("1{number:020}")).unwrap()
    }

    pub(crate) fn remove(&mut self, number: usize) {
        self.users.remove(&format!("1{number:020}")).unwrap();
    }

    pub(crate) fn answer(&mut self, request: &http::Request<Bytes>) -> http::Response<Bytes> {
        self.requests += 1;
        assert_eq!(request.headers()["authorization"], "Bearer access");
        let path = request
            .uri()
            .path()
            .strip_prefix("/admin/directory/v1/")
            .unwrap();
        let query: BTreeMap<String, String> =
            form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect();
        if path == "users" {
            respond(200, &self.list(&query))
        } else if let Some(id) = path.strip_prefix("users/") {
            match self.users.get(id) {
                Some(user) => respond(200, &to_json(user)),
                None => respond(
                    404,
                    &json!({"error": {"code": 404, "message": "Resource Not Found: userKey",
                        "errors": [{"domain": "global", "reason": "notFound",
                            "message": "Resource Not Found: userKey"}]}}),
                ),
            }
        } else if path == "customer/my_customer/orgunits" {
            respond(200, &tree())
        } else {
            panic!("the connector asked for {path}")
        }
    }

    fn list(&self, query: &BTreeMap<String, String>) -> Value {
        let unit = query.get("query").map(|query| {
            query
                .strip_prefix("orgUnitPath='")
                .unwrap()
                .strip_suffix('\'')
                .unwrap()
                .to_owned()
        });
        let below = |user: &&FakeUser| {
            unit.as_ref()
                .is_none_or(|unit| user.unit == *unit || user.unit.starts_with(&format!("{unit}/")))
        };
        let listed: Vec<&FakeUser> = self
            .users
            .values()
            .filter(below)
            .filter(|user| !self.lists_are_empty && !self.unlisted.contains(&user.id))
            .collect();
        let from: usize = query
            .get("pageToken")
            .map_or(0, |token| token.parse().unwrap());
        let page: Vec<Value> = listed
            .iter()
            .skip(from)
            .take(self.page_size)
            .map(|user| to_json(user))
            .collect();
        let mut answer = json!({"kind": "admin#directory#users"});
        if !page.is_empty() {
            answer["users"] = Value::Array(page);
        }
        if from + self.page_size < listed.len() {
            answer["nextPageToken"] = json!((from + self.page_size).to_string());
        }
        answer
    }
}

fn to_json(user: &FakeUser) -> Value {
    json!({
        "id": user.id,
        "primaryEmail": user.email,
        "name": {"givenName": user.given_name, "familyName": "Person"},
        "orgUnitPath": user.unit,
        "suspended": user.suspended,
        "archived": false,
    })
}

fn tree() -> Value {
    let unit = |id: &str, path: &str, parent: Option<&str>| {
        json!({"orgUnitId": format!("id:{id}"), "orgUnitPath": path, "name": path,
            "parentOrgUnitPath": parent})
    };
    json!({"kind": "admin#directory#orgUnits", "organizationUnits": [
        unit("root", "/", None),
        unit("students", "/Students", Some("/")),
        unit("g9", "/Students/Grade 9", Some("/Students")),
        unit("staff", "/Staff", Some("/")),
        unit("alumni", "/Alumni", Some("/")),
    ]})
}

fn respond(status: u16, body: &Value) -> http::Response<Bytes> {
    http::Response::builder()
        .status(status)
        .header("content-type", "application/json; charset=UTF-8")
        .body(Bytes::from(body.to_string()))
        .unwrap()
}
