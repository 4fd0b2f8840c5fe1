//! What a read is to cover.

use crate::base_url::BaseUrl;
use crate::google::directory::Population;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A linked org unit.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct UnitScope {
    /// Google's id of the unit, if it was kept when the unit was linked: it survives renaming.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The full path when the unit was linked. Used to find the unit when `id` is absent, and
    /// compared without regard to case.
    pub path: String,
    /// Whether the people of the units below count too.
    pub include_sub_units: bool,
}

/// Which people a read covers.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitScopes {
    /// Everybody.
    Everyone,
    /// The people of these units. An empty list fails the read: nothing must not look like nobody.
    Units(Vec<UnitScope>),
}

/// Which groups a read covers.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupScope {
    /// Every group of the population.
    All,
    /// The groups with these addresses. Members carry the address as it is named here, so that an
    /// alias keeps working.
    Named(BTreeSet<String>),
    /// No group: no rule needs one.
    None,
}

/// What a read is to cover, and how.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct FetchPlan {
    /// Where the Directory API answers; [`crate::google::directory::DIRECTORY_URL`] is the real
    /// host.
    pub base_url: BaseUrl,
    /// The customer or one domain.
    pub population: Population,
    /// Which people.
    pub units: UnitScopes,
    /// Which groups.
    pub groups: GroupScope,
    /// Requests under way at once, from 1 to [`crate::fetch::WINDOW_MAX`];
    /// [`crate::fetch::WINDOW_DEFAULT`] unless there is a reason.
    pub window: u32,
    /// Decides the random part of waiting times, so that districts do not retry in step.
    pub seed: u64,
}

/// What is to be read once the tree is known.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) units: UnitScopes,
    pub(super) groups: GroupScope,
}
