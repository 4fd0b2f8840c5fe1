//! A district, the same people in the words of both versions.

use connectors::oneroster::Version;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(crate) type Lists = BTreeMap<&'static str, Vec<Value>>;

fn reference(kind: &str, id: &str) -> Value {
    json!({ "href": format!("https://certs.elsewhere.example/{kind}s/{id}"), "sourcedId": id, "type": kind })
}

pub(crate) fn stamped(id: &str, fields: Value) -> Value {
    let mut row = json!({ "sourcedId": id, "status": "active", "dateLastModified": "2026-08-19T22:10:05.000Z" });
    let Value::Object(fields) = fields else {
        panic!("fields")
    };
    row.as_object_mut().unwrap().extend(fields);
    row
}

/// Somebody with one role in some orgs.
pub(crate) fn user(version: Version, id: &str, role: &str, orgs: &[&str]) -> Value {
    let mut user = stamped(
        id,
        json!({
            "username": format!("name-{id}"), "enabledUser": "true", "givenName": format!("Given {id}"),
            "familyName": "O'Neil", "middleName": "", "identifier": "20417", "password": "hunter2-in-clear",
            "email": format!("{}@maplegrove.example", id.replace(['/', ' ', '|', '+', '%'], "-")),
            "userIds": [], "agents": [], "grades": if role == "student" { json!(["9"]) } else { json!([]) },
        }),
    );
    match version {
        Version::V1_1 => {
            user["role"] = json!(role);
            user["orgs"] = orgs.iter().map(|org| reference("org", org)).collect();
        }
        Version::V1_2 => {
            let one = |org: &&str| json!({ "roleType": "primary", "role": role, "org": reference("org", org), "beginDate": "2026-08-10", "endDate": "2027-06-15" });
            user["roles"] = orgs.iter().map(one).collect();
        }
    }
    user
}

pub(crate) fn students(version: Version, count: usize) -> Vec<Value> {
    (0..count)
        .map(|number| user(version, &format!("u-{number:05}"), "student", &["HS-01"]))
        .collect()
}

/// A district of two schools, with so many students.
pub(crate) fn district(version: Version, count: usize) -> Lists {
    let mut users = students(version, count);
    users.push(user(version, "t-1", "teacher", &["HS-01", "MS-02"]));
    users.push(user(version, "x-1", "aide", &["MS-02"]));
    users.push(user(version, "a-1", "administrator", &["D-1"]));
    users.push(user(version, "p-1", "guardian", &["HS-01"]));
    let org = |id: &str, kind: &str| {
        stamped(
            id,
            json!({ "name": format!("Org {id}"), "type": kind, "identifier": "34", "parent": reference("org", "D-1"), "children": [] }),
        )
    };
    let enrolment = |id: &str, user: &str, role: &str, primary: Value| {
        stamped(
            id,
            json!({ "role": role, "primary": primary, "user": reference("user", user), "class": reference("class", "c-1"), "school": reference("org", "HS-01"), "beginDate": "2026-08-10", "endDate": "2027-06-15" }),
        )
    };
    BTreeMap::from([
        (
            "orgs",
            vec![
                org("D-1", "district"),
                org("HS-01", "school"),
                org("MS-02", "school"),
            ],
        ),
        (
            "academicSessions",
            vec![stamped(
                "T-1",
                json!({ "title": "Semester 1", "startDate": "2026-08-10", "endDate": "2026-12-20", "type": "semester", "parent": reference("academicSession", "FY27"), "schoolYear": "2027" }),
            )],
        ),
        (
            "courses",
            vec![stamped(
                "crs-bio",
                json!({ "title": "Biology", "courseCode": "SCI-101", "org": reference("org", "HS-01") }),
            )],
        ),
        (
            "classes",
            vec![stamped(
                "c-1",
                json!({ "title": "Biology P3", "classCode": "BIO-3", "classType": "scheduled", "grades": ["9"], "subjects": ["Science"], "periods": ["3"], "course": reference("course", "crs-bio"), "school": reference("org", "HS-01"), "terms": [reference("academicSession", "T-1")] }),
            )],
        ),
        ("users", users),
        (
            "enrollments",
            vec![
                enrolment("e-1", "u-00000", "student", json!("false")),
                enrolment("e-2", "t-1", "teacher", json!("true")),
                enrolment("e-3", "x-1", "proctor", json!(false)),
            ],
        ),
    ])
}
