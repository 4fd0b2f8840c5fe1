//! Connections to OneRoster servers and to ClassLink: addresses, credentials, and whole runs.

use super::district::{District, OPERATOR, request};
use super::elsewhere::{self, Shared, accounts, drive, oneroster_person, pass_minutes};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

const CONNECTIONS: &str = "/api/v1/tenants/maple/connections";
const CONNECTION: &str = "/api/v1/tenants/maple/connections/sis";

fn direct() -> Value {
    json!({"kind": "direct", "base_url": "https://sis.maplegrove.example",
        "token": {"token_url": "https://sis.maplegrove.example/token"}})
}

fn new(way: &Value) -> Value {
    json!({"id": "sis", "provider": "oneroster", "mode": "import", "name": "SIS",
        "oneroster": {"way": way, "email_domains": ["maplegrove.example"]}})
}

fn people(elsewhere: &Shared) {
    let mut elsewhere = elsewhere.lock().unwrap();
    for (id, role) in [("u-1", "student"), ("u-2", "teacher")] {
        let person = oneroster_person(id, role, &format!("{id}@maplegrove.example"));
        elsewhere.oneroster.insert(id.to_owned(), person);
    }
}

fn make(district: &District, who: &str, way: &Value) {
    let (status, made) = district.post(who, CONNECTIONS, &new(way));
    assert_eq!(status, StatusCode::CREATED, "{made}");
}

fn put(district: &District, credentials: &Value) -> (StatusCode, Value) {
    let path = format!("{CONNECTION}/credentials");
    district.call(Method::PUT, &district.admin, &path, credentials)
}

fn post(district: &District, path: &str) -> (StatusCode, Value) {
    district.post(
        &district.admin,
        &format!("{CONNECTION}/{path}"),
        &Value::Null,
    )
}

/// Tests and saves the connection.
fn put_to_use(district: &District) {
    let (status, tested) = post(district, "test");
    assert_eq!(
        (status, &tested["state"]),
        (StatusCode::OK, &"authorized".into()),
        "{tested}"
    );
    assert_eq!(post(district, "save").1["state"], "active");
}

fn shows_nothing_of(district: &District, secrets: &[&str]) {
    for (key, value) in district.dump() {
        let text = String::from_utf8_lossy(&value).into_owned();
        for secret in secrets {
            assert!(!text.contains(secret), "{key} shows {secret}");
        }
    }
}

#[test]
fn an_address_that_the_operators_list_does_not_cover_is_refused_when_it_is_set() {
    let (district, _) = elsewhere::district();
    for base_url in [
        "https://sis.elsewhere.example",
        "http://sis.maplegrove.example",
        "https://127.0.0.1",
        "https://169.254.169.254/latest",
        "https://sis.maplegrove.example:22",
        "https://localhost",
    ] {
        let way = json!({"kind": "direct", "base_url": base_url});
        let asked = request(Method::POST, &district.admin, CONNECTIONS, &new(&way));
        let refused = district.refuses(asked, StatusCode::UNPROCESSABLE_ENTITY, &[]);
        assert_eq!(
            refused["errors"][0]["field"], "oneroster.way.base_url",
            "{base_url}"
        );
        let mut way = direct();
        way["token"]["token_url"] = base_url.into();
        let asked = request(Method::POST, &district.admin, CONNECTIONS, &new(&way));
        let refused = district.refuses(asked, StatusCode::UNPROCESSABLE_ENTITY, &[]);
        let field = &refused["errors"][0]["field"];
        assert_eq!(field, "oneroster.way.token.token_url", "{base_url}");
    }
    make(&district, &district.admin, &direct());
    let edit = json!({"oneroster": {"way": {"kind": "direct", "base_url": "https://10.0.0.7"}}});
    let asked = request(Method::PATCH, &district.admin, CONNECTION, &edit);
    district.refuses(asked, StatusCode::UNPROCESSABLE_ENTITY, &[]);
}

#[test]
fn an_address_is_looked_at_again_before_it_is_used() {
    let (district, elsewhere) = elsewhere::district();
    people(&elsewhere);
    elsewhere
        .lock()
        .unwrap()
        .admits
        .insert("Bearer sis-token".to_owned());
    make(&district, &district.admin, &direct());
    put(&district, &json!({"kind": "bearer", "token": "sis-token"}));
    put_to_use(&district);
    assert_eq!(drive(&district)["state"], "applied");
    district
        .ports
        .set_variable("oneroster_hosts", "*.other.example");
    elsewhere.lock().unwrap().journal.clear();
    let run = drive(&district);
    assert_eq!(run["failure"]["code"], "host_not_allowed", "{run}");
    assert_eq!(post(&district, "test").0, StatusCode::CONFLICT);
    assert!(elsewhere.lock().unwrap().journal.is_empty());
}

#[test]
fn credentials_are_sealed_and_never_shown() {
    let (district, _) = elsewhere::district();
    make(&district, &district.admin, &direct());
    let path = format!("{CONNECTION}/credentials");
    let given = json!({"kind": "oauth1", "key": "consumer-key-1", "secret": "consumer-secret-1"});
    let asked = request(Method::PUT, &district.viewer, &path, &given);
    district.refuses(asked, StatusCode::FORBIDDEN, &["consumer-secret-1"]);
    let (status, shown) = put(&district, &given);
    assert_eq!(
        (status, &shown["credentials"]["kind"]),
        (StatusCode::OK, &"oauth1".into())
    );
    let secrets = ["consumer-key-1", "consumer-secret-1"];
    assert!(!shown.to_string().contains("consumer"), "{shown}");
    shows_nothing_of(&district, &secrets);
    let (_, audit) = district.get(&district.viewer, "/api/v1/tenants/maple/audit");
    assert_eq!(audit["items"][0]["what"], "connection_credentials_set");
    for wrong in [
        json!({"kind": "bearer", "token": ""}),
        json!({"kind": "bearer", "token": "a\nb"}),
        json!({"kind": "bearer", "token": "t", "more": 1}),
        json!({"kind": "basic", "user": "u"}),
    ] {
        let asked = request(Method::PUT, &district.admin, &path, &wrong);
        district.refuses(asked, StatusCode::UNPROCESSABLE_ENTITY, &[]);
    }
    post(&district, "revoke");
    assert!(
        !district
            .dump()
            .contains_key("connection/maple/sis/credentials")
    );
    let (_, shown) = district.get(&district.viewer, CONNECTION);
    assert_eq!(shown["credentials"], Value::Null);
}

#[test]
fn credentials_are_not_taken_to_another_address() {
    let (district, elsewhere) = elsewhere::district();
    people(&elsewhere);
    elsewhere
        .lock()
        .unwrap()
        .admits
        .insert("Bearer sis-token".to_owned());
    make(&district, &district.admin, &direct());
    put(&district, &json!({"kind": "bearer", "token": "sis-token"}));
    let way = json!({"kind": "direct", "base_url": "https://trap.maplegrove.example"});
    let edit = json!({"oneroster": {"way": way}});
    let (status, _) = district.call(Method::PATCH, &district.admin, CONNECTION, &edit);
    assert_eq!(status, StatusCode::OK);
    // What was tested has to be what is put to use.
    assert_eq!(post(&district, "test").0, StatusCode::CONFLICT);
    assert_eq!(post(&district, "save").0, StatusCode::OK);
    elsewhere.lock().unwrap().journal.clear();
    assert_eq!(post(&district, "test").0, StatusCode::CONFLICT);
    assert!(elsewhere.lock().unwrap().journal.is_empty());
}

#[test]
fn where_a_tested_connection_leads_stays() {
    let (district, elsewhere) = elsewhere::district();
    people(&elsewhere);
    elsewhere
        .lock()
        .unwrap()
        .admits
        .insert("Bearer sis-token".to_owned());
    make(&district, &district.admin, &direct());
    put(&district, &json!({"kind": "bearer", "token": "sis-token"}));
    put_to_use(&district);
    let way = json!({"kind": "direct", "base_url": "https://new.maplegrove.example"});
    let edit = json!({"oneroster": {"way": way}});
    let asked = request(Method::PATCH, &district.admin, CONNECTION, &edit);
    district.refuses(asked, StatusCode::CONFLICT, &[]);
    let edit = json!({"oneroster": {"classes": false}});
    district.call(Method::PATCH, &district.admin, CONNECTION, &edit);
    let (_, saved) = post(&district, "save");
    assert_eq!(saved["settings"]["oneroster"]["classes"], false);
}

#[test]
fn an_access_token_is_kept_sealed_and_renewed_shortly_before_its_end() {
    let (district, elsewhere) = elsewhere::district();
    people(&elsewhere);
    {
        let mut elsewhere = elsewhere.lock().unwrap();
        elsewhere.admits.insert("Bearer access-".to_owned());
        elsewhere.to_give = vec![("access-2".to_owned(), 3600), ("access-1".to_owned(), 3600)];
    }
    make(&district, &district.admin, &direct());
    let secret = "client-secret-of-oneroster";
    put(
        &district,
        &json!({"kind": "oauth2", "client_id": "client-7", "client_secret": secret}),
    );
    put_to_use(&district);
    let run = drive(&district);
    assert_eq!(run["state"], "applied", "{run}");
    assert_eq!(accounts(&district).len(), 2);
    shows_nothing_of(&district, &[secret, "access-1"]);
    assert_eq!(elsewhere.lock().unwrap().to_give.len(), 1);
    district.ports.advance(Duration::from_mins(59));
    assert_eq!(drive(&district)["state"], "unchanged");
    assert_eq!(elsewhere.lock().unwrap().to_give.len(), 0);
    // A client that is not accepted any more: somebody has to see to it, and nobody leaves.
    district.ports.advance(Duration::from_mins(70));
    let run = drive(&district);
    assert_eq!(run["failure"]["code"], "reconnect_needed", "{run}");
    let (_, lost) = district.get(&district.viewer, CONNECTION);
    assert_eq!(lost["state"], "reconnect_needed");
    assert_eq!(accounts(&district).len(), 2);
}

#[test]
fn how_requests_are_signed_is_found_out_by_the_test_and_kept() {
    let (district, elsewhere) = elsewhere::district();
    people(&elsewhere);
    let method = "oauth_signature_method=\"HMAC-SHA1\"";
    elsewhere.lock().unwrap().admits.insert(method.to_owned());
    make(
        &district,
        &district.admin,
        &json!({"kind": "direct", "base_url": "https://sis.maplegrove.example"}),
    );
    put(
        &district,
        &json!({"kind": "oauth1", "key": "k", "secret": "s"}),
    );
    put_to_use(&district);
    let run = drive(&district);
    assert_eq!(run["state"], "applied", "{run}");
    let refused = put(
        &district,
        &json!({"kind": "oauth2", "client_id": "c", "client_secret": "s"}),
    );
    assert_eq!(refused.0, StatusCode::CONFLICT);
}

fn application(bearer: &str, enabled: &str) -> Value {
    json!({"id": 1011, "application_id": 1011, "tenant_id": 9021, "tenant_name": "Maple Grove",
        "enabled": enabled, "bearer": bearer, "oneroster_application_id": "%2Fapp%3D",
        "name": "Rollcall", "version": "1.1"})
}

#[test]
fn a_partner_reads_the_district_that_the_operator_set_and_no_other() {
    let (district, elsewhere) = elsewhere::district();
    people(&elsewhere);
    {
        let mut elsewhere = elsewhere.lock().unwrap();
        elsewhere.applications = vec![application("bearer-1", "true")];
        elsewhere.admits.insert("Bearer bearer-1".to_owned());
    }
    let way = json!({"kind": "classlink_partner", "tenant": "9021"});
    let asked = request(Method::POST, &district.admin, CONNECTIONS, &new(&way));
    let refused = district.refuses(asked, StatusCode::FORBIDDEN, &[]);
    assert_eq!(refused["errors"][0]["field"], "oneroster.way.tenant");
    make(&district, OPERATOR, &way);
    let others = "/api/v1/tenants/oak/connections";
    let asked = request(Method::POST, OPERATOR, others, &new(&way));
    district.refuses(asked, StatusCode::CONFLICT, &["maple"]);
    let (_, list) = district.get(OPERATOR, "/api/v1/classlink/applications");
    assert_eq!(
        list["items"],
        json!([{"tenant": "9021", "tenant_name": "Maple Grove", "application": "%2Fapp%3D",
            "is_approved": true, "holder": {"tenant": "maple", "connection": "sis"}}])
    );
    put_to_use(&district);
    let run = drive(&district);
    assert_eq!(run["state"], "applied", "{run}");
    shows_nothing_of(&district, &["bearer-1", "partner-key-of-classlink"]);
    // A new bearer is found by itself.
    {
        let mut elsewhere = elsewhere.lock().unwrap();
        elsewhere.applications = vec![application("bearer-2", "true")];
        elsewhere.admits = ["Bearer bearer-2".to_owned()].into();
    }
    assert_eq!(drive(&district)["state"], "unchanged");
    // The same one, refused: the district has withdrawn.
    elsewhere.lock().unwrap().admits.clear();
    let run = drive(&district);
    assert_eq!(run["failure"]["code"], "reconnect_needed", "{run}");
    let (_, shown) = district.get(&district.viewer, CONNECTION);
    assert!(
        shown["attention"].as_str().unwrap().contains("withdrawn"),
        "{shown}"
    );
    assert_eq!(accounts(&district).len(), 2);
}

#[test]
fn one_district_of_classlink_is_read_with_its_own_application() {
    let (district, elsewhere) = elsewhere::district();
    people(&elsewhere);
    elsewhere
        .lock()
        .unwrap()
        .admits
        .insert("Bearer own-bearer".to_owned());
    make(
        &district,
        &district.admin,
        &json!({"kind": "classlink_proxy", "application": "%2Fapp%3D"}),
    );
    let refused = put(
        &district,
        &json!({"kind": "oauth1", "key": "k", "secret": "s"}),
    );
    assert_eq!(refused.0, StatusCode::CONFLICT);
    put(&district, &json!({"kind": "bearer", "token": "own-bearer"}));
    put_to_use(&district);
    let run = drive(&district);
    assert_eq!(run["state"], "applied", "{run}");
}

#[test]
fn a_connection_for_files_is_saved_and_needs_nothing_else() {
    let (district, _) = elsewhere::district();
    let new = json!({"id": "files", "provider": "csv", "mode": "import"});
    let (status, made) = district.post(&district.admin, CONNECTIONS, &new);
    assert_eq!(
        (status, &made["settings"]["name"]),
        (StatusCode::CREATED, &"CSV".into())
    );
    let files = format!("{CONNECTIONS}/files");
    for path in ["test", "authorize"] {
        let path = format!("{files}/{path}");
        let asked = request(Method::POST, &district.admin, &path, &Value::Null);
        district.refuses(asked, StatusCode::CONFLICT, &[]);
    }
    let (_, saved) = district.post(&district.admin, &format!("{files}/save"), &Value::Null);
    assert_eq!(saved["state"], "active");
    let (status, _) = district.call(Method::DELETE, &district.admin, &files, &Value::Null);
    assert_eq!(status, StatusCode::OK);
}

#[test]
fn whom_a_server_names_as_changed_is_looked_at_once_and_again_after_an_hour() {
    let (district, elsewhere) = elsewhere::district();
    people(&elsewhere);
    elsewhere
        .lock()
        .unwrap()
        .admits
        .insert("Bearer sis-token".to_owned());
    make(&district, &district.admin, &direct());
    put(&district, &json!({"kind": "bearer", "token": "sis-token"}));
    put_to_use(&district);
    // After the night, which would find everything by itself.
    district.ports.advance(Duration::from_hours(2));
    drive(&district);
    pass_minutes(&district, 1);
    assert_eq!(accounts(&district).len(), 2);
    let rename = |name: &str| {
        let mut elsewhere = elsewhere.lock().unwrap();
        let person = elsewhere.oneroster.get_mut("u-1").unwrap();
        person["givenName"] = name.into();
        person["dateLastModified"] = "2026-09-01T00:00:00.000Z".into();
        elsewhere.changed = vec!["u-1".to_owned()];
    };
    let name = || accounts(&district)["u-1@maplegrove.example"]["given_name"].clone();
    rename("Ada");
    let look = pass_minutes(&district, 8);
    assert_eq!(
        (&look["work"], &look["state"]),
        (&"look".into(), &"applied".into()),
        "{look}"
    );
    assert_eq!(name(), "Ada");
    rename("Eve");
    assert_eq!(pass_minutes(&district, 20)["id"], look["id"]);
    pass_minutes(&district, 50);
    assert_eq!(name(), "Eve");
}
