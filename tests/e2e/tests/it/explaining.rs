//! Preview and "why?".

use driver::District;
use e2e::{World, expected_accounts, map_schools};
use serde_json::{Value, json};

async fn why(district: &District, email: &str) -> Value {
    let path = district.connection_path(&format!("/explain?email={email}"));
    district.admin.get(&path).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_shows_what_a_run_would_do_and_writes_no_account() {
    let world = World::of(400).await.unwrap();
    let district = world.district().await.unwrap();
    map_schools(&district, &world.google).await.unwrap();
    let preview = world.preview(&district).await.unwrap();
    assert_eq!(preview["state"], "planned", "{preview}");
    let expected = expected_accounts(&world.google);
    assert_eq!(preview["counts"]["total"]["creates"], expected.len());
    assert!(world.accounts(&district).await.unwrap().is_empty());
    assert!(world.stored("roster/").is_empty());
    let path = district.path(&format!(
        "/runs/{}/changes",
        preview["id"].as_str().unwrap()
    ));
    let previewed = district.all(&path).await.unwrap();
    assert_eq!(previewed.len(), expected.len());

    let run = world.sync(&district).await.unwrap();
    assert_eq!(run["counts"], preview["counts"]);
    let path = district.path(&format!("/runs/{}/changes", run["id"].as_str().unwrap()));
    let applied = district.all(&path).await.unwrap();
    let shape = |changes: &[Value]| {
        let mut shape: Vec<Value> = changes
            .iter()
            .map(|change| {
                json!([
                    change["after"]["email"],
                    change["kind"],
                    change["reason"],
                    change["cause"]
                ])
            })
            .collect();
        shape.sort_by_key(Value::to_string);
        shape
    };
    assert_eq!(shape(&applied), shape(&previewed));
}

#[tokio::test(flavor = "multi_thread")]
async fn why_shows_every_rule_in_order_and_which_one_decides() {
    let world = World::of(300).await.unwrap();
    let district = world.district().await.unwrap();
    map_schools(&district, &world.google).await.unwrap();
    let expected = expected_accounts(&world.google);
    let directory = world.google.directory();
    let unit_of = |address: &str| {
        let unit = directory.user(address).unwrap().org_unit;
        directory.org_units().path(unit).to_owned()
    };
    let mut students = expected
        .iter()
        .filter(|(_, person)| person.roles.contains("student") && person.school.is_some());
    let (blocked, _) = students.next().unwrap();
    let unit = unit_of(blocked);
    let (wanted, _) = students
        .find(|(address, _)| unit_of(address) != unit)
        .unwrap();
    let blocking = json!({
        "id": "no-such-class",
        "attribute": "orgUnitPath",
        "condition": "IS",
        "expression": unit.to_uppercase(),
        "status": "BLOCK",
        "at": 0,
    });
    let path = district.connection_path("/rules/filters");
    district.admin.post(&path, &blocking).await.unwrap();
    let run = world.sync(&district).await.unwrap();
    assert_eq!(run["state"], "applied", "{run}");
    let accounts = world.accounts(&district).await.unwrap();

    let answer = why(&district, wanted).await;
    assert_eq!(answer["person"]["found"], "record", "{answer}");
    assert!(
        answer["explanation"]["outcome"]["in_scope"].is_object(),
        "{answer}"
    );
    assert_eq!(answer["account"], accounts[wanted]);
    let deciding = |answer: &Value| {
        let filters = answer["explanation"]["filters"].as_array().unwrap().clone();
        let deciding: Vec<Value> = filters
            .into_iter()
            .filter(|rule| rule["decides"] == true)
            .collect();
        assert_eq!(deciding.len(), 1, "{answer}");
        deciding[0].clone()
    };
    assert_eq!(deciding(&answer)["status"], "ALLOW");

    let answer = why(&district, blocked).await;
    assert_eq!(deciding(&answer)["id"], "no-such-class");
    assert_eq!(
        answer["explanation"]["outcome"]["out_of_scope"]["why"],
        "blocked"
    );
    assert!(answer.get("account").is_none(), "{answer}");
    assert!(!accounts.contains_key(blocked));

    let answer = why(&district, "nobody@maplegrove.example").await;
    assert_eq!(answer["person"]["found"], "nobody", "{answer}");
    assert!(answer.get("account").is_none());
}
