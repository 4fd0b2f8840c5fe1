//! What happens to accounts when people change between two nights.

use driver::District;
use e2e::{DOMAIN, World, expected_accounts, map_schools};
use fake_providers::faults::{Fault, FaultKind};
use fake_providers::google::{Change, MemberRole, Outcome};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Where no rule reaches.
const OUT_OF_SCOPE: &str = "/Devices";

/// The addresses of students who have an account and an organization.
fn students(accounts: &BTreeMap<String, Value>) -> Vec<String> {
    let students = accounts.iter().filter(|(_, account)| {
        account["roles"][0] == "student" && account["memberships"][0].is_object()
    });
    students.map(|(address, _)| address.clone()).collect()
}

/// The changes of a run, by the account's address before, or after for a new one.
async fn changes(district: &District, run: &Value) -> BTreeMap<String, Value> {
    let path = district.path(&format!("/runs/{}/changes", run["id"].as_str().unwrap()));
    let changes = district.all(&path).await.unwrap();
    let address = |change: &Value| {
        let before = change["before"]["email"].as_str();
        before
            .or(change["after"]["email"].as_str())
            .unwrap()
            .to_owned()
    };
    changes
        .into_iter()
        .map(|change| (address(&change), change))
        .collect()
}

fn change(world: &World, change: &Change) {
    world.google.change(change).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_of_a_person_is_one_change_of_an_account_with_its_reason() {
    let world = World::of(600).await.unwrap();
    let district = world.district().await.unwrap();
    map_schools(&district, &world.google).await.unwrap();
    let first = world.sync(&district).await.unwrap();
    assert_eq!(first["state"], "applied", "{first}");
    let before = world.accounts(&district).await.unwrap();
    let students = students(&before);
    let [renamed, moved, suspended, deleted, away] = [0, 1, 2, 3, 4].map(|n| students[n].clone());
    let own = before[&moved]["memberships"][0]["organization"].clone();
    let schools = world.google.district().schools();
    let organizations = district
        .all(&district.path("/organizations"))
        .await
        .unwrap();
    let new_school = schools
        .iter()
        .map(|school| school.name.clone())
        .find(|name| {
            let found = organizations.iter().find(|known| known["name"] == **name);
            found.unwrap()["id"] != own
        })
        .unwrap();
    let arrived = "noor.new@maplegrove.example".to_owned();
    let user = |address: &String| address.clone();
    for change in [
        Change::RenameUser {
            user: user(&renamed),
            email: None,
            given_name: None,
            family_name: Some("O'Brien-Ñúñez".to_owned()),
        },
        Change::MoveUser {
            user: user(&moved),
            org_unit: format!("/Students/{new_school}"),
        },
        Change::SetSuspended {
            user: user(&suspended),
            suspended: true,
        },
        Change::DeleteUser {
            user: user(&deleted),
        },
        Change::MoveUser {
            user: user(&away),
            org_unit: OUT_OF_SCOPE.to_owned(),
        },
        Change::AddUser {
            email: arrived.clone(),
            given_name: "Noor".to_owned(),
            family_name: "New".to_owned(),
            org_unit: format!("/Students/{new_school}"),
        },
    ] {
        self::change(&world, &change);
    }
    let second = world.sync(&district).await.unwrap();
    assert_eq!(second["state"], "applied", "{second}");
    let total = &second["counts"]["total"];
    assert_eq!(total["creates"], 1, "{total}");
    assert_eq!(total["updates"], 2, "{total}");
    assert_eq!(total["suspensions"], 3, "{total}");
    assert_eq!(total["deletions"], 0, "{total}");

    let changes = changes(&district, &second).await;
    assert_eq!(changes.len(), 6, "{changes:?}");
    let kinds = [
        (&renamed, "update", "imported"),
        (&moved, "update", "imported"),
        (&suspended, "suspend", "suspended_at_source"),
        (&deleted, "suspend", "deleted_at_source"),
        (&away, "suspend", "moved_out_of_scope"),
        (&arrived, "create", "imported"),
    ];
    for (address, kind, reason) in kinds {
        let change = &changes[address];
        assert_eq!(change["kind"], kind, "{change}");
        assert_eq!(change["reason"], reason, "{change}");
        let known = before.get(address).unwrap_or(&Value::Null);
        assert_eq!(&change["before"], known);
    }
    assert_eq!(changes[&renamed]["after"]["family_name"], "O'Brien-Ñúñez");
    assert_eq!(changes[&renamed]["fields"][0], "family_name");
    let place = &changes[&moved]["after"]["memberships"][0]["organization"];
    assert_ne!(place, &own);

    // Everybody else is as before, to the byte, and nobody is gone.
    let after = world.accounts(&district).await.unwrap();
    assert_eq!(after.len(), before.len() + 1);
    for (address, account) in &before {
        let wanted = changes
            .get(address)
            .map_or(account, |change| &change["after"]);
        assert_eq!(&after[address], wanted);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_come_back_get_their_old_account_back() {
    let world = World::of(300).await.unwrap();
    let district = world.district().await.unwrap();
    map_schools(&district, &world.google).await.unwrap();
    world.sync(&district).await.unwrap();
    let before = world.accounts(&district).await.unwrap();
    let students = students(&before);
    let (suspended, away) = (students[0].clone(), students[1].clone());
    let directory = world.google.directory();
    let unit = directory.user(&away).unwrap().org_unit;
    let home = directory.org_units().path(unit).to_owned();
    let set_suspended = |suspended_there| Change::SetSuspended {
        user: suspended.clone(),
        suspended: suspended_there,
    };
    let go = |org_unit: &str| Change::MoveUser {
        user: away.clone(),
        org_unit: org_unit.to_owned(),
    };
    change(&world, &set_suspended(true));
    change(&world, &go(OUT_OF_SCOPE));
    let gone = world.sync(&district).await.unwrap();
    assert_eq!(gone["counts"]["total"]["suspensions"], 2, "{gone}");
    let during = world.accounts(&district).await.unwrap();
    assert_eq!(during[&away]["status"], "suspended");

    change(&world, &set_suspended(false));
    change(&world, &go(&home));
    let back = world.sync(&district).await.unwrap();
    assert_eq!(back["counts"]["total"]["restorations"], 2, "{back}");
    let after = world.accounts(&district).await.unwrap();
    for address in [&suspended, &away] {
        assert_eq!(after[address]["id"], before[address]["id"]);
        assert_eq!(after[address]["status"], "active");
        assert_eq!(
            after[address]["memberships"],
            before[address]["memberships"]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_record_is_named_and_stops_nobody_else() {
    let world = World::of(300).await.unwrap();
    let district = world.district().await.unwrap();
    map_schools(&district, &world.google).await.unwrap();
    let nameless = FaultKind::ChangeField {
        index: 0,
        field: "primaryEmail".to_owned(),
        value: None,
    };
    let fault = Fault::at("/admin/directory/v1/users", nameless).times(1);
    world.google.faults().add(fault);
    let first = world.sync(&district).await.unwrap();
    assert_eq!(first["state"], "applied", "{first}");
    assert_eq!(first["issues"], 1, "{first}");
    let path = district.path(&format!("/runs/{}/issues", first["id"].as_str().unwrap()));
    let issues = district.all(&path).await.unwrap();
    assert_eq!(issues.len(), 1);
    assert_eq!(issues[0]["kind"], "missing_email", "{issues:?}");
    assert!(issues[0]["external_id"].is_string(), "{issues:?}");
    let created = first["counts"]["total"]["creates"].as_u64().unwrap();

    // The next night mends it.
    let second = world.sync(&district).await.unwrap();
    assert_eq!(second["counts"]["total"]["creates"], 1, "{second}");
    let accounts = world.accounts(&district).await.unwrap();
    assert_eq!(u64::try_from(accounts.len()).unwrap(), created + 1);
}

/// Puts somebody into a group, or takes them out.
fn regroup(world: &World, group: &str, member: &str, is_in: bool) {
    let (group, member) = (group.to_owned(), member.to_owned());
    let regrouped = if is_in {
        let role = MemberRole::Member;
        Change::AddMember {
            group,
            member,
            role,
        }
    } else {
        Change::RemoveMember { group, member }
    };
    change(world, &regrouped);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_leave_a_group_that_rules_look_at_are_suspended_and_nobody_else() {
    for all_groups in [false, true] {
        let world = World::of(100).await.unwrap();
        let [outer, inner] = ["chorus", "chorus-a"].map(|name| format!("{name}@{DOMAIN}"));
        for (email, name) in [(&outer, "Chorus"), (&inner, "Choir A")] {
            let (email, name) = (email.clone(), name.to_owned());
            change(&world, &Change::AddGroup { email, name });
        }
        regroup(&world, &outer, &inner, true);
        let people = expected_accounts(&world.google).into_iter();
        let singers: Vec<String> = people
            .filter(|(_, person)| person.roles.contains("student"))
            .map(|(address, _)| address)
            .take(6)
            .collect();
        for (index, singer) in singers.iter().enumerate() {
            let group = if index % 2 == 0 { &inner } else { &outer };
            regroup(&world, group, singer, true);
        }
        let district = world.district().await.unwrap();
        district.assign("/Staff", "teacher").await.unwrap();
        if all_groups {
            district.assign("/Students", "student").await.unwrap();
            let rules = [
                ("groupsMembership", "IS", "Chorus", "ALLOW"),
                ("orgUnitPath", "STARTS_WITH", "/Students", "BLOCK"),
            ];
            for (at, (attribute, condition, expression, status)) in rules.into_iter().enumerate() {
                let rule = json!({"attribute": attribute, "condition": condition,
                    "expression": expression, "status": status, "at": at});
                let path = district.connection_path("/rules/filters");
                district.admin.post(&path, &rule).await.unwrap();
            }
        } else {
            let subject = json!({"kind": "group", "address": outer});
            let rule = json!({"subject": subject, "account_type": "student"});
            let path = district.connection_path("/rules/assignments");
            district.admin.post(&path, &rule).await.unwrap();
        }
        let consent = Outcome::allow(&world.google.accounts().super_admin);
        district.authorize(&world.google, &consent).await.unwrap();
        district.save().await.unwrap();
        let first = world.sync(&district).await.unwrap();
        assert_eq!(first["state"], "applied", "{first}");
        let before = world.accounts(&district).await.unwrap();
        assert!(
            singers
                .iter()
                .all(|singer| before[singer]["status"] == "active")
        );

        regroup(&world, &inner, &singers[0], false);
        regroup(&world, &outer, &singers[1], false);
        let second = world.sync(&district).await.unwrap();
        assert_eq!(second["counts"]["total"]["suspensions"], 2, "{second}");
        assert_eq!(second["issues"], 0, "{second}");
        let after = world.accounts(&district).await.unwrap();
        for (index, singer) in singers.iter().enumerate() {
            let wanted = if index < 2 { "suspended" } else { "active" };
            assert_eq!(after[singer]["status"], wanted, "{index}");
        }
        let third = world.sync(&district).await.unwrap();
        assert_eq!(third["state"], "unchanged", "{third}");
    }
}
