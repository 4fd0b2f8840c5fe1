//! The district that is measured: how it is linked, and what reading it must cost.

use crate::source::TENANT;
use anyhow::Context;
use connectors::google::directory::USERS_PAGE_SIZE;
use driver::{Application, District, text};
use fake_providers::google::{Change, FakeGoogle, Outcome};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Above so many schools the staff are linked as one unit: a rule set has a largest size.
const STAFF_UNITS_MAX: usize = 150;

/// An org unit to link, with everything below it.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    /// Its path.
    pub(crate) path: String,
    /// The role of its people.
    role: &'static str,
    /// The name of the organization of its people, if it is one that a unit before made.
    shares: Option<String>,
}

/// The units that an administrator would link: each school's students and each school's staff.
pub(crate) fn units(google: &FakeGoogle, two_chains: bool) -> Vec<Unit> {
    let unit = |path: String, role, shares| Unit { path, role, shares };
    let schools = google.district().schools();
    let mut units = Vec::new();
    if two_chains {
        units.push(unit("/Students".to_owned(), "student", None));
    } else {
        units.extend(
            schools
                .iter()
                .map(|school| unit(format!("/Students/{}", school.name), "student", None)),
        );
    }
    if two_chains || schools.len() > STAFF_UNITS_MAX {
        units.push(unit("/Staff".to_owned(), "teacher", None));
    } else {
        units.extend(schools.iter().map(|school| {
            let path = format!("/Staff/{}", school.name);
            unit(path, "teacher", Some(school.name.clone()))
        }));
    }
    units
}

/// How many pages of people reading these units takes: each is a chain of its own, and one
/// without people still takes a call to know so.
pub(crate) fn pages_expected(google: &FakeGoogle, units: &[Unit]) -> u64 {
    google.with_directory(|directory| {
        let tree = directory.org_units();
        let mut people: BTreeMap<_, u64> = BTreeMap::new();
        for user in directory.users() {
            *people.entry(user.org_unit).or_default() += 1;
        }
        let tops = units.iter().filter_map(|unit| tree.find(&unit.path));
        tops.map(|top| {
            let below = tree.subtree(top);
            let listed: u64 = below.iter().filter_map(|unit| people.get(unit)).sum();
            listed.div_ceil(u64::from(USERS_PAGE_SIZE)).max(1)
        })
        .sum()
    })
}

/// Sets the tenant up from outside, up to a saved connection with every unit linked.
pub(crate) async fn set_up(
    operator: &Application,
    google: &FakeGoogle,
    units: &[Unit],
) -> anyhow::Result<District> {
    let shape = google.district().shape();
    let district = District::create(operator, TENANT, &shape.name, &shape.domain).await?;
    let outcome = Outcome::allow(&google.accounts().super_admin);
    district.authorize(google, &outcome).await?;
    let mut organizations: BTreeMap<String, String> = BTreeMap::new();
    for unit in units {
        let Some(shares) = &unit.shares else {
            district.link_new(&unit.path, unit.role).await?;
            continue;
        };
        if organizations.is_empty() {
            organizations = organizations_by_name(&district).await?;
        }
        let organization = organizations
            .get(shares)
            .with_context(|| format!("no organization was made for {shares}"))?;
        let body = json!({
            "unit": {"path": unit.path},
            "organization": organization,
            "include_sub_units": true,
            "role": unit.role,
        });
        let path = district.connection_path("/rules/links");
        district.admin.post(&path, &body).await?;
    }
    district.save().await?;
    Ok(district)
}

async fn organizations_by_name(district: &District) -> anyhow::Result<BTreeMap<String, String>> {
    let listed = district.all(&district.path("/organizations")).await?;
    let named = |organization: &Value| {
        let name = text(organization, "name")?.to_owned();
        anyhow::Ok((name, text(organization, "id")?.to_owned()))
    };
    listed.iter().map(named).collect()
}

/// Gives every hundredth person of the linked units another family name.
pub(crate) fn rename_some(google: &FakeGoogle, units: &[Unit]) -> anyhow::Result<()> {
    let chosen: Vec<String> = google.with_directory(|directory| {
        let tree = directory.org_units();
        let tops: Vec<_> = units
            .iter()
            .filter_map(|unit| tree.find(&unit.path))
            .collect();
        let linked: std::collections::BTreeSet<_> =
            tops.iter().flat_map(|top| tree.subtree(*top)).collect();
        let present = directory
            .users()
            .filter(|user| linked.contains(&user.org_unit) && !user.suspended && !user.archived);
        present
            .step_by(100)
            .map(|user| user.email.to_string())
            .collect()
    });
    for user in &chosen {
        google.change(&Change::RenameUser {
            user: user.clone(),
            email: None,
            given_name: None,
            family_name: Some("Newname".to_owned()),
        })?;
    }
    Ok(())
}
