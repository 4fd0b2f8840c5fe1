//! What a read is to cover.

use crate::clever::api::{Api, List};
use crate::clever::objects::UserRole;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a read is to cover, and how.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct FetchPlan {
    /// Whom to ask.
    pub api: Api,
    /// Clever's id of the district. A token for another one reads nothing.
    pub district: String,
    /// Whether contacts of students are read.
    pub guardians: bool,
    /// Whether terms, courses and sections are read.
    pub classes: bool,
    /// Domains of which the tenant has shown that they are the district's: Clever itself vouches
    /// for no address (C3).
    pub verified_domains: BTreeSet<String>,
    /// Requests under way at once, from 1 to [`crate::fetch::WINDOW_MAX`].
    pub window: u32,
    /// Decides the random part of waiting times, so that districts do not retry in step.
    pub seed: u64,
}

impl FetchPlan {
    /// The lists to read, in the order of their chains.
    pub(super) fn lists(&self) -> Vec<List> {
        let roles = UserRole::ALL.into_iter();
        let roles = roles.filter(|role| self.guardians || *role != UserRole::Contact);
        let classes = [List::Terms, List::Courses, List::Sections];
        let classes = classes.into_iter().filter(|_| self.classes);
        std::iter::once(List::Schools)
            .chain(roles.map(List::Users))
            .chain(classes)
            .collect()
    }
}
