//! A district in memory that answers what PROVIDERS 4.4-4.6 says, and refuses what Clever refuses.

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};

pub(crate) const TOKEN: &str = "good-token";
pub(crate) const DISTRICT: &str = "5f3a9c0e1d2b4c0011aa00d1";

#[derive(Clone, Debug)]
pub(crate) struct District {
    pub version: &'static str,
    /// What `/districts` answers about it.
    pub about: Value,
    pub schools: Vec<Value>,
    pub users: Vec<Value>,
    pub terms: Vec<Value>,
    pub courses: Vec<Value>,
    pub sections: Vec<Value>,
    /// The oldest first; `None` while Events are off.
    pub events: Option<Vec<Value>>,
    /// Elements per page, however many are asked for.
    pub page_size: usize,
    /// A link leads from the last full page to an empty one.
    pub trails: bool,
    /// Says how many elements a list has.
    pub counts: bool,
}

/// An id of Clever's: the kind is two hexadecimal digits.
pub(crate) fn id(kind: &str, number: usize) -> String {
    format!("5f3a9c0e1d2b4c0011{kind}{number:04x}")
}

pub(crate) fn school(number: usize) -> String {
    id("0c", number)
}

impl District {
    pub(crate) fn empty() -> Self {
        Self {
            version: "v3.1",
            about: json!({ "id": DISTRICT, "name": "#DEMO Maple Grove (Sandbox)",
                "state": "running", "error": "", "sis_type": "PowerSchool",
                "launch_date": "2026-07-01", "last_sync": "2026-08-20T04:12:00.000Z",
                "pause_start": null, "pause_end": null, "login_methods": ["google"],
                "district_contact": { "name": { "first": "Sam", "last": "Ito" } } }),
            schools: Vec::new(),
            users: Vec::new(),
            terms: Vec::new(),
            courses: Vec::new(),
            sections: Vec::new(),
            events: None,
            page_size: 3,
            trails: false,
            counts: true,
        }
    }

    /// Two schools; so many students, half as many teachers, one of everybody else; one class.
    pub(crate) fn new(students: usize, page_size: usize) -> Self {
        let mut district = Self {
            page_size,
            events: Some(vec![event(1, "users.created", &id("aa", 1))]),
            ..Self::empty()
        };
        for number in 0..2 {
            district.schools.push(json!({ "id": school(number), "district": DISTRICT,
                "name": format!("School {number}"), "sis_id": format!("S-{number}"),
                "school_number": "01", "state_id": "0345", "mdr_number": null,
                "low_grade": "9", "high_grade": "12", "location": { "city": "Maple Grove" },
                "principal": { "name": "P. Rivera", "email": "p@maplegrove.example" }, "ext": {} }));
        }
        for number in 0..students {
            district.add_user(&json!({ "student": student(number % 2, "9") }));
            if number % 2 == 0 {
                district.add_user(&json!({ "teacher": adult(&[number % 2]), "staff": null }));
            }
        }
        district.add_user(&json!({ "staff": adult(&[0, 1]) }));
        district.add_user(&json!({ "district_admin": { "legacy_id": "x", "title": "Head" } }));
        district.add_user(&json!({ "contact": { "legacy_id": "x", "phone": "555-0101",
            "student_relationships": [{ "student": id("aa", 0), "relationship": "Parent" }] } }));
        district
            .terms
            .push(json!({ "id": id("07", 1), "district": DISTRICT,
            "name": "2026-27 S1", "start_date": "2026-08-10", "end_date": "2026-12-20" }));
        district
            .courses
            .push(json!({ "id": id("0b", 1), "district": DISTRICT,
            "name": "Biology", "number": "SCI-101" }));
        district
            .sections
            .push(json!({ "id": id("05", 1), "district": DISTRICT,
            "school": school(0), "name": "Biology - 3 - Okafor", "sis_id": "BIO-3-2026",
            "section_number": "3", "grade": "9", "period": "3", "subject": "science",
            "course": id("0b", 1), "term_id": id("07", 1), "teacher": id("aa", 1),
            "teachers": [id("aa", 1), id("aa", 4)], "students": [id("aa", 0), id("aa", 2)],
            "ext": {} }));
        district
    }

    /// A user with these role objects. Returns the user's index.
    pub(crate) fn add_user(&mut self, roles: &Value) -> usize {
        let number = self.users.len();
        self.users
            .push(json!({ "id": id("aa", number), "district": DISTRICT,
            "created": "2025-08-01T12:00:00.000Z", "last_modified": "2026-08-20T04:11:09.000Z",
            "email": format!("u{number}@maplegrove.example"), "lms_status": null,
            "name": { "first": format!("Given{number}"), "middle": "J", "last": "O'Neil" },
            "roles": roles }));
        number
    }

    pub(crate) fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let headers = request.headers();
        if headers["authorization"] != format!("Bearer {TOKEN}").as_str() {
            return error(401, "Invalid token");
        }
        let path = request.uri().path();
        let path = path.strip_prefix(&format!("/{}/", self.version));
        let segments: Vec<&str> = path.expect("the version asked for").split('/').collect();
        let users = |request: &Request<Bytes>| {
            let role = parameter(request, "role").expect("a role");
            let has = |user: &&Value| !user["roles"][&role].is_null();
            self.users.iter().filter(has).cloned().collect()
        };
        match segments.as_slice() {
            ["districts"] => {
                assert_eq!(request.uri().query(), None, "it takes no parameters");
                let element = json!({ "data": self.about });
                ok(&json!({ "data": [element], "links": [{ "rel": "self", "uri": "/districts" }] }))
            }
            ["schools"] => self.page(request, self.schools.clone()),
            ["terms"] => self.page(request, self.terms.clone()),
            ["courses"] => self.page(request, self.courses.clone()),
            ["sections"] => self.page(request, self.sections.clone()),
            ["users"] => self.page(request, users(request)),
            ["users", id] => single(&self.users, id),
            ["events", ..] if self.events.is_none() => error(403, "Events are not enabled"),
            ["events"] => self.events(request),
            ["events", id] => single(self.events.as_deref().unwrap(), id),
            other => panic!("nobody asks for {other:?}"),
        }
    }

    fn events(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let events = self.events.clone().unwrap();
        if parameter(request, "ending_before").is_some() {
            assert_eq!(request.uri().query(), Some("limit=1&ending_before=last"));
            return self.page(request, events.into_iter().last().into_iter().collect());
        }
        let query = request.uri().query().unwrap();
        let wanted = |event: &Value| {
            let (record, _) = event["type"]
                .as_str()
                .unwrap_or("users.")
                .split_once('.')
                .unwrap();
            query.contains(&format!("record_type={record}"))
        };
        self.page(request, events.into_iter().filter(wanted).collect())
    }

    /// A page, ascending by id.
    fn page(&self, request: &Request<Bytes>, all: Vec<Value>) -> Response<Bytes> {
        let asked: usize = parameter(request, "limit").unwrap().parse().unwrap();
        if asked > 10_000 {
            return error(413, "limit too large");
        }
        let size = self.page_size.min(asked);
        let after = parameter(request, "starting_after").unwrap_or_default();
        let count = all.len();
        let is_after = |one: &Value| one["id"].as_str().is_none_or(|id| id > after.as_str());
        let rest: Vec<Value> = all.into_iter().filter(is_after).collect();
        let path = request.uri().path();
        let page: Vec<Value> = rest.iter().take(size).cloned().collect();
        let mut links = vec![json!({ "rel": "self", "uri": path })];
        let more_follows = rest.len() > size || (self.trails && page.len() == size);
        if let (true, Some(last)) = (more_follows, page.last().and_then(|one| one["id"].as_str())) {
            let uri = format!("{path}?limit={asked}&starting_after={last}");
            links.push(json!({ "rel": "next", "uri": uri }));
        }
        let elements: Vec<Value> = page
            .into_iter()
            .map(|data| json!({ "data": data, "uri": path }))
            .collect();
        let mut body = json!({ "data": elements, "links": links });
        if self.counts && parameter(request, "count").is_some() {
            body["paging"] = json!({ "current": 1, "total": 1, "count": count });
        }
        ok(&body)
    }
}

pub(crate) fn student(school_number: usize, grade: &str) -> Value {
    json!({ "legacy_id": "x", "sis_id": "778120", "student_number": "778120",
        "school": school(school_number), "schools": [school(school_number)],
        "enrollments": [{ "school": school(school_number), "start_date": "2026-08-10",
            "end_date": "" }],
        "grade": grade, "graduation_year": "2030", "dob": "5/14/2012", "gender": "M",
        "preferred_name": { "first": "Leo", "middle": "", "last": "Marsh" },
        "credentials": { "district_username": "leomarsh30" }, "ext": {} })
}

pub(crate) fn adult(schools: &[usize]) -> Value {
    let schools: Vec<String> = schools.iter().map(|number| school(*number)).collect();
    json!({ "legacy_id": "x", "sis_id": "20417", "title": "Science", "schools": schools,
        "credentials": { "district_username": "dokafor" } })
}

pub(crate) fn event_id(number: usize) -> String {
    format!("66b0c0ffee00000000{number:06x}")
}

pub(crate) fn event(number: usize, kind: &str, object: &str) -> Value {
    json!({ "id": event_id(number), "type": kind, "created": "2026-08-30T04:12:00.000Z",
        "data": { "object": { "id": object, "email": null, "roles": {} },
            "previous_attributes": { "email": "old@maplegrove.example" } } })
}

fn single(all: &[Value], id: &str) -> Response<Bytes> {
    match all.iter().find(|one| one["id"] == id) {
        Some(one) => ok(&json!({ "data": one, "links": [] })),
        None => error(404, "Resource not found"),
    }
}

pub(crate) fn parameter(request: &Request<Bytes>, name: &str) -> Option<String> {
    let query = request.uri().query()?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    Some(value.to_owned())
}

/// The list that is asked for; of users, the role.
pub(crate) fn asked_for(request: &Request<Bytes>) -> String {
    let list = request.uri().path().rsplit('/').next().unwrap_or_default();
    parameter(request, "role").unwrap_or_else(|| list.to_owned())
}

pub(crate) fn ok(body: &Value) -> Response<Bytes> {
    raw(200, "application/json; charset=utf-8", &body.to_string())
}

pub(crate) fn raw(status: u16, content_type: &str, body: &str) -> Response<Bytes> {
    Response::builder()
        .status(status)
        .header("content-type", content_type)
        .body(Bytes::from(body.to_owned()))
        .unwrap()
}

pub(crate) fn error(status: u16, message: &str) -> Response<Bytes> {
    let body = json!({ "message": message });
    raw(status, "application/json", &body.to_string())
}
