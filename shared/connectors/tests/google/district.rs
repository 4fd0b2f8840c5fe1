//! A Directory API in memory: answers what PROVIDERS 2.1-2.6 says, refuses what Google refuses.

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(crate) const TOKEN: &str = "good-token";

#[derive(Clone, Debug, Default)]
pub(crate) struct District {
    /// `(id, path)`, the root among them.
    pub units: Vec<(String, String)>,
    pub users: Vec<Value>,
    /// Address to `(name, members)`.
    pub groups: BTreeMap<String, (String, Vec<Value>)>,
    /// Entries per page, however many are asked for.
    pub page_size: usize,
}

impl District {
    /// Units below the root, and so many users in each unit, the root among them.
    pub(crate) fn new(paths: &[&str], users_per_unit: usize, page_size: usize) -> Self {
        let mut district = Self {
            page_size,
            ..Self::default()
        };
        for path in ["/"].iter().chain(paths) {
            let id = format!("id:unit{}", district.units.len());
            district.units.push((id, (*path).to_owned()));
            for _ in 0..users_per_unit {
                district.add_user(path);
            }
        }
        district
    }

    pub(crate) fn add_user(&mut self, path: &str) -> String {
        let number = self.users.len();
        let id = format!("1048576123456{number:08}");
        self.users.push(json!({
            "kind": "admin#directory#user", "id": id, "etag": "\"x\"",
            "primaryEmail": format!("u{number}@maplegrove.example"),
            "name": { "givenName": format!("Given{number}"), "familyName": "O'Neil", "fullName": "x" },
            "orgUnitPath": path, "suspended": number % 7 == 6, "archived": false,
        }));
        id
    }

    pub(crate) fn add_group(&mut self, address: &str, members: &[(&str, &str)]) {
        let members = members
            .iter()
            .map(|(id, kind)| json!({ "id": id, "type": kind, "role": "MEMBER" }))
            .collect();
        let name = format!("Group {address}");
        self.groups.insert(address.to_owned(), (name, members));
    }

    pub(crate) fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let headers = request.headers();
        assert_eq!(headers["accept-encoding"], "gzip");
        assert!(headers["user-agent"].to_str().unwrap().contains("gzip"));
        if headers["authorization"] != format!("Bearer {TOKEN}").as_str() {
            return error(401, "authError", "Invalid Credentials");
        }
        let parameters = parameters(request);
        let path = request.uri().path();
        let path = path
            .strip_prefix("/admin/directory/v1/")
            .expect("the API's path");
        let segments: Vec<String> = path.split('/').map(decode).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments.as_slice() {
            ["customer", "my_customer", "orgunits"] => self.org_units(&parameters),
            ["users"] => self.users(&parameters),
            ["users", key] => self.user(key),
            ["groups"] if parameters.contains_key("userKey") => {
                expect(&parameters, &["userKey", "maxResults", "fields"]);
                let direct = self.groups.iter().filter(|(_, (_, members))| {
                    members
                        .iter()
                        .any(|member| member["id"] == parameters["userKey"])
                });
                let groups = direct.map(|(address, _)| self.group(address)).collect();
                self.page("groups", groups, &parameters)
            }
            ["groups", group, "hasMember", key] => {
                expect(&parameters, &["fields"]);
                if self.groups.contains_key(*group) {
                    ok(&json!({ "isMember": self.has_member(group, key) }))
                } else {
                    error(404, "notFound", "Resource Not Found: groupKey")
                }
            }
            ["groups"] => {
                expect(
                    &parameters,
                    &["customer", "maxResults", "fields", "pageToken"],
                );
                let groups = self
                    .groups
                    .keys()
                    .map(|address| self.group(address))
                    .collect();
                self.page("groups", groups, &parameters)
            }
            ["groups", key] if self.groups.contains_key(*key) => ok(&self.group(key)),
            ["groups", key, "members"] => {
                let wanted = [
                    "maxResults",
                    "includeDerivedMembership",
                    "fields",
                    "pageToken",
                ];
                expect(&parameters, &wanted);
                match self.groups.get(key.strip_prefix("key-").unwrap_or(key)) {
                    Some((_, members)) => self.page("members", members.clone(), &parameters),
                    None => error(404, "notFound", "Resource Not Found: groupKey"),
                }
            }
            ["groups", _] => error(404, "notFound", "Resource Not Found: groupKey"),
            other => panic!("nobody asks for {other:?}"),
        }
    }

    fn org_units(&self, parameters: &BTreeMap<String, String>) -> Response<Bytes> {
        expect(parameters, &["type", "fields"]);
        assert_eq!(parameters["type"], "allIncludingParent");
        let units: Vec<Value> = self
            .units
            .iter()
            .map(|(id, path)| {
                let mut unit = json!({ "orgUnitId": id, "orgUnitPath": path });
                if let Some((above, _)) = path.rsplit_once('/').filter(|_| path != "/") {
                    unit["parentOrgUnitPath"] = json!(if above.is_empty() { "/" } else { above });
                }
                unit
            })
            .collect();
        ok(&json!({ "kind": "admin#directory#orgUnits", "organizationUnits": units }))
    }

    fn users(&self, parameters: &BTreeMap<String, String>) -> Response<Bytes> {
        expect(
            parameters,
            &["customer", "maxResults", "fields", "query", "pageToken"],
        );
        assert_eq!(parameters["customer"], "my_customer");
        assert!(parameters["fields"].contains("nextPageToken"));
        let unit = parameters.get("query").map(|query| {
            let quoted = query
                .strip_prefix("orgUnitPath='")
                .expect("a query by unit");
            quoted
                .strip_suffix('\'')
                .expect("a quoted path")
                .replace("\\'", "'")
        });
        let is_within = |user: &&Value| {
            let path = user["orgUnitPath"]
                .as_str()
                .unwrap_or_default()
                .to_lowercase();
            unit.as_ref().is_none_or(|unit| {
                let unit = unit.to_lowercase();
                path == unit || path.starts_with(&format!("{unit}/"))
            })
        };
        let users = self.users.iter().filter(is_within).cloned().collect();
        self.page("users", users, parameters)
    }

    fn user(&self, key: &str) -> Response<Bytes> {
        let is_named = |user: &&Value| user["id"] == key || user["primaryEmail"] == key;
        match self.users.iter().find(is_named) {
            Some(user) => ok(user),
            None => error(404, "notFound", "Resource Not Found: userKey"),
        }
    }

    /// Nested membership counts; a group is a member by the part of its address before the `@`.
    fn has_member(&self, address: &str, key: &str) -> bool {
        self.groups[address].1.iter().any(|member| {
            let inner = member["id"].as_str().unwrap().strip_prefix("key-");
            member["id"] == key
                || inner.is_some_and(|inner| {
                    self.has_member(&format!("{inner}@maplegrove.example"), key)
                })
        })
    }

    fn group(&self, address: &str) -> Value {
        let (name, members) = &self.groups[address];
        let direct = members.len().to_string();
        let key = format!("key-{address}");
        json!({ "id": key, "email": address, "name": name, "directMembersCount": direct })
    }

    /// A page; an empty list is left out, as Google does.
    fn page(
        &self,
        name: &str,
        all: Vec<Value>,
        parameters: &BTreeMap<String, String>,
    ) -> Response<Bytes> {
        let asked: usize = parameters["maxResults"].parse().unwrap();
        assert!(asked <= if name == "users" { 500 } else { 200 });
        let size = self.page_size.min(asked);
        let from: usize = parameters.get("pageToken").map_or(0, |token| {
            token
                .strip_prefix("place/")
                .expect("a token of ours")
                .parse()
                .unwrap()
        });
        let mut body = json!({ "kind": format!("admin#directory#{name}") });
        if all.len() > from + size {
            body["nextPageToken"] = json!(format!("place/{}", from + size));
        }
        let page: Vec<Value> = all.into_iter().skip(from).take(size).collect();
        if !page.is_empty() {
            body[name] = json!(page);
        }
        ok(&body)
    }
}

pub(crate) fn parameters(request: &Request<Bytes>) -> BTreeMap<String, String> {
    let query = request.uri().query().unwrap_or_default();
    query
        .split('&')
        .map(|pair| pair.split_once('=').expect("a parameter with a value"))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

fn expect(parameters: &BTreeMap<String, String>, known: &[&str]) {
    for name in parameters.keys() {
        assert!(
            known.contains(&name.as_str()),
            "Google does not know {name}"
        );
    }
}

fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8()
        .unwrap()
        .into_owned()
}

pub(crate) fn ok(body: &Value) -> Response<Bytes> {
    raw(200, "application/json; charset=UTF-8", &body.to_string())
}

pub(crate) fn raw(status: u16, content_type: &str, body: &str) -> Response<Bytes> {
    Response::builder()
        .status(status)
        .header("content-type", content_type)
        .body(Bytes::from(body.to_owned()))
        .unwrap()
}

pub(crate) fn error(status: u16, reason: &str, message: &str) -> Response<Bytes> {
    let body = json!({ "error": { "code": status, "message": message,
        "errors": [{ "message": message, "domain": "global", "reason": reason }] } });
    raw(status, "application/json; charset=UTF-8", &body.to_string())
}
