//! The districts on which rows are played.

use super::row::Act;
use super::scene::Scene;
use anyhow::ensure;
use e2e::{World, expected_accounts, map_schools};
use fake_providers::google::Outcome;

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

/// The administrator authorises the connection once more.
pub(crate) const AUTHORIZE: Act = |scene| Box::pin(async { authorize(scene).await });

/// The same, for those who are at it already.
pub(crate) async fn authorize(scene: &Scene) -> anyhow::Result<()> {
    let consent = Outcome::allow(&scene.world.google.accounts().super_admin);
    let district = &scene.district;
    district.authorize(&scene.world.google, &consent).await?;
    district.save().await.map(drop)
}
