//! The rules a district of schools makes, and the accounts that ought to follow from them.

use driver::{District, text};
use fake_providers::google::{FakeGoogle, OrgUnits};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// The domain of "Maple Grove".
pub const DOMAIN: &str = "maplegrove.example";

/// What is expected of one account.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Expected {
    /// Given name, to the letter.
    pub given_name: String,
    /// Family name, to the letter.
    pub family_name: String,
    /// The roles.
    pub roles: BTreeSet<&'static str>,
    /// The name of the organization, for those who belong to a school.
    pub school: Option<String>,
}

/// Makes students of everybody in `/Students` and teachers of everybody in `/Staff`, and links both
/// units of each school to one organization made from the first. Returns the ids of the
/// organizations by name.
pub async fn map_schools(
    district: &District,
    google: &FakeGoogle,
) -> anyhow::Result<BTreeMap<String, String>> {
    district.assign("/Students", "student").await?;
    district.assign("/Staff", "teacher").await?;
    let mut organizations = BTreeMap::new();
    for school in google.district().schools() {
        district
            .link_new(&format!("/Students/{}", school.name), "student")
            .await?;
    }
    for organization in district.all(&district.path("/organizations")).await? {
        let (name, id) = (text(&organization, "name")?, text(&organization, "id")?);
        let body = json!({
            "unit": {"path": format!("/Staff/{name}")},
            "organization": id,
            "include_sub_units": true,
            "role": "teacher",
        });
        let path = district.connection_path("/rules/links");
        district.admin.post(&path, &body).await?;
        organizations.insert(name.to_owned(), id.to_owned());
    }
    Ok(organizations)
}

/// The accounts that the rules of [`map_schools`] make of the directory as it is, by address.
pub fn expected_accounts(google: &FakeGoogle) -> BTreeMap<String, Expected> {
    google.with_directory(|directory| {
        let units: &OrgUnits = directory.org_units();
        let live = directory
            .users()
            .filter(|user| !user.suspended && !user.archived);
        live.filter_map(|user| {
            let path = units.path(user.org_unit);
            let (role, below) = if let Some(below) = path.strip_prefix("/Students") {
                ("student", below)
            } else {
                ("teacher", path.strip_prefix("/Staff")?)
            };
            let school = below
                .split('/')
                .nth(1)
                .filter(|name| *name != "District Office");
            let expected = Expected {
                given_name: user.given.to_string(),
                family_name: user.family.to_string(),
                roles: BTreeSet::from([role]),
                school: school.map(str::to_owned),
            };
            Some((user.email.to_string(), expected))
        })
        .collect()
    })
}
