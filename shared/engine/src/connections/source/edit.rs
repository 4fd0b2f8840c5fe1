//! Changes of what is set for a provider; what is absent stays.

use super::{
    CleverSettings, CleverVersion, DistrictId, EMAIL_DOMAINS_MAX, Extent, OneRosterSettings,
    OneRosterVersion, Way,
};
use crate::connections::{ConnectionError, Domain};
use serde::Deserialize;
use std::collections::BTreeSet;

/// A change of what is read.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct ExtentEdit {
    /// As in [`Extent`].
    #[serde(default)]
    pub guardians: Option<bool>,
    /// As in [`Extent`].
    #[serde(default)]
    pub classes: Option<bool>,
    /// As in [`Extent`]; replaces all.
    #[serde(default)]
    pub email_domains: Option<BTreeSet<Domain>>,
}

impl ExtentEdit {
    pub(crate) fn apply(&self, extent: &mut Extent) -> Result<(), ConnectionError> {
        let domains = self.email_domains.as_ref();
        if domains.is_some_and(|domains| domains.len() > EMAIL_DOMAINS_MAX) {
            return Err(ConnectionError::Invalid {
                field: "email_domains",
                reason: format!("at most {EMAIL_DOMAINS_MAX} domains"),
            });
        }
        set(&mut extent.guardians, self.guardians.as_ref());
        set(&mut extent.classes, self.classes.as_ref());
        set(&mut extent.email_domains, domains);
        Ok(())
    }
}

/// A change of what is set for Clever.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct CleverEdit {
    /// As in [`CleverSettings`]; the operator's to change.
    #[serde(default)]
    pub district: Option<DistrictId>,
    /// As in [`CleverSettings`].
    #[serde(default)]
    pub version: Option<CleverVersion>,
    /// As in [`Extent`].
    #[serde(default)]
    pub guardians: Option<bool>,
    /// As in [`Extent`].
    #[serde(default)]
    pub classes: Option<bool>,
    /// As in [`Extent`]; replaces all.
    #[serde(default)]
    pub email_domains: Option<BTreeSet<Domain>>,
}

impl CleverEdit {
    pub(crate) fn apply(&self, clever: &mut CleverSettings) -> Result<(), ConnectionError> {
        if self.district.is_some() {
            clever.district.clone_from(&self.district);
        }
        set(&mut clever.version, self.version.as_ref());
        let extent = ExtentEdit {
            guardians: self.guardians,
            classes: self.classes,
            email_domains: self.email_domains.clone(),
        };
        extent.apply(&mut clever.extent)
    }
}

/// A change of what is set for OneRoster.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct OneRosterEdit {
    /// As in [`OneRosterSettings`].
    #[serde(default)]
    pub version: Option<OneRosterVersion>,
    /// As in [`OneRosterSettings`]; replaced as a whole.
    #[serde(default)]
    pub way: Option<Way>,
    /// As in [`Extent`].
    #[serde(default)]
    pub guardians: Option<bool>,
    /// As in [`Extent`].
    #[serde(default)]
    pub classes: Option<bool>,
    /// As in [`Extent`]; replaces all.
    #[serde(default)]
    pub email_domains: Option<BTreeSet<Domain>>,
}

impl OneRosterEdit {
    pub(crate) fn apply(&self, oneroster: &mut OneRosterSettings) -> Result<(), ConnectionError> {
        set(&mut oneroster.version, self.version.as_ref());
        set(&mut oneroster.way, self.way.as_ref());
        let extent = ExtentEdit {
            guardians: self.guardians,
            classes: self.classes,
            email_domains: self.email_domains.clone(),
        };
        extent.apply(&mut oneroster.extent)
    }
}

fn set<T: Clone>(value: &mut T, new: Option<&T>) {
    if let Some(new) = new {
        value.clone_from(new);
    }
}
