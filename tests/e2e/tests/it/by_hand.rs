//! What administrators do by hand: edits, restorations, undo, held plans and the guard.

use driver::{Answer, Application, District, text};
use e2e::{World, map_schools};
use fake_providers::google::Change;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A district in sync.
async fn in_sync(people: usize) -> (World, District, BTreeMap<String, Value>) {
    let world = World::of(people).await.unwrap();
    let district = world.district().await.unwrap();
    map_schools(&district, &world.google).await.unwrap();
    let first = world.sync(&district).await.unwrap();
    assert_eq!(first["state"], "applied", "{first}");
    let accounts = world.accounts(&district).await.unwrap();
    (world, district, accounts)
}

fn students(accounts: &BTreeMap<String, Value>) -> Vec<&String> {
    let is_student = |account: &Value| account["roles"][0] == "student";
    let students = accounts.iter().filter(|(_, account)| is_student(account));
    students.map(|(address, _)| address).collect()
}

fn account_path(district: &District, account: &Value, rest: &str) -> String {
    let id = text(account, "id").unwrap();
    district.path(&format!("/accounts/{id}{rest}"))
}

async fn ask(app: &Application, method: Method, path: &str, body: &Value) -> Answer {
    app.send(method, path, Some(body)).await.unwrap()
}

fn suspend(world: &World, addresses: &[&String]) {
    for address in addresses {
        world
            .google
            .change(&Change::SetSuspended {
                user: (*address).clone(),
                suspended: true,
            })
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_is_answered_with_the_account_and_survives_the_next_run() {
    let (world, district, accounts) = in_sync(120).await;
    let address = students(&accounts)[0];
    let path = account_path(&district, &accounts[address], "");
    let edit = json!({"given_name": "Annie", "grade": null});
    let answer = ask(&district.admin, Method::PATCH, &path, &edit).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.body["given_name"], "Annie");
    assert_eq!(answer.body["pinned"], json!(["given_name", "grade"]));
    world
        .google
        .change(&Change::RenameUser {
            user: address.clone(),
            email: None,
            given_name: Some("Anastasia".to_owned()),
            family_name: Some("Newname".to_owned()),
        })
        .unwrap();
    let run = world.sync(&district).await.unwrap();
    assert_eq!(run["counts"]["total"]["updates"], 1);
    let now = district.admin.get(&path).await.unwrap();
    assert_eq!(
        (&now["given_name"], &now["family_name"]),
        (&json!("Annie"), &json!("Newname"))
    );
    let path = district.path("/runs?lane=edit");
    let edits = district.admin.get(&path).await.unwrap();
    let edits = edits["items"].as_array().unwrap();
    assert_eq!(edits.len(), 1);
    let changes = format!("/runs/{}/changes", text(&edits[0], "id").unwrap());
    let changes = district.all(&district.path(&changes)).await.unwrap();
    assert_eq!(changes[0]["reason"], "edited_by_hand");
    assert_eq!(
        changes[0]["before"]["given_name"],
        accounts[address]["given_name"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_can_not_be_changes_nothing() {
    let (world, district, accounts) = in_sync(120).await;
    let [one, other] = [0, 1].map(|n| students(&accounts)[n]);
    let path = account_path(&district, &accounts[one], "");
    let restore = account_path(&district, &accounts[one], "/restore");
    let viewer = world.viewer(&district).await.unwrap();
    let rename = json!({"given_name": "Annie"});
    let taken = json!({"email": other});
    let nowhere = json!({"memberships": [{"organization": "nowhere", "role": "student"}]});
    let long = json!({"given_name": "x".repeat(201)});
    for (app, method, path, body, status) in [
        (
            &viewer,
            Method::PATCH,
            &path,
            &rename,
            StatusCode::FORBIDDEN,
        ),
        (
            &district.admin,
            Method::PATCH,
            &path,
            &taken,
            StatusCode::CONFLICT,
        ),
        (
            &district.admin,
            Method::PATCH,
            &path,
            &nowhere,
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            &district.admin,
            Method::PATCH,
            &path,
            &long,
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            &district.admin,
            Method::PATCH,
            &path,
            &json!({"id": "x"}),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            &district.admin,
            Method::PATCH,
            &district.path("/accounts/nobody"),
            &rename,
            StatusCode::NOT_FOUND,
        ),
        (
            &district.admin,
            Method::POST,
            &restore,
            &json!({}),
            StatusCode::CONFLICT,
        ),
        (
            &viewer,
            Method::POST,
            &restore,
            &json!({}),
            StatusCode::FORBIDDEN,
        ),
    ] {
        let answer = ask(app, method, path, body).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
        assert_eq!(answer.media_type, "application/problem+json");
        let said = answer.body.to_string();
        assert!(!said.contains(other.as_str()), "{said}");
    }
    assert_eq!(world.accounts(&district).await.unwrap(), accounts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_undone_and_what_it_did_is_not_done_again_unseen() {
    let (world, district, before) = in_sync(120).await;
    let gone: Vec<&String> = students(&before).into_iter().take(5).collect();
    suspend(&world, &gone);
    let run = world.sync(&district).await.unwrap();
    assert_eq!(run["state"], "applied", "{run}");
    let generation = run["generation"].as_u64().unwrap();
    let commits = district
        .admin
        .get(&district.path("/commits"))
        .await
        .unwrap();
    assert_eq!(commits["items"][0]["generation"], generation);
    assert_eq!(commits["items"][0]["run"], run["id"]);
    let path = district.path(&format!("/commits/{generation}/undo"));
    let asked = ask(&district.admin, Method::POST, &path, &json!({})).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.body);
    let undo = world
        .finish(&district, text(&asked.body, "run").unwrap())
        .await
        .unwrap();
    assert_eq!(undo["state"], "applied", "{undo}");
    assert_eq!(undo["counts"]["total"]["restorations"], 5);
    assert_eq!(world.accounts(&district).await.unwrap(), before);
    // Google still says what was undone: somebody has to look at it first.
    let next = world.sync(&district).await.unwrap();
    assert_eq!(next["state"], "held", "{next}");
    assert_eq!(next["refusals"][0]["refusal"], "after_undo");
    assert_eq!(world.accounts(&district).await.unwrap(), before);
    let first = district.path("/commits/1/undo");
    let refused = ask(&district.admin, Method::POST, &first, &json!({})).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    for path in ["/commits/99/undo", "/commits/0/undo", "/commits/x/undo"] {
        let refused = ask(
            &district.admin,
            Method::POST,
            &district.path(path),
            &json!({}),
        )
        .await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{path}");
    }
    world
        .advance(std::time::Duration::from_hours(31 * 24))
        .unwrap();
    let refused = ask(
        &district.admin,
        Method::POST,
        &path,
        &json!({"with_later": true}),
    )
    .await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.body);
    assert_eq!(world.accounts(&district).await.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_person_is_restored() {
    let (world, district, before) = in_sync(120).await;
    let address = students(&before)[0];
    let path = district.connection_path("/rules/leaving");
    let leaving = json!({"deleted": "delete", "moved": "suspend"});
    let set = ask(&district.admin, Method::PUT, &path, &leaving).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.body);
    world
        .google
        .change(&Change::DeleteUser {
            user: address.clone(),
        })
        .unwrap();
    world.sync(&district).await.unwrap();
    let path = account_path(&district, &before[address], "");
    assert_eq!(
        district.admin.get(&path).await.unwrap()["status"],
        "deleted"
    );
    let restored = district
        .admin
        .post(&format!("{path}/restore"), &json!({}))
        .await
        .unwrap();
    assert_eq!(restored["status"], "active");
    let next = world.sync(&district).await.unwrap();
    assert_eq!(next["state"], "unchanged", "{next}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_plan_is_looked_at_and_planned_anew_with_other_limits() {
    let (world, district, before) = in_sync(160).await;
    let gone: Vec<&String> = students(&before).into_iter().take(40).collect();
    suspend(&world, &gone);
    let held = world.sync(&district).await.unwrap();
    assert_eq!(held["state"], "held", "{held}");
    let run = text(&held, "id").unwrap().to_owned();
    let changes = district
        .all(&district.path(&format!("/runs/{run}/changes")))
        .await
        .unwrap();
    assert_eq!(changes.len(), 40);
    let replan = district.path(&format!("/runs/{run}/replan"));
    let viewer = world.viewer(&district).await.unwrap();
    for path in [&replan, &district.path(&format!("/runs/{run}/approve"))] {
        let refused = ask(&viewer, Method::POST, path, &json!({})).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
    let guard = district.path("/guard");
    let usual = district.admin.get(&guard).await.unwrap();
    assert_eq!(
        usual["limits"]["everybody"]["suspensions"],
        json!({"share_percent": 10, "count": 20})
    );
    let bad = json!({"roll_overs": [{"from": "2026-08-28", "until": "2026-08-03"}]});
    let refused = ask(&district.admin, Method::PUT, &guard, &bad).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.body["errors"][0]["field"], "roll_overs[0]");
    let wide = json!({"share_percent": 100, "count": 1000});
    let limits =
        json!({"limits": {"everybody": {"suspensions": wide}, "schools": {"suspensions": wide}}});
    let refused = ask(&viewer, Method::PUT, &guard, &limits).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(district.admin.get(&guard).await.unwrap(), usual);
    let set = ask(&district.admin, Method::PUT, &guard, &limits).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.body);
    let asked = ask(&district.admin, Method::POST, &replan, &json!({})).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.body);
    let new = world
        .finish(&district, text(&asked.body, "run").unwrap())
        .await
        .unwrap();
    assert_eq!(new["state"], "applied", "{new}");
    assert_eq!(new["counts"]["total"]["suspensions"], 40);
    let old = district
        .admin
        .get(&district.path(&format!("/runs/{run}")))
        .await
        .unwrap();
    assert_eq!(old["state"], "superseded");
    let approve = district.path(&format!("/runs/{run}/approve"));
    let refused = ask(&district.admin, Method::POST, &approve, &json!({})).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_the_rules_no_longer_reach_is_kept_and_listed() {
    let (world, district, before) = in_sync(120).await;
    let path = district.path("/accounts?limit=500&no_longer_in_scope=true");
    let listed = district.admin.get(&path).await.unwrap();
    assert_eq!(listed["items"], json!([]));
    let rules = district
        .admin
        .get(&district.connection_path("/rules"))
        .await
        .unwrap();
    let filter = json!({
        "attribute": "orgUnitPath", "condition": "STARTS_WITH", "status": "BLOCK", "at": 0,
        "expression": rules["links"][0]["unit"]["path"],
    });
    let filters = district.connection_path("/rules/filters");
    district.admin.post(&filters, &filter).await.unwrap();
    let run = world.sync(&district).await.unwrap();
    assert_eq!(run["state"], "applied", "{run}");
    let listed = district.admin.get(&path).await.unwrap();
    let listed = listed["items"].as_array().unwrap();
    assert!(!listed.is_empty());
    assert_eq!(run["counts"]["total"]["marks"], listed.len());
    for account in listed {
        assert_eq!(account["status"], "active");
        assert!(before.contains_key(text(account, "email").unwrap()));
    }
    let bad = district.path("/accounts?no_longer_in_scope=maybe");
    let refused = district.admin.send(Method::GET, &bad, None).await.unwrap();
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}
