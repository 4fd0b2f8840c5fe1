//! Classes and schools, as clients read them.

use super::district::{District, request};
use engine::large;
use engine::lease::Lease;
use engine::memory::block_on;
use engine::roster::derived_account_id;
use engine::roster::shard::Range;
use engine::roster::{BaseRow, Commit, Entry, MapDraft, MapRoot, base_map, commit};
use engine::schooling::{SchoolingRow, map_of};
use http::{Method, StatusCode};
use mapping::ids::{ConnectionId, ExternalId, TenantId};
use mapping::schooling::School;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const CLASSES: &str = "/api/v1/tenants/maple/classes";

async fn map<T: Entry>(district: &District, rows: Vec<T>) -> MapRoot {
    let (ports, tenant) = (&district.ports, tenant());
    let expected = rows.len() as u64 * 40;
    let draft = MapDraft::begin(ports, &tenant, MapRoot::default(), expected).await;
    let mut draft = draft.unwrap();
    draft.store(ports, Range::ALL, rows, 0).await.unwrap();
    draft.save(ports).await.unwrap()
}

fn tenant() -> TenantId {
    TenantId::parse("maple").unwrap()
}

fn class(id: &str) -> SchoolingRow {
    let value = json!({"c": {"i": id, "t": "Biology", "s": "north", "c": "B-1", "g": ["9"],
        "m": [{"x": "p1", "r": "teacher", "l": true},
            {"x": "p2", "r": "student", "b": "2026-08-10", "e": "2027-06-05"},
            {"x": "p3", "r": "student"}]}});
    SchoolingRow::new(serde_json::from_value(value).unwrap())
}

/// A district whose two connections show classes, and whose people p1 and p2 have accounts.
fn taught() -> District {
    let district = District::new();
    district.connect();
    let google = ConnectionId::parse("google").unwrap();
    let files = ConnectionId::parse("files").unwrap();
    block_on(async {
        let known = ["p1", "p2"].map(|person| {
            let external_id = ExternalId::parse(person).unwrap();
            let derived = derived_account_id(&tenant(), &google, &external_id);
            let entry = json!({"a": derived, "d": "0".repeat(32), "r": 1});
            BaseRow {
                external_id,
                derived,
                entry: serde_json::from_value(entry).unwrap(),
            }
        });
        let mut rows: Vec<SchoolingRow> = (0..7)
            .map(|number| class(&format!("A/{number} ü+")))
            .collect();
        let others = [
            json!({"s": {"i": "north", "n": "North"}}),
            json!({"u": {"i": "bio", "t": "Biology"}}),
        ];
        let others = others.map(|value| SchoolingRow::new(serde_json::from_value(value).unwrap()));
        rows.extend(others);
        let few = vec![class("only")];
        let maps = [
            (base_map(&google), map(&district, known.to_vec()).await),
            (map_of(&google), map(&district, rows).await),
            (map_of(&files), map(&district, few).await),
        ];
        let maple = tenant();
        let lease = Lease::take(&district.ports, &maple).await.unwrap().unwrap();
        let draft = Commit {
            maps: BTreeMap::from(maps),
            ..Commit::default()
        };
        let published = commit::publish(&district.ports, &maple, &lease, draft).await;
        published.unwrap();
    });
    district
}

#[test]
fn every_class_of_every_connection_is_on_one_page() {
    let district = taught();
    for limit in [1, 2, 3, 7, 8, 100] {
        let mut found: Vec<(String, String)> = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut path = format!("{CLASSES}?limit={limit}");
            if let Some(cursor) = &cursor {
                let encoded: String = form_urlencoded::byte_serialize(cursor.as_bytes()).collect();
                path = format!("{path}&cursor={encoded}");
            }
            let (status, page) = district.get(&district.viewer, &path);
            assert_eq!(status, StatusCode::OK, "{page}");
            let items = page["items"].as_array().unwrap();
            assert!(!items.is_empty() && items.len() <= limit);
            for item in items {
                assert_eq!(item["member_count"], 3);
                assert_eq!(item.get("members"), None);
                let text = |name: &str| item[name].as_str().unwrap().to_owned();
                found.push((text("connection"), text("id")));
            }
            cursor = page["next"].as_str().map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(found.len(), 8, "limit {limit}");
        found.sort();
        found.dedup();
        assert_eq!(found.len(), 8, "limit {limit}");
    }
}

#[test]
fn a_class_shows_everybody_in_it_with_the_accounts_that_are_known() {
    let district = taught();
    let path = format!("{CLASSES}/google/A%2F3%20%C3%BC+");
    let (status, class) = district.get(&district.viewer, &path);
    assert_eq!(status, StatusCode::OK, "{class}");
    assert_eq!(class["id"], "A/3 ü+");
    assert_eq!(class["school"], "north");
    assert_eq!(class["grades"], json!(["9"]));
    assert_eq!(class["member_count"], 3);
    let google = ConnectionId::parse("google").unwrap();
    let account = |person: &str| {
        let id = ExternalId::parse(person).unwrap();
        derived_account_id(&tenant(), &google, &id).to_string()
    };
    assert_eq!(
        class["members"],
        json!([
            {"person": "p1", "account": account("p1"), "role": "teacher", "primary": true},
            {"person": "p2", "account": account("p2"), "role": "student", "primary": false,
                "begins_on": "2026-08-10", "ends_on": "2027-06-05"},
            {"person": "p3", "role": "student", "primary": false},
        ])
    );
}

#[test]
fn what_is_no_class_is_not_found() {
    let district = taught();
    for path in [
        "google/nothing",
        "google/north",
        "nowhere/only",
        "google/%FF",
        "google/%0A",
        "No%20Connection/only",
    ] {
        let path = format!("{CLASSES}/{path}");
        let request = request(Method::GET, &district.viewer, &path, &Value::Null);
        district.refuses(request, StatusCode::NOT_FOUND, &[]);
    }
    for cursor in ["x", "google/", "No/only", "google%2F%0A"] {
        let path = format!("{CLASSES}?cursor={cursor}");
        let request = request(Method::GET, &district.viewer, &path, &Value::Null);
        district.refuses(request, StatusCode::BAD_REQUEST, &[]);
    }
}

#[test]
fn schools_are_listed_as_they_were_read_last() {
    let district = taught();
    let path = "/api/v1/tenants/maple/connections/google/schools";
    let (status, list) = district.get(&district.viewer, path);
    assert_eq!((status, list), (StatusCode::OK, json!({"items": []})));
    let schools: Vec<School> = serde_json::from_value(json!([
        {"i": "d", "n": "Maple Grove", "k": "district"},
        {"i": "north", "n": "North", "d": "042", "p": "d"},
    ]))
    .unwrap();
    block_on(large::write(
        &district.ports,
        "schools/maple/google",
        &schools,
    ))
    .unwrap();
    let (_, list) = district.get(&district.viewer, path);
    assert_eq!(
        list["items"],
        json!([
            {"id": "d", "name": "Maple Grove", "kind": "district"},
            {"id": "north", "name": "North", "kind": "school", "identifier": "042", "parent": "d"},
        ])
    );
    let other = "/api/v1/tenants/maple/connections/nowhere/schools";
    assert_eq!(
        district.get(&district.viewer, other).0,
        StatusCode::NOT_FOUND
    );
    assert_ne!(district.get(&district.stranger, path).0, StatusCode::OK);
}
