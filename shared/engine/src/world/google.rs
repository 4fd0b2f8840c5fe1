//! A Google for tests of the engine: what the connector asks for, no more. The realistic one, with
//! its own tests, is `fake-providers`.

use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

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
pub(crate) struct FakeGoogle {
    pub(crate) users: BTreeMap<String, FakeUser>,
    /// Ids of the members of each group, by its address.
    pub(crate) groups: BTreeMap<String, BTreeSet<String>>,
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
            groups: BTreeMap::new(),
            unlisted: Vec::new(),
            lists_are_empty: false,
            requests: 0,
            page_size: 10,
        }
    }

    pub(crate) fn user(&mut self, number: usize) -> &mut FakeUser {
        self.users.get_mut(&format!("1{number:020}")).unwrap()
    }

    pub(crate) fn add(&mut self, user: FakeUser) {
        self.users.insert(user.id.clone(), user);
    }

    pub(crate) fn remove(&mut self, number: usize) -> FakeUser {
        self.users.remove(&format!("1{number:020}")).unwrap()
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
        } else if let Some(rest) = path.strip_prefix("groups/") {
            match rest.strip_suffix("/members") {
                Some(group) => respond(200, &self.members(group, &query)),
                None => respond(200, &self.group(&rest.replace("%40", "@"))),
            }
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
        let people = listed.iter().map(|user| to_json(user)).collect();
        self.page("users", people, query)
    }

    fn group(&self, address: &str) -> Value {
        let members = &self.groups[address];
        json!({"id": id_of_group(address), "email": address, "name": address,
            "directMembersCount": members.len().to_string()})
    }

    fn members(&self, id: &str, query: &BTreeMap<String, String>) -> Value {
        let (_, members) = self
            .groups
            .iter()
            .find(|(address, _)| id_of_group(address) == id)
            .unwrap();
        let present = members.iter().filter(|id| self.users.contains_key(*id));
        let members = present.map(|id| json!({"id": id, "type": "USER"}));
        self.page("members", members.collect(), query)
    }

    /// The page of a list that a query asks for.
    fn page(&self, list: &str, all: Vec<Value>, query: &BTreeMap<String, String>) -> Value {
        let from: usize = query
            .get("pageToken")
            .map_or(0, |token| token.parse().unwrap());
        let len = all.len();
        let page: Vec<Value> = all.into_iter().skip(from).take(self.page_size).collect();
        let mut answer = json!({"kind": format!("admin#directory#{list}")});
        if !page.is_empty() {
            answer[list] = Value::Array(page);
        }
        if from + self.page_size < len {
            answer["nextPageToken"] = json!((from + self.page_size).to_string());
        }
        answer
    }
}

/// Google's id of a group, which is not its address.
fn id_of_group(address: &str) -> String {
    address
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect()
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
