//! Several connections: their order, and requests about one of them.

use super::district::{District, request};
use super::people::{active, set_state};
use http::{Method, StatusCode};
use serde_json::{Value, json};

const CONNECTIONS: &str = "/api/v1/tenants/maple/connections";
const ORDER: &str = "/api/v1/tenants/maple/connections/order";
const RUNS: &str = "/api/v1/tenants/maple/runs";
const PREVIEWS: &str = "/api/v1/tenants/maple/previews";

/// A district with the connections `google`, which is in use, and `oak`, which is a draft.
fn two() -> District {
    let district = active();
    let oak = json!({"id": "oak", "provider": "google", "domain": "oak.example", "mode": "import"});
    let (status, body) = district.post(&district.admin, CONNECTIONS, &oak);
    assert_eq!(status, StatusCode::CREATED, "{body}");
    district
}

#[test]
fn the_order_is_that_of_making_until_it_is_set() {
    let district = two();
    let (status, order) = district.get(&district.viewer, ORDER);
    assert_eq!(status, StatusCode::OK);
    assert_eq!(order, json!({"connections": ["google", "oak"]}));
    let turned = json!({"connections": ["oak"]});
    let (status, order) = district.call(Method::PUT, &district.admin, ORDER, &turned);
    assert_eq!(status, StatusCode::OK);
    assert_eq!(order, json!({"connections": ["oak", "google"]}));
    assert_eq!(district.get(&district.viewer, ORDER).1, order);
    let (_, audit) = district.get(&district.viewer, "/api/v1/tenants/maple/audit");
    let newest = audit["items"][0]["what"].as_str();
    assert_eq!(newest, Some("connections_ordered"), "{audit}");
}

#[test]
fn an_order_that_can_not_be_is_refused() {
    let district = two();
    for body in [
        json!({"connections": ["oak", "oak"]}),
        json!({"connections": ["nobody"]}),
        json!({"connections": "oak"}),
        json!({"order": ["oak"]}),
    ] {
        let asked = request(Method::PUT, &district.admin, ORDER, &body);
        district.refuses(asked, StatusCode::UNPROCESSABLE_ENTITY, &[]);
    }
    let body = json!({"connections": ["oak"]});
    let asked = request(Method::PUT, &district.viewer, ORDER, &body);
    district.refuses(asked, StatusCode::FORBIDDEN, &[]);
}

#[test]
fn no_connection_is_called_order() {
    let district = two();
    let body = json!({"id": "order", "provider": "google", "domain": "oak.example",
        "mode": "import"});
    let asked = request(Method::POST, &district.admin, CONNECTIONS, &body);
    let refused = district.refuses(asked, StatusCode::UNPROCESSABLE_ENTITY, &[]);
    assert_eq!(refused["errors"][0]["field"], "id");
}

#[test]
fn runs_and_previews_can_be_asked_for_of_one_connection() {
    let district = two();
    for path in [RUNS, PREVIEWS] {
        let body = json!({"connection": "google"});
        let (status, asked) = district.post(&district.admin, path, &body);
        assert_eq!(status, StatusCode::ACCEPTED, "{asked}");
        let run = format!("{RUNS}/{}", asked["run"].as_str().unwrap());
        let (_, run) = district.get(&district.viewer, &run);
        assert_eq!(
            (&run["only"], &run["connection"], &run["series"]),
            (&json!("google"), &json!("google"), &run["id"])
        );
        let listed = format!("{RUNS}?series={}", run["id"].as_str().unwrap());
        let (_, series) = district.get(&district.viewer, &listed);
        assert_eq!(series["items"], json!([run]));
    }
    for body in [Value::Null, json!({})] {
        let (status, asked) = district.post(&district.admin, RUNS, &body);
        assert_eq!(status, StatusCode::ACCEPTED, "{asked}");
        assert_eq!(asked["joined"], true);
    }
}

#[test]
fn a_connection_that_runs_do_not_read_can_not_be_asked_for() {
    let district = two();
    for path in [RUNS, PREVIEWS] {
        for (body, status) in [
            (json!({"connection": "oak"}), StatusCode::CONFLICT),
            (
                json!({"connection": "nobody"}),
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            (json!({"connection": 7}), StatusCode::UNPROCESSABLE_ENTITY),
            (
                json!({"connections": ["google"]}),
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
        ] {
            let asked = request(Method::POST, &district.admin, path, &body);
            district.refuses(asked, status, &[]);
        }
        set_state(&district, "reconnect_needed");
        let asked = request(
            Method::POST,
            &district.admin,
            path,
            &json!({"connection": "google"}),
        );
        district.refuses(asked, StatusCode::CONFLICT, &[]);
        set_state(&district, "active");
    }
}

#[test]
fn a_series_that_is_not_there_has_no_runs_and_a_strange_cursor_is_refused() {
    let district = two();
    for series in ["r000009", "R!"] {
        let (status, list) = district.get(&district.viewer, &format!("{RUNS}?series={series}"));
        assert_eq!((status, &list["items"]), (StatusCode::OK, &json!([])));
    }
    let far = format!("{RUNS}?cursor=18446744073709551615.4294967295");
    assert_eq!(district.get(&district.viewer, &far).0, StatusCode::OK);
    let strange = request(
        Method::GET,
        &district.viewer,
        &format!("{RUNS}?cursor=1.x"),
        &Value::Null,
    );
    district.refuses(strange, StatusCode::BAD_REQUEST, &[]);
}
