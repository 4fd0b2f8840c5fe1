//! Connections to Clever: whose a district is, tokens that rotate and vanish, and a whole run.

use super::district::{District, OPERATOR, request};
use super::elsewhere::{self, DISTRICT, Shared, accounts, clever_person, drive, pass_minutes};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

const CONNECTIONS: &str = "/api/v1/tenants/maple/connections";
const CONNECTION: &str = "/api/v1/tenants/maple/connections/clever";

fn new() -> Value {
    json!({"id": "clever", "provider": "clever", "mode": "import",
        "clever": {"district": DISTRICT, "email_domains": ["maplegrove.example"]}})
}

/// A district with a connection that is in use.
pub(crate) fn connected() -> (District, Shared) {
    let (district, clever) = elsewhere::district();
    {
        let mut clever = clever.lock().unwrap();
        for (id, role) in [("u-1", "student"), ("u-2", "student"), ("u-3", "teacher")] {
            let person = clever_person(id, role, &format!("{id}@maplegrove.example"));
            clever.clever.insert(id.to_owned(), person);
        }
    }
    let (status, made) = district.post(OPERATOR, CONNECTIONS, &new());
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let (status, tested) =
        district.post(&district.admin, &format!("{CONNECTION}/test"), &Value::Null);
    assert_eq!(
        (status, &tested["state"]),
        (StatusCode::OK, &"authorized".into()),
        "{tested}"
    );
    let (_, saved) = district.post(&district.admin, &format!("{CONNECTION}/save"), &Value::Null);
    assert_eq!(saved["state"], "active");
    (district, clever)
}

#[test]
fn only_the_operator_says_which_district_is_read() {
    let (district, _) = elsewhere::district();
    let asked = request(Method::POST, &district.admin, CONNECTIONS, &new());
    let refused = district.refuses(asked, StatusCode::FORBIDDEN, &[]);
    assert_eq!(refused["errors"][0]["field"], "clever.district");
    let mut plain = new();
    plain["clever"] = json!({"classes": false});
    let (status, made) = district.post(&district.admin, CONNECTIONS, &plain);
    assert_eq!(
        (status, &made["state"]),
        (StatusCode::CREATED, &"draft".into())
    );
    assert_eq!(
        made["settings"],
        json!({"name": "Clever", "mode": "import", "clever": {"version": "3.1",
            "guardians": false, "classes": false, "email_domains": []}})
    );
    let edit = json!({"clever": {"district": DISTRICT}});
    let asked = request(Method::PATCH, &district.admin, CONNECTION, &edit);
    district.refuses(asked, StatusCode::FORBIDDEN, &[]);
    let (status, edited) = district.call(Method::PATCH, OPERATOR, CONNECTION, &edit);
    assert_eq!(
        (status, &edited["draft"]["clever"]["district"]),
        (StatusCode::OK, &DISTRICT.into())
    );
    // What the operator set may be kept and put to use by the administrator.
    let edit = json!({"clever": {"guardians": true, "district": DISTRICT}});
    let (status, _) = district.call(Method::PATCH, &district.admin, CONNECTION, &edit);
    assert_eq!(status, StatusCode::OK);
    let (_, saved) = district.post(&district.admin, &format!("{CONNECTION}/save"), &Value::Null);
    assert_eq!(saved["settings"]["clever"]["district"], DISTRICT);
}

#[test]
fn a_district_belongs_to_one_connection_until_that_is_deleted() {
    let (district, _) = elsewhere::district();
    let (status, _) = district.post(OPERATOR, CONNECTIONS, &new());
    assert_eq!(status, StatusCode::CREATED);
    let others = "/api/v1/tenants/oak/connections";
    let asked = request(Method::POST, OPERATOR, others, &new());
    district.refuses(asked, StatusCode::CONFLICT, &["maple"]);
    let (_, list) = district.get(OPERATOR, "/api/v1/clever/districts");
    assert_eq!(
        list["items"],
        json!([{"district": DISTRICT, "shares_people": true,
                "holder": {"tenant": "maple", "connection": "clever"}},
            {"district": "d-other", "shares_people": true}])
    );
    let (status, _) = district.call(Method::DELETE, &district.admin, CONNECTION, &Value::Null);
    assert_eq!(status, StatusCode::OK);
    let (status, made) = district.post(OPERATOR, others, &new());
    assert_eq!(status, StatusCode::CREATED, "{made}");
}

#[test]
fn a_draft_that_is_discarded_gives_its_district_back() {
    let (district, _) = elsewhere::district();
    let mut plain = new();
    plain["clever"] = json!({});
    district.post(&district.admin, CONNECTIONS, &plain);
    let edit = json!({"clever": {"district": DISTRICT}});
    district.call(Method::PATCH, OPERATOR, CONNECTION, &edit);
    let others = "/api/v1/tenants/oak/connections";
    let asked = request(Method::POST, OPERATOR, others, &new());
    district.refuses(asked, StatusCode::CONFLICT, &[]);
    let (status, _) = district.post(
        &district.admin,
        &format!("{CONNECTION}/discard"),
        &Value::Null,
    );
    assert_eq!(status, StatusCode::OK);
    let (status, _) = district.post(OPERATOR, others, &new());
    assert_eq!(status, StatusCode::CREATED);
}

#[test]
fn a_claim_whose_connection_was_never_made_is_free_after_a_minute() {
    use engine::memory::CrashPoint;
    let (district, _) = elsewhere::district();
    let before = district.ports.operations();
    district.post(OPERATOR, CONNECTIONS, &new());
    let needed = district.ports.operations() - before;
    let others = "/api/v1/tenants/oak/connections";
    for point in [CrashPoint::Before, CrashPoint::After] {
        for step in 1..=needed {
            let (district, _) = elsewhere::district();
            let at = district.ports.operations() + step;
            district.ports.crash_at(Some((at, point)));
            district.post(OPERATOR, CONNECTIONS, &new());
            district.ports.crash_at(None);
            district.ports.advance(Duration::from_secs(61));
            let is_made = district.get(&district.viewer, CONNECTION).0 == StatusCode::OK;
            let (status, body) = district.post(OPERATOR, others, &new());
            let expected = if is_made {
                StatusCode::CONFLICT
            } else {
                StatusCode::CREATED
            };
            assert_eq!(status, expected, "at {step} {point:?}: {body}");
        }
    }
}

#[test]
fn a_clever_connection_is_not_authorised_in_a_browser_and_takes_no_credentials() {
    let (district, _) = connected();
    for (method, path) in [
        (Method::POST, "authorize"),
        (Method::GET, "org-units"),
        (Method::PUT, "credentials"),
    ] {
        let path = format!("{CONNECTION}/{path}");
        let asked = request(method, &district.admin, &path, &json!({}));
        district.refuses(asked, StatusCode::CONFLICT, &[]);
    }
    let edit = json!({"clever": {"district": "d-other"}});
    let asked = request(Method::PATCH, OPERATOR, CONNECTION, &edit);
    district.refuses(asked, StatusCode::CONFLICT, &[]);
    let edit = json!({"domain": "maplegrove.example"});
    let asked = request(Method::PATCH, &district.admin, CONNECTION, &edit);
    district.refuses(asked, StatusCode::UNPROCESSABLE_ENTITY, &[]);
}

#[test]
fn a_run_takes_people_over_with_their_schools_and_keeps_the_token_sealed() {
    let (district, _) = connected();
    let run = drive(&district);
    assert_eq!(run["state"], "applied", "{run}");
    let accounts = accounts(&district);
    assert_eq!(accounts.len(), 3, "{accounts:?}");
    assert_eq!(accounts["u-3@maplegrove.example"]["user_type"], "STAFF");
    for (key, value) in district.dump() {
        let text = String::from_utf8_lossy(&value).into_owned();
        assert!(!text.contains("token-1"), "{key} shows the token");
    }
    let run = drive(&district);
    assert_eq!(run["state"], "unchanged", "{run}");
}

#[test]
fn a_person_who_left_is_confirmed_by_id_and_leaves() {
    let (district, clever) = connected();
    assert_eq!(drive(&district)["state"], "applied");
    clever.lock().unwrap().clever.remove("u-3");
    let run = drive(&district);
    assert_eq!(run["state"], "applied", "{run}");
    let journal = clever.lock().unwrap().journal.join("\n");
    assert!(journal.contains("/v3.1/users/u-3"), "{journal}");
    // The same while the district is paused: nobody leaves.
    clever.lock().unwrap().clever.remove("u-2");
    clever.lock().unwrap().district_state = "paused".to_owned();
    let before = accounts(&district);
    let run = drive(&district);
    assert_ne!(run["state"], "applied", "{run}");
    assert_eq!(accounts(&district), before);
}

#[test]
fn a_token_that_rotates_in_the_middle_of_a_run_is_found_anew() {
    let (district, clever) = connected();
    clever.lock().unwrap().rotate_after = Some(2);
    let run = drive(&district);
    assert_eq!(run["state"], "applied", "{run}");
    assert_eq!(clever.lock().unwrap().tokens[0].1, "token-2");
    assert_eq!(accounts(&district).len(), 3);
}

#[test]
fn a_district_that_vanished_needs_to_be_reconnected_and_nobody_leaves() {
    let (district, clever) = connected();
    assert_eq!(drive(&district)["state"], "applied");
    let before = accounts(&district);
    clever.lock().unwrap().tokens.remove(0);
    let run = drive(&district);
    assert_eq!(
        (&run["state"], &run["failure"]["code"]),
        (&"failed".into(), &"reconnect_needed".into()),
        "{run}"
    );
    let (_, lost) = district.get(&district.viewer, CONNECTION);
    assert_eq!(lost["state"], "reconnect_needed");
    assert!(
        lost["attention"].as_str().unwrap().contains("approve"),
        "{lost}"
    );
    assert_eq!(accounts(&district), before);
    // Approved again, a test brings it back into service.
    let token = (DISTRICT.to_owned(), "token-3".to_owned());
    clever.lock().unwrap().tokens.push(token);
    district.ports.advance(Duration::from_mins(11));
    let (_, tested) = district.post(&district.admin, &format!("{CONNECTION}/test"), &Value::Null);
    assert_eq!(tested["state"], "active", "{tested}");
}

#[test]
fn revoking_forgets_the_token_and_a_passed_test_authorises_again() {
    let (district, _) = connected();
    for _ in 0..2 {
        let (status, _) = district.post(
            &district.admin,
            &format!("{CONNECTION}/revoke"),
            &Value::Null,
        );
        assert_eq!(status, StatusCode::OK);
    }
    assert!(
        !district
            .dump()
            .contains_key("connection/maple/clever/tokens")
    );
    let (_, tested) = district.post(&district.admin, &format!("{CONNECTION}/test"), &Value::Null);
    assert_eq!(tested["state"], "authorized");
}

#[test]
fn a_test_that_misses_something_does_not_authorise() {
    let (district, clever) = elsewhere::district();
    let person = clever_person("u-1", "student", "u-1@maplegrove.example");
    clever
        .lock()
        .unwrap()
        .clever
        .insert("u-1".to_owned(), person);
    district.post(OPERATOR, CONNECTIONS, &new());
    let (status, tested) =
        district.post(&district.admin, &format!("{CONNECTION}/test"), &Value::Null);
    assert_eq!(
        (status, &tested["state"]),
        (StatusCode::OK, &"draft".into()),
        "{tested}"
    );
    assert_eq!(tested["last_test"]["passed"], false);
    let missing = tested["last_test"]["missing"].to_string();
    assert!(missing.contains("share teachers"), "{missing}");
    clever.lock().unwrap().tokens.clear();
    let asked = request(
        Method::POST,
        &district.admin,
        &format!("{CONNECTION}/test"),
        &Value::Null,
    );
    let answer = district.send(asked);
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let (_, draft) = district.get(&district.viewer, CONNECTION);
    assert_eq!(draft["state"], "draft");
}

fn rename(clever: &Shared, id: &str, first: &str) {
    let mut clever = clever.lock().unwrap();
    clever.clever.get_mut(id).unwrap()["name"]["first"] = first.into();
}

fn happened(clever: &Shared, event: &str, person: &str) {
    let event = (event.to_owned(), person.to_owned());
    let mut clever = clever.lock().unwrap();
    clever.events.get_or_insert_default().push(event);
}

#[test]
fn events_between_nights_name_people_who_are_looked_at() {
    let (district, clever) = connected();
    happened(&clever, "e-1", "u-1");
    let first = drive(&district);
    assert_eq!(first["state"], "applied", "{first}");
    let idle = pass_minutes(&district, 6);
    assert_eq!(idle["id"], first["id"], "nothing happened: {idle}");
    rename(&clever, "u-3", "Ada");
    // Somebody who is not shown any more is left for the night.
    clever.lock().unwrap().clever.remove("u-2");
    happened(&clever, "e-2", "u-3");
    happened(&clever, "e-3", "u-2");
    let look = pass_minutes(&district, 7);
    assert_eq!(
        (&look["work"], &look["state"]),
        (&"look".into(), &"applied".into()),
        "{look}"
    );
    let accounts = accounts(&district);
    assert_eq!(accounts["u-3@maplegrove.example"]["given_name"], "Ada");
    assert_eq!(
        accounts["u-2@maplegrove.example"]["state"],
        accounts["u-1@maplegrove.example"]["state"]
    );
    assert_eq!(pass_minutes(&district, 7)["id"], look["id"]);
}

#[test]
fn an_event_that_clever_forgot_leads_to_a_full_run_and_to_no_second_one() {
    let (district, clever) = connected();
    happened(&clever, "e-1", "u-1");
    let first = drive(&district);
    clever.lock().unwrap().events = Some(vec![("e-9".to_owned(), "u-1".to_owned())]);
    rename(&clever, "u-1", "Ada");
    let full = pass_minutes(&district, 8);
    assert_ne!(full["id"], first["id"]);
    assert_eq!(
        (&full["work"], &full["state"]),
        (&"full".into(), &"applied".into()),
        "{full}"
    );
    assert_eq!(
        accounts(&district)["u-1@maplegrove.example"]["given_name"],
        "Ada"
    );
    assert_eq!(pass_minutes(&district, 8)["id"], full["id"]);
}

#[test]
fn a_person_can_be_synced_and_explained_by_an_address_that_the_roster_knows() {
    let (district, clever) = connected();
    drive(&district);
    rename(&clever, "u-3", "Ada");
    let whom = json!({"email": "u-3@maplegrove.example"});
    let (status, _) = district.post(&district.admin, &format!("{CONNECTION}/people/sync"), &whom);
    assert_eq!(status, StatusCode::ACCEPTED);
    let look = pass_minutes(&district, 1);
    assert_eq!(
        (&look["work"], &look["state"]),
        (&"look".into(), &"applied".into()),
        "{look}"
    );
    let explain = format!("{CONNECTION}/explain?email=u-3%40maplegrove.example");
    let (status, why) = district.get(&district.viewer, &explain);
    assert_eq!(
        (status, &why["person"]["record"]["g"]),
        (StatusCode::OK, &"Ada".into()),
        "{why}"
    );
    let explain = format!("{CONNECTION}/explain?email=nobody%40maplegrove.example");
    let (_, why) = district.get(&district.viewer, &explain);
    assert_eq!(why["person"]["found"], "unavailable", "{why}");
}
