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

/// A group.
#[derive(Clone, Debug, Default)]
pub(crate) struct FakeGroup {
    /// Ids of the people whom it lists itself.
    pub(crate) members: BTreeSet<String>,
    /// Addresses of the groups nested in it.
    pub(crate) nested: Vec<String>,
}

/// A channel at Google.
#[derive(Clone, Debug)]
pub(crate) struct FakeChannel {
    pub(crate) token: String,
    pub(crate) event: String,
    pub(crate) resource_id: String,
    pub(crate) until_ms: i64,
}

/// People and what goes wrong.
#[derive(Clone, Debug)]
pub(crate) struct FakeGoogle {
    pub(crate) users: BTreeMap<String, FakeUser>,
    /// People whom lists do not show, though they are there.
    pub(crate) unlisted: Vec<String>,
    /// Every list of users is empty, with a status of success.
    pub(crate) lists_are_empty: bool,
    /// How many requests for one user fail before one is answered.
    pub(crate) user_errors: u32,
    /// Groups by address.
    pub(crate) groups: BTreeMap<String, FakeGroup>,
    /// Lists are refused for good.
    pub(crate) refuses_lists: bool,
    /// Channels that are open, by id.
    pub(crate) channels: BTreeMap<String, FakeChannel>,
    /// How long a channel lives, in milliseconds.
    pub(crate) channel_life_ms: i64,
    /// Opening a channel is refused with this status and reason.
    pub(crate) channels_refused: Option<(u16, &'static str)>,
    /// Now, in milliseconds since the Unix epoch.
    pub(crate) now_ms: i64,
    /// How many requests were answered.
    pub(crate) requests: u64,
    /// The Google of another district, which another token reaches.
    pub(crate) elsewhere: Option<Box<FakeGoogle>>,
    page_size: usize,
    students: String,
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
            user_errors: 0,
            refuses_lists: false,
            channels: BTreeMap::new(),
            channel_life_ms: 172_800_000,
            channels_refused: None,
            now_ms: 0,
            requests: 0,
            elsewhere: None,
            page_size: 10,
            students: "/Students".to_owned(),
        }
    }

    /// This Google, or the one elsewhere.
    pub(crate) fn of(&self, which: usize) -> &Self {
        match which {
            0 => self,
            _ => self.elsewhere.as_ref().expect("a second Google"),
        }
    }

    /// This Google, or the one elsewhere.
    pub(crate) fn of_mut(&mut self, which: usize) -> &mut Self {
        match which {
            0 => self,
            _ => self.elsewhere.as_mut().expect("a second Google"),
        }
    }

    pub(crate) fn user(&mut self, number: usize) -> &mut FakeUser {
        self.users.get_mut(&format!("1{number:020}")).unwrap()
    }

    /// Renames the students' unit, with everybody in it.
    pub(crate) fn rename_unit(&mut self, from: &str, to: &str) {
        assert_eq!(self.students, from);
        to.clone_into(&mut self.students);
        for user in self.users.values_mut() {
            if let Some(rest) = user.unit.strip_prefix(from) {
                user.unit = format!("{to}{rest}");
            }
        }
    }

    pub(crate) fn add(&mut self, user: FakeUser) {
        self.users.insert(user.id.clone(), user);
    }

    pub(crate) fn remove(&mut self, number: usize) -> FakeUser {
        self.users.remove(&format!("1{number:020}")).unwrap()
    }

    pub(crate) fn answer(&mut self, request: &http::Request<Bytes>) -> http::Response<Bytes> {
        if request.headers()["authorization"] == "Bearer elsewhere" {
            let other = self.elsewhere.as_mut().expect("a second Google");
            other.now_ms = self.now_ms;
            return other.serve(request);
        }
        assert_eq!(request.headers()["authorization"], "Bearer access");
        self.serve(request)
    }

    fn serve(&mut self, request: &http::Request<Bytes>) -> http::Response<Bytes> {
        self.requests += 1;
        if request.uri().path() == "/admin/directory_v1/channels/stop" {
            let body: Value = serde_json::from_slice(request.body()).unwrap();
            let open = self.channels.remove(body["id"].as_str().unwrap());
            let open = open.expect("a channel that is closed was open");
            assert_eq!(open.resource_id, body["resourceId"].as_str().unwrap());
            return http::Response::builder()
                .status(204)
                .body(Bytes::new())
                .unwrap();
        }
        let path = request
            .uri()
            .path()
            .strip_prefix("/admin/directory/v1/")
            .unwrap();
        let query: BTreeMap<String, String> =
            form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect();
        if path == "users/watch" {
            self.watch(request, &query)
        } else if path == "users" && self.refuses_lists {
            respond(
                403,
                &json!({"error": {"code": 403, "message": "Not Authorized"}}),
            )
        } else if path == "users" {
            respond(200, &self.list(&query))
        } else if let Some(id) = path.strip_prefix("users/") {
            let id = id.replace("%40", "@");
            if self.user_errors > 0 {
                self.user_errors -= 1;
                return respond(503, &json!({"error": {"code": 503, "message": "Backend"}}));
            }
            let is_named = |user: &&FakeUser| user.id == id || user.email == id;
            match self.users.values().find(is_named) {
                Some(user) => respond(200, &to_json(user)),
                None => respond(
                    404,
                    &json!({"error": {"code": 404, "message": "Resource Not Found: userKey",
                        "errors": [{"domain": "global", "reason": "notFound",
                            "message": "Resource Not Found: userKey"}]}}),
                ),
            }
        } else if path == "customer/my_customer/orgunits" {
            respond(200, &tree(&self.students))
        } else if path == "groups" {
            let all = self.groups.keys().filter(|address| {
                query
                    .get("userKey")
                    .is_none_or(|key| self.groups[*address].members.contains(key))
            });
            let all: Vec<Value> = all.map(|address| self.group(address)).collect();
            respond(
                200,
                &json!({"kind": "admin#directory#groups", "groups": all}),
            )
        } else if let Some(rest) = path.strip_prefix("groups/") {
            let rest = rest.replace("%40", "@");
            match rest.split('/').collect::<Vec<_>>().as_slice() {
                [key] => respond(200, &self.group(self.address_of(key))),
                [key, "members"] => {
                    let members = self.members(self.address_of(key)).into_iter();
                    let members = members.map(|id| json!({"id": id, "type": "USER"}));
                    respond(200, &self.page("members", members.collect(), &query))
                }
                [key, "hasMember", id] => {
                    let is_member = self.members(self.address_of(key)).contains(*id);
                    respond(200, &json!({"isMember": is_member}))
                }
                other => panic!("the connector asked for {other:?}"),
            }
        } else {
            panic!("the connector asked for {path}")
        }
    }

    fn watch(
        &mut self,
        request: &http::Request<Bytes>,
        query: &BTreeMap<String, String>,
    ) -> http::Response<Bytes> {
        assert_eq!(query["customer"], "my_customer");
        if let Some((status, reason)) = self.channels_refused {
            return refused(status, reason);
        }
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        assert_eq!(body["address"], "https://sync.example/hooks/google/users");
        assert_eq!(body["params"]["ttl"], "172800");
        let id = body["id"].as_str().unwrap().to_owned();
        let channel = FakeChannel {
            token: body["token"].as_str().unwrap().to_owned(),
            event: query["event"].clone(),
            resource_id: format!("resource-{}", self.channels.len()),
            until_ms: self.now_ms + self.channel_life_ms,
        };
        let answer = json!({"kind": "api#channel", "id": id, "resourceId": channel.resource_id,
            "expiration": channel.until_ms.to_string()});
        if self.channels.contains_key(&id) {
            return refused(400, "channelIdNotUnique");
        }
        self.channels.insert(id, channel);
        respond(200, &answer)
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

    /// The address of a group by its address or id.
    fn address_of<'a>(&'a self, key: &'a str) -> &'a str {
        let mut addresses = self.groups.keys();
        addresses
            .find(|address| id_of_group(address) == key)
            .map_or(key, String::as_str)
    }

    fn group(&self, address: &str) -> Value {
        let members = &self.groups[address].members;
        json!({"id": id_of_group(address), "email": address, "name": address,
            "directMembersCount": members.len().to_string()})
    }

    /// Everybody of a group who is there, nested membership counted.
    fn members(&self, address: &str) -> BTreeSet<String> {
        let group = &self.groups[address];
        let inner = group.nested.iter().flat_map(|group| self.members(group));
        let all = group.members.iter().cloned().chain(inner);
        all.filter(|id| self.users.contains_key(id)).collect()
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

fn refused(status: u16, reason: &str) -> http::Response<Bytes> {
    respond(
        status,
        &json!({"error": {"code": status, "message": "Refused",
            "errors": [{"domain": "global", "reason": reason, "message": "Refused"}]}}),
    )
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

fn tree(students: &str) -> Value {
    let unit = |id: &str, path: &str, parent: Option<&str>| {
        json!({"orgUnitId": format!("id:{id}"), "orgUnitPath": path, "name": path,
            "parentOrgUnitPath": parent})
    };
    json!({"kind": "admin#directory#orgUnits", "organizationUnits": [
        unit("root", "/", None),
        unit("students", students, Some("/")),
        unit("g9", &format!("{students}/Grade 9"), Some(students)),
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
