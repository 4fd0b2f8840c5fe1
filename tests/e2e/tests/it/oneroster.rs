//! A district's OneRoster server, and `ClassLink` in front of it.

use super::elsewhere::{
    Roster, connection, counts, ended, failed, nobody_is_lost, only, own_domain, refusals, stored,
};
use driver::{District, OneRosterWay};
use e2e::{ADMIN_TENANT, Setup, World};
use fake_providers::faults::{Fault, FaultKind};
use fake_providers::oneroster::{
    BearerChange, Change, Config, IdStyle, Kind, Security, SignatureMethod,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// People of the district.
const PEOPLE: usize = 150;

const WAYS: [OneRosterWay; 3] = [
    OneRosterWay::OAuth2,
    OneRosterWay::OAuth1,
    OneRosterWay::ClassLinkProxy,
];

async fn connected(config: Config, way: OneRosterWay, more: Value) -> (World, District) {
    let world = World::with(Setup::of(PEOPLE).with_oneroster(config)).await;
    let world = world.unwrap();
    let tenant = District::bare(&world.operator, ADMIN_TENANT, "Maple Grove");
    let tenant = tenant.await.unwrap();
    let server = world.oneroster().unwrap();
    let district = tenant.connect_oneroster("sis", server, way, more);
    let district = district.await.unwrap();
    (world, district)
}

/// A district whose people were imported.
async fn imported(way: OneRosterWay) -> (World, District, Roster) {
    let (world, district) = connected(Config::default(), way, own_domain()).await;
    let first = world.sync(&district).await.unwrap();
    ended(&first, "applied");
    let roster = world.roster(&district).await.unwrap();
    (world, district, roster)
}

fn change(world: &World, change: &Change) {
    world.oneroster().unwrap().change(change).unwrap();
}

/// Somebody who has this role and is in use.
fn somebody(world: &World, role: &str) -> String {
    world.oneroster().unwrap().with_dataset(|dataset| {
        let mut rows = dataset.rows(Kind::User);
        let is_it = |user: &fake_providers::oneroster::User| user.enabled && user.has_role(role);
        let found = rows.find(|row| !row.is_deleted && row.user().is_some_and(is_it));
        found.unwrap().sourced_id.clone()
    })
}

fn knows(account: &Value, user: &str) -> bool {
    let sources = account["sources"].as_array().unwrap();
    sources.iter().any(|source| source["external_id"] == user)
}

/// What of an account does not depend on the way it came.
fn content(roster: &Roster) -> BTreeSet<String> {
    let fields = ["email", "given_name", "family_name", "roles", "grade"];
    let content = roster.values().map(|account| {
        let picked: BTreeMap<_, _> = fields
            .iter()
            .map(|field| (*field, &account[*field]))
            .collect();
        serde_json::to_string(&picked).unwrap()
    });
    content.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn oneroster_every_way_in_brings_the_same_people_and_an_unchanged_night_writes_nothing() {
    let mut seen: Option<BTreeSet<String>> = None;
    for way in WAYS {
        let (world, district) = connected(Config::default(), way, json!({"guardians": true})).await;
        let server = world.oneroster().unwrap();
        let first = world.sync(&district).await.unwrap();
        ended(&first, "applied");
        let roster = world.roster(&district).await.unwrap();
        let shown = server.with_dataset(|dataset| {
            let rows = dataset.rows(Kind::User);
            rows.filter(|row| !row.is_deleted && row.user().is_some_and(|user| user.enabled))
                .count()
        });
        let problems = super::elsewhere::issues(&district, &first).await;
        let unmatched = problems
            .iter()
            .filter(|issue| issue["severity"] == "error")
            .count();
        assert_eq!(roster.len() + unmatched, shown, "{way:?}: {problems:?}");
        let classes = district.all(&district.path("/classes")).await.unwrap();
        let there = server.with_dataset(|dataset| dataset.count(Kind::Class));
        assert_eq!(classes.len(), there, "{way:?}");
        assert_eq!(
            server.journal().unknown_parameters(),
            BTreeSet::new(),
            "{way:?}"
        );
        let content = content(&roster);
        assert_eq!(*seen.get_or_insert_with(|| content.clone()), content);

        let before = stored(&world);
        let second = world.sync(&district).await.unwrap();
        ended(&second, "unchanged");
        assert_eq!(stored(&world), before, "{way:?}");
        let bearer = server.bearer();
        let has_it = |value: &Vec<u8>| String::from_utf8_lossy(value).contains(&bearer);
        assert!(!world.stored("").values().any(has_it), "{way:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oneroster_a_server_that_knows_sha_1_alone_is_found_out_by_the_test() {
    let security = Security {
        takes_oauth2: false,
        signatures: [SignatureMethod::HmacSha1].into(),
        ..Security::default()
    };
    let config = Config {
        security,
        ..Config::default()
    };
    let (world, district) = connected(config, OneRosterWay::OAuth1, own_domain()).await;
    let first = world.sync(&district).await.unwrap();
    ended(&first, "applied");
}

#[tokio::test(flavor = "multi_thread")]
async fn oneroster_a_change_makes_the_smallest_plan_and_a_deleted_person_is_suspended() {
    let (world, district, before) = imported(OneRosterWay::OAuth2).await;
    let renamed = somebody(&world, "student");
    let fields = json!({"given_name": "Zoë"});
    change(
        &world,
        &Change::Edit {
            kind: Kind::User,
            sourced_id: renamed.clone(),
            fields: fields.as_object().unwrap().clone(),
        },
    );
    let second = world.sync(&district).await.unwrap();
    ended(&second, "applied");
    assert_eq!(counts(&second), [0, 1, 0, 0, 0]);

    let deleted = somebody(&world, "teacher");
    let mark = |is_deleted| {
        let (kind, sourced_id) = (Kind::User, deleted.clone());
        if is_deleted {
            return Change::MarkDeleted { kind, sourced_id };
        }
        Change::Restore { kind, sourced_id }
    };
    change(&world, &mark(true));
    let third = world.sync(&district).await.unwrap();
    ended(&third, "applied");
    assert_eq!(counts(&third), [0, 0, 1, 0, 0]);
    let after = world.roster(&district).await.unwrap();
    let account = only(&before, |account| knows(account, &deleted));
    let account = &after[account["id"].as_str().unwrap()];
    assert_eq!(account["status"], "suspended");
    nobody_is_lost(&before, &after, 1);

    change(&world, &mark(false));
    let fourth = world.sync(&district).await.unwrap();
    ended(&fourth, "applied");
    assert_eq!(counts(&fourth), [0, 0, 0, 1, 0]);
    // Somebody who is not in the lists any more at all.
    let removed = somebody(&world, "student");
    change(
        &world,
        &Change::Remove {
            kind: Kind::User,
            sourced_id: removed.clone(),
        },
    );
    let fifth = world.sync(&district).await.unwrap();
    ended(&fifth, "applied");
    assert_eq!(counts(&fifth), [0, 0, 1, 0, 0]);
    let after = world.roster(&district).await.unwrap();
    nobody_is_lost(&before, &after, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn oneroster_access_tokens_that_end_are_had_anew_and_credentials_that_end_need_somebody() {
    let (world, district, before) = imported(OneRosterWay::OAuth2).await;
    let server = world.oneroster().unwrap();
    server.expire_tokens();
    ended(&world.sync(&district).await.unwrap(), "unchanged");

    let (world, district, roster) = imported(OneRosterWay::ClassLinkProxy).await;
    let server = world.oneroster().unwrap();
    server.change_bearer(BearerChange::Revoke);
    failed(&world.sync(&district).await.unwrap(), "unauthorized");
    assert_eq!(world.roster(&district).await.unwrap(), roster);
    server.change_bearer(BearerChange::Restore);
    server.change_bearer(BearerChange::Rotate);
    let bearer = OneRosterWay::ClassLinkProxy.credentials(server);
    district.put_credentials(&bearer).await.unwrap();
    district.put_to_use().await.unwrap();
    ended(&world.sync(&district).await.unwrap(), "unchanged");
    assert_eq!(roster.len(), before.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn oneroster_a_partner_of_classlink_finds_new_bearers_and_needs_somebody_without_one() {
    let setup = Setup::of(PEOPLE).with_oneroster(Config::default());
    let world = World::with(setup).await.unwrap();
    let server = world.oneroster().unwrap();
    let tenant = District::bare(&world.operator, ADMIN_TENANT, "Maple Grove");
    let tenant = tenant.await.unwrap();
    let made = tenant.connect_classlink(&world.operator, "classlink", own_domain());
    let district = made.await.unwrap();
    ended(&world.sync(&district).await.unwrap(), "applied");
    let before = world.roster(&district).await.unwrap();
    server.change_bearer(BearerChange::Rotate);
    ended(&world.sync(&district).await.unwrap(), "unchanged");

    server.change_bearer(BearerChange::Revoke);
    failed(&world.sync(&district).await.unwrap(), "reconnect_needed");
    let shown = connection(&district).await;
    assert_eq!(shown["state"], "reconnect_needed", "{shown}");
    assert!(shown["attention"].is_string(), "{shown}");
    assert_eq!(world.roster(&district).await.unwrap(), before);
    server.change_bearer(BearerChange::Restore);
    district.put_to_use().await.unwrap();
    ended(&world.sync(&district).await.unwrap(), "unchanged");
}

#[tokio::test(flavor = "multi_thread")]
async fn oneroster_a_server_that_is_away_or_answers_with_a_web_page_changes_nothing() {
    let (mut world, district, before) = imported(OneRosterWay::OAuth1).await;
    let kept = stored(&world);
    let page = Fault::at("/ims/*", FaultKind::Html { status: 200 });
    world.oneroster().unwrap().faults().add(page);
    failed(
        &world.sync(&district).await.unwrap(),
        "provider_unavailable",
    );
    assert_eq!(stored(&world), kept);
    world.oneroster().unwrap().faults().clear();
    world.oneroster_is_up(false).await.unwrap();
    failed(
        &world.sync(&district).await.unwrap(),
        "provider_unavailable",
    );
    world.oneroster_is_up(true).await.unwrap();
    assert_eq!(stored(&world), kept);
    ended(&world.sync(&district).await.unwrap(), "unchanged");
    assert_eq!(world.roster(&district).await.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn oneroster_ids_that_are_all_new_hold_the_plan_and_lose_nobody() {
    let (world, district, before) = imported(OneRosterWay::OAuth2).await;
    change(
        &world,
        &Change::RegenerateIds {
            style: IdStyle::Guid,
        },
    );
    let held = world.sync(&district).await.unwrap();
    ended(&held, "held");
    assert!(!refusals(&held).is_empty(), "{held}");
    assert_eq!(world.roster(&district).await.unwrap(), before);
    let again = world.sync(&district).await.unwrap();
    ended(&again, "held");
    assert_eq!(world.roster(&district).await.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn oneroster_a_server_that_the_operator_does_not_list_is_not_asked() {
    let setup = Setup::of(20).with_oneroster(Config::default());
    let setup = setup.variable("oneroster_hosts", Some(""));
    let world = World::with(setup).await.unwrap();
    let server = world.oneroster().unwrap();
    let tenant = District::bare(&world.operator, ADMIN_TENANT, "Maple Grove");
    let tenant = tenant.await.unwrap();
    let made = tenant.connect_oneroster("sis", server, OneRosterWay::OAuth2, json!({}));
    let refused = made.await.unwrap_err().to_string();
    assert!(refused.contains("oneroster.way.base_url"), "{refused}");
    assert!(server.journal().is_empty());
}
