//! Rules about the schools of sources that state them themselves (SPEC sections 4 and 5): which
//! schools are taken over, and which organization stands for each.
//!
//! Links come first, by the school's id and then by its name. With [`SchoolChoice::All`] a school
//! that no link names is tied to the organization of the same name, or gets one of its own, whose
//! id is derived: asking again gives the same.

use super::{EditError, NAME_BYTES_MAX, RuleSet};
use crate::ids::{ExternalId, OrganizationId, RuleId};
use crate::schooling::{School, SchoolKind};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Which schools of the source are taken over.
#[derive(
    Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum SchoolChoice {
    /// Every school that the source shows.
    All,
    /// The schools that links name.
    Chosen,
    /// None: what the source says of schools and roles is not used.
    #[default]
    None,
}

/// What a source that states schools and roles itself makes of people.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchoolRules {
    /// Which schools.
    #[serde(default)]
    pub take: SchoolChoice,
    /// The organizations that stand for schools.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<SchoolLink>,
}

/// An organization stands for a school.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchoolLink {
    /// Its id, given by the caller.
    pub id: RuleId,
    /// The school.
    pub school: SchoolRef,
    /// The organization.
    pub organization: OrganizationId,
}

/// A school as a rule names it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SchoolRef {
    /// By the provider's id.
    Id(ExternalId),
    /// By its name, without regard to case and to space around it. A name that several schools
    /// have names none of them.
    Name(String),
}

/// What became of one school.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SchoolPlace {
    /// It is no school but an office above or beside them that no link names: roles stated for it
    /// count for the whole district.
    District,
    /// Its people are members of this organization.
    Organization {
        /// The organization.
        id: OrganizationId,
        /// The link that says so; `None` when every school is taken.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        link: Option<RuleId>,
    },
}

/// What became of the schools of one snapshot. A school that is not named is not taken over.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct SchoolPlaces {
    /// True when a role counts even in a school that the source names but does not show: where
    /// every school is taken, nobody loses their account because a list of schools was filtered.
    #[serde(default)]
    pub takes_unshown: bool,
    /// By the provider's id.
    pub schools: BTreeMap<ExternalId, SchoolPlace>,
    /// Organizations that are to be made, with their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub new: BTreeMap<OrganizationId, String>,
}

impl SchoolRules {
    /// True when people may be taken over by what the source says of schools and roles.
    pub fn is_in_use(&self) -> bool {
        match self.take {
            SchoolChoice::All => true,
            SchoolChoice::Chosen => !self.links.is_empty(),
            SchoolChoice::None => false,
        }
    }

    /// Says which organization stands for each school of a snapshot. `organizations` are those of
    /// the tenant with their names; `derive` gives the id of an organization that is made for a
    /// school, the same each time.
    pub fn place(
        &self,
        schools: &[School],
        organizations: &BTreeMap<OrganizationId, String>,
        derive: impl Fn(&ExternalId) -> OrganizationId,
    ) -> SchoolPlaces {
        let mut places = SchoolPlaces {
            takes_unshown: self.take == SchoolChoice::All,
            ..SchoolPlaces::default()
        };
        if !self.is_in_use() {
            return places;
        }
        let mut by_name: BTreeMap<String, OrganizationId> = organizations
            .iter()
            .map(|(id, name)| (folded(name), id.clone()))
            .collect();
        let shared = shared_names(schools);
        // Older schools first, whatever order they came in: names are given out alike each time.
        let ordered: BTreeMap<&ExternalId, &School> =
            schools.iter().map(|school| (&school.id, school)).collect();
        for (id, school) in ordered {
            let place = match self.link_of(school, &shared) {
                Some(link) => SchoolPlace::Organization {
                    id: link.organization.clone(),
                    link: Some(link.id.clone()),
                },
                None if school.kind != SchoolKind::School => SchoolPlace::District,
                None if self.take == SchoolChoice::Chosen => continue,
                None => {
                    let own = derive(id);
                    let known = organizations.contains_key(&own).then(|| own.clone());
                    let namesake = || by_name.get(&folded(&school.name)).cloned();
                    let is_shared = shared.contains(&folded(&school.name));
                    let organization = known.or_else(|| (!is_shared).then(namesake).flatten());
                    let organization = organization.unwrap_or_else(|| {
                        let name = free_name(school, &by_name);
                        by_name.insert(folded(&name), own.clone());
                        places.new.insert(own.clone(), name);
                        own
                    });
                    SchoolPlace::Organization {
                        id: organization,
                        link: None,
                    }
                }
            };
            places.schools.insert(id.clone(), place);
        }
        places
    }

    fn link_of(&self, school: &School, shared: &BTreeSet<String>) -> Option<&SchoolLink> {
        let by_id =
            |link: &&SchoolLink| matches!(&link.school, SchoolRef::Id(id) if *id == school.id);
        let name = folded(&school.name);
        let by_name = |link: &&SchoolLink| match &link.school {
            SchoolRef::Id(_) => false,
            SchoolRef::Name(wanted) => folded(wanted) == name && !shared.contains(&name),
        };
        (self.links.iter().find(by_id)).or_else(|| self.links.iter().find(by_name))
    }
}

impl RuleSet {
    /// Adds a school link, or replaces the one with this id.
    pub fn put_school_link(&mut self, link: SchoolLink) -> Result<(), EditError> {
        self.edit(|rules| {
            let links = &mut rules.schools.links;
            match links.iter_mut().find(|known| known.id == link.id) {
                Some(known) => *known = link,
                None => links.push(link),
            }
            Ok(())
        })
    }

    /// Removes a school link.
    pub fn remove_school_link(&mut self, id: &RuleId) -> Result<(), EditError> {
        self.edit(|rules| {
            let before = rules.schools.links.len();
            rules.schools.links.retain(|link| link.id != *id);
            if rules.schools.links.len() == before {
                return Err(EditError::Unknown { id: id.clone() });
            }
            Ok(())
        })
    }

    /// Says which schools are taken over.
    pub fn take_schools(&mut self, take: SchoolChoice) -> Result<(), EditError> {
        self.edit(|rules| {
            rules.schools.take = take;
            Ok(())
        })
    }

    pub(super) fn validate_schools(&self) -> Result<(), EditError> {
        let mut seen = BTreeSet::new();
        for link in &self.schools.links {
            let key = match &link.school {
                SchoolRef::Id(id) => (true, id.as_str().to_owned()),
                SchoolRef::Name(name) => {
                    super::validate::validate_text(&link.id, "name", name, NAME_BYTES_MAX)?;
                    (false, folded(name))
                }
            };
            if !seen.insert(key) {
                return Err(EditError::SchoolTwice {
                    id: link.id.clone(),
                });
            }
        }
        Ok(())
    }
}

/// Names that more than one school has.
fn shared_names(schools: &[School]) -> BTreeSet<String> {
    let mut once = BTreeMap::new();
    let mut shared = BTreeSet::new();
    for school in schools {
        let name = folded(&school.name);
        if *once.entry(name.clone()).or_insert(&school.id) != &school.id {
            shared.insert(name);
        }
    }
    shared
}

/// The school's name, told apart from others that have it by the school's number or id.
fn free_name(school: &School, taken: &BTreeMap<String, OrganizationId>) -> String {
    let name = school.name.trim();
    let plain = if name.is_empty() {
        school.id.as_str()
    } else {
        name
    };
    let numbered = school
        .identifier
        .as_deref()
        .map(|number| format!("{plain} ({number})"));
    let candidates = [Some(plain.to_owned()), numbered].into_iter().flatten();
    let is_free = |name: &String| !taken.contains_key(&folded(name));
    candidates
        .into_iter()
        .find(is_free)
        .unwrap_or_else(|| format!("{plain} ({})", school.id))
}

fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}
