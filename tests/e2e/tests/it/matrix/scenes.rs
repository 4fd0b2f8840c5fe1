//! The districts on which rows are played.

use super::row::Act;
use super::scene::Scene;
use anyhow::ensure;
use driver::District;
use e2e::{Expected, World, expected_accounts, map_schools};
use fake_providers::google::{Change, FakeGoogle, MemberKey, MemberRole, Outcome};
use serde_json::json;
use std::collections::BTreeMap;

/// People of a district.
const PEOPLE: usize = 130;

/// Records of a page: the list of students has four pages.
const PAGE: usize = 30;

/// A district whose rules look at org units. Its lists are those of `/Staff` and `/Students`.
pub(crate) async fn by_org_unit() -> anyhow::Result<Scene> {
    let world = World::of(PEOPLE).await?;
    world.google.set_page_limit(Some(PAGE));
    let district = world.district().await?;
    map_schools(&district, &world.google).await?;
    let schools = world.google.district().schools();
    let home = schools
        .first()
        .map_or_else(String::new, |school| school.name.clone());
    let home = format!("/Students/{home}");
    let scene = Scene::import(world, district, expected_accounts, (home, None)).await?;
    let students = scene.students().len();
    ensure!(
        students.div_ceil(PAGE) == 4,
        "{students} students are not four pages"
    );
    Ok(scene)
}

/// The group of the students who have accounts where rules look at groups.
const LEARNERS: &str = "zz-learners@maplegrove.example";

/// How many they are: so few that the guard would not miss them.
const LEARNERS_COUNT: usize = 10;

/// Groups, or members, of a page: the group has three pages.
const SMALL_PAGE: usize = 4;

/// A district whose rules make students of the members of one group.
pub(crate) async fn by_group() -> anyhow::Result<Scene> {
    let (world, district) = with_learners().await?;
    let subject = json!({"kind": "group", "address": LEARNERS});
    let rule = json!({"subject": subject, "account_type": "student"});
    let path = district.connection_path("/rules/assignments");
    district.admin.post(&path, &rule).await?;
    learning(world, district).await
}

/// The same, by filter rules that look at every group.
pub(crate) async fn by_filter() -> anyhow::Result<Scene> {
    let (world, district) = with_learners().await?;
    district.assign("/Students", "student").await?;
    let path = district.connection_path("/rules/filters");
    let allowed = json!({"attribute": "groupsMembership", "condition": "CONTAINS",
        "expression": "learners", "status": "ALLOW", "at": 0});
    let blocked = json!({"attribute": "orgUnitPath", "condition": "STARTS_WITH",
        "expression": "/Students", "status": "BLOCK", "at": 1});
    for rule in [allowed, blocked] {
        district.admin.post(&path, &rule).await?;
    }
    learning(world, district).await
}

/// A world with the group, and a district whose staff has accounts.
async fn with_learners() -> anyhow::Result<(World, District)> {
    let world = World::of(PEOPLE).await?;
    let change = |change: &Change| world.google.change(change).map(drop);
    change(&Change::AddGroup {
        email: LEARNERS.to_owned(),
        name: "Learners".to_owned(),
    })?;
    let people = expected_accounts(&world.google).into_iter();
    let students = people.filter(|(_, person)| person.roles.contains("student"));
    for (address, _) in students.take(LEARNERS_COUNT) {
        change(&Change::AddMember {
            group: LEARNERS.to_owned(),
            member: address,
            role: MemberRole::Member,
        })?;
    }
    let district = world.district().await?;
    district.assign("/Staff", "teacher").await?;
    Ok((world, district))
}

/// Authorises what the rules need by now, and imports.
async fn learning(world: World, district: District) -> anyhow::Result<Scene> {
    world.google.set_groups_page_limit(Some(SMALL_PAGE));
    let consent = Outcome::allow(&world.google.accounts().super_admin);
    district.authorize(&world.google, &consent).await?;
    district.save().await?;
    let home = ("/Students".to_owned(), Some(LEARNERS.to_owned()));
    Scene::import(world, district, learners_and_staff, home).await
}

/// The staff, and those students who are in the group; nobody belongs to a school.
fn learners_and_staff(google: &FakeGoogle) -> BTreeMap<String, Expected> {
    let is_learner = |address: &str| {
        google.with_directory(|directory| {
            let group = directory.group(LEARNERS)?;
            let user = directory.user(address)?;
            Some(group.members.contains_key(&MemberKey::User(user.id)))
        })
    };
    let mut expected = expected_accounts(google);
    expected.retain(|address, person| {
        person.school = None;
        person.roles.contains("teacher") || is_learner(address) == Some(true)
    });
    expected
}

/// The administrator authorises the connection once more.
pub(crate) const AUTHORIZE: Act = |scene| Box::pin(async { authorize(scene).await });

/// The same, for those who are at it already.
pub(crate) async fn authorize(scene: &Scene) -> anyhow::Result<()> {
    let consent = Outcome::allow(&scene.world.google.accounts().super_admin);
    let district = &scene.district;
    district.authorize(&scene.world.google, &consent).await?;
    district.save().await.map(drop)
}
